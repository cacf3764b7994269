//! Tags, the filters of a list, and the ways to name an execution.

use serde_json::{Value, json};

use crate::world::{World, json_lines};

/// The arguments of a run of one segment.
fn run<'a>(job: &'a str, key: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut run = vec!["run", "--json", "--quiet", "--job", job, "--key", key];
    run.extend(["--source", "range", "--from", "0", "--to", "1", "--size", "1"]);
    run.extend(more);
    run
}

fn ids(answer: &Value) -> Vec<String> {
    let executions = answer["executions"].as_array().expect("executions");
    executions.iter().map(|execution| execution["execution_id"].as_str().expect("an ID").to_owned()).collect()
}

#[test]
fn a_tag_is_kept_shown_filtered_by_and_in_every_event() {
    let world = World::new();
    let token = "A/+=".repeat(512);
    let task_token = format!("task_token={token}");
    let file = "job = 'nightly'\n[tags]\nteam = 'maps'\nstage = 'test'\n[source]\ntype = 'range'\nfrom = 0\nto = 1\nsize = 1\n\
                [parameters]\nwork = 'exec'\ncommand = 'exit 100'";
    std::fs::write(world.file("job.toml"), file).expect("a file");
    let job = ["run", "job.toml", "--json", "--quiet", "--key", "1", "--tag", &task_token, "--tag", "stage=live"];
    let tags = json!({"team": "maps", "stage": "live", "task_token": token});
    let failed = world.call(&[&job[..], &["--on-first-failure", "cat > first.json"]].concat()).expect(1).json();
    assert_eq!(failed["tags"], tags, "the flag wins over the file");

    let status = world.call(&["status", "latest"]).expect(0).stdout;
    assert!(status.contains("stage=live, task_token=A/+=A/+="), "{status}");
    assert!(status.contains("…, team=maps"), "{status}");
    let events = json_lines(&world.file("events.jsonl"));
    assert_eq!((events.len(), &events[0]["tags"]), (1, &tags));
    let first: Value = serde_json::from_str(&world.read("first.json")).expect("JSON");
    assert_eq!(first["tags"], tags);

    world.call(&run("nightly", "2", &["--work", "noop"])).expect(0);
    let list = |tags: &[&str]| ids(&world.call(&[&["list", "--json"], tags].concat()).expect(0).json()).len();
    assert_eq!((list(&[]), list(&["--tag", "team=maps"]), list(&["--tag", &task_token])), (2, 1, 1));
    assert_eq!((list(&["--tag", "team=maps", "--tag", "stage=test"]), list(&["--tag", "team=map"])), (0, 0));

    // Another call with the same key finds the execution as it is.
    let again = world.call(&[&job[..], &["--tag", "team=other"]].concat()).expect(1).json();
    assert_eq!((&again["execution_id"], &again["tags"]), (&failed["execution_id"], &tags));
}

#[test]
fn a_bad_tag_is_refused_by_name_before_anything_is_written() {
    let world = World::new();
    let long = format!("token={}", "x".repeat(2_049));
    let many: Vec<String> = (0..11).map(|number| format!("t{number}=x")).collect();
    let many: Vec<&str> = many.iter().flat_map(|tag| ["--tag", tag]).collect();
    for (tags, words) in [
        (vec!["--tag", "team"], "NAME=VALUE"),
        (vec!["--tag", "a b=x"], "a b\\\" is not the name of a tag"),
        (vec!["--tag", "team=a\nb"], "the tag team has a control character"),
        (vec!["--tag", &long], "the tag token has 2049 characters"),
        (vec!["--tag", "a=1", "--tag", "a=2"], "the tag a is given twice"),
        (many, "11 tags are given"),
    ] {
        let refused = world.call(&run("nightly", "1", &[&["--work", "noop"], &tags[..]].concat())).expect(2);
        assert!(refused.stderr.contains(words), "{tags:?}: {}", refused.stderr);
    }
    assert!(!world.file("control.db").exists());
}

#[test]
fn a_list_is_filtered_and_paged() {
    let world = World::new();
    for (job, key, work) in
        [("a", "1", "exit 100"), ("b", "1", "true"), ("a", "2", "true"), ("a", "3", "true"), ("a", "4", "true")]
    {
        world.call(&run(job, key, &["--exec", work]));
    }
    let list = |words: &[&str]| world.call(&[&["list", "--json"], words].concat()).expect(0).json();
    let all = ids(&list(&[]));
    assert_eq!(ids(&list(&["--status", "failed"])), all[4..]);
    assert_eq!(ids(&list(&["--status", "FAILED", "--status", "running", "--job", "b"])), Vec::<String>::new());
    assert_eq!(ids(&list(&["--key", "1"])), [all[3].clone(), all[4].clone()]);
    assert_eq!(ids(&list(&["--key", "1", "--job", "b"])), [all[3].clone()]);
    let created = list(&[])["executions"][0]["created_at"].as_str().expect("a moment").to_owned();
    assert_eq!(ids(&list(&["--until", &created])), all[1..], "the moment itself is not in it");
    assert_eq!(ids(&list(&["--since", &created])), all[..1]);
    assert_eq!(ids(&list(&["--day", &created[..10]])), all);
    assert_eq!(ids(&list(&["--day", "2020-02-29"])), Vec::<String>::new());

    let first = list(&["--job", "a", "--limit", "3"]);
    assert_eq!(ids(&first), [all[0].clone(), all[1].clone(), all[2].clone()]);
    let next = first["next"].as_str().expect("a next page");
    let second = list(&["--job", "a", "--limit", "3", "--before", next]);
    assert_eq!((ids(&second), &second["next"]), (vec![all[4].clone()], &Value::Null));
    let told = world.call(&["list", "--job", "a", "--limit", "3"]).expect(0);
    assert!(told.stderr.contains(&format!("the same command with --before {next}")), "{}", told.stderr);
}

#[test]
fn an_execution_is_named_by_its_key_its_end_or_as_the_latest_of_a_job() {
    let world = World::new();
    for job in ["a", "b"] {
        world.call(&run(job, "2026/11", &["--work", "noop"])).expect(0);
    }
    let status = |words: &[&str]| world.call(&[&["status", "--json"], words].concat());
    let id_of = |words: &[&str]| status(words).expect(0).json()["execution_id"].as_str().expect("an ID").to_owned();
    let (a, b) = (id_of(&["a/2026/11"]), id_of(&["b/2026/11"]));
    assert_eq!((id_of(&["latest", "--job", "a"]), id_of(&["latest"])), (a.clone(), b.clone()));
    assert_eq!((id_of(&[&a[24..]]), id_of(&[&b[19..]])), (a.clone(), b.clone()));
    for verb in ["segments", "results", "failures", "watch"] {
        world.call(&[verb, "a/2026/11"]).expect(0);
        world.call(&[verb, "latest", "--job", "a"]).expect(0);
    }
    let ambiguous = status(&[&a[..3]]).expect(1).stderr;
    assert!(ambiguous.contains(&a) && ambiguous.contains(&b), "{ambiguous}");
    assert!(ambiguous.contains("(a/2026/11)") && ambiguous.contains("give more of it"), "{ambiguous}");
    assert_eq!(id_of(&[&a[..3], "--job", "a"]), a);
    let unknown = status(&["a/2026/12"]).expect(1).stderr;
    assert!(unknown.contains("the job a has no execution with the key 2026/12"), "{unknown}");
}
