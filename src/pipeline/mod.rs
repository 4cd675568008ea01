//! What a served kitchen keeps while it lives, and what runs add up to: whether it is open, what failed, what was used, what works in the
//! background, and whether the work put off at the start is done. Values and small machines; what they are filled with comes from the
//! rooms above.

pub mod audit; // what failed
pub mod gate; // whether the kitchen is open
pub mod readiness; // whether the work put off at the start is done
pub mod supervisor; // work in the background, whose failures are told
pub mod telemetry; // tokens, times and sizes of answers
