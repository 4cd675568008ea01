use indexmap::IndexMap;
use proptest::prelude::*;

use super::responses::{self, ResponseLog};
use super::tables::{self, duration, humanize};
use super::timings::{TimingLog, total_ms};
use super::tokens::{self, ByModel, TokenLog, UNKNOWN_MODEL, Used};
use super::*;
use crate::core::usage::Usage;

fn usage(input: u64, output: u64, cache_read: u64, cache_write: u64) -> Usage {
    Usage { input, output, cache_read, cache_write, ..Usage::default() }
}

fn used(usage: Usage, models: &ByModel, elapsed_ms: u64) -> Used<'_> {
    Used { usage, models, elapsed_ms, is_new: true }
}

#[test]
fn labels_with_a_number_mean_their_step() {
    for (label, step) in [
        ("plan-30", "plan"),
        ("plan", "plan"),
        ("plan-3-4", "plan-3"),
        ("open-pr", "open-pr"),
        ("plan-30-retry", "plan-30-retry"),
        ("retry_worktree", "retry_worktree"),
        ("plan-", "plan-"),
        ("-3", "-3"),
        (" plan-3 ", "plan"),
        ("dispatch:a-3", "dispatch:a-3"),
        ("(ad-hoc-3", "(ad-hoc-3"),
        ("", ""),
    ] {
        assert_eq!(canonical(label), step, "{label}");
    }
}

#[test]
fn counts_are_said_in_thousands_and_millions() {
    for (count, said) in [
        (0, "0"),
        (500, "500"),
        (999, "999"),
        (1_000, "1.0k"),
        (1_049, "1.0k"),
        (1_050, "1.1k"),
        (1_950, "1.9k"),
        (7_000, "7.0k"),
        (45_200, "45.2k"),
        (999_949, "999.9k"),
        (999_951, "1.0M"),
        (999_999, "1.0M"),
        (1_000_000, "1.0M"),
        (1_200_000, "1.2M"),
        (12_345_678_901, "12345.7M"),
    ] {
        assert_eq!(humanize(count), said, "{count}");
    }
    assert!(humanize(u64::MAX).ends_with('M'));
}

#[test]
fn times_are_said_in_their_two_largest_units() {
    for (millis, said) in [
        (0, "0s"),
        (499, "0s"),
        (44_500, "44s"),
        (45_500, "46s"),
        (45_700, "46s"),
        (59_400, "59s"),
        (59_499, "59s"),
        (59_500, "1m 0s"),
        (59_700, "1m 0s"),
        (60_000, "1m 0s"),
        (492_000, "8m 12s"),
        (492_900, "8m 12s"),
        (3_599_000, "59m 59s"),
        (3_599_999, "59m 59s"),
        (3_600_000, "1h 0m"),
        (3_720_000, "1h 2m"),
        (90_000_000, "25h 0m"),
    ] {
        assert_eq!(duration(millis), said, "{millis}");
    }
    assert!(!duration(u64::MAX).is_empty());
}

fn two_runs() -> TokenLog {
    let (none, mut log) = (ByModel::new(), TokenLog::default());
    let models = ByModel::from([
        ("opus".to_owned(), Usage { cost_usd: 0.5, ..usage(600, 300, 200, 100) }),
        (String::new(), usage(100, 0, 0, 0)),
    ]);
    log.record("a", "plan", used(Usage { cost_usd: 0.6, ..usage(1000, 500, 200, 100) }, &models, 45_700));
    log.record("a", "plan-2", Used { is_new: false, ..used(usage(1, 2, 3, 4), &none, 300) });
    log.record("b", "plan-30", used(usage(10, 20, 30, 40), &none, 1_000));
    log.record("b", "review|me\n", used(usage(999_999, 0, 0, 0), &none, 59_700));
    log.record("b", "", used(usage(1, 1, 1, 1), &none, 1));
    log.record("b", "nothing", used(Usage::default(), &none, 1));
    log
}

#[test]
fn tokens_are_told_by_run_and_by_step() {
    let log = two_runs();
    let told = |run| -> Vec<_> {
        let rows = log.report(run).into_iter();
        rows.map(|row| (row.step, row.usage.input, row.count, row.elapsed_ms)).collect()
    };
    assert_eq!(told(Some("a")), [("plan".to_owned(), 1_001, 1, 46_000)]);
    assert_eq!(
        told(None),
        [("plan".to_owned(), 1_011, 2, 47_000), ("review|me".to_owned(), 999_999, 1, 59_700)]
    );
    assert_eq!(told(Some("c")), []);
    let mut whole = TokenLog::default();
    whole.merge(&log);
    assert_eq!(whole, log);
    whole.clear();
    assert_eq!(whole.report(None), []);
}

#[test]
fn what_no_model_is_told_of_is_under_a_name_of_its_own() {
    let rows = two_runs().report(Some("a"));
    let models: Vec<_> = rows[0].models.iter().map(|(name, usage)| (name.as_str(), *usage)).collect();
    let cost_usd = rows[0].models[UNKNOWN_MODEL].cost_usd;
    assert!((cost_usd - 0.1).abs() < 1e-9, "{cost_usd}");
    assert_eq!(
        models,
        [
            ("opus", Usage { cost_usd: 0.5, ..usage(600, 300, 200, 100) }),
            (UNKNOWN_MODEL, Usage { cost_usd, ..usage(401, 202, 3, 4) }),
        ]
    );
}

