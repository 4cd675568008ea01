//! Output in pieces that end where lines end: what is looked for in a piece (a secret) is not cut in two by the chunks that a
//! pipe happens to give.

/// A line longer than this is handed out in parts.
const LONGEST: usize = 64 << 10;

/// Collects chunks to pieces.
#[derive(Debug, Default)]
pub struct Pieces {
    partial: Vec<u8>,
}

impl Pieces {
    /// Takes a chunk and hands out everything up to its last line end, line ends included.
    pub fn push(&mut self, chunk: &[u8], mut piece: impl FnMut(&[u8])) {
        let whole = chunk.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        self.partial.extend_from_slice(&chunk[..whole]);
        if whole > 0 || self.partial.len() > LONGEST {
            self.finish(&mut piece);
        }
        self.partial.extend_from_slice(&chunk[whole..]);
    }

    /// Hands out what is left at the end of the output.
    pub fn finish(&mut self, mut piece: impl FnMut(&[u8])) {
        if !self.partial.is_empty() {
            piece(&self.partial);
            self.partial.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces(chunks: &[&[u8]]) -> Vec<String> {
        let (mut pieces, mut found) = (Pieces::default(), Vec::new());
        let mut take = |piece: &[u8]| found.push(String::from_utf8_lossy(piece).into_owned());
        for chunk in chunks {
            pieces.push(chunk, &mut take);
        }
        pieces.finish(&mut take);
        found
    }

    #[test]
    fn pieces_end_where_lines_end() {
        assert_eq!(pieces(&[b"a", b"b\nc\nd", b"e", b"\n", b"f"]), ["ab\nc\n", "de\n", "f"]);
        assert_eq!(pieces(&[]), Vec::<String>::new());
        let long = vec![b'x'; LONGEST];
        assert_eq!(pieces(&[&long, b"yy", b"z", b"z\n"]).len(), 2, "a line without end is not kept for ever");
    }

    proptest! {
        #[test]
        fn nothing_is_lost(chunks in proptest::collection::vec("[a\n]{0,9}", 0..9)) {
            let bytes: Vec<&[u8]> = chunks.iter().map(|chunk| chunk.as_bytes()).collect();
            prop_assert_eq!(pieces(&bytes).concat(), chunks.concat());
        }
    }
}
