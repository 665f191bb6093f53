//! Reads YAML 1.2 text, with the types of its core schema: `no` is text, `0x10` is 16.
//!
//! Aliases and merge keys (`<<`) are resolved, within the limit of values; tags other than the core ones are refused.

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};
use serde_json::Number;

use super::findings::{Finding, Reading, TOO_DEEP, Unreadable};
use super::json::number;
use super::tree::{Data, Entry, Item, Map, Step, describe, quoted, shown};

/// Reads one YAML document. Mistakes are noted in the reading.
pub(super) fn read(text: &str, reading: &mut Reading) -> Result<Item, Unreadable> {
    let mut reader = Reader { text, events: Parser::new_from_str(text), anchors: HashMap::new(), reading };
    let item = loop {
        match reader.next()? {
            (Event::StreamStart | Event::DocumentStart(..), _) => {}
            (Event::StreamEnd, _) => return Ok(Item { offset: 0, data: Data::Null }),
            first => break reader.value(first)?,
        }
    };
    loop {
        match reader.next()? {
            (Event::StreamEnd, _) => return Ok(item),
            (Event::DocumentStart(..), span) => {
                let finding = Finding::new("a second YAML document begins here");
                let cure = "a manifest is one document: remove the '---' or the rest".to_owned();
                return reader.reading.fail(offset(span), finding.suggest(cure));
            }
            _ => {}
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    events: Parser<'a, StrInput<'a>>,
    /// The value of an anchor; `None` while it is being read.
    anchors: HashMap<usize, Option<Item>>,
    reading: &'a mut Reading,
}

type Spanned<'a> = (Event<'a>, Span);

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Spanned<'a>, Unreadable> {
        match self.events.next() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => self.syntax(&error),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn value(&mut self, (event, span): Spanned<'a>) -> Result<Item, Unreadable> {
        let offset = offset(span);
        self.reading.enter(offset)?;
        let (anchor, data) = match event {
            Event::Scalar(text, style, anchor, tag) => (anchor, self.scalar(offset, text, style, tag.as_deref())),
            Event::SequenceStart(_, anchor, tag) => {
                self.open(offset, anchor, tag.as_deref(), "seq");
                (anchor, self.list()?)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.open(offset, anchor, tag.as_deref(), "map");
                (anchor, self.map()?)
            }
            Event::Alias(anchor) => return self.alias(offset, anchor),
            _ => return self.reading.fail(offset, Finding::new("this is not valid YAML: a value is missing here")),
        };
        let item = Item { offset, data };
        if anchor != 0 {
            self.reading.count(&item)?;
            self.anchors.insert(anchor, Some(item.clone()));
        }
        Ok(item)
    }

    fn open(&mut self, offset: usize, anchor: usize, tag: Option<&Tag>, expected: &str) {
        if anchor != 0 {
            self.anchors.insert(anchor, None);
        }
        if let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema_tag(expected)) {
            self.reading.reject(offset, unknown_tag(tag));
        }
    }

    fn list(&mut self) -> Result<Data, Unreadable> {
        let mut items = Vec::new();
        loop {
            let event = self.next()?;
            if matches!(event.0, Event::SequenceEnd) {
                return Ok(Data::List(items));
            }
            self.reading.path.push(Step::Index(items.len()));
            items.push(self.value(event)?);
            self.reading.path.pop();
        }
    }

    fn map(&mut self) -> Result<Data, Unreadable> {
        let mut entries = Map::new();
        let mut merged = Map::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let offset = offset(span);
            let (name, plain) = self.name(event, span)?;
            self.reading.path.push(Step::Name(name.clone()));
            let next = self.next()?;
            let value = self.value(next)?;
            if name == "<<" && plain {
                self.merge(&value, &mut merged);
            } else {
                self.reading.insert(&mut entries, name, Entry { offset, value });
            }
            self.reading.path.pop();
        }
        for (name, entry) in merged {
            entries.entry(name).or_insert(entry);
        }
        Ok(Data::Map(entries))
    }

    /// The text of a name, and whether it stands without quotes.
    fn name(&mut self, event: Event<'a>, span: Span) -> Result<(String, bool), Unreadable> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                if anchor != 0 {
                    let data = Data::Text(text.clone().into_owned());
                    self.anchors.insert(anchor, Some(Item { offset: offset(span), data }));
                }
                Ok((text.into_owned(), style == ScalarStyle::Plain))
            }
            Event::Alias(anchor) => match self.alias(offset(span), anchor)?.data {
                Data::Text(text) => Ok((text, false)),
                _ => self.reading.fail(offset(span), Finding::mismatch("a name", "an alias of something else")),
            },
            Event::SequenceStart(..) => self.reading.fail(offset(span), Finding::mismatch("a name", "a list")),
            _ => {
                let finding = Finding::mismatch("a name", "a map");
                self.reading.fail(offset(span), finding.suggest("put text that holds braces in quotes".to_owned()))
            }
        }
    }

    /// The entries of a merge key: of one map, or of several in a list of which the first wins.
    fn merge(&mut self, value: &Item, merged: &mut Map) {
        let maps = match &value.data {
            Data::List(items) => items.as_slice(),
            _ => std::slice::from_ref(value),
        };
        for map in maps {
            match &map.data {
                Data::Map(entries) => {
                    for (name, entry) in entries {
                        merged.entry(name.clone()).or_insert_with(|| entry.clone());
                    }
                }
                _ => {
                    let got = describe(&map.to_json());
                    self.reading.reject(map.offset, Finding::mismatch("a map to merge", got));
                }
            }
        }
    }

    fn alias(&mut self, offset: usize, anchor: usize) -> Result<Item, Unreadable> {
        match self.anchors.get(&anchor) {
            Some(Some(item)) => {
                self.reading.count(item)?;
                Ok(item.clone())
            }
            _ => self.reading.fail(offset, Finding::new("this alias stands inside of what it refers to")),
        }
    }

    fn scalar(&mut self, offset: usize, text: Cow<'a, str>, style: ScalarStyle, tag: Option<&Tag>) -> Data {
        let resolved = match tag {
            None if style == ScalarStyle::Plain => plain(&text),
            None => Ok(Data::Text(text.clone().into_owned())),
            Some(tag) => tagged(&text, tag),
        };
        resolved.unwrap_or_else(|finding| {
            self.reading.reject(offset, finding);
            Data::Null
        })
    }

    fn syntax<T>(&mut self, error: &ScanError) -> Result<T, Unreadable> {
        let marker = error.marker();
        let offset = marker.byte_offset().unwrap_or_else(|| {
            self.text.char_indices().nth(marker.index()).map_or(self.text.len(), |(offset, _)| offset)
        });
        let (message, cure) = if is_cut_by_brace(self.text, offset) {
            ("text without quotes ends at a brace", Some("put text that holds braces in quotes"))
        } else {
            sentence(error.kind())
        };
        let finding = match message {
            "" => Finding::new(format!("this is not valid YAML: {}", error.kind())),
            _ => Finding::new(message),
        };
        self.reading.fail(offset, finding.suggest(cure.map(str::to_owned)))
    }
}

