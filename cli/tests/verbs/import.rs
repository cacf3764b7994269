//! `import` and `tables`.

use serde_json::json;

use crate::world::World;

#[test]
fn a_table_is_imported_listed_described_and_deleted() {
    let world = World::new();
    assert_eq!(world.call(&["tables", "--json"]).expect(0).json(), json!({ "tables": [] }));
    std::fs::write(world.file("a.csv"), "id,country,price\r\n1,SY,1.10\r\n2,IR,3\r\n1,DE,4\r\n").unwrap();
    let import = ["import", "a.csv", "--table", "cities", "--index", "country"];
    let imported = world.call(&import).expect(0);
    assert!(imported.stdout.starts_with("3 rows into table cities, which is new"), "{}", imported.stdout);
    assert!(imported.stdout.contains("1 of them replaced an item with the same key"), "{}", imported.stdout);
    assert!(imported.stderr.contains("--text price"), "{}", imported.stderr);
    let again = world.call(&[&import[..], &["--json"]].concat()).expect(0).json();
    assert_eq!((&again["rows"], &again["replaced"], &again["created"]), (&json!(3), &json!(3), &json!(false)));

    let listed = world.call(&["tables", "list", "--json"]).expect(0).json();
    assert_eq!(listed["tables"][0]["table"], "cities");
    let described = world.call(&["tables", "describe", "cities", "--json"]).expect(0).json();
    assert_eq!(described["key"], json!([{ "attribute": "id", "type": "S" }]));
    assert_eq!((&described["indexes"][0]["index"], &described["items"]), (&json!("country"), &json!(2)));

    let deleted = world.call(&["tables", "delete", "cities"]).expect(0);
    assert_eq!(deleted.stdout, "table cities is deleted, with its 2 items\n");
    let missing = world.call(&["tables", "describe", "cities"]).expect(1);
    assert!(missing.stderr.contains("there is no table \"cities\""), "{}", missing.stderr);
    assert_eq!(world.call(&["tables", "--json"]).expect(0).json(), json!({ "tables": [] }));
}

#[test]
fn a_table_that_an_execution_reads_is_not_deleted_unless_forced() {
    let world = World::new();
    world.call_with(&["import", "-", "--table", "cities"], "id,n\n1,2\n").expect(0);
    let open = ["open", "--job", "j", "--key", "k", "--work", "sum", "--attribute", "n", "--table", "cities", "--json"];
    let id = world.call(&open).expect(0).json()["execution_id"].as_str().unwrap().to_owned();
    let refused = world.call(&["tables", "delete", "cities"]).expect(1);
    assert!(refused.stderr.contains(&id) && refused.stderr.contains("--force"), "{}", refused.stderr);
    world.call(&["tables", "delete", "cities", "--force"]).expect(0);
    world.call_with(&["import", "-", "--table", "cities"], "id,n\n1,2\n").expect(0);
    world.call(&["cancel", "latest"]).expect(0);
    world.call(&["tables", "delete", "cities"]).expect(0);
}

#[test]
fn a_first_import_that_fails_says_where_and_blocks_nothing() {
    let world = World::new();
    let refused = world.call_with(&["import", "-", "--table", "cities"], "id,name\n1,\"5 inch\n2,b\n").expect(1);
    let said = &refused.stderr;
    assert!(said.contains("standard input, line 2, column 3") && said.contains("No row was written"), "{said}");
    let refused = world.call_with(&["import", "-", "--table", "cities"], "id;name\n1;a\n").expect(1);
    assert!(refused.stderr.contains("--delimiter ';'"), "{}", refused.stderr);
    let import = ["import", "-", "--table", "cities", "--delimiter", ";"];
    let dry = world.call_with(&[&import[..], &["--dry-run"]].concat(), "id;name\n1;a\n").expect(0);
    assert!(dry.stdout.contains("1 row checked, and in order for a new table cities"), "{}", dry.stdout);
    let imported = world.call_with(&import, "id;name\n1;a\n").expect(0);
    assert!(imported.stdout.contains("which is new"), "{}", imported.stdout);
}
