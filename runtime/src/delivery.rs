//! A record as the worker takes it, whatever brought it.

/// A record of a stream or a message of a queue, and the name of its delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The same at each repetition, so that a repeated record takes its segment back from a worker that died. A record that was put
    /// twice has two. `None`: the service gave it no name.
    pub id: Option<String>,
    /// What scatter sent, if it is a segment's record.
    pub data: Vec<u8>,
}
