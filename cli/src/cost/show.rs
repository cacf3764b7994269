//! An estimate as text and as JSON: the same figures, rounded in the text.

use serde_json::{Map, Value, json};

use super::estimate::{Estimate, Item};
use super::others::{self, BreakEven};
use super::price::{AS_OF, Price, WRITE_UNIT};
use super::{Architecture, Load, units};
use crate::number::grouped;

/// Where it is explained.
const DOCUMENT: &str = "docs/cost.md";

/// From so many dollars on, cents are enough.
const CENTS_FROM: f64 = 10.0;

/// Below so many units, a part of one is shown.
const WHOLE_FROM: f64 = 100.0;

/// The widths of a line's columns: a name, a quantity, a unit, a price.
const NAME: usize = 16;
const QUANTITY: usize = 15;
const UNIT: usize = 14;
const PRICE: usize = 19;

/// The width of the name in the comparison.
const OTHER: usize = 44;

/// As JSON: dollars and units as numbers.
pub fn json(load: &Load) -> Value {
    let bill = Estimate::of(load);
    let at = BreakEven::of(load, &bill);
    let items: Vec<Value> = bill.items().iter().map(item_json).collect();
    let others: Map<String, Value> =
        others::all(load).iter().map(|other| (other.key.to_owned(), json!(other.dollars))).collect();
    json!({
        "segments": load.segments, "seconds": load.seconds, "memory_mb": load.memory_mb, "batch_size": load.batch_size,
        "attempts": load.attempts, "row_kb": load.row_kb, "architecture": architecture(load.architecture),
        "shards": load.shards, "hours": load.hours,
        "items": items, "total": bill.total(), "per_million_without_standing": bill.per_million(),
        "dynamodb_at_most": dynamodb_at_most(load),
        "orchestration": bill.orchestration(), "others": others,
        "break_even": { "express_seconds": at.express_seconds, "standard_segments": at.standard_segments },
        "prices": AS_OF, "document": DOCUMENT,
    })
}

fn item_json(item: &Item) -> Value {
    let Price { dollars, per, unit } = item.price;
    json!({
        "name": item.name, "quantity": item.quantity, "unit": unit, "price": dollars, "per": per, "dollars": item.dollars(),
    })
}

/// As lines of text.
pub fn text(load: &Load) -> Vec<String> {
    let bill = Estimate::of(load);
    let mut lines = vec![heading(load), String::new()];
    lines.extend(bill.items().iter().map(line));
    let width = NAME + QUANTITY + UNIT + PRICE + 7;
    lines.push(format!("{:width$}{}", "total", money(bill.total())));
    lines.push(format!("{:width$}{}", "a million segments, without what stands", money(bill.per_million())));
    lines.push(String::new());
    lines.extend(comparison(load, &bill));
    lines.push(String::new());
    lines.extend(notes(load));
    lines
}

fn heading(load: &Load) -> String {
    let Load { seconds, memory_mb, batch_size, attempts, row_kb, .. } = *load;
    let (segments, processors) = (grouped(load.segments), architecture(load.architecture));
    format!(
        "{segments} segments of {seconds} s at {memory_mb} MB ({processors}), batches of {batch_size}, \
         attempts {attempts}, rows of {row_kb} KB"
    )
}

fn line(item: &Item) -> String {
    let Price { dollars, per, unit } = item.price;
    let each = if per > 1.0 { format!("${dollars} a {}", count_name(per)) } else { format!("${dollars}") };
    let (name, quantity) = (item.name, quantity(item.quantity));
    format!("{name:NAME$}{quantity:>QUANTITY$} {unit:UNIT$} x {each:PRICE$} = {}", money(item.dollars()))
}

fn comparison(load: &Load, bill: &Estimate) -> Vec<String> {
    let mut lines =
        vec!["orchestration alone: invocations and work cost the same everywhere, what stands is left out".to_owned()];
    let ours = money(bill.orchestration());
    lines.push(format!("{:OTHER$}{ours:>12}  table and stream", "this system"));
    for other in others::all(load) {
        let dollars = other.dollars.map_or_else(|| "-".to_owned(), money);
        lines.push(format!("{:OTHER$}{dollars:>12}  {}", other.name, other.how));
    }
    let at = BreakEven::of(load, bill);
    lines.push(match at.express_seconds {
        Some(seconds) => format!("Express costs less than this for segments under {seconds:.1} s"),
        None => "Express costs more than this, however short the segments are".to_owned(),
    });
    lines.push(match at.standard_segments {
        Some(segments) => {
            format!("with what stands, this costs less than Standard from {} segments on", quantity(segments))
        }
        None => "Standard costs less than this, however many the segments are".to_owned(),
    });
    lines
}

