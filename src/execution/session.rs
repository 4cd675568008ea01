//! One session from start to verdict: the thin shell around the pure parts. It hears the client's stdout and stderr, the
//! warden's reports, the transcript and the wish to stop, tells each to the race, and does what the race decides.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use tokio::io::AsyncReadExt;
use tokio::time::{Instant, sleep_until};

use super::client::{Client, SessionSpec};
use super::facts::{Facts, Update};
use super::lines::Lines;
use super::liveness::Liveness;
use super::log::event::Event;
use super::log::{Place, SessionLog, files};
use super::named::{Named, look};
use super::pieces::Pieces;
use super::race::{Exit, Policy, Race, Signal, Step, Termination};
use super::record::{Record, parse_lossy};
use super::recorder::Tape;
use super::repeats::{Repeated, Watcher};
use super::tail::Tail;
use super::transcript::{TranscriptWatch, last_stop};
use super::verdict::{self, Declared, Evidence, SkillResult};
use super::warden::{Charge, Ladder, Leftover, Report, WardenProgram, spawn};
use crate::core::kind::ValueKind;
use crate::core::redact::Redactor;
use crate::core::stop::{Stop, StopSignal, more_urgent};
use crate::core::threads::blocking;
use crate::core::usage::Usage;
use crate::skills::Writes;
use crate::workspace::ledger::{Changes, Ledger, outside};

/// How much of stderr a verdict may quote, in bytes.
const STDERR_TAIL: usize = 8 << 10;

/// How long the end of stderr is waited for when nothing of the session runs any more.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// How coarse the times of files may be.
const COARSE: Duration = Duration::from_secs(2);

/// After the exit the warden sweeps; its own bounds are below this.
const SWEEP: Duration = Duration::from_secs(8);

/// A session to run.
#[derive(Debug, Clone, Copy)]
pub struct Session<'a> {
    /// What it is told.
    pub spec: &'a SessionSpec,
    /// The client.
    pub client: &'a Client,
    /// The warden.
    pub warden: &'a WardenProgram,
    /// Its whole environment.
    pub env: &'a [(OsString, OsString)],
    /// Its limits.
    pub policy: &'a Policy,
    /// Outputs that its skill declares.
    pub outputs: &'a [Declared],
    /// Whether its skill changes files.
    pub writes: Writes,
    /// How its places looked before it; `None` where that is not known.
    pub ledger: Option<&'a Ledger>,
    /// The folder that sessions pass files in, when it is not in the kitchen's.
    pub temp: Option<&'a Path>,
    /// Where its transcript will be.
    pub transcript: Option<&'a Path>,
    /// Its place in the run, unless it drives the run.
    pub place: Option<&'a Place>,
    /// Its folder in the run's, which exists.
    pub dir: &'a Path,
    /// For its log.
    pub redactor: &'a Redactor,
    /// Where it is recorded.
    pub tape: Option<&'a Tape>,
}

/// What people may see of a session while it runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Glimpse {
    /// The client runs.
    Spawned,
    /// What it does or says.
    Update(Update),
    /// It makes the same call again and again.
    Repeats(Repeated),
    /// What it used so far.
    Used(Usage),
    /// It is being ended.
    Ending(Termination),
}

/// How a session ended.
#[derive(Debug, Clone, Serialize)]
pub struct Ended {
    /// The verdict.
    pub verdict: SkillResult,
    /// Why it ended.
    pub termination: Termination,
    /// How the client ended.
    pub exit: Option<Exit>,
    /// What it left behind, now gone.
    pub left: Vec<Leftover>,
    /// How many more there were than `left` lists.
    pub unlisted: u32,
    /// Whether something held stdout open after the client was gone.
    pub stdout_held: bool,
    /// Lines of its stream that were too long to read.
    pub dropped_lines: u64,
    /// Why its log is not whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_trouble: Option<String>,
}