/// Whether text is cut by a brace, as names of files with fields are: `out/{stem}.wav` and `{stem}.wav`.
fn is_cut_by_brace(text: &str, offset: usize) -> bool {
    let Some((before, behind)) = text.split_at_checked(offset) else { return false };
    let is_word = |letter: char| letter.is_alphanumeric() || "._-/".contains(letter);
    behind.starts_with('{') && before.ends_with(is_word) || before.ends_with('}') && behind.starts_with(is_word)
}

/// The message and the cure for common mistakes; empty for the others.
fn sentence(kind: &ErrorKind) -> (&'static str, Option<&'static str>) {
    match kind {
        ErrorKind::TabNotAllowed | ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation => {
            ("a tab in the indentation", Some("indent YAML with spaces"))
        }
        ErrorKind::UnknownAnchor => (
            "this alias refers to no anchor above it",
            Some("define it with '&' first, or put text that begins with '*' in quotes"),
        ),
        ErrorKind::InvalidIndentation | ErrorKind::ExpectedBlockSequenceEntry | ErrorKind::ExpectedBlockMappingKey => {
            ("the indentation does not fit the lines above", Some("align it with the entries it belongs to"))
        }
        ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofFlowSequence => ("a '{' or '[' is not closed", Some("close it with '}' or ']'")),
        ErrorKind::MismatchedFlowCollectionEnd { .. } => {
            ("'{' and ']' or '[' and '}' do not match", Some("close '{' with '}' and '[' with ']'"))
        }
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::ExpectedFlowSequenceSeparator => {
            ("a comma is missing before this", Some("put ',' between the entries"))
        }
        ErrorKind::SimpleKeyExpected => ("a name without ':' after it", Some("write 'name: value'")),
        ErrorKind::UnclosedQuotedScalar | ErrorKind::InvalidQuotedScalarIndent => {
            ("a text in quotes is not closed", Some("close it with the same quote"))
        }
        ErrorKind::UnknownQuotedScalarEscape => {
            ("YAML has no such escape in double quotes", Some("write a backslash as \\\\, or use single quotes"))
        }
        ErrorKind::MappingValueNotAllowed
        | ErrorKind::InvalidColonPlacement
        | ErrorKind::InvalidMappingValueWhitespace => {
            ("a ':' where none can stand", Some("put text that holds ': ' in quotes"))
        }
        ErrorKind::UnexpectedCharacter { .. } => {
            ("text can't begin with this character", Some("put the text in quotes"))
        }
        ErrorKind::RecursionLimitExceeded => (TOO_DEEP, None),
        _ => ("", None),
    }
}

