//! Where in a run a step stands. A step of the recipe is called by its name; one in a loop by the loop, the item and its name, as
//! `parts[0].implement`; one of `finally` as `finally:clean`. When a loop is gone through once more, its steps are others:
//! `parts#2[0].implement`. Names of steps hold none of these signs.

use std::fmt::Write as _;

/// What a step is inside of, outermost first; empty for the steps of the recipe itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Frame(Vec<Hold>);

/// One thing that steps can be inside of.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hold {
    /// The steps that run on every exit.
    Finally,
    /// An item of a loop.
    Item {
        /// The step that loops, by its name in the frame around it.
        step: String,
        /// How often the loop had begun by then, from 1.
        round: u32,
        /// Which item, from 0.
        item: usize,
    },
}

const FINALLY: &str = "finally:";

impl Frame {
    /// The steps that run on every exit.
    #[must_use]
    pub fn finally() -> Self {
        Self(vec![Hold::Finally])
    }

    /// The frame and the plain name of a step that is called `label`.
    #[must_use]
    pub fn of(label: &str) -> (Self, &str) {
        let (mut holds, mut rest) = (Vec::new(), label);
        if let Some(inside) = rest.strip_prefix(FINALLY) {
            holds.push(Hold::Finally);
            rest = inside;
        }
        while let Some((before, after)) = rest.split_once("].") {
            let Some((step, item)) = before.split_once('[') else { break };
            let Ok(item) = item.parse() else { break };
            let (step, round) = match step.split_once('#').map(|(step, round)| (step, round.parse())) {
                Some((step, Ok(round))) => (step, round),
                Some(_) => break,
                None => (step, 1),
            };
            holds.push(Hold::Item { step: step.to_owned(), round, item });
            rest = after;
        }
        (Self(holds), rest)
    }

    /// What the step `name` of this frame is called.
    #[must_use]
    pub fn label(&self, name: &str) -> String {
        let mut label = String::new();
        for hold in &self.0 {
            match hold {
                Hold::Finally => label.push_str(FINALLY),
                Hold::Item { step, round: 1, item } => drop(write!(label, "{step}[{item}].")),
                Hold::Item { step, round, item } => drop(write!(label, "{step}#{round}[{item}].")),
            }
        }
        label.push_str(name);
        label
    }

    /// The frame of an item of the loop `step` in this frame, which begins for the `round`th time.
    #[must_use]
    pub fn item(&self, step: &str, round: u32, item: usize) -> Self {
        let mut holds = self.0.clone();
        holds.push(Hold::Item { step: step.to_owned(), round, item });
        Self(holds)
    }

    /// The frame that it is inside of, `depth` holds deep.
    #[must_use]
    pub fn outer(&self, depth: usize) -> Self {
        Self(self.0.iter().take(depth).cloned().collect())
    }

    /// What it is made of, outermost first.
    #[must_use]
    pub fn holds(&self) -> &[Hold] {
        &self.0
    }

    /// Whether it is inside of another, or the same.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }
}

/// What a step is called in every item: `all[2].fix` is `all[].fix`.
#[must_use]
pub fn any_item(step: &str) -> String {
    let (frame, name) = Frame::of(step);
    let mut label = String::new();
    for hold in frame.holds() {
        match hold {
            Hold::Finally => label.push_str(FINALLY),
            Hold::Item { step, .. } => drop(write!(label, "{step}[].")),
        }
    }
    label.push_str(name);
    label
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn labels_are_read_as_they_are_written() {
        for (label, holds, name) in [
            ("test", 0, "test"),
            ("call.build-2", 0, "call.build-2"),
            ("parts[0].implement", 1, "implement"),
            ("groups[3].call.parts[12].fix", 2, "fix"),
            ("groups#2[3].parts#12[0].fix", 2, "fix"),
            ("odd#x[0].y", 0, "odd#x[0].y"),
            ("finally:clean", 1, "clean"),
            ("finally:all[1].clean", 2, "clean"),
            ("odd[x].y", 0, "odd[x].y"),
        ] {
            let (frame, rest) = Frame::of(label);
            assert_eq!((frame.holds().len(), rest, frame.label(rest)), (holds, name, label.to_owned()));
        }
        let (outer, _) = Frame::of("a[0].x");
        assert!(Frame::of("a[0].b[1].x").0.is_within(&outer) && !Frame::of("a[1].x").0.is_within(&outer));
    }

    proptest! {
        #[test]
        fn every_place_has_one_label(names in proptest::collection::vec(("[a-z][a-z0-9._-]{0,5}", 1u32..4, 0usize..99), 0..4), last in "[a-z][a-z0-9._-]{0,5}") {
            let frame = names.iter().fold(Frame::default(), |frame, (step, round, item)| frame.item(step, *round, *item));
            let label = frame.label(&last);
            prop_assert_eq!(Frame::of(&label), (frame, last.as_str()));
        }
    }
}
