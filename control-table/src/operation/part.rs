//! The rows that an operation works on, as a store loads them and saves them.

use crate::rows::{AnyRow, Row};

/// One row of an operation on several rows.
#[derive(Debug, Clone, PartialEq)]
pub enum Part<R> {
    /// The row, or `None` if the table has none with its key.
    Is(Option<R>),
    /// The condition on the row held, and `DynamoDB` does not return such a row: neither when another part of the transaction
    /// was refused nor when all of it was applied.
    Held,
}

impl<R> Part<R> {
    /// The reason to refuse the operation that `reason` finds in this row. A row whose condition held gives none.
    pub fn refuses<O>(&self, reason: impl FnOnce(Option<&R>) -> Option<O>) -> Option<O> {
        match self {
            Self::Is(row) => reason(row.as_ref()),
            Self::Held => None,
        }
    }

    /// Changes the row, if it is known.
    pub fn change(&mut self, change: impl FnOnce(&mut R)) {
        if let Self::Is(Some(row)) = self {
            change(row);
        }
    }

    /// Inserts the row if the table has none with its key. A row that exists stays.
    pub fn insert(&mut self, row: R) {
        if let Self::Is(place @ None) = self {
            *place = Some(row);
        }
    }
}

/// A store loaded a row of another kind than its key names, or too few or too many rows. A defect of the store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a row is not of the kind that its key names (a defect of this program)")]
pub struct WrongRow;

/// The rows of an operation, in the order of its keys.
pub trait Rows: Clone + PartialEq + std::fmt::Debug + Send + Sync + Sized + 'static {
    /// Takes as many rows as the operation has; fails if one is missing or of another kind.
    fn take(from: &mut std::vec::IntoIter<Part<AnyRow>>) -> Result<Self, WrongRow>;

    /// Appends the rows, in the order in which [`Self::take`] took them.
    fn give(self, to: &mut Vec<Part<AnyRow>>);
}

impl<R: Row> Rows for Option<R> {
    fn take(from: &mut std::vec::IntoIter<Part<AnyRow>>) -> Result<Self, WrongRow> {
        match from.next() {
            Some(Part::Is(None)) => Ok(None),
            Some(Part::Is(Some(row))) => R::from_any(row).map(Some).ok_or(WrongRow),
            Some(Part::Held) | None => Err(WrongRow),
        }
    }

    fn give(self, to: &mut Vec<Part<AnyRow>>) {
        to.push(Part::Is(self.map(R::into_any)));
    }
}

impl<R: Row> Rows for Part<R> {
    fn take(from: &mut std::vec::IntoIter<Part<AnyRow>>) -> Result<Self, WrongRow> {
        match from.next() {
            Some(Part::Is(None)) => Ok(Self::Is(None)),
            Some(Part::Is(Some(row))) => R::from_any(row).map(|row| Self::Is(Some(row))).ok_or(WrongRow),
            Some(Part::Held) => Ok(Self::Held),
            None => Err(WrongRow),
        }
    }

    fn give(self, to: &mut Vec<Part<AnyRow>>) {
        to.push(match self {
            Self::Is(row) => Part::Is(row.map(R::into_any)),
            Self::Held => Part::Held,
        });
    }
}

/// Takes all the rows that are left, so it comes last in a tuple.
impl<T: Rows> Rows for Vec<T> {
    fn take(from: &mut std::vec::IntoIter<Part<AnyRow>>) -> Result<Self, WrongRow> {
        let mut rows = Self::new();
        while from.len() > 0 {
            rows.push(T::take(from)?);
        }
        Ok(rows)
    }

    fn give(self, to: &mut Vec<Part<AnyRow>>) {
        for row in self {
            row.give(to);
        }
    }
}

macro_rules! tuples {
    ($($($name:ident)+;)*) => {
        $(
            #[expect(non_snake_case, reason = "a type parameter and the value of it")]
            impl<$($name: Rows),+> Rows for ($($name,)+) {
                fn take(from: &mut std::vec::IntoIter<Part<AnyRow>>) -> Result<Self, WrongRow> {
                    Ok(($($name::take(from)?,)+))
                }

                fn give(self, to: &mut Vec<Part<AnyRow>>) {
                    let ($($name,)+) = self;
                    $($name.give(to);)+
                }
            }
        )*
    };
}

tuples! {
    A B;
    A B C;
    A B C D;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::{execution_id, opened};
    use crate::rows::{ExecutionRow, TallyRow};

    type Four = (Part<ExecutionRow>, Option<TallyRow>, Vec<Part<TallyRow>>);

    fn tally(group: u64) -> AnyRow {
        TallyRow::fresh(execution_id().group(group), 1, 1).into_any()
    }

    fn execution() -> AnyRow {
        opened().unwrap().into_any()
    }

    fn take<R: Rows>(parts: Vec<Part<AnyRow>>) -> Result<R, WrongRow> {
        R::take(&mut parts.into_iter())
    }

    #[test]
    fn rows_are_given_as_they_were_taken() {
        let parts = [Part::Held, Part::Is(None), Part::Is(Some(tally(1))), Part::Held, Part::Is(Some(tally(3)))];
        let mut given = Vec::new();
        take::<Four>(parts.to_vec()).unwrap().give(&mut given);
        assert_eq!(given, parts);
        assert_eq!(
            take::<Four>(parts[..2].to_vec()).unwrap().2,
            [],
            "the vector takes what is left, and that may be nothing"
        );
    }

    #[test]
    fn a_row_of_another_kind_or_a_missing_one_is_refused() {
        let (held, none) = (Part::Held, Part::Is(None));
        for wrong in [
            vec![],
            vec![held.clone()],
            vec![Part::Is(Some(tally(0))), none.clone()],
            vec![none.clone(), Part::Is(Some(execution()))],
            vec![none.clone(), none.clone(), Part::Is(Some(execution()))],
            // A single row is returned by `DynamoDB` in any case, so it cannot be held.
            vec![none, held],
        ] {
            assert!(take::<Four>(wrong.clone()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_part_that_held_refuses_nothing_and_stays() {
        let mut held: Part<u8> = Part::Held;
        assert_eq!(held.refuses(|_| Some("a reason")), None);
        held.insert(1);
        held.change(|value| *value += 1);
        assert_eq!(held, Part::Held);
        let mut known = Part::Is(None);
        assert_eq!(known.refuses(|row: Option<&u8>| row.is_none().then_some("there is none")), Some("there is none"));
        known.change(|value| *value += 1);
        known.insert(1);
        known.insert(7);
        known.change(|value| *value += 1);
        assert_eq!(known, Part::Is(Some(2)));
    }
}
