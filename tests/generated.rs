//! Pages that are made from the code: each must be what the code says today. `UPDATE_GENERATED=1` writes them anew.

use std::fmt::Write as _;
use std::path::Path;

use autoskillit::catalog::{ParamKind, TOOLS};
use autoskillit::execution::environment::{DROPPED, MINIMAL};

fn kind(kind: ParamKind) -> &'static str {
    match kind {
        ParamKind::String => "text",
        ParamKind::Path => "path",
        ParamKind::Bool => "true or false",
        ParamKind::Seconds => "seconds, or `90s`, `10m`, `2h`",
        ParamKind::StringList => "list of texts",
        ParamKind::StringMap => "mapping of texts",
        ParamKind::List => "list",
        ParamKind::Shell => "shell text",
    }
}

fn tools() -> String {
    let mut page =
        String::from("# Tools\n\nWhat a step can call with `tool:`. This page is made from `src/catalog`.\n");
    for tool in TOOLS {
        let _ = write!(page, "\n## `{}`\n\n{}\n\nFails when {}.\n", tool.name, tool.summary, tool.fails_when);
        let _ = write!(page, "\n| parameter | type | meaning |\n|---|---|---|\n");
        for param in tool.params {
            let required = if param.required { " (required)" } else { "" };
            let _ =
                writeln!(page, "| `{}`{required} | {} | {} |", param.name, kind(param.kind), param.summary);
        }
        let _ = write!(page, "\n| `result.` | holds |\n|---|---|\n");
        for field in tool.results {
            let _ = writeln!(page, "| `{}` | {} |", field.name, field.summary);
        }
        if tool.open_result {
            page.push_str("\nBeside these, `result` has the outputs that the skill declares.\n");
        }
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

#[test]
fn generated_pages_say_what_the_code_says() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let mut stale = Vec::new();
    for (name, text) in [("tools.md", tools()), ("environment.md", environment())] {
        let path = docs.join(name);
        if std::env::var_os("UPDATE_GENERATED").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        if std::fs::read_to_string(&path).unwrap_or_default() != text {
            stale.push(name);
        }
    }
    assert!(stale.is_empty(), "stale: {stale:?}; run `UPDATE_GENERATED=1 cargo test --test generated`");
}
