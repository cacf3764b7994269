//! A worker of one's own: for each segment, how many of its numbers are prime.

use std::process::ExitCode;

use serde::Deserialize;
use worker::{Context, Output, Segment, SegmentError};

/// What the source says of a segment: a range of numbers, its end not included.
#[derive(Deserialize)]
struct Range {
    from: u64,
    to: u64,
}

async fn process(segment: Segment<Range>, _: Context) -> Result<Output, SegmentError> {
    let Range { from, to } = segment.spec;
    // Pure computing goes to a thread of its own: here it would hold up whatever else the runtime does.
    let primes = tokio::task::spawn_blocking(move || (from..to).filter(|&number| is_prime(number)).count()).await?;
    Ok(Output::items(i64::try_from(to - from)?).counter("primes", i64::try_from(primes)?))
}

fn is_prime(number: u64) -> bool {
    number > 1 && (2..).take_while(|divisor| divisor * divisor <= number).all(|divisor| !number.is_multiple_of(divisor))
}

#[tokio::main]
async fn main() -> ExitCode {
    scatterctl::run_worker(process).await
}
