//! Log messages to the client, as far as it wants them. The protocol means to give them up, and clients of today show them.

#![expect(deprecated, reason = "there is nothing else that reaches a client without being an answer")]

use std::sync::atomic::{AtomicU8, Ordering};

use rmcp::RoleServer;
use rmcp::model::{LoggingLevel, LoggingMessageNotificationParam};
use rmcp::service::RequestContext;
use serde_json::json;

/// Above every level: nothing is wanted.
const NOTHING: u8 = u8::MAX;

/// From which level on a client wants messages.
#[derive(Debug)]
pub(super) struct Wanted(AtomicU8);

impl Default for Wanted {
    /// A client of 2026-07-28 says it with each call.
    fn default() -> Self {
        Self(AtomicU8::new(NOTHING))
    }
}

impl Wanted {
    /// A client of an earlier generation wants them until it says something else.
    pub(super) fn set(&self, level: LoggingLevel) {
        self.0.store(rank(level), Ordering::Relaxed);
    }

    /// Tells the client something about a call, under the name of what tells it.
    pub(super) async fn tell(&self, context: &RequestContext<RoleServer>, logger: &str, message: String) {
        let from = context.meta.log_level().map_or_else(|| self.0.load(Ordering::Relaxed), rank);
        if rank(LoggingLevel::Info) < from {
            return;
        }
        let data = json!({ "msg": message, "extra": null });
        let said = LoggingMessageNotificationParam::new(LoggingLevel::Info, data).with_logger(logger);
        // A client that cannot be told gets its answer all the same.
        let _ = context.peer.notify_logging_message(said).await;
    }
}

fn rank(level: LoggingLevel) -> u8 {
    match level {
        LoggingLevel::Debug => 0,
        LoggingLevel::Info => 1,
        LoggingLevel::Notice => 2,
        LoggingLevel::Warning => 3,
        LoggingLevel::Error => 4,
        LoggingLevel::Critical => 5,
        LoggingLevel::Alert => 6,
        LoggingLevel::Emergency => 7,
    }
}
