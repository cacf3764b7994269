//! Signs of life. The processes of a directory give them, and watch those of the others: one that holds its lock and gives none hangs,
//! or was stopped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use control_table::store::sqlite::ProcessId;
use emulator::StopSignal;
use tokio::time::{Instant, MissedTickBehavior};

use crate::processes::Registration;
use crate::settings::WORKER_TIMEOUT;

/// How often a process gives a sign of life.
const PERIOD: Duration = Duration::from_secs(5);

/// How long another process must see none before it takes over: longer than an attempt may take, so that every lease has run out.
const SILENCE: Duration = WORKER_TIMEOUT.saturating_add(Duration::from_mins(1));

/// Gives signs of life until the stop is requested.
pub(super) async fn beat(registration: Arc<Registration>, mut stop: StopSignal) {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for beat in 1.. {
        tokio::select! {
            () = stop.requested() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = registration.beat(beat) {
            tracing::warn!(%error, "no sign of life could be written: in a while other processes may take over from this one");
        }
    }
}

/// The signs of other processes, and when each was first seen. By this process's own steady clock: a clock that is set, or a machine that
/// sleeps, makes no process silent.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Bounded by the processes that own executions in the directory.
    seen: Mutex<HashMap<ProcessId, (String, Instant)>>,
}

impl Watch {
    /// Whether a process has given no other sign for as long as that, while this one watched.
    pub fn is_silent(&self, process: ProcessId, beat: &str) -> bool {
        let now = Instant::now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, since) = seen.entry(process).or_insert_with(|| (beat.to_owned(), now));
        if last != beat {
            (*last, *since) = (beat.to_owned(), now);
        }
        now.duration_since(*since) >= SILENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[tokio::test(start_paused = true)]
    async fn a_process_is_silent_after_some_time_without_another_sign() {
        let (watch, process) = (Watch::default(), ProcessId::new(Uuid::from_u128(1)));
        assert!(!watch.is_silent(process, "1"));
        tokio::time::advance(WORKER_TIMEOUT).await;
        assert!(!watch.is_silent(process, "1"));
        assert!(!watch.is_silent(process, "2"), "another sign");
        tokio::time::advance(WORKER_TIMEOUT).await;
        assert!(!watch.is_silent(process, "2"));
        tokio::time::advance(Duration::from_mins(1)).await;
        assert!(watch.is_silent(process, "2"));
        assert!(!watch.is_silent(ProcessId::new(Uuid::from_u128(2)), "2"), "another process");
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_beats_is_not_silent() {
        let directory = tempfile::tempdir().unwrap();
        let (watch, process) = (Watch::default(), ProcessId::new(Uuid::from_u128(3)));
        let registration = Arc::new(Registration::new(directory.path(), process).unwrap());
        let shutdown = emulator::Shutdown::new();
        let beating = tokio::spawn(beat(registration, shutdown.signal()));
        for _ in 0..20 {
            tokio::time::sleep(SILENCE / 2).await;
            let crate::processes::Life::Alive { beat, .. } =
                crate::processes::life_of(directory.path(), process).unwrap()
            else {
                panic!("it lives")
            };
            assert!(!watch.is_silent(process, &beat));
        }
        shutdown.request();
        beating.await.unwrap();
    }
}
