//! Checks a value against the JSON Schema of a typed struct, and explains in plain words what is wrong.

use std::collections::HashSet;
use std::ops::ControlFlow;

use serde_json::{Number, Value as Json, json};

use super::findings::Finding;
use super::nearest::did_you_mean;
use super::problem::ENOUGH;
use super::schema_walk::{Kind, Misfit, is_supported, misfits, range};
use super::tree::{Path, describe, quoted, shown};
use crate::node::SPELLING_OF;

/// One thing that does not fit the schema.
#[derive(Debug)]
pub(super) enum Fault {
    /// A value that should be another.
    Mismatch { path: Path, finding: Finding },
    /// A map has an entry with an unknown name.
    Unknown { map: Path, name: String, known: Vec<String> },
    /// A map lacks an entry.
    Missing { map: Path, name: String, expected: String },
}

/// The faults of `value`, at most as many as are shown.
pub(super) fn check(schema: &Json, value: &Json) -> Vec<Fault> {
    debug_assert!(is_supported(schema), "a keyword of this schema is not checked: {schema}");
    let mut check = Check { schema, faults: Vec::new(), reported: HashSet::new() };
    let _ = misfits(schema, value, &mut |misfit| {
        check.report(&misfit);
        if check.faults.len() >= ENOUGH { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    check.faults
}

/// The values that a schema allows, in words: `a number`, `an integer from 1 to 8`, `"add" or "subtract"`.
pub(super) fn expectation(schema: &Json, root: &Json) -> String {
    in_words(schema, root, None, 0)
}

struct Check<'a> {
    schema: &'a Json,
    faults: Vec<Fault>,
    reported: HashSet<Path>,
}

impl<'a> Check<'a> {
    fn report(&mut self, misfit: &Misfit<'a>) {
        let Misfit { path, value, schema, kind } = misfit;
        match kind {
            Kind::Unknown(names) => {
                // Other spellings are accepted, and not proposed.
                let known: Vec<String> = schema["properties"].as_object().map_or(Vec::new(), |map| {
                    map.iter()
                        .filter(|(_, param)| param.get(SPELLING_OF).is_none())
                        .map(|(name, _)| name.clone())
                        .collect()
                });
                self.unknown(path, names.iter().copied(), &known);
            }
            Kind::NotEmpty => {
                if self.reported.insert(path.clone()) {
                    self.unknown(
                        path,
                        value.as_object().into_iter().flat_map(|map| map.keys()).map(String::as_str),
                        &[],
                    );
                }
            }
            Kind::Missing(name) => {
                let expected = match schema["properties"].get(name) {
                    Some(property) => expectation(property, self.schema),
                    None => "a value".to_owned(),
                };
                self.faults.push(Fault::Missing { map: path.clone(), name: (*name).to_owned(), expected });
            }
            Kind::Branches(branches) => match best_branch(path, branches) {
                Some(misfits) => match misfits.iter().find(|misfit| is_tag(misfit)) {
                    Some(tag) => self.wrong_tag(tag, branches),
                    None => misfits.iter().take(ENOUGH).for_each(|misfit| self.report(misfit)),
                },
                None => self.mismatch(path.clone(), schema, value),
            },
            Kind::Constant | Kind::Other => self.mismatch(path.clone(), schema, value),
        }
    }

    fn unknown<'n>(&mut self, map: &Path, names: impl Iterator<Item = &'n str>, known: &[String]) {
        for name in names.take(ENOUGH) {
            self.faults.push(Fault::Unknown { map: map.clone(), name: name.to_owned(), known: known.to_vec() });
        }
    }

    /// Every alternative asks for another value here: one of these is expected.
    fn wrong_tag(&mut self, tag: &Misfit<'a>, branches: &[Vec<Misfit<'a>>]) {
        let misfits = branches.iter().flatten().filter(|misfit| is_tag(misfit) && misfit.path == tag.path);
        let alternatives: Vec<Json> = misfits.map(|misfit| misfit.schema.clone()).collect();
        self.mismatch(tag.path.clone(), &json!({ "oneOf": alternatives }), tag.value);
    }

    fn mismatch(&mut self, path: Path, schema: &Json, got: &Json) {
        if self.reported.insert(path.clone()) {
            let expected = in_words(schema, self.schema, Some(got), 0);
            let shown = match got {
                Json::Array(items) if expected.contains("a list of ") => count(items.len() as u64, "item"),
                _ => describe(got),
            };
            let finding = Finding::mismatch(expected, shown).suggest(cure(schema, self.schema, got));
            self.faults.push(Fault::Mismatch { path, finding });
        }
    }
}