fn offset(span: Span) -> usize {
    span.start.byte_offset().unwrap_or_else(|| span.start.index())
}

/// A scalar without quotes, by the core schema (YAML 1.2.2, section 10.3.2).
fn plain(text: &str) -> Result<Data, Finding> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Data::Null,
        "true" | "True" | "TRUE" => Data::Bool(true),
        "false" | "False" | "FALSE" => Data::Bool(false),
        _ => match plain_number(text)? {
            Some(number) => Data::Number(number),
            None => Data::Text(text.to_owned()),
        },
    })
}

fn plain_number(text: &str) -> Result<Option<Number>, Finding> {
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix).filter(|digits| digits.chars().all(|c| c.is_digit(radix))) {
            let parsed = (!digits.is_empty()).then(|| u64::from_str_radix(digits, radix));
            return match parsed {
                Some(Err(_)) => Err(Finding::mismatch("an integer from -2^63 to 2^64 - 1", shown(text))),
                Some(Ok(value)) => Ok(Some(value.into())),
                None => Ok(None),
            };
        }
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Err(Finding::mismatch("a finite number", text));
    }
    if is_decimal(text) { number(text).map(Some) } else { Ok(None) }
}

/// Whether it is an integer or a float of the core schema in decimal digits; the form of a float has that of an integer in it.
fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.strip_prefix(['+', '-']).unwrap_or(exponent)),
        None => (unsigned, "0"),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    digits(whole)
        && digits(fraction)
        && digits(exponent)
        && !exponent.is_empty()
        && !(whole.is_empty() && fraction.is_empty())
}

fn tagged(text: &str, tag: &Tag) -> Result<Data, Finding> {
    let wanted = |data: &Data, tag: &str| match data {
        Data::Null => tag == "null",
        Data::Bool(_) => tag == "bool",
        Data::Number(number) => tag == "int" && !number.is_f64(),
        _ => false,
    };
    match tag.core_suffix() {
        Some("str") => Ok(Data::Text(text.to_owned())),
        // A whole number is a float too where the tag says so.
        Some("float") if is_decimal(text) => {
            let number = text.parse().ok().and_then(Number::from_f64);
            let number = number.ok_or_else(|| Finding::mismatch("a number that fits a 64-bit float", shown(text)))?;
            Ok(Data::Number(number))
        }
        Some(core @ ("null" | "bool" | "int" | "float")) => match plain(text)? {
            data if wanted(&data, core) => Ok(data),
            _ => Err(Finding::mismatch(format!("a value of type !!{core}"), quoted(text))),
        },
        _ if tag.parts() == ("", "!") || tag.parts() == ("!", "") => Ok(Data::Text(text.to_owned())),
        _ => Err(unknown_tag(tag)),
    }
}

fn unknown_tag(tag: &Tag) -> Finding {
    let finding = Finding::mismatch("a plain value", format!("one with the tag {}", shown(&tag.original())));
    finding.suggest("remove the tag".to_owned())
}
