//! The control table and the user's tables.

use control_table::ControlTable;

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

    /// A client for the user's own tables.
    pub fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        match self {
            Self::Local(database) => database.dynamodb(),
            #[cfg(feature = "aws")]
            Self::Deployed(stack) => stack.dynamodb(),
        }
    }
}
