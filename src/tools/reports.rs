//! What was used, how long it took, what failed: told to a step of the run, and by the kitchen that is served.

use std::path::{Component, Path};

use serde_json::{Value, json};

use super::args::Args;
use super::{Toolkit, refused};
use crate::core::files;
use crate::core::paths::{KitchenDir, RunDir};
use crate::core::text::did_you_mean;
use crate::core::threads::blocking;
use crate::core::usage::Usage;
use crate::engine::host::{Call, Outcome};
use crate::engine::journal::{self, JournalError};
use crate::engine::telemetry::{Forgotten, Telemetry, forgotten};
use crate::execution::quota::events;
use crate::execution::quota::guard::Guard;
use crate::execution::verdict::RetryReason;
use crate::pipeline::audit::Failure;
use crate::pipeline::telemetry::responses::{self, Answered};
use crate::pipeline::telemetry::tables;
use crate::pipeline::telemetry::timings::{Timing, total_ms};
use crate::pipeline::telemetry::tokens::{self, ByModel, Row};

/// How many looks at the quota are told when nobody says how many.
const LOOKS: usize = 50;

/// What is told of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Numbers {
    /// What the sessions of steps used.
    pub tokens: Vec<Row>,
    /// How long steps took.
    pub timings: Vec<Timing>,
    /// How much tools answered.
    pub answers: Vec<Answered>,
}

/// Which text is wanted beside the numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// None.
    #[default]
    Json,
    /// A table in Markdown.
    Table,
    /// Short lines.
    Compact,
}

impl Format {
    /// The format of this name; nothing is the default.
    ///
    /// # Errors
    /// When there is no such format.
    pub fn of(name: Option<&str>) -> Result<Self, String> {
        match name.map(str::trim) {
            None | Some("" | "json") => Ok(Self::Json),
            Some("table") => Ok(Self::Table),
            Some("compact") => Ok(Self::Compact),
            Some(other) => {
                let near = did_you_mean(other, ["json", "table", "compact"]);
                let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                Err(format!("`format` is `json`, `table` or `compact`, not `{other}`{near}"))
            }
        }
    }
}

/// What `get_token_summary` tells.
#[must_use]
pub fn token_summary(numbers: &Numbers, format: Format) -> Value {
    let all = tokens::total(&numbers.tokens);
    let answered = responses::total(&numbers.answers);
    let steps: Vec<Value> = numbers.tokens.iter().map(row).collect();
    let mut total = counts(&all.usage);
    total["total_elapsed_seconds"] = seconds(all.elapsed_ms);
    let mut told = json!({
        "success": true,
        "steps": steps,
        "total": total,
        "models": models(&all.models),
        "mcp_responses": { "steps": numbers.answers, "total": answered },
    });
    match format {
        Format::Json => {}
        Format::Table => told["text"] = json!(tables::tokens(&numbers.tokens)),
        Format::Compact => told["text"] = json!(tables::compact(&numbers.tokens, answered)),
    }
    told
}

/// What `get_timing_summary` tells.
#[must_use]
pub fn timing_summary(numbers: &Numbers, format: Format) -> Value {
    let steps: Vec<Value> = numbers
        .timings
        .iter()
        .map(|row| {
            json!({
                "step_name": row.step,
                "total_seconds": seconds(row.total_ms),
                "invocation_count": row.count,
            })
        })
        .collect();
    let total = json!({ "total_seconds": seconds(total_ms(&numbers.timings)) });
    let mut told = json!({ "success": true, "steps": steps, "total": total });
    if format != Format::Json {
        told["text"] = json!(tables::times(&numbers.timings));
    }
    told
}

/// What `get_pipeline_report` tells.
#[must_use]
pub fn failures(failures: &[Failure]) -> Value {
    json!({ "success": true, "total_failures": failures.len(), "failures": failures })
}

/// Writes the files of `write_telemetry_files` into `dir`, and tells where they are. Blocks.
///
/// # Errors
/// Which file cannot be written, and why.
pub fn write(dir: &Path, numbers: &Numbers) -> Result<Value, String> {
    let cannot = |path: &Path, error: std::io::Error| format!("cannot write {}: {error}", path.display());
    std::fs::create_dir_all(dir).map_err(|error| cannot(dir, error))?;
    let metrics = json!({ "steps": numbers.answers, "total": responses::total(&numbers.answers) });
    let metrics = serde_json::to_string_pretty(&metrics).map_err(|error| error.to_string())? + "\n";
    let mut told = json!({ "success": true });
    for (key, name, text) in [
        ("token_summary_path", "token_summary.md", tables::tokens(&numbers.tokens)),
        ("timing_summary_path", "timing_summary.md", tables::times(&numbers.timings)),
        ("mcp_response_metrics_path", "mcp_response_metrics.json", metrics),
    ] {
        let path = dir.join(name);
        files::write_atomic(&path, text.as_bytes()).map_err(|error| cannot(&path, error))?;
        told[key] = json!(path);
    }
    Ok(told)
}

