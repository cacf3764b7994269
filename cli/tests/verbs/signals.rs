//! Signals: what they stop, what is left, and the exit status. The commands are real processes.

use crate::world::{Running, World, exec, is_running, json_lines, until};

/// A command that says when it runs, and what SIGTERM makes of it: `started` gets its process ID, `terminated` a line.
const TRAPPED: &str = "trap 'echo cleaned >> terminated; echo cleaned up; exit 1' TERM; echo $$ >> started; \
                       while [ ! -e go-on ]; do sleep 0.02; done";

/// A `run` of one segment that has started its command, and the command's process ID.
fn trapped(world: &World, more: &[&str]) -> (Running, String) {
    let running = world.start_in_foreground(&[&exec("1", TRAPPED)[..], more].concat());
    let pid = world.wait_for_file("started").trim().to_owned();
    (running, pid)
}

/// Lines of a file.
fn lines(world: &World, name: &str) -> usize {
    world.read(name).lines().count()
}

#[test]
fn each_signal_has_its_exit_status_and_gives_the_command_time_to_clean_up() {
    for (signal, status) in [("TERM", 143), ("HUP", 129), ("QUIT", 131), ("INT", 130)] {
        let world = World::new();
        let (running, pid) = trapped(&world, &[]);
        running.signal(signal);
        let answer = World::end(running).expect(status);
        assert!(
            answer.stderr.contains("stopping: ") && answer.stderr.contains("resume"),
            "{signal}: {}",
            answer.stderr
        );
        assert!(!is_running(&pid), "{signal}");
        assert_eq!(lines(&world, "terminated"), 1, "{signal}");
        // The attempt that was stopped is no failure of its segment: the next process makes it again.
        std::fs::write(world.file("go-on"), "").expect("a file");
        let resumed = world.call(&["resume", "--json"]).expect(0).json();
        assert_eq!((&resumed["succeeded"], &resumed["failed"]), (&1.into(), &0.into()), "{signal}");
        assert!(world.call(&["failures", "latest"]).expect(0).stdout.is_empty(), "{signal}");
    }
}

#[test]
fn a_second_signal_does_not_wait_and_a_third_kills() {
    let world = World::new();
    let deaf = "trap '' TERM; echo $$ >> started; while :; do sleep 0.02; done";
    let running = world.start_writing(&[&exec("1", deaf)[..], &["--kill-grace", "5m"]].concat());
    let pid = world.wait_for_file("started").trim().to_owned();
    for said in ["have 2 s to end", "SIGKILL after their grace"] {
        running.signal("INT");
        until(said, || world.read("stderr").contains(said).then_some(()));
    }
    running.signal("INT");
    World::end(running).expect(130);
    until("killed", || (!is_running(&pid)).then_some(()));
}

#[test]
fn a_signal_that_the_parent_ignores_is_not_taken() {
    let world = World::new();
    let arguments = exec("1", "echo $$ >> started; while [ ! -e go-on ]; do sleep 0.02; done");
    let running = world.start_ignoring_hangup(&arguments);
    world.wait_for_file("started");
    running.signal("HUP");
    std::fs::write(world.file("go-on"), "").expect("a file");
    World::end(running).expect(0);
}

#[test]
fn a_segment_timeout_terminates_its_command_and_its_last_words_are_kept() {
    let world = World::new();
    let command = "trap 'echo half done >&2; exit 9' TERM; sleep 1000 & wait";
    let run = [&exec("1", command)[..], &["--segment-timeout", "300ms", "--max-attempts", "1"]].concat();
    world.call(&run).expect(1);
    let segments = world.call(&["segments", "latest", "--json"]).expect(0).json();
    let error = segments["error"]["message"].as_str().expect("an error");
    assert!(
        error.contains("segment_timeout_ms is 300") && error.contains("after SIGTERM with exit code 9: half done"),
        "{error}"
    );
    assert!(world.call(&["logs", "latest"]).expect(0).stdout.contains("half done"));
}

#[test]
fn a_cancel_terminates_what_runs_and_a_redrive_waits_for_its_end() {
    let world = World::new();
    // Each command takes a moment to clean up, and says when another is at work beside it.
    let command = "mkdir busy 2>/dev/null || echo two >> beside; trap 'sleep 0.5; rmdir busy; exit 1' TERM; \
                   echo $$ >> started; while [ ! -e go-on ]; do sleep 0.02; done; rmdir busy";
    let running = world.start_in_foreground(&exec("1", command));
    let pid = world.wait_for_file("started").trim().to_owned();
    let cancelled = world.call(&["cancel", "latest", "--json"]).expect(0).json();
    assert_eq!(cancelled["status"], "CANCELLED");
    std::fs::write(world.file("go-on"), "").expect("a file");
    let redriven = world.call(&["redrive", "latest", "--json"]).expect(0).json();
    assert_eq!(redriven["status"], "SUCCEEDED");
    assert!(!is_running(&pid));
    assert_eq!(lines(&world, "beside"), 0, "no command ran beside the one that was cancelled");
    assert_eq!(World::end(running).expect(1).json()["status"], "CANCELLED");
}

