//! JSON text to values: RFC 8259 to the letter, with exact numbers.
//!
//! A parser of its own, because integers must not turn into floats, floats must read back to the last bit, a repeated
//! key is an error, and every error knows its path, line and column. Its tokens come from [`crate::syntax::json`]. The
//! recursion is bounded by the limit on depth.

use std::sync::Arc;

use super::tagged;
use super::write::is_reserved;
use crate::syntax::json::{self, Lexer, Number, OutOfRange, TextFault};
use crate::value::{Buffer, Map, Value};
use crate::wire::error::{Place, Step, WireError, WireErrorKind, shortened};
use crate::wire::limits::Limits;

/// The value of a whole text.
pub(super) fn value(text: &str, buffers: &[Buffer], limits: &Limits) -> Result<Value, WireError> {
    let mut parser = Parser { lexer: Lexer::new(text), items_left: limits.items, buffers, limits };
    if text.len() > limits.bytes {
        return Err(parser.error(WireErrorKind::Bytes { found: text.len(), limit: limits.bytes }));
    }
    let value = parser.value(0)?;
    parser.lexer.skip_space();
    if !parser.lexer.is_at_end() {
        return Err(parser.expected("the end of the text"));
    }
    Ok(value)
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    items_left: usize,
    /// The buffers to which the text may refer.
    buffers: &'a [Buffer],
    limits: &'a Limits,
}

impl Parser<'_> {
    fn value(&mut self, depth: usize) -> Result<Value, WireError> {
        self.lexer.skip_space();
        match self.lexer.peek() {
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
        self.enter(b'[', depth)?;
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
        let start = self.lexer.position();
        self.enter(b'{', depth)?;
        let mut map = Map::new();
        let mut is_tagged = false;
        if self.closes(b'}') {
            return Ok(Value::Map(Arc::new(map)));
        }
        loop {
            self.count()?;
            self.lexer.skip_space();
            if self.lexer.peek() != Some(b'"') {
                return Err(self.expected("a key in quotes"));
            }
            let before_key = self.lexer.position();
            let key = self.string()?;
            if map.contains_key(key.as_str()) {
                return Err(self.error_at(before_key, WireErrorKind::DuplicateKey { key: shortened(&key) }));
            }
            self.lexer.skip_space();
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
            return tagged::value(&map, self.buffers, self.limits).map_err(|kind| self.error_at(start, kind));
        }
        if map.keys().any(|key| is_reserved(key)) {
            map = self.unescaped(map, start)?;
        }
        Ok(Value::Map(Arc::new(map)))
    }

    /// The entries with keys such as `$$rm...` without the `$` that marks them as keys of the user.
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

    /// Passes the bracket that opens a list or object, if it may lie so deep.
    fn enter(&mut self, bracket: u8, depth: usize) -> Result<(), WireError> {
        let limit = self.limits.effective_depth();
        if depth >= limit {
            return Err(self.error(WireErrorKind::Depth { limit }));
        }
        self.lexer.accept(bracket);
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
        let start = self.lexer.position();
        let Ok(literal) = self.lexer.number() else { return Err(self.expected("a digit")) };
        match json::number(literal) {
            Ok(Number::Signed(value)) => Ok(Value::Int(value)),
            Ok(Number::Unsigned(value)) => Ok(Value::UInt(value)),
            Ok(Number::Float(value)) => Ok(Value::Float(value)),
            Err(OutOfRange::Integer) => {
                Err(self.error_at(start, WireErrorKind::IntegerRange { text: shortened(literal) }))
            }
            Err(OutOfRange::Float) => Err(self.error_at(start, WireErrorKind::FloatRange { text: shortened(literal) })),
        }
    }

    fn string(&mut self) -> Result<String, WireError> {
        self.lexer.string().map_err(|fault| match fault {
            TextFault::Unclosed => self.expected("'\"' at the end of the text, or an escape for a control character"),
            TextFault::Escape(start) => self.expected_at(start, "one of the escapes of JSON"),
            TextFault::Digits(_) => self.expected("four hexadecimal digits"),
            TextFault::Surrogate(start) => self.expected_at(start, "both halves of a surrogate pair"),
        })
    }

    fn word(&mut self, word: &'static str, value: Value) -> Result<Value, WireError> {
        if self.lexer.keyword(word) { Ok(value) } else { Err(self.expected(word)) }
    }

    /// Whether the list or object ends here; if so, its bracket is passed.
    fn closes(&mut self, bracket: u8) -> bool {
        self.lexer.skip_space();
        self.lexer.accept(bracket)
    }

    fn mark(&mut self, mark: u8, expected: &'static str) -> Result<(), WireError> {
        if self.lexer.accept(mark) { Ok(()) } else { Err(self.expected(expected)) }
    }

    #[cold]
    fn expected(&self, expected: &'static str) -> WireError {
        self.expected_at(self.lexer.position(), expected)
    }

    #[cold]
    fn expected_at(&self, position: usize, expected: &'static str) -> WireError {
        let found = self.lexer.text()[position..].chars().next();
        let found = found.map_or("the end of the text".to_owned(), |found| format!("{found:?}"));
        self.error_at(position, WireErrorKind::Syntax { expected, found })
    }

    #[cold]
    fn error(&self, kind: WireErrorKind) -> WireError {
        self.error_at(self.lexer.position(), kind)
    }

    #[cold]
    fn error_at(&self, position: usize, kind: WireErrorKind) -> WireError {
        let before = &self.lexer.text()[..position];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        WireError::new(kind, Some(Place::Text { line, column }))
    }
}
