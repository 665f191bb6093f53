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
/// against the length of the name; case and the difference of '-' and '_' do not count.
pub(super) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    /// Longer names are no typing mistakes, and comparing them takes quadratic time.
    const LONGEST: usize = 100;
    const MOST: usize = 3;
    const COMPARED: usize = 1000;
    if name.is_empty() || name.len() > LONGEST {
        return Vec::new();
    }
    let plain = |text: &str| text.to_lowercase().replace('-', "_");
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
        let distance = damerau_levenshtein(&wanted, &plain(candidate));
        let longer = length.max(candidate.chars().count());
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
    best.truncate(MOST);
    best
}
