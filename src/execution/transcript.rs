//! The transcript as a sign of life: tells when the file of one session grows. Notification by the system, with a slow poll as a
//! safety net (a network file system may not notify).

mod shared;

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;

use self::shared::Ear;

/// How often the file is looked at when the system does not notify, and when it says that it does.
const POLL: Duration = Duration::from_secs(5);
const SAFETY: Duration = Duration::from_secs(30);

/// Watches one transcript; gone when dropped.
#[derive(Debug)]
pub struct TranscriptWatch {
    grown: mpsc::Receiver<()>,
    task: tokio::task::JoinHandle<()>,
}

impl TranscriptWatch {
    /// Begins to watch `path`, which need not be there yet. Not being able to watch is no error: one sign of life less.
    #[must_use]
    pub fn start(path: PathBuf) -> Self {
        let (tell, grown) = mpsc::channel(1);
        let task = tokio::spawn(watch(path, tell));
        Self { grown, task }
    }

    /// Waits until the file has grown.
    pub async fn grown(&mut self) {
        if self.grown.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for TranscriptWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn watch(path: PathBuf, tell: mpsc::Sender<()>) {
    let (notice, mut notices) = mpsc::channel(1);
    let mut ear: Option<Ear> = None;
    let mut size = None;
    loop {
        // The folder appears with the session's first record; another may appear while this one is asked for.
        while ear.as_ref().is_none_or(|ear| ear.is_elsewhere(&path)) {
            ear = Ear::open(&path, &notice);
            if ear.is_none() {
                break;
            }
        }
        let now = tokio::fs::metadata(&path).await.ok().map(|meta| meta.len());
        if now > size {
            size = now;
            // A full queue means that the news is already waiting there.
            let _ = tell.try_send(());
        }
        let pause = if ear.is_some() { SAFETY } else { POLL };
        tokio::select! {
            _ = notices.recv() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Whether a transcript holds something that a client can go on with: a message of the user's or the model's. It writes other records
/// first, and a crash may leave less than one line.
#[must_use]
pub fn holds_conversation(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let lines = BufReader::new(file).split(b'\n').map_while(Result::ok);
    lines.filter_map(|line| serde_json::from_slice::<Value>(&line).ok()).any(|record| {
        let kind = record.get("type").and_then(Value::as_str);
        matches!(kind, Some("user" | "assistant")) && record.get("message").is_some_and(Value::is_object)
    })
}

/// How much of a transcript's end is looked at for its last answer.
const END: u64 = 256 << 10;

/// Why the model stopped in the last answer that a transcript holds, such as `end_turn`: the second source, for a session whose result never
/// reached us. `None` when there is none, or something else came after it.
#[must_use]
pub fn last_stop(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let size = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(END))).ok()?;
    let mut end = Vec::new();
    file.take(END).read_to_end(&mut end).ok()?;
    stop_of(&end)
}

/// [`last_stop`] of the end of a transcript. A line that is cut or is no JSON is passed over, and so are records of other kinds.
#[must_use]
pub fn stop_of(end: &[u8]) -> Option<String> {
    let records = end.split(|byte| *byte == b'\n').rev();
    let mut told = records.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let last = told.find(|record| matches!(record["type"].as_str(), Some("assistant" | "user")))?;
    (last["type"] == "assistant")
        .then(|| last["message"]["stop_reason"].as_str().map(str::to_owned))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn only_a_transcript_with_a_message_can_be_gone_on_with() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.jsonl");
        assert!(!holds_conversation(&path));
        let message = r#"{"type":"user","message":{"role":"user","content":"go"},"sessionId":"s"}"#;
        let queued = r#"{"type":"queue-operation","operation":"enqueue"}"#;
        for (text, holds) in [
            (String::new(), false),
            (format!("{queued}\n"), false),
            (format!("{queued}\n{}", &message[..40]), false),
            ("\0\0\0\n{\"type\":\"user\"}\n".to_owned(), false),
            (format!("{queued}\n{message}\n"), true),
            (format!("torn {{\n{message}\n"), true),
        ] {
            std::fs::write(&path, &text).unwrap();
            assert_eq!(holds_conversation(&path), holds, "{text:?}");
        }
    }

    #[tokio::test]
    async fn growth_is_told_also_of_a_file_that_comes_later() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("later.jsonl");
        let mut watch = TranscriptWatch::start(path.clone());
        let mut file = std::fs::File::create(&path).unwrap();
        for _ in 0..3 {
            file.write_all(b"{}\n").unwrap();
            file.flush().unwrap();
            tokio::time::timeout(Duration::from_secs(20), watch.grown()).await.expect("growth is told");
        }
    }
}
