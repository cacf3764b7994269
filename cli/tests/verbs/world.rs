//! A data directory, and the program on it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// How long a test waits before it says that something hangs: other tests may have the machine.
const WAIT: Duration = Duration::from_mins(1);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// A data directory of one test's.
pub struct World {
    dir: TempDir,
}

/// A program that runs; killed when a test fails before it has waited for it.
pub struct Running(Option<Child>);

impl Running {
    /// Its process ID.
    pub fn id(&self) -> u32 {
        self.0.as_ref().expect("it runs").id()
    }

    /// Sends it a signal, by name.
    pub fn signal(&self, name: &str) {
        let kill = Command::new("kill").args(["-s", name, &self.id().to_string()]).status();
        assert!(kill.expect("kill").success());
    }

    /// Kills it, and waits for its end.
    pub fn kill(&mut self) {
        if let Some(child) = &mut self.0 {
            child.kill().expect("killed");
            child.wait().expect("ended");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What the program said.
pub struct Answer {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Answer {
    pub fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code().unwrap_or(-1), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Every line of standard output as JSON.
    pub fn lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    /// The last line of standard output as JSON.
    pub fn json(&self) -> Value {
        self.lines().pop().unwrap_or_else(|| panic!("no answer: {}", self.stderr))
    }

    /// Refuses any other exit code.
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.stdout, self.stderr);
        self
    }
}

impl World {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a directory") }
    }

    /// A file beside the database.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scatterctl"));
        self.prepare(&mut command, arguments);
        command
    }

    fn prepare(&self, command: &mut Command, arguments: &[&str]) {
        command
            .args(arguments)
            .env("SCATTERCTL_DATA_DIR", self.dir.path())
            .env_remove("COLUMNS")
            .current_dir(self.dir.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    }

    /// Runs the program to its end.
    pub fn call(&self, arguments: &[&str]) -> Answer {
        Answer::of(&self.command(arguments).output().expect("the program starts"))
    }

    /// Runs the program to its end as on a terminal of so many columns.
    pub fn call_at_width(&self, columns: u16, arguments: &[&str]) -> Answer {
        let mut command = self.command(arguments);
        Answer::of(&command.env("COLUMNS", columns.to_string()).output().expect("the program starts"))
    }

    /// Runs the program to its end with that on its standard input.
    pub fn call_with(&self, arguments: &[&str], input: &str) -> Answer {
        let file = self.file("input");
        std::fs::write(&file, input).expect("a file");
        let stdin = std::fs::File::open(&file).expect("the file");
        Answer::of(&self.command(arguments).stdin(stdin).output().expect("the program starts"))
    }

    /// Starts the program as a shell in the foreground does, with no signal ignored, and leaves it running.
    pub fn start_in_foreground(&self, arguments: &[&str]) -> Running {
        Running(Some(
            self.with_signals("--default-signal=INT,QUIT,HUP", arguments).spawn().expect("the program starts"),
        ))
    }

    /// As [`Self::start_in_foreground`]; its output goes to the files `stdout` and `stderr`, which a test can read meanwhile.
    pub fn start_writing(&self, arguments: &[&str]) -> Running {
        let mut command = self.with_signals("--default-signal=INT,QUIT,HUP", arguments);
        let file = |name| std::fs::File::create(self.file(name)).expect("a file");
        Running(Some(command.stdout(file("stdout")).stderr(file("stderr")).spawn().expect("the program starts")))
    }

    /// Starts the program as `nohup` does, and leaves it running.
    pub fn start_ignoring_hangup(&self, arguments: &[&str]) -> Running {
        Running(Some(self.with_signals("--ignore-signal=HUP", arguments).spawn().expect("the program starts")))
    }

    fn with_signals(&self, signals: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("env");
        command.args([signals, env!("CARGO_BIN_EXE_scatterctl")]);
        self.prepare(&mut command, arguments);
        command
    }

    /// What is in a file; nothing if there is none.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap_or_default()
    }

    /// Starts the program and leaves it running.
    pub fn start(&self, arguments: &[&str]) -> Running {
        Running(Some(self.command(arguments).spawn().expect("the program starts")))
    }

    /// Waits for the end of a program that was started.
    pub fn end(mut running: Running) -> Answer {
        let child = running.0.take().expect("it was not waited for before");
        Answer::of(&child.wait_with_output().expect("it ends"))
    }

    /// Asks for the latest execution until it is as wanted.
    pub fn wait_for(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        until(what, || {
            let answer = self.call(&["status", "latest", "--json"]);
            (answer.code == 0).then(|| answer.json()).filter(&is_so)
        })
    }

    /// Waits for a file, and returns what is in it.
    pub fn wait_for_file(&self, name: &str) -> String {
        until(name, || std::fs::read_to_string(self.file(name)).ok().filter(|text| text.ends_with('\n')))
    }
}

/// Looks until there is something to see.
#[expect(clippy::disallowed_methods, reason = "nothing runs in this process meanwhile")]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..WAIT.as_millis() / LOOK.as_millis() {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(LOOK); // sleeps because another process does what is waited for
    }
    panic!("never {what}");
}

/// Whether a process runs. A killed one whose parent did not wait for it stays as a zombie: it runs no more.
pub fn is_running(pid: &str) -> bool {
    let process = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().expect("ps");
    let state = String::from_utf8_lossy(&process.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}

/// `run` of so many segments that are given to a command.
pub fn exec<'a>(segments: &'a str, command: &'a str) -> Vec<&'a str> {
    let mut arguments = vec!["run", "--json", "--job", "test", "--source", "range", "--from", "0", "--to", segments];
    arguments.extend(["--size", "1", "--exec", command]);
    arguments
}

/// The lines of a file as JSON; none if there is no file.
pub fn json_lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}
