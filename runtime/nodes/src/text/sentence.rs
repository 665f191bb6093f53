//! Where a sentence ends. It knows text that grows at its end and the words of its language, not packets.
//!
//! A terminator is judged by what stands before it, an abbreviation, an initial or a number, and by what follows: a
//! small letter, a capital, or a word that usually begins a sentence. What has not come yet and would decide leaves the
//! sentence open, so the answer never depends on how much more is there.

use super::language::{Language, Words};
use super::list_item::ListItem;
use super::marks::{BULLETS, CLOSING, DASHES, LOW_CLOSING, ONLY_CLOSING, OPENING};
use super::pairs::{PAIRS, closes, is_low_open, opens};

/// What ends a sentence, and what only looks like it.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// Characters that may end a sentence.
    pub(super) terminators: Vec<char>,
    /// A shorter sentence, in characters, is joined to the next.
    pub(super) min_length: usize,
    pub(super) language: Language,
}

/// What is known of the next sentence of a text that may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It ends before this byte.
    Ends(usize),
    /// It is not complete, or what follows must show whether it is.
    Open,
}

/// How far an open sentence has been read: up to the first place where what follows decides. What stands before it is
/// judged for good.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reading {
    at: usize,
    /// Up to here all is inside a pair.
    inside: usize,
    /// How far letters and digits were looked for, and whether there are some.
    looked: usize,
    has_word: bool,
}

/// Terminators of scripts that put no space between sentences, or that have no other meaning.
const IMMEDIATE: &str =
    "\n\u{3002}\u{ff01}\u{ff1f}\u{ff0e}\u{ff61}\u{964}\u{965}\u{61f}\u{6d4}\u{1362}\u{1367}\u{1368}\u{104b}";
/// What may stand before a quotation mark that closes, as in French.
const SPACES: [char; 3] = [' ', '\u{a0}', '\u{202f}'];
/// What quotes the words before it goes on with their sentence: the Japanese particles.
const QUOTING: &str = "\u{3068}\u{3063}";
/// Names that end with an exclamation mark.
const EXCLAMATIONS: &str = "yahoo jeopardy yum joomla";
/// Titles, after which a name comes even where the word before them may end a sentence.
const TITLES: &str = "mr mrs ms dr prof";

/// What follows a terminator, behind white space.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Follow<'a> {
    /// Nothing, or it has not come yet.
    End,
    NotYet,
    Digit,
    /// A letter, with its word so far, and whether that is all of it.
    Small,
    Capital(&'a str, bool),
    /// A letter of a script without capitals.
    Letter,
    Mark(char),
}

/// What a run of terminators is, with how many bytes behind it.
#[derive(Clone, Copy, Debug)]
enum Verdict {
    Ends(usize),
    GoesOn(usize),
    /// What follows must show.
    Unknown,
}

impl From<Option<bool>> for Verdict {
    fn from(ends: Option<bool>) -> Self {
        match ends {
            Some(true) => Verdict::Ends(0),
            Some(false) => Verdict::GoesOn(0),
            None => Verdict::Unknown,
        }
    }
}

impl Reading {
    /// Whether letters or digits stand in what comes before a run of terminators.
    fn has_word(&mut self, before: &str) -> bool {
        if !self.has_word {
            self.has_word = before[self.looked..].contains(char::is_alphanumeric);
            self.looked = before.len();
        }
        self.has_word
    }
}

impl Rules {
    /// Where the first sentence of `text` ends, whatever may follow; with `is_all` nothing follows. `reading` is what has been
    /// read of less of the same text, or new.
    pub(super) fn next(&self, text: &str, is_all: bool, reading: &mut Reading) -> Next {
        let item = ListItem::at(text.trim_start());
        let mut last = text[..reading.at].chars().next_back();
        while let Some(letter) = text[reading.at..].chars().next() {
            let Reading { at, inside, .. } = *reading;
            let length = letter.len_utf8();
            let may_be_item = last.is_some_and(char::is_whitespace) && at > inside;
            let precedes = match item.filter(|_| may_be_item).map(|item| item.precedes(&text[at..], is_all)) {
                Some(None) => return Next::Open,
                Some(Some(precedes)) => precedes,
                None => false,
            };
            if precedes {
                if self.is_long_enough(&text[..at]) {
                    return Next::Ends(at);
                }
            } else if at >= inside
                && let Some((_, closing)) = PAIRS.iter().find(|(opening, _)| *opening == letter)
                && opens(last, letter, text[at + length..].chars().next())
            {
                match closes(&text[at..], letter, closing, is_all) {
                    Some(Some(end)) => reading.inside = at + end,
                    Some(None) => {}
                    None => return Next::Open,
                }
            } else if self.terminators.contains(&letter) {
                let run = self.run(&text[..at], &text[at..]);
                let end = at + run;
                if end > inside {
                    // What closes may come behind a space.
                    let may_grow = text[end..].is_empty() || text[end..].strip_prefix(SPACES) == Some("");
                    if may_grow && !is_all && letter != '\n' {
                        return Next::Open;
                    }
                    let has_word = reading.has_word(&text[..at]);
                    match self.judge(&text[..at], &text[at..end], &text[end..], is_all, has_word) {
                        Verdict::Unknown => return Next::Open,
                        Verdict::Ends(more) if self.is_long_enough(&text[..end + more]) => {
                            return Next::Ends(end + more);
                        }
                        Verdict::Ends(more) | Verdict::GoesOn(more) => reading.at = end + more,
                    }
                } else {
                    reading.at = end;
                }
                last = text[..reading.at].chars().next_back();
                continue;
            }
            last = Some(letter);
            reading.at += length;
        }
        Next::Open
    }