/// Runs a session to its end. Never fails: what goes wrong is a verdict.
pub async fn run(
    session: Session<'_>,
    watch: &(dyn Fn(Glimpse) + Send + Sync),
    mut stop: StopSignal,
) -> Ended {
    // File systems keep time more coarsely than clocks do.
    let since = SystemTime::now() - COARSE;
    let mut log = SessionLog::start(&session);
    let charge = Charge {
        tag: session.spec.session_id.clone(),
        argv: argv(&session),
        cwd: session.spec.cwd.clone(),
        stdin: Some(session.spec.prompt.clone()),
        report: Some(session.dir.join(files::WARDEN)),
        ladder: Ladder::session(),
    };
    let mut facts = Facts::default();
    let warded = match spawn(session.warden, charge, session.env.to_vec()).await {
        Ok(warded) => warded,
        Err(error) => {
            let why = format!("the warden cannot be started: {error}");
            log.event(Event::NotStarted { error: why.clone() });
            let found = Found {
                termination: Termination::NaturalExit,
                exit: None,
                not_started: Some(&why),
                transcript_stop: None,
            };
            let verdict = judge(&session, &facts, found, (None, &Named::default()), "");
            let ended = Ended {
                verdict,
                termination: Termination::NaturalExit,
                exit: None,
                left: Vec::new(),
                unlisted: 0,
                stdout_held: false,
                dropped_lines: 0,
                log_trouble: None,
            };
            return log.finish(&facts, session.outputs, ended);
        }
    };
    let (mut stdout, mut stderr, mut reports, control) =
        (warded.stdout, warded.stderr, warded.reports, warded.control);
    let mut transcript = session.transcript.map(|path| TranscriptWatch::start(path.to_owned()));
    let mut liveness = Liveness::new(session.policy.stale);
    let mut race = Race::new(session.policy.clone());
    let mut repeats = Watcher::new(session.policy.repeats, session.ledger);
    let mut lines = Lines::default();
    let (mut errors, mut pieces) = (Tail::new(STDERR_TAIL), Pieces::default());
    let (mut out, mut err) = (vec![0; 64 << 10], vec![0; 8 << 10]);
    let (mut stdout_open, mut stderr_open) = (true, true);
    let (mut wished, mut swept, mut not_started) = (Stop::No, false, None);
    let (mut left, mut unlisted) = (Vec::new(), 0);
    let began = Instant::now();

    let termination = loop {
        let wake = match race.step(began.elapsed()) {
            Step::Wait(until) => until,
            Step::End(why) => {
                facts.closing = true;
                watch(Glimpse::Ending(why));
                if let Some(tape) = session.tape {
                    tape.ending(why);
                }
                log.event(Event::Decided { termination: why });
                log.look();
                control.end();
                continue;
            }
            Step::Over(why) => break why,
        };
        let look = log.next_look();
        tokio::select! {
            read = stdout.read(&mut out), if stdout_open => {
                let (at, sees) = (began.elapsed(), liveness.sees());
                let count = read.unwrap_or(0);
                let mut take = |line: &[u8]| {
                    let record = parse_lossy(line);
                    if !record.as_ref().is_some_and(Record::is_passing) {
                        log.line(line);
                        if let Some(tape) = session.tape { tape.line(line); }
                    }
                    if let Some(record) = record {
                        log.record(&record);
                        race.observe(at, &Signal::Stdout(&record));
                        if let Some(repeated) = repeats.record(&record) {
                            log.event(Event::Repeats(repeated.clone()));
                            watch(Glimpse::Repeats(repeated));
                        }
                        if matches!(record, Record::ToolProgress { .. }) && !sees {
                            race.observe(at, &Signal::Alive);
                        }
                        match facts.observe(&record) {
                            Update::Nothing => {}
                            update => watch(Glimpse::Update(update)),
                        }
                    }
                };
                if count == 0 {
                    lines.finish(&mut take);
                    stdout_open = false;
                    log.event(Event::EndOfStream);
                    race.observe(at, &Signal::Eof);
                } else {
                    lines.push(&out[..count], &mut take);
                    watch(Glimpse::Used(facts.usage()));
                }
            }
            read = stderr.read(&mut err), if stderr_open => match read {
                Ok(count) if count > 0 => {
                    pieces.push(&err[..count], |piece| take_error(&session, &mut errors, &mut log, piece));
                }
                _ => stderr_open = false,
            },
            report = reports.next(), if !swept => match report {
                Some(Report::Spawned { pid }) => {
                    liveness.client(pid);
                    log.spawned(pid);
                    watch(Glimpse::Spawned);
                }
                Some(Report::SpawnFailed { error, .. }) => {
                    let why = format!("{} cannot be started: {error}", session.client.program.display());
                    log.event(Event::NotStarted { error: why.clone() });
                    not_started = Some(why);
                    race.observe(began.elapsed(), &Signal::Exited(None));
                    race.observe(began.elapsed(), &Signal::Eof);
                }
                Some(Report::Exited(exit)) => {
                    log.event(Event::Exited { exit });
                    race.observe(began.elapsed(), &Signal::Exited(Some(exit)));
                }
                Some(Report::Ended { left: found, unlisted: more, .. } | Report::Lost { left: found, unlisted: more }) => {
                    (left, unlisted) = (found, more);
                    swept = true;
                    race.observe(began.elapsed(), &Signal::Exited(None));
                }
                None => {
                    swept = true;
                    race.observe(began.elapsed(), &Signal::Exited(None));
                }
            },
            () = grown(transcript.as_mut()) => race.observe(began.elapsed(), &Signal::Transcript),
            alive = liveness.sample() => if alive {
                race.observe(began.elapsed(), &Signal::Alive);
            },
            repeated = repeats.enough() => {
                log.event(Event::Repeats(repeated.clone()));
                facts.repeated = Some(repeated);
                race.observe(began.elapsed(), &Signal::Repeats);
            }
            more = more_urgent(&mut stop, wished) => {
                wished = more;
                log.event(Event::StopWished { now: more == Stop::Now });
                race.observe(began.elapsed(), &Signal::Cancel);
                if more == Stop::Now {
                    control.kill();
                }
            }
            () = due(look) => log.look(),
            () = sleep_until(began + wake) => {}
        }
    };
    // Nothing of the session may be left when its step is over, so the sweep is waited for. It is bounded on its own side.
    while !swept {
        match tokio::time::timeout(SWEEP, reports.next()).await {
            Ok(Some(
                Report::Ended { left: found, unlisted: more, .. }
                | Report::Lost { left: found, unlisted: more },
            )) => {
                (left, unlisted) = (found, more);
                swept = true;
            }
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => swept = true,
        }
    }
    log.event(Event::Swept { left: left.len() + unlisted as usize });
    // Its last words may still be in the pipe, and they may say why it ended. With all writers gone the pipe ends at once.
    let last_words = Instant::now() + LAST_WORDS;
    while stderr_open {
        match tokio::time::timeout_at(last_words, stderr.read(&mut err)).await {
            Ok(Ok(count)) if count > 0 => {
                pieces.push(&err[..count], |piece| take_error(&session, &mut errors, &mut log, piece));
            }
            _ => stderr_open = false,
        }
    }
    pieces.finish(|piece| take_error(&session, &mut errors, &mut log, piece));
    let changes = changes(&session, &facts).await;
    let named = named(&session, &facts, since).await;
    let transcript_stop = match (&facts.result, session.transcript) {
        (None, Some(path)) => last_stop(path),
        _ => None,
    };
    let found = Found {
        termination,
        exit: race.exit(),
        not_started: not_started.as_deref(),
        transcript_stop: transcript_stop.as_deref(),
    };
    let verdict = judge(&session, &facts, found, (changes.as_ref(), &named), &errors.text());
    let ended = Ended {
        verdict,
        termination,
        exit: race.exit(),
        left,
        unlisted,
        stdout_held: race.stdout_held() && not_started.is_none(),
        dropped_lines: lines.dropped(),
        log_trouble: None,
    };
    log.finish(&facts, session.outputs, ended)
}

