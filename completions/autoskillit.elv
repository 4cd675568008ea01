
use builtin;
use str;

set edit:completion:arg-completer[autoskillit] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'autoskillit'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'autoskillit'= {
            cand --color 'When to use colours'
            cand -C 'Work in the repository of this folder instead of the current one'
            cand --directory 'Work in the repository of this folder instead of the current one'
            cand --config 'Set a setting for this command'
            cand -q 'Say only how it ended'
            cand --quiet 'Say only how it ended'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
            cand cook 'Run a recipe to a truthful end, or go on with a run'
            cand recipes 'List, show and check recipes'
            cand runs 'List and show runs of this repository'
            cand config 'Show, change and check settings'
            cand doctor 'Say what is wrong here and how to mend it'
            cand completions 'Print the completion script of a shell'
        }
        &'autoskillit;cook'= {
            cand --set 'Set an ingredient; the same as KEY=VALUE'
            cand --resume 'Go on with a run: its id, a part of it, or the last one that did not finish'
            cand --rehearse 'Play the sessions from a scenario, in a scratch copy: the recipe''s own, or a name or file'
            cand --pace 'Length of a rehearsal''s pauses: 0 plays without, 2 twice as slow'
            cand --color 'When to use colours'
            cand -C 'Work in the repository of this folder instead of the current one'
            cand --directory 'Work in the repository of this folder instead of the current one'
            cand --config 'Set a setting for this command'
            cand --allow-dirty 'Cook although the checkout has uncommitted changes'
            cand --json 'Print the run''s events as JSON lines'
            cand -q 'Say only how it ended'
            cand --quiet 'Say only how it ended'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'autoskillit;recipes'= {
            cand --color 'When to use colours'
            cand -C 'Work in the repository of this folder instead of the current one'
            cand --directory 'Work in the repository of this folder instead of the current one'
            cand --config 'Set a setting for this command'
            cand -q 'Say only how it ended'
            cand --quiet 'Say only how it ended'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand list 'List the recipes that can be cooked here'
            cand show 'Show a recipe: its ingredients, steps and routes'
            cand check 'Check recipes and say what is wrong, with place and mend'
        }
        &'autoskillit;recipes;list'= {
            cand --color 'When to use colours'
            cand -C 'Work in the repository of this folder instead of the current one'
            cand --directory 'Work in the repository of this folder instead of the current one'
            cand --config 'Set a setting for this command'
            cand --json 'Print JSON'
            cand -q 'Say only how it ended'
            cand --quiet 'Say only how it ended'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'autoskillit;recipes;show'= {
            cand --color 'When to use colours'
            cand -C 'Work in the repository of this folder instead of the current one'
            cand --directory 'Work in the repository of this folder instead of the current one'
            cand --config 'Set a setting for this command'
            cand --json 'Print JSON'
            cand -q 'Say only how it ended'
            cand --quiet 'Say only how it ended'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'autoskillit;recipes;check'= {
            cand --color 'When to use colours'
            cand -C 'Work in the repository of this folder instead of the current one'
            cand --directory 'Work in the repository of this folder instead of the current one'
            cand --config 'Set a setting for this command'
            cand --json 'Print JSON'
            cand -q 'Say only how it ended'
            cand --quiet 'Say only how it ended'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'autoskillit;runs'= {
            cand --color 'When to use colours'
            cand -C 'Work in the repository of this folder instead of the current one'
            cand --directory 'Work in the repository of this folder instead of the current one'
            cand --config 'Set a setting for this command'
            cand -q 'Say only how it ended'
            cand --quiet 'Say only how it ended'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand list 'List the runs, the newest first'
            cand show 'Show what happened in a run'
        }
        &'autoskillit;runs;list'= {
            cand -n 'At most this many'
            cand --limit 'At most this many'
            cand --color 'When to use colours'
            cand -C 'Work in the repository of this folder instead of the current one'
            cand --directory 'Work in the repository of this folder instead of the current one'
            cand --config 'Set a setting for this command'
            cand --json 'Print JSON'
            cand -q 'Say only how it ended'
            cand --quiet 'Say only how it ended'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'autoskillit;runs;show'= {
            cand --color 'When to use colours'
            cand -C 'Work in the repository of this folder instead of the current one'
            cand --directory 'Work in the repository of this folder instead of the current one'
            cand --config 'Set a setting for this command'
            cand --json 'Print the journal as JSON lines'
            cand -q 'Say only how it ended'
            cand --quiet 'Say only how it ended'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'autoskillit;config'= {
            cand --color 'When to use colours'
            cand -C 'Work in the repository of this folder instead of the current one'
            cand --directory 'Work in the repository of this folder instead of the current one'
            cand --config 'Set a setting for this command'
            cand -q 'Say only how it ended'
            cand --quiet 'Say only how it ended'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand show 'Show all settings as they are in effect here'
            cand get 'Print the value of one setting'
            cand set 'Set a value in the settings file of the repository'
            cand path 'List the settings files, the weakest first'
            cand schema 'Print the JSON Schema of settings files'
            cand validate 'Check everything that sets something, and say what is wrong, with place and mend'
        }
        &'autoskillit;config;show'= {
            cand --color 'When to use colours'
            cand -C 'Work in the repository of this folder instead of the current one'
            cand --directory 'Work in the repository of this folder instead of the current one'
            cand --config 'Set a setting for this command'
            cand --origin 'Say where each value comes from'
            cand --json 'Print JSON'
            cand -q 'Say only how it ended'
            cand --quiet 'Say only how it ended'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'autoskillit;config;get'= {
            cand --color 'When to use colours'
            cand -C 'Work in the repository of this folder instead of the current one'
            cand --directory 'Work in the repository of this folder instead of the current one'
            cand --config 'Set a setting for this command'
            cand --reveal 'Print a secret instead of a mask'
            cand --json 'Print JSON'
            cand -q 'Say only how it ended'
            cand --quiet 'Say only how it ended'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'autoskillit;config;set'= {
            cand --color 'When to use colours'
            cand -C 'Work in the repository of this folder instead of the current one'
            cand --directory 'Work in the repository of this folder instead of the current one'
            cand --config 'Set a setting for this command'
            cand --user 'In your own settings file instead'
            cand -q 'Say only how it ended'
            cand --quiet 'Say only how it ended'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'autoskillit;config;path'= {
            cand --color 'When to use colours'
            cand -C 'Work in the repository of this folder instead of the current one'
            cand --directory 'Work in the repository of this folder instead of the current one'
            cand --config 'Set a setting for this command'
            cand --json 'Print JSON'
            cand -q 'Say only how it ended'
            cand --quiet 'Say only how it ended'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'autoskillit;config;schema'= {
            cand --color 'When to use colours'
            cand -C 'Work in the repository of this folder instead of the current one'
            cand --directory 'Work in the repository of this folder instead of the current one'
            cand --config 'Set a setting for this command'
            cand -q 'Say only how it ended'
            cand --quiet 'Say only how it ended'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'autoskillit;config;validate'= {
            cand --color 'When to use colours'
            cand -C 'Work in the repository of this folder instead of the current one'
            cand --directory 'Work in the repository of this folder instead of the current one'
            cand --config 'Set a setting for this command'
            cand --json 'Print JSON'
            cand -q 'Say only how it ended'
            cand --quiet 'Say only how it ended'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'autoskillit;doctor'= {
            cand --color 'When to use colours'
            cand -C 'Work in the repository of this folder instead of the current one'
            cand --directory 'Work in the repository of this folder instead of the current one'
            cand --config 'Set a setting for this command'
            cand --fix 'Mend what is ours and safe to mend, and say what was changed'
            cand --json 'Print JSON'
            cand -q 'Say only how it ended'
            cand --quiet 'Say only how it ended'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'autoskillit;completions'= {
            cand --color 'When to use colours'
            cand -C 'Work in the repository of this folder instead of the current one'
            cand --directory 'Work in the repository of this folder instead of the current one'
            cand --config 'Set a setting for this command'
            cand -q 'Say only how it ended'
            cand --quiet 'Say only how it ended'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
    ]
    $completions[$command]
}
