//! The node types of a host as options declare them.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

use super::blueprint::{HostNodeType, HostNodes};
use super::findings::{Finding, Findings};
use super::host_ports;
use super::problem::ManifestError;
use super::tree::Path;

/// The most packets in one call of a type that does not say.
const USUAL_BATCH: NonZeroUsize = NonZeroUsize::new(32).unwrap();

/// The node types by name, as a document has them.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct HostNodesDocument(
    #[schemars(with = "BTreeMap<String, HostNodeDocument>")] IndexMap<String, HostNodeDocument>,
);

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct HostNodeDocument {
    token: u64,
    batch: Option<NonZeroUsize>,
    max_wait_ms: Option<f64>,
    #[serde(default)]
    ends: bool,
    inputs: Option<Vec<String>>,
    outputs: Option<Vec<String>>,
}

/// The tokens of node types in options of any form, as far as there are some.
pub(crate) fn host_tokens(options: &Json) -> impl Iterator<Item = u64> {
    let types = options["host_nodes"].as_object().into_iter().flat_map(serde_json::Map::values);
    types.filter_map(|declared| declared["token"].as_u64())
}

impl HostNodesDocument {
    /// The node types.
    ///
    /// # Errors
    /// The first entry that is out of range, with its place in the options.
    pub(crate) fn checked(self) -> Result<HostNodes, ManifestError> {
        let check = |(name, declared): (String, HostNodeDocument)| {
            let place = Path::root().name("host_nodes").name(&name);
            declared.checked(&place).map(|checked| (name, checked)).map_err(|(path, finding)| {
                let mut findings = Findings::default();
                findings.add(0, path, finding);
                findings.into_error(None)
            })
        };
        self.0.into_iter().map(check).collect()
    }
}

impl HostNodeDocument {
    fn checked(self, place: &Path) -> Result<HostNodeType, (Path, Finding)> {
        let mut checked = HostNodeType::new(self.token, self.batch.unwrap_or(USUAL_BATCH).get());
        checked.ends = self.ends;
        if let Some(milliseconds) = self.max_wait_ms {
            checked.max_wait = Some(match Duration::try_from_secs_f64(milliseconds / 1000.0) {
                Ok(wait) => wait,
                Err(_) if milliseconds > 0.0 => Duration::MAX,
                Err(_) => {
                    let refused = Finding::mismatch("0 or more", milliseconds.to_string());
                    return Err((place.name("max_wait_ms"), refused));
                }
            });
        }
        if let Some(names) = self.inputs {
            checked.inputs = host_ports::inputs(names, &place.name("inputs"))?;
        }
        if let Some(names) = self.outputs {
            checked.outputs = host_ports::outputs(names, &place.name("outputs"))?;
        }
        Ok(checked)
    }
}
