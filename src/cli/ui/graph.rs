//! The steps of a recipe with their routes, drawn with lines.

use super::style::{Look, Role};
use super::text;
use crate::recipe::diagram::{Cell, Chart, Class, Shape, rails};
use crate::recipe::model::StopStatus;

/// Draws a chart into the width of the terminal.
#[must_use]
pub fn draw(chart: &Chart<'_>, look: &Look) -> String {
    // The words need more room than the lines.
    let picture = rails(chart, look.width.saturating_sub(40) / 4);
    let names = chart.nodes.iter().map(|node| text::width(&node.step.name)).max().unwrap_or(0);
    let names = names.min(look.width / 3);
    let mut lines = Vec::new();
    for row in &picture.rows {
        let node = &chart.nodes[row.step];
        let rails: String = row.cells.iter().map(|cell| line_sign(*cell, node.shape, look)).collect();
        let room = look.width.saturating_sub(picture.columns + 1);
        let words = match row.link.and_then(|link| node.links.get(link)) {
            None => {
                let name = text::one_line(&node.step.name, look);
                let name = text::cut(&name, names.min(room), look);
                let gap = " ".repeat((names + 2).saturating_sub(text::width(&name)));
                let does = text::one_line(&node.does, look);
                let does = text::cut(&does, room.saturating_sub(names + 2), look);
                format!("{}{gap}{}", look.paint(Role::Strong, &name), look.paint(Role::Dim, &does))
            }
            Some(link) => {
                let arrow = look.glyphs().arrow;
                let to = text::one_line(chart.label(link.to), look);
                let to = text::cut(&to, room / 2, look);
                let when = text::one_line(&link.when.join(", "), look);
                let left = room.saturating_sub(text::width(&to) + text::width(arrow) + 2);
                let when = text::cut(&when, left, look);
                let role = match link.class {
                    Class::Normal | Class::Skip => Role::Dim,
                    Class::Failure => Role::Bad,
                    Class::Limit => Role::Warn,
                };
                format!("{} {} {to}", look.paint(role, &when), look.paint(Role::Dim, arrow))
            }
        };
        let rails = match row.link {
            None => {
                let (lanes, sign) = rails.split_at(rails.char_indices().last().map_or(0, |(at, _)| at));
                format!("{}{}", look.paint(Role::Dim, lanes), look.paint(sign_role(node.shape), sign))
            }
            Some(_) => look.paint(Role::Dim, &rails),
        };
        lines.push(format!("{rails} {words}").trim_end().to_owned());
    }
    lines.join("\n")
}

fn sign_role(shape: Shape) -> Role {
    match shape {
        Shape::End(StopStatus::Succeeded) => Role::Good,
        Shape::End(StopStatus::Failed) => Role::Bad,
        Shape::End(StopStatus::Exhausted) => Role::Warn,
        Shape::Call | Shape::Question | Shape::Fork => Role::Accent,
    }
}

fn line_sign(cell: Cell, shape: Shape, look: &Look) -> char {
    if cell.sign {
        return match (shape, look.unicode) {
            (Shape::Call, true) => '●',
            (Shape::Question, true) => '?',
            (Shape::Fork, true) => '◇',
            (Shape::End(_), true) => '■',
            (Shape::Call, false) => 'o',
            (Shape::Question, false) => '?',
            (Shape::Fork, false) => '<',
            (Shape::End(_), false) => '#',
        };
    }
    if cell.head {
        return if look.unicode { '▶' } else { '>' };
    }
    let lines = (cell.up, cell.down, cell.left, cell.right);
    if !look.unicode {
        return match lines {
            (false, false, false, false) => ' ',
            (false, false, _, _) => '-',
            // A crossing is no junction.
            (_, _, false, false) | (true, true, true, true) => '|',
            _ => '+',
        };
    }
    match lines {
        (false, false, false, false) => ' ',
        (false, false, _, _) => '─',
        (_, _, false, false) => '│',
        (true, true, true, true) => '┼',
        (true, true, false, true) => '├',
        (true, true, true, false) => '┤',
        (true, false, false, true) => '╰',
        (true, false, true, false) => '╯',
        (false, true, false, true) => '╭',
        (false, true, true, false) => '╮',
        (true, false, true, true) => '┴',
        (false, true, true, true) => '┬',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::builtin::BUILTIN;
    use crate::recipe::model::RecipeSource;
    use crate::recipe::{AnySkill, Origin, compile};

    fn recipe(name: &str, text: &str) -> crate::recipe::model::Recipe {
        let origin = Origin {
            file: name.to_owned(),
            stem: name.to_owned(),
            source: RecipeSource::Builtin,
            path: None,
        };
        compile(text, &origin, &AnySkill).unwrap().recipe
    }

    #[test]
    fn loops_and_failures_are_drawn() {
        let (name, text) = BUILTIN.iter().find(|(name, _)| *name == "fix-tests").unwrap();
        let recipe = recipe(name, text);
        for (name, look) in [
            ("graph_80", Look::plain(80)),
            ("graph_50", Look::plain(50)),
            ("graph_ascii", Look::ascii(80)),
            ("graph_color", Look::colored(80)),
        ] {
            insta::assert_snapshot!(name, draw(&Chart::of(&recipe), &look));
        }
    }

    #[test]
    fn every_line_fits() {
        for (name, text) in BUILTIN {
            let recipe = recipe(name, text);
            for width in 10..100 {
                for line in draw(&Chart::of(&recipe), &Look::plain(width)).lines() {
                    assert!(text::width(line) <= width, "{width}: {line}");
                }
            }
        }
    }
}
