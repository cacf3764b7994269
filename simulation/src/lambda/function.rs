//! One function: its environments, its time limit, and what its invocations cost.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use control_table::clock::Clock;
use tokio::time::{Instant, timeout};

use super::account::Account;
use crate::parameters::FunctionSettings;
use crate::surroundings::Surroundings;

/// What an environment keeps between invocations: the state that a handler finds again. Makes one.
type Make<S> = Box<dyn Fn() -> S + Send + Sync>;

/// A function, with a state of type `S` in each of its environments.
pub struct Function<S> {
    settings: FunctionSettings,
    surroundings: Surroundings,
    pool: Arc<Account>,
    make: Make<S>,
    idle: Mutex<Vec<(Instant, Arc<S>)>>,
    running: Mutex<u64>,
}

/// One invocation, as the handler sees it.
#[derive(Debug, Clone)]
pub struct Turn<S> {
    /// The state of the environment.
    pub state: Arc<S>,
    /// Its request's ID.
    pub request_id: String,
    /// When Lambda ends it.
    pub deadline: DateTime<Utc>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvocationError {
    /// No concurrency was left: nothing ran.
    Throttled,
    /// The invocation reached its timeout.
    TimedOut,
}

impl<S> Function<S> {
    /// A function of an account.
    pub fn new(
        settings: FunctionSettings,
        surroundings: Surroundings,
        account: &Arc<Account>,
        make: impl Fn() -> S + Send + Sync + 'static,
    ) -> Self {
        let pool = account.pool(settings);
        let (idle, running) = (Mutex::default(), Mutex::default());
        Self { settings, surroundings, pool, make: Box::new(make), idle, running }
    }

    /// The function's settings.
    pub const fn settings(&self) -> &FunctionSettings {
        &self.settings
    }

    /// Runs a handler in an environment, until it returns or its time is up.
    pub async fn invoke<T, F>(&self, handler: impl FnOnce(Turn<S>) -> F) -> Result<T, InvocationError>
    where
        F: Future<Output = T>,
    {
        let name = self.settings.name;
        let Some(_place) = self.pool.take() else {
            self.surroundings.meter.function(name, |usage| usage.throttles += 1);
            return Err(InvocationError::Throttled);
        };
        let at_once = self.change_running(|running| running + 1);
        self.surroundings.meter.function(name, |usage| {
            usage.invocations += 1;
            usage.most_at_once = usage.most_at_once.max(at_once);
        });
        let state = self.environment().await;
        let began = Instant::now();
        let turn =
            Turn { state: Arc::clone(&state), request_id: self.surroundings.chance.nonce(), deadline: self.deadline() };
        let answer = timeout(self.settings.timeout, handler(turn)).await;
        self.charge(began.elapsed());
        self.change_running(|running| running - 1);
        if answer.is_ok() {
            self.lock_idle().push((Instant::now(), state));
        } else {
            self.count_error();
        }
        answer.map_err(|_| InvocationError::TimedOut)
    }

    /// Counts an invocation whose handler returned an error.
    pub fn count_error(&self) {
        self.surroundings.meter.function(self.settings.name, |usage| usage.errors += 1);
    }

    /// An environment that waits, or a new one.
    async fn environment(&self) -> Arc<S> {
        let parameters = Arc::clone(&self.surroundings.parameters);
        let known = self.lock_idle().pop().filter(|(since, _)| since.elapsed() < parameters.lambda.idle);
        self.surroundings.wait(parameters.latencies.invoke).await;
        if let Some((_, state)) = known {
            return state;
        }
        self.surroundings.meter.function(self.settings.name, |usage| usage.cold_starts += 1);
        self.surroundings.wait(parameters.latencies.cold_start).await;
        Arc::new((self.make)())
    }

    fn deadline(&self) -> DateTime<Utc> {
        self.surroundings.clock.now() + TimeDelta::from_std(self.settings.timeout).unwrap_or(TimeDelta::MAX)
    }

    fn charge(&self, time: Duration) {
        let gigabytes = self.settings.megabytes as f64 / 1_024.0;
        self.surroundings
            .meter
            .function(self.settings.name, |usage| usage.gb_seconds += gigabytes * time.as_secs_f64());
    }

    fn lock_idle(&self) -> std::sync::MutexGuard<'_, Vec<(Instant, Arc<S>)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change_running(&self, change: impl FnOnce(u64) -> u64) -> u64 {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        *running = change(*running);
        *running
    }
}

impl<S> std::fmt::Debug for Function<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Function").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::parameters::Parameters;

    fn function(surroundings: &Surroundings) -> Function<u32> {
        let settings = surroundings.parameters.lambda;
        Function::new(settings.sweeper, surroundings.clone(), &Account::new(&settings), || 7)
    }

    #[test]
    fn an_invocation_ends_at_its_timeout_and_takes_its_environment_with_it() {
        let usage = clock::run(|| async {
            let surroundings = Surroundings::begin(Parameters::default(), 1);
            let function = function(&surroundings);
            let late = function.invoke(|_| tokio::time::sleep(Duration::from_secs(56))).await;
            assert_eq!(late, Err(InvocationError::TimedOut));
            for _ in 0..2 {
                assert_eq!(function.invoke(async |turn: Turn<u32>| *turn.state).await, Ok(7));
            }
            surroundings.meter.lock().function("sweeper")
        })
        .unwrap();
        assert_eq!((usage.invocations, usage.errors, usage.cold_starts, usage.most_at_once), (3, 1, 2, 1));
        assert!((usage.gb_seconds - 55.0 / 4.0).abs() < 0.01, "{usage:?}");
    }
}