/// A piece of stderr, wherever it is kept.
fn take_error(session: &Session<'_>, errors: &mut Tail, log: &mut SessionLog, piece: &[u8]) {
    let clean = session.redactor.clean_bytes(piece);
    errors.push(&clean);
    log.stderr(&clean);
    if let Some(tape) = session.tape {
        tape.stderr(&clean);
    }
}

fn argv(session: &Session<'_>) -> Vec<String> {
    let mut argv = vec![session.client.program.to_string_lossy().into_owned()];
    argv.extend(session.client.leading.iter().cloned());
    argv.extend(session.spec.args());
    argv
}

/// How the client's process ended.
struct Found<'a> {
    termination: Termination,
    exit: Option<Exit>,
    not_started: Option<&'a str>,
    transcript_stop: Option<&'a str>,
}

fn judge(
    session: &Session<'_>,
    facts: &Facts,
    found: Found<'_>,
    (changes, named): (Option<&Changes>, &Named),
    stderr: &str,
) -> SkillResult {
    verdict::judge(&Evidence {
        termination: found.termination,
        exit: found.exit,
        facts,
        not_started: found.not_started,
        stderr,
        declared: session.outputs,
        writes: session.writes,
        changes,
        named,
        needs: &session.policy.needs,
        transcript_stop: found.transcript_stop,
        session_id: &session.spec.session_id,
    })
}

/// What changed on disk, and where its tools say that they wrote.
async fn changes(session: &Session<'_>, facts: &Facts) -> Option<Changes> {
    let ledger = session.ledger?.clone();
    let mut changes = blocking(move || ledger.changes()).await?;
    let written = facts.calls.values().filter(|call| call.writes() && call.ok == Some(true));
    for path in outside(&session.spec.cwd, written.map(|call| call.target.as_str())) {
        if !changes.outside.contains(&path) {
            changes.outside.push(path);
        }
    }
    Some(changes)
}

/// What is wrong with the files that its outputs name.
async fn named(session: &Session<'_>, facts: &Facts, since: SystemTime) -> Named {
    let declared: Vec<Declared> =
        session.outputs.iter().filter(|output| output.kind == ValueKind::Path).cloned().collect();
    // A played answer may be made up, or tell of files as they were elsewhere.
    if declared.is_empty() || session.client.player {
        return Named::default();
    }
    let given = verdict::outputs(facts, &declared);
    let cwd = session.spec.cwd.clone();
    let more = [session.ledger.map(Ledger::top), session.temp].into_iter().flatten();
    let more: Vec<PathBuf> = more.map(Path::to_owned).collect();
    blocking(move || look(&given, &declared, &cwd, &more, since)).await
}

async fn due(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

async fn grown(watch: Option<&mut TranscriptWatch>) {
    match watch {
        Some(watch) => watch.grown().await,
        None => std::future::pending().await,
    }
}
