//! The picture as text for Mermaid, which hosts of repositories draw.

use std::fmt::Write;

use super::{Chart, Class, Shape, To, short};

/// A flowchart.
#[must_use]
pub fn mermaid(chart: &Chart<'_>) -> String {
    let mut text = format!("---\ntitle: {}\n---\nflowchart TD\n", quoted(chart.name));
    steps(chart, 1, &mut text);
    if let Some(finally) = &chart.finally {
        text.push_str("    subgraph finally[\"finally, at every end\"]\n");
        steps(finally, 2, &mut text);
        text.push_str("    end\n");
    }
    text
}

/// The nodes and arrows of a chart, those of a loop's body in a box around it.
fn steps(chart: &Chart<'_>, depth: usize, text: &mut String) {
    let pad = "    ".repeat(depth);
    for (index, node) in chart.nodes.iter().enumerate() {
        let id = chart.id(To::Step(index));
        let label = format!("{}<br/>{}", escaped(&node.step.name), escaped(&short(&node.does, 60)));
        let (open, close) = match node.shape {
            Shape::Call => ("[", "]"),
            Shape::Question => ("{{", "}}"),
            Shape::Fork => ("{", "}"),
            Shape::End(_) => ("([", "])"),
        };
        let Some(body) = &node.body else {
            let _ = writeln!(text, "{pad}{id}{open}\"{label}\"{close}");
            continue;
        };
        let _ = writeln!(text, "{pad}subgraph {id}_body[\"{}\"]", escaped(&node.step.name));
        let _ = writeln!(text, "{pad}    {id}{open}\"{label}\"{close}");
        steps(body, depth + 1, text);
        if !body.nodes.is_empty() {
            let _ = writeln!(text, "{pad}    {id} -->|\"each item\"| {}", body.id(To::Step(0)));
        }
        let _ = writeln!(text, "{pad}end");
    }
    for (id, word) in chart.ends() {
        let _ = writeln!(text, "{pad}{id}(((\"{word}\")))");
    }
    for (index, node) in chart.nodes.iter().enumerate() {
        for link in &node.links {
            let (from, to) = (chart.id(To::Step(index)), chart.id(link.to));
            let arrow = if link.class == Class::Normal { "-->" } else { "-.->" };
            let when = escaped(&short(&link.when.join(", "), 80));
            let _ = writeln!(text, "{pad}{from} {arrow}|\"{when}\"| {to}");
        }
    }
}

/// Every character that Mermaid or the page around it could take for its own, as an entity.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => escaped.push_str("#quot;"),
            '<' => escaped.push_str("#lt;"),
            '>' => escaped.push_str("#gt;"),
            '&' | '#' | '`' | '\\' | '|' | '{' | '}' | '[' | ']' | ';' => {
                let _ = write!(escaped, "#{};", u32::from(c));
            }
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A YAML text.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
