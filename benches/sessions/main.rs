//! What sessions cost us: how soon their end is known, what a stream of a gigabyte and two hundred sessions at once take, how large a
//! warden is. Everything goes the real way (warden, race, log, verdict), with the player or the real client in it.
//!
//! `cargo bench --bench sessions` runs all sections, in about two minutes; `cargo bench --bench sessions -- exit stream` those that are
//! named: `exit`, `stream`, `crowd`, `warden`.

#![expect(clippy::expect_used, reason = "a bench that cannot be set up should stop with words")]
#![expect(clippy::print_stdout, reason = "a bench reports to the terminal")]

#[path = "../../tests/support/mod.rs"]
mod support;
#[path = "../../tests/support/spec.rs"]
mod spec;

#[path = "../parts/mod.rs"]
mod parts;

mod crowd;
mod exit;
mod held;
mod kitchen;
mod stream;
mod table;
mod warden;

use std::sync::Arc;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use held::Noise;
use kitchen::Kitchen;

/// How many files a process may open where nobody changed that: the soft limit of Linux.
const USUAL_FILES: u64 = 1024;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().map(String::as_str) == Some(stream::TALKER) {
        return stream::talk(arguments.get(1).expect("how much to say"), arguments.get(2).expect("what"));
    }
    // `cargo test --benches` only asks whether this compiles and starts.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    if !std::path::Path::new("/proc/self/stat").exists() {
        println!("not measured: there is no /proc here");
        return;
    }
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("limits can be read");
    setrlimit(Resource::RLIMIT_NOFILE, USUAL_FILES.min(hard), hard).expect("a limit can be lowered");
    let sections: [(&str, fn(&Arc<Kitchen>)); 4] = [
        ("exit", exit::measure),
        ("stream", stream::measure),
        ("crowd", crowd::measure),
        ("warden", warden::measure),
    ];
    let named = |name: &str| arguments.iter().any(|argument| argument == name);
    let all = !sections.iter().any(|(name, _)| named(name));
    let kitchen = Arc::new(Kitchen::new());
    for (name, measure) in sections {
        if all || named(name) {
            let noise = Noise::start();
            measure(&kitchen);
            noise.tell();
        }
    }
}
