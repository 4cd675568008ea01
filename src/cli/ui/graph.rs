//! The steps of a recipe with their routes, drawn with lines.

use super::style::{Look, Role};
use super::text;
use crate::recipe::diagram::{Cell, Chart, Class, Link, Part, Rails, Row, Shape, rails};
use crate::recipe::model::StopStatus;

/// By how much the picture of a loop's body is moved to the right.
const BODY: usize = 2;

/// Draws a chart into the width of the terminal.
#[must_use]
pub fn draw(chart: &Chart<'_>, look: &Look) -> String {
    // The words need more room than the lines.
    let most = look.width.saturating_sub(40) / 4;
    let mut lines = lines(chart, &rails(chart, most), look);
    if let Some(finally) = &chart.finally {
        let title = text::cut("finally, at every end:", look.width, look);
        lines.extend([String::new(), look.paint(Role::Dim, &title)]);
        lines.extend(self::lines(finally, &rails(finally, most), look));
    }
    lines.join("\n")
}

/// The lines of a picture, at most as wide as `look` is.
fn lines(chart: &Chart<'_>, picture: &Rails, look: &Look) -> Vec<String> {
    let names = chart.nodes.iter().map(|node| text::width(&node.step.name)).max().unwrap_or(0);
    let names = names.min(look.width / 3);
    let room = look.width.saturating_sub(picture.columns + 1);
    // A body stands a little to the right of its step's name.
    let inside = Look { width: room.saturating_sub(BODY), ..*look };
    let body = |(step, picture): (usize, &Option<Rails>)| {
        let chart = chart.nodes[step].body.as_ref()?;
        picture
            .as_ref()
            .filter(|picture| picture.columns < inside.width)
            .map(|picture| self::lines(chart, picture, &inside))
    };
    let bodies: Vec<Vec<String>> =
        picture.bodies.iter().enumerate().map(|of_step| body(of_step).unwrap_or_default()).collect();
    let line = |row: &Row| {
        let node = &chart.nodes[row.step];
        let rails: String = row.cells.iter().map(|cell| line_sign(*cell, node.shape, look)).collect();
        let words = match row.part {
            Part::Step => {
                let name = text::one_line(&node.step.name, look);
                let name = text::cut(&name, names.min(room), look);
                let gap = " ".repeat((names + 2).saturating_sub(text::width(&name)));
                let does = text::one_line(&node.does, look);
                let does = text::cut(&does, room.saturating_sub(names + 2), look);
                format!("{}{gap}{}", look.paint(Role::Strong, &name), look.paint(Role::Dim, &does))
            }
            Part::Body(at) => {
                let line = bodies[row.step].get(at).map_or("", String::as_str);
                format!("{}{line}", " ".repeat(BODY.min(room)))
            }
            Part::Link(link) => match node.links.get(link) {
                Some(link) => route(chart, link, room, look),
                None => String::new(),
            },
        };
        let rails = match row.part {
            Part::Step => {
                let (lanes, sign) = rails.split_at(rails.char_indices().last().map_or(0, |(at, _)| at));
                format!("{}{}", look.paint(Role::Dim, lanes), look.paint(sign_role(node.shape), sign))
            }
            Part::Body(_) | Part::Link(_) => look.paint(Role::Dim, &rails),
        };
        format!("{rails} {words}").trim_end().to_owned()
    };
    picture.rows.iter().map(line).collect()
}

/// When a route is taken and where it leads.
fn route(chart: &Chart<'_>, link: &Link, room: usize, look: &Look) -> String {
    let arrow = look.glyphs().arrow;
    if room < text::width(arrow) + 4 {
        return String::new();
    }
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

    const NESTED: &str = "\
name: nested
steps:
  find: {tool: run_cmd, with: {cmd: ls}, on_success: each, on_failure: escalate}
  each:
    for_each: ['a', 'b']
    as: part
    steps:
      work:
        for_each: ['x']
        as: piece
        steps:
          try: {tool: run_cmd, with: {argv: [make, '${{ item.piece }}']}, max_visits: 3, on_success: done, on_failure: try}
        on_success: test
        on_failure: escalate
      test: {tool: test_check, max_visits: 2, on_success: done, on_failure: work}
    on_success: told
    on_failure: find
    max_visits: 2
  told: {stop: {status: succeeded, message: done}}
finally:
  clean: {tool: run_cmd, with: {cmd: make clean}, on_success: done}
";

    #[test]
    fn bodies_of_loops_and_what_runs_at_every_end_are_drawn() {
        let recipe = recipe("nested", NESTED);
        for (name, look) in [("nested_80", Look::plain(80)), ("nested_ascii", Look::ascii(60))] {
            insta::assert_snapshot!(name, draw(&Chart::of(&recipe), &look));
        }
    }

    #[test]
    fn every_line_fits() {
        for (name, text) in BUILTIN.iter().chain(&[("nested", NESTED)]) {
            let recipe = recipe(name, text);
            for width in 10..100 {
                for line in draw(&Chart::of(&recipe), &Look::plain(width)).lines() {
                    assert!(text::width(line) <= width, "{width}: {line}");
                }
            }
        }
    }
}
