//! The sessions that drive a run, one after the other: the engine keeps the place, so one that dies, or stops too early, is replaced by
//! a fresh one that is told where the run stands.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::sync::{mpsc, watch};

use super::serving::attached;
use crate::core::ids;
use crate::core::stop::{Stop, StopSignal, more_urgent};
use crate::engine::event::{Fault, RunEnded, RunStatus};
use crate::engine::steer::{Standing, Upcoming, Wheel};
use crate::recipe::model::Recipe;
use crate::tools::orchestrator::{Drove, Orders, PREFIX, first_words, pass, run, wait};
use crate::tools::{Patience, Toolkit, driving};

/// After so many sessions in a row that did not move the run, nobody drives it any more.
const FRUITLESS: u32 = 3;
/// How long a session may go on after the run is over; it has one sentence to say.
const LAST_WORDS: Duration = Duration::from_secs(60);

/// Drives the run that `wheel` holds until it is over, or gives it up. `before` sessions drove it already.
pub async fn drive(
    kit: &Toolkit,
    recipe: &Recipe,
    wheel: &Wheel,
    socket: &Path,
    before: u32,
    stop: StopSignal,
) {
    let rules = driving(recipe, &attached::names(recipe, false), PREFIX, false);
    let (mut number, mut fruitless) = (before, 0);
    let mut patience = Patience::of(kit);
    let (waits, mut waiting) = mpsc::unbounded_channel();
    let tell = |why: String, until: Option<Timestamp>| {
        if let Some(until) = until {
            let _ = waits.send((why, until));
        }
    };
    // What is waited for is in the journal, so that whoever looks at a silent run learns why.
    let telling = async {
        while let Some((why, until)) = waiting.recv().await {
            wheel.waits(why, until).await;
        }
    };
    let driving = async {
        loop {
            let standing = wheel.ready().await;
            if is_over(&standing) || *stop.borrow() != Stop::No {
                return;
            }
            match pass(kit, &tell, &mut stop.clone()).await {
                Ok(()) => {}
                Err(None) => return,
                Err(Some((fault, why))) => return give_up(wheel, why, Some(fault)).await,
            }
            number += 1;
            let words = first_words(number, &json!(*standing), &standing.next.told());
            let (rules, prompt) = match (&rules, &words) {
                (Ok(rules), Ok(prompt)) => (rules, prompt),
                (Err(error), _) | (_, Err(error)) => return give_up(wheel, error.clone(), None).await,
            };
            let id = ids::session_id();
            wheel.began(id.clone(), number).await;
            let drove = {
                let (end, ending) = watch::channel(Stop::No);
                let orders = Orders { rules, prompt, socket, budget_left: standing.budget_left };
                tokio::select! {
                    drove = run(kit, &id, orders, &tell, ending) => drove,
                    never = ended(wheel, stop.clone(), &end) => never,
                }
            };
            let Drove { label, summary, usage, usage_by_model, fault, .. } = &drove;
            wheel.left(id, label.clone(), summary.clone(), *usage, usage_by_model.clone()).await;
            let now = settled(wheel).await;
            if is_over(&now) || *stop.borrow() != Stop::No {
                return;
            }
            if wait(kit, &drove, &mut patience, &tell, &mut stop.clone()).await {
                continue;
            }
            if fault.is_some() {
                return give_up(wheel, summary.clone(), *fault).await;
            }
            // The service answers again.
            patience = Patience::of(kit);
            fruitless =
                if now.next == standing.next && now.last == standing.last { fruitless + 1 } else { 0 };
            if fruitless == FRUITLESS {
                let why = format!(
                    "{FRUITLESS} orchestrator sessions in a row left without a call of the next step ({label}: {summary})"
                );
                return give_up(wheel, why, None).await;
            }
        }
    };
    tokio::select! {
        biased;
        () = driving => {}
        () = telling => {}
    }
}

/// Where the run stands once what is at work is over: a session that died leaves its call behind, and the next one would only wait.
async fn settled(wheel: &Wheel) -> std::sync::Arc<Standing> {
    let mut follow = wheel.follow();
    let at_rest = |standing: &std::sync::Arc<Standing>| !matches!(standing.next, Upcoming::Wait { .. });
    match follow.wait_for(at_rest).await {
        Ok(standing) => std::sync::Arc::clone(&standing),
        Err(_) => wheel.standing(),
    }
}

/// Ends the session when the run is to stop, or when it goes on long after the run is over. Never ready.
async fn ended(wheel: &Wheel, mut stop: StopSignal, end: &watch::Sender<Stop>) -> Drove {
    let mut follow = wheel.follow();
    let over = async {
        let _ = follow.wait_for(|standing| is_over(standing)).await;
        tokio::time::sleep(LAST_WORDS).await;
        Stop::Gently
    };
    let mut wish = tokio::select! {
        wish = more_urgent(&mut stop, Stop::No) => wish,
        wish = over => wish,
    };
    loop {
        end.send_replace(wish);
        wish = more_urgent(&mut stop, wish).await;
    }
}

fn is_over(standing: &Standing) -> bool {
    matches!(standing.next, Upcoming::Over { .. })
}

async fn give_up(wheel: &Wheel, reason: String, fault: Option<Fault>) {
    let step = match &wheel.standing().next {
        Upcoming::Call { step_name, .. }
        | Upcoming::Ask { step_name, .. }
        | Upcoming::Wait { step_name, .. } => Some(step_name.clone()),
        Upcoming::Choose(choice) => Some(choice.step_name.clone()),
        Upcoming::Over { end } => end.step.clone(),
    };
    let status = fault.map_or(RunStatus::Failed, Fault::status);
    let resumable = fault.is_none_or(Fault::passes);
    wheel.give_up(RunEnded { status, reason, step, resumable, fault }).await;
}
