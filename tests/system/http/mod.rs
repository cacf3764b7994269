//! The HTTP API of a console in a process of its own, asked through a socket, so that a test can send what no client library would.

mod attacks;
mod client;
mod flood;
mod operations;
mod reads;
mod server;
