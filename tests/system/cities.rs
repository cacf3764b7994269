//! The main job on real data, both ways, through the command line: as `examples/cities/run` does it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use control_table::clock::Entropy;
use local::{Database, Durability, Place};
use serde_json::{Value, json};
use test_support::{assert_invariants, events_of};

const CITIES: u64 = 135_233;
const POPULATION: u64 = 3_133_032_118;

fn example(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/cities").join(file)
}

/// Runs a verb, and reads its JSON answer.
fn scatterctl(data_dir: &Path, verb: &str, file: &str, rest: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scatterctl-under-test"));
    command.arg(verb).arg(example(file)).args(rest).arg("--json").arg("--data-dir").arg(data_dir);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{verb} {file}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cities_are_counted_by_scan_segments_and_summed_by_country() {
    let dir = tempfile::tempdir().unwrap();
    let imported = scatterctl(dir.path(), "import", "cities.csv.gz", &["--table", "cities", "--index", "country"]);
    assert_eq!(imported["rows"], CITIES);

    let counted = scatterctl(dir.path(), "run", "count.toml", &[]);
    let expected = json!({"status": "SUCCEEDED", "segments": 136, "succeeded": 136, "item_count": CITIES});
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&counted[field], value, "{field} of {counted}");
    }

    let summed = scatterctl(dir.path(), "run", "population.toml", &["--key", "2026-11-24"]);
    let expected = json!({"status": "SUCCEEDED", "segments": 246, "succeeded": 246, "item_count": CITIES,
                          "counters": {"population": POPULATION}});
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&summed[field], value, "{field} of {summed}");
    }
    // The key is used: the same execution answers again, and nothing new is started.
    let again = scatterctl(dir.path(), "run", "population.toml", &["--key", "2026-11-24"]);
    assert_eq!(again, summed);

    let entropy = Arc::new(Entropy::from_system());
    let database =
        Database::read(&Place { data_dir: dir.path().to_owned(), emulate: false }, Durability::ProcessCrash, entropy)
            .await
            .unwrap();
    for run in [&counted, &summed] {
        let execution_id = serde_json::from_value(run["execution_id"].clone()).unwrap();
        assert_invariants(database.control_table(), dir.path(), execution_id).await;
        assert_eq!(events_of(dir.path(), execution_id).len(), 1);
    }
}
