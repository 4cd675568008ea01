//! Files that are made from the code: each must be what the code says today. `UPDATE_GENERATED=1` writes them anew.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::fmt::Write as _;
use std::path::Path;

use autoskillit::catalog::{KITCHEN, ParamKind, ToolDecl, steps, unbuilt};
use autoskillit::cli::completions;
use autoskillit::config::edit::render;
use autoskillit::config::kind::{Item, Kind};
use autoskillit::config::table::{Default, KEYS, UNUSED};
use autoskillit::execution::environment::{DROPPED, MINIMAL};
use autoskillit::recipe::check::{ALIASES, CODES, families};
use autoskillit::recipe::keys::TABLES;
use clap_complete::Shell;

fn kind(kind: ParamKind) -> &'static str {
    match kind {
        ParamKind::String => "text",
        ParamKind::Path => "path",
        ParamKind::Bool => "true or false",
        ParamKind::Number => "number",
        ParamKind::Seconds => "seconds, or `90s`, `10m`, `2h`",
        ParamKind::StringList => "list of texts",
        ParamKind::StringMap => "mapping of texts",
        ParamKind::List => "list",
        ParamKind::Any => "any value",
        ParamKind::Shell => "shell text",
    }
}

fn tools() -> String {
    let mut page =
        String::from("# Tools\n\nWhat a step can call with `tool:`. This page is made from `src/catalog`.\n");
    describe(&mut page, steps(), "result.");
    page.push_str(
        "\n# Tools of a served kitchen\n\n`autoskillit serve` offers the tools above and these. At the start only `open_kitchen` and \
         `close_kitchen` are there, the rest when the kitchen is open. Sessions that steps run are \
         given no server; one that is started within them all the same, by a client of their own, sees `AUTOSKILLIT_HEADLESS=1` and offers \
         `test_check` and nothing else.\n",
    );
    describe(&mut page, KITCHEN, "");
    page.push_str(
        "\n# Tools that do not run yet\n\nRecipes that call these load and are checked; a run of such a recipe is refused before its first step, \
         with the steps that call them. The same holds for a step that calls a tool of the served kitchen.\n",
    );
    describe(&mut page, unbuilt(), "result.");
    page
}

/// Text in a table, where a bar would end the cell, also in code.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn describe<'a>(page: &mut String, tools: impl IntoIterator<Item = &'a ToolDecl>, prefix: &str) {
    for tool in tools {
        let _ = write!(page, "\n## `{}`\n\n{}\n\nFails when {}.\n", tool.name, tool.summary, tool.fails_when);
        if !tool.params.is_empty() {
            page.push_str("\n| parameter | type | meaning |\n|---|---|---|\n");
        }
        for param in tool.params {
            let required = if param.required { " (required)" } else { "" };
            let _ = writeln!(
                page,
                "| `{}`{required} | {} | {} |",
                param.name,
                kind(param.kind),
                cell(param.summary)
            );
        }
        let of = if prefix.is_empty() { "answer".to_owned() } else { format!("`{prefix}`") };
        let _ = write!(page, "\n| {of} | holds |\n|---|---|\n");
        for field in tool.results {
            let choices: Vec<String> = field.choices.iter().map(|choice| format!("`{choice}`")).collect();
            let choices =
                if choices.is_empty() { String::new() } else { format!(": {}", choices.join(", ")) };
            let _ = writeln!(page, "| `{}` | {}{choices} |", field.name, cell(field.summary));
        }
        if tool.open_result && !prefix.is_empty() {
            page.push_str("\nBeside these, `result` has the outputs that the skill declares.\n");
        }
    }
}

