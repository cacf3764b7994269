//! Jobs that the clock and other jobs start. The scheduler's own tests have a clock of theirs; here are the processes.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use rusqlite::Connection;

use crate::world::{World, json_lines, until};

/// On any port: several tests run at once.
const SERVE: [&str; 4] = ["serve", "jobs", "--port", "0"];

/// A job file of one segment with that command.
fn job(world: &World, name: &str, command: &str, schedule: &str) {
    let folder = world.file("jobs");
    std::fs::create_dir_all(&folder).expect("a folder");
    let text = format!(
        "job = '{name}'\n[source]\ntype = 'range'\nfrom = 0\nto = 1\nsize = 1\n\
         [parameters]\nwork = 'exec'\ncommand = \"{command}\"\n{schedule}\n"
    );
    std::fs::write(folder.join(format!("{name}.toml")), text).expect("a file");
}

/// Waits until `serve` has looked at the job for the first time.
fn until_it_is_marked(world: &World, job: &str) {
    until("a mark", || {
        let file = Connection::open(world.file("control.db")).ok()?;
        file.query_row("SELECT handled_until FROM schedule_rows WHERE job = ?1", [job], |row| row.get::<_, i64>(0)).ok()
    });
}

fn status(world: &World, execution: &str) -> Option<String> {
    let answer = world.call(&["status", execution, "--json"]);
    (answer.code == 0).then(|| answer.json()["status"].as_str().expect("a status").to_owned())
}

fn until_it_succeeded(world: &World, execution: &str) {
    until(execution, || status(world, execution).filter(|status| status == "SUCCEEDED"));
}

#[test]
fn a_chain_is_followed_with_its_key_however_its_first_job_was_started() {
    let world = World::new();
    job(&world, "load", "true", "");
    job(&world, "report", "true", "[schedule]\nafter = ['load']");
    job(&world, "mail", "echo $EXECUTION_KEY >> mailed", "[schedule]\nafter = ['report']");
    let serve = world.start(&SERVE);
    until_it_is_marked(&world, "mail");
    world.call(&["run", "jobs/load.toml", "--key", "2026-11-24", "--quiet"]).expect(0);
    until_it_succeeded(&world, "mail/2026-11-24");
    assert_eq!(world.read("mailed"), "2026-11-24\n");
    let refused = world.call(&SERVE).expect(1);
    assert!(refused.stderr.contains(&format!("in use by process {}", serve.id())), "{}", refused.stderr);
    serve.signal("TERM");
    let ended = World::end(serve);
    assert_eq!(ended.code, 143, "{}", ended.stderr);
    assert!(ended.stderr.contains("report: after load"), "{}", ended.stderr);
}

/// Midnight was missed; then the scheduler is killed with `kill -9` while the execution of it runs.
#[test]
fn a_missed_moment_is_started_once_also_when_the_scheduler_is_killed() {
    let world = World::new();
    let command = "echo began >> began; until [ -e go ]; do sleep 0.05; done; echo ended >> ended";
    job(&world, "nightly", command, "[schedule]\ncron = '0 0 * * *'\ncatch_up = 'last'");
    let mut serve = world.start(&SERVE);
    until_it_is_marked(&world, "nightly");
    serve.kill();
    let file = Connection::open(world.file("control.db")).expect("the file");
    file.execute("UPDATE schedule_rows SET handled_until = handled_until - 2 * 86400000", [])
        .expect("two days earlier");
    drop(file);

    let mut serve = world.start(&SERVE);
    world.wait_for_file("began");
    serve.kill();
    let serve = world.start(&SERVE);
    std::fs::write(world.file("go"), "").expect("a file");
    until_it_succeeded(&world, "latest");
    serve.signal("INT");
    assert_eq!(World::end(serve).code, 130);
    let listed = world.call(&["list", "--json"]).expect(0).json();
    let executions = listed["executions"].as_array().expect("executions");
    assert_eq!(executions.len(), 1, "{listed}");
    let key = executions[0]["key"].as_str().expect("a key");
    assert!(key.ends_with("T00:00:00+00:00"), "{key}");
    assert_eq!((world.read("began"), world.read("ended")), ("began\n".to_owned(), "ended\n".to_owned()));
    assert_eq!(json_lines(&world.file("events.jsonl")).len(), 1);
}

