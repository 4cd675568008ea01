//! The picture as text for Graphviz.

use std::fmt::Write;

use super::{Chart, Class, Shape, To, short};

/// A directed graph.
#[must_use]
pub fn dot(chart: &Chart<'_>) -> String {
    let mut text = format!("digraph {} {{\n", quoted(chart.name));
    text.push_str("    rankdir=TB;\n    node [shape=box, style=rounded, fontname=\"sans-serif\"];\n");
    text.push_str("    edge [fontname=\"sans-serif\", fontsize=10];\n");
    let mut ends = [false; 2];
    for (index, node) in chart.nodes.iter().enumerate() {
        let label = quoted(&format!("{}\n{}", node.step.name, short(&node.does, 60)));
        let look = match node.shape {
            Shape::Call => "",
            Shape::Question => ", shape=hexagon, style=solid",
            Shape::Fork => ", shape=diamond, style=solid",
            Shape::End(_) => ", style=\"rounded,bold\"",
        };
        let _ = writeln!(text, "    s{index} [label={label}{look}];");
        for link in &node.links {
            ends[0] |= link.to == To::Done;
            ends[1] |= link.to == To::Escalate;
        }
    }
    for (used, id) in ends.into_iter().zip(["done", "escalate"]) {
        if used {
            let _ = writeln!(text, "    {id} [shape=doublecircle, style=solid];");
        }
    }
    for (index, node) in chart.nodes.iter().enumerate() {
        for link in &node.links {
            let to = match link.to {
                To::Step(to) => format!("s{to}"),
                To::Done => "done".to_owned(),
                To::Escalate => "escalate".to_owned(),
            };
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