fn rules() -> String {
    let mut page = String::from(
        "# Rules for recipes\n\nThis page is made from `src/recipe/check/rules`. `autoskillit recipes check` tells what they find.\n\n\
         A finding that is right as it is can be allowed, at the top of a recipe or on a step, with the reason: \
         `allow: {dead-output: the journal is read by a script}`. An `allow:` that allows nothing is told. \
         \"0.9\" is how a finding is taken in a recipe written for AutoSkillit 0.9. Examples leave out `name` and `description`.\n\n\
         Rules look at the steps of `for_each` and `finally` as well; what is allowed on a loop is allowed for its steps. A recipe with sub-recipes is \
         checked file by file and then as a whole: loops, values and ways that lead through a call are told in the file of the step that they are about.\n",
    );
    for family in families() {
        let _ = write!(page, "\n## {}\n\n| rule | level | 0.9 | finds |\n|---|---|---|---|\n", family.name);
        for rule in family.rules {
            let (level, legacy) = (rule.level.name(), rule.legacy.name());
            let _ = writeln!(page, "| `{}` | {level} | {legacy} | {} |", rule.id, cell(rule.meaning));
        }
        for rule in family.rules {
            let _ = write!(page, "\n### `{}`\n\n{}\n\nTo mend it, {}.\n", rule.id, rule.why, rule.mend);
            for (what, examples) in [("Found", rule.bad), ("Not found", rule.good)] {
                for example in examples {
                    let _ = write!(page, "\n{what}:\n\n```yaml\n{example}```\n");
                }
            }
        }
    }
    page.push_str(
        "\n## Names of AutoSkillit 0.9\n\nWhat its rules of these names found is told here under another name. `recipes.rules`, `allow:` and \
         `--explain` take both.\n\n| name | here | finds |\n|---|---|---|\n",
    );
    for alias in ALIASES {
        let _ = writeln!(page, "| `{}` | `{}` | {} |", alias.id, alias.means, cell(alias.meaning));
    }
    page.push_str(
        "\n## Problems of the text\n\nThese are no rules: they say what is wrong with a file itself. An error among them stays one, because \
         what is faulty is left out of the recipe. What is told as a warning can be allowed, or made an error or `off` by `recipes.rules`.\n\n\
         | name | says | to mend it |\n|---|---|---|\n",
    );
    for code in CODES {
        let _ = writeln!(page, "| `{}` | {} | {} |", code.id, cell(code.meaning), cell(code.mend));
    }
    page
}

fn environment() -> String {
    let mut page = String::from(
        "# The environment of sessions\n\nThis page is made from `src/execution/environment.rs`. A `*` stands for the rest of a name.\n\n\
         With `session.env.mode: inherit` (the default) a session sees the user's environment without these, unless \
         `session.env.pass` names them:\n\n| variable | why it is dropped |\n|---|---|\n",
    );
    for dropped in DROPPED {
        let _ = writeln!(page, "| `{}` | {} |", dropped.name, dropped.why);
    }
    page.push_str("\nWith `session.env.mode: minimal` it sees only these of the rest, and what `session.env.pass` names:\n\n");
    let names: Vec<String> = MINIMAL.iter().map(|name| format!("`{name}`")).collect();
    let _ = writeln!(page, "{}", names.join(", "));
    page
}

fn settings() -> String {
    let mut page = String::from(
        "# Settings\n\nThis page is made from `src/config/table.rs`.\n\n\
         Each layer overrides the ones above it, key by key; `autoskillit config show --origin` says which one counts:\n\n\
         | layer | place | secrets |\n|---|---|---|\n\
         | defaults | below | |\n\
         | yours | `$XDG_CONFIG_HOME/autoskillit/config.yaml`, else `~/.config/autoskillit/config.yaml` | no |\n\
         | your secrets | `.secrets.yaml` beside it | yes |\n\
         | the repository's | `.autoskillit/config.yaml` at its top | no |\n\
         | your secrets for the repository | `.autoskillit/.secrets.yaml`; only you should be able to read it (mode 0600) | yes |\n\
         | environment | `AUTOSKILLIT_SECTION__KEY`, such as `AUTOSKILLIT_RUN_SKILL__TIMEOUT=1h` | yes |\n\
         | command line | `--config run_skill.timeout=1h`, for every command | no |\n\n\
         In variables and on the command line a value is read by the type of its setting: `yes`, `on`, `1`, `no`, `off`, `0` are \
         accepted for `true` and `false`; a list is `a,b` or JSON; nothing, or `null`, takes an optional value away.\n\n\
         `autoskillit config set run_skill.timeout 1h` changes one value of a file and keeps the rest as it is; \
         `autoskillit config schema` prints a JSON Schema for editors, and `autoskillit init` puts it beside the repository's file \
         as `config.schema.json`, named in the file's first line: it works without a network and in every clone, so commit both. `version` at the top of a file is accepted.\n",
    );
    let mut section = "";
    for key in KEYS {
        let own = key.path().next().unwrap_or_default();
        if own != section {
            section = own;
            let _ = write!(
                page,
                "\n## `{section}`\n\n| setting | value | default | meaning |\n|---|---|---|---|\n"
            );
        }
        let default = match key.default {
            Default::Nothing(then) => then.to_owned(),
            other => format!("`{}`", render(&other.value())),
        };
        let secret = if key.secret { " A secret." } else { "" };
        let _ =
            writeln!(page, "| `{}` | {} | {default} | {}{secret} |", key.name, value(key.kind), key.summary);
        let choices = match key.kind {
            Kind::OneOf(choices) | Kind::List(Item::OneOf(choices)) => choices,
            _ => &[],
        };
        for choice in choices {
            let _ = writeln!(page, "| | `{}` | | {} |", choice.name, choice.summary);
        }
    }
    page.push_str("\n## Known and not used\n\nFiles that have these load, with a warning for each:\n\n");
    let unused: Vec<String> = UNUSED.iter().map(|name| format!("`{name}`")).collect();
    let _ = writeln!(page, "{}", unused.join(", "));
    page
}

