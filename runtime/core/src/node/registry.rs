//! The node types that a runtime knows, as a value: nothing registers itself.

use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::documented::{first_line, markdown};
use super::params::{camel_case, prepare, prepare_old};
use super::{Cost, Define, OldName, ParamError, Params, Port, PreparedNode};

/// A node type: its name, its ports and params, and how to make a node.
pub struct NodeType {
    /// The name in a manifest.
    pub name: &'static str,
    /// One sentence, the first of `doc`.
    pub summary: &'static str,
    /// Everything that it promises, in Markdown. Begins with the summary.
    pub doc: String,
    /// How much a step costs.
    pub cost: Cost,
    /// The input ports.
    pub inputs: &'static [Port],
    /// The output ports.
    pub outputs: &'static [Port],
    /// The JSON Schema of its params.
    pub params_schema: Json,
    /// An example of its params.
    pub example: Json,
    /// The params that may change while a session runs.
    pub live: Vec<&'static str>,
    /// Whether it aligns several inputs into one stream.
    pub(crate) aligns: bool,
    /// The type for which this is an old name with params of its own, if it is one.
    pub alias_of: Option<&'static str>,
    prepare: fn(Params) -> Result<PreparedNode, ParamError>,
}

/// A keyword in the schema of a param of an old name: the param is another spelling of the one with this name.
pub(crate) const SPELLING_OF: &str = "x-spelling-of";

/// A set of node types by name.
#[derive(Clone, Default)]
pub struct Registry {
    types: IndexMap<&'static str, Arc<NodeType>>,
}

impl NodeType {
    /// Converts the params, which have passed the schema before, to the node's own type, and lets the node check them.
    ///
    /// # Errors
    /// The error of the node about its params.
    pub fn prepare(&self, params: Params) -> Result<PreparedNode, ParamError> {
        (self.prepare)(params)
    }

    /// Everything that it declares, for listings, docs and the classes of the bindings:
    /// `{name, summary, doc, cost, inputs, outputs, params, example, live?, alias_of?}`, where `doc` is Markdown, `params`
    /// a JSON Schema, and `live` names the params that may change while a session runs. A param of an old name that has
    /// `x-spelling-of` in its schema is another spelling of the param with that name.
    pub fn describe(&self) -> Json {
        let ports = |ports: &[Port]| ports.iter().map(Port::describe).collect::<Vec<_>>();
        let mut described = serde_json::json!({
            "name": self.name,
            "summary": self.summary,
            "doc": self.doc,
            "cost": self.cost.name(),
            "inputs": ports(self.inputs),
            "outputs": ports(self.outputs),
            "params": self.params_schema,
            "example": self.example,
        });
        if !self.live.is_empty() {
            described["live"] = serde_json::json!(self.live);
        }
        if let Some(name) = self.alias_of {
            described["alias_of"] = name.into();
        }
        described
    }

    fn new<N: Define>(
        (name, doc): (&'static str, &'static str),
        (params_schema, example): (Json, &str),
        prepare: fn(Params) -> Result<PreparedNode, ParamError>,
    ) -> Self {
        let example = serde_json::from_str(example).unwrap_or(Json::Null);
        debug_assert!(example.is_object(), "the example of {name} is not a JSON object");
        Self {
            name,
            summary: first_line(doc),
            doc: markdown(doc),
            cost: N::COST,
            inputs: N::INPUTS,
            outputs: N::OUTPUTS,
            params_schema,
            example,
            live: N::LIVE.to_vec(),
            aligns: N::ALIGNS,
            alias_of: None,
            prepare,
        }
    }
}

impl Registry {
    /// A registry without node types.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a built-in node. A second one of the same name replaces the first.
    pub fn add<N: Define>(&mut self) -> &mut Self {
        let schema = schemars::schema_for!(N::Params).to_value();
        let node_type = NodeType::new::<N>((N::NAME, N::DOC), (schema, N::EXAMPLE), prepare::<N>);
        self.types.insert(N::NAME, Arc::new(node_type));
        self
    }

    /// Adds an old name of a built-in node, with the params that it had.
    pub fn add_old_name<A: OldName>(&mut self) -> &mut Self {
        let mut schema = schemars::schema_for!(A::Params).to_value();
        let snake_case: Vec<String> =
            schema["properties"].as_object().into_iter().flat_map(|map| map.keys().cloned()).collect();
        for param in snake_case.iter().filter(|param| camel_case(param) != **param) {
            let mut entry = schema["properties"][param].clone();
            if let Some(entry) = entry.as_object_mut() {
                entry.remove("default");
                entry.insert("description".to_owned(), format!("`{param}`, as it was written once.").into());
                entry.insert(SPELLING_OF.to_owned(), param.as_str().into());
            }
            schema["properties"][camel_case(param)] = entry;
        }
        let mut node_type = NodeType::new::<A::Node>((A::NAME, A::DOC), (schema, A::EXAMPLE), prepare_old::<A>);
        // An old name may lack a param that the node got later.
        let properties = node_type.params_schema["properties"].as_object();
        let is_there = |param: &&str| properties.is_some_and(|properties| properties.contains_key(*param));
        node_type.live = node_type.live.iter().map(|param| A::old_param(param)).filter(is_there).collect();
        node_type.alias_of = Some(<A::Node as Define>::NAME);
        self.types.insert(A::NAME, Arc::new(node_type));
        self
    }

    /// The node type with this name. `XNode` stands for `X`, for every type, unless it was added itself.
    pub fn get(&self, name: &str) -> Option<&Arc<NodeType>> {
        self.types.get(name).or_else(|| self.types.get(name.strip_suffix("Node")?))
    }

    /// The node types, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<NodeType>> {
        self.types.values()
    }

    /// The names, in the order in which they were added.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.types.keys().copied()
    }
}

impl fmt::Debug for NodeType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "NodeType({})", self.name)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.names()).finish()
    }
}
