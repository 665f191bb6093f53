//! The ports of a node: the kinds of value and the formats that they accept or emit.

use crate::value::Kind;

/// A set of kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds(u32);

/// One input or output of a node.
#[derive(Clone, Copy, Debug)]
pub struct Port {
    /// The name in a connection, such as `speech` in `vad.speech`.
    pub name: &'static str,
    /// The kinds that it accepts or emits.
    pub kinds: Kinds,
    /// For an audio input: the format that it needs, where it needs a certain one whatever the params.
    pub format: Option<AudioFormat>,
    /// Whether it is used where a connection to a node with several ports names none.
    pub is_usual: bool,
    /// For an output: whether what it emits has the form of what comes in, its rate, channels and rows.
    pub is_like_input: bool,
    /// One sentence for the docs.
    pub summary: &'static str,
}

/// An audio format, as far as it is fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct AudioFormat {
    /// Frames per second.
    pub rate: Option<u32>,
    /// The number of channels.
    pub channels: Option<usize>,
}

impl Kinds {
    /// Every kind.
    pub const ANY: Kinds = Kinds((1 << Kind::ALL.len()) - 1);

    /// The set of these kinds.
    pub const fn of(kinds: &[Kind]) -> Self {
        let mut bits = 0;
        let mut index = 0;
        while index < kinds.len() {
            bits |= 1 << kinds[index] as u32;
            index += 1;
        }
        Kinds(bits)
    }

    /// Whether this kind is in the set.
    pub const fn contains(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u32) != 0
    }

    /// Whether the sets share a kind.
    pub const fn overlaps(self, other: Kinds) -> bool {
        self.0 & other.0 != 0
    }

    /// The kinds, in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }

    /// The names, joined for a message: `audio`, `file or bytes`, `any value`.
    pub fn describe(self) -> String {
        if self == Kinds::ANY {
            return "any value".to_owned();
        }
        let names: Vec<&str> = self.iter().map(Kind::name).collect();
        match names.split_last() {
            None => "nothing".to_owned(),
            Some((last, [])) => (*last).to_owned(),
            Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        }
    }
}

impl Port {
    /// A port without a fixed format.
    pub const fn new(name: &'static str, kinds: Kinds, summary: &'static str) -> Self {
        Self { name, kinds, format: None, is_usual: false, is_like_input: false, summary }
    }

    /// The port that is used where a connection names none. For an output it has to be the first one, since a sink
    /// collects the first.
    #[must_use]
    pub const fn usual(self) -> Self {
        Self { is_usual: true, ..self }
    }

    /// An output that emits what comes in, changed in nothing but its samples and its length.
    #[must_use]
    pub const fn like_input(self) -> Self {
        Self { is_like_input: true, ..self }
    }

    /// The declaration as JSON: `{name, kinds, summary, format?, like_input?}`, where `like_input` is true if it is
    /// there.
    pub fn describe(&self) -> serde_json::Value {
        let kinds: Vec<&str> = self.kinds.iter().map(Kind::name).collect();
        let mut described = serde_json::json!({"name": self.name, "kinds": kinds, "summary": self.summary});
        if let Some(format) = self.format {
            described["format"] = serde_json::json!({"rate": format.rate, "channels": format.channels});
        }
        if self.is_like_input {
            described["like_input"] = true.into();
        }
        described
    }

    /// The usual single input, of any kind.
    pub const ANY_IN: Port = Port::new("in", Kinds::ANY, "Any value.");
    /// The usual single output, of any kind.
    pub const ANY_OUT: Port = Port::new("out", Kinds::ANY, "Any value.");
    /// An audio input.
    pub const AUDIO_IN: Port = Port::new("in", Kinds::of(&[Kind::Audio]), "Sound.");
    /// An audio output.
    pub const AUDIO_OUT: Port = Port::new("out", Kinds::of(&[Kind::Audio]), "Sound.");
}
