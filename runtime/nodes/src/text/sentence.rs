//! Where a sentence ends. It knows text that grows at its end, not packets.

/// What ends a sentence, and what only looks like it.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// Characters that may end a sentence.
    pub(super) terminators: Vec<char>,
    /// A shorter sentence, in characters, is joined to the next.
    pub(super) min_length: usize,
}

/// What is known of the next sentence of a text that may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It ends before this byte.
    Ends(usize),
    /// It is not complete, or what follows must show whether it is.
    Open,
}

/// Abbreviations after which a sentence goes on, without their last dot, in lower case. A single letter is always one.
const ABBREVIATIONS: &[&str] = &[
    "mr", "mrs", "ms", "dr", "prof", "sr", "jr", "st", "rev", "hon", "gen", "col", "capt", "lt", "sgt", "mt", "vs",
    "cf", "ca", "approx", "e.g", "i.e", "a.k.a", "viz", "al", "fig", "figs", "eq", "sec", "ch", "vol", "no", "nos",
    "p", "pp", "ed", "eds", "est", "dept", "univ", "u.s", "u.k", "u.n", "e.u", "inc", "ltd", "co", "corp", "jan",
    "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec", "bzw", "z.b", "d.h", "usw", "nr",
    "hr", "fr",
];
/// Of these, such as are often the last word of a sentence: they go on only before a small letter or a digit.
const PERHAPS_LAST: &[&str] =
    &["etc", "inc", "ltd", "co", "corp", "jr", "sr", "u.s", "u.k", "u.n", "e.u", "a.m", "p.m", "usw", "no"];
/// Quotes and brackets that belong to the sentence which they close.
const CLOSING: &[char] =
    &['"', '\'', '\u{201d}', '\u{2019}', '\u{bb}', ')', ']', '}', '\u{300d}', '\u{300f}', '\u{ff09}'];
/// Terminators of scripts that put no space between sentences.
const IMMEDIATE: &[char] = &['\n', '\u{3002}', '\u{ff01}', '\u{ff1f}', '\u{ff0e}', '\u{964}'];

impl Rules {
    /// Where the first sentence of `text` ends, whatever may follow; with `is_all` nothing follows.
    pub(super) fn next(&self, text: &str, is_all: bool) -> Next {
        let mut from = 0;
        loop {
            let Some(at) = text[from..].find(|letter| self.terminators.contains(&letter)).map(|at| from + at) else {
                return Next::Open;
            };
            // A run of terminators and what closes belongs together: ?!" or ...)
            let run = &text[at..];
            let is_of_run =
                |letter: char| (self.terminators.contains(&letter) && letter != '\n') || CLOSING.contains(&letter);
            let first = run.chars().next().unwrap_or('\n');
            let length = match first {
                '\n' => 1,
                _ => run.find(|letter| !is_of_run(letter)).unwrap_or(run.len()),
            };
            let end = at + length;
            let rest = &text[end..];
            if rest.is_empty() && !is_all && first != '\n' {
                return Next::Open;
            }
            match self.ends(&text[..at], &text[at..end], rest, is_all) {
                None => return Next::Open,
                Some(true) if text[..end].trim().chars().count() >= self.min_length => return Next::Ends(end),
                Some(_) => from = end,
            }
        }
    }

    /// Whether a sentence ends with this run of terminators; None if what follows must show.
    fn ends(&self, before: &str, run: &str, rest: &str, is_all: bool) -> Option<bool> {
        if run.contains(IMMEDIATE) {
            return Some(true);
        }
        // Inside a number, a name or an address no space follows.
        if !rest.is_empty() && !rest.starts_with(char::is_whitespace) {
            return Some(false);
        }
        let is_dot = run == ".";
        let is_ellipsis = run.starts_with("..") || run.starts_with('\u{2026}');
        if !is_dot && !is_ellipsis {
            return Some(true);
        }
        let word = before.rsplit(|letter: char| letter.is_whitespace() || "([{\"'\u{201c}\u{2018}".contains(letter));
        let word = word.clone().next().unwrap_or_default().to_lowercase();
        let begins = before.trim_start().len() == word.len();
        // "I" is an initial where nothing stands before it, else a person.
        let is_initial = word.chars().count() == 1 && word.chars().all(char::is_alphabetic) && (word != "i" || begins);
        // A number at the beginning counts the items of a list: "1. Take ..."
        let is_list_number = !word.is_empty() && word.chars().all(|letter| letter.is_ascii_digit()) && begins;
        let may_be_last = PERHAPS_LAST.contains(&word.as_str());
        if is_dot && (is_list_number || ((is_initial || ABBREVIATIONS.contains(&word.as_str())) && !may_be_last)) {
            return Some(is_all && rest.trim().is_empty());
        }
        if !may_be_last && !is_ellipsis {
            return Some(true);
        }
        // Here the next letter tells, whether it is a small one.
        match rest.chars().find(|letter| !letter.is_whitespace() && !"\"'([\u{201c}\u{2018}".contains(*letter)) {
            Some(letter) => Some(!(letter.is_lowercase() || (may_be_last && letter.is_ascii_digit()))),
            None if is_all => Some(true),
            None => None,
        }
    }
}
