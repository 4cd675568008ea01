//! A session that says a gigabyte: what that takes of us, the log included.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use autoskillit::execution::client::Client;
use autoskillit::execution::session::Glimpse;

use crate::held::{Memory, forget_peak, own_cpu, parent, peak};
use crate::kitchen::Kitchen;
use crate::parts::stream::Stream;
use crate::table::{Budget, heading, judged, row};

/// The argument with which this program is the client that talks: how much it says, and what.
pub(crate) const TALKER: &str = "talker";

/// Bytes of an ordinary session's mix, and of the smallest records there are.
const MIXED: usize = 1 << 30;
const SMALL: usize = 64 << 20;

/// Every so many rounds of the mix comes a result of this length: a large file that was read.
const LONG_EVERY: usize = 512;
const LONG: usize = 8 << 20;

/// More memory than before that a stream may take, in MB: some buffers of the longest line, and the heap's slack.
const BUDGET: f64 = 64.0;

/// How often the warden is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// The client that talks.
pub(crate) fn talk(much: &str, what: &str) {
    let much: usize = much.parse().expect("a number of bytes");
    let mut out = std::io::stdout().lock();
    let mut stream = Stream::with_room(2 * LONG);
    let (mut said, mut rounds) = (0, 0);
    stream.begin();
    while said < much {
        match what {
            "mixed" => stream.round(),
            _ => stream.small_round(),
        }
        rounds += 1;
        if what == "mixed" && rounds % LONG_EVERY == 0 {
            stream.tool("Read", &serde_json::json!({ "file_path": "/repo/menu.json" }), LONG);
        }
        if stream.bytes.len() > 256 << 10 {
            said += stream.bytes.len();
            out.write_all(&stream.bytes).expect("somebody listens");
            stream.bytes.clear();
        }
    }
    stream.end();
    out.write_all(&stream.bytes).expect("somebody listens");
}

pub(crate) fn measure(kitchen: &Arc<Kitchen>) {
    let mut talker = Command::new(std::env::current_exe().expect("this program has a path"));
    talker.args([TALKER, &MIXED.to_string(), "mixed"]).stdin(Stdio::null()).stdout(Stdio::null());
    let began = Instant::now();
    assert!(talker.status().expect("the talker runs").success());
    let alone = began.elapsed();

    heading("a session that says 1 GB, with its log");
    let mixed = said(kitchen, MIXED, "mixed");
    let speed = |took: Duration| MIXED as f64 / took.as_secs_f64() / 1e6;
    judged(
        "memory: the peak above what there was before, in MB",
        format!("{:.1}", mixed.grown),
        &Budget::at_most(mixed.grown, BUDGET, "MB"),
    );
    row(
        "    resident before, at the peak, in MB",
        format!("{:.1}, {:.1}", mixed.before, mixed.before + mixed.grown),
    );
    row("records", mixed.records);
    row("through the session, in MB/s", format!("{:.0}", speed(mixed.took)));
    row("    the talker alone, into nothing, in MB/s", format!("{:.0}", speed(alone)));
    row("    by our own CPU time, in MB/s", format!("{:.0}", speed(mixed.cpu)));
    row("the log of the stream, in MB", format!("{:.0}", mixed.log as f64 / 1e6));
    row(
        "the warden at the end: resident, own, in MB",
        format!("{:.1}, {:.2}", mixed.warden.resident, mixed.warden.own),
    );

    heading("a session that says 64 MB in the smallest records");
    let small = said(kitchen, SMALL, "small");
    row("memory above what there was before, in MB", format!("{:.1}", small.grown));
    // A round of four records has two messages.
    let messages = small.records as f64 / 2.0;
    row(
        "    for each message, for its calls are kept, in B",
        format!("{:.0}", small.grown * 1_048_576.0 / messages),
    );
}

/// What a session with a long stream took.
struct Said {
    took: Duration,
    cpu: Duration,
    before: f64,
    grown: f64,
    records: u64,
    log: u64,
    warden: Memory,
}

fn said(kitchen: &Kitchen, much: usize, what: &str) -> Said {
    let client = Client {
        program: std::env::current_exe().expect("this program has a path"),
        leading: [TALKER, &much.to_string(), what].map(str::to_owned).to_vec(),
        player: false,
    };
    let ticket = kitchen.ticket();
    let pid = AtomicU32::new(0);
    let watch = |glimpse: Glimpse| {
        if glimpse == Glimpse::Spawned {
            pid.store(ticket.client().unwrap_or_default(), Ordering::Relaxed);
        }
    };
    forget_peak();
    let before = peak();
    let (began, cpu) = (Instant::now(), own_cpu());
    let mut last = Memory::default();
    let ended = std::thread::scope(|scope| {
        let session = scope.spawn(|| kitchen.run_alone(&ticket, &client, &watch));
        while !session.is_finished() {
            if let Some(warden) = parent(pid.load(Ordering::Relaxed)).and_then(Memory::of) {
                last = warden;
            }
            std::thread::park_timeout(LOOK);
        }
        session.join().expect("a session ends")
    });
    let (took, cpu) = (began.elapsed(), own_cpu() - cpu);
    assert!(ended.verdict.success && ended.dropped_lines == 0, "{:?}", ended.verdict);
    let summary =
        autoskillit::execution::log::summary::Summary::read(&ticket.dir).expect("there is a summary");
    let log = ticket.dir.join("stream.ndjson");
    let size = std::fs::metadata(&log).expect("the stream is in the log").len();
    std::fs::remove_file(&log).expect("a log can be removed");
    assert!(size as usize >= much, "the log is whole");
    Said { took, cpu, before, grown: peak() - before, records: summary.records, log: size, warden: last }
}
