//! The prices, all of them: on demand in us-east-1, as read in November 2026, without free tiers, taxes and logs. Where each
//! is from: the page named here, and `docs/cost.md`, which says which of them were read second hand.

/// When and where these prices held.
pub const AS_OF: &str = "us-east-1, November 2026";

/// A price: so many dollars for so many units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// US dollars.
    pub dollars: f64,
    /// For so many units.
    pub per: f64,
    /// What is counted.
    pub unit: &'static str,
}

impl Price {
    /// What so many units cost, in US dollars.
    pub fn of(self, quantity: f64) -> f64 {
        quantity * self.dollars / self.per
    }
}

const MILLION: f64 = 1_000_000.0;

/// On-demand write request units of `DynamoDB`: <https://aws.amazon.com/dynamodb/pricing/on-demand/>.
pub const WRITE_UNIT: Price = Price { dollars: 0.625, per: MILLION, unit: "write units" };

/// PUT payload units of a provisioned Kinesis stream, 25 KB each: <https://aws.amazon.com/kinesis/data-streams/pricing/>.
pub const PAYLOAD_UNIT: Price = Price { dollars: 0.014, per: MILLION, unit: "payload units" };

/// A shard of a provisioned Kinesis stream, used or not: <https://aws.amazon.com/kinesis/data-streams/pricing/>.
pub const SHARD_HOUR: Price = Price { dollars: 0.015, per: 1.0, unit: "shard hours" };

/// Invocations of Lambda functions: <https://aws.amazon.com/lambda/pricing/>.
pub const INVOCATION: Price = Price { dollars: 0.20, per: MILLION, unit: "invocations" };

/// A gigabyte of memory for a second, on arm64: <https://aws.amazon.com/lambda/pricing/>, first tier.
pub const GB_SECOND_ARM64: Price = Price { dollars: 0.000_013_333_4, per: 1.0, unit: "GB-seconds" };

/// The same on `x86_64`: <https://aws.amazon.com/lambda/pricing/>, first tier.
pub const GB_SECOND_X86_64: Price = Price { dollars: 0.000_016_666_7, per: 1.0, unit: "GB-seconds" };

/// State transitions of Step Functions Standard: <https://aws.amazon.com/step-functions/pricing/>.
pub const STATE_TRANSITION: Price = Price { dollars: 0.025, per: 1_000.0, unit: "state transitions" };

/// Requests of Step Functions Express: <https://aws.amazon.com/step-functions/pricing/>.
pub const EXPRESS_REQUEST: Price = Price { dollars: 1.0, per: MILLION, unit: "requests" };

/// A tier of a month's use: up to so many units in all, at that price.
pub type Tier = (f64, Price);

/// Duration of Step Functions Express, by what was used in a month before: <https://aws.amazon.com/step-functions/pricing/>.
pub const EXPRESS_GB_HOUR: [Tier; 3] = [
    (1_000.0, Price { dollars: 0.06, per: 1.0, unit: "GB-hours" }),
    (5_000.0, Price { dollars: 0.03, per: 1.0, unit: "GB-hours" }),
    (f64::INFINITY, Price { dollars: 0.016_42, per: 1.0, unit: "GB-hours" }),
];

/// Durable operations of Lambda: <https://aws.amazon.com/lambda/pricing/>.
pub const DURABLE_OPERATION: Price = Price { dollars: 8.0, per: MILLION, unit: "operations" };

/// What so many units of a month cost, if nothing else was used in it.
pub fn tiered(tiers: &[Tier], quantity: f64) -> f64 {
    let mut below = 0.0;
    let mut dollars = 0.0;
    for (up_to, price) in tiers {
        dollars += price.of((quantity.min(*up_to) - below).max(0.0));
        below = *up_to;
    }
    dollars
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tier_has_its_price() {
        let near = |quantity: f64, dollars: f64| {
            let found = tiered(&EXPRESS_GB_HOUR, quantity);
            assert!((found - dollars).abs() < 1e-9, "{quantity}: {found}, not {dollars}");
        };
        near(0.0, 0.0);
        near(1_000.0, 60.0);
        near(1_001.0, 60.03);
        near(5_000.0, 180.0);
        near(6_000.0, 196.42);
    }

    #[test]
    fn a_gigabyte_hour_is_a_gigabyte_second_3600_times() {
        // Step Functions' page names both: $0.06 an hour is $0.00001667 a second.
        let second = EXPRESS_GB_HOUR[0].1.dollars / 3_600.0;
        assert!((second - 0.000_016_67).abs() < 1e-8);
    }
}
