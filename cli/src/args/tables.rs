//! What `tables` takes.

use clap::{Args, Subcommand};

/// Lists, describes or deletes tables that were imported.
///
/// Without a verb of its own it lists them.
#[derive(Debug, Args)]
pub struct TablesArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub action: Option<TablesAction>,
}

/// What to do with tables.
#[derive(Debug, Clone, Subcommand)]
pub enum TablesAction {
    /// List the tables, with their keys and their sizes
    List,
    /// Show a table's key, indexes and size
    Describe {
        /// The table
        table: String,
    },
    /// Delete a table of this machine, with all its items
    Delete {
        /// The table
        table: String,
        /// Also while an execution that has not ended reads it
        #[arg(long)]
        force: bool,
    },
}
