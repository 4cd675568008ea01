//! GitHub: who we are to it. The token is looked for when it is first needed, never at a start.

pub mod token; // the lazy token
