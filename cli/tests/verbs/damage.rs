//! Files that cannot be used: the message names the file, says what is wrong and what to do, and has no other program's words.

use std::process::Command;

use crate::world::{Answer, World};

const RUN: [&str; 10] = ["run", "--quiet", "--job", "a", "--source", "list", "--codes", "x", "--work", "noop"];

/// Words of the libraries underneath, which do not help the person who has the file.
const FOREIGN: [&str; 6] =
    ["Error code", "os error 13)\")", "Database::", "InternalServerError", "dynoxide", "backend:"];

fn check(answer: &Answer, words: &[&str]) {
    assert_eq!(answer.code, 1, "{}", answer.stderr);
    for word in words {
        assert!(answer.stderr.contains(word), "{word}: {}", answer.stderr);
    }
    for word in FOREIGN {
        assert!(!answer.stderr.contains(word), "{word}: {}", answer.stderr);
    }
}

/// Also without its write-ahead log, from which SQLite could restore it.
fn damage(world: &World, file: &str) {
    std::fs::write(world.file(file), "no database, ".repeat(1_000)).expect("written");
    for suffix in ["-wal", "-shm"] {
        let log = world.file(&format!("{file}{suffix}"));
        if log.exists() {
            std::fs::remove_file(log).expect("removed");
        }
    }
}

#[test]
fn a_damaged_control_table() {
    let world = World::new();
    world.call(&RUN).expect(0);
    damage(&world, "control.db");
    for arguments in [&["list"][..], &["status", "latest"], &RUN, &["resume"], &["repair", "latest"]] {
        check(&world.call(arguments), &["control.db is damaged", "restore it from a copy", "move it away"]);
    }
}

#[test]
fn damaged_source_tables() {
    let world = World::new();
    std::fs::write(world.file("a.csv"), "id,n\n1,2\n").expect("written");
    let import = ["import", "a.csv", "--table", "cities"];
    world.call(&import).expect(0);
    world.call(&RUN).expect(0);
    damage(&world, "dynamodb.sqlite");
    let words = ["dynamodb.sqlite is damaged", "restore it from a copy", "import its tables again"];
    for arguments in [&import[..], &["tables"], &RUN] {
        check(&world.call(arguments), &words);
    }
    world.call(&["list"]).expect(0);
    world.call(&["status", "latest"]).expect(0);
    world.call(&["segments", "latest"]).expect(0);
}

#[test]
fn a_data_directory_that_is_a_file() {
    let world = World::new();
    std::fs::write(world.file("taken"), "").expect("written");
    for arguments in [&["list"][..], &["status", "latest"], &RUN, &["import", "a.csv", "--table", "cities"]] {
        let arguments = [arguments, &["--data-dir", "taken"]].concat();
        check(&world.call(&arguments), &["the data directory cannot be used: taken", "name another with --data-dir"]);
    }
}

/// A limit of the process stands for a full disk, which needs more rights than a test has: both refuse a write.
#[test]
#[cfg(unix)]
fn a_write_that_is_refused_names_the_file_and_resume_continues() {
    let world = World::new();
    let script = "trap '' XFSZ; ulimit -f 400; exec \"$0\" run --quiet --job a --source range --from 0 --to 4000 --size 1 --work noop";
    let mut limited = Command::new("sh");
    limited.args(["-c", script, env!("CARGO_BIN_EXE_scatterctl")]).env("SCATTERCTL_DATA_DIR", world.file(""));
    let stopped = Answer::of(&limited.output().expect("the program starts"));
    check(
        &stopped,
        &["control.db cannot be written", "What was written before is safe", "`ulimit -f`", "`resume` continues"],
    );
    let ended = world.call(&["resume", "--json"]).expect(0).json();
    assert_eq!((&ended["status"], &ended["succeeded"]), (&"SUCCEEDED".into(), &4_000.into()), "{ended}");
}