#[test]
fn what_is_stopped_with_the_scheduler_is_continued_by_the_next() {
    let world = World::new();
    let command = "echo began >> began; [ -e go ] || { trap 'exit 1' TERM; sleep 1000 & wait; }";
    job(&world, "load", "true", "");
    job(&world, "report", command, "[schedule]\nafter = ['load']");
    let serve = world.start(&SERVE);
    until_it_is_marked(&world, "report");
    world.call(&["run", "jobs/load.toml", "--key", "k", "--quiet"]).expect(0);
    world.wait_for_file("began");
    serve.signal("TERM");
    let ended = World::end(serve);
    assert!(ended.code == 143 && ended.stderr.contains("nothing is lost"), "{}", ended.stderr);
    assert_ne!(status(&world, "report/k").as_deref(), Some("SUCCEEDED"));
    std::fs::write(world.file("go"), "").expect("a file");
    let serve = world.start(&SERVE);
    until_it_succeeded(&world, "report/k");
    serve.signal("TERM");
    World::end(serve);
}

#[test]
fn what_is_wrong_with_a_folder_is_named_before_anything_starts() {
    let world = World::new();
    job(&world, "a", "true", "");
    let serve = |words: &str| {
        let refused = world.call(&SERVE).expect(2);
        assert!(refused.stderr.contains(words), "{words}: {}", refused.stderr);
    };
    serve("none of the job files in jobs has a [schedule]");
    job(&world, "b", "true", "[schedule]\nafter = ['x']");
    serve("the job b follows x");
    job(&world, "b", "true", "[schedule]\nafter = ['c']");
    job(&world, "c", "true", "[schedule]\nafter = ['b']");
    serve("b after c after b");
    job(&world, "c", "true", "[schedule]\ncron = '0 0 31 2 *'");
    serve("jobs/c.toml: cron = \"0 0 31 2 *\" never comes");
    std::fs::write(world.file("jobs").join("d.toml"), "job = ").expect("a file");
    job(&world, "c", "true", "[schedule]\ncron = '@daily'");
    serve("jobs/d.toml");
    assert!(!world.file("control.db").exists());
}

/// What the HTTP API of that port answers to a GET; nothing until it listens.
fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer t\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.starts_with("HTTP/1.1 200").then_some(answer)
}

#[test]
fn the_console_is_beside_the_scheduler() {
    let world = World::new();
    job(&world, "load", "true", "");
    job(&world, "report", "true", "[schedule]\nafter = ['load']");
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port();
    let serve = world.start(&["serve", "jobs", "--port", &port.to_string(), "--token", "t"]);
    until("the console", || get(port, "/"));
    until_it_is_marked(&world, "report");
    world.call(&["run", "jobs/load.toml", "--key", "7", "--quiet"]).expect(0);
    until("the chain", || get(port, "/api/v1/jobs/report/keys/7").filter(|answer| answer.contains("SUCCEEDED")));
    serve.signal("TERM");
    let ended = World::end(serve);
    assert_eq!(ended.code, 143, "{}", ended.stderr);
    assert!(ended.stdout.contains(&format!("http://127.0.0.1:{port}/?token=t")), "{}", ended.stdout);
}

#[test]
fn without_a_console_it_listens_nowhere() {
    let world = World::new();
    job(&world, "report", "true", "[schedule]\ncron = '@yearly'");
    let serve = world.start(&["serve", "jobs", "--no-console"]);
    until_it_is_marked(&world, "report");
    serve.signal("TERM");
    assert_eq!(World::end(serve).expect(143).stdout, "");
}
