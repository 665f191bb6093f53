//! Reads a manifest from JSON text, strictly as RFC 8259 has it, and explains in words what to change where it is not
//! JSON.
//!
//! Written for its messages and its places: the offset of every name and value. Its tokens come from
//! [`crate::syntax::json`].

use serde_json::Number;

use super::findings::{Finding, Reading, Unreadable};
use super::tree::{Data, Entry, Item, Map, Step, named, quoted, shown};
use crate::syntax::json::{self, Lexer, OutOfRange, TextFault, is_number};

/// Reads one JSON text. Mistakes are noted in the reading.
pub(super) fn read(text: &str, reading: &mut Reading) -> Result<Item, Unreadable> {
    let mut reader = Reader { lexer: Lexer::new(text), open: Vec::new(), reading };
    reader.lexer.skip_space();
    let item = reader.value("a map")?;
    reader.lexer.skip_space();
    if !reader.lexer.is_at_end() {
        let got = reader.seen();
        return reader.fail(reader.lexer.position(), Finding::mismatch("the end of the text", got));
    }
    Ok(item)
}

struct Reader<'a> {
    lexer: Lexer<'a>,
    /// The offsets of the maps and lists around this place.
    open: Vec<usize>,
    reading: &'a mut Reading,
}

impl Reader<'_> {
    fn value(&mut self, expected: &str) -> Result<Item, Unreadable> {
        let offset = self.lexer.position();
        self.reading.enter(offset)?;
        let data = match self.lexer.peek() {
            Some(b'{') => self.inside(Self::map)?,
            Some(b'[') => self.inside(Self::list)?,
            Some(b'"') => Data::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word(expected)?,
        };
        Ok(Item { offset, data })
    }

    /// Reads a map or list that begins here.
    fn inside(&mut self, read: fn(&mut Self) -> Result<Data, Unreadable>) -> Result<Data, Unreadable> {
        self.open.push(self.lexer.position());
        let data = read(self)?;
        self.open.pop();
        Ok(data)
    }

    fn map(&mut self) -> Result<Data, Unreadable> {
        let mut entries = Map::new();
        self.lexer.accept(b'{');
        self.lexer.skip_space();
        if self.lexer.accept(b'}') {
            return Ok(Data::Map(entries));
        }
        loop {
            let offset = self.lexer.position();
            if self.lexer.peek() != Some(b'"') {
                return self.not_a_name(entries.is_empty());
            }
            let name = self.string()?;
            self.lexer.skip_space();
            if !self.lexer.accept(b':') {
                let after = format!("':' after the name {}", quoted(&name));
                return self.unexpected(&after, None);
            }
            self.lexer.skip_space();
            self.reading.path.push(Step::Name(name.clone()));
            let value = self.value("a value")?;
            self.reading.insert(&mut entries, name, Entry { offset, value });
            self.reading.path.pop();
            self.lexer.skip_space();
            if self.lexer.accept(b'}') {
                return Ok(Data::Map(entries));
            }
            if !self.lexer.accept(b',') {
                return self.no_comma('}');
            }
            self.lexer.skip_space();
        }
    }

    fn list(&mut self) -> Result<Data, Unreadable> {
        let mut items = Vec::new();
        self.lexer.accept(b'[');
        self.lexer.skip_space();
        if self.lexer.accept(b']') {
            return Ok(Data::List(items));
        }
        loop {
            if !items.is_empty() && self.lexer.peek() == Some(b']') {
                return self.unexpected("another item after the comma", Some("remove the comma"));
            }
            self.reading.path.push(Step::Index(items.len()));
            items.push(self.value("a value")?);
            self.reading.path.pop();
            self.lexer.skip_space();
            if self.lexer.accept(b']') {
                return Ok(Data::List(items));
            }
            if !self.lexer.accept(b',') {
                return self.no_comma(']');
            }
            self.lexer.skip_space();
        }
    }

    /// A text in quotes; the lexer stands at the first quote.
    fn string(&mut self) -> Result<String, Unreadable> {
        let start = self.lexer.position();
        let fault = match self.lexer.string() {
            Ok(text) => return Ok(text),
            Err(fault) => fault,
        };
        match fault {
            TextFault::Unclosed => self.unclosed(start),
            TextFault::Escape(start) => self.no_escape(start),
            TextFault::Digits(start) | TextFault::Surrogate(start) => {
                let finding = Finding::new("this \\u escape is not a character");
                let cure = "write four hexadecimal digits, twice for characters above U+FFFF, or the character itself";
                self.fail(start, finding.suggest(cure.to_owned()))
            }
        }
    }

    fn unclosed<T>(&mut self, start: usize) -> Result<T, Unreadable> {
        match self.lexer.peek() {
            Some(control) if !matches!(control, b'\n' | b'\r') => {
                let finding = Finding::new(format!("a control character, 0x{control:02x}, within a text"));
                self.fail(self.lexer.position(), finding.suggest(format!("write it as \\u{control:04x}")))
            }
            _ => {
                let finding = Finding::new("this text has no closing quote on its line");
                let cure = "close it with '\"', or write a line break within it as \\n";
                self.fail(start, finding.suggest(cure.to_owned()))
            }
        }
    }

    fn no_escape<T>(&mut self, start: usize) -> Result<T, Unreadable> {
        let Some(letter) = self.lexer.rest().chars().next() else {
            return self.fail(start, Finding::new("it ends within a text"));
        };
        let finding = Finding::new(format!("JSON has no escape \\{}", shown(letter.encode_utf8(&mut [0; 4]))));
        self.fail(start, finding.suggest("write a backslash as \\\\".to_owned()))
    }

    fn number(&mut self) -> Result<Data, Unreadable> {
        let start = self.lexer.position();
        // The whole of what is meant for a number is named, however much of it is one.
        let rest = self.lexer.rest();
        let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c))).unwrap_or(rest.len());
        let literal = &rest[..length];
        if self.lexer.number() != Ok(literal) {
            let finding = Finding::new(format!("{} is not a number in JSON", shown(literal)));
            return self.fail(start, finding.suggest(number_cure(literal)));
        }
        Ok(match number(literal) {
            Ok(number) => Data::Number(number),
            Err(finding) => {
                self.reading.reject(start, finding);
                Data::Null
            }
        })
    }

    fn word(&mut self, expected: &str) -> Result<Data, Unreadable> {
        let (rest, word) = (self.lexer.rest(), self.lexer.word());
        let data = match word {
            "null" => Some(Data::Null),
            "true" => Some(Data::Bool(true)),
            "false" => Some(Data::Bool(false)),
            _ => None,
        };
        if let Some(data) = data {
            self.lexer.keyword(word);
            return Ok(data);
        }
        let cure = match (word, rest.as_bytes().first()) {
            ("True" | "TRUE", _) => Some("JSON writes true".to_owned()),
            ("False" | "FALSE", _) => Some("JSON writes false".to_owned()),
            ("None" | "NULL" | "Null" | "nil" | "undefined", _) => Some("JSON writes null".to_owned()),
            ("NaN" | "Infinity", _) => Some("JSON has finite numbers only".to_owned()),
            ("", Some(b'\'')) => Some("JSON puts text in double quotes".to_owned()),
            ("", Some(b'/' | b'#')) => Some(COMMENTS.to_owned()),
            ("", Some(b'+' | b'.')) => Some("a number begins with a digit or '-'".to_owned()),
            ("", _) => None,
            _ => Some(format!("put text in quotes: {}", quoted(word))),
        };
        self.unexpected(expected, cure.as_deref())
    }

    fn not_a_name<T>(&mut self, first: bool) -> Result<T, Unreadable> {
        let (rest, word) = (self.lexer.rest(), self.lexer.word());
        match rest.as_bytes().first() {
            Some(b'}') if !first => self.unexpected("another name after the comma", Some("remove the comma")),
            Some(b'\'') => self.unexpected("a name in quotes", Some("JSON puts names in double quotes")),
            Some(b'/' | b'#') => self.unexpected("a name in quotes", Some(COMMENTS)),
            _ if word.is_empty() => self.unexpected("a name in quotes", None),
            _ => self.unexpected("a name in quotes", Some(&format!("write {}", quoted(word)))),
        }
    }

    fn no_comma<T>(&mut self, close: char) -> Result<T, Unreadable> {
        let cure = match self.lexer.peek() {
            Some(b'/' | b'#') => Some(COMMENTS),
            Some(b'"' | b'{' | b'[' | b'0'..=b'9') => Some("put a comma before it"),
            _ => None,
        };
        self.unexpected(&format!("',' or '{close}'"), cure)
    }

    /// Notes that something else stands here, or that the text ends inside a map or list.
    fn unexpected<T>(&mut self, expected: &str, cure: Option<&str>) -> Result<T, Unreadable> {
        let mut finding = Finding::mismatch(expected, self.seen());
        if let Some(&start) = self.open.last().filter(|_| self.lexer.is_at_end()) {
            let line = self.lexer.text()[..start].matches('\n').count() + 1;
            let what = if self.lexer.text()[start..].starts_with('{') { "map" } else { "list" };
            finding = finding.suggest(format!("the {what} that begins on line {line} is not closed"));
        } else if let Some(cure) = cure {
            finding = finding.suggest(cure.to_owned());
        }
        self.fail(self.lexer.position(), finding)
    }

    /// The next token in words, for `got`.
    fn seen(&self) -> String {
        let (rest, word) = (self.lexer.rest(), self.lexer.word());
        match rest.chars().next() {
            None => "the end of the text".to_owned(),
            Some('"') => match rest[1..].split(['"', '\n']).next() {
                Some(text) => quoted(text),
                None => "a quote".to_owned(),
            },
            Some(_) if !word.is_empty() => shown(word),
            Some('\'') => "a single quote".to_owned(),
            Some('#') => "a comment".to_owned(),
            Some('/') if rest.starts_with("//") || rest.starts_with("/*") => "a comment".to_owned(),
            Some(c) => named(c.encode_utf8(&mut [0; 4])),
        }
    }

    fn fail<T>(&mut self, offset: usize, finding: Finding) -> Result<T, Unreadable> {
        self.reading.fail(offset, finding)
    }
}