/// The alternative that was probably meant: the one that allows the kind of value and its tag.
fn best_branch<'b, 'a>(path: &Path, branches: &'b [Vec<Misfit<'a>>]) -> Option<&'b Vec<Misfit<'a>>> {
    let is_about_entries = |misfit: &Misfit<'_>| matches!(misfit.kind, Kind::Unknown(_) | Kind::Missing(_));
    let fits = |misfit: &Misfit<'_>| misfit.path != *path || is_about_entries(misfit);
    let wrong_tags = |branch: &Vec<Misfit<'_>>| branch.iter().filter(|misfit| is_tag(misfit)).count();
    branches
        .iter()
        .filter(|branch| !branch.is_empty() && branch.iter().all(fits))
        .min_by_key(|branch| (wrong_tags(branch), branch.len()))
}

fn is_tag(misfit: &Misfit<'_>) -> bool {
    matches!(misfit.kind, Kind::Constant)
}

/// The allowed values in words, as far as `got` misses them: no bounds if it is not even a number.
fn in_words(schema: &Json, root: &Json, got: Option<&Json>, depth: usize) -> String {
    let alternatives = alternatives(schema, root, depth);
    let mut names: Vec<String> = Vec::new();
    for alternative in alternatives {
        let name = one_in_words(alternative, got);
        if name != "null" && !names.contains(&name) {
            names.push(name);
        }
    }
    match names.is_empty() {
        true => "null".to_owned(),
        false => join_or(&names),
    }
}

/// The schemas of which one must hold, references followed; constants of an enum each by itself.
fn alternatives<'a>(schema: &'a Json, root: &'a Json, depth: usize) -> Vec<&'a Json> {
    /// References may form a circle.
    const DEEPEST: usize = 8;
    if depth > DEEPEST {
        return vec![schema];
    }
    if let Some(reference) = schema["$ref"].as_str() {
        let target = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return target.map_or_else(|| vec![schema], |target| alternatives(target, root, depth + 1));
    }
    for keyword in ["oneOf", "anyOf"] {
        if let Some(branches) = schema[keyword].as_array() {
            return branches.iter().flat_map(|branch| alternatives(branch, root, depth + 1)).collect();
        }
    }
    vec![schema]
}

fn one_in_words(schema: &Json, got: Option<&Json>) -> String {
    if let Some(constant) = schema.get("const") {
        return constant.to_string();
    }
    if let Some(values) = schema["enum"].as_array() {
        let names: Vec<String> = values.iter().filter(|value| !value.is_null()).map(Json::to_string).collect();
        return join_or(&names);
    }
    let types: Vec<&str> = match &schema["type"] {
        Json::String(name) => vec![name],
        Json::Array(names) => names.iter().filter_map(Json::as_str).filter(|name| *name != "null").collect(),
        _ => Vec::new(),
    };
    let names: Vec<String> = types.iter().map(|name| type_in_words(name, schema, got)).collect();
    if names.is_empty() { "another value".to_owned() } else { join_or(&names) }
}

fn type_in_words(name: &str, schema: &Json, got: Option<&Json>) -> String {
    let implied = got.is_some_and(|got| got.is_i64() || got.is_u64());
    match name {
        "string" if got.is_some_and(|got| !got.is_string()) => "text".to_owned(),
        "array" if got.is_some_and(|got| !got.is_array()) => "a list".to_owned(),
        "integer" => format!("an integer{}", bounds_in_words(schema, implied)),
        "number" => format!("a number{}", bounds_in_words(schema, implied)),
        "string" => match (schema["minLength"].as_u64(), schema["maxLength"].as_u64(), schema["pattern"].as_str()) {
            (_, _, Some(pattern)) => format!("text that matches {pattern}"),
            (Some(1), None, _) => "text that is not empty".to_owned(),
            (Some(least), None, _) => format!("text of at least {least} characters"),
            (Some(least), Some(most), _) if least == most => format!("text of {}", count(most, "character")),
            (None | Some(0), Some(most), _) => format!("text of at most {}", count(most, "character")),
            (Some(least), Some(most), _) => format!("text of {least} to {}", count(most, "character")),
            (None, None, _) => "text".to_owned(),
        },
        "boolean" => "true or false".to_owned(),
        "array" => match (schema["minItems"].as_u64(), schema["maxItems"].as_u64()) {
            (None | Some(0), None) => "a list".to_owned(),
            (Some(least), None) => format!("a list of at least {}", count(least, "item")),
            (Some(least), Some(most)) if least == most => format!("a list of {}", count(most, "item")),
            (None | Some(0), Some(most)) => format!("a list of at most {}", count(most, "item")),
            (Some(least), Some(most)) => format!("a list of {least} to {}", count(most, "item")),
        },
        "object" => "a map".to_owned(),
        _ => "null".to_owned(),
    }
}

