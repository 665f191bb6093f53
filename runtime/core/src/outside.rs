//! Text from outside, as messages show it: ids, names, keys, paths and values that a user or a file chose.
//!
//! A message may not grow with what it quotes, and what it quotes may not command the terminal that shows it. So whatever
//! comes from outside goes through [`shown`], [`quoted`] or [`named`]; and what becomes an error goes through [`message`],
//! which keeps both promises also where one of them was forgotten.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The number of characters of one text that are shown.
const SHOWN: usize = 60;

/// The number of characters of a name that are shown where the name identifies something.
const LONGEST_NAME: usize = 255;

/// The most characters of a message; longer ones lose their middle.
const LONGEST_MESSAGE: usize = 10_000;

/// The most characters of each sentence, where a message has several.
const LONGEST_CLAUSE: usize = 1_000;

/// The text without quotes: its beginning if it is long, with what a terminal would obey written as escapes.
pub fn shown(text: &str) -> String {
    escaped(beginning(text).as_ref(), |_| false)
}

/// The beginning of a long text, with nothing escaped; for what is then written by `{:?}`, which escapes it.
pub fn beginning(text: &str) -> Cow<'_, str> {
    cut(text, SHOWN)
}

fn cut(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => text.into(),
        Some((end, _)) => format!("{}…", &text[..end]).into(),
    }
}

/// The text in double quotes, escaped as in JSON; its beginning if it is long.
pub fn quoted(text: &str) -> String {
    // JSON leaves what a terminal obeys beyond ASCII as it is.
    escaped(&serde_json::Value::from(beginning(text).as_ref()).to_string(), |_| false)
}

/// The text in single quotes; its beginning if it is long.
pub fn named(text: &str) -> String {
    format!("'{}'", shown(text))
}

/// The name of a file, an item or a node without quotes, whole: up to 255 characters, which is what file systems allow.
pub fn shown_in_full(text: &str) -> String {
    escaped(&cut(text, LONGEST_NAME), |_| false)
}

/// The same in single quotes.
pub fn named_in_full(text: &str) -> String {
    format!("'{}'", shown_in_full(text))
}

/// A whole message: what a terminal would obey is written as escapes, but for line breaks and tabs; the middle of a very
/// long one is left out.
pub fn message(text: impl Into<String>) -> String {
    bounded(text.into(), LONGEST_MESSAGE)
}

/// One of several sentences of a message, in the same way.
pub fn clause(text: impl Into<String>) -> String {
    bounded(text.into(), LONGEST_CLAUSE)
}

fn bounded(text: String, most: usize) -> String {
    let is_kept = |character| matches!(character, '\n' | '\t');
    // Every byte count is at least the count of characters.
    let is_short = text.len() <= most || text.chars().count() <= most;
    if is_short && !text.chars().any(|character| commands(character) && !is_kept(character)) {
        return text;
    }
    if is_short {
        return escaped(&text, is_kept);
    }
    let half = most / 2;
    let begin: String = text.chars().take(half).collect();
    let rest = text.char_indices().rev().nth(half - 1).map_or(0, |(at, _)| at);
    format!("{} … {}", escaped(&begin, is_kept), escaped(&text[rest..], is_kept))
}

/// Whether a terminal obeys this character instead of showing it: control characters, and those that change the direction
/// of text or show nothing at all.
fn commands(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

fn escaped(text: &str, is_kept: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            _ if !commands(character) || is_kept(character) => shown.push(character),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            '\u{10000}'.. => drop(write!(shown, "\\u{{{:x}}}", character as u32)),
            _ => drop(write!(shown, "\\u{:04x}", character as u32)),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut() {
        let long = "ä".repeat(1_000_000);
        assert_eq!(shown(&long), format!("{}…", "ä".repeat(SHOWN)));
        assert_eq!(quoted(&long), format!("\"{}…\"", "ä".repeat(SHOWN)));
        assert_eq!(named(&long), format!("'{}…'", "ä".repeat(SHOWN)));
        assert_eq!(named_in_full(&long), format!("'{}…'", "ä".repeat(LONGEST_NAME)));
        assert_eq!(named(&"b".repeat(SHOWN)), format!("'{}'", "b".repeat(SHOWN)));
        let half = "ä".repeat(LONGEST_MESSAGE / 2);
        assert_eq!(clause(long.as_str()).chars().count(), LONGEST_CLAUSE + 3);
        assert_eq!(message(long), format!("{half} … {half}"));
        assert_eq!(message("ä".repeat(LONGEST_MESSAGE)).chars().count(), LONGEST_MESSAGE);
    }

    #[test]
    fn nothing_that_a_terminal_obeys_remains() {
        let text = "a\u{1b}[31m\u{9b}\u{7f}\u{0}\u{202e}\u{2066}\u{200f}\u{feff}\u{e0041}\r\n\té";
        let plain = r"a\u001b[31m\u009b\u007f\u0000\u202e\u2066\u200f\ufeff\u{e0041}\r\n\té";
        assert_eq!(shown(text), plain);
        assert_eq!(named(text), format!("'{plain}'"));
        assert_eq!(quoted(text), format!("\"{plain}\""));
        assert_eq!(message(text), plain.replace("\\n\\t", "\n\t"));
        assert_eq!(quoted("\"\\"), r#""\"\\""#);
        for code in 0..=0x10_ffff {
            let Some(character) = char::from_u32(code) else { continue };
            let shown = shown(character.encode_utf8(&mut [0; 4]));
            assert!(!shown.chars().any(char::is_control), "{code:x}");
        }
    }
}
