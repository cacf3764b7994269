//! Finds a stack, and takes its parts.

use std::sync::Arc;

use aws_config::BehaviorVersion;
use control_table::ControlTable;
use control_table::clock::{Clock, Entropy};
use gather::Settler;
use gather::event_bridge::EventBridge;
use scatter::{Dispatcher, Scatter, Sources};
use sweeper::Sweeper;

use crate::error::StackError;
use crate::outputs::Outputs;

/// A deployed stack.
#[derive(Clone)]
pub struct Stack {
    name: String,
    pub(crate) outputs: Outputs,
    pub(crate) table: ControlTable,
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    pub(crate) lambda: aws_sdk_lambda::Client,
    pub(crate) scatter: Arc<Scatter>,
    pub(crate) sweeper: Arc<Sweeper>,
}

impl Stack {
    /// Finds the stack of that name, in the account and the region of the environment, with the SDK's usual chain of
    /// credentials.
    ///
    /// # Errors
    /// When there is no such stack, it may not be asked, or it is not one of this project's.
    pub async fn connect(name: &str, clock: Arc<dyn Clock>, entropy: Arc<Entropy>) -> Result<Self, StackError> {
        let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
        let outputs = Outputs::of(&aws_sdk_cloudformation::Client::new(&config), name).await?;
        let dynamodb = aws_sdk_dynamodb::Client::new(&config);
        let table = ControlTable::new(dynamodb.clone(), &outputs.control_table, Arc::clone(&entropy));
        let kinesis = aws_sdk_kinesis::Client::new(&config);
        let dispatcher = Dispatcher::new(kinesis, &outputs.segment_stream, Arc::clone(&entropy));
        let bus = EventBridge::new(aws_sdk_eventbridge::Client::new(&config), &outputs.completion_bus);
        let settler = Settler::new(table.clone(), Arc::new(bus), Arc::clone(&clock));
        let scatter = Arc::new(Scatter::new(
            table.clone(),
            dispatcher.clone(),
            Sources::new(dynamodb.clone()),
            Arc::clone(&clock),
            entropy,
            scatter::Settings::default(),
        ));
        let settings = sweeper::Settings::default();
        let sweeper = Sweeper::new(table.clone(), dispatcher, Arc::clone(&scatter), settler, clock, settings);
        let lambda = aws_sdk_lambda::Client::new(&config);
        Ok(Self { name: name.to_owned(), outputs, table, dynamodb, lambda, scatter, sweeper: Arc::new(sweeper) })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its control table.
    #[must_use]
    pub const fn control_table(&self) -> &ControlTable {
        &self.table
    }

    /// A client for the user's own tables.
    #[must_use]
    pub const fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        &self.dynamodb
    }
}