fn bounds_in_words(schema: &Json, implied: bool) -> String {
    let format = schema["format"].as_str().unwrap_or_default();
    let (lowest, highest) = range(format);
    let implied_min = lowest.filter(|_| implied).map(|bound| bound.to_string());
    // No integer that was read is above the largest of all.
    let implied_max = highest.filter(|bound| implied && *bound < u64::MAX).map(|bound| bound.to_string());
    let is_lowest = |bound: &Number| lowest.is_some_and(|lowest| bound.as_i64() == Some(lowest));
    let is_highest = |bound: &Number| highest.is_some_and(|highest| bound.as_u64() == Some(highest));
    let max = match schema["maximum"].as_number() {
        Some(bound) if is_highest(bound) && !implied => None,
        Some(bound) => Some(bound.to_string()),
        None => implied_max,
    };
    let min = match schema["minimum"].as_number() {
        Some(bound) if is_lowest(bound) && !implied && max.is_none() => None,
        Some(bound) => Some(bound.to_string()),
        None => implied_min,
    };
    let above = schema["exclusiveMinimum"].as_number();
    let below = schema["exclusiveMaximum"].as_number();
    match (above, below, min, max) {
        (Some(above), Some(below), _, _) => format!(" above {above} and below {below}"),
        (Some(above), None, _, Some(max)) => format!(" above {above} and at most {max}"),
        (Some(above), None, _, None) => format!(" above {above}"),
        (None, Some(below), Some(min), _) => format!(" of at least {min} and below {below}"),
        (None, Some(below), None, _) => format!(" below {below}"),
        (None, None, Some(min), Some(max)) => format!(" from {min} to {max}"),
        (None, None, Some(min), None) => format!(" of at least {min}"),
        (None, None, None, Some(max)) => format!(" of at most {max}"),
        (None, None, None, None) => String::new(),
    }
}

/// What to write instead, where the value shows what was meant.
fn cure(schema: &Json, root: &Json, got: &Json) -> Option<String> {
    let alternatives = alternatives(schema, root, 0);
    let asks_for = |name: &str| {
        alternatives.iter().any(|schema| match &schema["type"] {
            Json::String(only) => only == name && schema.get("const").is_none() && schema.get("enum").is_none(),
            Json::Array(names) => names.iter().any(|other| other == name),
            _ => false,
        })
    };
    let is_taken = |value: f64| alternatives.iter().any(|schema| takes_number(schema, value));
    match got {
        Json::String(text) => {
            let bare = text.trim();
            if bare.parse().is_ok_and(is_taken) {
                return Some(format!("remove the quotes: {}", shown(bare)));
            }
            if asks_for("boolean") {
                return match bare.to_ascii_lowercase().as_str() {
                    "yes" | "on" | "true" => Some("write true".to_owned()),
                    "no" | "off" | "false" => Some("write false".to_owned()),
                    _ => None,
                };
            }
            let constants = alternatives.iter().flat_map(|schema| {
                let one = schema.get("const").and_then(Json::as_str);
                let many = schema["enum"].as_array().into_iter().flatten().filter_map(Json::as_str);
                one.into_iter().chain(many)
            });
            did_you_mean(text, constants, quoted)
        }
        Json::Number(number) if asks_for("string") => Some(format!("put it in quotes: \"{number}\"")),
        Json::Bool(value) if asks_for("string") => Some(format!("put it in quotes: \"{value}\"")),
        // 16000.0, where an integer was meant.
        Json::Number(number) if number.is_f64() => {
            let value = number.as_f64().filter(|value| value.abs() <= 2f64.powi(53) && is_taken(*value))?;
            Some(format!("write {value}"))
        }
        _ => None,
    }
}

/// Whether a number, written as an integer if it is one, is what a schema without alternatives asks for.
fn takes_number(schema: &Json, value: f64) -> bool {
    let many = schema["enum"].as_array().into_iter().flatten();
    let mut constants = schema.get("const").into_iter().chain(many).peekable();
    if constants.peek().is_some() {
        return constants.any(|constant| constant.as_f64() == Some(value));
    }
    let has_type = |name: &str| match &schema["type"] {
        Json::String(only) => only == name,
        Json::Array(names) => names.iter().any(|other| other == name),
        _ => false,
    };
    let bound = |name: &str| schema[name].as_f64();
    (has_type("number") || (value.fract() == 0.0 && has_type("integer")))
        && bound("minimum").is_none_or(|least| value >= least)
        && bound("maximum").is_none_or(|most| value <= most)
        && bound("exclusiveMinimum").is_none_or(|least| value > least)
        && bound("exclusiveMaximum").is_none_or(|most| value < most)
}

fn join_or(names: &[String]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
    }
}

fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
