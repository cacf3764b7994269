//! What `simulate` takes.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use control_table::limits::MAX_SEGMENTS;

/// Answers how long a job would take on AWS and what it would cost, before it runs there. It needs no account.
///
/// The engine itself runs in virtual time between models of AWS's services. Of a large job a part is simulated, and the answer says so.
#[derive(Debug, Clone, Args)]
pub struct SimulateArgs {
    /// The job as a file: its source says how many segments it has
    #[arg(value_name = "JOB.toml", required_unless_present = "segments")]
    pub file: Option<PathBuf>,
    /// Segments, whatever the job file says
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MAX_SEGMENTS))]
    pub segments: Option<u64>,
    /// Seconds that a segment takes: one number, or the least and the most as 20..40
    #[arg(long, value_name = "S[..S2]", required = true)]
    pub segment_seconds: Seconds,
    /// First attempts that fail and are tried again, as 1%
    #[arg(long, value_name = "SHARE", default_value = "0%")]
    pub failures: Share,
    /// Shards of ten workers each; on SQS, tens of workers
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1,4,16", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub shards: Vec<u16>,
    /// How records reach the workers
    #[arg(long, value_enum, value_name = "T,…", value_delimiter = ',', default_value = "kinesis,sqs")]
    pub transport: Vec<TransportName>,
    /// Segments of an invocation
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub batch_size: u16,
    /// Memory of the worker, in MB
    #[arg(long, value_name = "MB", default_value_t = 512, value_parser = clap::value_parser!(u64).range(128..=10_240))]
    pub memory: u64,
    /// What chance follows from: the same number gives the same answer
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

/// How records reach the workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TransportName {
    /// A Kinesis stream
    Kinesis,
    /// An SQS queue
    Sqs,
}

/// The time of a segment, from the shortest to the longest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds {
    /// The shortest.
    pub shortest: Duration,
    /// The longest.
    pub longest: Duration,
}

/// The longest segment: an invocation takes 15 minutes (Lambda quota).
const LONGEST: f64 = 900.0;

/// Not a time of a segment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no time of a segment: use seconds up to 900, as 30, 0.5 or 20..40")]
pub struct InvalidSeconds(String);

impl FromStr for Seconds {
    type Err = InvalidSeconds;

    fn from_str(text: &str) -> Result<Self, InvalidSeconds> {
        let invalid = || InvalidSeconds(text.chars().take(40).collect());
        let seconds = |text: &str| -> Result<Duration, InvalidSeconds> {
            let seconds: f64 = text.parse().map_err(|_| invalid())?;
            if (0.0..=LONGEST).contains(&seconds) { Ok(Duration::from_secs_f64(seconds)) } else { Err(invalid()) }
        };
        let (shortest, longest) = text.split_once("..").unwrap_or((text, text));
        let (shortest, longest) = (seconds(shortest)?, seconds(longest)?);
        if shortest <= longest { Ok(Self { shortest, longest }) } else { Err(invalid()) }
    }
}

/// A share, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// In a million.
    pub in_a_million: u64,
}

/// Not a share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no share: use a percentage from 0% to 100%, as 1% or 0.25%")]
pub struct InvalidShare(String);

impl FromStr for Share {
    type Err = InvalidShare;

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to a million")]
    fn from_str(text: &str) -> Result<Self, InvalidShare> {
        let invalid = || InvalidShare(text.chars().take(40).collect());
        let percent: f64 = text.strip_suffix('%').and_then(|text| text.parse().ok()).ok_or_else(invalid)?;
        if !(0.0..=100.0).contains(&percent) {
            return Err(invalid());
        }
        Ok(Self { in_a_million: (percent * 10_000.0).round() as u64 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_one_number_or_two() {
        let seconds = |text: &str| text.parse::<Seconds>().map(|it| (it.shortest.as_millis(), it.longest.as_millis()));
        assert_eq!(seconds("30"), Ok((30_000, 30_000)));
        assert_eq!(seconds("0.5..2"), Ok((500, 2_000)));
        for text in ["", "x", "901", "-1", "40..20", "nan", "1..", "30s"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_share_is_a_percentage() {
        let share = |text: &str| text.parse::<Share>().map(|share| share.in_a_million);
        assert_eq!((share("1%"), share("0.25%"), share("100%")), (Ok(10_000), Ok(2_500), Ok(1_000_000)));
        for text in ["1", "101%", "-1%", "%", "nan%"] {
            assert!(share(text).is_err(), "{text}");
        }
    }
}
