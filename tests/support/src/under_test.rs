//! A local system in a directory of its own.

use std::sync::Arc;
use std::time::Duration;

use control_table::clock::{Entropy, SystemClock};
use control_table::id::ExecutionId;
use control_table::rows::ExecutionRow;
use engine::scatter::ScatterEvent;
use engine::{Operator, Started};
use local::system::{HookOutput, Hooks, WorkChoice};
use local::{Durability, Options, System};
use runtime::Work;
use serde_json::Value;
use tempfile::TempDir;

use crate::invariants::assert_invariants;

/// How long a test waits for an execution before it says that it hangs.
pub const WAIT: Duration = Duration::from_mins(2);

/// A system, and the directory that it keeps its state in.
pub struct UnderTest {
    /// The directory; deleted with this value.
    pub dir: TempDir,
    /// The running system.
    pub system: System,
}

/// The two systems that one machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// On a file.
    File,
    /// The functions' own handlers, emulated.
    Emulated,
}

impl Kind {
    /// Starts a system with the built-in jobs.
    pub async fn builtin(self) -> UnderTest {
        UnderTest::start(tempfile::tempdir().unwrap(), WorkChoice::Builtin, self).await
    }

    /// Starts a system with the work of the test's own.
    pub async fn own(self, work: Arc<dyn Work>) -> UnderTest {
        UnderTest::start(tempfile::tempdir().unwrap(), WorkChoice::Own(work), self).await
    }
}

impl UnderTest {
    /// Starts a system in a directory, where one may have run before.
    pub async fn start(dir: TempDir, work: WorkChoice, kind: Kind) -> Self {
        let system = System::start(Self::options(&dir, work, kind)).await.unwrap();
        Self { dir, system }
    }

    /// The options of a test's system: everything usual.
    pub fn options(dir: &TempDir, work: WorkChoice, kind: Kind) -> Options {
        Options {
            data_dir: dir.path().to_owned(),
            emulate: kind == Kind::Emulated,
            durability: Durability::ProcessCrash,
            workers: None,
            program: "a test".to_owned(),
            any_worker: false,
            work,
            hooks: Hooks::default(),
            hook_output: HookOutput::Stderr,
            tick: Duration::from_millis(50),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(Entropy::from_system()),
        }
    }

    /// Scatters, waits for the end, and asserts the invariants.
    pub async fn run(&self, event: Value) -> ExecutionRow {
        let answer = self.start_execution(event).await;
        self.finish(answer.execution_id).await
    }

    /// Waits for the end of an execution, and asserts the invariants.
    pub async fn start_execution(&self, event: Value) -> Started {
        let event = ScatterEvent::parse(event).unwrap();
        let key = event.key_or("request-1").unwrap();
        self.system.start(event, key).await.unwrap()
    }

    /// Waits for the end, and checks the invariants.
    pub async fn finish(&self, execution_id: ExecutionId) -> ExecutionRow {
        let finished = tokio::time::timeout(WAIT, self.system.wait(execution_id)).await;
        let finished = finished.unwrap_or_else(|_| panic!("{execution_id} hangs")).unwrap();
        assert!(finished.is_published);
        assert_invariants(self.system.control_table(), self.dir.path(), execution_id).await;
        self.system.control_table().execution(execution_id).await.unwrap().unwrap()
    }
}
