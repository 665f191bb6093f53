//! What is known of the values of a port before anything runs.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::{AudioFormat, Port};
use crate::value::{DataType, Kind};

/// What a port emits, as far as it is the same whatever the files are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Form {
    /// Values of several kinds, or of any.
    #[default]
    Unknown,
    /// Values of one kind, of which no more is known.
    Of(Kind),
    /// Sound.
    Audio(AudioFormat),
    /// Tensors of sound: rows, such as those of frequencies, over time. Several channels are an axis before these.
    Rows {
        /// The channels of the sound.
        channels: Option<usize>,
        /// The number of rows.
        rows: usize,
        /// The type of their elements.
        data_type: DataType,
    },
    /// Maps with these fields, each of which may be null or missing.
    Map(&'static [Field]),
}

/// The name of a field of a map, and what is in it.
pub type Field = (&'static str, Shape);

/// What is in a field of a map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// A value of this kind.
    Of(Kind),
    /// A list of such values.
    List(&'static Shape),
    /// A map with these fields.
    Map(&'static [Field]),
    /// A map with text under whatever keys.
    Texts,
}

impl Form {
    /// The format, if it is sound.
    pub fn audio(self) -> AudioFormat {
        match self {
            Form::Audio(format) => format,
            _ => AudioFormat::default(),
        }
    }

    /// The kind of the values, if they are of one.
    pub fn kind(self) -> Option<Kind> {
        match self {
            Form::Unknown => None,
            Form::Of(kind) => Some(kind),
            Form::Audio(_) => Some(Kind::Audio),
            Form::Rows { .. } => Some(Kind::Tensor),
            Form::Map(_) => Some(Kind::Map),
        }
    }

    /// What is known of a port that is this or else that.
    #[must_use]
    pub fn common(self, other: Form) -> Form {
        match (self, other) {
            (Form::Audio(one), Form::Audio(two)) => Form::Audio(AudioFormat {
                rate: one.rate.filter(|_| one.rate == two.rate),
                channels: one.channels.filter(|_| one.channels == two.channels),
            }),
            _ if self == other => self,
            _ => self.kind().filter(|_| self.kind() == other.kind()).map_or(Form::Unknown, Form::Of),
        }
    }

    /// As JSON: `{kind}`, of sound with `rate?` and `channels?`, of tensors with `dtype?` and `shape?`, where the last of the
    /// shape is null for time, of maps with `fields?` by name: a kind, a list with what is in it, fields, or `texts` for a map
    /// of text under whatever keys. `None` if nothing is known.
    pub fn describe(self) -> Option<Json> {
        let mut described = json!({"kind": self.kind()?.name()});
        let mut tell = |name: &str, known: Option<Json>| {
            if let Some(known) = known {
                described[name] = known;
            }
        };
        match self {
            Form::Unknown | Form::Of(_) => {}
            Form::Audio(AudioFormat { rate, channels }) => {
                tell("rate", rate.map(Json::from));
                tell("channels", channels.map(Json::from));
            }
            Form::Rows { channels, rows, data_type } => {
                tell("dtype", Some(data_type.name().into()));
                let shape = |channels| if channels == 1 { json!([rows, null]) } else { json!([channels, rows, null]) };
                tell("shape", channels.map(shape));
            }
            Form::Map(fields) => tell("fields", Some(described_fields(fields))),
        }
        Some(described)
    }

    /// What is known of a port by its declaration alone, for this input.
    pub(super) fn declared(port: &Port, input: Form) -> Form {
        let mut kinds = port.kinds.iter();
        match (kinds.next(), kinds.next()) {
            _ if port.is_like_input && input.kind().is_some_and(|kind| port.kinds.contains(kind)) => input,
            (Some(Kind::Audio), None) => Form::Audio(AudioFormat::default()),
            (Some(kind), None) => Form::Of(kind),
            _ => Form::Unknown,
        }
    }
}

/// The names of fields, made once for all maps of a node.
pub fn field_names(fields: &[Field]) -> Vec<Arc<str>> {
    fields.iter().map(|(name, _)| Arc::from(*name)).collect()
}

impl Shape {
    /// A truth value.
    pub const BOOL: Shape = Shape::Of(Kind::Bool);
    /// An integer.
    pub const INT: Shape = Shape::Of(Kind::Int);
    /// A float.
    pub const FLOAT: Shape = Shape::Of(Kind::Float);
    /// Text.
    pub const TEXT: Shape = Shape::Of(Kind::Str);

    fn describe(self) -> Json {
        match self {
            Shape::Of(kind) => kind.name().into(),
            Shape::List(shape) => json!([shape.describe()]),
            Shape::Map(fields) => described_fields(fields),
            Shape::Texts => "texts".into(),
        }
    }
}

fn described_fields(fields: &[Field]) -> Json {
    Json::Object(fields.iter().map(|(name, shape)| ((*name).to_owned(), shape.describe())).collect())
}
