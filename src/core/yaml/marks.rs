//! Where every key and value of a YAML text stands.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

/// Deepest nesting of a file.
pub const MAX_DEPTH: usize = 128;

/// What a file may become when its aliases are filled in, in bytes of text and [`NODE`] for each value. Ten lines can name a
/// thousand million values.
const MAX_EXPANDED: usize = 8 << 20;

/// What a value counts beside its text.
const NODE: usize = 32;

/// A place in the tree, such as `steps/repair/on_success`; a `/` in a key is written `~1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Path(String);

impl Path {
    /// The top level.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// A key below this place.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        let key = key.replace('~', "~0").replace('/', "~1");
        Self(if self.0.is_empty() { key } else { format!("{}/{key}", self.0) })
    }

    /// An item below this place.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.key(&index.to_string())
    }

    fn parent(&self) -> Option<Self> {
        if self.0.is_empty() {
            return None;
        }
        Some(Self(self.0.rsplit_once('/').map_or("", |(parent, _)| parent).to_owned()))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where one entry stands.
#[derive(Debug, Clone)]
struct Mark {
    key: Option<Range<usize>>,
    value: Range<usize>,
    /// Where the last text of the value ends.
    end: usize,
    is_scalar: bool,
}

/// A key that stands twice in one mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// The key.
    pub key: String,
    /// Where it stands first.
    pub first: Range<usize>,
    /// Where it stands again.
    pub second: Range<usize>,
}

/// Why there are no marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkError {
    /// A lower-case fragment.
    pub message: String,
    /// Where, in bytes.
    pub at: Range<usize>,
}

/// The places of all keys and values of one document.
#[derive(Debug, Clone, Default)]
pub struct Marks {
    marks: HashMap<Path, Mark>,
    /// Byte offsets at which lines start.
    lines: Vec<usize>,
    /// Keys that stand more than once.
    pub duplicates: Vec<Duplicate>,
    /// Merge keys (`<<`).
    pub merges: Vec<Range<usize>>,
    /// Where a second document starts.
    pub second_document: Option<Range<usize>>,
}

impl Marks {
    /// Reads the events of `text`.
    ///
    /// # Errors
    /// When it is no YAML, or nested too deeply.
    pub fn read(text: &str) -> Result<Self, MarkError> {
        Reader::new(text).read()
    }

    /// The place of a value, or of the nearest place above that stands in the text (what an alias
    /// brings in stands where the alias does).
    #[must_use]
    pub fn value(&self, path: &Path) -> Range<usize> {
        self.nearest(path, |mark| mark.value.clone())
    }

    /// The place of the key of an entry; of its value when it has no key.
    #[must_use]
    pub fn key(&self, path: &Path) -> Range<usize> {
        self.nearest(path, |mark| mark.key.clone().unwrap_or_else(|| mark.value.clone()))
    }

    /// Where to point for an entry: its value when that is a scalar with any text, else its key.
    #[must_use]
    pub fn at(&self, path: &Path) -> Range<usize> {
        self.nearest(path, |mark| match &mark.key {
            Some(key) if !mark.is_scalar || mark.value.is_empty() => key.clone(),
            _ => mark.value.clone(),
        })
    }

    /// All of a value, to its last character; a list whose dashes stand below its key starts after the first dash. `None` when there is no such entry.
    #[must_use]
    pub fn extent(&self, path: &Path) -> Option<Range<usize>> {
        self.marks.get(path).map(|mark| mark.value.start..mark.end.max(mark.value.end))
    }

    /// Whether there is such an entry.
    #[must_use]
    pub fn has(&self, path: &Path) -> bool {
        self.marks.contains_key(path)
    }

    /// The place in the file of the bytes `span` of the text at `path`; of the whole text when it
    /// is written differently in the file (escapes, folded lines).
    #[must_use]
    pub fn within(&self, source: &str, path: &Path, text: &str, span: &Range<usize>) -> Range<usize> {
        let whole = self.at(path);
        let (Some(raw), Some(part)) = (source.get(whole.clone()), text.get(span.clone())) else {
            return whole;
        };
        if part.is_empty() {
            return whole;
        }
        // Quoting, indentation and folding change what is around the part, seldom the part itself.
        let earlier = text[..span.start].matches(part).count();
        match raw.match_indices(part).nth(earlier) {
            Some((found, _)) => whole.start + found..whole.start + found + part.len(),
            None => whole,
        }
    }

