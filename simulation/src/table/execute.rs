//! One operation: as the store on `DynamoDB` sends it, with the same retries.

use control_table::Error;
use control_table::message::StreamImage;
use control_table::operation::{AddRows, AnyOperation, AnyOutcome, Change, Fold, Operation, Tally, Update, Write};
use control_table::rows::{AnyRow, RowKey};
use control_table::store::dynamodb::BUSY;
use control_table::store::{About, Store};

use super::capacity::Partition;
use super::due_index::place;
use super::size::{WRITE_UNIT, bytes};
use super::{Inner, SimulatedTable};

/// Rows of a `BatchExecuteStatement`, and batches of a group that are sent at the same time: as the store on `DynamoDB` sends them.
const ROWS_PER_BATCH: usize = 25;
const BATCHES_AT_ONCE: usize = 3;

/// The longest expression (`DynamoDB` quota: 4 KB).
const MAX_EXPRESSION: usize = 4_096;

/// How an operation is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Request {
    /// A write of one row.
    Plain,
    /// A transaction: it locks its rows, and each unit counts twice.
    Transaction,
    /// Rows by themselves, 25 to a request.
    Rows,
}

impl Request {
    fn of(operation: &dyn AnyOperation, keys: &[RowKey]) -> Self {
        match keys {
            _ if operation.name() == AddRows::NAME => Self::Rows,
            [_] => Self::Plain,
            _ => Self::Transaction,
        }
    }

    const fn units_a_unit(self) -> u64 {
        match self {
            Self::Transaction => 2,
            Self::Plain | Self::Rows => 1,
        }
    }
}

/// Why a request was refused, and is sent again.
enum Busy {
    Conflict,
    Throttled,
}

impl Busy {
    const fn code(&self) -> &'static str {
        match self {
            Self::Conflict => "TransactionConflictException",
            Self::Throttled => "ThrottlingException",
        }
    }
}

impl SimulatedTable {
    pub(super) async fn execute_operation(&self, operation: &dyn AnyOperation) -> Result<AnyOutcome, Error> {
        let keys = operation.keys();
        let request = Request::of(operation, &keys);
        self.refuse_long_expressions(operation)?;
        let (mut tries, mut code) = (BUSY.begin(&self.inner.surroundings.chance), "");
        while tries.next().await {
            match self.send(operation, &keys, request).await? {
                Ok(outcome) => return Ok(outcome),
                Err(busy) => code = busy.code(),
            }
        }
        self.inner.surroundings.meter.lock().table_failures += 1;
        let (operation, subject) = (operation.name(), operation.subject());
        Err(Error::StillBusy { operation, subject, code: code.to_owned(), attempts: BUSY.tries })
    }

    async fn send(
        &self,
        operation: &dyn AnyOperation,
        keys: &[RowKey],
        request: Request,
    ) -> Result<Result<AnyOutcome, Busy>, Error> {
        let Inner { surroundings, locks, .. } = &*self.inner;
        let latencies = surroundings.parameters.latencies;
        let locked = match request {
            Request::Plain => {
                surroundings.wait(latencies.update).await;
                None
            }
            Request::Rows => {
                for _ in 0..keys.len().div_ceil(ROWS_PER_BATCH * BATCHES_AT_ONCE) {
                    surroundings.wait(latencies.insert_batch).await;
                }
                None
            }
            Request::Transaction => {
                let locked = locks.take(keys);
                surroundings.wait(latencies.transaction).await;
                if locked.is_none() {
                    return Ok(Err(self.count_busy(Busy::Conflict)));
                }
                locked
            }
        };
        if let Some(busy) = self.busy(keys, request) {
            return Ok(Err(self.count_busy(busy)));
        }
        let outcome = self.apply(operation, keys, request).await;
        drop(locked);
        outcome.map(Ok)
    }

    /// Whether the table refuses a request now.
    fn busy(&self, keys: &[RowKey], request: Request) -> Option<Busy> {
        let second = self.inner.surroundings.clock.second();
        let mut beside = self.beside();
        if request == Request::Plain {
            beside.updates += 1;
            let every = self.inner.faults.conflict_every;
            let meets = every > 0 && beside.updates.is_multiple_of(every);
            if meets || keys.first().is_some_and(|key| self.inner.locks.has(key)) {
                return Some(Busy::Conflict);
            }
        }
        let partitions = keys.iter().filter_map(Partition::of);
        (!beside.capacity.admits(second, partitions)).then_some(Busy::Throttled)
    }

