//! How fast the client's stream is read: lines, records, and the folds over them. The budget is 500 MB/s for a stream as
//! sessions write it.

#[path = "parts/mod.rs"]
mod parts;

use std::hint::black_box;
use std::sync::LazyLock;
use std::time::Duration;

use autoskillit::core::redact::Redactor;
use autoskillit::execution::facts::Facts;
use autoskillit::execution::lines::Lines;
use autoskillit::execution::race::{Policy, Race, Signal};
use autoskillit::execution::record;
use divan::Bencher;
use divan::counter::BytesCount;

use parts::stream::Stream;

/// Size of each stream, in bytes.
const SIZE: usize = 64 << 20;

/// What a session reads from its pipe at once, at most.
const CHUNK: usize = 64 << 10;

static MIXED: LazyLock<Vec<u8>> = LazyLock::new(mixed);
static SMALL: LazyLock<Vec<u8>> = LazyLock::new(small);

fn main() {
    divan::main();
}

/// Everything that a session does with a stream, except for its log.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn mixed_stream(bencher: Bencher<'_, '_>) {
    reading(bencher, &MIXED);
}

/// The same for the stream that costs the most per byte: nothing but the smallest records.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn small_records(bencher: Bencher<'_, '_>) {
    reading(bencher, &SMALL);
}

/// The lines alone.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn mixed_stream_lines_only(bencher: Bencher<'_, '_>) {
    bencher.counter(BytesCount::of_slice(MIXED.as_slice())).bench(|| {
        let mut seen = 0usize;
        in_lines(&MIXED, |line| seen += line.len());
        seen
    });
}

/// Lines and records, without the folds.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn mixed_stream_records_only(bencher: Bencher<'_, '_>) {
    bencher.counter(BytesCount::of_slice(MIXED.as_slice())).bench(|| {
        in_lines(&MIXED, |line| {
            black_box(record::parse_lossy(line));
        });
    });
}

/// What the log adds: each line without its secrets.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn mixed_stream_redacted(bencher: Bencher<'_, '_>) {
    let redactor = Redactor::new([("SOME_API_KEY".to_owned(), "a secret of a person".to_owned())]);
    bencher.counter(BytesCount::of_slice(MIXED.as_slice())).bench(|| {
        in_lines(&MIXED, |line| {
            black_box(redactor.clean_bytes(line));
        });
    });
}

fn reading(bencher: Bencher<'_, '_>, stream: &[u8]) {
    bencher.counter(BytesCount::of_slice(stream)).bench(|| {
        let (mut facts, mut race) = (Facts::default(), Race::new(Policy::default()));
        in_lines(stream, |line| {
            if let Some(record) = record::parse_lossy(line) {
                race.observe(Duration::ZERO, &Signal::Stdout(&record));
                black_box(facts.observe(&record));
            }
        });
        (facts, race)
    });
}

fn in_lines(stream: &[u8], mut each: impl FnMut(&[u8])) {
    let mut lines = Lines::default();
    for chunk in stream.chunks(CHUNK) {
        lines.push(chunk, &mut each);
    }
    lines.finish(&mut each);
}

/// A session that reads, runs commands, writes and speaks, over and over.
fn mixed() -> Vec<u8> {
    let mut stream = Stream::with_room(SIZE + (1 << 20));
    stream.begin();
    while stream.bytes.len() < SIZE {
        stream.round();
    }
    stream.end();
    stream.bytes
}

/// Nothing but the smallest records there are.
fn small() -> Vec<u8> {
    let mut stream = Stream::with_room(SIZE + (1 << 20));
    while stream.bytes.len() < SIZE {
        stream.small_round();
    }
    stream.end();
    stream.bytes
}
