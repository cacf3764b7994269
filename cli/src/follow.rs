//! Progress of an execution while something else is waited for.

use std::time::Duration;

use control_table::ControlTable;
use control_table::id::{ExecutionId, ExecutionKey, JobName};
use control_table::read::{ExecutionSummary, Progress};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::context::Context;
use crate::format::{grouped, rate as shown_rate, span};
use crate::interrupt::Interrupt;
use crate::output::{Bar, Output};

/// How often a line is printed where nothing can move.
const LINES: Duration = Duration::from_secs(5);

/// Shows how an execution comes along.
pub struct Follower<'a> {
    output: &'a Output,
    table: &'a ControlTable,
    /// How often a live display looks.
    look_every: Duration,
    /// Its name until it has an ID.
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
        let ended = loop {
            tokio::select! {
                biased;
                () = interrupt.wait() => break None,
                value = &mut future => break Some(value),
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
        if self.output.is_live() {
            self.move_bar(&view, rate);
        } else {
            self.output.note(line(&view, rate));
        }
    }

    /// A display is not worth failing for: what cannot be read now is shown the next time.
    async fn look(&mut self) -> Option<ExecutionSummary> {
        if let (None, Some((job, key))) = (&self.progress, &self.named) {
            let execution_id = self.table.execution_of_key(job, key).await.ok()??;
            self.progress = Some(Progress::new(execution_id));
        }
        self.progress.as_mut()?.refresh(self.table).await.ok()?
    }

    /// Segments a second since the display began.
    fn rate(&self, view: &ExecutionSummary) -> f64 {
        let before = self.done_before.unwrap_or(0);
        let seconds = self.began.elapsed().as_secs_f64().max(0.001);
        view.done().saturating_sub(before) as f64 / seconds
    }

    fn move_bar(&mut self, view: &ExecutionSummary, rate: f64) {
        let bar = self.bar.get_or_insert_with(|| {
            let bar = self.output.bar(ProgressBar::new(0));
            bar.set_style(style());
            bar
        });
        bar.set_length(total(view));
        bar.set_position(view.done());
        bar.set_prefix(&view.job);
        bar.set_message(details(view, rate));
    }
}

fn style() -> ProgressStyle {
    let template = "{spinner} {prefix} [{bar:30}] {pos}/{len} segments {msg}";
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}

/// All segments, where they are known.
fn total(view: &ExecutionSummary) -> u64 {
    view.expected.unwrap_or(0).max(view.segments)
}

fn details(view: &ExecutionSummary, rate: f64) -> String {
    // The rate is that of the segments, which stand before it.
    let mut parts = Vec::new();
    if rate > 0.0 {
        parts.push(shown_rate(rate));
        let left = total(view).saturating_sub(view.done()) as f64 / rate;
        if left > 0.0
            && let Ok(left) = Duration::try_from_secs_f64(left)
        {
            parts.push(format!("{} left", span(left)));
        }
    }
    if view.item_count != 0 {
        parts.push(format!("{} items", grouped(view.item_count)));
    }
    if view.failed > 0 {
        parts.push(format!("{} FAILED", grouped(view.failed)));
    }
    if !view.status.is_terminal() && view.sealed_at.is_none() {
        parts.push("scattering".to_owned());
    }
    parts.join(", ")
}

fn line(view: &ExecutionSummary, rate: f64) -> String {
    format!("{}: {} of {} segments, {}", view.job, grouped(view.done()), grouped(total(view)), details(view, rate))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_says_how_far_how_fast_and_what_failed() {
        let view: ExecutionSummary = serde_json::from_value(json!({
            "execution_id": "0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b", "job": "cities", "key": "k", "status": "SCATTERING",
            "generation": 1, "segments": 128, "expected": 1000, "pending": 28, "running": 0, "succeeded": 98, "failed": 2,
            "cancelled": 0, "item_count": 98_000, "duration_ms": 1, "counters": {}, "attempts": 100,
            "created_at": "2026-11-24T00:00:00Z", "sealed_at": null, "finished_at": null
        }))
        .unwrap();
        let expected = "cities: 100 of 1,000 segments, 10/s, 1 min 30 s left, 98,000 items, 2 FAILED, scattering";
        assert_eq!(line(&view, 10.0), expected);
        assert!(line(&view, 0.0).ends_with("98,000 items, 2 FAILED, scattering"));
    }
}
