//! What `cost` takes.

use clap::Args;
use control_table::limits::{MAX_ATTEMPTS, MAX_RESULT_BYTES, MAX_SPEC_BYTES};

use crate::cost::{Architecture, Load};

/// The longest that a Lambda invocation may take, in seconds (AWS quota).
const MAX_SECONDS: f64 = 900.0;

/// More segments than anybody has in a month, and few enough to be exact in every sum.
const MAX_SEGMENTS: u64 = 1_000_000_000_000;

/// A row has a spec and a result, and some 4 KB of everything else at the most.
const MAX_ROW_KB: f64 = ((MAX_SPEC_BYTES + MAX_RESULT_BYTES) / 1024 + 4) as f64;

/// Ten years.
const MAX_HOURS: f64 = 87_600.0;

/// Estimates what segments would cost on AWS, line by line, beside what others take for them.
///
/// Asks nothing of AWS. Prices are those of us-east-1 in November 2026, without free tiers; docs/cost.md has the formulas, and says
/// what is not in them.
#[derive(Debug, Args)]
pub struct CostArgs {
    /// How many segments
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MAX_SEGMENTS))]
    pub segments: u64,
    /// Seconds that the work of one takes
    #[arg(long, value_name = "S", value_parser = seconds, allow_negative_numbers = true)]
    pub seconds: f64,
    /// The worker's memory, in MB
    #[arg(long, value_name = "MB", default_value_t = 512, value_parser = clap::value_parser!(u32).range(128..=10_240))]
    pub memory_mb: u32,
    /// Segments of one invocation, worked side by side
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub batch_size: u32,
    /// Attempts of a segment, on average
    #[arg(long, value_name = "N", default_value = "1", value_parser = attempts, allow_negative_numbers = true)]
    pub attempts: f64,
    /// The size of a segment's row, in KB: its spec, its result, and some 0.4 KB
    #[arg(long, value_name = "KB", default_value = "1", value_parser = row_kb, allow_negative_numbers = true)]
    pub row_kb: f64,
    /// The worker's processors
    #[arg(long, value_enum, default_value = "arm64")]
    pub architecture: Architecture,
    /// Shards of the stream
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub shards: u32,
    /// Hours that the shards stand: 720 are 30 days
    #[arg(long, value_name = "H", default_value = "720", value_parser = hours, allow_negative_numbers = true)]
    pub hours: f64,
}

impl CostArgs {
    /// The load that is meant.
    pub const fn load(&self) -> Load {
        let Self { segments, seconds, memory_mb, batch_size, attempts, row_kb, architecture, shards, hours } = *self;
        Load { segments, seconds, memory_mb, batch_size, attempts, row_kb, architecture, shards, hours }
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    let why = "a Lambda invocation takes 900 seconds at most, so cut the job into smaller segments";
    within(text, 0.0, MAX_SECONDS)
        .map_err(|error| if error.is_too_large { format!("{error}: {why}") } else { error.to_string() })
}

fn attempts(text: &str) -> Result<f64, String> {
    within(text, 1.0, f64::from(MAX_ATTEMPTS)).map_err(|error| error.to_string())
}

fn row_kb(text: &str) -> Result<f64, String> {
    within(text, 0.0, MAX_ROW_KB).map_err(|error| error.to_string())
}

fn hours(text: &str) -> Result<f64, String> {
    within(text, 0.0, MAX_HOURS).map_err(|error| error.to_string())
}

/// Not a number that is meant.
#[derive(Debug, thiserror::Error)]
#[error("give a number from {least} to {most}")]
struct OutOfRange {
    least: f64,
    most: f64,
    is_too_large: bool,
}

/// A number in these bounds; neither infinity nor what is no number is.
fn within(text: &str, least: f64, most: f64) -> Result<f64, OutOfRange> {
    let number = text.parse().unwrap_or(f64::NAN);
    let is_too_large = number > most;
    if (least..=most).contains(&number) { Ok(number) } else { Err(OutOfRange { least, most, is_too_large }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        args: CostArgs,
    }

    fn parse(more: &[&str]) -> Result<Load, String> {
        let words = ["cost", "--segments", "1000"].iter().chain(more);
        Command::try_parse_from(words).map(|command| command.args.load()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_said_is_usual() {
        let usual = Load {
            segments: 1_000,
            seconds: 2.5,
            memory_mb: 512,
            batch_size: 1,
            attempts: 1.0,
            row_kb: 1.0,
            architecture: Architecture::Arm64,
            shards: 1,
            hours: 720.0,
        };
        assert_eq!(parse(&["--seconds", "2.5"]), Ok(usual));
        let x86 = parse(&["--seconds", "2.5", "--architecture", "x86_64"]);
        assert_eq!(x86, Ok(Load { architecture: Architecture::X86_64, ..usual }));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for seconds in ["-1", "NaN", "inf", "-inf", "", "fast", "900.1", "1e9"] {
            assert!(parse(&["--seconds", seconds]).is_err(), "{seconds}");
        }
        for more in [
            ["--attempts", "0.9"],
            ["--attempts", "NaN"],
            ["--row-kb", "-1"],
            ["--row-kb", "400"],
            ["--hours", "-1"],
            ["--memory-mb", "64"],
            ["--batch-size", "0"],
            ["--architecture", "mips"],
        ] {
            assert!(parse(&["--seconds", "1", more[0], more[1]]).is_err(), "{more:?}");
        }
        let none = ["cost", "--segments", "0", "--seconds", "1"];
        assert!(Command::try_parse_from(none).is_err());
    }

    #[test]
    fn too_long_a_segment_is_told_why() {
        let error = parse(&["--seconds", "901"]).unwrap_err();
        assert!(error.contains("cut the job into smaller segments"), "{error}");
        let error = parse(&["--seconds", "-1"]).unwrap_err();
        assert!(error.contains("give a number from 0 to 900") && !error.contains("cut"), "{error}");
    }
}
