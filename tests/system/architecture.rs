//! docs/architecture.md says which crate may depend on which. No manifest has an arrow against it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Members that may use any library: they prove or measure, and nothing is built on them.
const FREE: [&str; 6] = ["tests", "tests/load", "tests/support", "tests/model", "tests/proofs", "benches"];

type Arrows = BTreeMap<String, BTreeSet<String>>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn manifest(path: &Path) -> toml::Table {
    std::fs::read_to_string(path).unwrap().parse().unwrap()
}

/// The crates between backticks in a cell of the table.
fn names(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect()
}

/// The table under "depends on" in the document.
fn allowed(document: &str) -> Arrows {
    let rows = document.lines().skip_while(|line| !line.ends_with("| depends on |")).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').collect();
        (names(cells[1]).pop_first().unwrap(), names(cells[3]))
    })
    .collect()
}

/// The folder of each member that another may name, by the name it has in `[workspace.dependencies]`.
fn folders(workspace: &toml::Table) -> BTreeMap<String, String> {
    let dependencies = workspace["workspace"]["dependencies"].as_table().unwrap();
    let folder = |value: &toml::Value| Some(value.get("path")?.as_str().unwrap().to_owned());
    dependencies.iter().filter_map(|(name, value)| Some((name.clone(), folder(value)?))).collect()
}

/// The folders of the members; `functions/*` stands for each folder in it.
fn members(workspace: &toml::Table) -> Vec<String> {
    let members = workspace["workspace"]["members"].as_array().unwrap();
    let expand = |member: &toml::Value| match member.as_str().unwrap().strip_suffix("/*") {
        None => vec![member.as_str().unwrap().to_owned()],
        Some(parent) => {
            let folders = std::fs::read_dir(root().join(parent)).unwrap().map(|entry| entry.unwrap().file_name());
            folders.map(|folder| format!("{parent}/{}", folder.to_str().unwrap())).collect()
        }
    };
    members.iter().flat_map(expand).collect()
}

/// The members' arrows as their manifests have them. Tests of a crate may use what they like.
fn drawn(workspace: &toml::Table) -> Arrows {
    let folders = folders(workspace);
    let arrows = |member: &String| {
        let manifest = manifest(&root().join(member).join("Cargo.toml"));
        let dependencies = manifest.get("dependencies").and_then(toml::Value::as_table).cloned().unwrap_or_default();
        for (name, value) in &dependencies {
            assert!(value.get("path").is_none(), "{member}: {name} by its path: take it from the workspace");
        }
        dependencies.keys().filter_map(|name| folders.get(name).cloned()).collect()
    };
    members(workspace).into_iter().map(|member| (member.clone(), arrows(&member))).collect()
}

fn against(allowed: &Arrows, drawn: &Arrows) -> Vec<String> {
    let mut wrong = Vec::new();
    for (member, targets) in drawn.iter().filter(|(member, _)| !FREE.contains(&member.as_str())) {
        let Some(allowed) = allowed.get(member) else {
            wrong.push(format!("{member} is not in the table"));
            continue;
        };
        wrong.extend(targets.difference(allowed).map(|target| format!("{member} -> {target}")));
    }
    wrong
}

#[test]
fn no_crate_depends_on_another_against_the_rule() {
    let document = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let (allowed, drawn) = (allowed(&document), drawn(&manifest(&root().join("Cargo.toml"))));
    assert_eq!(against(&allowed, &drawn), Vec::<String>::new());
    for (member, targets) in &allowed {
        let drawn = drawn.get(member).unwrap_or_else(|| panic!("{member} is in the table and not a member"));
        let unused: Vec<&String> = targets.difference(drawn).collect();
        assert!(unused.is_empty(), "{member} may depend on {unused:?} and does not: take it out of the table");
    }
}

#[test]
fn an_arrow_against_the_rule_is_found() {
    let table = "| crate | what | depends on |\n|---|---|---|\n| `a` | low | |\n| `b` | high | `a` |\n\nMore.";
    let allowed = allowed(table);
    let arrows = |pairs: &[(&str, &[&str])]| -> Arrows {
        pairs
            .iter()
            .map(|(from, to)| ((*from).to_owned(), to.iter().map(|name| (*name).to_owned()).collect()))
            .collect()
    };
    assert_eq!(against(&allowed, &arrows(&[("a", &[]), ("b", &["a"])])), Vec::<String>::new());
    assert_eq!(
        against(&allowed, &arrows(&[("a", &["b"]), ("c", &[]), ("benches", &["a"])])),
        ["a -> b", "c is not in the table"]
    );
}
