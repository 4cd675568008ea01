//! The picture as text for Mermaid, which hosts of repositories draw.

use std::fmt::Write;

use super::{Chart, Class, Shape, short};

/// A flowchart.
#[must_use]
pub fn mermaid(chart: &Chart<'_>) -> String {
    let mut text = format!("---\ntitle: {}\n---\nflowchart TD\n", quoted(chart.name));
    for (index, node) in chart.nodes.iter().enumerate() {
        let label = format!("{}<br/>{}", escaped(&node.step.name), escaped(&short(&node.does, 60)));
        let (open, close) = match node.shape {
            Shape::Call => ("[", "]"),
            Shape::Question => ("{{", "}}"),
            Shape::Fork => ("{", "}"),
            Shape::End(_) => ("([", "])"),
        };
        let _ = writeln!(text, "    s{index}{open}\"{label}\"{close}");
    }
    for id in chart.ends() {
        let _ = writeln!(text, "    {id}(((\"{id}\")))");
    }
    for (index, node) in chart.nodes.iter().enumerate() {
        for link in &node.links {
            let to = link.to.id();
            let arrow = if link.class == Class::Normal { "-->" } else { "-.->" };
            let when = escaped(&short(&link.when.join(", "), 80));
            let _ = writeln!(text, "    s{index} {arrow}|\"{when}\"| {to}");
        }
    }
    text
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
