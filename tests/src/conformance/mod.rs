//! The operations of the control table as one public suite, to be run against whatever calls itself `DynamoDB`.
//!
//! # Layout
//! - [`Case`], [`cases`]: the suite: each case gets a fresh table
//! - [`Lab`]: one table under test; each operation is also made on plain values, and the two must agree, in outcome and rows
//! - `scatter`, `segment`, `counting`, `execution`, `redrive`: the operations; `reads`: what is asked of the table
//! - [`Partial`]: a service that takes a part of each batch, as a busy one does
//! - [`DynamoDbLocal`]: Amazon's emulator, fetched and started by whoever asks for it

mod counting;
mod dynamodb_local;
mod execution;
mod lab;
mod partial;
mod reads;
mod redrive;
mod scatter;
mod segment;

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
    let topics =
        [scatter::cases(), segment::cases(), counting::cases(), execution::cases(), redrive::cases(), reads::cases()];
    topics.into_iter().flatten().collect()
}

/// Runs the suite on a service: what failed, case by case.
pub async fn run(client: &aws_sdk_dynamodb::Client) -> Vec<String> {
    let mut failures = Vec::new();
    for (number, case) in cases().into_iter().enumerate() {
        let lab = Lab::new(client.clone(), &format!("case-{number}")).await;
        // In a task of its own: what it panics with is the report.
        if let Err(error) = tokio::spawn((case.run)(lab)).await {
            let reason = error.try_into_panic().map_or_else(|error| error.to_string(), |panic| message(&*panic));
            failures.push(format!("{}: {reason}", case.name));
        }
    }
    failures
}

/// What a panic said.
pub(crate) fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a message").to_owned()
}
