//! Whole imports into an embedded `DynamoDB`.

use std::path::Path;

use emulator::embedded::EmbeddedDynamoDb;

use super::*;

struct World {
    client: Client,
    directory: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self { client: EmbeddedDynamoDb::in_memory().unwrap().client(), directory: tempfile::tempdir().unwrap() }
    }

    async fn run(&self, name: &str, content: &str, change: impl FnOnce(&mut Import)) -> Result<Imported, Stopped> {
        let file = self.directory.path().join(name);
        std::fs::write(&file, content).unwrap();
        self.import(&file, change).await
    }

    async fn import(&self, file: &Path, change: impl FnOnce(&mut Import)) -> Result<Imported, Stopped> {
        let mut what = Import {
            file: file.to_owned(),
            table: "cities".to_owned(),
            key: None,
            indexes: Vec::new(),
            cells: Cells::default(),
            dry_run: false,
        };
        change(&mut what);
        import(&self.client, Arc::new(Entropy::from_seed(1)), what, |_| {}).await
    }

    #[expect(clippy::disallowed_methods, reason = "the test looks at the user's table")]
    async fn items(&self) -> Vec<row::Item> {
        let mut items = self.client.scan().table_name("cities").send().await.unwrap().items.unwrap();
        items.sort_by_key(|item| item["id"].as_s().unwrap().clone());
        items
    }

    async fn tables(&self) -> Vec<String> {
        self.client.list_tables().send().await.unwrap().table_names.unwrap_or_default()
    }
}

#[tokio::test]
async fn the_same_file_twice_gives_the_same_table() {
    let world = World::new();
    let rows: Vec<_> = (0..200).map(|number| format!("{number},C{},{number}\n", number % 7)).collect();
    let content = format!("id,country,n\n{}", rows.concat());
    let index = |what: &mut Import| what.indexes = vec!["country".to_owned(), "country".to_owned()];
    let first = world.run("a.csv", &content, index).await.unwrap();
    assert_eq!((first.rows, first.replaced, first.created), (200, 0, true));
    let before = world.items().await;
    let second = world.run("a.csv", &content, index).await.unwrap();
    assert_eq!((second.rows, second.replaced, second.created), (200, 200, false));
    assert_eq!((world.items().await, before.len()), (before, 200));
}

#[tokio::test]
async fn of_rows_with_one_key_the_last_stays_and_the_others_are_counted() {
    let world = World::new();
    let rows: Vec<_> = (0..300).map(|number| format!("{},{number}\n", number % 3)).collect();
    let imported = world.run("a.csv", &format!("id,n\n{}", rows.concat()), |_| {}).await.unwrap();
    assert_eq!((imported.rows, imported.replaced), (300, 297), "within and across batches");
    let items = world.items().await;
    let kept: Vec<_> = items.iter().map(|item| item["n"].as_n().unwrap().as_str()).collect();
    assert_eq!(kept, ["297", "298", "299"]);
}

#[tokio::test]
async fn a_file_with_a_wrong_row_writes_nothing_and_makes_no_table() {
    let world = World::new();
    let rows: Vec<_> = (0..5_000).map(|number| format!("{number},{number}\n")).collect();
    let content = format!("id,n\n{}", rows.concat());
    for wrong in ["3\n", "x,\"open\n", "x,\"a\"b\n", ",2\n"] {
        let stopped = world.run("a.csv", &format!("{content}{wrong}"), |_| {}).await.unwrap_err();
        let said = stopped.to_string();
        assert!(said.contains("a.csv, line 5002") && said.ends_with("No row was written"), "{said}");
        assert_eq!(world.tables().await, [] as [&str; 0]);
    }
    let imported = world.run("a.csv", &content, |_| {}).await.unwrap();
    assert_eq!((imported.rows, imported.created), (5_000, true), "nothing blocks the corrected file");
}