    /// The line of a byte offset, from 1.
    #[must_use]
    pub fn line(&self, offset: usize) -> usize {
        self.lines.partition_point(|start| *start <= offset)
    }

    fn nearest(&self, path: &Path, place: impl Fn(&Mark) -> Range<usize>) -> Range<usize> {
        let mut path = Some(path.clone());
        while let Some(here) = path {
            if let Some(mark) = self.marks.get(&here) {
                return place(mark);
            }
            path = here.parent();
        }
        0..0
    }
}

enum Frame {
    Mapping { path: Path, keys: HashMap<String, Range<usize>>, pending: Option<(Path, Range<usize>)> },
    Sequence { path: Path, next: usize },
}

impl Frame {
    fn path(&self) -> &Path {
        match self {
            Self::Mapping { path, .. } | Self::Sequence { path, .. } => path,
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    /// Byte offsets of characters; empty when every character is one byte.
    offsets: Vec<usize>,
    marks: Marks,
    stack: Vec<Frame>,
    /// Levels inside a key that is a collection itself.
    complex_key: usize,
    weights: Weights,
}

/// What the values of a text amount to when its aliases are filled in.
#[derive(Default)]
struct Weights {
    total: usize,
    anchors: HashMap<usize, usize>,
    /// Anchor of each open collection, and the total where it began.
    open: Vec<(usize, usize)>,
}

impl Weights {
    /// Takes an event; says whether an alias brings in too much.
    fn take(&mut self, event: &Event<'_>) -> bool {
        match event {
            Event::Scalar(text, _, anchor, _) => {
                let weight = NODE + text.len();
                self.total = self.total.saturating_add(weight);
                self.anchors.insert(*anchor, weight);
            }
            Event::MappingStart(anchor, _) | Event::SequenceStart(anchor, _) => {
                self.open.push((*anchor, self.total));
                self.total = self.total.saturating_add(NODE);
            }
            Event::MappingEnd | Event::SequenceEnd => {
                if let Some((anchor, start)) = self.open.pop() {
                    self.anchors.insert(anchor, self.total - start);
                }
            }
            Event::Alias(anchor) => {
                self.total = self.total.saturating_add(self.anchors.get(anchor).copied().unwrap_or(NODE));
                return self.total > MAX_EXPANDED;
            }
            _ => {}
        }
        false
    }
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        let offsets = match text.is_ascii() {
            true => Vec::new(),
            false => text.char_indices().map(|(offset, _)| offset).collect(),
        };
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let marks = Marks { lines, ..Marks::default() };
        Self { text, offsets, marks, stack: Vec::new(), complex_key: 0, weights: Weights::default() }
    }

    fn read(mut self) -> Result<Marks, MarkError> {
        let mut documents = 0;
        for event in Parser::new_from_str(self.text) {
            let (event, span) = event.map_err(|error| self.syntax(&error))?;
            let range = self.range(span);
            if self.weights.take(&event) {
                let message = "its aliases stand for more than a recipe or a skill can hold".to_owned();
                return Err(MarkError { message, at: range });
            }
            match event {
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents == 2 {
                        self.marks.second_document = Some(range);
                        return Ok(self.marks);
                    }
                }
                Event::Scalar(text, style, ..) => self.scalar(&text, style, range),
                Event::Alias(_) => self.scalar("", ScalarStyle::Plain, range),
                Event::MappingStart(..) => {
                    self.open(range, |path| Frame::Mapping { path, keys: HashMap::new(), pending: None })?
                }
                Event::SequenceStart(..) => self.open(range, |path| Frame::Sequence { path, next: 0 })?,
                Event::MappingEnd | Event::SequenceEnd => self.close(&range),
                _ => {}
            }
        }
        Ok(self.marks)
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, range: Range<usize>) {
        if self.complex_key > 0 {
            return;
        }
        let Some(Frame::Mapping { path, keys, pending: pending @ None }) = self.stack.last_mut() else {
            self.value(range, true);
            return;
        };
        if text == "<<" && style == ScalarStyle::Plain {
            self.marks.merges.push(range.clone());
        }
        if let Some(first) = keys.get(text) {
            let duplicate = Duplicate { key: text.to_owned(), first: first.clone(), second: range.clone() };
            self.marks.duplicates.push(duplicate);
        } else {
            keys.insert(text.to_owned(), range.clone());
        }
        *pending = Some((path.key(text), range));
    }

