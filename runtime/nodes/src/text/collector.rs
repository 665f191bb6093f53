//! `TextCollector`: sentences from a stream of tokens.

use remotemedia_core::node::{Cost, Define, Emission, Kinds, Node, NodeError, Port, Step, documented};
use remotemedia_core::value::{Kind, Packet, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use super::sentence::{Next, Rules};

documented! {
/// Makes sentences of a stream of tokens.
///
/// A sentence ends with a terminator, and the quotes and brackets that close there, before white space; at the end of a line; and
/// at once with the terminators of Chinese, Japanese and Hindi. The dots of abbreviations (`Dr.`, `e.g.`), of initials
/// (`J. S.`), of numbers (`3.14`), addresses and list numbers end none; `etc.`, `Inc.` and an ellipsis do, unless a small letter
/// follows. To know, it waits for the character that follows a terminator: the last sentence comes with the next token
/// or the end of the item.
///
/// Sentences come without the white space around them. A sentence of fewer than `min_sentence_length` characters is
/// joined to the next. With `partials` the unfinished sentence comes on the port `partial` after each token, also if it
/// has not changed. Where the tokens are cut changes nothing of the sentences.
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
    /// The characters that may end a sentence.
    #[serde(default = "default_terminators")]
    #[schemars(length(min = 1, max = 64))]
    pub terminators: String,
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

fn default_terminators() -> String {
    ".!?\u{2026}\u{3002}\u{ff01}\u{ff1f}\u{ff0e}\u{964}\n".to_owned()
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
            terminators: params.terminators.chars().collect(),
            min_length: params.min_sentence_length as usize,
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