#[tokio::test]
async fn a_first_import_that_is_misread_leaves_no_table() {
    let world = World::new();
    for (name, content) in [
        ("a.csv", "id;name\n1;a\n"),
        ("a.jsonl", "{\"id\":\"a\"}\n{\"id\":1}\n"),
        ("b.jsonl", "{\"id\":{\"x\":1}}\n"),
        ("a.csv", ""),
    ] {
        assert!(world.run(name, content, |_| {}).await.is_err(), "{content}");
        assert_eq!(world.tables().await, [] as [&str; 0]);
    }
    let refused = world.run("a.csv", "id\n1\n", |what| what.key = Some("no".to_owned())).await.unwrap_err();
    assert!(refused.to_string().contains("no column \"no\"; it has id"), "{refused}");
    let refused = world.run("a.jsonl", "{\"id\":1}\n", |what| what.cells.strings = true).await.unwrap_err();
    assert!(refused.to_string().contains("leave out --strings"), "{refused}");
}

#[tokio::test]
async fn another_table_is_refused_before_a_row_is_written() {
    let world = World::new();
    world.run("a.csv", "id,n\n1,2\n", |_| {}).await.unwrap();
    let refused = world.run("a.csv", "other,n\n1,2\n", |_| {}).await.unwrap_err();
    assert!(matches!(*refused.error, ImportError::OtherTable { .. }), "{refused}");
}

#[tokio::test]
async fn a_json_key_keeps_its_type() {
    let world = World::new();
    let number_key = "{\"number\":1,\"id\":\"a\"}\n{\"number\":1.0,\"id\":\"b\"}\n";
    let imported = world.run("a.jsonl", number_key, |_| {}).await.unwrap();
    assert_eq!((imported.rows, imported.replaced), (2, 1), "1 and 1.0 are one key");
    assert_eq!(world.items().await[0]["id"].as_s().unwrap(), "b");
    let refused = world.run("b.jsonl", "{\"number\":\"1\"}\n", |_| {}).await.unwrap_err().to_string();
    assert!(refused.contains("wants a number"), "{refused}");
}

#[tokio::test]
async fn dynamodb_json_gives_the_items_of_the_export() {
    let world = World::new();
    let export = "{\"Item\":{\"id\":{\"S\":\"1\"},\"n\":{\"N\":\"123456789012345678901234567890\"}}}\n";
    let imported = world.run("export.json", export, |_| {}).await.unwrap();
    assert!(imported.key == "id" && imported.notes[0].contains("DynamoDB JSON"), "{imported:?}");
    assert_eq!(world.items().await[0]["n"].as_n().unwrap(), "123456789012345678901234567890");
}

#[tokio::test]
async fn a_dry_run_checks_everything_and_writes_nothing() {
    let world = World::new();
    let dry = |what: &mut Import| what.dry_run = true;
    let imported = world.run("a.csv", "id,price\n1,1.10\n2,3\n", dry).await.unwrap();
    assert_eq!((imported.rows, imported.created, imported.notes.len()), (2, true, 1));
    assert!(world.run("a.csv", "id,price\n1\n", dry).await.is_err());
    assert_eq!(world.tables().await, [] as [&str; 0]);
}

/// A pipe can be read only once: its first rows are checked before there is a table, and an error later says how many rows are in.
#[cfg(unix)]
#[tokio::test]
async fn a_pipe_that_breaks_late_says_how_many_rows_are_in_the_table() {
    let world = World::new();
    let pipe = world.directory.path().join("pipe.csv");
    let feed = |content: String| {
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success() || pipe.exists());
        let pipe = pipe.clone();
        std::thread::spawn(move || std::fs::write(pipe, content))
    };
    let early = feed("id,n\n1,2\n3\n".to_owned());
    let stopped = world.import(&pipe, |_| {}).await.unwrap_err();
    assert!(stopped.rows == 0 && stopped.to_string().contains("line 3"), "{stopped}");
    drop(early.join());
    assert_eq!(world.tables().await, [] as [&str; 0]);

    let rows: Vec<_> = (0..3_000).map(|number| format!("{number},{number}\n")).collect();
    let late = feed(format!("id,n\n{}bad\n", rows.concat()));
    let stopped = world.import(&pipe, |_| {}).await.unwrap_err();
    let said = stopped.to_string();
    assert!(
        said.contains("line 3002: 1 cell,") && said.contains("3,000 rows of the file are in table \"cities\""),
        "{said}"
    );
    drop(late.join());
    assert_eq!(world.items().await.len(), 3_000);
}
