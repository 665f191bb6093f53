//! The marks around sentences, words and items of lists.

/// Quotes and brackets that belong to the sentence which they close. [`LOW_CLOSING`] is one only where it closes.
pub(super) const CLOSING: &str =
    "\"'\u{201d}\u{2019}\u{201c}\u{bb}\u{203a}\u{ab})]}\u{300d}\u{300f}\u{ff09}\u{300b}\u{3009}\u{3011}";
/// Of these, the quote that closes what [`LOW_OPENING`] opens. Elsewhere it opens itself.
pub(super) const LOW_CLOSING: char = '\u{201c}';
pub(super) const LOW_OPENING: char = '\u{201e}';
/// Of these, such as never open anything; white space may stand before them.
pub(super) const ONLY_CLOSING: &str = "\u{201d})]}\u{300d}\u{300f}\u{ff09}\u{300b}\u{3009}\u{3011}";
/// What may stand between white space and the first letter of a sentence.
pub(super) const OPENING: &str =
    "\"'([{\u{201c}\u{201e}\u{2018}\u{201a}\u{ab}\u{bb}\u{2039}\u{300c}\u{300e}\u{ff08}\u{300a}\u{3010}";
/// What begins an item of a list.
pub(super) const BULLETS: &str = "\u{2022}\u{2043}\u{2023}\u{25e6}\u{25aa}";
/// What stands between parts of a sentence, and before what somebody else says.
pub(super) const DASHES: &str = "-\u{2013}\u{2014}";
