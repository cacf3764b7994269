//! The template as `CloudFormation` deploys it: its conditions decided by the values of its parameters.

use serde_json::{Map, Value};

/// The template with these values of its parameters, and the defaults of the others: without the resources and outputs whose condition
/// does not hold, and without `Fn::If`. A `Ref` to a parameter stays.
///
/// # Panics
/// When a value is for a parameter that the template does not have, or a condition uses what this does not know.
#[must_use]
pub fn deployed(template: &Value, values: &[(&str, &str)]) -> Value {
    let stack = Stack { template, values };
    for (parameter, _) in values {
        assert!(!template["Parameters"][parameter].is_null(), "there is no parameter {parameter}");
    }
    stack.resolved(template).unwrap_or_default()
}

struct Stack<'a> {
    template: &'a Value,
    values: &'a [(&'a str, &'a str)],
}

impl Stack<'_> {
    /// The value without what is not deployed; `None` for `AWS::NoValue`, and for what has a condition that does not hold.
    fn resolved(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Object(fields) => self.resolved_object(fields),
            Value::Array(items) => Some(items.iter().filter_map(|item| self.resolved(item)).collect()),
            other => Some(other.clone()),
        }
    }

    fn resolved_object(&self, fields: &Map<String, Value>) -> Option<Value> {
        if let Some(choice) = fields.get("Fn::If") {
            let place = if self.condition(choice[0].as_str().unwrap()) { 1 } else { 2 };
            return self.resolved(&choice[place]);
        }
        let is_left_out = fields.get("Ref").is_some_and(|name| name == "AWS::NoValue")
            || fields.len() > 1
                && fields.get("Condition").and_then(Value::as_str).is_some_and(|name| !self.condition(name));
        if is_left_out {
            return None;
        }
        // A policy's statement has a `Condition` too, which is an object.
        let kept = fields.iter().filter(|(name, _)| *name != "Conditions");
        Some(Value::Object(kept.filter_map(|(name, value)| Some((name.clone(), self.resolved(value)?))).collect()))
    }

    fn condition(&self, name: &str) -> bool {
        let condition = &self.template["Conditions"][name];
        assert!(!condition.is_null(), "there is no condition {name}");
        self.holds(condition)
    }

    fn holds(&self, condition: &Value) -> bool {
        let [(function, value)] = condition.as_object().unwrap().iter().collect::<Vec<_>>()[..] else {
            panic!("what is {condition}?")
        };
        let parts = || value.as_array().unwrap();
        match function.as_str() {
            "Condition" => self.condition(value.as_str().unwrap()),
            "Fn::Equals" => self.text(&parts()[0]) == self.text(&parts()[1]),
            "Fn::Not" => !self.holds(&parts()[0]),
            "Fn::And" => parts().iter().all(|part| self.holds(part)),
            "Fn::Or" => parts().iter().any(|part| self.holds(part)),
            other => panic!("what is {other}?"),
        }
    }

    /// A value as conditions compare it: as text.
    fn text(&self, value: &Value) -> String {
        match value {
            Value::String(text) => text.clone(),
            Value::Object(fields) => {
                if let Some(selected) = fields.get("Fn::Select") {
                    let place = usize::try_from(selected[0].as_u64().unwrap()).unwrap();
                    return self.text(&selected[1]).split(',').nth(place).unwrap().to_owned();
                }
                let parameter = fields["Ref"].as_str().unwrap();
                match self.values.iter().find(|(name, _)| *name == parameter) {
                    Some((_, value)) => (*value).to_owned(),
                    None => self.text(&self.template["Parameters"][parameter]["Default"]),
                }
            }
            other => other.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(values: &[(&str, &str)]) -> Value {
        let template = json!({
            "Parameters": { "Size": { "Default": 0 }, "Kind": { "Default": "a" }, "List": { "Default": "" } },
            "Conditions": {
                "HasSize": { "Fn::Not": [{ "Fn::Equals": [{ "Ref": "Size" }, 0] }] },
                "IsA": { "Fn::Equals": [{ "Ref": "Kind" }, "a"] },
                "Both": { "Fn::And": [{ "Condition": "HasSize" }, { "Condition": "IsA" }] },
                "HasList": { "Fn::Not": [{ "Fn::Equals": [{ "Fn::Select": [0, { "Ref": "List" }] }, ""] }] },
            },
            "Resources": {
                "Sized": { "Condition": "Both", "Type": "T" },
                "Always": {
                    "Type": "T",
                    "List": [1, { "Fn::If": ["HasList", 2, { "Ref": "AWS::NoValue" }] }],
                    "Size": { "Fn::If": ["HasSize", { "Ref": "Size" }, { "Ref": "AWS::NoValue" }] },
                    "Statement": { "Condition": { "StringEquals": {} } },
                },
            },
        });
        deployed(&template, values)["Resources"].clone()
    }

    #[test]
    fn what_has_a_condition_is_there_if_it_holds() {
        let always =
            |list: &[u32]| json!({ "Type": "T", "List": list, "Statement": { "Condition": { "StringEquals": {} } } });
        assert_eq!(of(&[]), json!({ "Always": always(&[1]) }));
        assert_eq!(of(&[("List", "x,y")])["Always"], always(&[1, 2]));
        let sized = of(&[("Size", "3")]);
        assert_eq!((&sized["Sized"]["Type"], &sized["Always"]["Size"]), (&json!("T"), &json!({ "Ref": "Size" })));
        assert!(of(&[("Size", "3"), ("Kind", "b")]).get("Sized").is_none());
    }
}
