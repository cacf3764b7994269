//! The messages of a queue.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use control_table::clock::Timestamp;

use crate::parameters::QueueSettings;

/// A message.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub number: u64,
    pub sent_at: Timestamp,
    pub receives: u32,
    pub data: Arc<[u8]>,
}

/// What waits, what is in flight, what was given up.
#[derive(Debug)]
pub(super) struct Messages {
    settings: QueueSettings,
    waiting: VecDeque<Message>,
    /// Messages that are invisible, by the moment at which they can be received again.
    invisible: BTreeMap<(Timestamp, u64), Message>,
    dead: u64,
    expired: u64,
}

impl Messages {
    pub const fn new(settings: QueueSettings) -> Self {
        Self { settings, waiting: VecDeque::new(), invisible: BTreeMap::new(), dead: 0, expired: 0 }
    }

    pub fn send(&mut self, message: Message) {
        self.waiting.push_back(message);
    }

    /// Receives at most `limit` messages: they are invisible for the visibility timeout. One that was received too often is dead.
    pub fn receive(&mut self, limit: usize, now: Timestamp) -> Vec<(Timestamp, Message)> {
        self.show_again(now);
        let until = now.plus(span(self.settings.visibility));
        let mut received = Vec::new();
        while received.len() < limit && self.invisible.len() < self.settings.in_flight {
            let Some(mut message) = self.waiting.pop_front() else { break };
            if message.sent_at.plus(span(self.settings.retention)) < now {
                self.expired += 1;
            } else if message.receives >= self.settings.receives {
                self.dead += 1;
            } else {
                message.receives += 1;
                self.invisible.insert((until, message.number), message.clone());
                received.push((until, message));
            }
        }
        received
    }

    /// Deletes a message that was received until that moment.
    pub fn delete(&mut self, until: Timestamp, number: u64) {
        self.invisible.remove(&(until, number));
    }

    /// Makes a message that was received visible again at another moment.
    pub fn show_at(&mut self, until: Timestamp, number: u64, at: Timestamp) {
        if let Some(message) = self.invisible.remove(&(until, number)) {
            self.invisible.insert((at, number), message);
        }
    }

    pub fn is_empty(&self, now: Timestamp) -> bool {
        let kept = span(self.settings.retention);
        let waits = |message: &Message| message.sent_at.plus(kept) >= now;
        !self.waiting.iter().any(waits) && !self.invisible.values().any(waits)
    }

    /// When the oldest message was sent that waits or is in flight.
    pub fn oldest(&self) -> Option<Timestamp> {
        self.waiting.iter().chain(self.invisible.values()).map(|message| message.sent_at).min()
    }

    pub const fn dead(&self) -> u64 {
        self.dead
    }

    pub const fn expired(&self) -> u64 {
        self.expired
    }

    fn show_again(&mut self, now: Timestamp) {
        while let Some(entry) = self.invisible.first_entry()
            && entry.key().0 <= now
        {
            self.waiting.push_back(entry.remove());
        }
    }
}

fn span(time: Duration) -> TimeDelta {
    TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn with_one() -> Messages {
        let settings = QueueSettings { visibility: Duration::from_mins(1), receives: 2, ..QueueSettings::default() };
        let mut messages = Messages::new(settings);
        messages.send(Message { number: 7, sent_at: at(0), receives: 0, data: Arc::from([0_u8]) });
        messages
    }

    #[test]
    fn a_message_is_invisible_until_its_timeout_and_dead_after_its_receives() {
        let mut messages = with_one();
        assert_eq!(messages.receive(9, at(0)).len(), 1);
        assert_eq!(messages.receive(9, at(59)).len(), 0);
        assert!(!messages.is_empty(at(59)));
        assert_eq!(messages.receive(9, at(60)).len(), 1);
        assert_eq!(messages.receive(9, at(120)).len(), 0);
        assert_eq!((messages.dead(), messages.is_empty(at(120))), (1, true));
    }

    #[test]
    fn a_deleted_message_never_comes_again_and_a_failed_one_sooner() {
        let mut messages = with_one();
        let (until, message) = messages.receive(9, at(0)).remove(0);
        messages.show_at(until, message.number, at(5));
        assert_eq!(messages.receive(9, at(4)).len(), 0);
        let (until, message) = messages.receive(9, at(5)).remove(0);
        messages.delete(until, message.number);
        assert!(messages.is_empty(at(5)));
        assert_eq!(messages.receive(9, at(500)).len(), 0);
    }
}
