//! Mistakes in the protocol, made on purpose: the model finds each, as a violation of the property that it breaks.

use std::time::Duration;

use protocol_model::properties::{
    COMPLETES_LAST, COUNTED_ONCE, COUNTS_ARE_ROWS, EVENT_COMES_FIRST, FENCED, GROUPS_ARE_WHOLE, LEASES_HOLD,
    NEVER_STUCK, ONE_EVENT, OUTCOMES_STAY, SIZES_ADD_UP, SUMS_ARE_FOLDED,
};
use protocol_model::{Config, Faults, Mutation, Nature, System};
use stateright::{Checker, HasDiscoveries, Model};
use tokio::time::Instant;

const GOOD: Nature = Nature::Good;
const BAD: Nature = Nature::Bad;
const FLAKY: Nature = Nature::Flaky;

/// Long enough for each exploration; a mutation that takes longer is not caught.
const LIMIT: Duration = Duration::from_mins(1);

fn catch(mutation: Mutation, property: &'static str, config: Config) {
    let began = Instant::now();
    let checker = System::new(config.with(mutation))
        .checker()
        .finish_when(HasDiscoveries::AnyOf([property].into()))
        .timeout(LIMIT)
        .spawn_dfs()
        .join();
    let found = checker.discoveries();
    let others: Vec<_> = found.keys().filter(|other| **other != property).collect();
    let (states, seconds) = (checker.unique_state_count(), began.elapsed().as_secs_f64());
    println!(
        "{mutation:?}: {} after {states} states, {seconds:.1} s; others: {others:?}",
        found.contains_key(property)
    );
    assert!(found.contains_key(property), "{mutation:?} is not caught as {property:?}, but as {others:?}");
}

/// Two groups, one of them of two segments; what fails can be redriven.
fn redrive() -> Config {
    Config { redrives: 1, ..Config::sealed(&[&[BAD, GOOD], &[BAD]]) }
}

fn scatter() -> Config {
    Config { scatters: 1, ..Config::sealed(&[&[GOOD], &[GOOD]]) }
}

const CRASH: Faults = Faults { crashes: 1, lost_answers: 0, losses: 0, duplicates: 0, short_leases: 0, impatience: 0 };
const DUPLICATE: Faults = Faults { crashes: 0, duplicates: 1, ..CRASH };

macro_rules! caught {
    ($($test:ident: $mutation:ident as $property:ident in $config:expr;)*) => {
        $(
            #[test]
            fn $test() {
                catch(Mutation::$mutation, $property, $config);
            }
        )*
    };
}

caught! {
    a_tally_of_any_generation: DropGenerationCheckOnTally as COUNTED_ONCE in Config { faults: DUPLICATE, ..redrive() };
    a_tally_that_counts_twice: DropNotContains as SIZES_ADD_UP in Config { faults: DUPLICATE, ..redrive() };
    a_completion_before_the_seal: CompleteBeforeSeal as COMPLETES_LAST in scatter();
    rows_that_are_overwritten: OverwriteRowsOnAdd as OUTCOMES_STAY in Config { scatters: 2, ..scatter() };
    a_redrive_before_the_event: RedriveBeforePublish as EVENT_COMES_FIRST in redrive();
    rows_before_the_unfold: RowsBeforeUnfold as COUNTED_ONCE in redrive();
    a_cancel_during_a_redrive: CancelDuringRedrive as NEVER_STUCK in
        Config { cancels: 1, faults: CRASH, redrives: 1, ..Config::sealed(&[&[BAD]]) };
    a_stale_finish: StaleFinishAccepted as FENCED in
        Config { faults: Faults { short_leases: 1, duplicates: 1, ..Faults::default() }, ..redrive() };
    a_stale_finish_after_a_cancel: StaleFinishAccepted as FENCED in
        Config { faults: Faults { short_leases: 1, duplicates: 1, ..Faults::default() }, cancels: 1, ..redrive() };
    a_fold_of_what_is_folded: FoldTwice as SUMS_ARE_FOLDED in Config { faults: DUPLICATE, ..redrive() };
    a_fold_of_what_is_unfinished: FoldUnfinished as SUMS_ARE_FOLDED in redrive();
    a_fold_of_an_older_image: DropGenerationCheckOnFold as SUMS_ARE_FOLDED in Config { faults: DUPLICATE, ..redrive() };
    a_claim_of_what_is_leased: ClaimIgnoresLease as LEASES_HOLD in Config { faults: DUPLICATE, ..redrive() };
    a_claim_of_what_is_finished: ClaimFinished as OUTCOMES_STAY in Config { faults: DUPLICATE, ..redrive() };
    an_event_of_a_later_read: PublishWithLaterRead as ONE_EVENT in
        Config { faults: Faults { impatience: 1, ..Faults::default() }, ..redrive() };
    a_commit_out_of_order: CommitWithoutOrder as GROUPS_ARE_WHOLE in Config { scatters: 2, ..scatter() };
    a_commit_before_its_rows: CommitBeforeRows as GROUPS_ARE_WHOLE in scatter();
    a_seal_too_early: SealTooEarly as COMPLETES_LAST in scatter();
    a_success_that_is_requeued: RequeueSucceeded as OUTCOMES_STAY in redrive();
    a_redrive_that_ends_before_its_rows: EndRedriveBeforeRows as NEVER_STUCK in Config { faults: CRASH, ..redrive() };
    a_tally_before_the_finish: TallyBeforeFinish as COUNTED_ONCE in redrive();
    a_cancelled_row_that_is_not_counted: CancelRowSkipsTally as NEVER_STUCK in Config { cancels: 1, ..redrive() };
    an_unfold_without_the_execution: UnfoldWithoutExecution as SUMS_ARE_FOLDED in redrive();
    an_unfold_done_twice: UnfoldTwice as SIZES_ADD_UP in Config { faults: CRASH, ..redrive() };
    a_redrive_that_is_not_resumed: RedriveNotResumed as NEVER_STUCK in Config { faults: CRASH, ..redrive() };
    a_cancel_that_is_not_resumed: CancelNotResumed as NEVER_STUCK in
        Config { cancels: 1, faults: CRASH, ..Config::sealed(&[&[FLAKY]]) };
    records_that_are_not_put_again: RecordsNotPutAgain as NEVER_STUCK in
        Config { faults: Faults { losses: 1, ..Faults::default() }, ..redrive() };
}

/// Miscounting shows at the latest in the completion.
#[test]
fn a_wrong_sum_shows_in_the_completion() {
    catch(Mutation::FoldTwice, COUNTS_ARE_ROWS, Config { faults: DUPLICATE, ..redrive() });
}