const COMMENTS: &str = "JSON has no comments: remove it, or write a manifest as YAML";

/// The number that a decimal literal means, exactly if it is an integer; YAML writes `+` in front of some.
pub(super) fn number(literal: &str) -> Result<Number, Finding> {
    let too_large = |expected: &str| Finding::mismatch(expected, shown(literal));
    let number = match json::number(literal.strip_prefix('+').unwrap_or(literal)) {
        Ok(json::Number::Signed(number)) => Some(number.into()),
        Ok(json::Number::Unsigned(number)) => Some(number.into()),
        Ok(json::Number::Float(number)) => Number::from_f64(number),
        Err(OutOfRange::Float) => None,
        Err(OutOfRange::Integer) => return Err(too_large("an integer from -2^63 to 2^64 - 1")),
    };
    number.ok_or_else(|| too_large("a number that fits a 64-bit float"))
}

fn number_cure(literal: &str) -> Option<String> {
    let trimmed = literal.trim_start_matches('0');
    if literal.starts_with('0') && is_number(trimmed) {
        return Some(format!("write {}", shown(trimmed)));
    }
    if literal.ends_with('.') {
        return Some(format!("write {}0", shown(literal)));
    }
    if let Some(value) = literal.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok()) {
        return Some(format!("write {value}"));
    }
    (!literal.starts_with('-')).then(|| format!("put text in quotes: {}", quoted(literal)))
}
