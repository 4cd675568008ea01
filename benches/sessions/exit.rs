//! From the exit of the client's process until the verdict is there.
//!
//! When it exited is seen from outside: a thread looks at the process in `/proc` again and again, about every 0.15 ms, and the last look
//! that still found it counts. So a figure is too large by up to the time between two looks, never too small. It holds all that we do: the
//! warden's notice, its sweep and its account (synced to disk), the end of the streams, the verdict, the log. It does not hold what the
//! client takes to go away once it has decided to.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use autoskillit::execution::client::Client;
use autoskillit::execution::session::Glimpse;

use crate::held::lives;
use crate::kitchen::Kitchen;
use crate::support::client::require_client;
use crate::table::{Budget, Spread, heading, judged, row};

/// Sessions of each kind that count, after one that only warms up.
const PLAYED: usize = 100;
const REAL: usize = 50;

/// In milliseconds.
const BUDGET: f64 = 20.0;

/// Between two looks at the process.
const LOOK: Duration = Duration::from_micros(100);

pub(crate) fn measure(kitchen: &Arc<Kitchen>) {
    heading("from the client's exit to the verdict, in ms");
    report("the player", &delays(kitchen, &kitchen.player("leave", "0.1"), PLAYED));
    if let Some(program) = require_client() {
        let client = Client { program, leading: Vec::new(), player: false };
        report("the real client", &delays(kitchen, &client, REAL));
    }
}

/// Prints what was measured, judged by its 95th percentile.
pub(crate) fn report(who: &str, delays: &Spread) {
    let p95 = delays.at(95);
    judged(
        &format!("{who}, {} sessions, p95", delays.count()),
        format!("{p95:.2}"),
        &Budget::at_most(p95, BUDGET, "ms"),
    );
    row(&format!("    {delays}"), "");
}

/// So many sessions, one after the other.
pub(crate) fn delays(kitchen: &Kitchen, client: &Client, count: usize) -> Spread {
    // One only warms up.
    let all: Vec<f64> = (0..=count).map(|_| delay(kitchen, client)).collect();
    Spread::of(all.into_iter().skip(1))
}

fn delay(kitchen: &Kitchen, client: &Client) -> f64 {
    let ticket = kitchen.ticket();
    let (tell, told) = channel();
    let observer = std::thread::spawn(move || {
        let pid: u32 = told.recv().expect("the session tells its process");
        let mut last = None;
        loop {
            let now = Instant::now();
            if !lives(pid) {
                break last;
            }
            last = Some(now);
            std::thread::sleep(LOOK);
        }
    });
    let watch = |glimpse: Glimpse| {
        let tell: &Sender<u32> = &tell;
        if glimpse == Glimpse::Spawned
            && let Some(pid) = ticket.client()
        {
            let _ = tell.send(pid);
        }
    };
    let ended = kitchen.run_alone(&ticket, client, &watch);
    let known = Instant::now();
    assert!(ended.verdict.success, "{:?}", ended.verdict);
    let exited = observer.join().expect("the observer ends").expect("the client was seen alive");
    (known - exited).as_secs_f64() * 1000.0
}
