//! The end of an output: a command may print without end, and memory is bounded.

use std::collections::VecDeque;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes that are kept of each output: enough for a result of 16 KiB and for a stack trace.
const KEPT: usize = 64 * 1024;

/// The last bytes of an output.
#[derive(Debug, Default)]
pub(super) struct Tail {
    bytes: VecDeque<u8>,
}

impl Tail {
    /// Reads to the end.
    pub async fn read(&mut self, output: Option<impl AsyncRead + Unpin>) {
        let Some(mut output) = output else { return };
        // Not on the stack: it would be a part of every future around it.
        let mut buffer = vec![0_u8; 8 * 1024];
        loop {
            match output.read(&mut buffer).await {
                Ok(0) => return,
                Ok(read) => self.push(&buffer[..read]),
                Err(error) => {
                    tracing::warn!(%error, "the command's output cannot be read any further");
                    return;
                }
            }
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        let excess = self.bytes.len().saturating_sub(KEPT);
        self.bytes.drain(..excess);
    }

    /// As text; what is no UTF-8 is marked.
    pub fn into_text(self) -> String {
        String::from_utf8_lossy(&Vec::from(self.bytes)).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_end_is_kept() {
        let mut tail = Tail::default();
        let output = format!("{}the end", "x".repeat(3 * KEPT));
        tail.read(Some(output.as_bytes())).await;
        let text = tail.into_text();
        assert_eq!(text.len(), KEPT);
        assert!(text.ends_with("xthe end"));
    }
}
