//! Reads JSON text as RFC 8259 has it, strictly, and says in words what to change where it is not JSON.
//!
//! Written for its messages and its places: exact integers, the offset of every name and value.

use serde_json::Number;

use super::findings::{Finding, Reading, Unreadable};
use super::tree::{Data, Entry, Item, Map, Step, named, quoted, shown};

/// Reads one JSON text. What is wrong is noted in the reading.
pub(super) fn read(text: &str, reading: &mut Reading) -> Result<Item, Unreadable> {
    let mut reader = Reader { text, at: 0, open: Vec::new(), reading };
    reader.skip_space();
    let item = reader.value("a map")?;
    reader.skip_space();
    if reader.at < text.len() {
        let got = reader.seen();
        return reader.fail(reader.at, Finding::mismatch("the end of the manifest", got));
    }
    Ok(item)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// Where the maps and lists around this place begin.
    open: Vec<usize>,
    reading: &'a mut Reading,
}

impl Reader<'_> {
    fn value(&mut self, expected: &str) -> Result<Item, Unreadable> {
        let offset = self.at;
        self.reading.enter(offset)?;
        let data = match self.peek() {
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
        self.open.push(self.at);
        let data = read(self)?;
        self.open.pop();
        Ok(data)
    }

    fn map(&mut self) -> Result<Data, Unreadable> {
        let mut entries = Map::new();
        self.at += 1;
        self.skip_space();
        if self.take(b'}') {
            return Ok(Data::Map(entries));
        }
        loop {
            let offset = self.at;
            if self.peek() != Some(b'"') {
                return self.not_a_name(entries.is_empty());
            }
            let name = self.string()?;
            self.skip_space();
            if !self.take(b':') {
                let after = format!("':' after the name {}", quoted(&name));
                return self.unexpected(&after, None);
            }
            self.skip_space();
            self.reading.path.push(Step::Name(name.clone()));
            let value = self.value("a value")?;
            self.reading.insert(&mut entries, name, Entry { offset, value });
            self.reading.path.pop();
            self.skip_space();
            if self.take(b'}') {
                return Ok(Data::Map(entries));
            }
            if !self.take(b',') {
                return self.no_comma('}');
            }
            self.skip_space();
        }
    }

    fn list(&mut self) -> Result<Data, Unreadable> {
        let mut items = Vec::new();
        self.at += 1;
        self.skip_space();
        if self.take(b']') {
            return Ok(Data::List(items));
        }
        loop {
            if !items.is_empty() && self.peek() == Some(b']') {
                return self.unexpected("another item after the comma", Some("remove the comma"));
            }
            self.reading.path.push(Step::Index(items.len()));
            items.push(self.value("a value")?);
            self.reading.path.pop();
            self.skip_space();
            if self.take(b']') {
                return Ok(Data::List(items));
            }
            if !self.take(b',') {
                return self.no_comma(']');
            }
            self.skip_space();
        }
    }

    /// A string; the reader stands at its opening quote.
    fn string(&mut self) -> Result<String, Unreadable> {
        let start = self.at;
        let mut text = String::new();
        self.at += 1;
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.find(|c: char| c == '"' || c == '\\' || c < ' ').unwrap_or(rest.len());
            text.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escape()?),
                Some(b'\n' | b'\r') | None => {
                    let finding = Finding::new("this text has no closing quote on its line");
                    let cure = "close it with '\"', or write a line break within it as \\n";
                    return self.fail(start, finding.suggest(cure.to_owned()));
                }
                Some(control) => {
                    let finding = Finding::new(format!("a control character, 0x{control:02x}, within a text"));
                    return self.fail(self.at, finding.suggest(format!("write it as \\u{control:04x}")));
                }
            }
        }
    }

    /// One escaped character; two escapes if it is a surrogate pair.
    fn escape(&mut self) -> Result<char, Unreadable> {
        let start = self.at;
        self.at += 1;
        let Some(letter) = self.text[self.at..].chars().next() else {
            return self.fail(start, Finding::new("the manifest ends within a text"));
        };
        self.at += letter.len_utf8();
        let character = match letter {
            '"' | '\\' | '/' => Some(letter),
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'u' => self.code_unit().and_then(|unit| self.code_point(unit)),
            _ => {
                let finding = Finding::new(format!("JSON has no escape \\{}", shown(letter.encode_utf8(&mut [0; 4]))));
                return self.fail(start, finding.suggest("write a backslash as \\\\".to_owned()));
            }
        };
        match character {
            Some(character) => Ok(character),
            None => {
                let finding = Finding::new("this \\u escape is not a character");
                let cure = "write four hexadecimal digits, twice for characters above U+FFFF, or the character itself";
                self.fail(start, finding.suggest(cure.to_owned()))
            }
        }
    }

    fn code_unit(&mut self) -> Option<u16> {
        let digits = self.text.get(self.at..self.at + 4)?;
        let unit = u16::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))?;
        self.at += 4;
        Some(unit)
    }

    fn code_point(&mut self, first: u16) -> Option<char> {
        if !(0xd800..0xe000).contains(&first) {
            return char::from_u32(first.into());
        }
        self.text[self.at..].starts_with("\\u").then(|| self.at += 2)?;
        let second = self.code_unit()?;
        char::decode_utf16([first, second]).next()?.ok()
    }

    fn number(&mut self) -> Result<Data, Unreadable> {
        let start = self.at;
        let rest = &self.text[start..];
        let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c))).unwrap_or(rest.len());
        let literal = &rest[..length];
        self.at += length;
        if !is_number(literal) {
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
        let start = self.at;
        let rest = &self.text[start..];
        let word = &rest[..rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())];
        self.at += word.len();
        match word {
            "null" => return Ok(Data::Null),
            "true" => return Ok(Data::Bool(true)),
            "false" => return Ok(Data::Bool(false)),
            _ => self.at = start,
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
        let rest = &self.text[self.at..];
        let word = &rest[..rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())];
        match rest.as_bytes().first() {
            Some(b'}') if !first => self.unexpected("another name after the comma", Some("remove the comma")),
            Some(b'\'') => self.unexpected("a name in quotes", Some("JSON puts names in double quotes")),
            Some(b'/' | b'#') => self.unexpected("a name in quotes", Some(COMMENTS)),
            _ if word.is_empty() => self.unexpected("a name in quotes", None),
            _ => self.unexpected("a name in quotes", Some(&format!("write {}", quoted(word)))),
        }
    }

    fn no_comma<T>(&mut self, close: char) -> Result<T, Unreadable> {
        let cure = match self.peek() {
            Some(b'/' | b'#') => Some(COMMENTS),
            Some(b'"' | b'{' | b'[' | b'0'..=b'9') => Some("put a comma before it"),
            _ => None,
        };
        self.unexpected(&format!("',' or '{close}'"), cure)
    }

    /// Something else stands here, or the text ends inside a map or list.
    fn unexpected<T>(&mut self, expected: &str, cure: Option<&str>) -> Result<T, Unreadable> {
        let mut finding = Finding::mismatch(expected, self.seen());
        if let Some(&start) = self.open.last().filter(|_| self.at == self.text.len()) {
            let line = self.text[..start].matches('\n').count() + 1;
            let what = if self.text[start..].starts_with('{') { "map" } else { "list" };
            finding = finding.suggest(format!("the {what} that begins on line {line} is not closed"));
        } else if let Some(cure) = cure {
            finding = finding.suggest(cure.to_owned());
        }
        self.fail(self.at, finding)
    }

    /// The next thing in the text, for `got`.
    fn seen(&self) -> String {
        let rest = &self.text[self.at..];
        let word = &rest[..rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())];
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

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }
}

const COMMENTS: &str = "JSON has no comments: remove it, or write the manifest as YAML";

/// The number that a decimal literal means, exactly if it is an integer.
pub(super) fn number(literal: &str) -> Result<Number, Finding> {
    let digits = literal.strip_prefix('+').unwrap_or(literal);
    if digits.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
        return match (digits.parse::<i64>(), digits.parse::<u64>()) {
            (Ok(number), _) => Ok(number.into()),
            (_, Ok(number)) => Ok(number.into()),
            _ => Err(too_large(literal, "an integer from -2^63 to 2^64 - 1")),
        };
    }
    let float: f64 = digits.parse().unwrap_or(f64::NAN);
    Number::from_f64(float).ok_or_else(|| too_large(literal, "a number that fits a 64-bit float"))
}

fn too_large(literal: &str, expected: &str) -> Finding {
    Finding::mismatch(expected, shown(literal))
}

/// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`
fn is_number(literal: &str) -> bool {
    let (mantissa, exponent) = match literal.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.strip_prefix(['+', '-']).unwrap_or(exponent)),
        None => (literal, "0"),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let whole = whole.strip_prefix('-').unwrap_or(whole);
    [whole, fraction, exponent].iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
        && (whole == "0" || !whole.starts_with('0'))
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