#[test]
fn a_killed_process_leaves_commands_that_the_next_one_ends_before_it_starts_its_own() {
    let world = World::new();
    // One of its processes has gone to a session of its own, where no signal to the group comes.
    // Its standard error is not the pipe of the killed process: what the shell says of its child would end it before its trap.
    let command = "exec 2>/dev/null; setsid sh -c 'echo $$ >> away; while :; do sleep 0.02; done' & away=$!; \
                   mkdir busy 2>/dev/null || echo two >> beside; trap 'rmdir busy; exit 1' TERM; \
                   echo $$ >> started; while [ ! -e go-on ]; do sleep 0.02; done; rmdir busy; kill $away";
    let mut running = world.start_in_foreground(&exec("1", command));
    let (pid, away) = (world.wait_for_file("started"), world.wait_for_file("away"));
    running.kill();
    assert!(is_running(pid.trim()) && is_running(away.trim()), "kill -9 leaves them");
    let resuming = world.start_in_foreground(&["resume", "--json"]);
    until("started again", || (lines(&world, "started") == 2).then_some(()));
    assert!(!is_running(pid.trim()) && !is_running(away.trim()));
    std::fs::write(world.file("go-on"), "").expect("a file");
    let answer = World::end(resuming).expect(0);
    assert!(answer.stderr.contains("still ran, and were ended"), "{}", answer.stderr);
    assert_eq!(lines(&world, "beside"), 0);
}

#[test]
fn a_hook_of_a_killed_process_does_not_run_twice_at_a_time() {
    let world = World::new();
    // Its standard error is not the pipe of the killed process: what the shell says of its child would end it before its trap.
    let hook = "exec 2>/dev/null; mkdir busy || echo two >> beside; trap 'rmdir busy; exit 1' TERM; echo $$ >> started; \
                while [ ! -e go-on ]; do sleep 0.02; done; rmdir busy";
    let mut running = world.start_in_foreground(&[&exec("1", "true")[..], &["--on-complete", hook]].concat());
    let pid = world.wait_for_file("started").trim().to_owned();
    running.kill();
    assert!(is_running(&pid));
    std::fs::write(world.file("go-on"), "").expect("a file");
    // Of the two, whichever sees the file first: the left one ends by itself, or is ended.
    world.call(&["resume"]).expect(0);
    assert!(!is_running(&pid));
    assert_eq!(lines(&world, "beside"), 0);
}

#[test]
fn a_hook_has_a_timeout_and_its_output_is_kept() {
    let world = World::new();
    let hook = "echo publishing; echo 'no route' >&2; while :; do sleep 0.02; done";
    let run = [&exec("1", "true")[..], &["--on-complete", hook, "--hook-timeout", "100ms"]].concat();
    let answer = world.call(&run).expect(1);
    assert!(answer.stderr.contains("could not be delivered"), "{}", answer.stderr);
    let logs = world.call(&["logs", "latest"]).expect(0).stdout;
    assert!(
        logs.contains("hook on_complete, event ") && logs.contains("publishing") && logs.contains("no route"),
        "{logs}"
    );
    // The execution keeps the limit with the command, and another process may raise it.
    std::fs::write(world.file("go-on"), "").expect("a file");
    world.call(&["resume", "--on-complete", "true"]).expect(0);
}

#[test]
fn a_watch_that_is_ended_only_watched() {
    let world = World::new();
    let (running, pid) = trapped(&world, &[]);
    let watching = world.start_writing(&["watch", "latest"]);
    until("watching", || world.read("stderr").contains(" 0 of 1 segments").then_some(()));
    watching.signal("INT");
    World::end(watching).expect(130);
    let said = world.read("stderr");
    assert!(said.contains("the execution is not changed") && !said.contains("stopping"), "{said}");
    assert!(is_running(&pid));
    std::fs::write(world.file("go-on"), "").expect("a file");
    assert_eq!(World::end(running).expect(0).json()["status"], "SUCCEEDED");
}

#[test]
fn a_process_that_is_stopped_and_continued_does_its_work_once() {
    let world = World::new();
    let (running, _) = trapped(&world, &["--segment-timeout", "1m"]);
    running.signal("STOP");
    // Another process sees that this one lives, and leaves its work alone.
    let none = world.call(&["resume"]).expect(0);
    assert!(none.stderr.contains("nothing is unfinished"), "{}", none.stderr);
    std::fs::write(world.file("go-on"), "").expect("a file");
    running.signal("CONT");
    assert_eq!(World::end(running).expect(0).json()["succeeded"], 1);
    assert_eq!(lines(&world, "started"), 1);
}

#[test]
fn logs_are_followed_from_another_process_until_the_end() {
    let world = World::new();
    let command = "echo first; echo $$ >> started; while [ ! -e go-on ]; do sleep 0.02; done; echo last";
    let running = world.start_in_foreground(&exec("1", command));
    world.wait_for_file("started");
    let following = world.start_writing(&["logs", "latest", "-f"]);
    until("followed", || world.read("stdout").contains("first").then_some(()));
    std::fs::write(world.file("go-on"), "").expect("a file");
    World::end(running).expect(0);
    World::end(following).expect(0);
    assert_eq!(world.read("stdout"), "segment 0, generation 1, attempt 1\n--- standard output\nfirst\nlast\n");
}

#[test]
fn a_run_names_its_execution_at_its_beginning() {
    let world = World::new();
    let arguments: Vec<&str> = exec("1", TRAPPED).into_iter().filter(|word| *word != "--json").collect();
    let running = world.start_writing(&arguments);
    let pid = world.wait_for_file("started").trim().to_owned();
    let id = world.wait_for("begun", |view| view["execution_id"].is_string())["execution_id"].clone();
    let id = id.as_str().expect("an ID");
    until("named", || world.read("stderr").contains(&format!("test: execution {id}, key ")).then_some(()));
    until("progress", || world.read("stderr").contains(&format!(" test {id}: 0 of 1 segments")).then_some(()));
    std::fs::write(world.file("go-on"), "").expect("a file");
    World::end(running).expect(0);
    assert!(!is_running(&pid));
    assert_eq!(json_lines(&world.file("events.jsonl")).len(), 1);
}
