//! JSON text to values: RFC 8259 to the letter, with exact numbers.
//!
//! A parser of our own, because integers must not turn into floats, floats must read back to the last bit, a repeated
//! key is an error, and every error knows its path, line and column. The recursion is bounded by the limit on depth.

use std::sync::Arc;

use super::tagged;
use super::write::is_reserved;
use crate::value::{Map, Value};
use crate::wire::error::{Place, Step, WireError, WireErrorKind, shortened};
use crate::wire::limits::Limits;

/// The value of a whole text.
pub(super) fn value(text: &str, limits: &Limits) -> Result<Value, WireError> {
    let mut parser = Parser { text, position: 0, items_left: limits.items, limits };
    if text.len() > limits.bytes {
        return Err(parser.error(WireErrorKind::Bytes { found: text.len(), limit: limits.bytes }));
    }
    let value = parser.value(0)?;
    parser.skip_space();
    if parser.position < text.len() {
        return Err(parser.expected("the end of the text"));
    }
    Ok(value)
}

struct Parser<'a> {
    text: &'a str,
    position: usize,
    items_left: usize,
    limits: &'a Limits,
}

impl Parser<'_> {
    fn value(&mut self, depth: usize) -> Result<Value, WireError> {
        self.skip_space();
        match self.peek() {
            Some(b'n') => self.word("null", Value::Null),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'"') => Ok(Value::Str(self.string()?.into())),
            Some(b'[') => self.list(depth),
            Some(b'{') => self.object(depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.expected("a value")),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, WireError> {
        self.enter(depth)?;
        let mut items = Vec::new();
        if self.closes(b']') {
            return Ok(Value::list(items));
        }
        loop {
            self.count()?;
            match self.value(depth + 1) {
                Ok(item) => items.push(item),
                Err(error) => return Err(error.inside(Step::Index(items.len()))),
            }
            if self.closes(b']') {
                return Ok(Value::list(items));
            }
            self.mark(b',', "',' or ']'")?;
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, WireError> {
        let start = self.position;
        self.enter(depth)?;
        let mut map = Map::new();
        let mut is_tagged = false;
        if self.closes(b'}') {
            return Ok(Value::Map(Arc::new(map)));
        }
        loop {
            self.count()?;
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.expected("a key in quotes"));
            }
            let before_key = self.position;
            let key = self.string()?;
            if map.contains_key(key.as_str()) {
                return Err(self.error_at(before_key, WireErrorKind::DuplicateKey { key: shortened(&key) }));
            }
            self.skip_space();
            self.mark(b':', "':'")?;
            let value = self.value(depth + 1).map_err(|error| error.inside_key(&key))?;
            is_tagged |= key == tagged::TAG;
            map.insert(key.into(), value);
            if self.closes(b'}') {
                break;
            }
            self.mark(b',', "',' or '}'")?;
        }
        if is_tagged {
            return tagged::value(&map, self.limits).map_err(|kind| self.error_at(start, kind));
        }
        if map.keys().any(|key| is_reserved(key)) {
            map = self.unescaped(map, start)?;
        }
        Ok(Value::Map(Arc::new(map)))
    }

    /// Keys of the look `$$rm...` without the `$` that marks them as a user's.
    fn unescaped(&self, map: Map, start: usize) -> Result<Map, WireError> {
        let mut plain = Map::with_capacity(map.len());
        for (key, value) in map {
            match key.strip_prefix('$') {
                Some(rest) if is_reserved(&key) && rest.starts_with('$') => {
                    plain.insert(rest.into(), value);
                }
                Some(_) if is_reserved(&key) => {
                    return Err(self.error_at(start, WireErrorKind::ReservedKey { key: shortened(&key) }));
                }
                _ => {
                    plain.insert(key, value);
                }
            }
        }
        Ok(plain)
    }

    fn enter(&mut self, depth: usize) -> Result<(), WireError> {
        let limit = self.limits.effective_depth();
        if depth >= limit {
            return Err(self.error(WireErrorKind::Depth { limit }));
        }
        self.position += 1;
        Ok(())
    }

    fn count(&mut self) -> Result<(), WireError> {
        match self.items_left.checked_sub(1) {
            Some(left) => {
                self.items_left = left;
                Ok(())
            }
            None => Err(self.error(WireErrorKind::Items { limit: self.limits.items })),
        }
    }

    fn number(&mut self) -> Result<Value, WireError> {
        let start = self.position;
        self.accept(b'-');
        match self.peek() {
            Some(b'0') => self.position += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(self.expected("a digit")),
        }
        let mut is_float = false;
        if self.accept(b'.') {
            is_float = true;
            self.digits()?;
        }
        if self.accept(b'e') || self.accept(b'E') {
            is_float = true;
            if !self.accept(b'+') {
                self.accept(b'-');
            }
            self.digits()?;
        }
        let literal = &self.text[start..self.position];
        if is_float {
            return match literal.parse::<f64>() {
                Ok(value) if value.is_finite() => Ok(Value::Float(value)),
                _ => Err(self.error_at(start, WireErrorKind::FloatRange { text: shortened(literal) })),
            };
        }
        let signed = literal.parse().map(Value::Int);
        signed
            .or_else(|_| literal.parse().map(Value::UInt))
            .map_err(|_| self.error_at(start, WireErrorKind::IntegerRange { text: shortened(literal) }))
    }

    fn digits(&mut self) -> Result<(), WireError> {
        let start = self.position;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.position += 1;
        }
        if self.position == start { Err(self.expected("a digit")) } else { Ok(()) }
    }

    /// The text between quotes; the position is at the first quote.
    fn string(&mut self) -> Result<String, WireError> {
        self.position += 1;
        let mut content = String::new();
        loop {
            let rest = &self.text[self.position..];
            let len = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)).unwrap_or(rest.len());
            content.push_str(&rest[..len]);
            self.position += len;
            match self.peek() {
                Some(b'"') => {
                    self.position += 1;
                    return Ok(content);
                }
                Some(b'\\') => content.push(self.escape()?),
                _ => return Err(self.expected("'\"' at the end of the text, or an escape for a control character")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, WireError> {
        let start = self.position;
        self.position += 1;
        let escaped = self.peek();
        self.position += usize::from(escaped.is_some_and(|byte| byte.is_ascii()));
        Ok(match escaped {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(start),
            _ => {
                self.position = start;
                return Err(self.expected("one of the escapes of JSON"));
            }
        })
    }

    /// `\uXXXX`, or two of them for a character beyond the first 65,536.
    fn unicode_escape(&mut self, start: usize) -> Result<char, WireError> {
        let first = self.four_digits()?;
        let code = match first {
            0xd800..=0xdbff if self.text[self.position..].starts_with("\\u") => {
                self.position += 2;
                let second = self.four_digits()?;
                match second {
                    0xdc00..=0xdfff => 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00),
                    _ => first,
                }
            }
            other => other,
        };
        char::from_u32(code).ok_or_else(|| {
            self.position = start;
            self.expected("both halves of a surrogate pair")
        })
    }

    fn four_digits(&mut self) -> Result<u32, WireError> {
        let digits = self.text.get(self.position..self.position + 4);
        match digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit())) {
            Some(digits) => {
                self.position += 4;
                Ok(u32::from_str_radix(digits, 16).unwrap_or_default())
            }
            None => Err(self.expected("four hexadecimal digits")),
        }
    }

    fn word(&mut self, word: &'static str, value: Value) -> Result<Value, WireError> {
        if self.text[self.position..].starts_with(word) {
            self.position += word.len();
            return Ok(value);
        }
        Err(self.expected(word))
    }

    /// Whether the list or object ends here; if so it is passed.
    fn closes(&mut self, bracket: u8) -> bool {
        self.skip_space();
        self.accept(bracket)
    }

    fn mark(&mut self, mark: u8, expected: &'static str) -> Result<(), WireError> {
        if self.accept(mark) { Ok(()) } else { Err(self.expected(expected)) }
    }

    fn accept(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.position += usize::from(there);
        there
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.position += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    #[cold]
    fn expected(&self, expected: &'static str) -> WireError {
        let found = self.text[self.position..].chars().next();
        let found = found.map_or("the end of the text".to_owned(), |found| format!("{found:?}"));
        self.error(WireErrorKind::Syntax { expected, found })
    }

    #[cold]
    fn error(&self, kind: WireErrorKind) -> WireError {
        self.error_at(self.position, kind)
    }

    #[cold]
    fn error_at(&self, position: usize, kind: WireErrorKind) -> WireError {
        let before = &self.text[..position];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        WireError::new(kind, Some(Place::Text { line, column }))
    }
}
