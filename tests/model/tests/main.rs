//! The model of the protocol: its states, and the mistakes that it must find.

#![expect(clippy::print_stdout, reason = "people read the number of states, and the path to a violation")]

mod mutations;
mod states;
