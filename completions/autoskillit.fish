# fish completion for autoskillit. The program says what fits: a line for each, its text, a tab, what it is.

function __autoskillit_complete
    set -l words (commandline --current-process --tokenize --cut-at-cursor)
    set -l current (commandline --current-token --cut-at-cursor)
    # Homes of users are fish's to complete.
    if string match --quiet -- '~*' "$current"
        __fish_complete_path "$current"
    else
        autoskillit __complete (count $words) $words "$current" 2>/dev/null
    end
end

complete --command autoskillit --no-files --keep-order --arguments '(__autoskillit_complete)'
