//! Checks a value against the JSON Schema of a typed struct, and explains in plain words what is wrong.
//!
//! Stricter than JSON Schema in one thing: `5.0` is not an integer, and an integer must fit its Rust type.

use std::collections::HashSet;

use jsonschema::error::{ValidationError, ValidationErrorKind};
use jsonschema::{Keyword, Validator};
use serde_json::{Map, Number, Value as Json, json};

use super::findings::Finding;
use super::nearest::did_you_mean;
use super::problem::ENOUGH;
use super::tree::{Path, Step, describe, quoted, shown};
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

/// Compiles a schema once for many checks.
pub(super) fn compile(schema: &Json) -> Validator {
    let mut schema = schema.clone();
    mark_integers(&mut schema);
    jsonschema::options()
        .with_keyword(INTEGER, |_, format, _| Ok(Box::new(Integer(range(format.as_str().unwrap_or_default())))))
        .build(&schema)
        .expect("a schema generated from a Rust type is valid")
}

/// The faults of `value`, at most as many as are shown. The validator was compiled from `schema`.
pub(super) fn check(validator: &Validator, schema: &Json, value: &Json) -> Vec<Fault> {
    let mut check = Check { schema, value, faults: Vec::new(), reported: HashSet::new() };
    for error in validator.iter_errors(value) {
        check.report(&error);
        if check.faults.len() >= ENOUGH {
            break;
        }
    }
    check.faults
}

/// The values that a schema allows, in words: `a number`, `an integer from 1 to 8`, `"add" or "subtract"`.
pub(super) fn expectation(schema: &Json, root: &Json) -> String {
    in_words(schema, root, None, 0)
}

struct Check<'a> {
    schema: &'a Json,
    value: &'a Json,
    faults: Vec<Fault>,
    reported: HashSet<Path>,
}

