//! `TextCollector`: sentences from a stream of tokens.

use remotemedia_core::node::{Cost, Define, Emission, Kinds, Node, NodeError, Port, Step, documented};
use remotemedia_core::value::{Kind, Packet, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use super::language::Language;
use super::sentence::{Next, Rules};

documented! {
/// Makes sentences of a stream of tokens.
///
/// A sentence ends with a terminator, and the quotes and brackets that close there, before white space; at the end of a line; and
/// without white space with the terminators of scripts that write none (Chinese, Japanese, Burmese, Amharic, the danda, the
/// Arabic question mark and the Urdu full stop). What only looks like an end is judged with the abbreviations and the usual first
/// words of `language`:
///
/// | text | the sentence |
/// |---|---|
/// | `Dr. Ito`, `e.g.`, `J. S. Bach`, `3.14`, `a.b@c.de`, `1. Take` | goes on |
/// | `No. 5`, `p. 55` | goes on before a number |
/// | `Inc.`, `etc.`, `p.m.`, an ellipsis | ends if a capital follows |
/// | `U.S.` | ends if a word follows that usually begins a sentence: `U.S. She`, but not `U.S. Army` |
/// | `12. Juni`, `XIV. König` | goes on in languages that write ordinals with a dot, unless such a word follows |
/// | `"Really?" she asked`, `(wait.) and` | goes on before a small letter |
/// | `"One. Two."`, `(One. Two.)` | is not divided inside quotes and brackets that close within 250 characters on the same line |
/// | `1) one 2) two`, bullets | ends before the next item of a list that it begins with |
///
/// An answer never depends on how much more has come, so where the tokens are cut changes nothing of the sentences. To know, it
/// looks ahead: at the first letter or mark behind the white space; for what ends only before certain words, at the whole of that
/// word; inside quotes and brackets, up to where they close. The last sentence comes with the end of the item.
///
/// Sentences come without the white space around them. A sentence of fewer than `min_sentence_length` characters is
/// joined to the next. With `partials` the unfinished sentence comes on the port `partial` after each token, also if it
/// has not changed.
///
/// More than 1 MiB of text without the end of a sentence is an error.
#[derive(Debug)]
pub struct TextCollector {
    rules: Rules,
    yield_partial_on_end: bool,
    partials: bool,
    end_tokens: Vec<String>,
    text: String,
    /// Whether all of the item has come.
    is_all: bool,
    /// A partial is due for the last token.
    owes_partial: bool,
}
}

/// The params of [`TextCollector`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TextCollectorParams {
    /// The language of the text, by its code of ISO 639-1: whose abbreviations and first words decide, and what ends a sentence
    /// beside the terminators of all scripts (`;` in Greek, `:` in Armenian and Arabic).
    #[serde(default)]
    pub language: Language,
    /// The characters that may end a sentence, instead of those of the language.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    pub terminators: Option<String>,
    /// A sentence of fewer characters is joined to the next.
    #[serde(default = "default_min_sentence_length")]
    #[schemars(range(min = 1, max = 10_000))]
    pub min_sentence_length: u32,
    /// Whether what is unfinished at the end of the item is emitted as well.
    #[serde(default = "default_true")]
    pub yield_partial_on_end: bool,
    /// Whether the unfinished sentence is emitted on the port `partial` after each token.
    #[serde(default)]
    pub partials: bool,
    /// Texts such as `<|text_end|>` that end what was said before them. They are not part of any sentence.
    #[serde(default)]
    pub end_tokens: Option<Vec<String>>,
}

fn default_min_sentence_length() -> u32 {
    3
}

fn default_true() -> bool {
    true
}

/// More text without the end of a sentence is an error, in bytes.
const LIMIT: usize = 1 << 20;
const PARTIAL: usize = 1;

