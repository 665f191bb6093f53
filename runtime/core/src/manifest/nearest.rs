//! Finds the names that were probably meant by one that does not exist.

use strsim::damerau_levenshtein;

/// `did you mean 'a' or 'b'?`, with the candidates that are close, at most three; None if none is.
pub(crate) fn did_you_mean<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    show: impl Fn(&str) -> String,
) -> Option<String> {
    let near = nearest(name, candidates);
    let shown: Vec<String> = near.iter().map(|candidate| show(candidate)).collect();
    match shown.split_last()? {
        (last, []) => Some(format!("did you mean {last}?")),
        (last, rest) => Some(format!("did you mean {} or {last}?", rest.join(", "))),
    }
}

/// The candidates at the smallest edit distance (optimal string alignment with transpositions), if that is small
/// against the length of the name; case, and how words are joined, do not count. A name that lacks words of the other at its end
/// or start, such as a unit, is as near as one with a wrong letter: `gain` and `gain_db`, `sampleRate` and `rate`. If very many
/// are as near as each other, none was meant.
pub(super) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    /// Longer names are no typing mistakes, and comparing them takes quadratic time.
    const LONGEST: usize = 100;
    const MOST: usize = 3;
    const COMPARED: usize = 1000;
    if name.is_empty() || name.len() > LONGEST {
        return Vec::new();
    }
    let wanted = plain(name);
    let length = wanted.chars().count();
    // By the longer of both, since a name is as often cut short as mistyped.
    let small = |length: usize| match length {
        0..=2 => 1,
        3..=5 => 2,
        _ => length / 3,
    };
    let mut best = Vec::new();
    let mut best_distance = usize::MAX;
    for candidate in candidates.into_iter().filter(|candidate| candidate.len() <= LONGEST).take(COMPARED) {
        let plain = plain(candidate);
        let longer = length.max(plain.chars().count());
        let distance = if lacks_words(&wanted, &plain) || lacks_words(&plain, &wanted) {
            1
        } else {
            damerau_levenshtein(&wanted, &plain)
        };
        // At least one character must be the same.
        if distance > small(longer) || distance == longer {
            continue;
        }
        if distance < best_distance {
            best.clear();
            best_distance = distance;
        }
        if distance == best_distance && !best.contains(&candidate) {
            best.push(candidate);
        }
    }
    if best.len() > MOST { Vec::new() } else { best }
}

/// In lower case, with words joined by '_'.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len() + 2);
    let mut follows_small = false;
    for letter in text.chars() {
        if follows_small && letter.is_uppercase() {
            plain.push('_');
        }
        follows_small = letter.is_lowercase();
        plain.extend(letter.to_lowercase());
    }
    plain.replace('-', "_")
}

/// Whether the one has the other at its start or end, and more words besides.
fn lacks_words(one: &str, other: &str) -> bool {
    let before = one.strip_suffix(other).is_some_and(|rest| rest.ends_with('_'));
    before || one.strip_prefix(other).is_some_and(|rest| rest.starts_with('_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_left_out_or_added_are_as_near_as_a_wrong_letter() {
        let gain = ["ramp", "gaps", "gain_db"];
        assert_eq!(nearest("gain", gain), ["gain_db"]);
        assert_eq!(nearest("gains", gain), ["gaps"]);
        assert_eq!(nearest("duration", ["duration_ms", "start_s", "duration_s"]), ["duration_ms", "duration_s"]);
        assert_eq!(nearest("sampleRate", ["rate", "quality"]), ["rate"]);
        assert_eq!(nearest("sample_rate", ["rate", "quality"]), ["rate"]);
        assert_eq!(nearest("Sample-Rate", ["rate"]), ["rate"]);
        assert_eq!(nearest("frame", ["frames", "frame_ms"]), ["frames", "frame_ms"]);
        assert_eq!(nearest("separate", ["rate"]), [""; 0]);
        let types = ["AudioGain", "AudioMix", "AudioPad", "AudioSum", "VAD"];
        assert_eq!(nearest("Gain", types), ["AudioGain"]);
        assert_eq!(nearest("SileroVad", types), ["VAD"]);
        assert_eq!(nearest("Audio", types), [""; 0]);
    }
}
