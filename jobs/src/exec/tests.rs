//! Real commands: their end by SIGTERM, what is kept of their output, and what they may put in the place of their report.

use std::path::Path;

use runtime::testing;
use serde_json::json;

use super::*;

/// How long a test waits before it says that something hangs: other tests may have the machine.
const WAIT: Duration = Duration::from_mins(1);

/// A command, and the files that it may use.
struct Lab {
    directory: tempfile::TempDir,
    context: Context,
}

impl Lab {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), context: testing::context().build() }
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    /// Runs a command, in which `$DIR` is the directory of this test.
    async fn run(&self, command: &str, kill_grace_ms: Option<u64>) -> Result<Output, SegmentError> {
        let command = command.replace("$DIR", &self.directory.path().display().to_string());
        let exec = Exec { command, permanent_exit_code: 100, kill_grace_ms };
        let files = Some(OutputFiles::new(self.file("logs")));
        let (segment, shell) = (testing::segment(json!({"code": "SY"})), Shell { files, owner: None });
        tokio::time::timeout(WAIT, exec.run(&segment, &self.context, &shell)).await.unwrap()
    }

    /// Cancels the attempt as soon as the command has made its file `ready`.
    async fn cancelled(&self, command: &str, kill_grace_ms: u64) -> Result<Output, SegmentError> {
        let cancel = async {
            appears(&self.file("ready")).await;
            testing::cancel(&self.context);
        };
        tokio::join!(self.run(command, Some(kill_grace_ms)), cancel).0
    }

    fn log(&self) -> String {
        let folder = self.file("logs").join(testing::segment(()).execution_id.to_string());
        std::fs::read_to_string(folder.join("0.1.1.log")).unwrap()
    }
}

async fn appears(file: &Path) {
    let looking = async {
        let mut tick = tokio::time::interval(Duration::from_millis(5));
        while !file.exists() {
            tick.tick().await;
        }
    };
    tokio::time::timeout(WAIT, looking).await.unwrap();
}

#[tokio::test]
async fn a_trap_on_sigterm_runs_and_what_it_prints_is_kept() {
    let lab = Lab::new();
    let command = "trap 'echo cleaned up; echo stopped by hand >&2; exit 7' TERM; touch $DIR/ready; sleep 1000 & wait";
    let error = lab.cancelled(command, 30_000).await.unwrap_err();
    assert_eq!(error.message(), "the command ended after SIGTERM with exit code 7: stopped by hand");
    assert!(error.is_retryable());
    assert_eq!(lab.log(), "--- standard output\ncleaned up\n--- standard error\nstopped by hand\n");
}

#[tokio::test]
async fn what_a_command_started_gets_sigterm_as_well() {
    let lab = Lab::new();
    // The child is ready once its parent ignores the signal.
    let command = "(trap 'touch $DIR/child; exit' TERM; \
                    while :; do sleep 0.01; test -e $DIR/deaf && touch $DIR/ready; done) & \
                   trap '' TERM; touch $DIR/deaf; wait; touch $DIR/parent";
    let error = lab.cancelled(command, 30_000).await.unwrap_err();
    assert!(error.message().contains("ended after SIGTERM with exit code 0"), "{error}");
    assert!(lab.file("child").exists() && lab.file("parent").exists());
}

#[tokio::test]
async fn a_command_that_ignores_sigterm_is_killed_after_its_grace() {
    let lab = Lab::new();
    let command = "trap '' TERM; touch $DIR/ready; while :; do sleep 0.01; done";
    let error = lab.cancelled(command, 50).await.unwrap_err();
    assert!(error.message().contains("did not end within 0.05 s of SIGTERM and was killed"), "{error}");
}

#[tokio::test]
async fn a_success_after_sigterm_is_none_and_its_report_is_not_read() {
    let lab = Lab::new();
    let command = "trap 'echo \"{\\\"item_count\\\": 5}\" > $SEGMENT_OUTPUT; exit 0' TERM; touch $DIR/ready; \
                   sleep 1000 & wait";
    let error = lab.cancelled(command, 30_000).await.unwrap_err();
    assert!(error.is_retryable() && error.message().contains("after SIGTERM with exit code 0"), "{error}");
}

#[tokio::test]
async fn a_grace_that_no_attempt_has_time_for_is_refused() {
    let error = Lab::new().run("true", Some(300_001)).await.unwrap_err();
    assert!(!error.is_retryable() && error.message().contains("use at most 300000"), "{error}");
    assert_eq!(grace(&json!({"work": "exec", "kill_grace_ms": 500})), Duration::from_millis(2_500));
    assert_eq!(grace(&json!({"work": "exec"})), Duration::from_secs(12));
    assert_eq!(grace(&json!({"work": "noop"})), Duration::ZERO);
}

#[tokio::test]
async fn what_is_no_report_is_a_permanent_failure_that_says_so() {
    for (command, word) in [
        ("rm $SEGMENT_OUTPUT; mkdir $SEGMENT_OUTPUT", "is a directory: write a file"),
        ("rm $SEGMENT_OUTPUT; mkfifo $SEGMENT_OUTPUT", "is a FIFO: write a file"),
        ("ln -sf /dev/zero $SEGMENT_OUTPUT", "is a device: write a file"),
        ("printf '{\"item_count\": \\377}' > $SEGMENT_OUTPUT", "the byte 0xFF here is not UTF-8"),
        ("head -c 100000 /dev/zero | tr '\\0' ' ' > $SEGMENT_OUTPUT", "is longer than 65536 bytes"),
        ("echo 3 rows > $SEGMENT_OUTPUT", "not JSON: trailing characters (line 1, column 3)"),
        ("echo [3] > $SEGMENT_OUTPUT", "not one JSON object"),
        ("echo '{\"items\": 3}' > $SEGMENT_OUTPUT", "unknown field `items`"),
        ("echo '{\"item_count\": -1}' > $SEGMENT_OUTPUT", "item_count"),
    ] {
        let error = Lab::new().run(command, None).await.unwrap_err();
        assert!(!error.is_retryable() && error.message().contains(word), "{command}: {error}");
        assert!(error.message().contains("SEGMENT_OUTPUT") || error.message().contains("report"), "{error}");
    }
}

#[tokio::test]
async fn a_report_that_is_empty_gone_or_a_link_to_a_file_is_in_order() {
    for command in ["true", ": > $SEGMENT_OUTPUT", "rm $SEGMENT_OUTPUT"] {
        assert_eq!(Lab::new().run(command, None).await, Ok(Output::default()), "{command}");
    }
    let link = "echo '{\"item_count\": 3}' > $DIR/report; ln -sf $DIR/report $SEGMENT_OUTPUT";
    assert_eq!(Lab::new().run(link, None).await, Ok(Output::items(3)));
}

#[tokio::test]
async fn a_flood_of_output_is_cut_visibly() {
    let lab = Lab::new();
    lab.run("echo first; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo last", None).await.unwrap();
    let log = lab.log();
    assert!(log.starts_with("--- standard output\nfirst\n") && log.ends_with("\nlast\n"));
    assert!(log.contains(" bytes are left out here\n") && log.len() < 400_000, "{} bytes", log.len());
}
