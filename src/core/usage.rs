//! What model calls used.

use serde::{Deserialize, Serialize};

/// Tokens, turns and dollars of one session, step or run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Input tokens that were not cached.
    pub input: u64,
    /// Output tokens.
    pub output: u64,
    /// Input tokens read from the cache.
    pub cache_read: u64,
    /// Input tokens written to the cache.
    pub cache_write: u64,
    /// Assistant turns.
    pub turns: u64,
    /// US dollars, as the client reckons them.
    pub cost_usd: f64,
}

impl Usage {
    /// All tokens that went in or came out.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.input + self.output + self.cache_read + self.cache_write
    }
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input += other.input;
        self.output += other.output;
        self.cache_read += other.cache_read;
        self.cache_write += other.cache_write;
        self.turns += other.turns;
        self.cost_usd += other.cost_usd;
    }
}
