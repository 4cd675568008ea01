//! What `tests/fuzz` looks for at length, for a few seconds in every test run: recorded real streams, recipes, and changes of them.

use std::path::Path;

#[path = "../fuzz/targets.rs"]
mod targets;

/// A generator that gives the same numbers in every run: a failure is found again.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        // Knuth's MMIX constants; the upper half is the random one.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % below.max(1)
    }
}

/// Changes that a broken pipe, a broken disk or a client of another version would make.
fn changed(seed: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=numbers.next(4) {
        let (from, to) = (numbers.next(bytes.len()), numbers.next(bytes.len()));
        let (from, to) = (from.min(to), from.max(to));
        match numbers.next(7) {
            0 => bytes.truncate(to),
            1 => drop(bytes.drain(from..to)),
            2 => {
                let part = bytes[from..to].to_vec();
                bytes.splice(from..from, part);
            }
            3 if !bytes.is_empty() => bytes[from] = u8::try_from(numbers.next(256)).unwrap_or_default(),
            4 => bytes.insert(from, b'\n'),
            5 => bytes[from..to].reverse(),
            _ => bytes[from..to].iter_mut().filter(|byte| **byte == b'"').for_each(|byte| *byte = b'{'),
        }
    }
    bytes
}

#[test]
fn recorded_streams_and_changes_of_them_hold_what_must_be_true() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/streams");
    let mut seeds: Vec<Vec<u8>> = std::fs::read_dir(corpus)
        .unwrap()
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
        .collect();
    assert!(seeds.len() >= 6, "the corpus is there");
    seeds.push(Vec::new());
    let mut numbers = Numbers(2026);
    let mut successes = 0;
    for seed in &seeds {
        for round in 0..40 {
            let bytes = if round == 0 { seed.clone() } else { changed(seed, &mut numbers) };
            targets::stream(&bytes);
            targets::transcript(&bytes);
            // The verdict's first bytes choose how the session ended: a stream's own would always choose the same.
            let mut chosen: Vec<u8> =
                (0..8).map(|_| u8::try_from(numbers.next(256)).unwrap_or_default()).collect();
            chosen.extend(&bytes);
            successes += usize::from(targets::verdict(&chosen));
        }
    }
    assert!(successes > 0, "what holds of a success was looked at");
}

#[test]
fn recipes_and_changes_of_them_compile_or_say_where() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["tests/corpus/recipes/legacy", "recipes"];
    let mut seeds: Vec<Vec<u8>> = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(root.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && !path.to_string_lossy().ends_with(".tests.yaml"))
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    assert!(seeds.len() >= 8, "the corpus is there");
    seeds.push(Vec::new());
    let mut numbers = Numbers(2027);
    let mut good = 0;
    for seed in &seeds {
        for round in 0..25 {
            let bytes = if round == 0 { seed.clone() } else { changed(seed, &mut numbers) };
            good += usize::from(targets::recipe(&bytes));
        }
    }
    assert!(good >= 8, "recipes that compile were looked at");
}
