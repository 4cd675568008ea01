use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;

use super::*;
use crate::core::stop::Stop;
use crate::execution::quota::events::newest;

/// The time at which tests begin: any whole second.
const NOON: i64 = 1_767_268_800;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(NOON + seconds).unwrap()
}

/// A service on loopback that gives these answers one after the other, the last for ever; and the requests that it saw.
struct Service {
    base: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Service {
    fn start(answers: Vec<(u16, String)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = Vec::new();
                let mut byte = [0];
                while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1)
                {
                    request.push(byte[0]);
                }
                let number = {
                    let mut noted = noted.lock().unwrap();
                    noted.push(String::from_utf8(request).unwrap());
                    noted.len()
                };
                let (status, body) = &answers[number.min(answers.len()) - 1];
                let length = body.len();
                let head =
                    format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
                stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
            }
        });
        Self { base, seen }
    }

    fn says(answers: impl IntoIterator<Item = Value>) -> Self {
        Self::start(answers.into_iter().map(|answer| (200, answer.to_string())).collect())
    }

    fn asked(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

fn five_hour(utilization: f64, resets_at: Option<i64>) -> Value {
    json!({ "five_hour": { "utilization": utilization, "resets_at": resets_at.map(|reset| at(reset).to_string()) } })
}

/// A home whose account is logged in until the given second.
fn home(until: i64) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    log_in(&home, "token", until);
    home
}

fn log_in(home: &TempDir, token: &str, until: i64) {
    let login = json!({
        "accessToken": token, "refreshToken": "r", "scopes": ["user:inference"], "expiresAt": at(until).as_millisecond(),
    });
    std::fs::create_dir_all(home.path().join(".claude")).unwrap();
    let text = json!({ "claudeAiOauth": login }).to_string();
    std::fs::write(home.path().join(".claude/.credentials.json"), text).unwrap();
}

fn guard(home: &TempDir, base: &str, more: &[(&str, &str)]) -> Guard {
    let mut settings = Settings::default();
    settings.quota_guard.cache_path = Some(home.path().join("cache/quota.json").display().to_string());
    let home = home.path().display().to_string();
    let env = [("HOME", home.as_str()), ("ANTHROPIC_BASE_URL", base)];
    let env: Vec<_> = env.iter().chain(more).map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Guard::of(&settings, &env, None).unwrap()
}

