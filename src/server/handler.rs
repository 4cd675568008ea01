//! The protocol's requests, for any kitchen.

#![expect(deprecated, reason = "clients of before 2026-07-28 set which log messages they want")]

use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation,
    InitializeRequestParams, InitializeResult, ListToolsResult, LoggingLevel, PaginatedRequestParams,
    ProgressNotificationParam, ServerCapabilities, ServerConfig, SetLevelRequestParams, SubscriptionFilter,
    Tool, ToolAnnotations,
};
use rmcp::service::{RequestContext, SubscriptionContext};
use rmcp::{ErrorData, Peer, RoleServer, ServerHandler};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::told::Wanted;
use crate::app::serving::{Answer, Offer, Served};
use crate::core::stop::{Stop, StopSignal, more_urgent};

/// What tells of long answers, as AutoSkillit 0.9 names it.
const SIZES: &str = "autoskillit.server.response_size";

/// How often a call that has news says so.
const NEWS: Duration = Duration::from_secs(1);
/// How often a call without news says that it goes on, as a client with an idle limit needs (seen to hold for 200 s).
const HEARTBEAT: Duration = Duration::from_secs(10);

/// How long the answer to a call that changed the list of tools waits for the client to fetch it. The real client does so within 20 ms;
/// one that does not is kept waiting this long, once at an opening and once at a closing.
const FETCHED: Duration = Duration::from_millis(500);

/// How long a client that has fetched the list gets to take it in. Under load the real one needs longer; then its model is asked once
/// without the new tools.
const TAKEN_IN: Duration = Duration::from_millis(100);

/// A kitchen behind the protocol.
#[derive(Debug)]
pub(super) struct Handler<S> {
    served: Arc<S>,
    /// The server is going away: calls are to end.
    stop: StopSignal,
    /// As of which change the client has the list of tools.
    listed: watch::Sender<u64>,
    /// Which messages beside the answers it wants.
    wanted: Wanted,
}

impl<S: Served> Handler<S> {
    /// Serves `served` until `stop` says otherwise.
    pub(super) fn new(served: Arc<S>, stop: StopSignal) -> Self {
        Self { served, stop, listed: watch::channel(0).0, wanted: Wanted::default() }
    }
}

impl<S: Served> ServerHandler for Handler<S> {
    fn get_info(&self) -> ServerConfig {
        let capabilities =
            ServerCapabilities::builder().enable_tools().enable_tool_list_changed().enable_logging().build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("autoskillit", env!("CARGO_PKG_VERSION")))
            .with_instructions(self.served.instructions())
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        context.peer.set_peer_info(request.clone());
        // A client of this generation is told of changes without having asked, for as long as it is there.
        self.wanted.set(LoggingLevel::Info);
        tokio::spawn(tell_changes(self.served.changes(), context.peer.clone()));
        self.negotiate_initialize(&request)
    }

    async fn set_level(
        &self,
        request: SetLevelRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.wanted.set(request.level);
        Ok(())
    }

    fn accepted_subscription_filter(&self, _: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(SubscriptionFilter::builder().tools_list_changed().build())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut changes = self.served.changes();
        loop {
            tokio::select! {
                () = context.cancelled() => return Ok(()),
                changed = changes.changed() => {
                    if changed.is_err() || context.sink().notify_tool_list_changed().await.is_err() {
                        return Ok(());
                    }
                }
            }
        }
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let as_of = *self.served.changes().borrow();
        let tools = self.served.offers().into_iter().map(tool).collect();
        self.listed.send_modify(|listed| *listed = (*listed).max(as_of));
        Ok(ListToolsResult::with_all_items(tools))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let changes = self.served.changes();
        let before = *changes.borrow();
        let (tell, news) = watch::channel(String::new());
        let (stop, stopping) = watch::channel(Stop::No);
        let (served, name) = (Arc::clone(&self.served), request.name.clone());
        let arguments = request.arguments.unwrap_or_default();
        // A task of its own: whatever happens in it, the call gets an answer.
        let call = tokio::spawn(async move { served.call(&name, arguments, &tell, stopping).await });
        let progress = progress(&context, news);
        let wish = wish(&context, self.stop.clone(), &stop);
        let answer = tokio::select! {
            answer = call => match answer {
                Ok(answer) => answer,
                Err(error) => broken(&request.name, &error),
            },
            never = progress => never,
            never = wish => never,
        };
        let text = answer.text();
        if let Some(told) = self.served.answered(&request.name, text.len() as u64) {
            self.wanted.tell(&context, SIZES, told).await;
        }
        let now = *changes.borrow();
        if now != before {
            // The answer speaks of tools that the client has to fetch first: its model is asked as soon as the answer is there.
            let mut listed = self.listed.subscribe();
            if tokio::time::timeout(FETCHED, listed.wait_for(|as_of| *as_of >= now)).await.is_ok() {
                tokio::time::sleep(TAKEN_IN).await;
            }
        }
        Ok(result(text, answer.is_error).into())
    }
}

/// Passes on that the caller does not want the answer any more, or that the server is going away. Never ready.
async fn wish(
    context: &RequestContext<RoleServer>,
    mut server: StopSignal,
    stop: &watch::Sender<Stop>,
) -> Answer {
    tokio::select! {
        () = context.ct.cancelled() => stop.send_replace(Stop::Gently),
        more = more_urgent(&mut server, Stop::No) => stop.send_replace(more),
    };
    std::future::pending().await
}

/// Tells the caller what happens, when it asked for that. Never ready.
async fn progress(context: &RequestContext<RoleServer>, mut news: watch::Receiver<String>) -> Answer {
    let Some(token) = context.meta.get_progress_token() else { return std::future::pending().await };
    let (began, mut told) = (Instant::now(), Instant::now());
    let mut tick = interval(NEWS);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let fresh = news.has_changed().unwrap_or(false);
        if !fresh && told.elapsed() < HEARTBEAT {
            continue;
        }
        told = Instant::now();
        let mut said = ProgressNotificationParam::new(token.clone(), began.elapsed().as_secs_f64());
        let line = news.borrow_and_update().clone();
        said.message = (!line.is_empty()).then_some(line);
        if context.peer.notify_progress(said).await.is_err() {
            return std::future::pending().await;
        }
    }
}

async fn tell_changes(mut changes: watch::Receiver<u64>, peer: Peer<RoleServer>) {
    while changes.changed().await.is_ok() && peer.notify_tool_list_changed().await.is_ok() {}
}

/// A tool as a client sees it. Neither output schema nor title: there were clients that dropped all tools of a server that sent them.
fn tool(offer: Offer) -> Tool {
    let decl = offer.tool;
    let description = match decl.fails_when {
        "never" => decl.summary.to_owned(),
        when => format!("{} Fails when {when}.", decl.summary),
    };
    let tool = Tool::new(decl.name, description, Arc::new(offer.schema));
    match decl.tags.contains(&"read") {
        true => tool.with_annotations(ToolAnnotations::from_raw(None, Some(true), None, None, None)),
        false => tool,
    }
}

fn result(text: String, is_error: bool) -> CallToolResult {
    let content = vec![ContentBlock::text(text)];
    if is_error { CallToolResult::error(content) } else { CallToolResult::success(content) }
}

/// The answer of a call that did not come to one.
fn broken(name: &str, error: &tokio::task::JoinError) -> Answer {
    tracing::error!(tool = name, %error, "a call broke");
    let told = format!(
        "`{name}` failed inside autoskillit; the server's log says more, and `autoskillit doctor` may"
    );
    Answer { value: json!({ "success": false, "error_code": "internal", "error": told }), is_error: true }
}