fn notes(load: &Load) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(dollars) = dynamodb_at_most(load) {
        lines.push(format!(
            "a batch counts its segments group by group: of one group each, as above; DynamoDB is at most {}",
            money(dollars)
        ));
    }
    lines.push(format!("prices: {AS_OF}; what is left out, and where each figure is from: {DOCUMENT}"));
    lines
}

/// What the table costs if no two segments of a batch are of one group.
fn dynamodb_at_most(load: &Load) -> Option<f64> {
    let alone = || WRITE_UNIT.of(units::write_units(load.segments, 1, load.attempts, load.row_kb));
    (load.batch_size > 1).then(alone)
}

const fn architecture(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::Arm64 => "arm64",
        Architecture::X86_64 => "x86_64",
    }
}

/// A price is for one, a thousand or a million.
fn count_name(per: f64) -> &'static str {
    if per > 1_000.0 { "million" } else { "thousand" }
}

/// `$2.5391`, `$1,234.50`.
fn money(dollars: f64) -> String {
    if dollars < CENTS_FROM {
        return format!("${dollars:.4}");
    }
    let text = format!("{dollars:.2}");
    let (whole, cents) = text.split_once('.').unwrap_or((&text, "00"));
    format!("${}.{cents}", group_digits(whole))
}

fn quantity(units: f64) -> String {
    let is_whole = units.fract() == 0.0;
    if units < WHOLE_FROM && !is_whole { format!("{units:.2}") } else { group_digits(&format!("{units:.0}")) }
}

fn group_digits(digits: &str) -> String {
    digits.parse::<i128>().map_or_else(|_| digits.to_owned(), grouped)
}

#[cfg(test)]
mod tests {
    use super::super::testing::MILLION;
    use super::*;

    #[test]
    fn the_text_has_the_figures_of_the_json() {
        for load in
            [MILLION, Load { batch_size: 10, seconds: 0.25, attempts: 1.1, segments: 777, hours: 0.5, ..MILLION }]
        {
            let (text, json) = (text(&load).join("\n"), json(&load));
            for item in json["items"].as_array().unwrap() {
                let (name, units, dollars) = (
                    item["name"].as_str().unwrap(),
                    item["quantity"].as_f64().unwrap(),
                    item["dollars"].as_f64().unwrap(),
                );
                let line = text.lines().find(|line| line.starts_with(name)).unwrap();
                assert!(line.contains(&format!(" {} ", quantity(units))), "{line}");
                assert!(line.ends_with(&format!("= {}", money(dollars))), "{line}");
            }
            let mut figures = vec![&json["total"], &json["per_million_without_standing"], &json["orchestration"]];
            figures.extend(json["others"].as_object().unwrap().values());
            figures.extend(json["dynamodb_at_most"].as_f64().is_some().then_some(&json["dynamodb_at_most"]));
            for figure in figures {
                assert!(text.contains(&money(figure.as_f64().unwrap())), "{figure} in {text}");
            }
            assert!(text.contains("us-east-1, November 2026") && text.contains("docs/cost.md"));
        }
    }

    #[test]
    fn the_example_of_the_document() {
        let text = text(&MILLION);
        assert_eq!(text[2], "DynamoDB              4,062,519 write units    x $0.625 a million    = $2.5391");
        assert!(text.contains(&"Express costs less than this for segments under 1.5 s".to_owned()), "{text:#?}");
    }

    #[test]
    fn what_cannot_be_has_no_price() {
        let load = Load { seconds: 400.0, ..MILLION };
        assert!(json(&load)["others"]["step_functions_express"].is_null());
        assert!(text(&load).iter().any(|line| line.contains("  -  cannot: a child may take five minutes at most")));
    }

    #[test]
    fn money_has_cents_above_ten_dollars() {
        for (dollars, shown) in
            [(0.0, "$0.0000"), (2.539_07, "$2.5391"), (10.8, "$10.80"), (1_234_567.891, "$1,234,567.89")]
        {
            assert_eq!(money(dollars), shown);
        }
    }

    #[test]
    fn a_part_of_a_unit_is_shown_where_it_matters() {
        for (units, shown) in [(0.5, "0.50"), (7.0, "7"), (123.456, "123"), (4_062_519.0, "4,062,519")] {
            assert_eq!(quantity(units), shown);
        }
    }
}
