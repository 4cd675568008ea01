//! The ways that a run can go on from where it stands: what its call can come to, what can be answered, how long a list can be.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::engine::dry::{Dry, Need, Passed};
use crate::engine::event::{Event, Next, RunEnded, RunStatus};
use crate::engine::guess::{Guess, item, successes};
use crate::engine::host::Outcome;
use crate::engine::place::{Frame, any_item};
use crate::engine::run::step_of;
use crate::engine::strand::LoopStarted;
use crate::engine::transition::{Asked, Polled, Try};
use crate::execution::verdict::RetryReason;
use crate::recipe::expr::{Expr, Operand, Test};
use crate::recipe::model::{Arg, Recipe, Step, StepKind, Target};

/// One way to go on.
#[derive(Debug, Clone)]
pub(super) struct Way {
    /// In words, after the name of the step.
    pub(super) told: String,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Outcome(Try, Outcome),
    /// The try ends with this, whatever its conditions say.
    Assumed(Try, Box<Event>),
    Answer(Asked, String),
    Loop(Box<LoopStarted>),
    Stop,
}

impl Way {
    /// Goes this way. Gives the end, when it is one.
    pub(super) fn take(&self, run: &mut Dry<'_>, passed: Passed<'_>) -> Option<RunEnded> {
        match &self.what {
            What::Outcome(tried, outcome) => run.outcome(tried, outcome.clone(), passed),
            What::Assumed(tried, event) => {
                run.begin(tried, passed);
                run.take((**event).clone(), passed);
            }
            What::Answer(asked, given) => run.answer(asked, given, passed),
            What::Loop(begun) => run.take(Event::LoopStarted((**begun).clone()), passed),
            What::Stop => {
                let end = run.stopped("stopped by the user");
                return run.end(end, passed);
            }
        }
        None
    }
}

/// Whether an event is one that there are several ways for: a list that is only known in a run.
pub(super) fn is_open(recipe: &Recipe, event: &Event) -> bool {
    let Event::LoopStarted(begun) = event else { return false };
    let (frame, name) = Frame::of(&begun.step);
    step_of(recipe, &frame, name).is_some_and(
        |step| matches!(&step.kind, StepKind::ForEach(each) if !matches!(each.list, Arg::Literal(_))),
    )
}

/// All ways on. What had to be assumed for them is added to `assumed`.
pub(super) fn ways(
    run: &Dry<'_>,
    guess: &Guess<'_>,
    need: &Need,
    assumed: &mut BTreeSet<String>,
) -> Vec<Way> {
    let mut ways = match need {
        Need::Outcome(tried) => {
            let (frame, name) = Frame::of(&tried.step);
            match step_of(run.recipe, &frame, name) {
                Some(step) => outcomes(run, guess, step, tried, assumed),
                None => Vec::new(),
            }
        }
        Need::Answer(asked) => asked
            .answers
            .iter()
            .map(|given| Way {
                told: format!("is answered `{given}`"),
                what: What::Answer(asked.clone(), given.clone()),
            })
            .collect(),
        Need::Word(event) => match &**event {
            Event::LoopStarted(begun) => lengths(run, guess, begun),
            _ => Vec::new(),
        },
        Need::Nothing(_) | Need::Circles => return Vec::new(),
    };
    if !run.recipe.finally.is_empty() && run.state.closing.is_none() {
        ways.push(Way { told: "is not done: the run is stopped".to_owned(), what: What::Stop });
    }
    ways
}

fn lengths(run: &Dry<'_>, guess: &Guess<'_>, begun: &LoopStarted) -> Vec<Way> {
    let (frame, name) = Frame::of(&begun.step);
    let Some(step) = step_of(run.recipe, &frame, name) else { return Vec::new() };
    let StepKind::ForEach(each) = &step.kind else { return Vec::new() };
    let one = item(guess, step, &each.name, begun.items.first());
    let way = |length: usize| {
        let items: Vec<Value> = vec![one.clone(); length];
        let told = match length {
            0 => "has no items".to_owned(),
            1 => "has 1 item".to_owned(),
            _ => format!("has {length} items"),
        };
        let begun = LoopStarted { items, what: told.clone(), kept: Vec::new(), ..begun.clone() };
        Way { told, what: What::Loop(Box::new(begun)) }
    };
    (0..=2).map(way).collect()
}