    fn is_long_enough(&self, sentence: &str) -> bool {
        sentence.trim().chars().count() >= self.min_length
    }

    /// The bytes of a run of terminators and what closes behind them: ?!" or ...) or, with a space as in French, . »
    fn run(&self, before: &str, text: &str) -> usize {
        if text.starts_with('\n') {
            return 1;
        }
        let closes = |letter| letter != LOW_CLOSING || self.language.has_low_quotes() || is_low_open(before);
        let is_of_run = |letter: char| {
            (self.terminators.contains(&letter) && letter != '\n') || (CLOSING.contains(letter) && closes(letter))
        };
        let end = text.find(|letter| !is_of_run(letter)).unwrap_or(text.len());
        // It closes unless a letter touches it.
        let behind = text[end..].strip_prefix(SPACES).and_then(|text| text.strip_prefix(['\u{bb}', '\u{203a}']));
        match behind {
            Some(behind) if !behind.starts_with(char::is_alphanumeric) => text.len() - behind.len(),
            _ => end,
        }
    }

    /// Whether a sentence ends with this run of terminators; `has_word`: letters or digits stand before it.
    fn judge(&self, before: &str, run: &str, rest: &str, is_all: bool, has_word: bool) -> Verdict {
        if run == "\n" {
            return Verdict::Ends(0);
        }
        if !has_word {
            return Verdict::GoesOn(0);
        }
        if run.contains(|letter| IMMEDIATE.contains(letter)) {
            return ends_at_once(before, run, rest, is_all).into();
        }
        // Inside a number, a name or an address no space follows.
        if let Some(next) = rest.chars().next().filter(|next| !next.is_whitespace()) {
            let small = |word: &str| word.chars().filter(|letter| letter.is_lowercase()).count();
            let may_join = self.language.joins_sentences() && run == "." && next.is_uppercase();
            return Some(may_join && small(word_before(before)) > 3).into();
        }
        let word = word_before(before);
        let follow = follow(rest, is_all);
        let ends_line =
            rest.trim_start_matches(|letter: char| letter.is_whitespace() && letter != '\n').starts_with('\n');
        if follow == Follow::End || ends_line {
            return Verdict::Ends(0);
        }
        if follow == Follow::NotYet {
            return Verdict::Unknown;
        }
        if run == "." && rest.starts_with([' ', '\u{a0}']) && rest.trim_start().starts_with('.') {
            return spaced_dots(before, rest, is_all);
        }
        match goes_on_with_mark(follow, rest, is_all) {
            None => return Verdict::Unknown,
            Some(true) => return Verdict::GoesOn(0),
            Some(false) => {}
        }
        let is_closed = run.ends_with(|letter| CLOSING.contains(letter));
        let marks: String = run.chars().filter(|letter| !CLOSING.contains(*letter)).collect();
        let ends = if is_closed && follow == Follow::Small {
            Some(false)
        } else if is_omission(before, run) {
            Some(marks.len() > 3 && run.ends_with('.'))
        } else if marks.starts_with("..") || marks.starts_with('\u{2026}') {
            Some(follow != Follow::Small)
        } else if run == "!" && Words::is_in(EXCLAMATIONS, &word.to_lowercase()) {
            self.starts(follow)
        } else if marks != "." {
            Some(true)
        } else if is_closed {
            // "1.)" counts as "1." does.
            Some(!(run == ".)" && before.trim_start() == word && is_number(word)))
        } else {
            self.ends_with_dot(before, word, follow)
        };
        ends.into()
    }

