//! This system's bill: what is charged, how much of it, and at which price.

use super::price::{GB_SECOND_ARM64, GB_SECOND_X86_64, INVOCATION, PAYLOAD_UNIT, Price, SHARD_HOUR, WRITE_UNIT};
use super::units;
use super::{Architecture, Load};

/// Kilobytes of one payload unit of Kinesis.
const PAYLOAD_UNIT_KB: f64 = 25.0;

const MILLION: f64 = 1_000_000.0;

/// A line of the bill.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Item {
    /// What is paid for.
    pub name: &'static str,
    /// How many units.
    pub quantity: f64,
    /// A unit's price.
    pub price: Price,
}

impl Item {
    /// In US dollars.
    pub fn dollars(&self) -> f64 {
        self.price.of(self.quantity)
    }
}

/// The bill.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Writes of the control table.
    pub dynamodb: Item,
    /// Records put on the stream.
    pub kinesis: Item,
    /// The worker's invocations.
    pub requests: Item,
    /// The worker's time.
    pub duration: Item,
    /// What stands, whether it is used or not.
    pub standing: Item,
    segments: f64,
}

impl Estimate {
    /// Of a load.
    pub fn of(load: &Load) -> Self {
        let segments = load.segments as f64;
        let tries = segments * load.attempts;
        let invocations = tries / f64::from(load.batch_size);
        let gigabytes = f64::from(load.memory_mb) / 1024.0;
        let second = match load.architecture {
            Architecture::Arm64 => GB_SECOND_ARM64,
            Architecture::X86_64 => GB_SECOND_X86_64,
        };
        let item = |name, quantity, price| Item { name, quantity, price };
        let write_units = units::write_units(load.segments, load.batch_size, load.attempts, load.row_kb);
        let payload_units = tries * (load.row_kb / PAYLOAD_UNIT_KB).ceil().max(1.0);
        Self {
            dynamodb: item("DynamoDB", write_units, WRITE_UNIT),
            kinesis: item("Kinesis", payload_units, PAYLOAD_UNIT),
            requests: item("Lambda requests", invocations, INVOCATION),
            duration: item("Lambda duration", invocations * load.seconds * gigabytes, second),
            standing: item("standing", f64::from(load.shards) * load.hours, SHARD_HOUR),
            segments,
        }
    }

    /// The lines, in the order in which they are shown.
    pub const fn items(&self) -> [Item; 5] {
        [self.dynamodb, self.kinesis, self.requests, self.duration, self.standing]
    }

    /// What it costs to keep account of the segments: table and stream, without the invocations that others pay as well.
    pub fn orchestration(&self) -> f64 {
        self.dynamodb.dollars() + self.kinesis.dollars()
    }

    /// What the segments cost, without what stands.
    pub fn of_segments(&self) -> f64 {
        self.orchestration() + self.requests.dollars() + self.duration.dollars()
    }

    /// Everything.
    pub fn total(&self) -> f64 {
        self.of_segments() + self.standing.dollars()
    }

    /// The same for a million segments of the kind, without what stands.
    pub fn per_million(&self) -> f64 {
        self.of_segments() / self.segments * MILLION
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{MILLION, assert_near};
    use super::*;

    #[test]
    fn a_million_segments_cost_what_the_document_says() {
        let bill = Estimate::of(&MILLION);
        // 4 a segment, 8 a group of 7,813, 15 for the run.
        assert_near(bill.dynamodb.quantity, 4_062_519.0);
        let cents = |dollars: f64| (dollars * 100.0).round() / 100.0;
        assert_near(cents(bill.dynamodb.dollars()), 2.54);
        assert_near(cents(bill.kinesis.dollars()), 0.01);
        assert_near(cents(bill.requests.dollars()), 0.20);
        assert_near(cents(bill.duration.dollars()), 6.67);
        assert_near(cents(bill.standing.dollars()), 10.80);
        assert_near(cents(bill.orchestration()), 2.55);
        assert_near(cents(bill.of_segments() - bill.duration.dollars()), 2.75);
        assert_near(bill.total(), bill.items().iter().map(Item::dollars).sum());
        assert_near(bill.per_million(), bill.of_segments());
    }

    #[test]
    fn ten_times_the_segments_cost_ten_times_as_much_beside_what_stands() {
        // Whole groups in whole runs; what is then not linear is nothing.
        let of = |segments| Estimate::of(&Load { segments, ..MILLION });
        let (ten, hundred) = (of(10_000_000), of(100_000_000));
        for (one, other) in ten.items().iter().zip(hundred.items()).take(4) {
            assert_near(other.dollars(), 10.0 * one.dollars());
        }
        assert_near(ten.standing.dollars(), hundred.standing.dollars());
        assert_near(ten.per_million(), hundred.per_million());
        let twice = Estimate::of(&Load { seconds: 2.0, memory_mb: 1_024, ..MILLION });
        assert_near(twice.duration.dollars(), 4.0 * Estimate::of(&MILLION).duration.dollars());
    }

    #[test]
    fn a_batch_shares_invocation_and_tally() {
        let (one, ten) = (Estimate::of(&MILLION), Estimate::of(&Load { batch_size: 10, ..MILLION }));
        assert_near(ten.requests.dollars() * 10.0, one.requests.dollars());
        assert_near(ten.duration.dollars() * 10.0, one.duration.dollars());
        assert_near(ten.kinesis.dollars(), one.kinesis.dollars());
        assert!(ten.dynamodb.dollars() < one.dynamodb.dollars());
    }

    #[test]
    fn another_attempt_pays_for_everything_but_the_first_write_and_the_tally() {
        let twice = Estimate::of(&Load { attempts: 2.0, ..MILLION });
        assert_near(twice.requests.quantity, 2_000_000.0);
        assert_near(twice.kinesis.quantity, 2_000_000.0);
        assert_near(twice.dynamodb.quantity, 11_062_519.0);
    }
}
