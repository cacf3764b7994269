//! Connects to a deployed stack.

use std::sync::Arc;
use std::time::Duration;

use control_table::ControlTable;
use control_table::clock::{Clock, Entropy};

use engine::{Engine, StreamSettings};
use functions::clients;
use functions::wiring::{self, Deployment};

use crate::error::DeployedError;
use crate::outputs::Outputs;
use crate::scatter_function::START_WAIT;

/// A deployed stack.
#[derive(Clone)]
pub struct Deployed {
    name: String,
    pub(crate) outputs: Outputs,
    pub(crate) engine: Engine,
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    pub(crate) lambda: aws_sdk_lambda::Client,
    pub(crate) start_wait: Duration,
}

impl Deployed {
    /// Finds the stack of that name, in the account and the region of the environment, with the SDK's usual chain of
    /// credentials.
    ///
    /// # Errors
    /// When there is no such stack, the caller may not describe it, or another template made it.
    pub async fn connect(name: &str, clock: Arc<dyn Clock>, entropy: Arc<Entropy>) -> Result<Self, DeployedError> {
        let config = clients::config().await;
        let outputs = Outputs::of(&aws_sdk_cloudformation::Client::new(&config), name).await?;
        Ok(Self::of(name, outputs, clock, entropy).await)
    }

    /// The stack of that name, whose parts the caller knows: a function of it has them from its environment.
    pub async fn of(name: &str, outputs: Outputs, clock: Arc<dyn Clock>, entropy: Arc<Entropy>) -> Self {
        let config = clients::config().await;
        let deployment = Deployment {
            control_table: outputs.control_table.clone(),
            transport: outputs.transport.clone(),
            stream: StreamSettings::UNKNOWN,
            event_bus: Some(outputs.completion_bus.clone()),
        };
        let engine = wiring::engine(&config, &deployment, clock, entropy);
        let dynamodb = aws_sdk_dynamodb::Client::new(&config);
        let lambda = aws_sdk_lambda::Client::new(&clients::invoking().await);
        Self { name: name.to_owned(), outputs, engine, dynamodb, lambda, start_wait: START_WAIT }
    }

    /// With another wait for an execution that is being opened; five minutes if nothing is said. What comes later is opened all the same.
    #[must_use]
    pub fn with_start_wait(self, start_wait: Duration) -> Self {
        Self { start_wait, ..self }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its control table.
    #[must_use]
    pub const fn control_table(&self) -> &ControlTable {
        self.engine.table()
    }

    /// A client for the user's own tables.
    #[must_use]
    pub const fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        &self.dynamodb
    }
}
