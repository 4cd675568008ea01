//! The picture as text for Graphviz.

use std::fmt::Write;

use super::{Chart, Class, Shape, short};

/// A directed graph.
#[must_use]
pub fn dot(chart: &Chart<'_>) -> String {
    let mut text = format!("digraph {} {{\n", quoted(chart.name));
    text.push_str("    rankdir=TB;\n    node [shape=box, style=rounded, fontname=\"sans-serif\"];\n");
    text.push_str("    edge [fontname=\"sans-serif\", fontsize=10];\n");
    for (index, node) in chart.nodes.iter().enumerate() {
        let label = quoted(&format!("{}\n{}", node.step.name, short(&node.does, 60)));
        let look = match node.shape {
            Shape::Call => "",
            Shape::Question => ", shape=hexagon, style=solid",
            Shape::Fork => ", shape=diamond, style=solid",
            Shape::End(_) => ", style=\"rounded,bold\"",
        };
        let _ = writeln!(text, "    s{index} [label={label}{look}];");
    }
    for id in chart.ends() {
        let _ = writeln!(text, "    {id} [shape=doublecircle, style=solid];");
    }
    for (index, node) in chart.nodes.iter().enumerate() {
        for link in &node.links {
            let to = link.to.id();
            let style = if link.class == Class::Normal { "" } else { ", style=dashed" };
            let when = quoted(&short(&link.when.join(", "), 80));
            let _ = writeln!(text, "    s{index} -> {to} [label={when}{style}];");
        }
    }
    text.push_str("}\n");
    text
}

/// A text in quotes; a backslash is one, and a line end is drawn as such.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
