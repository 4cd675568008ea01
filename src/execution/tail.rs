//! The end of an output of any length.

/// Keeps the last bytes.
#[derive(Debug, Clone)]
pub struct Tail {
    bytes: Vec<u8>,
    limit: usize,
    total: u64,
}

impl Tail {
    /// Keeps at least the last `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit, total: 0 }
    }

    /// Takes more output.
    pub fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        self.bytes.extend_from_slice(&bytes[bytes.len().saturating_sub(self.limit)..]);
        // Cut rarely, so that many small writes do not move the whole tail each time.
        if self.bytes.len() > 2 * self.limit {
            self.bytes.drain(..self.bytes.len() - self.limit);
        }
    }

    /// How many bytes there were.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The last bytes as text, without a final line break; what is missing before them is said.
    #[must_use]
    pub fn text(&self) -> String {
        let kept = &self.bytes[self.bytes.len().saturating_sub(self.limit)..];
        let text = String::from_utf8_lossy(kept);
        let text = text.trim_end_matches(['\n', '\r']);
        match self.total - kept.len() as u64 {
            0 => text.to_owned(),
            missing => format!("[{missing} bytes before this are in the log]\n{text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_kept_and_the_rest_counted() {
        let mut tail = Tail::new(4);
        assert_eq!(tail.text(), "");
        for chunk in ["ab", "cd", "ef", "gh", "ij\n"] {
            tail.push(chunk.as_bytes());
        }
        assert_eq!(tail.text(), "[7 bytes before this are in the log]\nhij");
        assert_eq!(tail.total(), 11);
        let mut short = Tail::new(10);
        short.push(b"whole\n\n");
        assert_eq!(short.text(), "whole");
    }
}
