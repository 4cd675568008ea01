//! The picture as text for Graphviz.

use std::fmt::Write;

use super::{Chart, Class, Shape, To, short};

/// A directed graph.
#[must_use]
pub fn dot(chart: &Chart<'_>) -> String {
    let mut text = format!("digraph {} {{\n", quoted(chart.name));
    text.push_str("    rankdir=TB;\n    node [shape=box, style=rounded, fontname=\"sans-serif\"];\n");
    text.push_str("    edge [fontname=\"sans-serif\", fontsize=10];\n");
    steps(chart, 1, &mut text);
    if let Some(finally) = &chart.finally {
        text.push_str("    subgraph cluster_finally {\n        label=\"finally, at every end\";\n");
        steps(finally, 2, &mut text);
        text.push_str("    }\n");
    }
    text.push_str("}\n");
    text
}

/// The nodes and arrows of a chart, those of a loop's body in a box around it.
fn steps(chart: &Chart<'_>, depth: usize, text: &mut String) {
    let pad = "    ".repeat(depth);
    for (index, node) in chart.nodes.iter().enumerate() {
        let id = chart.id(To::Step(index));
        let label = quoted(&format!("{}\n{}", node.step.name, short(&node.does, 60)));
        let look = match node.shape {
            Shape::Call => "",
            Shape::Question => ", shape=hexagon, style=solid",
            Shape::Fork => ", shape=diamond, style=solid",
            Shape::End(_) => ", style=\"rounded,bold\"",
        };
        let Some(body) = &node.body else {
            let _ = writeln!(text, "{pad}{id} [label={label}{look}];");
            continue;
        };
        let _ = writeln!(text, "{pad}subgraph cluster_{id} {{\n{pad}    label={};", quoted(&node.step.name));
        let _ = writeln!(text, "{pad}    {id} [label={label}{look}];");
        steps(body, depth + 1, text);
        if !body.nodes.is_empty() {
            let _ = writeln!(text, "{pad}    {id} -> {} [label=\"each item\"];", body.id(To::Step(0)));
        }
        let _ = writeln!(text, "{pad}}}");
    }
    for (id, word) in chart.ends() {
        let label = if id == word { String::new() } else { format!("label=\"{word}\", ") };
        let _ = writeln!(text, "{pad}{id} [{label}shape=doublecircle, style=solid];");
    }
    for (index, node) in chart.nodes.iter().enumerate() {
        for link in &node.links {
            let (from, to) = (chart.id(To::Step(index)), chart.id(link.to));
            let style = if link.class == Class::Normal { "" } else { ", style=dashed" };
            let when = quoted(&short(&link.when.join(", "), 80));
            let _ = writeln!(text, "{pad}{from} -> {to} [label={when}{style}];");
        }
    }
}

/// A text in quotes; a backslash is one, and a line end is drawn as such.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
