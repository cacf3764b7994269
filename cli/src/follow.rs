//! Progress of an execution while something else is waited for.

use std::time::Duration;

use console::Term;
use control_table::ControlTable;
use control_table::id::{ExecutionId, ExecutionKey, JobName};
use control_table::read::{ExecutionSummary, Progress};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::context::Context;
use crate::interrupt::Interrupt;
use crate::output::{Bar, Output};
use crate::progress_line::Moving;

/// How often a line is printed where nothing can move.
const LINES: Duration = Duration::from_secs(5);

/// How often is looked for an execution that has no ID yet.
const ID_LOOK: Duration = Duration::from_millis(100);

/// Shows how an execution comes along.
pub struct Follower<'a> {
    context: &'a Context,
    output: &'a Output,
    table: &'a ControlTable,
    /// How often a live display looks.
    look_every: Duration,
    /// Its name until its ID is announced.
    named: Option<(JobName, ExecutionKey)>,
    progress: Option<Progress>,
    bar: Option<Bar>,
    began: Instant,
    /// Outcomes when the display began: a resumed execution's rate is that of this process.
    done_before: Option<u64>,
}

impl<'a> Follower<'a> {
    /// Follows the execution of that job and key, as soon as there is one.
    pub fn of_key(context: &'a Context, table: &'a ControlTable, job: JobName, key: ExecutionKey) -> Self {
        let mut follower = Self::idle(context, table);
        follower.named = Some((job, key));
        follower
    }

    /// Follows that execution.
    pub fn of(context: &'a Context, table: &'a ControlTable, execution_id: ExecutionId) -> Self {
        let mut follower = Self::idle(context, table);
        follower.progress = Some(Progress::new(execution_id));
        follower
    }

    fn idle(context: &'a Context, table: &'a ControlTable) -> Self {
        let (output, look_every) = (&context.output, context.look_every());
        Self {
            context,
            output,
            table,
            look_every,
            named: None,
            progress: None,
            bar: None,
            began: Instant::now(),
            done_before: None,
        }
    }

    /// Shows progress until `future` is ready; `None` if a signal stops this process before.
    pub async fn during<T>(&mut self, future: impl Future<Output = T>, interrupt: &mut Interrupt) -> Option<T> {
        let mut ticks = interval(if self.output.is_live() { self.look_every } else { LINES });
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick is at once. There is nothing to see yet, except what was done before.
        ticks.tick().await;
        if self.done_before.is_none() && self.output.shows_progress() {
            self.done_before = Some(Box::pin(self.look()).await.map_or(0, |view| view.done()));
        }
        // On the heap, as the display is: both are reads with long names, of many KB each.
        let mut future = Box::pin(future);
        let mut id_looks = interval(ID_LOOK);
        let ended = loop {
            tokio::select! {
                biased;
                () = interrupt.wait() => break None,
                value = &mut future => break Some(value),
                _ = id_looks.tick(), if self.named.is_some() && self.output.shows_progress() => drop(Box::pin(self.look()).await),
                _ = ticks.tick(), if self.output.shows_progress() => Box::pin(self.show()).await,
            }
        };
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        ended
    }

    async fn show(&mut self) {
        let Some(view) = self.look().await else { return };
        let rate = self.rate(&view);
        let moving = Moving { view: &view, rate };
        if self.output.is_live() {
            self.move_bar(&moving);
        } else {
            self.output.note(moving.for_log(self.context.now()));
        }
    }

    /// A display is not worth failing for: what cannot be read now is shown the next time.
    async fn look(&mut self) -> Option<ExecutionSummary> {
        if let (None, Some((job, key))) = (&self.progress, &self.named) {
            let execution_id = self.table.execution_of_key(job, key).await.ok()??;
            self.announce(execution_id);
        }
        self.progress.as_mut()?.refresh(self.table).await.ok()?
    }

    /// Segments a second since the display began.
    fn rate(&self, view: &ExecutionSummary) -> f64 {
        let before = self.done_before.unwrap_or(0);
        let seconds = self.began.elapsed().as_secs_f64().max(0.001);
        view.done().saturating_sub(before) as f64 / seconds
    }

    fn move_bar(&mut self, moving: &Moving<'_>) {
        let bar = self.bar.get_or_insert_with(|| {
            let bar = self.output.bar(ProgressBar::no_length());
            bar.set_style(style());
            bar
        });
        bar.set_message(moving.for_terminal(columns()));
        bar.tick();
    }

    /// Follows that execution from now on. Names it, once, and at its beginning: `status` and `cancel` from elsewhere need its ID.
    pub fn announce(&mut self, execution_id: ExecutionId) {
        self.progress.get_or_insert_with(|| Progress::new(execution_id));
        if let Some((job, key)) = self.named.take() {
            self.output.note(format_args!("{job}: execution {execution_id}, key {key}"));
        }
    }
}

/// The spinner and a space stand before the line.
const SPINNER: usize = 2;

/// Columns for a line of the terminal. The last one stays free: some terminals go to the next line after it.
fn columns() -> usize {
    let (_, columns) = Term::stderr().size_checked().unwrap_or((0, 80));
    usize::from(columns).saturating_sub(SPINNER + 1)
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {wide_msg}").unwrap_or_else(|_| ProgressStyle::default_spinner())
}
