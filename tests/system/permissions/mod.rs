//! Least privilege: what the functions call, what the template's roles allow, and the difference.
//!
//! - [`Calls`]: requests on their way out of an SDK client, as the permissions that they need
//! - [`Role`]: what a role of the template allows; [`Role::findings`]: what that is too much, and what too little
//! - [`scatter_paths`] and its like: the ways through the functions' own handlers, with their calls noted in [`AllCalls`]

mod api;
mod calls;
mod paths;
mod role;
mod roles;
mod world;

use std::fmt;

pub use self::api::api_paths;
pub use self::calls::Calls;
pub use self::paths::{built_in_paths, gather_paths, scatter_paths, sweeper_paths, worker_paths};
pub use self::role::{Role, roles};
pub use self::world::{AllCalls, Carrier};

/// What a permission is on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// The control table.
    Table,
    /// An index of it.
    Index(String),
    /// Its stream.
    TableStream,
    /// The segment stream.
    Stream,
    /// The segment queue.
    SegmentQueue,
    /// A table of the user's.
    Source,
    /// Its indexes.
    SourceIndexes,
    /// The completion bus.
    Bus,
    /// The queue of that name.
    Queue(String),
    /// The function of that name.
    Function(String),
    /// The log group of that name.
    Logs(String),
    /// The account's own key.
    Key,
    /// Everything: of what takes no narrower resource.
    Everything,
}

/// An action on a resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// As IAM names it, such as `dynamodb:PutItem`.
    pub action: String,
    /// What it is on.
    pub on: Resource,
}

impl Permission {
    /// That action on that resource.
    #[must_use]
    pub fn new(action: &str, on: Resource) -> Self {
        Self { action: action.to_owned(), on }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {:?}", self.action, self.on)
    }
}
