//! What is explored: how large the execution is, what may go wrong, and which mistake is made on purpose.

/// How attempts at a segment may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// It succeeds.
    Good,
    /// It fails for good in the first generation, and succeeds in later ones.
    Bad,
    /// It succeeds or fails for good, in each generation.
    Either,
    /// It succeeds, or fails and is tried again while attempts are left.
    Flaky,
}

/// How often each kind of fault may still happen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Faults {
    /// A process dies between two writes.
    pub crashes: u8,
    /// A write is applied, and its sender gets no answer.
    pub lost_answers: u8,
    /// A record, or an image on its way to the gather, is never seen.
    pub losses: u8,
    /// A record, or an image, comes twice.
    pub duplicates: u8,
    /// A lease runs out although its worker lives.
    pub short_leases: u8,
    /// The sweeper acts although the process that it stands in for is alive.
    pub impatience: u8,
}

/// One execution, and its faults.
#[derive(Debug, Clone)]
pub struct Config {
    /// Groups and the segments in each; in the order of their offsets.
    pub groups: Vec<Vec<Nature>>,
    /// Attempts a segment gets in a generation.
    pub max_attempts: u32,
    /// Workers, one or two.
    pub workers: usize,
    /// Scatters that begin; none for an execution that is sealed already, with its records on the stream.
    pub scatters: usize,
    /// Redrives that a user may ask for.
    pub redrives: u8,
    /// Cancels that a user may ask for.
    pub cancels: u8,
    /// What may go wrong.
    pub faults: Faults,
    /// The mistake that is made, if one is.
    pub mutation: Option<Mutation>,
}

impl Config {
    /// An execution of these groups that is sealed already, without any fault.
    #[must_use]
    pub fn sealed(groups: &[&[Nature]]) -> Self {
        Self {
            groups: groups.iter().map(|group| group.to_vec()).collect(),
            max_attempts: 2,
            workers: 2,
            scatters: 0,
            redrives: 0,
            cancels: 0,
            faults: Faults::default(),
            mutation: None,
        }
    }

    /// The same with a mistake in it.
    #[must_use]
    pub fn with(self, mutation: Mutation) -> Self {
        Self { mutation: Some(mutation), ..self }
    }
}

/// A mistake in the protocol. Each must be found: a model that does not see it proves nothing about its absence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mutation {
    /// A tally takes outcomes of any generation.
    DropGenerationCheckOnTally,
    /// A tally counts an offset that is in a set already.
    DropNotContains,
    /// An execution completes without having been sealed.
    CompleteBeforeSeal,
    /// Adding rows overwrites those that exist.
    OverwriteRowsOnAdd,
    /// A redrive does not wait for the event of the last generation.
    RedriveBeforePublish,
    /// A redrive requeues segments before it un-folds their group.
    RowsBeforeUnfold,
    /// A cancel does not wait for a redrive to end.
    CancelDuringRedrive,
    /// A finish does not look at the attempt.
    StaleFinishAccepted,
    /// A tally that is folded is folded again.
    FoldTwice,
    /// A tally is folded while segments are pending.
    FoldUnfinished,
    /// A fold takes an image of an older generation.
    DropGenerationCheckOnFold,
    /// A claim does not look at the lease.
    ClaimIgnoresLease,
    /// A claim takes a segment that has its outcome.
    ClaimFinished,
    /// The event carries what the execution says when it is published.
    PublishWithLaterRead,
    /// A group is committed whatever number of groups there is.
    CommitWithoutOrder,
    /// A group is committed before its rows are there.
    CommitBeforeRows,
    /// A seal takes whatever number of groups there is, and is sent after the first.
    SealTooEarly,
    /// A redrive requeues segments that succeeded.
    RequeueSucceeded,
    /// A redrive ends after its groups are un-folded, before segments are requeued.
    EndRedriveBeforeRows,
    /// A worker counts its outcome before it records it.
    TallyBeforeFinish,
    /// Segments are cancelled and not counted.
    CancelRowSkipsTally,
    /// An un-fold subtracts nothing from the execution.
    UnfoldWithoutExecution,
    /// An un-fold of a group that is un-folded already is applied again.
    UnfoldTwice,
    /// The sweeper does not resume a redrive that was interrupted.
    RedriveNotResumed,
    /// The sweeper does not resume a cancel that was interrupted.
    CancelNotResumed,
    /// Records that were lost are not put again.
    RecordsNotPutAgain,
}