    /// Records the place of a value and returns its path.
    fn value(&mut self, value: Range<usize>, is_scalar: bool) -> Path {
        let (path, key) = match self.stack.last_mut() {
            None => (Path::root(), None),
            Some(Frame::Sequence { path, next }) => {
                *next += 1;
                (path.index(*next - 1), None)
            }
            Some(Frame::Mapping { path, pending, .. }) => match pending.take() {
                Some((path, key)) => (path, Some(key)),
                None => (path.clone(), None),
            },
        };
        // An entry without a value still takes its key's room.
        let end = value.end.max(key.as_ref().map_or(0, |key| key.end));
        if let Some(above) = self.stack.last().map(|frame| frame.path().clone()) {
            self.reach(&above, end);
        }
        // The first of duplicates keeps its place.
        self.marks.marks.entry(path.clone()).or_insert(Mark { key, value, end, is_scalar });
        path
    }

    fn open(&mut self, range: Range<usize>, frame: impl FnOnce(Path) -> Frame) -> Result<(), MarkError> {
        if self.stack.len() + self.complex_key >= MAX_DEPTH {
            let message = format!("it is nested more than {MAX_DEPTH} levels deep");
            return Err(MarkError { message, at: range });
        }
        let is_key = matches!(self.stack.last(), Some(Frame::Mapping { pending: None, .. }));
        if is_key || self.complex_key > 0 {
            self.complex_key += 1;
            if let (1, Some(Frame::Mapping { path, pending, .. })) = (self.complex_key, self.stack.last_mut())
            {
                *pending = Some((path.key("?"), range));
            }
            return Ok(());
        }
        let path = self.value(range, false);
        self.stack.push(frame(path));
        Ok(())
    }

    fn close(&mut self, at: &Range<usize>) {
        if self.complex_key > 0 {
            self.complex_key -= 1;
            return;
        }
        let Some(frame) = self.stack.pop() else { return };
        // A collection in brackets ends with one; any other ends with its last entry.
        if self.text.get(at.clone()).is_some_and(|end| end.starts_with([']', '}'])) {
            self.reach(frame.path(), at.start + 1);
        }
        let end = self.marks.marks.get(frame.path()).map_or(0, |mark| mark.end);
        if let Some(above) = self.stack.last().map(|frame| frame.path().clone()) {
            self.reach(&above, end);
        }
    }

    /// The value at `path` reaches to `end` at least.
    fn reach(&mut self, path: &Path, end: usize) {
        if let Some(mark) = self.marks.marks.get_mut(path) {
            mark.end = mark.end.max(end);
        }
    }

    fn byte(&self, index: usize) -> usize {
        if self.offsets.is_empty() {
            return index.min(self.text.len());
        }
        self.offsets.get(index).copied().unwrap_or(self.text.len())
    }

    fn range(&self, span: Span) -> Range<usize> {
        let start = self.byte(span.start.index());
        let end = self.byte(span.end.index()).max(start);
        // A block scalar reaches to the next token.
        let length = self.text.get(start..end).map_or(0, |text| text.trim_end().len());
        start..start + length
    }

    fn syntax(&self, error: &ScanError) -> MarkError {
        let start = self.byte(error.marker().index());
        let length = self.text.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        MarkError { message: error.info().to_owned(), at: start..start + length }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at<'a>(text: &'a str, path: &str) -> (&'a str, &'a str) {
        let marks = Marks::read(text).unwrap();
        let path =
            path.split('/').filter(|part| !part.is_empty()).fold(Path::root(), |path, key| path.key(key));
        (&text[marks.key(&path)], &text[marks.value(&path)])
    }