    /// Whether a sentence ends with a dot behind this word.
    fn ends_with_dot(&self, before: &str, word: &str, follow: Follow) -> Option<bool> {
        let words = self.language.words();
        let (length, lower) = (word.chars().count(), &*word.to_lowercase());
        let sentence = before.trim_start().trim_start_matches(|letter| BULLETS.contains(letter)).trim_start();
        let begins = sentence.len() == word.len();
        // A number at the beginning counts the items of a list: "1. Take ..."
        if is_number(word) && begins {
            return Some(false);
        }
        let is_ordinal = (is_number(word) && length <= 2) || (is_roman(word) && length > 1);
        if is_ordinal && self.language.has_ordinal_dots() {
            return match follow {
                Follow::Capital(..) if self.language == Language::Da => Some(true),
                Follow::Capital(..) => self.starts(follow),
                _ => Some(follow == Follow::Digit),
            };
        }
        if is_number(word) {
            return Some(true);
        }
        if Words::is_in(words.inner, lower) || (self.language == Language::De && lower.ends_with("str")) {
            return Some(false);
        }
        if Words::is_in(words.perhaps_last, lower) {
            return match follow {
                Follow::Capital(..) if matches!(lower, "a.m" | "p.m") => is_title(follow).map(|is_title| !is_title),
                Follow::Capital(..) | Follow::Letter => Some(true),
                Follow::Mark(mark) => Some(OPENING.contains(mark) || mark == '\u{bf}' || mark == '\u{a1}'),
                _ => Some(false),
            };
        }
        if Words::is_in(words.numbered, lower) && (length > 1 || !matches!(follow, Follow::Capital(..))) {
            return match follow {
                Follow::Capital(number, false) if is_roman(number) => None,
                Follow::Capital(number, true) if is_roman(number) && number != "I" => Some(false),
                Follow::Capital(..) if self.language == Language::De => self.starts(follow),
                Follow::Capital(..) | Follow::Letter => Some(true),
                _ => Some(false),
            };
        }
        if length == 1 && word.chars().all(char::is_alphabetic) {
            let previous = word_before(before[..before.len() - word.len()].trim_end());
            let is_behind_name = previous.starts_with(char::is_uppercase);
            // "I" is an initial where nothing or a name stands before it, else a person.
            if word == "I" && self.language == Language::En {
                return Some(!begins && !is_behind_name);
            }
            let may_end =
                word.starts_with(char::is_uppercase) && !begins && !is_behind_name && !previous.ends_with('.');
            return if may_end { self.starts(follow) } else { Some(false) };
        }
        if is_acronym(word) {
            return match follow {
                Follow::Capital(..) | Follow::Mark(_) => self.starts(follow),
                _ => Some(false),
            };
        }
        Some(true)
    }

    /// Whether what follows begins a sentence, whatever stands before it.
    fn starts(&self, follow: Follow) -> Option<bool> {
        let starters = self.language.words().starters;
        match follow {
            Follow::Capital(word, is_whole) => {
                let word = word.to_lowercase();
                let may_grow = !is_whole && starters.split_ascii_whitespace().any(|starter| starter.starts_with(&word));
                if may_grow { None } else { Some(Words::is_in(starters, &word)) }
            }
            Follow::Mark(mark) => Some("\u{bf}\u{a1}".contains(mark)),
            Follow::End => Some(true),
            Follow::NotYet => None,
            _ => Some(false),
        }
    }
}

/// The word that ends here, without what opens before it: "(Dr" is "Dr", "l'Avv" is "Avv".
fn word_before(before: &str) -> &str {
    let is_apart = |letter: char| {
        letter.is_whitespace() || OPENING.contains(letter) || CLOSING.contains(letter) || BULLETS.contains(letter)
    };
    let word = before.rsplit(is_apart).next().unwrap_or_default();
    // Arabic text has marks of direction around its dots.
    word.trim_matches(
        |letter| matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'),
    )
}

fn follow(rest: &str, is_all: bool) -> Follow<'_> {
    let nothing = if is_all { Follow::End } else { Follow::NotYet };
    let Some(first) = rest.trim_start().chars().next() else { return nothing };
    let text = rest.trim_start();
    let text = text.trim_start_matches(|letter| OPENING.contains(letter) && letter != '\u{bb}');
    match text.chars().next() {
        None => nothing,
        Some(letter) if letter.is_numeric() => Follow::Digit,
        Some(letter) if letter.is_lowercase() => Follow::Small,
        Some(letter) if letter.is_uppercase() => {
            let end = text.find(|letter: char| !letter.is_alphabetic());
            Follow::Capital(&text[..end.unwrap_or(text.len())], end.is_some() || is_all)
        }
        Some(letter) if letter.is_alphabetic() => Follow::Letter,
        Some(letter) => Follow::Mark(if letter.is_whitespace() { first } else { letter }),
    }
}

