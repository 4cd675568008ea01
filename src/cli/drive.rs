//! Driving a prepared run and showing it: by the engine alone, by orchestrator sessions, or in a conversation.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Zoned;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::Session;
use super::exit::Exit;
use super::ui::printer::Printer;
use super::ui::prompts::Prompts;
use super::ui::quota::of_day;
use super::ui::screen::{Form, PlainScreen, Screen, Setting, open};
use crate::app::conversation::Conversation;
use crate::app::cook::Ready;
use crate::app::error::AppError;
use crate::app::host::{Asker, Nobody};
use crate::app::orchestrator;
use crate::app::runtime::runtime;
use crate::app::serving::attached::Attached;
use crate::core::stop::{Stop, StopSignal};
use crate::engine::event::{Aftermath, News, RunEnded};
use crate::engine::host::{Question, Reply};
use crate::engine::steer::{Driver, wheel};
use crate::engine::transition::YES_NO;
use crate::execution::spend::Day;
use crate::recipe::model::Orchestrator;
use crate::server::attach::Host;
use crate::tools::Toolkit;

/// How a run is driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// By the engine.
    Engine,
    /// By headless sessions that the engine tells what is next.
    Session,
    /// By a person in a conversation with Claude, in this terminal.
    Conversation,
}

type Watch<'a> = dyn Fn(&News) + Send + Sync + 'a;
type Ended = Result<(RunEnded, Aftermath), AppError>;

/// Drives a prepared run to its end and shows it.
pub(super) fn drive(
    session: &Session,
    ready: Ready,
    form: Form,
    way: Way,
    why: &str,
) -> Result<Exit, AppError> {
    let printer = &session.printer;
    let setting = Setting {
        orchestrator: Some(if way == Way::Engine { Orchestrator::Engine } else { Orchestrator::Claude }),
        orchestrator_why: why.to_owned(),
        hidden_inputs: ready
            .recipe
            .ingredients
            .iter()
            .filter(|(_, ingredient)| ingredient.hidden)
            .map(|(name, _)| name.clone())
            .collect(),
        day: day(ready.kit()),
        steps: ready.recipe.steps.keys().cloned().collect(),
    };
    let mut screen: Box<dyn Screen> = match way {
        // The terminal is the client's until it leaves; what happened is told then.
        Way::Conversation => Box::new(Later { printer: printer.clone(), setting, news: Vec::new() }),
        _ => open(printer, form, setting),
    };
    // A program that reads JSON has the earlier entries already, or finds them in the journal.
    if form == Form::Human {
        for entry in &ready.past {
            screen.news(&News::Entry(entry.clone()));
        }
    }
    let runtime = runtime()?;
    let screen = Mutex::new(screen);
    let watch = |news: &News| screen.lock().unwrap_or_else(PoisonError::into_inner).news(news);
    let (wish, stop) = watch::channel(Stop::No);
    let ended = runtime.block_on(async {
        let listening = listen(wish.clone(), way)
            .map_err(|error| AppError::environment(format!("cannot hear signals: {error}")))?;
        let person = Person { printer: printer.clone(), there: form == Form::Human };
        let ended = match way {
            Way::Engine => ready.cook(Arc::new(person), &watch, stop).await,
            Way::Session => by_sessions(ready, Arc::new(person), &watch, stop).await,
            Way::Conversation => in_conversation(ready, &watch, &wish, stop).await,
        };
        listening.abort();
        ended
    });
    // A question may still be open on a thread that cannot be interrupted.
    runtime.shutdown_background();
    drop(screen);
    ended.map(|(end, _)| Exit::of_run(&end))
}

/// How the user's limit of a day stands. That it is not known is told by the first step that a session is due in.
fn day(kit: &Toolkit) -> String {
    let limits = kit.settings.limits;
    let day = Day::of(limits, &Zoned::now()).ok().flatten().filter(|_| kit.rehearsal.is_none());
    day.map(|day| of_day(&day)).unwrap_or_default()
}

fn open_socket() -> Result<Host, AppError> {
    Host::open()
        .map_err(|error| AppError::environment(format!("cannot open a socket for the orchestrator: {error}")))
}