fn outcomes(
    run: &Dry<'_>,
    guess: &Guess<'_>,
    step: &Step,
    tried: &Try,
    assumed: &mut BTreeSet<String>,
) -> Vec<Way> {
    let label = any_item(&tried.step);
    let (mut good, cut) = successes(guess, step, tried);
    if cut {
        assumed.insert(format!(
            "`{label}` can give more combinations of values than were tried: each field was varied by itself"
        ));
    }
    let plain = good.first().cloned();
    let mut ways = Vec::new();
    if let Some(poll) = &step.poll {
        let all = good.len();
        good.retain(|outcome| run.polled(tried, outcome) != Polled::NotYet);
        if good.is_empty()
            && let Some(plain) = &plain
        {
            assumed.insert(format!(
                "`{}`, which `{label}` waits for, held for no value that was tried: it was taken to hold",
                poll.until.written()
            ));
            let event = run.concluded(tried, plain);
            ways.push(Way {
                told: "has what it waits for".to_owned(),
                what: What::Assumed(tried.clone(), Box::new(event)),
            });
        }
        if good.len() < all {
            let mut late = guess.failure(step, tried);
            late.label = "not in time".to_owned();
            ways.push(failure(run, step, tried, late, "waits in vain"));
        }
    }
    ways.extend(forced(run, step, tried, &good, assumed));
    let varied = varied(&good);
    ways.extend(good.into_iter().map(|outcome| {
        let value = |name: &String| match outcome.result.get(name) {
            Some(value) => format!("{name} = {value}"),
            None => format!("no {name}"),
        };
        let values: Vec<String> = varied.iter().map(value).collect();
        let told = match values.is_empty() {
            true => "succeeds".to_owned(),
            false => format!("succeeds with {}", values.join(", ")),
        };
        Way { told, what: What::Outcome(tried.clone(), outcome) }
    }));
    // First what is most likely: the shortest trace that is found first is the one that is shown.
    ways.extend(failures(run, guess, step, tried));
    ways
}

/// Every way to fail.
fn failures(run: &Dry<'_>, guess: &Guess<'_>, step: &Step, tried: &Try) -> Vec<Way> {
    let mut ways = vec![failure(run, step, tried, guess.failure(step, tried), "fails")];
    let fields = guess.fields(step, tried, false);
    if fields.iter().any(|field| !field.always) {
        let all = fields.into_iter().map(|field| (field.name, field.value)).collect();
        let outcome = crate::engine::guess::outcome(false, all);
        ways.push(failure(run, step, tried, outcome, "fails with all of its outputs"));
    }
    if !tried.tool.tags.contains(&"session") {
        return ways;
    }
    let mut reasons = vec![RetryReason::Stale, RetryReason::Resume];
    if let Some(policy) = &step.retry {
        let named = policy
            .on
            .iter()
            .filter_map(|on| serde_json::from_value::<RetryReason>(Value::from(on.as_str())).ok());
        reasons.extend(named);
        if policy.on.is_empty() {
            reasons.push(RetryReason::ContractRecovery);
        }
    }
    let mut seen = Vec::new();
    reasons.retain(|reason| {
        let new = !seen.contains(reason);
        seen.push(*reason);
        new
    });
    for reason in reasons {
        let told = match reason {
            RetryReason::Stale => "hangs".to_owned(),
            RetryReason::Resume => "runs out of context".to_owned(),
            other => format!("fails ({})", serde_json::json!(other).as_str().unwrap_or_default()),
        };
        let outcome = Outcome { retry: reason, ..guess.failure(step, tried) };
        ways.push(failure(run, step, tried, outcome, &told));
    }
    let budget = matches!(&step.kind, StepKind::Tool { with, .. } if with.contains_key("budget_usd"));
    if budget {
        let outcome = Outcome { label: "budget_exhausted".to_owned(), ..guess.failure(step, tried) };
        ways.push(failure(run, step, tried, outcome, "spends its budget"));
    }
    ways
}