impl<'a> Check<'a> {
    fn report(&mut self, error: &ValidationError<'_>) {
        let path = self.instance_path(error);
        let schema = self.failed_schema(error);
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                // Other spellings are taken, and not proposed.
                let known: Vec<String> = schema["properties"].as_object().map_or(Vec::new(), |map| {
                    map.iter()
                        .filter(|(_, param)| param.get(SPELLING_OF).is_none())
                        .map(|(name, _)| name.clone())
                        .collect()
                });
                for name in unexpected.iter().take(ENOUGH) {
                    self.faults.push(Fault::Unknown { map: path.clone(), name: name.clone(), known: known.clone() });
                }
            }
            // What the crate says of `additionalProperties: false` where there are no properties at all.
            ValidationErrorKind::FalseSchema => self.no_entries(error),
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().unwrap_or_default().to_owned();
                let expected = match schema["properties"].get(&name) {
                    Some(property) => expectation(property, self.schema),
                    None => "a value".to_owned(),
                };
                self.faults.push(Fault::Missing { map: path, name, expected });
            }
            ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
                match self.best_branch(&path, context) {
                    Some(errors) => match errors.iter().find(|error| is_tag(error)) {
                        Some(tag) => self.wrong_tag(tag, context),
                        None => errors.iter().take(ENOUGH).for_each(|error| self.report(error)),
                    },
                    None => self.mismatch(path, schema, error.instance()),
                }
            }
            _ => self.mismatch(path, schema, error.instance()),
        }
    }

    /// The alternative that was probably meant: the one that allows the kind of value and its tag.
    fn best_branch<'e>(
        &self,
        path: &Path,
        branches: &'e [Vec<ValidationError<'static>>],
    ) -> Option<&'e Vec<ValidationError<'static>>> {
        let fits = |error: &ValidationError<'_>| self.instance_path(error) != *path || is_about_entries(error.kind());
        let wrong_tags = |branch: &Vec<ValidationError<'_>>| branch.iter().filter(|error| is_tag(error)).count();
        branches
            .iter()
            .filter(|branch| !branch.is_empty() && branch.iter().all(fits))
            .min_by_key(|branch| (wrong_tags(branch), branch.len()))
    }

    /// Every alternative asks for another value here: one of these is expected.
    fn wrong_tag(&mut self, tag: &ValidationError<'_>, branches: &[Vec<ValidationError<'static>>]) {
        let path = self.instance_path(tag);
        let errors = branches.iter().flatten().filter(|error| is_tag(error) && self.instance_path(error) == path);
        let alternatives: Vec<Json> = errors.map(|error| self.failed_schema(error).clone()).collect();
        self.mismatch(path, &json!({ "oneOf": alternatives }), tag.instance());
    }

    fn no_entries(&mut self, error: &ValidationError<'_>) {
        let path = self.instance_path(error);
        if !self.reported.insert(path.clone()) {
            return;
        }
        if let Some(map) = self.value.pointer(error.instance_path().as_str()).and_then(Json::as_object) {
            for name in map.keys().take(ENOUGH) {
                self.faults.push(Fault::Unknown { map: path.clone(), name: name.clone(), known: Vec::new() });
            }
        }
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

    /// The schema that holds the keyword which failed.
    fn failed_schema(&self, error: &ValidationError<'_>) -> &'a Json {
        let pointer = error.schema_path().as_str();
        let holder = pointer.rsplit_once('/').map_or("", |(holder, _)| holder);
        self.schema.pointer(holder).unwrap_or(self.schema)
    }

    /// The path to the value. Names made of digits look like indices in the pointer, so the value decides which they
    /// are.
    fn instance_path(&self, error: &ValidationError<'_>) -> Path {
        let mut value = self.value;
        let steps = error.instance_path().iter().map(|segment| {
            let name = segment.to_string();
            let (step, next) = match value {
                Json::Array(items) => {
                    let index = name.parse().unwrap_or(usize::MAX);
                    (Step::Index(index), items.get(index))
                }
                _ => (Step::Name(name.clone()), value.get(&name)),
            };
            value = next.unwrap_or(&Json::Null);
            step
        });
        steps.collect()
    }
}

fn is_tag(error: &ValidationError<'_>) -> bool {
    matches!(error.kind(), ValidationErrorKind::Constant { .. } | ValidationErrorKind::Enum { .. })
}

fn is_about_entries(kind: &ValidationErrorKind) -> bool {
    matches!(
        kind,
        ValidationErrorKind::AdditionalProperties { .. }
            | ValidationErrorKind::UnevaluatedProperties { .. }
            | ValidationErrorKind::Required { .. }
    )
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
    let implied_min = implied.then(|| lowest.map(|bound| bound.to_string())).flatten();
    let implied_max = implied.then(|| highest.map(|bound| bound.to_string())).flatten();
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
    let step = schema["multipleOf"].as_number().map_or(String::new(), |step| format!(" in steps of {step}"));
    let bounds = match (above, below, min, max) {
        (Some(above), Some(below), _, _) => format!(" above {above} and below {below}"),
        (Some(above), None, _, Some(max)) => format!(" above {above} and at most {max}"),
        (Some(above), None, _, None) => format!(" above {above}"),
        (None, Some(below), Some(min), _) => format!(" of at least {min} and below {below}"),
        (None, Some(below), None, _) => format!(" below {below}"),
        (None, None, Some(min), Some(max)) => format!(" from {min} to {max}"),
        (None, None, Some(min), None) => format!(" of at least {min}"),
        (None, None, None, Some(max)) => format!(" of at most {max}"),
        (None, None, None, None) => String::new(),
    };
    format!("{bounds}{step}")
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

/// A keyword of this crate: beside `"type": "integer"` it stands for the Rust type, named as in `format`.
const INTEGER: &str = "x-rust-integer";

struct Integer((Option<i64>, Option<u64>));

impl<'i> Keyword<'i> for Integer {
    fn validate(&self, value: &'i Json) -> Result<(), ValidationError<'i>> {
        match self.is_valid(value) {
            true => Ok(()),
            false => Err(ValidationError::custom("does not fit the integer type")),
        }
    }

    fn is_valid(&self, value: &'i Json) -> bool {
        let (lowest, highest) = self.0;
        match value {
            Json::Number(number) => match (number.as_i64(), number.as_u64()) {
                (_, Some(value)) => highest.is_none_or(|highest| value <= highest),
                (Some(value), None) => lowest.is_none_or(|lowest| value >= lowest),
                (None, None) => false,
            },
            _ => true,
        }
    }
}

/// The lowest and highest value of an integer type.
fn range(format: &str) -> (Option<i64>, Option<u64>) {
    match format {
        "int8" => (Some(i8::MIN.into()), Some(i8::MAX.cast_unsigned().into())),
        "int16" => (Some(i16::MIN.into()), Some(i16::MAX.cast_unsigned().into())),
        "int32" => (Some(i32::MIN.into()), Some(i32::MAX.cast_unsigned().into())),
        "int64" | "int" => (Some(i64::MIN), Some(i64::MAX.cast_unsigned())),
        "uint8" => (Some(0), Some(u8::MAX.into())),
        "uint16" => (Some(0), Some(u16::MAX.into())),
        "uint32" => (Some(0), Some(u32::MAX.into())),
        "uint64" | "uint" => (Some(0), Some(u64::MAX)),
        _ => (None, None),
    }
}

/// Marks every schema that asks for an integer, and only for that among the numbers.
fn mark_integers(schema: &mut Json) {
    match schema {
        Json::Array(items) => items.iter_mut().for_each(mark_integers),
        Json::Object(map) => {
            for (keyword, inner) in map.iter_mut() {
                if !matches!(keyword.as_str(), "default" | "const" | "enum" | "examples") {
                    mark_integers(inner);
                }
            }
            if asks_for_integer(map) {
                let format = map.get("format").cloned().unwrap_or_else(|| Json::from(""));
                map.insert(INTEGER.to_owned(), format);
            }
        }
        _ => {}
    }
}

fn asks_for_integer(schema: &Map<String, Json>) -> bool {
    match schema.get("type") {
        Some(Json::String(name)) => name == "integer",
        Some(Json::Array(names)) => {
            names.iter().any(|name| name == "integer") && !names.iter().any(|name| name == "number")
        }
        _ => false,
    }
}