impl Node for TextCollector {
    fn process(&mut self, _port: usize, packet: Packet) -> Result<Step, NodeError> {
        let Value::Str(token) = &packet.value else {
            let cause = format!("expected text, got {}", packet.value.kind().name());
            return Err(NodeError::new(cause).cure("Send text, such as the tokens of a language model."));
        };
        if self.text.len() + token.len() > LIMIT {
            let cause = format!("there is no end of a sentence in more than {} KiB of text", LIMIT >> 10);
            return Err(NodeError::new(cause).cure("Check the param 'terminators'.").at(packet.pts));
        }
        self.text.push_str(token);
        self.owes_partial = self.partials;
        Ok(self.step())
    }

    fn resume(&mut self) -> Result<Step, NodeError> {
        Ok(self.step())
    }

    fn flush(&mut self) -> Result<Step, NodeError> {
        self.is_all = true;
        self.owes_partial = false;
        Ok(self.step())
    }
}

impl Define for TextCollector {
    type Params = TextCollectorParams;

    const NAME: &'static str = "TextCollector";
    /// A step reads the text up to the end of one sentence.
    const COST: Cost = Cost::Proportional;
    const INPUTS: &'static [Port] = &[Port::new("in", Kinds::of(&[Kind::Str]), "Text in pieces of any length.")];
    const OUTPUTS: &'static [Port] = &[
        Port::new("out", Kinds::of(&[Kind::Str]), "A sentence."),
        Port::new("partial", Kinds::of(&[Kind::Str]), "The unfinished sentence so far, if `partials` is set."),
    ];
    const EXAMPLE: &'static str = r#"{"min_sentence_length": 10}"#;

    fn new(params: &TextCollectorParams) -> Self {
        let rules = Rules {
            terminators: params.terminators.clone().unwrap_or_else(|| params.language.terminators()).chars().collect(),
            min_length: params.min_sentence_length as usize,
            language: params.language,
        };
        TextCollector {
            rules,
            yield_partial_on_end: params.yield_partial_on_end,
            partials: params.partials,
            end_tokens: params.end_tokens.iter().flatten().filter(|token| !token.is_empty()).cloned().collect(),
            text: String::new(),
            is_all: false,
            owes_partial: false,
        }
    }
}

impl TextCollector {
    /// Emits the next sentence, if there is one.
    fn step(&mut self) -> Step {
        loop {
            let marker = self.end_tokens.iter().filter_map(|token| Some((self.text.find(token)?, token.len()))).min();
            let (part, is_all) = match marker {
                Some((at, _)) => (&self.text[..at], true),
                None => (self.before_marker(), self.is_all),
            };
            let sentence = match self.rules.next(part, is_all) {
                Next::Ends(end) => self.take(end),
                Next::Open if is_all => {
                    let rest = self.take(marker.map_or(self.text.len(), |(at, _)| at));
                    if let Some((_, length)) = marker {
                        self.text.drain(..length);
                    }
                    if marker.is_none() {
                        self.is_all = false;
                        let rest = Some(rest).filter(|rest| !rest.is_empty() && self.yield_partial_on_end);
                        return Step::maybe(rest.map(|rest| Value::text(rest).into()));
                    }
                    if self.yield_partial_on_end { rest } else { String::new() }
                }
                Next::Open => break,
            };
            if !sentence.is_empty() {
                return Step::emit_more(Value::text(sentence));
            }
        }
        if !std::mem::take(&mut self.owes_partial) {
            return Step::DONE;
        }
        let packet = Value::text(self.text.trim()).into();
        Step::Done(Some(Emission { port: PARTIAL, packet }))
    }

    /// The text without an end that may be the beginning of an end token.
    fn before_marker(&self) -> &str {
        let may_begin = |token: &String| {
            let starts = self.text.char_indices().rev().map(|(at, _)| at).take(token.len());
            starts.filter(|at| token.starts_with(&self.text[*at..])).last()
        };
        let held = self.end_tokens.iter().filter_map(may_begin).min().filter(|_| !self.is_all);
        &self.text[..held.unwrap_or(self.text.len())]
    }

    /// The text before this byte, without white space around it; it is gone from what is collected.
    fn take(&mut self, end: usize) -> String {
        let sentence = self.text[..end].trim().to_owned();
        self.text.drain(..end);
        sentence
    }
}
