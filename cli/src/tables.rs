//! The control table and the user's tables.

use control_table::ControlTable;
use control_table::id::ExecutionId;
use local::Life;

use crate::error::CliError;

/// The control table and the user's tables.
pub enum Tables {
    /// In this machine's data directory.
    Local(local::Database),
    /// In a stack's account.
    #[cfg(feature = "aws")]
    Deployed(Box<aws::Deployed>),
}

impl Tables {
    /// The control table.
    pub fn control_table(&self) -> &ControlTable {
        match self {
            Self::Local(database) => database.control_table(),
            #[cfg(feature = "aws")]
            Self::Deployed(stack) => stack.control_table(),
        }
    }

    /// Whether the process lives that works on an execution; `None` where that is not a process of this machine.
    pub async fn process_of(&self, execution_id: ExecutionId) -> Result<Option<Life>, CliError> {
        match self {
            Self::Local(database) => Ok(database.process_of(execution_id).await?),
            #[cfg(feature = "aws")]
            Self::Deployed(_) => Ok(None),
        }
    }

    /// A client for the user's own tables.
    pub fn dynamodb(&self) -> Result<aws_sdk_dynamodb::Client, CliError> {
        match self {
            Self::Local(database) => Ok(database.dynamodb()?),
            #[cfg(feature = "aws")]
            Self::Deployed(stack) => Ok(stack.dynamodb().clone()),
        }
    }
}
