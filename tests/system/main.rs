//! Tests that cross crates. README.md says what each module proves.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

/// Each of these tests, on a file and emulated.
macro_rules! on_both {
    ($($test:ident)*) => {
        mod on_a_file {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test(test_support::Kind::File).await;
            })*
        }
        mod emulated {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test(test_support::Kind::Emulated).await;
            })*
        }
    };
}

mod architecture;
mod bad_records;
mod cities;
mod clock_steps;
mod commits;
mod cost;
mod cost_of_a_retry;
mod crash;
mod documents;
mod end_to_end;
mod event_shapes;
mod expiry;
mod gather;
mod http;
mod lists;
mod metrics;
mod operations;
mod permissions;
mod prices;
mod queue;
mod scatter;
mod stream_disorder;
mod sweeper;
mod template;
mod worker;
