//! A standard queue on plain values: what SQS does with messages, by a clock that the caller passes in.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

/// A queue's settings, by the names of their attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueSettings {
    /// How long a message is hidden after it was received: `VisibilityTimeout`.
    pub visibility_timeout: Duration,
    /// How often a message is received before it is a dead letter: `maxReceiveCount`.
    pub receives_max: u32,
}

/// A message that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueMessage {
    /// The same at each receive.
    pub message_id: String,
    /// Another at each receive.
    pub receipt_handle: String,
    /// What was sent.
    pub body: String,
    /// The group it was sent in.
    pub group: Option<String>,
    /// How often it was received, this time included.
    pub received: u32,
}

#[derive(Debug, Clone)]
struct Stored {
    id: u64,
    body: String,
    group: Option<String>,
    received: u32,
    visible_at: Instant,
}

/// The messages of a queue: the oldest visible one is received first.
#[derive(Debug)]
pub(super) struct Queue {
    settings: QueueSettings,
    messages: VecDeque<Stored>,
    dead: Vec<String>,
    /// The message of the newest receipt of each message that was received.
    receipts: HashMap<String, u64>,
    sent: u64,
}

impl Queue {
    pub(super) fn new(settings: QueueSettings) -> Self {
        Self { settings, messages: VecDeque::new(), dead: Vec::new(), receipts: HashMap::new(), sent: 0 }
    }

    /// Returns the ID of the message.
    pub(super) fn send(&mut self, body: String, group: Option<String>, now: Instant) -> String {
        self.sent += 1;
        self.messages.push_back(Stored { id: self.sent, body, group, received: 0, visible_at: now });
        message_id(self.sent)
    }

    /// Receives up to `count` messages. One that was received as often as allowed becomes a dead letter.
    pub(super) fn receive(&mut self, count: usize, now: Instant) -> Vec<QueueMessage> {
        let limit = self.settings.receives_max;
        let is_dead = |message: &Stored| message.visible_at <= now && message.received >= limit;
        let (dead, kept) = self.messages.drain(..).partition::<VecDeque<_>, _>(is_dead);
        self.messages = kept;
        self.dead.extend(dead.into_iter().map(|message| message.body));
        let visible = self.messages.iter_mut().filter(|message| message.visible_at <= now).take(count);
        let hidden_until = now + self.settings.visibility_timeout;
        let received: Vec<_> = visible.map(|message| message.receive(hidden_until)).collect();
        self.receipts.extend(received.iter().map(|(id, message)| (message.receipt_handle.clone(), *id)));
        received.into_iter().map(|(_, message)| message).collect()
    }

    /// Deletes the message of a receipt; `false` if there is none.
    pub(super) fn delete(&mut self, receipt_handle: &str) -> bool {
        let Some(id) = self.receipts.remove(receipt_handle) else { return false };
        let before = self.messages.len();
        self.messages.retain(|message| message.id != id);
        self.messages.len() < before
    }

    /// Hides the message of a receipt for that long from now on; `false` if there is none.
    pub(super) fn change_visibility(&mut self, receipt_handle: &str, timeout: Duration, now: Instant) -> bool {
        let id = self.receipts.get(receipt_handle).copied();
        let message = self.messages.iter_mut().find(|message| Some(message.id) == id);
        message.map(|message| message.visible_at = now + timeout).is_some()
    }

    /// When the next message is visible; `None` if there is none.
    pub(super) fn next_visible(&self) -> Option<Instant> {
        self.messages.iter().map(|message| message.visible_at).min()
    }

    /// Messages that are visible, and messages that are hidden.
    pub(super) fn counts(&self, now: Instant) -> (usize, usize) {
        let visible = self.messages.iter().filter(|message| message.visible_at <= now).count();
        (visible, self.messages.len() - visible)
    }

    pub(super) fn dead_letters(&self) -> Vec<String> {
        self.dead.clone()
    }
}

impl Stored {
    fn receive(&mut self, hidden_until: Instant) -> (u64, QueueMessage) {
        self.received += 1;
        self.visible_at = hidden_until;
        let message = QueueMessage {
            message_id: message_id(self.id),
            receipt_handle: format!("{}#{}", self.id, self.received),
            body: self.body.clone(),
            group: self.group.clone(),
            received: self.received,
        };
        (self.id, message)
    }
}

fn message_id(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: QueueSettings = QueueSettings { visibility_timeout: Duration::from_secs(30), receives_max: 2 };

    #[test]
    fn a_message_is_hidden_comes_again_and_is_a_dead_letter_in_the_end() {
        let (mut queue, start) = (Queue::new(SETTINGS), Instant::now());
        let after = |seconds: u64| start + Duration::from_secs(seconds);
        let id = queue.send("a".to_owned(), None, start);
        let first = queue.receive(10, start).remove(0);
        assert_eq!((&first.message_id, first.received), (&id, 1));
        assert_eq!((queue.receive(10, after(29)).len(), queue.counts(after(29))), (0, (0, 1)));
        let again = queue.receive(10, after(30)).remove(0);
        assert_eq!((&again.message_id, again.received), (&id, 2));
        assert_ne!(again.receipt_handle, first.receipt_handle);
        assert_eq!(queue.receive(10, after(60)), []);
        assert_eq!((queue.dead_letters(), queue.counts(after(60))), (vec!["a".to_owned()], (0, 0)));
    }

    #[test]
    fn a_deleted_message_is_gone_and_a_changed_one_comes_when_it_was_told() {
        let (mut queue, start) = (Queue::new(SETTINGS), Instant::now());
        queue.send("a".to_owned(), None, start);
        queue.send("b".to_owned(), Some("group".to_owned()), start);
        let [a, b] = <[QueueMessage; 2]>::try_from(queue.receive(10, start)).unwrap();
        assert!(queue.delete(&a.receipt_handle) && !queue.delete(&a.receipt_handle));
        assert!(queue.change_visibility(&b.receipt_handle, Duration::from_secs(5), start));
        assert_eq!(queue.next_visible(), Some(start + Duration::from_secs(5)));
        let again = queue.receive(10, start + Duration::from_secs(5));
        assert_eq!(again.iter().map(|message| message.body.as_str()).collect::<Vec<_>>(), ["b"]);
        assert_eq!(again[0].group.as_deref(), Some("group"));
    }
}
