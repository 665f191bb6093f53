//! The tokens of JSON text, as RFC 8259 has them: white space, texts, numbers and words, each at its offset.

/// A place in a JSON text that moves over its tokens. After a fault it stands where the fault was noticed.
pub(crate) struct Lexer<'a> {
    text: &'a str,
    position: usize,
}

/// What a number is, exactly: an integer has neither point nor exponent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Signed(i64),
    /// An integer above those with a sign.
    Unsigned(u64),
    Float(f64),
}

/// Why a literal is no [`Number`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutOfRange {
    Integer,
    Float,
}

/// What a text in quotes can't be read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextFault {
    /// The JSON text ends, or a control character stands, before the closing quote.
    Unclosed,
    /// A backslash at this offset with something behind it that is no escape, or with nothing.
    Escape(usize),
    /// A `\u` at the offset, without four hexadecimal digits at the position of the lexer.
    Digits(usize),
    /// A `\u` at this offset that is one half of a surrogate pair alone.
    Surrogate(usize),
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, position: 0 }
    }

    /// The offset of the next byte.
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// What has not been passed.
    pub(crate) fn rest(&self) -> &'a str {
        &self.text[self.position..]
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.position == self.text.len()
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    /// Passes this ASCII character, if it is next.
    pub(crate) fn accept(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.position += usize::from(is_next);
        is_next
    }

    pub(crate) fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.position += 1;
        }
    }

    /// Passes this text, if it is next, whatever follows it.
    pub(crate) fn keyword(&mut self, word: &str) -> bool {
        let is_next = self.rest().starts_with(word);
        self.position += if is_next { word.len() } else { 0 };
        is_next
    }

    /// The letters, digits and underscores that are next; they are not passed.
    pub(crate) fn word(&self) -> &'a str {
        let rest = self.rest();
        &rest[..rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())]
    }

    /// Passes a number and returns it as it is written; a fault is a missing digit, where the lexer stands then.
    pub(crate) fn number(&mut self) -> Result<&'a str, ()> {
        let start = self.position;
        self.accept(b'-');
        if !self.accept(b'0') {
            self.digits()?;
        }
        if self.accept(b'.') {
            self.digits()?;
        }
        if self.accept(b'e') || self.accept(b'E') {
            if !self.accept(b'+') {
                self.accept(b'-');
            }
            self.digits()?;
        }
        Ok(&self.text[start..self.position])
    }

    fn digits(&mut self) -> Result<(), ()> {
        let start = self.position;
        while let Some(b'0'..=b'9') = self.peek() {
            self.position += 1;
        }
        if self.position == start { Err(()) } else { Ok(()) }
    }

    /// Passes a text in quotes and returns what it means; the lexer stands at the first quote.
    pub(crate) fn string(&mut self) -> Result<String, TextFault> {
        self.position += 1;
        let mut content = String::new();
        loop {
            let rest = self.rest();
            let plain = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)).unwrap_or(rest.len());
            content.push_str(&rest[..plain]);
            self.position += plain;
            match self.peek() {
                Some(b'"') => {
                    self.position += 1;
                    return Ok(content);
                }
                Some(b'\\') => content.push(self.escape()?),
                _ => return Err(TextFault::Unclosed),
            }
        }
    }

    /// One escaped character; two escapes if it is a surrogate pair.
    fn escape(&mut self) -> Result<char, TextFault> {
        let start = self.position;
        self.position += 1;
        let character = match self.peek() {
            Some(same @ (b'"' | b'\\' | b'/')) => same.into(),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.position += 1;
                return self.code_point(start);
            }
            _ => return Err(TextFault::Escape(start)),
        };
        self.position += 1;
        Ok(character)
    }

    fn code_point(&mut self, start: usize) -> Result<char, TextFault> {
        let first = self.code_unit(start)?;
        let mut units = [first, first];
        let mut count = 1;
        if (0xd800..0xdc00).contains(&first) && self.keyword("\\u") {
            units[1] = self.code_unit(start)?;
            count = 2;
        }
        let mut decoded = char::decode_utf16(units[..count].iter().copied());
        decoded.next().and_then(Result::ok).ok_or(TextFault::Surrogate(start))
    }

    fn code_unit(&mut self, start: usize) -> Result<u16, TextFault> {
        let digits = self.text.get(self.position..self.position + 4);
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()).ok_or(TextFault::Digits(start))?;
        self.position += 4;
        Ok(unit)
    }
}

