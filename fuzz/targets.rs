//! What is fuzzed: each function takes any bytes and holds what must be true of them. The fuzzer's targets and `tests/fuzz_corpus.rs` share
//! these.

use std::time::Duration;

use autoskillit::execution::facts::Facts;
use autoskillit::execution::lines::Lines;
use autoskillit::execution::named::Named;
use autoskillit::execution::race::{Exit, Policy, Race, Signal, Step, Termination};
use autoskillit::execution::record::{Record, parse_lossy};
use autoskillit::execution::transcript::stop_of;
use autoskillit::execution::verdict::{Declared, Evidence, SkillResult, judge};
use autoskillit::recipe::executable::gaps;
use autoskillit::recipe::model::RecipeSource;
use autoskillit::recipe::print::print;
use autoskillit::recipe::{AnySkill, Origin, compile, yaml};
use autoskillit::skills::Writes;
use autoskillit::workspace::ledger::Changes;

/// The longest line that is kept here: memory must be bounded by it.
const CAP: usize = 1 << 20;

/// A client's stream. However it is cut into chunks, it says the same; whatever it says, nothing panics, and the session ends.
pub(crate) fn stream(bytes: &[u8]) {
    let whole = read(bytes, bytes.len().max(1));
    let by_one = read(bytes, 1);
    // The bytes themselves say how they are cut a third time.
    let cut = usize::from(bytes.first().copied().unwrap_or_default()).max(2);
    let by_some = read(bytes, cut);
    assert_eq!(format!("{whole:?}"), format!("{by_one:?}"), "cut into single bytes it says something else");
    assert_eq!(format!("{whole:?}"), format!("{by_some:?}"), "cut every {cut} bytes it says something else");
    let facts = facts(&whole);
    race(&whole);
    sound(&judge(&Evidence { stderr: &String::from_utf8_lossy(bytes), ..Evidence::of(&facts) }));
}

/// The end of a transcript: any bytes are an answer or none.
pub(crate) fn transcript(bytes: &[u8]) {
    let stop = stop_of(bytes);
    assert!(stop.is_none_or(|stop| stop.len() <= bytes.len()));
}

/// A verdict over any evidence. The first bytes choose how the session ended, the rest is its stream. Gives whether it was
/// success.
pub(crate) fn verdict(bytes: &[u8]) -> bool {
    let at = |index: usize| bytes.get(index).copied().unwrap_or_default();
    let rest = bytes.get(8..).unwrap_or_default();
    let facts = facts(&read(rest, rest.len().max(1)));
    const ENDINGS: [Termination; 10] = [
        Termination::NaturalExit,
        Termination::Completed,
        Termination::LeftOpen,
        Termination::IdleStall,
        Termination::Stale,
        Termination::TimedOut,
        Termination::Cancelled,
        Termination::Unauthenticated,
        Termination::Unfit,
        Termination::NoProgress,
    ];
    let exit = match at(1) % 4 {
        0 => None,
        1 => Some(Exit { code: None, signal: Some(i32::from(at(2))) }),
        _ => Some(Exit { code: Some(i32::from(at(2))), signal: None }),
    };
    let declared: Vec<Declared> =
        (0..at(3) % 3).map(|number| Declared::required(&format!("output{number}"))).collect();
    let paths = |count: u8| (0..count % 4).map(|number| format!("file{number}")).collect();
    let changes = Changes { inside: paths(at(4)), outside: paths(at(4) >> 2) };
    let path = |wrong: bool| wrong.then(|| ("output0".to_owned(), "x".to_owned())).into_iter().collect();
    let named = Named { absent: path(at(8) & 3 == 1), astray: path(at(8) & 3 == 2), fresh: at(8) & 4 == 4 };
    let evidence = Evidence {
        termination: ENDINGS[usize::from(at(0)) % ENDINGS.len()],
        exit,
        not_started: (at(5) == 7).then_some("it cannot be started"),
        declared: &declared,
        writes: [Writes::Never, Writes::Conditional, Writes::Always][usize::from(at(6)) % 3],
        changes: (at(4) & 128 == 0).then_some(&changes),
        named: &named,
        transcript_stop: (at(7) & 1 == 1).then_some("end_turn"),
        ..Evidence::of(&facts)
    };
    let verdict = judge(&evidence);
    sound(&verdict);
    if verdict.success {
        let there =
            |output: &Declared| verdict.outputs.get(&output.name).is_some_and(|value| !value.is_null());
        assert!(declared.iter().all(there), "success without {declared:?}: {verdict:?}");
        assert!(
            matches!(evidence.termination, Termination::NaturalExit | Termination::Completed),
            "{verdict:?}"
        );
    }
    verdict.success
}

/// The text of a recipe. It compiles, or every problem has its place in it; what compiles is printed, and what is printed is
/// read again as the same. Gives whether it compiled.
pub(crate) fn recipe(bytes: &[u8]) -> bool {
    let Ok(text) = yaml::decode(bytes.to_vec()) else { return false };
    let origin =
        Origin { file: "x.yaml".to_owned(), stem: "x".to_owned(), source: RecipeSource::Path, path: None };
    let loaded = match compile(&text, &origin, &AnySkill) {
        Ok(loaded) => loaded,
        Err(problems) => {
            assert!(problems.errors() > 0);
            for (range, _) in problems.list().iter().flat_map(|problem| &problem.labels) {
                assert!(problems.text().get(range.clone()).is_some(), "{range:?} is no place in {text}");
            }
            return false;
        }
    };
    let _ = gaps(&loaded.recipe);
    let printed = print(&loaded.recipe);
    let again = match compile(&printed, &origin, &AnySkill) {
        Ok(again) => again.recipe,
        Err(problems) => panic!("{problems}: {:#?}\nprinted of\n{text}\nis\n{printed}", problems.list()),
    };
    assert_eq!(printed, print(&again), "printed of\n{text}");
    true
}

fn read(bytes: &[u8], chunk: usize) -> Vec<Record> {
    let mut lines = Lines::with_cap(CAP);
    let mut records = Vec::new();
    for part in bytes.chunks(chunk) {
        lines.push(part, |line| records.extend(parse_lossy(line)));
    }
    lines.finish(|line| records.extend(parse_lossy(line)));
    records
}

fn facts(records: &[Record]) -> Facts {
    let mut facts = Facts::default();
    for record in records {
        facts.observe(record);
    }
    facts
}

/// A session that says this, one record a second, ends at the latest with its wall clock and the warden's ladder.
fn race(records: &[Record]) {
    let policy = Policy { wall_clock: Duration::from_secs(600), ..Policy::default() };
    let last = policy.wall_clock + policy.ladder;
    let mut race = Race::new(policy);
    for (second, record) in records.iter().enumerate() {
        let at = Duration::from_secs(second as u64);
        race.observe(at, &Signal::Stdout(record));
        if let Step::Wait(until) = race.step(at) {
            assert!(until > at, "a wait is in the future");
        }
    }
    let late = last.max(Duration::from_secs(records.len() as u64));
    race.step(late);
    assert!(matches!(race.step(late + last), Step::Over(_)));
}

/// What holds of every verdict.
fn sound(verdict: &SkillResult) {
    assert!(!(verdict.success && verdict.needs_retry), "success and retry never go together: {verdict:?}");
    assert!(!(verdict.success && verdict.is_error), "{verdict:?}");
    assert!(
        !verdict.subtype.is_empty() && !verdict.because.is_empty(),
        "a verdict says what it is and why: {verdict:?}"
    );
    assert_eq!(verdict.success, verdict.subtype == "success", "{verdict:?}");
}
