//! The Model Context Protocol adapter. A kitchen of `app::serving` comes in; a client on standard input and output, or an orchestrator
//! session on a socket, sees its tools. Both generations of the protocol are spoken: `server/discover` (2026-07-28, stateless) and
//! `initialize`.

pub mod attach; // the socket of a run: its host in `cook`, and the relay that a client starts
mod handler; // the protocol's requests
pub mod logging; // two phases: before settings are read, and after
pub mod stdio; // one life of a server
mod told; // messages to the client beside the answers
