//! Data that would take a terminal over: whatever verb prints it, it is shown and not obeyed.

use control_table::ControlTable;
use control_table::clock::{Entropy, Timestamp};
use control_table::operation::AddDeadLetter;
use control_table::rows::DeadLetterSource;
use control_table::store::SqliteStore;
use control_table::store::sqlite::{Durability, Opener, ProcessId};

use crate::world::{Answer, World};

/// Reverses the direction of writing.
const OVERRIDE: char = '\u{202e}';

/// What no answer may have: what a terminal obeys, and samples of what it does not show.
fn is_hidden(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || [OVERRIDE, '\u{200b}', '\u{2066}', '\u{2028}', '\u{feff}'].contains(&c)
}

fn check(verb: &str, answer: &Answer) {
    for text in [&answer.stdout, &answer.stderr] {
        assert!(!text.contains(is_hidden), "{verb}: {text:?}");
    }
}

/// Its key, a code, what it prints, its error, its counters and its result are hostile.
const RUN: [&str; 14] = [
    "run",
    "--job",
    "hostile",
    "--key",
    "invoice\u{202e}fdp",
    "--source",
    "list",
    "--codes",
    "a\u{1b}[2J,b\u{202e}\u{9b}2J",
    "--max-attempts",
    "1",
    "--finish-anyway",
    "--exec",
    "printf 'out\\033[31m\\r\\n\\342\\200\\256'; printf '\\000bad\\033]0;title\\a\\302\\2332J\\342\\200\\256\\n' >&2; \
     printf '{\"counters\": {\"c\\342\\200\\256d\": 3}, \"result\": \"\\302\\2332J\\342\\200\\213\"}' > $SEGMENT_OUTPUT; \
     [ $SEGMENT_INDEX = 0 ] || exit 3",
];

#[test]
fn every_verb_shows_what_is_hostile_in_an_execution() {
    let world = World::new();
    let ran = world.call(&RUN).expect(1);
    check("run", &ran);
    assert!(ran.stdout.contains(r"invoice\u{202e}fdp") && ran.stdout.contains(r"\u{1b}]0;title"), "{}", ran.stdout);
    for arguments in [
        &["status", "latest"][..],
        &["list"],
        &["segments", "latest"],
        &["failures", "latest"],
        &["results", "latest"],
        &["logs", "latest"],
        &["watch", "latest"],
        &["repair", "latest", "--dry-run"],
        &["set", "latest", "--tolerated-failures", "0"],
        &["cancel", "latest"],
        &["redrive", "latest"],
        &["repair", "latest"],
        &["resume"],
    ] {
        check(arguments[0], &world.call(arguments));
        let json = world.call(&[arguments, &["--json"]].concat());
        check(arguments[0], &json);
        json.lines();
    }
    let results = world.call(&["results", "latest"]).expect(0).lines();
    assert_eq!(results[0]["result"], "\u{9b}2J\u{200b}", "JSON means what it meant");
    assert_eq!(results[0]["counters"]["c\u{202e}d"], 3);
    let logs = world.call(&["logs", "latest", "--json"]).expect(0).lines();
    assert!(logs[0]["output"].as_str().is_some_and(|text| text.contains("out\u{1b}[31m")), "{logs:?}");
}

#[test]
fn what_is_refused_is_shown_as_it_was_given() {
    let world = World::new();
    world.call(&["run", "--quiet", "--job", "a", "--source", "list", "--codes", "x", "--work", "noop"]).expect(0);
    std::fs::write(world.file("job.toml"), "job = \"a\u{1b}[2J\"\n\u{202e}= 1\n").expect("a file");
    std::fs::write(world.file("rows.csv"), "id,a\u{202e}\u{1b}[2J,a\u{202e}\u{1b}[2J\n1,2,3\n").expect("a file");
    for arguments in [
        &["status", "\u{1b}[2J\u{202e}"][..],
        &["status", "latest", "--no\u{1b}[2J\u{9b}such\u{202e}"],
        &["run", "--job", "a\u{1b}[2J\u{202e}"],
        &["run", "no\u{1b}[2J\u{202e}\n.toml"],
        &["run", "job.toml"],
        &["run", "--job", "a", "--source", "list", "--codes", "x", "--work", "noop", "--key", "k\u{1b}[2J"],
        &["run", "--job", "a", "--key", "none\u{202e}", "--attach"],
        &["import", "no\u{1b}[2J\u{202e}.csv", "--table", "cities"],
        &["import", "rows.csv", "--table", "cities"],
        &["add", "latest", "--file", "no\u{1b}[2J\u{202e}"],
        &["list", "--data-dir", "no\u{1b}[2J\u{202e}/\u{7f}"],
    ] {
        check(arguments[0], &world.call(arguments));
        check(arguments[0], &world.call(&[arguments, &["--json"]].concat()));
    }
    let second_line = world.call(&["run", "job.toml"]).expect(2).stderr;
    assert!(second_line.lines().skip(1).all(|line| line.is_empty() || line.starts_with("  ")), "{second_line}");
}

#[tokio::test]
async fn a_dead_letter_is_shown() {
    let world = World::new();
    world.call(&["run", "--quiet", "--job", "a", "--source", "list", "--codes", "x", "--work", "noop"]).expect(0);
    let now = Timestamp::from_millis(1_795_478_400_000);
    let process = ProcessId::new(Entropy::from_seed(1).uuid_v7(now.to_datetime()));
    let opener = Opener { process, origin: String::new() };
    let store = SqliteStore::open(&world.file("control.db"), Durability::ProcessCrash, opener).expect("the file");
    let (source, event_id) = (DeadLetterSource::Worker, "event\u{1b}[2J\u{202e}".to_owned());
    let letter =
        AddDeadLetter { source, event_id, reason: "no\u{9b}2J\nerror: forged".to_owned(), payload: vec![0], now };
    ControlTable::new(store).execute(&letter).await.expect("added");
    let shown = world.call(&["dead-letters"]).expect(0);
    check("dead-letters", &shown);
    assert!(shown.stdout.contains(r"no\u{9b}2J\nerror: forged"), "{}", shown.stdout);
    check("dead-letters", &world.call(&["dead-letters", "--json"]).expect(0));
}

/// Logs of the library go the same way: a directory's name is in this one.
#[test]
fn logs_are_shown_too() {
    let world = World::new();
    let arguments = [&RUN[..], &["-vv"]].concat();
    let logged = world.call(&arguments).expect(1);
    assert!(logged.stderr.contains("failed"), "{}", logged.stderr);
    check("run -vv", &logged);
    check("run -vv --json", &world.call(&[&arguments[..], &["--json"]].concat()));
}
