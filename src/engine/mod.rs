//! From plan to run. A compiled recipe and its inputs come in; tool calls go out to the [`host::ToolHost`] that the engine is
//! given; what comes back becomes one journal entry, and the state is a fold over those. Decisions ([`transition`]) are pure.

pub mod cases;
pub mod dry;
pub mod event;
mod guess;
pub mod host;
pub mod journal;
mod outputs;
pub mod place;
pub mod judged;
pub mod open;
pub mod run;
pub mod simulate;
pub mod state;
pub mod steer;
pub mod strand;
pub mod telemetry;
pub mod transition;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
