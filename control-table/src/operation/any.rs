//! An operation whose types are hidden, so that a store can be a trait object.

use std::any::Any;
use std::fmt;

use crate::rows::{AnyRow, CorruptItem, RowKey};

use super::part::{Part, Rows, WrongRow};
use super::{Operation, Write};

/// What an operation made of the rows it was given.
pub struct AnyApplied {
    /// The rows after the operation, in the order of the keys.
    pub rows: Vec<Part<AnyRow>>,
    /// The operation's outcome.
    pub outcome: AnyOutcome,
}

/// An [`Operation::Outcome`]; the caller of the store knows its type.
pub type AnyOutcome = Box<dyn Any + Send>;

/// [`Operation`] without its types. Every method that takes rows fails if they are not the rows of [`Self::keys`], in that order.
pub trait AnyOperation: fmt::Debug + Send + Sync {
    /// The same operation, for a store that executes it on another thread.
    fn boxed(&self) -> Box<dyn AnyOperation>;
    /// [`Operation::NAME`].
    fn name(&self) -> &'static str;
    /// See [`Operation::subject`].
    fn subject(&self) -> String;
    /// See [`Operation::keys`].
    fn keys(&self) -> Vec<RowKey>;
    /// See [`Operation::write`].
    fn write(&self) -> Result<Write, CorruptItem>;
    /// See [`Operation::apply`].
    fn apply(&self, rows: Vec<Part<AnyRow>>) -> Result<AnyApplied, WrongRow>;
    /// The outcome of a request that `DynamoDB` refused when it met these rows; `None` if [`Operation::apply`] allows what
    /// `DynamoDB` refused, which is a defect.
    fn refused(&self, met: Vec<Part<AnyRow>>) -> Result<Option<AnyOutcome>, WrongRow>;
    /// See [`Operation::revise`].
    fn revise(&self, met: Vec<Part<AnyRow>>) -> Result<Option<Box<dyn AnyOperation>>, WrongRow>;
}

impl<O: Operation> AnyOperation for O {
    fn boxed(&self) -> Box<dyn AnyOperation> {
        Box::new(self.clone())
    }

    fn name(&self) -> &'static str {
        O::NAME
    }

    fn subject(&self) -> String {
        Operation::subject(self)
    }

    fn keys(&self) -> Vec<RowKey> {
        Operation::keys(self)
    }

    fn write(&self) -> Result<Write, CorruptItem> {
        Operation::write(self)
    }

    fn apply(&self, rows: Vec<Part<AnyRow>>) -> Result<AnyApplied, WrongRow> {
        let mut typed = typed::<O::Rows>(rows)?;
        let outcome = Operation::apply(self, &mut typed);
        let mut rows = Vec::new();
        typed.give(&mut rows);
        Ok(AnyApplied { rows, outcome: Box::new(outcome) })
    }

    fn refused(&self, met: Vec<Part<AnyRow>>) -> Result<Option<AnyOutcome>, WrongRow> {
        let (count, some_held) = (met.len(), met.contains(&Part::Held));
        let mut rows = typed::<O::Rows>(met)?;
        let before = rows.clone();
        let outcome = Operation::apply(self, &mut rows);
        let mut is_allowed = rows != before;
        if some_held {
            // Rows that held cannot change, so the outcome has to tell: it must not be that of a transaction that was applied.
            is_allowed |= Operation::apply(self, &mut typed(vec![Part::Held; count])?) == outcome;
        }
        Ok((!is_allowed).then(|| Box::new(outcome) as AnyOutcome))
    }

    fn revise(&self, met: Vec<Part<AnyRow>>) -> Result<Option<Box<dyn AnyOperation>>, WrongRow> {
        let revised = Operation::revise(self, &typed(met)?);
        Ok(revised.map(|revised| Box::new(revised) as Box<dyn AnyOperation>))
    }
}

/// All of these rows, as an operation takes them.
fn typed<R: Rows>(rows: Vec<Part<AnyRow>>) -> Result<R, WrongRow> {
    let mut rows = rows.into_iter();
    let typed = R::take(&mut rows)?;
    if rows.len() == 0 { Ok(typed) } else { Err(WrongRow) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::{at, execution_id, opened, sealed};
    use crate::operation::{CommitGroup, CommitGroupOutcome, Seal, SealOutcome};
    use crate::rows::{ExecutionRow, Row, TallyRow};

    fn seal() -> Seal {
        Seal { execution_id: execution_id(), groups: 0, now: at(5) }
    }

    fn commit() -> CommitGroup {
        let group = execution_id().group(0);
        CommitGroup { group, size: 2, generation: 1, now: at(1), scatter_until: at(9) }
    }

    fn is(row: Option<ExecutionRow>) -> Part<AnyRow> {
        Part::Is(row.map(Row::into_any))
    }

    fn outcome<O: 'static>(outcome: AnyOutcome) -> O {
        *outcome.downcast().unwrap()
    }

    #[test]
    fn the_hidden_operation_does_what_the_operation_does() {
        let seal: Box<dyn AnyOperation> = Box::new(seal());
        assert_eq!((seal.name(), seal.keys()), ("seal", vec![RowKey::Execution(execution_id())]));
        let applied = seal.apply(vec![is(opened())]).unwrap();
        assert_eq!(applied.rows, [is(sealed(0))]);
        assert_eq!(outcome::<SealOutcome>(applied.outcome), SealOutcome::Sealed);
    }

    #[test]
    fn rows_of_another_number_or_kind_are_a_defect() {
        let tally = Part::Is(Some(TallyRow::fresh(execution_id().group(0), 1, 1).into_any()));
        for wrong in [vec![], vec![tally], vec![is(None), is(None)], vec![Part::Held]] {
            assert!(AnyOperation::apply(&seal(), wrong.clone()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_refusal_that_apply_shares_is_named() {
        let named = seal().refused(vec![is(sealed(0))]).unwrap();
        assert_eq!(named.map(outcome), Some(SealOutcome::AlreadySealed));
        let named = commit().refused(vec![Part::Held, is(sealed(3))]).unwrap();
        assert_eq!(named.map(outcome), Some(CommitGroupOutcome::AlreadyCommitted));
    }

    #[test]
    fn a_refusal_of_what_apply_allows_is_a_contradiction() {
        assert!(seal().refused(vec![is(opened())]).unwrap().is_none());
        assert!(commit().refused(vec![Part::Held, is(opened())]).unwrap().is_none());
        // The tally is there, and the execution does not know of it: nothing that `apply` changes, and still nothing it refuses.
        let tally = Part::Is(Some(TallyRow::fresh(execution_id().group(0), 2, 1).into_any()));
        assert!(commit().refused(vec![tally, Part::Held]).unwrap().is_none());
    }
}
