//! What AWS charges: us-east-1, on demand, without free tiers, taxes and data transfer.
//!
//! Read from stored copies of the pages that `source` names, not from a bill. `docs/cost.md` says which are second hand.

/// The month in which the prices were read.
pub const AS_OF: &str = "November 2026";

/// The region of the prices.
pub const REGION: &str = "us-east-1";

/// A price: so many dollars for so many units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// What is charged, as a bill would say it.
    pub item: &'static str,
    /// Dollars for [`Self::per`] units.
    pub dollars: f64,
    /// Units that cost [`Self::dollars`].
    pub per: f64,
    /// The unit.
    pub unit: &'static str,
    /// The page that gives the price.
    pub source: &'static str,
}

impl Price {
    /// The dollars for that many units.
    #[must_use]
    pub fn of(&self, units: f64) -> f64 {
        units * self.dollars / self.per
    }
}

const MILLION: f64 = 1_000_000.0;
const DYNAMODB: &str = "https://aws.amazon.com/dynamodb/pricing/on-demand/";
const KINESIS: &str = "https://aws.amazon.com/kinesis/data-streams/pricing/";
const LAMBDA: &str = "https://aws.amazon.com/lambda/pricing/";
const SQS: &str = "https://aws.amazon.com/sqs/pricing/";
const FAIR_QUEUE: &str = "https://cloudburn.io/blog/amazon-sqs-pricing";
const STEP_FUNCTIONS: &str = "https://aws.amazon.com/step-functions/pricing/";
const CLOUDWATCH: &str = "https://aws.amazon.com/cloudwatch/pricing/";
const EVENTBRIDGE: &str = "https://aws.amazon.com/eventbridge/pricing/";

macro_rules! prices {
    ($($(#[$doc:meta])* $name:ident = $dollars:literal for $per:expr, $unit:literal, $item:literal, $source:expr;)*) => {
        $($(#[$doc])* pub const $name: Price =
            Price { item: $item, dollars: $dollars, per: $per, unit: $unit, source: $source };)*

        /// Every price.
        pub const ALL: &[Price] = &[$($name),*];
    };
}

prices! {
    /// A write unit is 1 KB of an item, and as much again of each index that changes; a transactional one costs two.
    WRITE_UNITS = 0.625 for MILLION, "write units", "DynamoDB writes", DYNAMODB;
    /// A read unit is 4 KB, strongly consistent; half as much otherwise.
    READ_UNITS = 0.125 for MILLION, "read units", "DynamoDB reads", DYNAMODB;
    /// Rows that are kept.
    TABLE_STORAGE = 0.25 for 1.0, "GB-months", "DynamoDB storage", DYNAMODB;
    /// A shard, whether anything is written or not.
    SHARD_HOURS = 0.015 for 1.0, "shard hours", "Kinesis shards", KINESIS;
    /// A shard whose records are kept longer than 24 hours, up to seven days.
    EXTENDED_RETENTION = 0.02 for 1.0, "shard hours", "Kinesis retention over 24 h", KINESIS;
    /// A started 25 KB of a record.
    PAYLOAD_UNITS = 0.014 for MILLION, "payload units", "Kinesis records", KINESIS;
    /// A request of up to 64 KB: ten messages at most.
    SQS_REQUESTS = 0.40 for MILLION, "requests", "SQS requests", SQS;
    /// A request about messages with a group, on a standard queue ("fair queue"): on top of the request. Second hand.
    FAIR_QUEUE_REQUESTS = 0.10 for MILLION, "requests", "SQS fair queue", FAIR_QUEUE;
    /// An invocation.
    LAMBDA_REQUESTS = 0.20 for MILLION, "requests", "Lambda requests", LAMBDA;
    /// The time of invocations on arm64, by their memory.
    LAMBDA_ARM_SECONDS = 0.000_013_333_4 for 1.0, "GB-seconds", "Lambda time (arm64)", LAMBDA;
    /// The same on `x86_64`.
    LAMBDA_X86_SECONDS = 0.000_016_666_7 for 1.0, "GB-seconds", "Lambda time (x86_64)", LAMBDA;
    /// An operation of a durable function.
    DURABLE_OPERATIONS = 8.0 for MILLION, "operations", "Lambda durable operations", LAMBDA;
    /// A transition of a Standard workflow; also each child that a Distributed Map starts, whatever its type.
    STATE_TRANSITIONS = 25.0 for MILLION, "transitions", "Step Functions transitions", STEP_FUNCTIONS;
    /// An Express workflow that is started.
    EXPRESS_REQUESTS = 1.0 for MILLION, "requests", "Step Functions Express requests", STEP_FUNCTIONS;
    /// The time of Express workflows, by started 64 MB and 100 ms; the first 1,000 GB-hours of a month.
    EXPRESS_SECONDS = 0.000_016_67 for 1.0, "GB-seconds", "Step Functions Express time", STEP_FUNCTIONS;
    /// Log lines that are taken in.
    LOG_BYTES = 0.50 for 1_000_000_000.0, "bytes", "CloudWatch Logs", CLOUDWATCH;
    /// A metric, for a month in which it has values.
    METRIC_MONTHS = 0.30 for 1.0, "metric-months", "CloudWatch metrics", CLOUDWATCH;
    /// An alarm.
    ALARM_MONTHS = 0.10 for 1.0, "alarm-months", "CloudWatch alarms", CLOUDWATCH;
    /// A dashboard, beyond three that are free.
    DASHBOARD_MONTHS = 3.0 for 1.0, "dashboard-months", "CloudWatch dashboard", CLOUDWATCH;
    /// A custom event.
    EVENTS = 1.0 for MILLION, "events", "EventBridge events", EVENTBRIDGE;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_charged_by_the_million_or_by_one() {
        assert!((WRITE_UNITS.of(4_062_500.0) - 2.539).abs() < 0.001);
        assert!((SHARD_HOURS.of(720.0) - 10.80).abs() < 1e-9);
    }

    #[test]
    fn every_price_is_above_nothing_and_names_its_page() {
        for price in ALL {
            assert!(price.dollars > 0.0 && price.per >= 1.0 && price.source.starts_with("https://"), "{price:?}");
        }
    }
}