/// What a session does that starts at the beginning, after how many seconds, and what is told meanwhile.
async fn passes(guard: &Guard) -> (Leave, u64, Vec<String>) {
    let began = Instant::now();
    let clock = move || at(i64::try_from(began.elapsed().as_secs()).unwrap());
    let said = Mutex::new(Vec::new());
    let (_keep, mut stop) = tokio::sync::watch::channel(Stop::No);
    let leave = guard.pass(&clock, &|why, _| said.lock().unwrap().push(why), &mut stop).await;
    (leave, began.elapsed().as_secs(), said.into_inner().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_session_waits_for_the_reset_and_asks_again() {
    let home = home(90_000);
    let service = Service::says([five_hour(92.0, Some(600)), five_hour(3.0, Some(18_600))]);
    let (leave, after, said) = passes(&guard(&home, &service.base, &[])).await;
    assert_eq!((leave, after, service.asked()), (Leave::Start, 660, 2));
    let first = said.first().unwrap();
    assert!(
        first.starts_with(
            "the account's `five_hour` limit is used to 92 %, sessions wait from 85 %: goes on at "
        ),
        "{first}"
    );
    assert!(first.ends_with("(in 11m 00s)"), "{first}");
    assert!(said.last().unwrap().ends_with("(in 1m 00s)"), "{said:?}");

    let (looks, _) = newest(guard(&home, &service.base, &[]).cache().unwrap(), 9);
    let looks: Vec<_> = looks.iter().map(|look| (look.event, look.utilization, look.sleep_seconds)).collect();
    assert_eq!(looks, [(Came::Approved, Some(3.0), None), (Came::Blocked, Some(92.0), Some(660))]);

    let request = service.seen.lock().unwrap()[0].to_lowercase();
    for part in
        ["get /api/oauth/usage ", "authorization: bearer token\r\n", "anthropic-beta: oauth-2025-04-20\r\n"]
    {
        assert!(request.contains(part), "{request}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reset_that_moved_is_waited_for_again() {
    let home = home(90_000);
    let answers = [
        five_hour(92.0, Some(600)),
        five_hour(92.0, Some(1000)),
        five_hour(92.0, None),
        five_hour(1.0, None),
    ];
    let service = Service::says(answers);
    let (leave, after, _) = passes(&guard(&home, &service.base, &[])).await;
    assert_eq!((leave, after, service.asked()), (Leave::Start, 1060 + 60, 4));
}

#[tokio::test(start_paused = true)]
async fn an_answer_holds_for_a_while_but_not_for_a_wait() {
    let home = home(90_000);
    let service =
        Service::says([five_hour(20.0, Some(600)), five_hour(90.0, Some(600)), five_hour(10.0, Some(600))]);
    let guard = guard(&home, &service.base, &[]);
    for _ in 0..3 {
        assert_eq!(passes(&guard).await.0, Leave::Start);
    }
    assert_eq!(service.asked(), 1);
    assert!(matches!(guard.read(at(301), false).unwrap(), Reading::Windows { source: Source::Service, .. }));
    assert_eq!(service.asked(), 2);
    // The kept answer blocks, a new one does not.
    let clock = || at(400);
    let (_keep, mut stop) = tokio::sync::watch::channel(Stop::No);
    assert_eq!(guard.pass(&clock, &|why, _| panic!("{why}"), &mut stop).await, Leave::Start);
    assert_eq!(service.asked(), 3);
    // What is kept is private, and it is of no use for another login.
    log_in(&home, "another", 90_000);
    assert!(matches!(guard.read(at(400), false).unwrap(), Reading::Windows { source: Source::Service, .. }));
    assert!(!std::fs::read_to_string(guard.cache().unwrap()).unwrap().contains("another"));
}

#[test]
fn sessions_that_start_together_ask_once() {
    let home = home(90_000);
    let service = Service::says([five_hour(20.0, None)]);
    let guard = guard(&home, &service.base, &[]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| guard.read(at(0), false).unwrap());
        }
    });
    assert_eq!(service.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_found_out_holds_nothing_up() {
    let home = home(90_000);
    let odd = |status, body: &str| Service::start(vec![(status, body.to_owned())]);
    let cases = [
        (odd(503, ""), "answers with status 503"),
        (odd(429, "{}"), "answers with status 429"),
        (odd(302, ""), "answers with status 302"),
        (odd(200, "<html>"), "gives an answer that is no JSON"),
    ];
    for (service, words) in cases {
        let (leave, after, said) = passes(&guard(&home, &service.base, &[])).await;
        let Leave::Unknown(why) = leave else { panic!("{leave:?}") };
        assert!(why.contains(words) && after == 0 && said.is_empty(), "{why}");
    }
    let empty = Service::says([json!({})]);
    assert_eq!(passes(&guard(&home, &empty.base, &[])).await.0, Leave::Start);
    // A cache that cannot be written costs the cache.
    std::fs::remove_dir_all(home.path().join("cache")).unwrap();
    std::fs::write(home.path().join("cache"), "").unwrap();
    assert_eq!(passes(&guard(&home, &empty.base, &[])).await.0, Leave::Start);
}

#[tokio::test(start_paused = true)]
async fn a_key_has_nothing_to_guard() {
    let home = home(90_000);
    let service = Service::says([five_hour(100.0, Some(600))]);
    let guard = guard(&home, &service.base, &[("ANTHROPIC_API_KEY", "k")]);
    assert_eq!(passes(&guard).await.0, Leave::Start);
    guard.refused("five_hour", at(600).as_second(), at(0));
    assert_eq!(service.asked(), 0);
    assert!(!home.path().join("cache").exists());
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_bounded_and_can_be_stopped() {
    let home = home(900_000);
    let week = json!({ "seven_day": { "utilization": 99.5, "resets_at": at(3 * 86_400).to_string() } });
    let service = Service::says([week, five_hour(100.0, None)]);
    let guard = guard(&home, &service.base, &[]);
    let (leave, after, _) = passes(&guard).await;
    let Leave::TooLong(why) = leave else { panic!("{leave:?}") };
    assert!(
        why.starts_with("the account's `seven_day` limit is used to 99.5 %, sessions wait from 98 %"),
        "{why}"
    );
    assert!(why.ends_with("(in 3d 0h)") && after == 0, "{why}");

    // A window that never says when it resets is asked about again and again, and then given up.
    std::fs::remove_dir_all(home.path().join("cache")).unwrap();
    let (leave, after, _) = passes(&guard).await;
    assert!(matches!(leave, Leave::TooLong(_)), "{leave:?}");
    assert_eq!(after, 6 * 3600);

    let (wish, mut stop) = tokio::sync::watch::channel(Stop::No);
    let tell = |_: String, _| wish.send_modify(|stop| *stop = Stop::Gently);
    assert_eq!(guard.pass(&|| at(0), &tell, &mut stop).await, Leave::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_holds_the_next_session_up_without_a_question() {
    let home = home(0);
    let service = Service::says([five_hour(1.0, None)]);
    // The login is due: only the client may renew it, and nothing is asked with it.
    let guard = guard(&home, &service.base, &[]);
    assert_eq!(passes(&guard).await.0, Leave::Start);
    guard.refused("five_hour", at(300).as_second(), at(-5));
    let (leave, after, said) = passes(&guard).await;
    assert_eq!((leave, after, service.asked()), (Leave::Start, 360, 0));
    assert!(said[0].contains("`five_hour` limit is used to 100 %"), "{said:?}");
}

#[test]
fn switched_off_there_is_no_guard() {
    let mut settings = Settings::default();
    settings.quota_guard.enabled = false;
    assert!(Guard::of(&settings, &[], None).is_none());
}
