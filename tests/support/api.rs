//! The scripted Messages API: a real HTTP server on loopback in which a closure plays the model.
//!
//! ```ignore
//! let api = ScriptedApi::start(|conversation: &Conversation| match conversation.assistant_turns() {
//!     0 => Reply::bash("touch done"),
//!     _ => Reply::text("finished"),
//! });
//! let api = ScriptedApi::play(Script::new().turn(Reply::bash("touch done")).turn(Reply::text("finished")));
//! ```

mod conversation;
mod reply;
mod script;
mod wire;

use std::net::{SocketAddr, TcpListener};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Method, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::sync::oneshot;

pub use conversation::{Conversation, ToolResult};
pub use reply::{Gate, Reply, Usage};
pub use script::Script;

use reply::{Content, Ending, Point};
use wire::{CutHere, Delivery, Ids};

type Policy = Box<dyn Fn(&Conversation) -> Reply + Send + Sync>;

/// The server. It stops when dropped; a panic of its policy fails the test at that moment.
pub struct ScriptedApi {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// One request as the server saw it.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method, such as `POST`.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Headers; names are lower case.
    pub headers: Vec<(String, String)>,
    /// The JSON body; null when there is none.
    pub body: Value,
}

impl Request {
    /// This request as a conversation, when it asks the model for a message.
    pub fn conversation(&self) -> Option<Conversation> {
        let path = self.path.split('?').next().unwrap_or_default();
        (self.method == "POST" && path == "/v1/messages")
            .then(|| Conversation::new(self.body.clone(), self.headers.clone()))
    }
}

struct Shared {
    main: Policy,
    side: Policy,
    /// What is used of the account's plan: one answer after the other, the last for ever.
    plan: Mutex<Vec<Value>>,
    log: Mutex<Log>,
    changed: Condvar,
}

#[derive(Default)]
struct Log {
    requests: Vec<Request>,
    panics: Vec<String>,
}

impl ScriptedApi {
    /// Starts a server in which `policy` answers every request of a conversation; requests beside
    /// it (titles and the like) get a short text.
    pub fn start(policy: impl Fn(&Conversation) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_with_side(policy, |_| Reply::text(r#"{"title": "Scripted session"}"#))
    }

    /// Starts a server that plays a script.
    pub fn play(script: Script) -> Self {
        Self::start(move |conversation| script.answer(conversation))
    }

    /// Starts a server whose requests beside the conversation are answered by `side`.
    pub fn start_with_side(
        main: impl Fn(&Conversation) -> Reply + Send + Sync + 'static,
        side: impl Fn(&Conversation) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
        listener.set_nonblocking(true).expect("a listener can be non-blocking");
        let address = listener.local_addr().expect("a bound listener has an address");
        let shared = Arc::new(Shared {
            main: Box::new(main),
            side: Box::new(side),
            plan: Mutex::default(),
            log: Mutex::default(),
            changed: Condvar::new(),
        });
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("scripted-api".to_owned())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .expect("a runtime can be built");
                runtime.block_on(async {
                    tokio::select! {
                        () = serve(listener, serving) => {}
                        _ = stopped => {}
                    }
                });
                // A policy may still be blocked on something the test owns.
                runtime.shutdown_background();
            })
            .expect("a thread can be started");
        Self { address, shared, stop: Some(stop), thread: Some(thread) }
    }

    /// What belongs into `ANTHROPIC_BASE_URL`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Says what is used of the account's plan: these answers one after the other, the last for ever; a text is an error of the service.
    pub fn plan(&self, answers: impl IntoIterator<Item = Value>) {
        let mut plan = self.shared.plan.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        *plan = answers.into_iter().collect();
    }

    /// How often it was asked what is used of the plan by this program; the client may ask too.
    pub fn plan_requests(&self) -> usize {
        let ours = |request: &&Request| {
            request.path == "/api/oauth/usage"
                && request
                    .headers
                    .iter()
                    .any(|(name, value)| name == "user-agent" && value.starts_with("autoskillit/"))
        };
        self.requests().iter().filter(ours).count()
    }

    /// Every request so far, in order of arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.log().requests.clone()
    }

    /// The requests of conversations so far, without those beside them.
    pub fn conversations(&self) -> Vec<Conversation> {
        self.shared.log().conversations()
    }

    /// Waits until `count` requests of conversations have arrived and returns them.
    pub fn wait_for_conversations(&self, count: usize, limit: Duration) -> Vec<Conversation> {
        let deadline = Instant::now() + limit;
        let mut log = self.shared.log();
        loop {
            let seen = log.conversations();
            if seen.len() >= count {
                return seen;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{} of {count} requests came within {limit:?}", seen.len());
            log = self.shared.changed.wait_timeout(log, left).map_or_else(|e| e.into_inner().0, |r| r.0);
        }
    }
}

