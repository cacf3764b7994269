//! The recount on plain rows.
