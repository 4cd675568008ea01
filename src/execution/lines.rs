//! Bytes to lines, with memory bounded by one capped line.

/// The longest line that is kept, in bytes. The client's own largest records (a tool result of 25,000 tokens, an image) are
/// far below it; a longer line is dropped and counted, so that a runaway stream cannot take the machine's memory.
pub const LONGEST_LINE: usize = 64 << 20;

/// Splits a stream of chunks into lines.
#[derive(Debug)]
pub struct Lines {
    partial: Vec<u8>,
    cap: usize,
    skipping: bool,
    dropped: u64,
}

impl Default for Lines {
    fn default() -> Self {
        Self::with_cap(LONGEST_LINE)
    }
}

impl Lines {
    /// With another longest line.
    #[must_use]
    pub fn with_cap(cap: usize) -> Self {
        Self { partial: Vec::new(), cap, skipping: false, dropped: 0 }
    }

    /// How many lines were too long to keep.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Takes a chunk and hands each line that it completes to `line`, without line break. The usual line lies whole in the
    /// chunk and is not copied.
    pub fn push(&mut self, mut chunk: &[u8], mut line: impl FnMut(&[u8])) {
        while let Some(end) = memchr(chunk) {
            let (head, rest) = (&chunk[..end], &chunk[end + 1..]);
            chunk = rest;
            if std::mem::take(&mut self.skipping) {
                self.partial.clear();
            } else if self.partial.is_empty() {
                if head.len() > self.cap {
                    self.dropped += 1;
                } else {
                    line(trim(head));
                }
            } else if self.partial.len() + head.len() > self.cap {
                self.dropped += 1;
                self.partial.clear();
            } else {
                self.partial.extend_from_slice(head);
                line(trim(&self.partial));
                self.partial.clear();
            }
        }
        if self.skipping {
            return;
        }
        if self.partial.len() + chunk.len() > self.cap {
            self.dropped += 1;
            self.skipping = true;
            self.partial = Vec::new();
        } else {
            self.partial.extend_from_slice(chunk);
        }
    }

    /// Hands out what is left at the end of the stream: a last line without a break.
    pub fn finish(&mut self, line: impl FnOnce(&[u8])) {
        if !self.skipping && !self.partial.is_empty() {
            line(trim(&self.partial));
        }
        self.partial = Vec::new();
        self.skipping = false;
    }
}

fn memchr(bytes: &[u8]) -> Option<usize> {
    memchr::memchr(b'\n', bytes)
}

fn trim(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(cap: usize, chunks: &[&[u8]]) -> (Vec<Vec<u8>>, u64) {
        let mut lines = Lines::with_cap(cap);
        let mut out = Vec::new();
        for chunk in chunks {
            lines.push(chunk, |line| out.push(line.to_vec()));
        }
        lines.finish(|line| out.push(line.to_vec()));
        (out, lines.dropped())
    }

    #[test]
    fn a_line_too_long_is_dropped_and_the_next_is_read() {
        let (lines, dropped) = split(4, &[b"ok\nfar ", b"too long", b" still\nyes\n123456\nend"]);
        assert_eq!(lines, [b"ok".to_vec(), b"yes".to_vec(), b"end".to_vec()]);
        assert_eq!(dropped, 2);
    }

    proptest! {
        #[test]
        fn cutting_a_stream_anywhere_gives_the_same_lines(
            text in "[a-c\\n]{0,80}", cuts in proptest::collection::vec(0usize..80, 0..6), cap in 1usize..12,
        ) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.sort_unstable();
            let mut chunks = Vec::new();
            let mut from = 0;
            for cut in cuts { chunks.push(&bytes[from..cut]); from = cut; }
            chunks.push(&bytes[from..]);
            prop_assert_eq!(split(cap, &chunks), split(cap, &[bytes]));
        }
    }
}