    #[test]
    fn keys_and_values_are_found() {
        let text =
            "é: x\nsteps:\n  a:\n    with: [1, {b: 'q'}]\n    cmd: |\n      one\n      two\n  z: \"é\"\n";
        assert_eq!(at(text, "é"), ("é", "x"));
        assert_eq!(at(text, "steps/a/with/0"), ("1", "1"));
        assert_eq!(at(text, "steps/a/with/1/b"), ("b", "'q'"));
        assert_eq!(at(text, "steps/z"), ("z", "\"é\""));
        assert!(at(text, "steps/a/cmd").1.ends_with("two"));
        assert_eq!(at(text, "steps/z/unknown/below"), ("z", "\"é\""));
    }

    #[test]
    fn values_reach_to_their_last_character() {
        let text = "a:\n  b: [1,\n    2]  # c\n  d:\n  - e\n  - f: g\n\n# h\ni: {j: {}} # k\nl:\n";
        let marks = Marks::read(text).unwrap();
        let extent = |path: &str| {
            let path = path.split('/').fold(Path::root(), |path, key| path.key(key));
            marks.extent(&path).map(|range| &text[range])
        };
        assert_eq!(extent("a/b"), Some("[1,\n    2]"));
        assert_eq!(extent("a"), Some("b: [1,\n    2]  # c\n  d:\n  - e\n  - f: g"));
        assert_eq!(extent("a/d"), Some("e\n  - f: g"));
        assert_eq!(extent("i"), Some("{j: {}}"));
        assert_eq!(extent("x"), None);
    }

    #[test]
    fn duplicates_merges_and_aliases_are_seen() {
        let text = "a: &x {b: 1}\nc: *x\na: 2\n'c': 3\nd:\n  <<: *x\n? [q, {r: s}]\n: t\nlast: u\n";
        let marks = Marks::read(text).unwrap();
        let seen: Vec<_> = marks
            .duplicates
            .iter()
            .map(|found| (found.key.as_str(), found.first.start, &text[found.second.clone()]))
            .collect();
        assert_eq!(seen, [("a", 0, "a"), ("c", 13, "'c'")]);
        assert_eq!(marks.merges.iter().map(|at| &text[at.clone()]).collect::<Vec<_>>(), ["<<"]);
        assert_eq!(at(text, "c/b"), ("c", "*x"));
        assert_eq!(at(text, "last"), ("last", "u"));
    }

    #[test]
    fn what_aliases_bring_in_is_bounded() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            let names = vec![format!("*a{}", level - 1); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{names}]\n"));
        }
        let error = Marks::read(&text).unwrap_err();
        assert!(error.message.contains("aliases") && text[error.at].starts_with("*a"));
        // Long texts as well as many values.
        let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(500_000), vec!["*a"; 100].join(", "));
        assert!(Marks::read(&long).is_err());
        assert!(Marks::read(&format!("a: &a [x]\nb: [{}]\n", vec!["*a"; 1000].join(", "))).is_ok());
        assert!(Marks::read(&format!("a: [{}]\n", vec!["x"; 300_000].join(", "))).is_ok());
    }

    #[test]
    fn depth_is_bounded_and_errors_have_places() {
        assert!(Marks::read(&"[".repeat(100_000)).is_err());
        assert!(Marks::read(&"- ".repeat(1000)).unwrap_err().message.contains("128"));
        let error = Marks::read("a: b\n\tc: d\n").unwrap_err();
        assert_eq!((error.at.start, error.message.contains("tab")), (3, true));
        assert!(Marks::read("a: 1\n---\nb: 1\n").unwrap().second_document.is_some());
    }

    #[test]
    fn parts_of_a_text_are_found_in_the_file() {
        let text = "cmd: |\n  echo ${{ a }}\n  echo ${{ a }} ${{ b }}\n";
        let marks = Marks::read(text).unwrap();
        let value = "echo ${{ a }}\necho ${{ a }} ${{ b }}\n";
        let second = value.rfind("${{ a }}").unwrap();
        let found = marks.within(text, &Path::root().key("cmd"), value, &(second..second + 8));
        assert_eq!(found.start, text.rfind("${{ a }}").unwrap());
    }
}
