//! An own worker: for each segment, how many of its numbers are prime.

use std::process::ExitCode;

use scatter_gather::{Context, Output, Result, Segment};
use serde::Deserialize;

/// A segment's spec, as the source `range` makes it: numbers from `from` to `to`, without `to`.
#[derive(Deserialize)]
struct Range {
    from: u64,
    to: u64,
}

async fn process(segment: Segment<Range>, _: Context) -> Result {
    let Range { from, to } = segment.spec;
    // Pure computing goes to a thread of its own: on this one it would block the worker's other segments.
    let primes = tokio::task::spawn_blocking(move || (from..to).filter(|&number| is_prime(number)).count()).await?;
    Ok(Output::items(to - from).counter("primes", u64::try_from(primes)?))
}

fn is_prime(number: u64) -> bool {
    number > 1 && (2..).take_while(|divisor| divisor * divisor <= number).all(|divisor| !number.is_multiple_of(divisor))
}

#[tokio::main]
async fn main() -> ExitCode {
    scatter_gather::run!(process).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use scatter_gather::{json, testing};

    #[tokio::test]
    async fn the_primes_of_a_range_are_counted() {
        let output = testing::run(process, json!({ "from": 0, "to": 10 })).await.unwrap();
        assert_eq!(output, Output::items(10).counter("primes", 4_u64));
    }
}