#[test]
fn times_are_told_by_run_and_by_step() {
    let mut log = TimingLog::default();
    for (run, label, millis, is_new) in [
        ("a", "test", 2_000, true),
        ("a", "test-2", 500, true),
        ("b", "test", 60_000, true),
        ("b", "test", 1, false),
    ] {
        log.record(run, label, millis, is_new);
    }
    log.record("b", "", 9, true);
    let told = |run| -> Vec<_> {
        log.report(run).into_iter().map(|row| (row.step, row.total_ms, row.count)).collect()
    };
    assert_eq!(told(Some("a")), [("test".to_owned(), 2_500, 2)]);
    assert_eq!(told(None), [("test".to_owned(), 62_501, 3)]);
    insta::assert_snapshot!("timing_table", tables::times(&log.report(None)));
}

#[test]
fn answers_are_measured_by_run_and_tool() {
    let log = ResponseLog::default();
    assert_eq!(log.record("a", "run_cmd", 7), 1, "bytes that make no whole token are left out");
    assert_eq!(log.record("a", "run_cmd", 9), 2);
    assert_eq!(log.record(NO_RUN, "load_recipe", 8_004), 2_001);
    let total = responses::total(&log.report(None));
    assert_eq!(
        (total.total_response_bytes, total.total_estimated_response_tokens, total.total_invocations),
        (8_020, 2_004, 3)
    );
    assert_eq!(log.report(Some("a")).len(), 1);
    log.clear(Some("a"));
    assert_eq!((log.report(Some("a")).len(), log.report(None).len()), (0, 1));
    log.clear(None);
    assert_eq!(log.report(None), []);
}

#[test]
fn tables_have_the_headers_that_pull_requests_are_read_by() {
    let mut log = TokenLog::default();
    log.record("a", "plan", used(usage(1000, 500, 200, 100), &ByModel::new(), 45_700));
    let text = tables::tokens(&log.report(None));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines,
        [
            "## Token Usage Summary",
            "",
            "| Step | uncached | output | cache_read | cache_write | count | time |",
            "|------|----------|--------|------------|-------------|-------|------|",
            "| plan | 1.0k | 500 | 200 | 100 | 1 | 46s |",
            "| **Total** | 1.0k | 500 | 200 | 100 | | 46s |",
        ]
    );
    insta::assert_snapshot!("token_table", tables::tokens(&two_runs().report(None)));
    insta::assert_snapshot!("token_table_without_steps", tables::tokens(&[]));
    let answers = ResponseLog::default();
    answers.record("a", "run_cmd", 5_000);
    let answered = responses::total(&answers.report(None));
    insta::assert_snapshot!("token_lines", tables::compact(&two_runs().report(None), answered));
}

prop_compose! {
    fn record()(
        run in "[ab]", label in "[a-c](-[0-9])?", counts in prop::array::uniform4(0u64..2_000_000),
        cents in 0u32..500, told in 0u64..2_000_000, elapsed in 0u64..100_000, is_new in any::<bool>(),
    ) -> (String, String, Usage, ByModel, u64, bool) {
        let [input, output, cache_read, cache_write] = counts;
        let usage = Usage { cost_usd: f64::from(cents) / 100.0, ..self::usage(input, output, cache_read, cache_write) };
        let models = IndexMap::from([("m".to_owned(), Usage { input: told.min(input), ..Usage::default() })]);
        (run, label, usage, models, elapsed, is_new)
    }
}

proptest! {
    /// Whatever was recorded, the rows add up to it: in all, by run, and by model.
    #[test]
    fn rows_add_up_to_what_was_recorded(records in prop::collection::vec(record(), 0..20)) {
        let (mut log, mut timings) = (TokenLog::default(), TimingLog::default());
        let (mut sum, mut elapsed, mut count, mut taken) = (Usage::default(), 0, 0, 0);
        for (run, label, usage, models, millis, is_new) in &records {
            log.record(run, label, Used { usage: *usage, models, elapsed_ms: *millis, is_new: *is_new });
            timings.record(run, label, *millis, *is_new);
            taken += millis;
            if *usage != Usage::default() {
                sum += *usage;
                elapsed += millis;
                count += u64::from(*is_new);
            }
        }
        let all = tokens::total(&log.report(None));
        let counts = |usage: Usage| (usage.input, usage.output, usage.cache_read, usage.cache_write);
        prop_assert_eq!((counts(all.usage), all.elapsed_ms, all.count), (counts(sum), elapsed, count));
        prop_assert!((all.usage.cost_usd - sum.cost_usd).abs() < 1e-6);
        let by_run: Vec<_> = ["a", "b"].iter().flat_map(|run| log.report(Some(run))).collect();
        prop_assert_eq!(counts(tokens::total(&by_run).usage), counts(sum));
        let mut by_model = Usage::default();
        all.models.values().for_each(|usage| by_model += *usage);
        prop_assert_eq!(counts(by_model), counts(sum));
        prop_assert_eq!(total_ms(&timings.report(None)), taken);
    }

    /// Nothing is said in more than a thousand of a unit that has a next one, and what is more is never said as less.
    #[test]
    fn counts_are_said_in_the_right_unit(count in 0u64..2_000_000_000) {
        let said = humanize(count);
        prop_assert!(!said.starts_with("1000.") || said.ends_with('M'), "{}", said);
        let value = |said: &str| -> f64 {
            let (number, unit) = match said.strip_suffix('M') {
                Some(number) => (number, 1e6),
                None => said.strip_suffix('k').map_or((said, 1.0), |number| (number, 1e3)),
            };
            number.parse::<f64>().unwrap() * unit
        };
        prop_assert!(value(&said) <= value(&humanize(count + 1)) + 1e-6);
    }
}