/// Whether a mark that follows shows that the sentence goes on, whatever ended; None if what follows it must show.
fn goes_on_with_mark(follow: Follow, rest: &str, is_all: bool) -> Option<bool> {
    let Follow::Mark(mark) = follow else { return Some(false) };
    let behind = rest.trim_start().trim_start_matches(mark);
    match mark {
        ',' | ';' | ':' => Some(true),
        _ if ONLY_CLOSING.contains(mark) => Some(true),
        // Behind a dash a small letter goes on: "Really?" - she asked. A capital begins what somebody else says.
        '-' | '\u{2013}' | '\u{2014}' => {
            let letter = behind.trim_start().chars().next();
            letter.map(|letter| letter.is_lowercase() || letter.is_numeric()).or(is_all.then_some(false))
        }
        _ => Some(false),
    }
}

/// Whether a run with a terminator that needs no space behind it ends a sentence; None if what follows must show.
fn ends_at_once(before: &str, run: &str, rest: &str, is_all: bool) -> Option<bool> {
    let Some(next) = rest.chars().next() else { return Some(true) };
    let is_number = run == "\u{ff0e}" && next.is_numeric() && before.ends_with(char::is_numeric);
    if is_number || "\u{3001}\u{ff0c},;:".contains(next) {
        return Some(false);
    }
    if !run.ends_with(|letter| CLOSING.contains(letter)) {
        return Some(true);
    }
    match follow(rest, is_all) {
        Follow::NotYet => None,
        follow => Some(!QUOTING.contains(next) && follow != Follow::Small),
    }
}

/// Whether a title follows, such as "Mr"; None if its word may grow.
fn is_title(follow: Follow) -> Option<bool> {
    let Follow::Capital(word, is_whole) = follow else { return Some(false) };
    let word = word.to_lowercase();
    let may_grow = !is_whole && TITLES.split_ascii_whitespace().any(|title| title.starts_with(&word));
    if may_grow { None } else { Some(Words::is_in(TITLES, &word)) }
}

/// Whether a run of dots stands for what was left out of a quotation: "[...]".
fn is_omission(before: &str, run: &str) -> bool {
    let dots = run.trim_end_matches(|letter| CLOSING.contains(letter) || letter == '.');
    before.ends_with(['[', '(']) && run.contains([']', ')']) && (dots.is_empty() || dots == "\u{2026}")
}

/// Dots with spaces between them, of which the first has just come: an ellipsis, or a full stop and an ellipsis.
fn spaced_dots(before: &str, rest: &str, is_all: bool) -> Verdict {
    let (mut dots, mut end) = (1, 0);
    while let Some(more) = rest[end..].strip_prefix([' ', '\u{a0}']).filter(|more| more.starts_with('.')) {
        if more.starts_with("..") {
            break;
        }
        dots += 1;
        end = rest.len() - more.len() + 1;
    }
    if dots == 1 {
        // What follows is an ellipsis of its own: "raak. ...en toen".
        return Verdict::Ends(0);
    }
    let behind = &rest[end..];
    let all = end + behind.find(|letter| !CLOSING.contains(letter)).unwrap_or(behind.len());
    match follow(&rest[all..], is_all) {
        Follow::NotYet => Verdict::Unknown,
        Follow::Small | Follow::Mark(_) => Verdict::GoesOn(all),
        Follow::End => Verdict::Ends(all),
        // Before a capital three dots between spaces are a pause: "the thing is . . . I did".
        _ if before.ends_with(char::is_whitespace) && dots < 4 => Verdict::GoesOn(all),
        _ if before.ends_with(char::is_whitespace) || dots < 4 => Verdict::Ends(all),
        _ => Verdict::Ends(0),
    }
}

fn is_number(word: &str) -> bool {
    let digits = word.trim_start_matches(|letter| DASHES.contains(letter));
    !digits.is_empty() && digits.chars().all(|letter| letter.is_ascii_digit())
}

fn is_roman(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|letter| "IVXLC".contains(letter))
}

/// Whether a word is made of short pieces with dots between them: "U.S", "z.B".
fn is_acronym(word: &str) -> bool {
    let is_piece = |piece: &str| (1..=3).contains(&piece.chars().count()) && piece.chars().all(char::is_alphabetic);
    word.contains('.') && word.split('.').all(is_piece)
}
