//! `TextCollector`: sentences from a stream of tokens.

use std::collections::VecDeque;

use remotemedia_core::node::{Cost, Define, Emission, Kinds, Node, NodeError, Port, Step, documented};
use remotemedia_core::value::{Kind, Packet, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use super::language::Language;
use super::sentence::{Next, Reading, Rules};

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
/// Sentences come without the white space around them, each at the time of the token in which it begins, or at none if that
/// token had none. A sentence of fewer than `min_sentence_length` characters is
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
    /// The byte of `text` at which the open sentence begins.
    start: usize,
    /// How far that has been read, from `start` on.
    reading: Reading,
    /// No end token begins before this byte of `text`.
    searched: usize,
    /// The times of tokens, oldest first, each with the byte of `text` from which on it holds. The first is that in which
    /// the open sentence begins.
    times: VecDeque<(usize, Option<i64>)>,
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
        if self.times.back().is_none_or(|(_, pts)| *pts != packet.pts) {
            self.times.push_back((self.text.len(), packet.pts));
        }
        self.text.push_str(token);
        self.owes_partial = self.partials;
        self.step()
    }

    fn resume(&mut self) -> Result<Step, NodeError> {
        self.step()
    }

    fn flush(&mut self) -> Result<Step, NodeError> {
        self.is_all = true;
        self.owes_partial = false;
        self.step()
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
            start: 0,
            reading: Reading::default(),
            searched: 0,
            times: VecDeque::new(),
            is_all: false,
            owes_partial: false,
        }
    }
}

impl TextCollector {
    /// Emits the next sentence, if there is one.
    ///
    /// # Errors
    /// If the open sentence is too long.
    fn step(&mut self) -> Result<Step, NodeError> {
        loop {
            let (end, token) = self.search();
            let is_all = token.is_some() || self.is_all;
            let sentence = match self.rules.next(&self.text[self.start..end], is_all, &mut self.reading) {
                Next::Ends(length) => self.take(self.start + length),
                Next::Open if is_all => {
                    let rest = self.take(end).filter(|_| self.yield_partial_on_end);
                    let Some(length) = token else {
                        self.forget();
                        return Ok(Step::maybe(rest));
                    };
                    self.start += length;
                    self.searched = self.start;
                    rest
                }
                Next::Open => break,
            };
            if let Some(sentence) = sentence {
                return Ok(Step::emit_more(sentence));
            }
        }
        self.drop_front();
        if self.text.len() > LIMIT {
            let cause = format!("there is no end of a sentence in more than {} KiB of text", LIMIT >> 10);
            let pts = self.times.back().and_then(|(_, pts)| *pts);
            return Err(NodeError::new(cause).cure("Check the param 'terminators'.").at(pts));
        }
        if !std::mem::take(&mut self.owes_partial) {
            return Ok(Step::DONE);
        }
        let packet = self.packet(self.text.len());
        Ok(Step::Done(Some(Emission { port: PARTIAL, packet })))
    }

    /// Where the text ends in which sentences may be looked for: at an end token, with its length, or at what may become one.
    fn search(&mut self) -> (usize, Option<usize>) {
        for (at, _) in self.text[self.searched..].char_indices() {
            let at = self.searched + at;
            let rest = &self.text[at..];
            let length = self.end_tokens.iter().filter(|token| rest.starts_with(&***token)).map(String::len).min();
            let may_become_one = !self.is_all && self.end_tokens.iter().any(|token| token.starts_with(rest));
            if length.is_some() || may_become_one {
                self.searched = at;
                return (at, length);
            }
        }
        self.searched = self.text.len();
        (self.searched, None)
    }

    /// The open sentence up to this byte, unless it is empty. The next one begins there.
    fn take(&mut self, end: usize) -> Option<Packet> {
        let is_empty = self.text[self.start..end].trim().is_empty();
        let packet = (!is_empty).then(|| self.packet(end));
        self.start = end;
        self.reading = Reading::default();
        packet
    }

    /// The open sentence up to this byte, without white space around it, at the time of its first letter.
    fn packet(&mut self, end: usize) -> Packet {
        let sentence = self.text[self.start..end].trim_start();
        let (begin, value) = (end - sentence.len(), Value::text(sentence.trim_end()));
        Packet::new(value).at(self.time(begin), None)
    }

    /// The time of the token with this byte; those of tokens before it are forgotten.
    fn time(&mut self, at: usize) -> Option<i64> {
        while self.times.get(1).is_some_and(|(from, _)| *from <= at) {
            self.times.pop_front();
        }
        self.times.front().and_then(|(_, pts)| *pts)
    }

    /// Forgets the text before the open sentence.
    fn drop_front(&mut self) {
        let start = std::mem::take(&mut self.start);
        if start == 0 {
            return;
        }
        self.time(start);
        self.text.drain(..start);
        self.searched -= start;
        for (from, _) in &mut self.times {
            *from = from.saturating_sub(start);
        }
    }

    /// Forgets the item.
    fn forget(&mut self) {
        self.text.clear();
        self.times.clear();
        (self.start, self.searched, self.is_all) = (0, 0, false);
    }
}