/// One orchestrator session after the other calls the steps; this process keeps the run.
async fn by_sessions(ready: Ready, asker: Arc<dyn Asker>, watch: &Watch<'_>, stop: StopSignal) -> Ended {
    let host = open_socket()?;
    let (wheel, ear) = wheel(&ready.run_id, &ready.recipe.name);
    let (attached, told) = Attached::new(wheel.clone(), &ready.recipe, false);
    let attached = attached.measured(ready.kit());
    let (kit, recipe, before) = (ready.kit().clone(), ready.recipe.clone(), ready.orchestrators());
    let both = |news: &News| {
        told.news(news);
        watch(news);
    };
    let driving = async {
        orchestrator::drive(&kit, &recipe, &wheel, host.path(), before, stop.clone()).await;
        std::future::pending().await
    };
    tokio::select! {
        ended = ready.steer(ear, Driver::Session, asker, &both, stop.clone()) => ended,
        never = driving => never,
        () = host.serve(Arc::new(attached), stop.clone()) => std::future::pending().await,
    }
}

/// The client has the terminal, a person talks to it, and it calls the steps; this process keeps the run.
async fn in_conversation(
    ready: Ready,
    watch: &Watch<'_>,
    wish: &watch::Sender<Stop>,
    stop: StopSignal,
) -> Ended {
    let host = open_socket()?;
    let (wheel, ear) = wheel(&ready.run_id, &ready.recipe.name);
    let (attached, told) = Attached::new(wheel, &ready.recipe, true);
    let attached = attached.measured(ready.kit());
    let conversation = Conversation::about(ready.kit(), &ready.recipe, host.path())?;
    let both = |news: &News| {
        told.news(news);
        watch(news);
    };
    let talking = async {
        let left = conversation.hold(stop.clone()).await;
        // Whoever leaves the conversation leaves the run as well; it can be resumed.
        wish.send_modify(|stop| *stop = (*stop).max(Stop::Gently));
        left
    };
    let (asker, cooking): (Arc<dyn Asker>, _) = (Arc::new(Nobody), stop.clone());
    let both_end = async { tokio::join!(ready.steer(ear, Driver::Client, asker, &both, cooking), talking) };
    tokio::select! {
        (ended, left) = both_end => left.and(ended),
        () = host.serve(Arc::new(attached), stop.clone()) => std::future::pending().await,
    }
}

/// A conversation needs a person at a terminal that is not the client's already.
pub(super) fn check_terminal() -> Result<(), AppError> {
    if std::env::var_os("CLAUDECODE").is_some() {
        return Err(AppError::usage("--interactive opens Claude Code, and this is inside of it")
            .hint("here the kitchen is a tool: `claude mcp add autoskillit -- autoskillit serve`, then ask to open it"));
    }
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(AppError::usage("--interactive needs a terminal")
            .hint("without one, a headless session can drive: --orchestrator claude"));
    }
    Ok(())
}

/// Keeps what happens until the terminal is free again.
struct Later {
    printer: Printer,
    setting: Setting,
    news: Vec<News>,
}

impl Screen for Later {
    fn news(&mut self, news: &News) {
        if !matches!(news, News::Live(_)) {
            self.news.push(news.clone());
        }
    }
}

impl Drop for Later {
    fn drop(&mut self) {
        let setting = std::mem::take(&mut self.setting);
        let mut screen = PlainScreen::new(self.printer.clone(), setting, jiff::tz::TimeZone::system());
        self.news.iter().for_each(|news| screen.news(news));
    }
}

/// Turns signals into the wish to stop: the first asks gently, the second does not ask.
fn listen(wish: watch::Sender<Stop>, way: Way) -> std::io::Result<tokio::task::JoinHandle<()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(tokio::spawn(async move {
        loop {
            tokio::select! {
                // In a conversation Ctrl-C is a key of the client's.
                _ = interrupt.recv() => if way == Way::Conversation { continue },
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
            wish.send_modify(|stop| *stop = if *stop == Stop::No { Stop::Gently } else { Stop::Now });
        }
    }))
}

/// The person at the terminal, if there is one.
struct Person {
    printer: Printer,
    there: bool,
}

impl Asker for Person {
    fn answer(&self, question: &Question) -> Reply {
        let Some(prompts) = Prompts::new(&self.printer).filter(|_| self.there) else { return Reply::Nobody };
        let default = question.default.as_deref();
        if let (Some(time), Some(default)) = (question.timeout, default)
            && !prompts.is_heard(&question.message, default, time)
        {
            return Reply::Nobody;
        }
        let answer = if question.answers == YES_NO {
            let yes = default.map(|default| default == YES_NO[0]);
            prompts
                .confirm(&question.message, yes)
                .map(|yes| yes.map(|yes| YES_NO[usize::from(!yes)].to_owned()))
        } else {
            prompts.choose(&question.message, &question.answers, default)
        };
        match answer {
            Ok(Some(answer)) => Reply::Given(answer),
            Ok(None) => Reply::Stop,
            Err(_) => Reply::Nobody,
        }
    }
}
