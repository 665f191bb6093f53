//! The form of a document beside manifests, such as options: what its type does not allow, in the words of manifests.

use schemars::JsonSchema;
use serde_json::Value as Json;

use super::findings::{Finding, Findings};
use super::nodes::unknown_entry;
use super::problem::ManifestError;
use super::schema_check::{Fault, check};

/// Checks that a value has the form of a `T`.
///
/// # Errors
/// The first thing that is wrong with it.
pub(crate) fn check_form<T: JsonSchema>(value: &Json) -> Result<(), ManifestError> {
    let schema = schemars::schema_for!(T).to_value();
    let Some(fault) = check(&schema, value).into_iter().next() else { return Ok(()) };
    let (path, finding) = match fault {
        Fault::Mismatch { path, finding } => (path, finding),
        Fault::Unknown { map, name, known } => (map.name(&name), unknown_entry(&name, &known)),
        Fault::Missing { map, name, expected } => (map.name(name), Finding::mismatch(expected, "nothing")),
    };
    let mut findings = Findings::default();
    findings.add(0, path, finding);
    Err(findings.into_error(None))
}
