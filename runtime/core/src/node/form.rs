//! What is known of the values of a port before anything runs.

use serde_json::{Value as Json, json};

use super::{AudioFormat, Kinds, Port};
use crate::value::{DataType, Kind};

/// What a port emits, as far as it is the same whatever the files are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Values of any kind.
    #[default]
    Unknown,
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
}

impl Form {
    /// The format, if it is sound.
    pub fn audio(self) -> AudioFormat {
        match self {
            Form::Audio(format) => format,
            _ => AudioFormat::default(),
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
            _ => Form::Unknown,
        }
    }

    /// As JSON: `{kind: "audio", rate?, channels?}` or `{kind: "tensor", dtype, shape?}`, where the last of the shape is
    /// null for time; `None` if nothing is known.
    pub fn describe(self) -> Option<Json> {
        match self {
            Form::Unknown => None,
            Form::Audio(AudioFormat { rate, channels }) => {
                let mut described = json!({"kind": Kind::Audio.name()});
                if let Some(rate) = rate {
                    described["rate"] = rate.into();
                }
                if let Some(channels) = channels {
                    described["channels"] = channels.into();
                }
                Some(described)
            }
            Form::Rows { channels, rows, data_type } => {
                let mut described = json!({"kind": Kind::Tensor.name(), "dtype": data_type.name()});
                if let Some(channels) = channels {
                    described["shape"] =
                        if channels == 1 { json!([rows, null]) } else { json!([channels, rows, null]) };
                }
                Some(described)
            }
        }
    }

    /// What is known of a port by its declaration alone, for this input.
    pub(super) fn declared(port: &Port, input: Form) -> Form {
        match input {
            Form::Audio(_) | Form::Rows { .. } if port.is_like_input => input,
            _ if port.kinds == Kinds::of(&[Kind::Audio]) => Form::Audio(AudioFormat::default()),
            _ => Form::Unknown,
        }
    }
}
