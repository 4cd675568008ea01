//! The picture for a terminal: a row for each step, below it a row for each of its routes. Routes that do not lead to the next step
//! run in lanes at the left, one for each step that they lead to.

use super::{Chart, Link, To};

/// The whole picture.
#[derive(Debug)]
pub struct Rails {
    /// Columns of each row's cells.
    pub columns: usize,
    /// From top to bottom.
    pub rows: Vec<Row>,
    /// The picture of each step's body, where it has one.
    pub bodies: Vec<Option<Rails>>,
}

/// One line.
#[derive(Debug)]
pub struct Row {
    /// The lines at its left; always as many as the picture has columns.
    pub cells: Vec<Cell>,
    /// The step that it is about.
    pub step: usize,
    /// What of it the row shows.
    pub part: Part,
}

/// What of a step a row shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The step itself.
    Step,
    /// A row of its body's picture.
    Body(usize),
    /// One of its routes.
    Link(usize),
}

/// What a column of a row shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cell {
    /// A line to the row above.
    pub up: bool,
    /// A line to the row below.
    pub down: bool,
    /// A line to the column at the left.
    pub left: bool,
    /// A line to the column at the right.
    pub right: bool,
    /// The head of an arrow to the right.
    pub head: bool,
    /// The sign of the step.
    pub sign: bool,
}

/// The rows between which a lane runs, and the step that it leads to.
#[derive(Debug)]
struct Lane {
    to: usize,
    top: usize,
    bottom: usize,
    /// Rows of the routes that join it.
    joins: Vec<usize>,
    /// Its place; 0 is the innermost.
    place: usize,
}

/// Lays a chart out with at most `most` lanes. What finds no lane has its target in words only.
#[must_use]
pub fn rails(chart: &Chart<'_>, most: usize) -> Rails {
    // A body begins further right, and has less room for lanes.
    let bodies = chart.nodes.iter().map(|node| node.body.as_ref().map(|body| rails(body, most / 2)));
    let bodies: Vec<Option<Rails>> = bodies.collect();
    let (mut rows, starts) = rows(chart, &bodies);
    let mut lanes = lanes(chart, &rows, &starts);
    let count = place(&mut lanes, most);
    let columns = if count == 0 { 1 } else { 2 * count + 2 };
    let rail = columns - 1;
    for row in &mut rows {
        row.cells = vec![Cell::default(); columns];
    }
    draw_steps(chart, &bodies, &mut rows, &starts, rail);
    for lane in &lanes {
        let column = rail - 3 - 2 * lane.place;
        for (at, row) in rows.iter_mut().enumerate().take(lane.bottom + 1).skip(lane.top) {
            let cell = &mut row.cells[column];
            cell.up |= at > lane.top;
            cell.down |= at < lane.bottom;
        }
        let target = starts[lane.to];
        for at in lane.joins.iter().copied().chain([target]) {
            rows[at].cells[column].right = true;
            for cell in &mut rows[at].cells[column + 1..rail] {
                cell.left = true;
                cell.right = true;
            }
            rows[at].cells[rail].left = true;
            rows[at].cells[rail].right = false;
        }
        rows[target].cells[rail - 1].head = true;
    }
    Rails { columns, rows, bodies }
}

/// The rows without their lines, and the row at which each step begins. The route to the next step is the last of its step.
fn rows(chart: &Chart<'_>, bodies: &[Option<Rails>]) -> (Vec<Row>, Vec<usize>) {
    let (mut rows, mut starts) = (Vec::new(), Vec::new());
    for (step, node) in chart.nodes.iter().enumerate() {
        starts.push(rows.len());
        let row = |part| Row { cells: Vec::new(), step, part };
        rows.push(row(Part::Step));
        rows.extend((0..height(bodies, step)).map(|at| row(Part::Body(at))));
        let mut order: Vec<usize> = (0..node.links.len()).collect();
        order.sort_by_key(|link| falls(step, &node.links[*link]));
        rows.extend(order.into_iter().map(|link| row(Part::Link(link))));
    }
    (rows, starts)
}

/// How many rows the body of a step takes.
fn height(bodies: &[Option<Rails>], step: usize) -> usize {
    bodies.get(step).and_then(Option::as_ref).map_or(0, |body| body.rows.len())
}

/// Whether a route leads to the step below.
fn falls(step: usize, link: &Link) -> bool {
    link.to == To::Step(step + 1)
}

fn lanes(chart: &Chart<'_>, rows: &[Row], starts: &[usize]) -> Vec<Lane> {
    let mut lanes: Vec<Lane> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let Part::Link(link) = row.part else { continue };
        let Some(link) = chart.nodes[row.step].links.get(link) else { continue };
        let To::Step(to) = link.to else { continue };
        if falls(row.step, link) {
            continue;
        }
        let start = starts[to];
        match lanes.iter_mut().find(|lane| lane.to == to) {
            Some(lane) => {
                lane.joins.push(at);
                lane.top = lane.top.min(at);
                lane.bottom = lane.bottom.max(at);
            }
            None => {
                lanes.push(Lane { to, top: at.min(start), bottom: at.max(start), joins: vec![at], place: 0 });
            }
        }
    }
    lanes
}

/// Gives each lane a place, short lanes inside, and drops what has no room. Gives the number of places used.
fn place(lanes: &mut Vec<Lane>, most: usize) -> usize {
    lanes.sort_by_key(|lane| (lane.bottom - lane.top, lane.top));
    let mut taken: Vec<Vec<(usize, usize)>> = Vec::new();
    lanes.retain_mut(|lane| {
        let free = |taken: &Vec<(usize, usize)>| {
            taken.iter().all(|(top, bottom)| lane.bottom < *top || *bottom < lane.top)
        };
        let place = taken.iter().position(free).unwrap_or(taken.len());
        if place >= most {
            return false;
        }
        if place == taken.len() {
            taken.push(Vec::new());
        }
        taken[place].push((lane.top, lane.bottom));
        lane.place = place;
        true
    });
    taken.len()
}

/// The signs of the steps and the line from each to the last of its routes, past its body.
fn draw_steps(chart: &Chart<'_>, bodies: &[Option<Rails>], rows: &mut [Row], starts: &[usize], rail: usize) {
    for (step, start) in starts.iter().copied().enumerate() {
        let links = &chart.nodes[step].links;
        let first = start + height(bodies, step);
        let end = first + links.len();
        let falls = links.iter().any(|link| falls(step, link));
        rows[start].cells[rail].sign = true;
        if links.is_empty() {
            continue;
        }
        for (at, row) in rows.iter_mut().enumerate().take(end + 1).skip(start + 1) {
            row.cells[rail].up = true;
            row.cells[rail].down = at < end || falls;
            // A stub towards the words, where the line would look like going on.
            row.cells[rail].right = at > first && !(at == end && falls);
        }
    }
}