/// How many looks at the quota are asked for.
///
/// # Errors
/// When it is no number.
pub fn looks(n: Option<&str>) -> Result<usize, String> {
    match n.map(str::trim).filter(|n| !n.is_empty()) {
        None => Ok(LOOKS),
        Some(n) => n.parse().map_err(|_| format!("`n` is a whole number from 0 on, not `{n}`")),
    }
}

/// What `get_quota_events` tells: nothing where the guard is off. Blocks.
#[must_use]
pub fn quota_events(kit: &Toolkit, at_most: usize) -> Value {
    let guard = Guard::of(&kit.settings, &kit.env, Some(&kit.repository));
    let cache = guard.as_ref().and_then(Guard::cache);
    let (looks, count) = cache.map(|cache| events::newest(cache, at_most)).unwrap_or_default();
    json!({ "success": true, "events": looks, "total_count": count })
}

/// What a run with this folder took and what failed in it, without what its steps or somebody else asked to forget. Blocks.
///
/// # Errors
/// When its journal cannot be read. One that has not begun has nothing to tell.
pub fn of_run(dir: &RunDir, also: Forgotten) -> Result<Telemetry, JournalError> {
    let entries = match journal::read(&dir.journal()) {
        Ok(entries) => entries,
        Err(JournalError::Empty { .. }) => Vec::new(),
        Err(JournalError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    let mut telemetry = Telemetry::of(&id(dir), forgotten(&entries).and(also));
    entries.iter().for_each(|entry| drop(telemetry.take(entry)));
    Ok(telemetry)
}

/// The id of the run with this folder.
#[must_use]
pub fn id(dir: &RunDir) -> String {
    dir.root().file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A call of a step.
pub(super) async fn run(kit: &Toolkit, call: &Call) -> Outcome {
    let (kit, tool, params) = (kit.clone(), call.tool, call.params.clone());
    match blocking(move || tell(&kit, tool.name, &params)).await {
        Ok((summary, result)) => outcome(true, summary, result),
        // The argument is wrong, or the disk is.
        Err(Failed::Argument(why)) => refused(tool, &why),
        Err(Failed::Disk(why)) => outcome(false, why.clone(), json!({ "success": false, "error": why })),
    }
}

enum Failed {
    Argument(String),
    Disk(String),
}

fn tell(kit: &Toolkit, tool: &str, params: &Value) -> Result<(String, Value), Failed> {
    let args = Args::of(params);
    if tool == "get_quota_events" {
        let told = quota_events(kit, looks(args.text("n").as_deref()).map_err(Failed::Argument)?);
        return Ok((format!("{} looks at the quota", told["total_count"]), told));
    }
    let dir = match args.text("order_id").filter(|id| !id.trim().is_empty()) {
        None => kit.run_dir.clone(),
        Some(id) => other(kit, id.trim()).map_err(Failed::Argument)?,
    };
    let telemetry = of_run(&dir, Forgotten::default()).map_err(|error| Failed::Disk(error.to_string()))?;
    let numbers = Numbers {
        tokens: telemetry.tokens.report(None),
        timings: telemetry.timings.report(None),
        answers: kit.responses.report(Some(&id(&dir))),
    };
    let format = || Format::of(args.text("format").as_deref()).map_err(Failed::Argument);
    Ok(match tool {
        "get_token_summary" => {
            let all = tokens::total(&numbers.tokens);
            let summary = format!(
                "{} tokens, {} sessions, {}",
                tables::humanize(all.usage.tokens()),
                all.count,
                tables::dollars(all.usage.cost_usd)
            );
            (summary, token_summary(&numbers, format()?))
        }
        "get_timing_summary" => {
            let summary = format!("{} in steps", tables::duration(total_ms(&numbers.timings)));
            (summary, timing_summary(&numbers, format()?))
        }
        "get_pipeline_report" => {
            (format!("{} failures", telemetry.failures.len()), failures(&telemetry.failures))
        }
        _ => {
            let dir = kit.path(args.text("output_dir"));
            let told = write(&dir, &numbers).map_err(Failed::Disk)?;
            (format!("three files in {}", dir.display()), told)
        }
    })
}

/// The folder of another run of the same repository.
fn other(kit: &Toolkit, id: &str) -> Result<RunDir, String> {
    let is_name = matches!(Path::new(id).components().collect::<Vec<_>>()[..], [Component::Normal(_)]);
    let dir = KitchenDir::of(&kit.repository).run(id);
    if is_name && dir.journal().is_file() {
        Ok(dir)
    } else {
        Err(format!(
            "`order_id` is the id of a run of this repository, and there is none `{id}`: see `autoskillit runs list`"
        ))
    }
}

fn outcome(ok: bool, summary: String, result: Value) -> Outcome {
    Outcome {
        ok,
        label: if ok { "success" } else { "cannot write" }.to_owned(),
        summary,
        result,
        retry: RetryReason::None,
        fault: None,
        usage: None,
        cut_off: false,
    }
}

/// A step's tokens, under the names of AutoSkillit 0.9.
fn row(row: &Row) -> Value {
    let mut told = counts(&row.usage);
    told["step_name"] = json!(row.step);
    told["invocation_count"] = json!(row.count);
    told["elapsed_seconds"] = seconds(row.elapsed_ms);
    // There is one clock here, so both say the same.
    told["wall_clock_seconds"] = seconds(row.elapsed_ms);
    told["models"] = models(&row.models);
    told
}

fn models(models: &ByModel) -> Value {
    let told = |(model, usage): (&String, &Usage)| {
        let mut told = counts(usage);
        told["model"] = json!(model);
        told
    };
    models.iter().map(told).collect()
}

fn counts(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.input,
        "output_tokens": usage.output,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "turn_count": usage.turns,
        "cost_usd": usage.cost_usd,
    })
}

fn seconds(millis: u64) -> Value {
    json!(std::time::Duration::from_millis(millis).as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers() -> Numbers {
        let usage =
            Usage { input: 1000, output: 500, cache_read: 200, cache_write: 100, turns: 3, cost_usd: 0.25 };
        let models = ByModel::from([("opus".to_owned(), usage)]);
        let row = |step: &str| Row {
            step: step.to_owned(),
            usage,
            count: 1,
            elapsed_ms: 45_700,
            models: models.clone(),
        };
        Numbers {
            tokens: vec![row("plan"), row("review")],
            timings: vec![Timing { step: "plan".to_owned(), total_ms: 46_000, count: 2 }],
            answers: vec![Answered {
                tool_name: "run_cmd".to_owned(),
                response_bytes: 80,
                estimated_response_tokens: 20,
                invocation_count: 1,
            }],
        }
    }

    #[test]
    fn summaries_have_the_names_that_recipes_know() {
        insta::assert_json_snapshot!("token_summary", token_summary(&numbers(), Format::Table));
        insta::assert_json_snapshot!("timing_summary", timing_summary(&numbers(), Format::Table));
        let lines = token_summary(&numbers(), Format::Compact);
        assert!(
            lines["text"].as_str().is_some_and(|text| text.contains("mcp_response_tokens: ~20")),
            "{lines}"
        );
        assert_eq!(token_summary(&numbers(), Format::Json).get("text"), None);
    }

    #[test]
    fn files_are_written_into_a_folder_that_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("a/b");
        let told = write(&place, &numbers()).unwrap();
        let read = |key: &str| std::fs::read_to_string(told[key].as_str().unwrap()).unwrap();
        assert!(read("token_summary_path").starts_with("## Token Usage Summary\n"));
        assert!(read("timing_summary_path").starts_with("## Step Timing Summary\n"));
        assert!(read("mcp_response_metrics_path").contains("\"total_invocations\": 1"));
        let file = place.join("token_summary.md");
        let error = write(&file, &numbers()).unwrap_err();
        assert!(error.contains("token_summary.md"), "{error}");
    }

    #[test]
    fn arguments_are_read_with_an_error_for_what_they_are_not() {
        assert_eq!(Format::of(None), Ok(Format::Json));
        assert_eq!(Format::of(Some("table")), Ok(Format::Table));
        assert!(Format::of(Some("tabel")).unwrap_err().contains("did you mean `table`"));
        assert_eq!((looks(None), looks(Some(" 3 "))), (Ok(LOOKS), Ok(3)));
        assert!(looks(Some("-1")).is_err());
    }
}
