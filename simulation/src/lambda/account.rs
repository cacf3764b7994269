//! The concurrency of an account, shared by its functions.

use std::sync::{Arc, Mutex, PoisonError};

use crate::parameters::{FunctionSettings, LambdaSettings};

/// Concurrent invocations that no function has reserved.
#[derive(Debug)]
pub struct Account {
    unreserved: Mutex<usize>,
}

impl Account {
    /// The account's quota, less what the functions reserve.
    #[must_use]
    pub fn new(settings: &LambdaSettings) -> Arc<Self> {
        let functions = [settings.scatter, settings.worker, settings.gather, settings.sweeper];
        let reserved: usize = functions.iter().filter_map(|function| function.reserved).sum();
        Arc::new(Self { unreserved: Mutex::new(settings.concurrency.saturating_sub(reserved)) })
    }

    /// The pool that a function takes its places from.
    #[must_use]
    pub fn pool(self: &Arc<Self>, settings: FunctionSettings) -> Arc<Self> {
        match settings.reserved {
            Some(reserved) => Arc::new(Self { unreserved: Mutex::new(reserved) }),
            None => Arc::clone(self),
        }
    }

    /// A place for one invocation; `None` if all are taken.
    #[must_use]
    pub fn take(self: &Arc<Self>) -> Option<Place> {
        let mut left = self.unreserved.lock().unwrap_or_else(PoisonError::into_inner);
        *left = left.checked_sub(1)?;
        Some(Place { pool: Arc::clone(self) })
    }
}

/// The place of an invocation, until it ends.
#[derive(Debug)]
pub struct Place {
    pool: Arc<Account>,
}

impl Drop for Place {
    fn drop(&mut self) {
        *self.pool.unreserved.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_is_a_limit_and_is_taken_from_the_others() {
        let mut settings = LambdaSettings { concurrency: 3, ..LambdaSettings::default() };
        settings.gather.reserved = Some(1);
        let account = Account::new(&settings);
        let (gather, worker) = (account.pool(settings.gather), account.pool(settings.worker));
        let places = [worker.take(), worker.take()];
        assert!(places.iter().all(Option::is_some) && worker.take().is_none());
        let gathering = gather.take();
        assert!(gathering.is_some() && gather.take().is_none());
        drop((places, gathering));
        assert!(worker.take().is_some() && gather.take().is_some());
    }
}
