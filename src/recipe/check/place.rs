//! Where steps and their parts stand: in the recipe's own file, or in that of the sub-recipe that they came from.
//!
//! A range counts from the beginning of the first file, as if the files followed each other, so that a finding can be about
//! steps of several.

use std::ops::Range;

use super::Subject;
use crate::recipe::expr::Template;
use crate::recipe::marks::{Marks, Path};
use crate::recipe::model::Step;
use crate::recipe::nodes::{Kind, Nodes};

/// A file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    /// Its name as people are shown it; empty for the recipe's own.
    pub(super) file: &'a str,
    pub(super) text: &'a str,
    pub(super) marks: &'a Marks,
    /// Where it begins.
    pub(super) base: usize,
}

/// A place in one of the files.
#[derive(Debug, Clone)]
pub(super) struct Place {
    source: usize,
    path: Path,
}

impl Place {
    pub(super) fn key(&self, key: &str) -> Self {
        Self { source: self.source, path: self.path.key(key) }
    }

    pub(super) fn index(&self, index: usize) -> Self {
        Self { source: self.source, path: self.path.index(index) }
    }
}

/// The places of all steps.
pub(super) fn places(nodes: &Nodes<'_>, sources: &[Source<'_>]) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::with_capacity(nodes.len());
    for (node, step) in nodes.values().enumerate() {
        let part = step.origin.as_ref().and_then(|part| {
            let source = sources.iter().position(|source| source.file == part.file)?;
            Some((Place { source, path: Path::root().key("steps") }, part.step.as_str()))
        });
        let (above, name) = part.unwrap_or_else(|| {
            let above = match nodes.kind(node) {
                Kind::Main => Place { source: 0, path: Path::root().key("steps") },
                Kind::Finally => Place { source: 0, path: Path::root().key("finally") },
                // Steps that loop have smaller numbers than the steps in them.
                Kind::Body { owner } => places[owner].key("steps"),
            };
            (above, step.name.as_str())
        });
        let place = above.key(name);
        let is_there = |place: &Place| sources[place.source].marks.has(&place.path);
        // The end of a call stands where the call does.
        let call = name.strip_suffix(".@done").map(|call| above.key(call));
        places.push(if is_there(&place) { place } else { call.unwrap_or(place) });
    }
    places
}

impl Subject<'_> {
    /// The recipe's own marks.
    pub(super) fn marks(&self) -> &Marks {
        self.sources[0].marks
    }

    fn shift(&self, place: &Place, range: Range<usize>) -> Range<usize> {
        let base = self.sources[place.source].base;
        base + range.start..base + range.end
    }

    /// Whether this stands in the text.
    pub(super) fn has(&self, place: &Place) -> bool {
        self.sources[place.source].marks.has(&place.path)
    }

    /// Where a key stands.
    pub(super) fn key_at(&self, place: &Place) -> Range<usize> {
        self.shift(place, self.sources[place.source].marks.key(&place.path))
    }

    /// Where to point for an entry.
    pub(super) fn at(&self, place: &Place) -> Range<usize> {
        self.shift(place, self.sources[place.source].marks.at(&place.path))
    }

    /// The text that stands there.
    pub(super) fn written(&self, place: &Place) -> &str {
        let source = &self.sources[place.source];
        source.text.get(source.marks.at(&place.path)).unwrap_or_default()
    }

    /// The place of a part of a text.
    pub(super) fn part_at(&self, place: &Place, text: &str, span: &Range<usize>) -> Range<usize> {
        let source = &self.sources[place.source];
        self.shift(place, source.marks.within(source.text, &place.path, text, span))
    }

    /// The place of a part of a template.
    pub(super) fn within(&self, place: &Place, template: &Template, span: &Range<usize>) -> Range<usize> {
        self.part_at(place, template.source(), span)
    }

    /// Where a step of this recipe stands.
    pub(super) fn place(&self, step: &Step) -> Place {
        let number = self.nodes.number(step).unwrap_or_default();
        self.places
            .get(number)
            .cloned()
            .unwrap_or_else(|| Place { source: 0, path: Path::root().key("steps").key(&step.name) })
    }

    /// The place of the name of a step.
    pub(super) fn step_at(&self, step: &Step) -> Range<usize> {
        self.key_at(&self.place(step))
    }

    /// The first of several places that stands in the text, else the step itself.
    pub(super) fn first_of(&self, step: &Step, candidates: &[&[&str]]) -> Place {
        let base = self.place(step);
        candidates
            .iter()
            .map(|keys| keys.iter().fold(base.clone(), |place, key| place.key(key)))
            .find(|place| self.has(place))
            .unwrap_or(base)
    }

    /// The place of an argument: under `with`, or a key of the step that is folded into it.
    pub(super) fn arg_place(&self, step: &Step, name: &str) -> Place {
        let base = self.place(step);
        let under_with = base.key("with").key(name);
        match self.has(&base.key(name)) && !self.has(&under_with) {
            true => base.key(name),
            false => under_with,
        }
    }

    /// The place of a message: of an action, or under `stop`.
    pub(super) fn message_place(&self, step: &Step) -> Place {
        self.first_of(step, &[&["message"], &["stop", "message"]])
    }

    /// The place of a key of a step; of the step's name when it is not written.
    pub(super) fn key_of(&self, step: &Step, key: &str) -> Range<usize> {
        let place = self.place(step).key(key);
        match self.has(&place) {
            true => self.key_at(&place),
            false => self.step_at(step),
        }
    }

    /// The place of an argument; of the step's name when it is not written.
    pub(super) fn arg_at(&self, step: &Step, name: &str) -> Range<usize> {
        let place = self.arg_place(step, name);
        match self.has(&place) {
            true => self.at(&place),
            false => self.step_at(step),
        }
    }

    /// The place of a capture.
    pub(super) fn capture_at(&self, step: &Step, name: &str) -> Range<usize> {
        // What goes into a sub-recipe and comes out of it is captured by the steps around it.
        let plain = name.rsplit_once("__in_").map_or(name, |(_, input)| input);
        let keys: &[&[&str]] =
            &[&["capture", name], &["capture_list", name], &["outputs", name], &["inputs", plain]];
        self.key_at(&self.first_of(step, keys))
    }
}
