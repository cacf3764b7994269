//! The documents' tables of dollars a million segments are the ones that the price list gives.

use std::path::Path;

/// Each of these has the table between the two marks.
const DOCUMENTS: [&str; 3] = ["README.md", "docs/cost.md", "docs/when-to-use-something-else.md"];

const BEGIN: &str = "<!-- dollars-a-million: computed by simulation/src/comparison.rs -->\n";
const END: &str = "\n<!-- end of dollars-a-million -->";

/// The table of a document; `None` if a mark is missing.
fn table_of(document: &str) -> Option<&str> {
    let (_, rest) = document.split_once(BEGIN)?;
    rest.split_once(END).map(|(table, _)| table)
}

#[test]
fn every_document_has_the_computed_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let computed = simulation::comparison::table();
    for name in DOCUMENTS {
        let document = std::fs::read_to_string(root.join(name)).unwrap();
        assert_eq!(table_of(&document), Some(&*computed), "{name}: its table should be\n{computed}\n");
    }
}

#[test]
fn a_document_without_the_table_is_found() {
    assert_eq!(table_of("no table"), None);
    assert_eq!(table_of(&format!("{BEGIN}| a |{END}")), Some("| a |"));
}
