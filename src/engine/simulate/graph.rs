//! Paths through the graph of states: whether one never ends, and the most sessions on one that does.

use std::collections::{HashMap, VecDeque};

/// What the paths from the beginnings are like.
pub(super) struct Paths {
    /// The most sessions on any path; `None` when one goes round in circles.
    pub(super) most: Option<u32>,
    /// Edges that lead back into the path that they are on.
    back: Vec<(u32, u32)>,
}

/// Edges that lead back of which the cycle is looked for; the rest are seldom shorter.
const LOOKED_AT: usize = 50;

impl Paths {
    pub(super) fn of(edges: &[Vec<(u32, u32)>]) -> Self {
        #[derive(Clone, Copy, PartialEq)]
        enum Seen {
            Not,
            OnPath,
            Done,
        }
        let mut seen = vec![Seen::Not; edges.len()];
        let mut most = vec![0_u32; edges.len()];
        let mut back = Vec::new();
        for start in 0..edges.len() {
            if seen[start] != Seen::Not {
                continue;
            }
            seen[start] = Seen::OnPath;
            let mut path = vec![(start, 0)];
            while let Some((node, next)) = path.last_mut() {
                let node = *node;
                if let Some((to, _)) = edges[node].get(*next) {
                    *next += 1;
                    match seen[*to as usize] {
                        Seen::Not => {
                            seen[*to as usize] = Seen::OnPath;
                            path.push((*to as usize, 0));
                        }
                        Seen::OnPath => back.push((node as u32, *to)),
                        Seen::Done => {}
                    }
                } else {
                    let longest =
                        edges[node].iter().map(|(to, sessions)| most[*to as usize] + sessions).max();
                    most[node] = longest.unwrap_or_default();
                    seen[node] = Seen::Done;
                    path.pop();
                }
            }
        }
        let longest = most.iter().copied().max().unwrap_or_default();
        Self { most: back.is_empty().then_some(longest), back }
    }

    /// A path that leads back to its first state, the one that is reached soonest; `depth` says how far a state is away.
    pub(super) fn shortest_cycle(
        &self,
        edges: &[Vec<(u32, u32)>],
        depth: impl Fn(u32) -> usize,
    ) -> Option<Vec<u32>> {
        let cycles = self.back.iter().take(LOOKED_AT).filter_map(|(from, to)| path(edges, *to, *from));
        cycles.min_by_key(|cycle| depth(cycle[0]) + cycle.len())
    }
}

/// The shortest path between two states, both included.
fn path(edges: &[Vec<(u32, u32)>], from: u32, to: u32) -> Option<Vec<u32>> {
    let mut before: HashMap<u32, u32> = HashMap::from([(from, from)]);
    let mut open = VecDeque::from([from]);
    while let Some(node) = open.pop_front() {
        if node == to {
            let mut path = vec![to];
            while let Some(node) = path.last().filter(|node| **node != from).and_then(|node| before.get(node))
            {
                path.push(*node);
            }
            path.reverse();
            return Some(path);
        }
        for (next, _) in &edges[node as usize] {
            if !before.contains_key(next) {
                before.insert(*next, node);
                open.push_back(*next);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_path_and_the_shortest_cycle_are_found() {
        let tree = [vec![(1, 1), (2, 0)], vec![(3, 1)], vec![(3, 0)], vec![]];
        let paths = Paths::of(&tree);
        assert_eq!((paths.most, paths.shortest_cycle(&tree, |_| 0)), (Some(2), None));
        let round = [vec![(1, 1)], vec![(2, 1)], vec![(1, 0), (0, 0)]];
        let paths = Paths::of(&round);
        assert_eq!(paths.most, None);
        assert_eq!(paths.shortest_cycle(&round, |node| node as usize), Some(vec![1, 2]));
        let itself = [vec![(0, 0)]];
        assert_eq!(Paths::of(&itself).shortest_cycle(&itself, |_| 0), Some(vec![0]));
    }
}
