//! Quotes and brackets whose inside belongs together: where a pair opens, and where it closes.

use super::marks::{DASHES, LOW_CLOSING, LOW_OPENING, OPENING};

/// Quotes and brackets whose inside belongs together, with what closes them. The first that fits is taken.
pub(super) const PAIRS: &[(char, &str)] = &[
    ('(', ")"),
    ('[', "]"),
    ('{', "}"),
    ('"', "\""),
    ('\u{201c}', "\u{201d}"),
    ('\u{201e}', "\u{201c}\u{201d}"),
    ('\u{ab}', "\u{bb}"),
    ('\u{bb}', "\u{ab}"),
    ('\u{300c}', "\u{300d}"),
    ('\u{300e}', "\u{300f}"),
    ('\u{300a}', "\u{300b}"),
    ('\u{3010}', "\u{3011}"),
    ('\u{ff08}', "\u{ff09}"),
];
/// What opens and does not close within so many characters is taken for a mark without a partner.
const INSIDE: usize = 250;

/// Whether a character opens a pair where it stands.
pub(super) fn opens(last: Option<char>, opening: char, next: Option<char>) -> bool {
    let is_free = last.is_none_or(|last| last.is_whitespace() || OPENING.contains(last) || DASHES.contains(last));
    match opening {
        '"' | '\u{201c}' | '\u{bb}' => is_free && next.is_none_or(|next| !next.is_whitespace()),
        _ => true,
    }
}

/// Whether a quote that opens low is open at the end of a text.
pub(super) fn is_low_open(before: &str) -> bool {
    let is_quote = |letter: &char| matches!(*letter, LOW_OPENING | LOW_CLOSING | '\u{201d}');
    before.chars().rev().take(INSIDE).find(is_quote) == Some(LOW_OPENING)
}

/// Where the pair that opens at the start of `text` closes, in bytes. Some(None) if it does not; None if what follows
/// must show.
pub(super) fn closes(text: &str, opening: char, closing: &str, is_all: bool) -> Option<Option<usize>> {
    let mut depth = 0;
    for (at, letter) in text.char_indices().take(INSIDE) {
        if closing.contains(letter) && at > 0 {
            depth -= 1;
            if depth == 0 {
                return Some(Some(at));
            }
        } else if letter == opening {
            depth += 1;
        } else if letter == '\n' {
            return Some(None);
        }
    }
    if is_all || text.chars().nth(INSIDE - 1).is_some() { Some(None) } else { None }
}
