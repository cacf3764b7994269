//! A console in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::client::Request;

/// The token of the tests' consoles.
pub const TOKEN: &str = "test-token";

/// A console on a data directory; it ends with this value.
pub struct Server {
    pub dir: TempDir,
    pub address: String,
    child: Child,
}

impl Server {
    /// On a new data directory.
    pub fn start() -> Self {
        Self::on(tempfile::tempdir().unwrap(), &[])
    }

    /// On that data directory, with further arguments.
    pub fn on(dir: TempDir, arguments: &[&str]) -> Self {
        let mut command = command(dir.path(), &["console", "--port", "0", "--token", TOKEN, "--json"]);
        let mut child = command.args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not a line of JSON: {line:?}"));
        let api = said["api"].as_str().unwrap();
        let address = api.trim_start_matches("http://").trim_end_matches("/api/v1").to_owned();
        Self { dir, address, child }
    }

    /// A request to a path of the API, with the token.
    pub fn request(&self, method: &str, path: &str) -> Request {
        self.bare(method, &format!("/api/v1{path}")).header("authorization", &format!("Bearer {TOKEN}"))
    }

    /// A request to a path, with nothing but what every client sends.
    pub fn bare(&self, method: &str, path: &str) -> Request {
        Request::new(&self.address, method, path)
    }

    /// What the API answers, which is well.
    pub async fn get(&self, path: &str) -> Value {
        let answer = self.request("GET", path).send().await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    /// Runs a verb on the data directory to its end, and returns the last line of its JSON.
    pub fn run(&self, arguments: &[&str]) -> Value {
        let output = command(self.dir.path(), arguments).arg("--json").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let last = text.lines().last().unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        serde_json::from_str(last).unwrap()
    }

    /// Whether its process lives.
    pub fn lives(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program on that data directory.
pub fn command(data_dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scatterctl-under-test"));
    command.arg("--data-dir").arg(data_dir).args(arguments).stdin(Stdio::null());
    command
}
