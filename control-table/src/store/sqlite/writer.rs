//! The thread that writes: operations that wait together are one transaction of `SQLite` (group commit).
//!
//! An answer is given after the commit, so a caller never acts on a write that may be lost. If `SQLite` fails, the transaction is rolled
//! back and every operation in it gets the error: each may be sent again.

use std::sync::Arc;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{Notify, mpsc, oneshot};

use super::recent::RecentRows;
use super::{Failure, Opener, outbox, rows};
use crate::operation::{AnyOperation, AnyOutcome, Part};
use crate::rows::AnyRow;

/// Operations that may wait for the thread; more callers wait before it.
const WAITING_MAX: usize = 1_024;

/// Operations of one transaction. Measured: 24 to a commit take 16 µs each for claim, finish and tally together; more gain nothing.
const PER_COMMIT: usize = 128;

type Write = Box<dyn FnOnce(Result<&Connection, Failure>) + Send>;

enum Request {
    Execute {
        operation: Box<dyn AnyOperation>,
        answer: oneshot::Sender<Result<AnyOutcome, Failure>>,
    },
    /// A write of this store's own: in a transaction by itself.
    Call(Write),
}

/// A handle of the thread, which ends with the last of them.
#[derive(Clone)]
pub(super) struct Writer {
    requests: mpsc::Sender<Request>,
}

impl Writer {
    pub fn start(connection: Connection, opener: Opener, outbox: Arc<Notify>) -> Result<Self, std::io::Error> {
        let (requests, waiting) = mpsc::channel(WAITING_MAX);
        let mut thread = WriterThread { connection, opener, outbox, recent: RecentRows::default() };
        std::thread::Builder::new().name("control-table".to_owned()).spawn(move || thread.run(waiting))?;
        Ok(Self { requests })
    }

    pub async fn execute(&self, operation: Box<dyn AnyOperation>) -> Result<AnyOutcome, Failure> {
        let (answer, answered) = oneshot::channel();
        self.requests.send(Request::Execute { operation, answer }).await.map_err(|_| Failure::Defect)?;
        answered.await.unwrap_or(Err(Failure::Defect))
    }

    pub async fn call<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (answer, answered) = oneshot::channel();
        let write: Write = Box::new(move |connection| {
            // A caller that has gone needs no answer.
            let _ = answer.send(connection.and_then(write));
        });
        self.requests.send(Request::Call(write)).await.map_err(|_| Failure::Defect)?;
        answered.await.unwrap_or(Err(Failure::Defect))
    }
}

struct WriterThread {
    connection: Connection,
    opener: Opener,
    outbox: Arc<Notify>,
    recent: RecentRows,
}

struct Waiting {
    operation: Box<dyn AnyOperation>,
    answer: oneshot::Sender<Result<AnyOutcome, Failure>>,
}

impl WriterThread {
    fn run(&mut self, mut waiting: mpsc::Receiver<Request>) {
        let mut requests = Vec::with_capacity(PER_COMMIT);
        while waiting.blocking_recv_many(&mut requests, PER_COMMIT) > 0 {
            let mut operations = Vec::with_capacity(requests.len());
            for request in requests.drain(..) {
                match request {
                    Request::Execute { operation, answer } => operations.push(Waiting { operation, answer }),
                    Request::Call(write) => {
                        // In the order in which they came.
                        self.commit(std::mem::take(&mut operations));
                        write(Ok(&self.connection));
                    }
                }
            }
            self.commit(operations);
        }
    }

    fn commit(&mut self, operations: Vec<Waiting>) {
        if operations.is_empty() {
            return;
        }
        match self.transact(&operations) {
            Ok((outcomes, has_news)) => {
                for (Waiting { answer, .. }, outcome) in operations.into_iter().zip(outcomes) {
                    // A caller that has gone needs no answer.
                    let _ = answer.send(outcome);
                }
                if has_news {
                    self.outbox.notify_one();
                }
            }
            Err(error) => {
                // The first caller gets the error as it is, the others the same code and text.
                let again = copies(&error, operations.len() - 1);
                for (Waiting { answer, .. }, error) in operations.into_iter().zip(std::iter::once(error).chain(again)) {
                    let _ = answer.send(Err(Failure::Sqlite(error)));
                }
            }
        }
    }

    /// All operations in one transaction. Returns their outcomes, and whether gather has something to read.
    fn transact(
        &mut self,
        operations: &[Waiting],
    ) -> Result<(Vec<Result<AnyOutcome, Failure>>, bool), rusqlite::Error> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut outcomes = Vec::with_capacity(operations.len());
        let mut has_news = false;
        for Waiting { operation, .. } in operations {
            match apply(&transaction, &**operation, &self.opener, &mut self.recent, &mut has_news) {
                // Dropped, the transaction is rolled back.
                Err(Failure::Sqlite(error)) => return Err(error),
                outcome => outcomes.push(outcome),
            }
        }
        transaction.commit()?;
        Ok((outcomes, has_news))
    }
}

/// Loads the rows of the operation, applies it, and saves what it changed. Nothing is saved before every row was read.
fn apply(
    connection: &Connection,
    operation: &dyn AnyOperation,
    opener: &Opener,
    recent: &mut RecentRows,
    has_news: &mut bool,
) -> Result<AnyOutcome, Failure> {
    let keys = operation.keys();
    let (mut rows, mut bodies) = (Vec::with_capacity(keys.len()), Vec::with_capacity(keys.len()));
    for key in &keys {
        let body = rows::body(connection, key)?;
        let read = |body: &String| recent.take(key, body).map_or_else(|| rows::parse(key, body), Ok);
        rows.push(Part::Is(body.as_ref().map(read).transpose()?));
        bodies.push(body);
    }
    let applied = operation.apply(rows).map_err(|_| Failure::Defect)?;
    for (row, before) in applied.rows.into_iter().zip(bodies) {
        let Part::Is(Some(row)) = row else { continue };
        let body = to_json(&row)?;
        if before.as_ref() != Some(&body) {
            rows::save(connection, &row, &body, opener)?;
            *has_news |= outbox::note(connection, &row)?;
        }
        recent.put(row, body);
    }
    Ok(applied.outcome)
}

fn to_json(row: &AnyRow) -> Result<String, Failure> {
    row.to_json().map_err(|source| Failure::Corrupt { key: row.key(), source })
}

/// An error of `SQLite` so many times more: it is no value that can be cloned.
fn copies(error: &rusqlite::Error, count: usize) -> Vec<rusqlite::Error> {
    let copy = || match error {
        rusqlite::Error::SqliteFailure(code, message) => rusqlite::Error::SqliteFailure(*code, message.clone()),
        other => rusqlite::Error::ToSqlConversionFailure(other.to_string().into()),
    };
    std::iter::repeat_with(copy).take(count).collect()
}
