//! The operations and reads of the control table as one suite, which every store must pass.
//!
//! # Layout
//! - [`Case`], [`cases`]: the suite: each case gets a fresh table
//! - [`Lab`]: one table under test; [`Lab::both`] executes an operation there and on plain values: outcomes and rows must agree
//! - `scatter`, `external`, `segment`, `slots`, `counting`, `counters`, `execution`, `steps`, `redrive`, `position`, `overwrite`: the
//!   operations; `reads`: the reads
//! - [`Partial`]: a service that does a part of each batch, as a busy one does
//! - [`DynamoDbLocal`]: Amazon's emulator, fetched and started by the test that needs it

mod counters;
mod counting;
mod dynamodb_local;
mod execution;
mod external;
mod lab;
mod overwrite;
mod partial;
mod position;
mod reads;
mod redrive;
mod scatter;
mod segment;
mod slots;
mod steps;

use futures::future::BoxFuture;

pub use self::dynamodb_local::DynamoDbLocal;
pub use self::lab::Lab;
pub use self::partial::Partial;

/// One case of the suite. It panics where the service does not do what the protocol needs.
pub struct Case {
    /// What holds if it passes.
    pub name: &'static str,
    run: Box<dyn Fn(Lab) -> BoxFuture<'static, ()> + Send + Sync>,
}

impl Case {
    fn new<F>(name: &'static str, run: impl Fn(Lab) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self { name, run: Box::new(move |lab| Box::pin(run(lab))) }
    }
}

/// Every case.
pub fn cases() -> Vec<Case> {
    let topics = [
        scatter::cases(),
        external::cases(),
        segment::cases(),
        slots::cases(),
        counting::cases(),
        counters::cases(),
        execution::cases(),
        steps::cases(),
        redrive::cases(),
        position::cases(),
        overwrite::cases(),
        reads::cases(),
    ];
    topics.into_iter().flatten().collect()
}

/// Runs the suite on a `DynamoDB`. Returns a line for each case that failed.
pub async fn run_on_dynamodb(client: &aws_sdk_dynamodb::Client) -> Vec<String> {
    let lab = async |number| Lab::in_dynamodb(client.clone(), &format!("case-{number}")).await;
    run(lab).await
}

/// Runs the suite on the store in memory. Returns a line for each case that failed.
pub async fn run_in_memory() -> Vec<String> {
    run(async |_| Lab::in_memory()).await
}

/// Runs the suite on files in that directory. Returns a line for each case that failed.
pub async fn run_on_sqlite(directory: &std::path::Path) -> Vec<String> {
    run(async |number| Lab::in_sqlite(&directory.join(format!("case-{number}.db")))).await
}

async fn run(lab: impl AsyncFn(usize) -> Lab) -> Vec<String> {
    let mut failures = Vec::new();
    for (number, case) in cases().into_iter().enumerate() {
        let lab = lab(number).await;
        // In a task of its own: its panic is the report.
        if let Err(error) = tokio::spawn((case.run)(lab)).await {
            let reason = error.try_into_panic().map_or_else(|error| error.to_string(), |panic| message(&*panic));
            failures.push(format!("{}: {reason}", case.name));
        }
    }
    failures
}

/// The message of a panic.
pub(crate) fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a message").to_owned()
}