/// A failure that looks unlike the one before it: what fails in ever new ways is bounded by nothing but visits.
fn failure(run: &Dry<'_>, step: &Step, tried: &Try, mut outcome: Outcome, told: &str) -> Way {
    let (frame, _) = Frame::of(&tried.step);
    let before = run
        .state
        .strand(&frame)
        .and_then(|strand| strand.failures.get(&step.name))
        .and_then(|failing| failing.signature.clone());
    if let (Some(before), Event::StepEnded { signature: Some(now), .. }) =
        (before, run.concluded(tried, &outcome))
        && before == now
    {
        outcome.summary.push_str(" in another way");
    }
    Way { told: told.to_owned(), what: What::Outcome(tried.clone(), outcome) }
}

/// Fields that are not the same in all outcomes.
fn varied(outcomes: &[Outcome]) -> Vec<String> {
    let Some(first) = outcomes.first().and_then(|outcome| outcome.result.as_object()) else {
        return Vec::new();
    };
    let differs = |name: &String| outcomes.iter().any(|outcome| outcome.result.get(name) != first.get(name));
    first.keys().filter(|name| differs(name)).cloned().collect()
}

/// Routes whose condition cannot be read from its form and held for no value that was tried: they are taken all the same.
fn forced(
    run: &Dry<'_>,
    step: &Step,
    tried: &Try,
    good: &[Outcome],
    assumed: &mut BTreeSet<String>,
) -> Vec<Way> {
    let open = |when: &Expr| {
        is_opaque(when.test()) && when.references().iter().any(|found| found.namespace == "result")
    };
    if !step.on_result.iter().filter_map(|route| route.when.as_ref()).any(open) {
        return Vec::new();
    }
    let taken: Vec<String> = good
        .iter()
        .filter_map(|outcome| match run.concluded(tried, outcome) {
            Event::StepEnded { why, .. } => Some(why),
            _ => None,
        })
        .collect();
    let mut ways = Vec::new();
    for route in &step.on_result {
        let Some(when) = route.when.as_ref().filter(|when| open(when)) else { continue };
        let why = format!("`{}` holds", when.written());
        let Some(plain) = good.first().filter(|_| !taken.contains(&why)) else { continue };
        let mut event = run.concluded(tried, plain);
        if let Event::StepEnded { next, why: reason, fault, ok, .. } = &mut event {
            (*next, *fault, *ok) = (follow(&route.to), None, true);
            reason.clone_from(&why);
        }
        let label = any_item(&tried.step);
        assumed.insert(format!("{why} in `{label}` for no value that was tried: both ways were taken"));
        let told = format!("succeeds, and {why}");
        ways.push(Way { told, what: What::Assumed(tried.clone(), Box::new(event)) });
    }
    ways
}

fn follow(target: &Target) -> Next {
    match target {
        Target::Step(step) => Next::Step(step.clone()),
        Target::Done => Next::End(RunStatus::Succeeded),
        Target::Escalate => Next::End(RunStatus::Failed),
    }
}

fn is_opaque(test: &Test) -> bool {
    let opaque = |operand: &Operand| match operand {
        Operand::Opaque => true,
        Operand::Path { filters, .. } => !filters.is_empty(),
        Operand::Literal(_) => false,
    };
    match test {
        Test::Opaque => true,
        Test::Always | Test::Never => false,
        Test::Truth(one) => opaque(one),
        Test::Compare(one, _, other) => {
            // Two values that are both not known.
            let paths = [one, other].iter().filter(|operand| matches!(operand, Operand::Path { .. })).count();
            opaque(one) || opaque(other) || paths == 2
        }
        Test::In(one, all) => opaque(one) || all.iter().any(opaque),
        Test::Not(test) => is_opaque(test),
        Test::And(tests) | Test::Or(tests) => tests.iter().any(is_opaque),
    }
}
