//! From rules and a failure to diagnoses: every match of a rule counts, so that one round cures all that
//! it saw.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use codegod_protocol::action::Action;
use codegod_protocol::setup::{Setup, SetupChange};
use minijinja::{Environment, Error, ErrorKind, Value, context};
use serde::de::DeserializeOwned;

use super::facts::Facts;
use super::rule::{Match, Rule, sole_expression};
use super::schema::{Speaks, Table};
use super::{Diagnosis, Failure, Remedy, names, text};
use crate::survey::Tree;

/// In an entry of `change` or `actions`: an expression for a list, for each `item` of which the entry stands.
pub(super) const FOR_EACH: &str = "for_each";
/// The most sentences, and the most cited places, of one diagnosis.
const MAX_SENTENCES: usize = 5;

type Tables = Arc<BTreeMap<String, Table>>;

/// What `rules` make of `failure`, the surest first; and what went wrong with rules over it.
pub(super) fn diagnose(
    rules: &[Arc<Rule>],
    tables: &Tables,
    setup: &Setup,
    tree: &Tree,
    failure: &Failure<'_>,
) -> (Vec<Diagnosis>, Vec<String>) {
    let language = Facts::language(setup);
    let output = text::plain(failure.output);
    let asked = rules.iter().filter(|rule| rule.is_about(language, failure.stage));
    let seen: Vec<(&Rule, Vec<Match>)> = asked
        .map(|rule| (rule.as_ref(), rule.matches(&output)))
        .filter(|(_, found)| !found.is_empty())
        .collect();
    if seen.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let facts = Arc::new(Facts::new(setup, tree));
    let court = Court {
        facts: &facts,
        environment: names::bound(&facts, tables),
        common: names::common(&facts, failure, &output),
        output: &output,
    };
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for (rule, matches) in seen {
        match court.conclude(rule, matches) {
            Ok(diagnosis) => found.extend(diagnosis.map(|diagnosis| (rule, diagnosis))),
            // A rule that fails over this output says nothing; the others do.
            Err(error) => problems.push(format!("rule {:?}: {error:#}", rule.entry.name)),
        }
    }
    choose(&mut found);
    (found.into_iter().map(|(_, diagnosis)| diagnosis).collect(), problems)
}

/// Leaves out what other diagnoses make superfluous, and orders the rest.
fn choose(found: &mut Vec<(&Rule, Diagnosis)>) {
    let hidden: BTreeSet<String> = found.iter().flat_map(|(rule, _)| rule.entry.hides.clone()).collect();
    found.retain(|(rule, _)| !hidden.contains(&rule.entry.name));
    if found.iter().any(|(rule, _)| rule.entry.speaks == Speaks::Always) {
        found.retain(|(rule, _)| rule.entry.speaks == Speaks::Always);
    }
    // Of two that come to the same, the surer one stays. The sort is stable: then the order of the rules.
    found.sort_by(|(_, a), (_, b)| b.confidence.total_cmp(&a.confidence));
    let mut kept: Vec<Remedy> = Vec::new();
    found.retain(|(_, diagnosis)| {
        let twin = diagnosis.remedy != Remedy::Person && kept.contains(&diagnosis.remedy);
        kept.push(diagnosis.remedy.clone());
        !twin
    });
}

/// Applies rules to one output.
struct Court<'a> {
    facts: &'a Facts,
    environment: Environment<'static>,
    common: BTreeMap<String, Value>,
    output: &'a str,
}

