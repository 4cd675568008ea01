//! One warden: its size, and what its start takes.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use autoskillit::core::ids;
use autoskillit::execution::warden::{Charge, Ladder, Report, Warded, spawn};

use crate::held::{Memory, cpu_of, descriptors, parent, threads};
use crate::kitchen::Kitchen;
use crate::table::{Budget, Spread, heading, judged, row};

/// Starts that count, after one that only warms up.
const TURNS: usize = 50;

/// Memory of its own, in MB.
pub(crate) const BUDGET: f64 = 3.0;

pub(crate) fn measure(kitchen: &Arc<Kitchen>) {
    let (mut bare, mut warded, mut wardens) = (Vec::new(), Vec::new(), Vec::new());
    for turn in 0..=TURNS {
        let alone = alone();
        let (took, warden) = kitchen.runtime.block_on(under_a_warden(kitchen));
        if turn > 0 {
            bare.push(alone.as_secs_f64() * 1000.0);
            warded.push(took.as_secs_f64() * 1000.0);
            wardens.push(warden);
        }
    }
    heading(&format!("a warden alone, {TURNS} of them"));
    sizes(&wardens.iter().map(|warden| warden.memory).collect::<Vec<_>>());
    row("threads", wardens.iter().map(|warden| warden.threads).max().unwrap_or_default());
    row("descriptors", wardens.iter().map(|warden| warden.descriptors).max().unwrap_or_default());
    let cpu = Spread::of(wardens.iter().map(|warden| warden.cpu));
    row("CPU time until the client runs, in ms (median)", format!("{:.2}", cpu.at(50)));
    row(&format!("from the call until the client runs, in ms: {}", Spread::of(warded)), "");
    row(&format!("a bare process, in ms: {}", Spread::of(bare)), "");
}

/// The lines on the memory of wardens.
pub(crate) fn sizes(wardens: &[Memory]) {
    let spread = |part: fn(&Memory) -> f64| Spread::of(wardens.iter().map(part));
    let (own, share, resident) =
        (spread(|memory| memory.own), spread(|memory| memory.share), spread(|memory| memory.resident));
    judged(
        "memory of its own, the most, in MB",
        format!("{:.2}", own.at(100)),
        &Budget::at_most(own.at(100), BUDGET, "MB"),
    );
    row("    the least, the median", format!("{:.2}, {:.2}", own.at(0), own.at(50)));
    row(
        "with pages that nobody else has at the moment, in MB (median)",
        format!("{:.2}", spread(|memory| memory.alone).at(50)),
    );
    row("with its share of common pages, in MB (median)", format!("{:.2}", share.at(50)));
    row("resident, in MB (median)", format!("{:.2}", resident.at(50)));
}

struct Warden {
    memory: Memory,
    threads: usize,
    descriptors: usize,
    cpu: f64,
}

/// A client that waits, without a warden.
fn alone() -> Duration {
    let mut command = Command::new("sleep");
    command.arg("300").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let began = Instant::now();
    let mut child = command.spawn().expect("a process starts");
    let took = began.elapsed();
    child.kill().expect("a child can be killed");
    child.wait().expect("a child ends");
    took
}

/// The same client under a warden.
async fn under_a_warden(kitchen: &Kitchen) -> (Duration, Warden) {
    let charge = Charge {
        tag: ids::session_id(),
        argv: vec!["sleep".into(), "300".into()],
        cwd: std::env::temp_dir(),
        stdin: None,
        report: None,
        ladder: Ladder::command(),
    };
    let env = kitchen.env.clone();
    let began = Instant::now();
    let mut warded = spawn(&kitchen.warden, charge, env).await.expect("a warden starts");
    let Some(Report::Spawned { pid }) = warded.next_report().await else { panic!("the client runs") };
    let took = began.elapsed();
    let warden = look(parent(pid).expect("the client has a warden")).expect("the warden lives");
    warded.control.kill();
    to_the_end(warded).await;
    (took, warden)
}

fn look(pid: u32) -> Option<Warden> {
    let cpu = cpu_of(pid)?.as_secs_f64() * 1000.0;
    Some(Warden { memory: Memory::of(pid)?, threads: threads(pid), descriptors: descriptors(pid).0, cpu })
}

async fn to_the_end(mut warded: Warded) {
    while warded.next_report().await.is_some() {}
}
