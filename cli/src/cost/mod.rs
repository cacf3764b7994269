//! What a load would cost on AWS, and what others would take for it. Figures only: nothing is asked of AWS.
//!
//! - `price`: the prices, one table, with their sources
//! - `units`: what a run writes, in the units that are charged
//! - `estimate`: this system's bill
//! - `others`: beside Step Functions and durable functions
//! - `show`: as text and as JSON

mod estimate;
mod others;
mod price;
mod show;
mod units;

pub use self::show::{json, text};

/// The processors of the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Architecture {
    /// Arm: the template's default
    Arm64,
    /// Intel and AMD
    #[value(name = "x86_64")]
    X86_64,
}

/// What is to be worked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// How many segments.
    pub segments: u64,
    /// How long the work of one takes, in seconds.
    pub seconds: f64,
    /// The worker's memory, in megabytes (1,024 to a gigabyte).
    pub memory_mb: u32,
    /// Segments of one invocation.
    pub batch_size: u32,
    /// How often a segment is tried, on average; 1 without failures.
    pub attempts: f64,
    /// The size of a segment's row, in KB.
    pub row_kb: f64,
    /// The worker's processors.
    pub architecture: Architecture,
    /// Shards of the stream.
    pub shards: u32,
    /// How long they stand, in hours.
    pub hours: f64,
}

#[cfg(test)]
mod testing {
    use super::{Architecture, Load};

    /// The million of `docs/cost.md`.
    pub const MILLION: Load = Load {
        segments: 1_000_000,
        seconds: 1.0,
        memory_mb: 512,
        batch_size: 1,
        attempts: 1.0,
        row_kb: 1.0,
        architecture: Architecture::Arm64,
        shards: 1,
        hours: 720.0,
    };

    pub fn assert_near(found: f64, wanted: f64) {
        assert!((found - wanted).abs() <= 1e-9 * wanted.abs().max(1.0), "{found}, not {wanted}");
    }
}
