//! The threads that a command works with.

use tokio::runtime::{Builder, Runtime};

use super::error::AppError;

/// Two threads that work; what blocks gets its own.
///
/// # Errors
/// When the system gives none.
pub fn runtime() -> Result<Runtime, AppError> {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| AppError::environment(format!("cannot start threads: {error}")))
}
