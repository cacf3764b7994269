//! `simulate`.

use std::process::ExitCode;
use std::time::Duration;

use engine::scatter::sources::{Range, Source as _, SourceRequest};
use serde_json::json;
use simulation::bill::Line;
use simulation::forecast::{Forecast, Job as SimulatedJob, OnStepFunctions, Stack, forecast, on_step_functions};
use simulation::parameters::Transport;
use simulation::prices;

use crate::args::{RunArgs, SimulateArgs, TransportName};
use crate::context::Context;
use crate::error::CliError;
use crate::format::grouped;
use crate::job::{Job, UsageError};
use crate::output::{self, Colour, Output};

pub(super) async fn execute(context: &Context, args: SimulateArgs) -> Result<ExitCode, CliError> {
    let job = SimulatedJob {
        segments: segments(context, &args)?,
        shortest: args.segment_seconds.shortest,
        longest: args.segment_seconds.longest,
        failures: args.failures.in_a_million,
        megabytes: args.memory,
    };
    let forecasts = simulate(job, &args).await?;
    let beside = on_step_functions(&job);
    if context.output.is_json() {
        let prices = json!({ "as_of": prices::AS_OF, "region": prices::REGION });
        let answer =
            json!({ "segments": job.segments, "prices": prices, "forecasts": forecasts, "step_functions": beside });
        context.output.value(&answer)?;
    } else {
        print(&context.output, &job, &forecasts, &beside)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The segments that were given, or those of the job file.
fn segments(context: &Context, args: &SimulateArgs) -> Result<u64, CliError> {
    if let Some(segments) = args.segments {
        return Ok(segments);
    }
    let own_work = context.work.is_some();
    let run = RunArgs { file: args.file.clone(), ..RunArgs::default() };
    let plan = Job::from_args(&run, own_work)?.into_plan(own_work)?;
    let how = "--segments N: this source tells it only when it runs";
    Ok(counted(&plan.event.source).ok_or(UsageError::Missing { what: "the number of segments", how })?)
}

/// The segments of a source that can be counted without a table or a file.
fn counted(source: &SourceRequest) -> Option<u64> {
    match source {
        SourceRequest::Range(range) => Range::try_from(range).ok()?.total(),
        SourceRequest::List(list) => list.codes.as_ref().map(|codes| codes.len() as u64),
        SourceRequest::DynamoDbScan(scan) => scan.segments,
        SourceRequest::External(_) => None,
    }
}

/// Simulates every combination, each on a thread of its own.
async fn simulate(job: SimulatedJob, args: &SimulateArgs) -> Result<Vec<Forecast>, CliError> {
    let mut simulations = Vec::new();
    for transport in &args.transport {
        for shards in &args.shards {
            let transport = match transport {
                TransportName::Kinesis => Transport::Kinesis,
                TransportName::Sqs => Transport::Sqs,
            };
            let (shards, batch_size, seed) = (usize::from(*shards), usize::from(args.batch_size), args.seed);
            let stack = Stack { transport, shards, batch_size };
            simulations.push(tokio::task::spawn_blocking(move || forecast(job, stack, seed)));
        }
    }
    let mut forecasts = Vec::new();
    for simulation in simulations {
        forecasts.push(simulation.await??);
    }
    Ok(forecasts)
}

fn print(
    output: &Output,
    job: &SimulatedJob,
    forecasts: &[Forecast],
    beside: &[OnStepFunctions],
) -> Result<(), CliError> {
    output.line(format_args!(
        "{} segments; prices of {}, {}, without free tiers. Dollars are without the work itself: that is beside them",
        grouped(job.segments),
        prices::AS_OF,
        prices::REGION
    ))?;
    let head = format!(
        "{:<46} {:>7}  {:>10}  {:>13}  {:>12}  {:>10}  {:>10}",
        "WAY", "WORKERS", "TO THE END", "OLDEST RECORD", "INVOCATIONS", "DOLLARS", "WORK"
    );
    output.line(output::Line::painted(Colour::Dim, head))?;
    for forecast in forecasts {
        output.line(format_args!(
            "{:<46} {:>7}  {:>10}  {:>13}  {:>12}  {:>10.2}  {:>10.2}",
            name(forecast),
            forecast.workers,
            forecast.hours.map_or_else(|| "never".to_owned(), time),
            time(forecast.oldest_record_hours),
            grouped(forecast.invocations),
            forecast.dollars,
            forecast.work_dollars
        ))?;
    }
    for way in beside {
        let dollars = way.dollars.map_or_else(|| "too long".to_owned(), |dollars| format!("{dollars:.2}"));
        let hours = format!("≥ {}", time(way.hours));
        output.line(format_args!("{:<46} {:>7}  {hours:>10}  {:>13}  {:>12}  {dollars:>10}", way.name, "", "", ""))?;
    }
    for forecast in forecasts {
        print_bill(output, forecast)?;
    }
    note_parts(output, job, forecasts);
    Ok(())
}

fn print_bill(output: &Output, forecast: &Forecast) -> Result<(), CliError> {
    output.line("")?;
    output.line(output::Line::painted(Colour::Dim, name(forecast)))?;
    for Line { item, units, unit, dollars } in &forecast.lines {
        let units = if *units < 1_000.0 { format!("{units:.1}") } else { grouped(rounded(*units)) };
        output.line(format_args!("  {item:<28} {units:>16} {unit:<16} {dollars:>10.2}"))?;
    }
    Ok(())
}

/// Says what was not simulated.
fn note_parts(output: &Output, job: &SimulatedJob, forecasts: &[Forecast]) {
    if forecasts.iter().any(|forecast| forecast.hours.is_none()) {
        output.note("`never`: the execution did not complete within three times its ideal time");
    }
    if let Some(simulated) = forecasts.iter().map(|forecast| forecast.simulated_segments).min()
        && simulated < job.segments
    {
        output.note(format_args!(
            "{} segments were simulated, on as many fewer workers; the rest is reckoned from them",
            grouped(simulated)
        ));
    }
    output.note("latencies are assumed and nothing was measured on AWS; Step Functions' lines are formulas");
}

fn name(forecast: &Forecast) -> String {
    let shards = match forecast.shards {
        Some(1) => ", 1 shard".to_owned(),
        Some(shards) => format!(", {shards} shards"),
        None => String::new(),
    };
    let batches =
        if forecast.batch_size == 1 { String::new() } else { format!(", batches of {}", forecast.batch_size) };
    format!("{}{shards}{batches}", forecast.transport)
}

/// `340 ms`, `2 h 5 min`, `34 d 17 h`.
fn time(hours: f64) -> String {
    if hours >= 48.0 {
        let whole = rounded(hours);
        return format!("{} d {} h", whole / 24, whole % 24);
    }
    crate::format::span(Duration::from_secs_f64(hours.max(0.0) * 3_600.0))
}

#[expect(clippy::cast_possible_truncation, reason = "a count, or hours of a job")]
fn rounded(number: f64) -> i64 {
    number.round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(json: serde_json::Value) -> SourceRequest {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_source_is_counted_where_that_needs_no_table() {
        let count = |json| counted(&source(json));
        assert_eq!(count(json!({"type": "range", "from": 0, "to": 95, "size": 10})), Some(10));
        assert_eq!(count(json!({"type": "list", "codes": ["a", "b"]})), Some(2));
        assert_eq!(count(json!({"type": "dynamodb-scan", "table": "t", "segments": 7})), Some(7));
        assert_eq!(count(json!({"type": "dynamodb-scan", "table": "t"})), None);
    }

    #[test]
    fn long_times_are_in_days() {
        assert_eq!((time(833.4), time(1.5)), ("34 d 17 h".to_owned(), "1 h 30 min".to_owned()));
    }
}
