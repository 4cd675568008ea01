//! What the integration tests share: the scripted Messages API, the real client that talks to it, the kitchen in which
//! the binary cooks with both, and the clients of others that its server talks to.

#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    clippy::allow_attributes,
    reason = "each test binary includes this tree and uses a part of it"
)]
#![expect(clippy::expect_used, reason = "a broken test environment should stop the test with words")]

pub mod api;
pub mod client;
pub mod driver;
pub mod kitchen;
pub mod peers;
