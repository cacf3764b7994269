//! What a role of the template allows, and how that differs from what is needed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Permission, Resource};

/// What a role, or a policy, allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its statements. A statement allows each of its actions on each of its resources.
    pub statements: Vec<Statement>,
}

/// A statement that allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its name in the template.
    pub sid: String,
    /// What it allows.
    pub actions: BTreeSet<String>,
    /// On what.
    pub resources: BTreeSet<Resource>,
}

/// A difference between what is allowed and what is needed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// It is needed, and no statement allows it.
    Missing(Permission),
    /// A statement allows an action that is needed on none of its resources.
    NeverDone {
        /// The statement.
        sid: String,
        /// The action.
        action: String,
    },
    /// A statement allows what is never done on a resource.
    NeverTouched {
        /// The statement.
        sid: String,
        /// The resource.
        on: Resource,
    },
}

impl Role {
    /// The differences to what is needed.
    #[must_use]
    pub fn findings(&self, needed: &BTreeSet<Permission>) -> BTreeSet<Finding> {
        let allowed = |permission: &&Permission| self.statements.iter().any(|statement| statement.allows(permission));
        let missing = needed.iter().filter(|permission| !allowed(permission)).cloned().map(Finding::Missing);
        missing.chain(self.statements.iter().flat_map(|statement| statement.excess(needed))).collect()
    }

    /// This role without an action of one of its statements, for each that it has.
    pub fn without_one(&self) -> impl Iterator<Item = (String, Self)> + '_ {
        let places = self.statements.iter().enumerate();
        places.flat_map(|(place, statement)| statement.actions.iter().map(move |action| (place, action))).map(
            |(place, action)| {
                let mut role = self.clone();
                role.statements[place].actions.remove(action);
                (action.clone(), role)
            },
        )
    }
}

impl Statement {
    fn allows(&self, permission: &Permission) -> bool {
        self.actions.contains(&permission.action) && self.resources.contains(&permission.on)
    }

    fn excess(&self, needed: &BTreeSet<Permission>) -> BTreeSet<Finding> {
        let here: Vec<&Permission> = needed.iter().filter(|permission| self.allows(permission)).collect();
        let idle = self.actions.iter().filter(|&action| here.iter().all(|permission| permission.action != *action));
        let idle = idle.map(|action| Finding::NeverDone { sid: self.sid.clone(), action: action.clone() });
        let bare = self.resources.iter().filter(|&on| here.iter().all(|permission| permission.on != *on));
        idle.chain(bare.map(|on| Finding::NeverTouched { sid: self.sid.clone(), on: on.clone() })).collect()
    }

    fn read(statement: &Value) -> Self {
        assert_eq!(statement["Effect"], "Allow", "{statement}");
        assert!(statement["Condition"].is_null(), "a condition narrows what is allowed: read it here: {statement}");
        Self {
            sid: statement["Sid"].as_str().unwrap().to_owned(),
            actions: one_or_more(&statement["Action"]).iter().map(text).collect(),
            resources: one_or_more(&statement["Resource"]).iter().map(Resource::read).collect(),
        }
    }
}

impl Resource {
    /// A resource as the template writes it.
    fn read(value: &Value) -> Self {
        if let Some(attribute) = value["Fn::GetAtt"].as_str() {
            return match attribute.split_once('.').unwrap() {
                ("ControlTable", "Arn") => Self::Table,
                ("ControlTable", "StreamArn") => Self::TableStream,
                ("SegmentStream" | "OnDemandSegmentStream", "Arn") => Self::Stream,
                ("SegmentQueue", "Arn") => Self::SegmentQueue,
                (name, "Arn") if name.ends_with("Failures") => Self::Queue(name.to_owned()),
                (name, "Arn") if name.ends_with("Function") => Self::Function(name.to_owned()),
                (name, "Arn") if name.ends_with("Logs") => Self::Logs(name.to_owned()),
                _ => panic!("what is {attribute}?"),
            };
        }
        if value == "*" {
            return Self::Everything;
        }
        if value["Ref"] == "KmsKeyArn" {
            return Self::Key;
        }
        let pattern = value["Fn::Sub"].as_str().unwrap_or_else(|| panic!("what is {value}?"));
        if let Some(index) = pattern.strip_prefix("${ControlTable.Arn}/index/") {
            return Self::Index(index.to_owned());
        }
        match pattern.rsplit(':').next().unwrap() {
            "table/${SourceTableName}" => Self::Source,
            "table/${SourceTableName}/index/*" => Self::SourceIndexes,
            "event-bus/${CompletionBusName}" => Self::Bus,
            _ => panic!("what is {pattern}?"),
        }
    }
}