/// Whether the whole of a text is a number.
pub(crate) fn is_number(text: &str) -> bool {
    let mut lexer = Lexer::new(text);
    lexer.number().is_ok() && lexer.is_at_end()
}

/// The number that a decimal literal means; an integer exactly.
pub(crate) fn number(literal: &str) -> Result<Number, OutOfRange> {
    if literal.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        return match (literal.parse(), literal.parse()) {
            (Ok(number), _) => Ok(Number::Signed(number)),
            (_, Ok(number)) => Ok(Number::Unsigned(number)),
            _ => Err(OutOfRange::Integer),
        };
    }
    match literal.parse() {
        Ok(number) if f64::is_finite(number) => Ok(Number::Float(number)),
        _ => Err(OutOfRange::Float),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_the_grammar() {
        for right in ["0", "-0", "7", "-12", "10.25", "0.0", "1e5", "1E+05", "-3.5e-0"] {
            assert!(is_number(right), "{right}");
        }
        for wrong in ["", "-", "01", "-01", "1.", ".5", "1e", "1e+", "+1", "1.5.2", "0x1", "1_0", "--1", "1e5e"] {
            assert!(!is_number(wrong), "{wrong}");
        }
        // A missing digit is noticed where it is missing.
        for (text, at) in [("-x", 1), ("1.x", 2), ("1e-x", 3)] {
            let mut lexer = Lexer::new(text);
            assert!(lexer.number().is_err());
            assert_eq!(lexer.position(), at, "{text}");
        }
    }

    #[test]
    fn numbers_are_exact_or_refused() {
        assert_eq!(number("-9223372036854775808"), Ok(Number::Signed(i64::MIN)));
        assert_eq!(number("9223372036854775808"), Ok(Number::Unsigned(1 << 63)));
        assert_eq!(number("18446744073709551616"), Err(OutOfRange::Integer));
        assert_eq!(number("5e-324"), Ok(Number::Float(5e-324)));
        assert_eq!(number("1e400"), Err(OutOfRange::Float));
    }

    #[test]
    fn texts_are_read_or_their_fault_is_placed() {
        let read = |text: &str| {
            let mut lexer = Lexer::new(text);
            (lexer.string(), lexer.position())
        };
        assert_eq!(read(r#""aé\n\"\/\u00e9\ud83d\ude00" x"#), (Ok("aé\n\"/é😀".to_owned()), 29));
        assert_eq!(read("\"ab"), (Err(TextFault::Unclosed), 3));
        assert_eq!(read("\"a\tb\""), (Err(TextFault::Unclosed), 2));
        assert_eq!(read(r#""a\"#), (Err(TextFault::Escape(2)), 3));
        assert_eq!(read(r#""a\é""#), (Err(TextFault::Escape(2)), 3));
        assert_eq!(read(r#""\u+123""#), (Err(TextFault::Digits(1)), 3));
        assert_eq!(read(r#""\u12é""#), (Err(TextFault::Digits(1)), 3));
        assert_eq!(read(r#""\ud83d\u12""#), (Err(TextFault::Digits(1)), 9));
        assert_eq!(read(r#""\ud83d\u0041""#), (Err(TextFault::Surrogate(1)), 13));
        assert_eq!(read(r#""\ude00\ud83d""#), (Err(TextFault::Surrogate(1)), 7));
    }

    #[test]
    fn words_end_where_letters_do() {
        let mut lexer = Lexer::new("nulls über_2-x");
        assert_eq!(lexer.word(), "nulls");
        assert!(!lexer.keyword("true"));
        assert!(lexer.keyword("null"));
        assert_eq!(lexer.rest(), "s über_2-x");
        assert!(lexer.keyword("s"));
        lexer.skip_space();
        assert_eq!(lexer.word(), "über_2");
    }
}
