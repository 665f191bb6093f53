//! Walks a value along a JSON Schema and finds every place where it does not fit.
//!
//! Knows the keywords that schemas of typed structs have, and [`is_supported`] refuses others. Stricter than JSON Schema in
//! one thing: `5.0` is not an integer, and an integer must fit the Rust type that `format` names.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use serde_json::{Number, Value as Json};

use super::document::{ID_PATTERN, is_id};
use super::tree::{Path, Step};

/// One place where a value does not fit a schema.
pub(super) struct Misfit<'a> {
    pub(super) path: Path,
    pub(super) value: &'a Json,
    /// The schema that has the keyword.
    pub(super) schema: &'a Json,
    pub(super) kind: Kind<'a>,
}

/// Which keyword a value does not fit.
pub(super) enum Kind<'a> {
    /// `additionalProperties` is false, and the map has these names beside its properties.
    Unknown(Vec<&'a str>),
    /// `additionalProperties` is false, there are no properties, and the map has entries.
    NotEmpty,
    /// The map lacks this name of `required`.
    Missing(&'a str),
    /// No branch of `anyOf` or `oneOf` fits; with what does not fit each.
    Branches(Vec<Vec<Misfit<'a>>>),
    /// `const` or `enum`.
    Constant,
    /// Any other keyword.
    Other,
}

/// Calls `found` with everything in `value` that does not fit `schema`, until it breaks. References are to `schema`.
pub(super) fn misfits<'a>(schema: &'a Json, value: &'a Json, found: &mut Found<'_, 'a>) -> ControlFlow<()> {
    Walk { root: schema }.value(schema, value, &Place::Root, found)
}

/// Takes a misfit; breaks if it wants no more.
pub(super) type Found<'f, 'a> = dyn FnMut(Misfit<'a>) -> ControlFlow<()> + 'f;

/// Whether every keyword of a schema is one that is checked, or that asks for nothing.
pub(super) fn is_supported(schema: &Json) -> bool {
    let Json::Object(keywords) = schema else { return schema.is_boolean() };
    keywords.iter().all(|(keyword, inner)| match keyword.as_str() {
        "$defs" | "properties" => inner.as_object().is_some_and(|schemas| schemas.values().all(is_supported)),
        "additionalProperties" | "items" => is_supported(inner),
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => list(inner).iter().all(is_supported),
        "pattern" => inner == ID_PATTERN,
        "$ref" | "const" | "enum" | "exclusiveMaximum" | "exclusiveMinimum" | "maxItems" | "maxLength" | "maximum"
        | "minItems" | "minLength" | "minimum" | "required" | "type" => true,
        "$schema" | "default" | "deprecated" | "description" | "examples" | "format" | "title" => true,
        _ => keyword.starts_with("x-"),
    })
}

/// The lowest and highest value of an integer type, by its name in `format`.
pub(super) fn range(format: &str) -> (Option<i64>, Option<u64>) {
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

/// A place in the value, as a list from the inside out: it costs nothing where all fits.
enum Place<'p> {
    Root,
    Name(&'p Place<'p>, &'p str),
    Index(&'p Place<'p>, usize),
}

impl Place<'_> {
    fn path(&self) -> Path {
        let mut steps = Vec::new();
        let mut at = self;
        loop {
            at = match at {
                Place::Root => break,
                Place::Name(outer, name) => {
                    steps.push(Step::Name((*name).to_owned()));
                    outer
                }
                Place::Index(outer, index) => {
                    steps.push(Step::Index(*index));
                    outer
                }
            };
        }
        steps.into_iter().rev().collect()
    }
}

struct Walk<'a> {
    root: &'a Json,
}

/// The order in which the keywords of one schema are checked: what they ask of the value itself, of its parts, of it by way
/// of other schemas.
const PHASES: [fn(&str) -> bool; 3] =
    [|keyword| !is_about_parts(keyword) && !is_of_schemas(keyword), is_about_parts, is_of_schemas];

fn is_about_parts(keyword: &str) -> bool {
    matches!(keyword, "additionalProperties" | "items" | "prefixItems" | "properties")
}

fn is_of_schemas(keyword: &str) -> bool {
    matches!(keyword, "$ref" | "allOf" | "anyOf" | "oneOf")
}

impl<'a> Walk<'a> {
    fn value(
        &self,
        schema: &'a Json,
        value: &'a Json,
        place: &Place<'_>,
        found: &mut Found<'_, 'a>,
    ) -> ControlFlow<()> {
        let Json::Object(keywords) = schema else {
            return match schema {
                Json::Bool(false) => found(misfit(schema, value, place, Kind::Other)),
                _ => ControlFlow::Continue(()),
            };
        };
        for (keyword, asked) in PHASES.iter().flat_map(|phase| keywords.iter().filter(|(keyword, _)| phase(keyword))) {
            match keyword.as_str() {
                "$ref" => {
                    let pointer = asked.as_str().and_then(|reference| reference.strip_prefix('#'));
                    if let Some(target) = pointer.and_then(|pointer| self.root.pointer(pointer)) {
                        self.value(target, value, place, found)?;
                    }
                }
                "allOf" => list(asked).iter().try_for_each(|each| self.value(each, value, place, found))?,
                "anyOf" | "oneOf" => self.branches(keyword == "oneOf", schema, asked, value, place, found)?,
                "properties" | "additionalProperties" | "required" => {
                    if let Json::Object(entries) = value {
                        self.entries(keyword, schema, value, entries, place, found)?;
                    }
                }
                "items" | "prefixItems" => {
                    if let Json::Array(items) = value {
                        self.items(keyword, schema, items, place, found)?;
                    }
                }
                "const" | "enum" if !takes_constant(keyword, asked, value) => {
                    found(misfit(schema, value, place, Kind::Constant))?;
                }
                _ if !takes(schema, keyword, asked, value) => found(misfit(schema, value, place, Kind::Other))?,
                _ => {}
            }
        }
        ControlFlow::Continue(())
    }

    fn is_valid(&self, schema: &'a Json, value: &'a Json) -> bool {
        self.value(schema, value, &Place::Root, &mut |_| ControlFlow::Break(())).is_continue()
    }

    fn branches(
        &self,
        is_exclusive: bool,
        schema: &'a Json,
        branches: &'a Json,
        value: &'a Json,
        place: &Place<'_>,
        found: &mut Found<'_, 'a>,
    ) -> ControlFlow<()> {
        let fitting = list(branches).iter().filter(|branch| self.is_valid(branch, value)).count();
        if fitting == 1 || fitting > 1 && !is_exclusive {
            return ControlFlow::Continue(());
        }
        if fitting > 1 {
            return found(misfit(schema, value, place, Kind::Other));
        }
        let misfits_of = |branch| {
            let mut misfits = Vec::new();
            // Nothing breaks here.
            let _ = self.value(branch, value, place, &mut |misfit| {
                misfits.push(misfit);
                ControlFlow::Continue(())
            });
            misfits
        };
        found(misfit(schema, value, place, Kind::Branches(list(branches).iter().map(misfits_of).collect())))
    }

    fn entries(
        &self,
        keyword: &str,
        schema: &'a Json,
        value: &'a Json,
        entries: &'a serde_json::Map<String, Json>,
        place: &Place<'_>,
        found: &mut Found<'_, 'a>,
    ) -> ControlFlow<()> {
        let properties = schema["properties"].as_object();
        match keyword {
            "required" => {
                for name in list(&schema["required"]).iter().filter_map(Json::as_str) {
                    if !entries.contains_key(name) {
                        found(misfit(schema, value, place, Kind::Missing(name)))?;
                    }
                }
            }
            // Together with `additionalProperties`, in the order of the value.
            "properties" if schema.get("additionalProperties").is_some() => {}
            "properties" => {
                for (name, property) in properties.into_iter().flatten() {
                    if let Some((name, inner)) = entries.get_key_value(name) {
                        self.value(property, inner, &Place::Name(place, name), found)?;
                    }
                }
            }
            _ => {
                let others = &schema["additionalProperties"];
                let mut unknown = Vec::new();
                for (name, inner) in entries {
                    match properties.and_then(|properties| properties.get(name)) {
                        Some(property) => self.value(property, inner, &Place::Name(place, name), found)?,
                        None if *others == Json::Bool(false) => unknown.push(name.as_str()),
                        None => self.value(others, inner, &Place::Name(place, name), found)?,
                    }
                }
                if !unknown.is_empty() {
                    let kind = if properties.is_some() { Kind::Unknown(unknown) } else { Kind::NotEmpty };
                    found(misfit(schema, value, place, kind))?;
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn items(
        &self,
        keyword: &str,
        schema: &'a Json,
        items: &'a [Json],
        place: &Place<'_>,
        found: &mut Found<'_, 'a>,
    ) -> ControlFlow<()> {
        let first = list(&schema["prefixItems"]);
        for (index, item) in items.iter().enumerate() {
            let each = match keyword {
                "items" if index >= first.len() => Some(&schema["items"]),
                "prefixItems" => first.get(index),
                _ => None,
            };
            if let Some(each) = each {
                self.value(each, item, &Place::Index(place, index), found)?;
            }
        }
        ControlFlow::Continue(())
    }
}

fn misfit<'a>(schema: &'a Json, value: &'a Json, place: &Place<'_>, kind: Kind<'a>) -> Misfit<'a> {
    Misfit { path: place.path(), value, schema, kind }
}

fn list(schema: &Json) -> &[Json] {
    schema.as_array().map_or(&[], Vec::as_slice)
}

fn takes_constant(keyword: &str, asked: &Json, value: &Json) -> bool {
    match keyword {
        "const" => is_same(asked, value),
        _ => list(asked).iter().any(|constant| is_same(constant, value)),
    }
}

/// Whether a value fits a keyword that looks at nothing inside of it. Most ask something of one kind of value alone.
fn takes(schema: &Json, keyword: &str, asked: &Json, value: &Json) -> bool {
    let count = asked.as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX);
    match (keyword, value) {
        ("type", _) => match asked {
            Json::Array(names) => names.iter().filter_map(Json::as_str).any(|name| has_type(schema, name, value)),
            name => name.as_str().is_none_or(|name| has_type(schema, name, value)),
        },
        ("minimum", Json::Number(number)) => order(number, asked).is_none_or(Ordering::is_ge),
        ("maximum", Json::Number(number)) => order(number, asked).is_none_or(Ordering::is_le),
        ("exclusiveMinimum", Json::Number(number)) => order(number, asked).is_none_or(Ordering::is_gt),
        ("exclusiveMaximum", Json::Number(number)) => order(number, asked).is_none_or(Ordering::is_lt),
        ("minLength", Json::String(text)) => text.chars().count() >= count,
        ("maxLength", Json::String(text)) => text.chars().count() <= count,
        // The only pattern that is supported.
        ("pattern", Json::String(text)) => is_id(text),
        ("minItems", Json::Array(items)) => items.len() >= count,
        ("maxItems", Json::Array(items)) => items.len() <= count,
        _ => true,
    }
}

fn has_type(schema: &Json, name: &str, value: &Json) -> bool {
    match (name, value) {
        ("null", Json::Null)
        | ("boolean", Json::Bool(_))
        | ("number", Json::Number(_))
        | ("string", Json::String(_))
        | ("array", Json::Array(_))
        | ("object", Json::Object(_)) => true,
        ("integer", Json::Number(number)) => {
            let (lowest, highest) = range(schema["format"].as_str().unwrap_or_default());
            match (number.as_i64(), number.as_u64()) {
                (_, Some(value)) => highest.is_none_or(|highest| value <= highest),
                (Some(value), None) => lowest.is_none_or(|lowest| value >= lowest),
                (None, None) => false,
            }
        }
        _ => false,
    }
}

/// Equal as JSON Schema has it: numbers by their value.
fn is_same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Number(number), Json::Number(_)) => order(number, other) == Some(Ordering::Equal),
        (Json::Array(ones), Json::Array(others)) => {
            ones.len() == others.len() && ones.iter().zip(others).all(|(one, other)| is_same(one, other))
        }
        (Json::Object(ones), Json::Object(others)) => {
            ones.len() == others.len()
                && ones.iter().all(|(name, one)| others.get(name).is_some_and(|other| is_same(one, other)))
        }
        _ => one == other,
    }
}

/// How a number compares with another, exactly; `None` if the other is no number.
fn order(number: &Number, other: &Json) -> Option<Ordering> {
    let integer = |number: &Number| number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    let other = other.as_number()?;
    match (integer(number), integer(other)) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        (Some(one), None) => Some(order_with_float(one, other.as_f64()?)),
        (None, Some(other)) => Some(order_with_float(other, number.as_f64()?).reverse()),
        (None, None) => number.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}

fn order_with_float(integer: i128, float: f64) -> Ordering {
    // The conversion saturates, far beyond every integer that there is here.
    integer.cmp(&(float.floor() as i128)).then(if float.fract() == 0.0 { Ordering::Equal } else { Ordering::Less })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn is_valid(schema: &Json, value: &Json) -> bool {
        assert!(is_supported(schema), "{schema}");
        misfits(schema, value, &mut |_| ControlFlow::Break(())).is_continue()
    }

    #[test]
    fn numbers_are_compared_exactly() {
        let at_most = |bound: Json| json!({ "type": "number", "maximum": bound });
        assert!(is_valid(&at_most(json!(2.5)), &json!(2)));
        assert!(!is_valid(&at_most(json!(2.5)), &json!(3)));
        assert!(!is_valid(&at_most(json!(-2.5)), &json!(-2)));
        assert!(is_valid(&at_most(json!(-2.5)), &json!(-3)));
        // Beside 2^53 + 1 the nearest float is 2^53.
        assert!(!is_valid(&at_most(json!(9_007_199_254_740_992.0)), &json!(9_007_199_254_740_993_u64)));
        assert!(is_valid(&at_most(json!(1e300)), &json!(u64::MAX)));
        assert!(!is_valid(&at_most(json!(-1e300)), &json!(i64::MIN)));
        assert!(is_valid(&json!({ "const": 1 }), &json!(1.0)));
        assert!(is_valid(&json!({ "exclusiveMinimum": 0, "exclusiveMaximum": 1 }), &json!(0.5)));
        assert!(!is_valid(&json!({ "exclusiveMinimum": 0, "exclusiveMaximum": 1 }), &json!(1)));
    }

    #[test]
    fn integers_fit_their_type() {
        for (format, fits, does_not) in [
            ("uint8", json!([0, 255]), json!([-1, 256, 5.0])),
            ("int16", json!([-32_768, 32_767]), json!([-32_769, 32_768])),
            ("uint64", json!([0, u64::MAX]), json!([-1, 1e19])),
            ("int64", json!([i64::MIN, i64::MAX]), json!([1_u64 << 63])),
        ] {
            let schema = json!({ "type": ["integer", "null"], "format": format });
            assert!(is_valid(&json!({ "items": schema }), &fits), "{format}");
            assert!(does_not.as_array().unwrap().iter().all(|value| !is_valid(&schema, value)), "{format}");
        }
    }

    #[test]
    fn lists_and_text_have_their_lengths() {
        let pair = json!({ "prefixItems": [{ "type": "string" }], "items": { "type": "null" }, "maxItems": 2 });
        assert!(is_valid(&pair, &json!(["a", null])));
        assert!(!is_valid(&pair, &json!([null])));
        assert!(!is_valid(&pair, &json!(["a", "b"])));
        assert!(!is_valid(&pair, &json!(["a", null, null])));
        assert!(is_valid(&json!({ "minLength": 2, "maxLength": 2 }), &json!("äö")));
    }

    #[test]
    fn one_of_is_one() {
        let schema = json!({ "oneOf": [{ "type": "number" }, { "minimum": 3 }] });
        assert!(is_valid(&schema, &json!(2)));
        assert!(!is_valid(&schema, &json!(3)), "both fit");
        assert!(is_valid(&json!({ "anyOf": schema["oneOf"] }), &json!(3)));
    }

    #[test]
    fn other_keywords_are_refused() {
        for keyword in ["not", "if", "uniqueItems", "multipleOf", "patternProperties", "unevaluatedProperties"] {
            let schema = json!({ "properties": { "a": { keyword: true } } });
            assert!(!is_supported(&schema), "{keyword}");
        }
        assert!(!is_supported(&json!({ "pattern": "a+" })));
    }
}
