//! Reads params from values that are decoded already: only the kinds of value that JSON has.

use serde_json::Value as Json;

use super::findings::{Reading, Unreadable};
use super::problem::ManifestError;
use super::tree::{Path, Step};
use crate::node::Params;
use crate::value::{Map, Value};

/// The offset of a value that stands in no text.
const NOWHERE: usize = 0;

/// Params of the node with this id.
///
/// # Errors
/// Every value in them that JSON does not have: media, bytes, times, floats that are not finite.
pub(crate) fn plain_params(id: &str, params: &Map) -> Result<Params, ManifestError> {
    let mut reading = Reading::default();
    reading.path = Path::root().name(id).name("params");
    match entries(params, &mut reading) {
        Ok(read) if reading.findings.is_empty() => Ok(read),
        _ => Err(reading.findings.into_error(None)),
    }
}

fn json(value: &Value, reading: &mut Reading) -> Result<Json, Unreadable> {
    reading.enter(NOWHERE)?;
    Ok(match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(value) => Json::from(*value),
        Value::UInt(value) => Json::from(*value),
        Value::Float(value) => reading.finite(NOWHERE, *value).map_or(Json::Null, Json::Number),
        Value::Str(text) => Json::String(text.to_string()),
        Value::List(values) => {
            let mut items = Vec::with_capacity(values.len());
            for (index, value) in values.iter().enumerate() {
                reading.path.push(Step::Index(index));
                items.push(json(value, reading)?);
                reading.path.pop();
            }
            Json::Array(items)
        }
        Value::Map(values) => Json::Object(entries(values, reading)?),
        other => {
            reading.foreign(NOWHERE, other.kind().name().to_owned());
            Json::Null
        }
    })
}

fn entries(values: &Map, reading: &mut Reading) -> Result<Params, Unreadable> {
    let mut entries = Params::new();
    for (name, value) in values {
        reading.path.push(Step::Name(name.to_string()));
        entries.insert(name.to_string(), json(value, reading)?);
        reading.path.pop();
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_those_that_were_sent() {
        let plain = |value: Value| {
            let params = plain_params("n", &[("it".into(), value)].into_iter().collect()).expect("JSON has all of it");
            params["it"].clone()
        };
        for number in [2.5e35, -2.5e35, 0.1 + 0.2, 1e23, f64::MIN_POSITIVE, f64::MAX] {
            let json = plain(Value::map([("$rm", Value::list(vec![Value::Float(number)]))]));
            assert_eq!(json, serde_json::json!({"$rm": [number]}));
        }
        let whole = Value::list(vec![Value::Int(i64::MIN), Value::UInt(u64::MAX)]);
        assert_eq!(plain(whole), serde_json::json!([i64::MIN, u64::MAX]));
    }

    #[test]
    fn all_that_json_does_not_have_is_named() {
        let params = [
            ("far", Value::list(vec![Value::Float(f64::NEG_INFINITY)])),
            ("when", Value::Timestamp { seconds: 0, nanoseconds: 0 }),
        ];
        let error = plain_params("gain", &params.map(|(name, value)| (name.into(), value)).into_iter().collect());
        let problems = error.expect_err("JSON has neither").problems;
        let found: Vec<_> = problems.iter().map(|problem| (problem.path.as_str(), problem.got.as_deref())).collect();
        assert_eq!(found, [("gain.params.far[0]", Some("-inf")), ("gain.params.when", Some("timestamp"))]);
    }
}