impl Court<'_> {
    fn conclude(&self, rule: &Rule, matches: Vec<Match>) -> Result<Option<Diagnosis>, Error> {
        let entry = &rule.entry;
        let mut conclusion = Conclusion::default();
        for found in matches {
            let context = self.context(&found);
            if let Some(when) = &entry.when
                && !self.holds(when, &context)?
            {
                continue;
            }
            conclusion.saw.add(text::lines_around(self.output, found.start, found.end));
            conclusion.believes.add(self.sentence(&entry.believes, &context)?);
            conclusion.disproved_by.add(self.sentence(&entry.disproved_by, &context)?);
            for change in &entry.change {
                self.each::<SetupChange>(change, &context)?
                    .into_iter()
                    .for_each(|change| conclusion.changes.add(change));
            }
            for action in &entry.actions {
                self.each::<Action>(action, &context)?
                    .into_iter()
                    .for_each(|one| conclusion.actions.add(one));
            }
            for line in &entry.require {
                conclusion.required.add(self.sentence(line, &context)?);
            }
            for replaced in &entry.replace {
                let (name, by) =
                    (self.sentence(&replaced.name, &context)?, self.sentence(&replaced.by, &context)?);
                conclusion.replaced.add((name, by));
            }
            if let Some(title) = &entry.title {
                conclusion.titles.add(self.sentence(title, &context)?);
            }
        }
        Ok((!conclusion.saw.0.is_empty()).then(|| conclusion.diagnosis(rule, self.facts)))
    }

    /// What one entry of `change` or `actions` comes to: one thing, or one for each `item` of its `for_each`.
    fn each<T: DeserializeOwned>(&self, entry: &toml::Value, context: &Value) -> Result<Vec<T>, Error> {
        let mut entry = entry.clone();
        let each = entry.as_table_mut().and_then(|table| table.remove(FOR_EACH));
        let Some(each) = each.as_ref().and_then(toml::Value::as_str) else {
            return Ok(vec![self.value(&entry, context)?]);
        };
        let items = self.environment.compile_expression(each)?.eval(context.clone())?;
        let with = |item: Value| context! { item, ..context.clone() };
        items.try_iter()?.map(|item| self.value(&entry, &with(item))).collect()
    }

    fn context(&self, found: &Match) -> Value {
        let mut context = self.common.clone();
        context.extend(found.groups.iter().map(|(name, text)| (name.clone(), Value::from(text.as_str()))));
        Value::from_object(context)
    }

    fn holds(&self, when: &str, context: &Value) -> Result<bool, Error> {
        let value = self.environment.compile_expression(when)?.eval(context.clone())?;
        Ok(value.is_true())
    }

    fn sentence(&self, template: &str, context: &Value) -> Result<String, Error> {
        self.environment.render_str(template, context.clone())
    }

    /// A value with its texts rendered. A text that is nothing but an expression becomes what that gives.
    fn value<T: DeserializeOwned>(&self, value: &toml::Value, context: &Value) -> Result<T, Error> {
        let rendered = self.rendered(value, context)?;
        serde_json::from_value(rendered)
            .map_err(|error| Error::new(ErrorKind::CannotDeserialize, error.to_string()))
    }

    fn rendered(&self, value: &toml::Value, context: &Value) -> Result<serde_json::Value, Error> {
        let rendered = match value {
            toml::Value::String(text) => match sole_expression(text) {
                Some(expression) => {
                    let value = self.environment.compile_expression(expression)?.eval(context.clone())?;
                    return serde_json::to_value(value)
                        .map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()));
                }
                None => serde_json::Value::from(self.sentence(text, context)?),
            },
            toml::Value::Array(items) => items
                .iter()
                .map(|item| self.rendered(item, context))
                .collect::<Result<Vec<serde_json::Value>, Error>>()?
                .into(),
            toml::Value::Table(table) => table
                .iter()
                .map(|(key, value)| Ok((key.clone(), self.rendered(value, context)?)))
                .collect::<Result<serde_json::Map<String, serde_json::Value>, Error>>()?
                .into(),
            toml::Value::Integer(number) => (*number).into(),
            toml::Value::Float(number) => (*number).into(),
            toml::Value::Boolean(truth) => (*truth).into(),
            toml::Value::Datetime(time) => time.to_string().into(),
        };
        Ok(rendered)
    }
}

/// Things in the order in which they came, each once.
struct Distinct<T>(Vec<T>);

impl<T> Default for Distinct<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: PartialEq> Distinct<T> {
    fn add(&mut self, thing: T) {
        if !self.0.contains(&thing) {
            self.0.push(thing);
        }
    }
}

/// What the matches of one rule come to.
#[derive(Default)]
struct Conclusion {
    saw: Distinct<String>,
    believes: Distinct<String>,
    disproved_by: Distinct<String>,
    changes: Distinct<SetupChange>,
    actions: Distinct<Action>,
    required: Distinct<String>,
    replaced: Distinct<(String, String)>,
    titles: Distinct<String>,
}

impl Conclusion {
    fn diagnosis(self, rule: &Rule, facts: &Facts) -> Diagnosis {
        let entry = &rule.entry;
        let (changes, mut actions) = (together(self.changes.0), self.actions.0);
        if !self.required.0.is_empty() {
            actions.extend(facts.require(&self.required.0));
        }
        actions.extend(facts.replace(&self.replaced.0));
        let remedy = match entry.title {
            Some(_) if !actions.is_empty() => {
                Remedy::Edit { changes, title: joined(&self.titles.0, "; "), actions }
            }
            Some(_) | None if changes.is_empty() => Remedy::Person,
            Some(_) | None => Remedy::Setup { changes },
        };
        Diagnosis {
            rule: entry.name.clone(),
            saw: joined(&self.saw.0, "\n"),
            believes: joined(&self.believes.0, " "),
            confidence: entry.confidence,
            disproved_by: joined(&self.disproved_by.0, " "),
            remedy,
        }
    }
}

fn joined(sentences: &[String], with: &str) -> String {
    let mut text = sentences.iter().take(MAX_SENTENCES).cloned().collect::<Vec<_>>().join(with);
    if sentences.len() > MAX_SENTENCES {
        text.push_str(&format!("{with}({} more of the kind)", sentences.len() - MAX_SENTENCES));
    }
    text
}

/// One change with all system packages instead of one for each.
fn together(changes: Vec<SetupChange>) -> Vec<SetupChange> {
    let mut all: BTreeSet<String> = BTreeSet::new();
    let mut rest = Vec::new();
    for change in changes {
        match change {
            SetupChange::AddSystemPackages { packages } => all.extend(packages),
            other => rest.push(other),
        }
    }
    if !all.is_empty() {
        rest.insert(0, SetupChange::AddSystemPackages { packages: all.into_iter().collect() });
    }
    rest
}