    fn count_busy(&self, busy: Busy) -> Busy {
        let mut usage = self.inner.surroundings.meter.lock();
        usage.table_requests += 1;
        match busy {
            Busy::Conflict => usage.conflicts += 1,
            Busy::Throttled => usage.table_throttles += 1,
        }
        busy
    }

    async fn apply(
        &self,
        operation: &dyn AnyOperation,
        keys: &[RowKey],
        request: Request,
    ) -> Result<AnyOutcome, Error> {
        let subject = operation.subject();
        let about = About { operation: operation.name(), subject: &subject };
        let mut before = Vec::with_capacity(keys.len());
        for key in keys {
            before.push(self.inner.rows.get(about, key).await?);
        }
        let outcome = self.inner.rows.execute(operation).await?;
        let requests = if request == Request::Rows { keys.len().div_ceil(ROWS_PER_BATCH) } else { 1 };
        self.inner.surroundings.meter.lock().table_requests += requests as u64;
        for (key, before) in keys.iter().zip(before) {
            let after = self.inner.rows.get(about, key).await?;
            self.account(key, before.as_ref(), after, request);
        }
        Ok(outcome)
    }

    /// Charges the write of one row, and passes on what it changed.
    fn account(&self, key: &RowKey, before: Option<&AnyRow>, after: Option<AnyRow>, request: Request) {
        let largest = before.map_or(0, bytes).max(after.as_ref().map_or(0, bytes));
        let units = largest.div_ceil(WRITE_UNIT).max(1) * request.units_a_unit();
        let mut beside = self.beside();
        beside.capacity.take(Partition::of(key), units);
        let [from, to] = [before, after.as_ref()].map(|row| row.and_then(place));
        let mut of_indexes = beside.due.change(from, to);
        for (due, _) in [from, to].into_iter().flatten().filter(|_| of_indexes > 0) {
            beside.capacity.take(Some(Partition::Due(due.due_shard)), 1);
        }
        drop(beside);
        if before.is_none() && matches!(after, Some(AnyRow::Execution(_))) {
            of_indexes += 2; // by job and by day
        }
        let clock = self.inner.surroundings.clock;
        let mut usage = self.inner.surroundings.meter.lock();
        usage.write_units += units + of_indexes;
        if let (Some(AnyRow::Tally(was)), Some(AnyRow::Tally(is))) = (before, &after)
            && was.pending > is.pending
        {
            usage.progress(was.pending - is.pending, clock.elapsed());
        }
        drop(usage);
        self.pass_on(before, after);
    }

    /// Sends an image to the stream, if the filter of gather's mapping lets it through.
    fn pass_on(&self, before: Option<&AnyRow>, after: Option<AnyRow>) {
        if before != after.as_ref()
            && let Some(row) = after
            && StreamImage::is_news(&row)
        {
            // Without a receiver the simulation is over.
            drop(self.inner.changes.send(row));
        }
    }

    /// Refuses an expression that `DynamoDB` would refuse. Only two operations have expressions that grow.
    fn refuse_long_expressions(&self, operation: &dyn AnyOperation) -> Result<(), Error> {
        let name = operation.name();
        if !self.inner.faults.measure_expressions || (name != Tally::NAME && name != Fold::NAME) {
            return Ok(());
        }
        let subject = operation.subject();
        let corrupt = |source| Error::Corrupt { operation: name, subject: subject.clone(), source: Box::new(source) };
        let longest = longest_expression(&operation.write().map_err(corrupt)?);
        if longest <= MAX_EXPRESSION {
            return Ok(());
        }
        self.inner.surroundings.meter.lock().table_failures += 1;
        let detail = format!("Expression size has exceeded the maximum allowed size: {longest} bytes");
        let source = detail.clone().into();
        Err(Error::Refused { operation: name, subject, code: "ValidationException".to_owned(), detail, source })
    }
}

/// The bytes of the longest expression of a request.
fn longest_expression(write: &Write) -> usize {
    let of = |update: &Update| update.update.len().max(update.condition.len());
    match write {
        Write::Update(update) => of(update),
        Write::All(changes) => {
            let updates = changes.iter().filter_map(|change| match change {
                Change::Update(update) => Some(of(update)),
                Change::Insert(_) => None,
            });
            updates.max().unwrap_or(0)
        }
        Write::Insert(_) | Write::EachInsert(_) => 0,
    }
}
