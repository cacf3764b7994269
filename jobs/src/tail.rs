//! The end of an output: a command may print without end, and memory is bounded.

use std::collections::VecDeque;

/// Bytes that are kept: more than an error message takes.
const KEPT: usize = 4 * 1024;

/// The last bytes of an output.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    bytes: VecDeque<u8>,
}

impl Tail {
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        let excess = self.bytes.len().saturating_sub(KEPT);
        self.bytes.drain(..excess);
    }

    /// As text; what is no UTF-8 is marked.
    pub fn to_text(&self) -> String {
        let (first, second) = self.bytes.as_slices();
        String::from_utf8_lossy(&[first, second].concat()).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_is_kept() {
        let mut tail = Tail::default();
        tail.push("x".repeat(3 * KEPT).as_bytes());
        tail.push(b"the end");
        let text = tail.to_text();
        assert_eq!(text.len(), KEPT);
        assert!(text.ends_with("xthe end"));
    }
}