impl Drop for ScriptedApi {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let panics = std::mem::take(&mut self.shared.log().panics);
        if !std::thread::panicking() {
            assert!(panics.is_empty(), "the scripted model failed: {}", panics.join("; "));
        }
    }
}

impl Log {
    fn conversations(&self) -> Vec<Conversation> {
        self.requests
            .iter()
            .filter_map(Request::conversation)
            .filter(|conversation| !conversation.is_side_request())
            .collect()
    }
}

impl Shared {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Notes the request and returns its number.
    fn record(&self, request: Request) -> u64 {
        let mut log = self.log();
        log.requests.push(request);
        self.changed.notify_all();
        log.requests.len() as u64
    }

    /// What the policy says; its panic becomes an answer that the client does not retry.
    fn decide(&self, conversation: &Conversation) -> Reply {
        let policy = if conversation.is_side_request() { &self.side } else { &self.main };
        catch_unwind(AssertUnwindSafe(|| policy(conversation))).unwrap_or_else(|panic| {
            let words = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no words");
            self.log().panics.push(words.to_owned());
            Reply::error(400, "invalid_request_error", format!("the scripted model failed: {words}"))
        })
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("the listener is non-blocking");
    loop {
        // A failed accept means the peer is gone already.
        let Ok((stream, _)) = listener.accept().await else { continue };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&shared), request));
            // An error here is a cut connection, on purpose or by the client.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(
    shared: Arc<Shared>,
    request: hyper::Request<Incoming>,
) -> Result<Response<Delivery>, CutHere> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| CutHere)?.to_bytes();
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let request = Request {
        method: head.method.to_string(),
        path: head.uri.path_and_query().map_or_else(String::new, ToString::to_string),
        headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let conversation = request.conversation();
    let number = shared.record(request);
    match (conversation, head.method, head.uri.path()) {
        (Some(conversation), ..) => {
            let deciding = conversation.clone();
            let reply =
                tokio::task::spawn_blocking(move || shared.decide(&deciding)).await.map_err(|_| CutHere)?;
            deliver(reply, &conversation, number).await
        }
        (None, Method::HEAD, _) | (None, Method::GET, "/") => {
            Ok(respond(200, "text/plain", Delivery::whole(String::new())))
        }
        (None, Method::POST, path) if path.ends_with("/count_tokens") => {
            // About four bytes make a token.
            let count = json!({"input_tokens": body.len() / 4});
            Ok(respond(200, JSON, Delivery::whole(count.to_string())))
        }
        (None, Method::GET, "/api/oauth/usage") => {
            let answer = {
                let mut plan = shared.plan.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                if plan.len() > 1 {
                    plan.remove(0)
                } else {
                    plan.first().cloned().unwrap_or_else(|| json!({}))
                }
            };
            let status = if answer.is_string() { 500 } else { 200 };
            Ok(respond(status, JSON, Delivery::whole(answer.to_string())))
        }
        (None, method, path) => {
            let error = wire::error("not_found_error", &format!("no answer to {method} {path}"), number);
            Ok(respond(404, JSON, Delivery::whole(error.to_string())))
        }
    }
}

async fn deliver(
    reply: Reply,
    conversation: &Conversation,
    number: u64,
) -> Result<Response<Delivery>, CutHere> {
    if let Some(gate) = &reply.gate {
        gate.clone().passed().await;
    }
    if !reply.delay.is_zero() {
        tokio::time::sleep(reply.delay).await;
    }
    let ids = Ids { number, model: conversation.model() };
    let mut response = match (&reply.content, &reply.ending) {
        (_, Ending::Cut(Point::Bytes(0))) => return Err(CutHere),
        (_, Ending::Stall(Point::Bytes(0))) | (Content::Nothing, _) => std::future::pending().await,
        (Content::Message(message), ending) if conversation.wants_stream() => {
            let events = wire::events(message, &ids);
            respond(200, "text/event-stream", Delivery::planned(events, ending, number))
        }
        (Content::Message(message), ending) => {
            let text = wire::plain(message, &ids).to_string();
            respond(200, JSON, Delivery::planned(vec![text], ending, number))
        }
        (Content::Error { status, kind, message }, ending) => {
            let text = wire::error(kind, message, number).to_string();
            respond(*status, JSON, Delivery::planned(vec![text], ending, number))
        }
    };
    for (name, value) in &reply.headers {
        let name: hyper::header::HeaderName = name.parse().expect("a scripted header has a valid name");
        response.headers_mut().append(name, value.parse().expect("a scripted header has a valid value"));
    }
    Ok(response)
}

const JSON: &str = "application/json";

fn respond(status: u16, content_type: &str, body: Delivery) -> Response<Delivery> {
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, content_type)
        .body(body)
        .expect("status and content type are valid")
}