fn value(kind: Kind) -> String {
    match kind {
        Kind::OneOf(_) => "one of:".to_owned(),
        Kind::List(Item::OneOf(_)) => "a list of:".to_owned(),
        Kind::Text => "a text".to_owned(),
        other => other.expected(),
    }
}

/// The page of the language with its tables of keys, which stand between two marks.
fn language() -> String {
    const BEGIN: &str = "<!-- keys: made from src/recipe/keys.rs -->\n";
    const END: &str = "<!-- end of keys -->\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/recipe-language.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let mut tables = String::new();
    for table in TABLES {
        let _ = write!(tables, "\n### Keys of {}\n\n| key | value | meaning |\n|---|---|---|\n", table.what);
        for key in table.keys {
            let required = if table.required.contains(&key.name) { " (required)" } else { "" };
            let legacy = if key.legacy { " Only in recipes of 0.9." } else { "" };
            let words = cell(&key.shape.words());
            let _ =
                writeln!(tables, "| `{}`{required} | {words} | {}{legacy} |", key.name, cell(key.summary));
        }
    }
    format!("{before}{BEGIN}{tables}\n{END}{after}")
}

/// The man page of a command and those of its subcommands.
fn man(command: &clap::Command, pages: &mut Vec<(String, String)>) {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    // A page has room for what the short help leaves out.
    let whole = command.clone().mut_args(|arg| arg.hide_short_help(false));
    let source = concat!("autoskillit ", env!("CARGO_PKG_VERSION"));
    let mut page = Vec::new();
    clap_mangen::Man::new(whole).source(source).render(&mut page).unwrap();
    pages.push((format!("man/{name}.1"), String::from_utf8(page).unwrap()));
    for subcommand in command.get_subcommands() {
        man(subcommand, pages);
    }
}

/// Every generated file of the repository, with its text.
fn generated() -> Vec<(String, String)> {
    let mut pages = [
        ("docs/tools.md", tools()),
        ("docs/environment.md", environment()),
        ("docs/recipe-rules.md", rules()),
        ("docs/settings.md", settings()),
        ("docs/recipe-language.md", language()),
    ]
    .map(|(name, text)| (name.to_owned(), text))
    .to_vec();
    for (shell, file) in [(Shell::Elvish, "autoskillit.elv"), (Shell::PowerShell, "autoskillit.ps1")] {
        pages.push((format!("completions/{file}"), completions::script(shell)));
    }
    let mut command = autoskillit::cli::definition();
    command.build();
    man(&command, &mut pages);
    pages
}

#[test]
fn generated_files_say_what_the_code_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut stale = Vec::new();
    for (name, text) in generated() {
        let path = root.join(&name);
        if std::env::var_os("UPDATE_GENERATED").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        if std::fs::read_to_string(&path).unwrap_or_default() != text {
            stale.push(name);
        }
    }
    assert!(stale.is_empty(), "stale: {stale:?}; run `UPDATE_GENERATED=1 cargo test --test generated`");
}

#[test]
fn no_generated_file_is_left_over() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names: Vec<String> = generated().into_iter().map(|(name, _)| name).collect();
    for entry in std::fs::read_dir(root.join("man")).unwrap() {
        let name = format!("man/{}", entry.unwrap().file_name().to_string_lossy());
        assert!(names.contains(&name), "{name} is of no command any more");
    }
}
