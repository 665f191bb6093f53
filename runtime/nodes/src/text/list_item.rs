//! `ListItem`: what begins an item of a list, and whether the next item of the same list begins somewhere.

use super::marks::BULLETS;

/// The mark that begins an item of a list: "1.", "2)", "3.)", "a.", or a bullet, with or without a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ListItem {
    bullet: Option<char>,
    number: Option<u32>,
    letter: Option<char>,
    end: Option<&'static str>,
}

impl ListItem {
    /// The item that begins at the start of `text`, as far as that has come.
    pub(super) fn at(text: &str) -> Option<Self> {
        Self::read(text).0
    }

    /// The item, and whether nothing that may follow makes another one of it.
    fn read(text: &str) -> (Option<Self>, bool) {
        let bullet = text.chars().next().filter(|letter| BULLETS.contains(*letter));
        let behind = text.trim_start_matches(|letter| BULLETS.contains(letter));
        let behind = if bullet.is_some() { behind.trim_start() } else { behind };
        let digits = behind.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(behind.len());
        let number = behind[..digits].parse().ok().filter(|_| digits <= 3);
        let letter = behind.chars().next().filter(|letter| letter.is_ascii_lowercase());
        let mark = match (number, letter) {
            (Some(_), _) => &behind[digits..],
            (None, Some(_)) => &behind[1..],
            _ => behind,
        };
        let ends = [".)", ".", ")"].into_iter().find(|end| mark.starts_with(end));
        let end = ends.filter(|end| mark[end.len()..].starts_with(char::is_whitespace));
        let is_whole = !mark[ends.map_or(0, str::len)..].is_empty();
        let item = match end {
            Some(_) if number.is_some() => Some(Self { bullet, number, letter: None, end }),
            Some(_) if letter.is_some() => Some(Self { bullet, number: None, letter, end }),
            _ if bullet.is_some() => Some(Self { bullet, number: None, letter: None, end: None }),
            _ => None,
        };
        (item, is_whole)
    }

    /// Whether the next item of the same list begins here; None if what follows must show.
    pub(super) fn precedes(self, text: &str, is_all: bool) -> Option<bool> {
        let next = Self {
            number: self.number.map(|number| number + 1),
            letter: self.letter.and_then(|letter| char::from_u32(letter as u32 + 1)),
            ..self
        };
        let (item, is_whole) = Self::read(text);
        (is_all || is_whole).then_some(item == Some(next))
    }
}