/// Every role and every policy of a template whose conditions are decided, by its name there; a role with the policies of the template that it takes in.
#[must_use]
pub fn roles(template: &Value) -> BTreeMap<String, Role> {
    let resources = template["Resources"].as_object().unwrap();
    let mut roles = BTreeMap::new();
    for (name, resource) in resources {
        let properties = &resource["Properties"];
        let statements = match resource["Type"].as_str().unwrap() {
            "AWS::IAM::ManagedPolicy" => statements(&properties["PolicyDocument"]),
            "AWS::IAM::Role" => {
                let managed = list(&properties["ManagedPolicyArns"]).iter().map(|taken_in| {
                    let policy = taken_in["Ref"].as_str().unwrap_or_else(|| panic!("not of this template: {taken_in}"));
                    &resources[policy]["Properties"]["PolicyDocument"]
                });
                let own = list(&properties["Policies"]).iter().map(|policy| &policy["PolicyDocument"]);
                own.chain(managed).flat_map(statements).collect()
            }
            _ => continue,
        };
        roles.insert(name.clone(), Role { statements });
    }
    roles
}

fn statements(document: &Value) -> Vec<Statement> {
    list(&document["Statement"]).iter().map(Statement::read).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn one_or_more(value: &Value) -> &[Value] {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role() -> Role {
        let statement = |sid: &str, actions: &[&str], resources: &[Resource]| Statement {
            sid: sid.to_owned(),
            actions: actions.iter().map(ToString::to_string).collect(),
            resources: resources.iter().cloned().collect(),
        };
        Role {
            statements: vec![
                statement("Table", &["dynamodb:GetItem", "dynamodb:PutItem"], &[Resource::Table]),
                statement("Source", &["dynamodb:Scan"], &[Resource::Source, Resource::SourceIndexes]),
            ],
        }
    }

    fn needed() -> BTreeSet<Permission> {
        let on_table = ["dynamodb:GetItem", "dynamodb:PutItem"].map(|action| Permission::new(action, Resource::Table));
        let on_source = [Resource::Source, Resource::SourceIndexes].map(|on| Permission::new("dynamodb:Scan", on));
        on_table.into_iter().chain(on_source).collect()
    }

    #[test]
    fn what_is_allowed_and_needed_is_no_finding() {
        assert_eq!(role().findings(&needed()), BTreeSet::new());
    }

    #[test]
    fn every_action_that_is_taken_away_is_missed() {
        let mut tried = 0;
        for (action, role) in role().without_one() {
            let missing = role.findings(&needed()).into_iter().filter(|finding| match finding {
                Finding::Missing(permission) => permission.action == action,
                _ => false,
            });
            assert!(missing.count() > 0, "{action}");
            tried += 1;
        }
        assert_eq!(tried, 3);
    }

    #[test]
    fn an_action_and_a_resource_too_many_are_found() {
        let mut wider = role();
        wider.statements[0].actions.insert("dynamodb:DeleteItem".to_owned());
        wider.statements[0].resources.insert(Resource::Index("due".to_owned()));
        let expected = BTreeSet::from([
            Finding::NeverDone { sid: "Table".to_owned(), action: "dynamodb:DeleteItem".to_owned() },
            Finding::NeverTouched { sid: "Table".to_owned(), on: Resource::Index("due".to_owned()) },
        ]);
        assert_eq!(wider.findings(&needed()), expected);
    }
}
