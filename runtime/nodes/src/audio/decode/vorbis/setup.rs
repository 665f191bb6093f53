//! How much memory the codebooks of a Vorbis stream unpack to (Vorbis I, 3.2.1), before its decoder makes them: a few bytes
//! of a header may describe a book of 150 MB, and there may be 256 of them.

use symphonia::core::io::{BitReaderRtl, ReadBitsRtl};

use super::blocks::IDENTIFICATION;

/// What the codebooks of a stream may take. Those of libvorbis take at most 4 MiB.
pub(in crate::audio::decode) const MOST: usize = 64 << 20;

/// The codebooks take more than [`MOST`].
#[derive(Debug, PartialEq, Eq)]
pub(in crate::audio::decode) struct TooLarge;

/// Looks whether the codebooks in the setup header, which follows the identification header, stay within [`MOST`]. At a
/// defect of the header it ends, as the decoder will.
///
/// # Errors
/// If they do not.
pub(in crate::audio::decode) fn check(headers: &[u8]) -> Result<(), TooLarge> {
    match add_up(headers) {
        Some(bytes) if bytes > MOST => Err(TooLarge),
        _ => Ok(()),
    }
}

/// The bytes that all codebooks take, or those of the first ones that are too many together. `None` for a header of which
/// the decoder makes no tables that it keeps.
fn add_up(headers: &[u8]) -> Option<usize> {
    let (_, setup) = headers.split_at_checked(IDENTIFICATION)?;
    let mut bits = BitReaderRtl::new(setup.strip_prefix(b"\x05vorbis")?);
    let mut sum = 0;
    for _ in 0..=take(&mut bits, 8)? {
        sum += codebook(&mut bits)?;
        if sum > MOST {
            break;
        }
    }
    Some(sum)
}

/// Passes over a codebook. Returns the bytes that it takes.
fn codebook(bits: &mut BitReaderRtl<'_>) -> Option<usize> {
    /// What the decoder allows.
    const ENTRIES: u32 = 1 << 17;
    const DIMENSIONS: u32 = 32;
    if take(bits, 24)? != 0x56_4342 {
        return None;
    }
    let dimensions = take(bits, 16).filter(|dimensions| (1..=DIMENSIONS).contains(dimensions))?;
    let entries = take(bits, 24).filter(|entries| *entries <= ENTRIES)?;
    let tables = tables(&code_lengths(bits, entries)?);
    let kind = take(bits, 4)?;
    if kind == 0 {
        return Some(tables);
    }
    bits.ignore_bits(64).ok()?;
    let width = take(bits, 4)? + 1;
    bits.ignore_bits(1).ok()?;
    let values = match kind {
        // As the decoder reckons: to find the next book where it does counts for more than to be exact.
        1 => (entries as f32).powf(1.0 / dimensions as f32).floor() as u32,
        2 => entries * dimensions,
        _ => return None,
    };
    bits.ignore_bits(values * width).ok()?;
    Some(tables + (entries * dimensions) as usize * size_of::<f32>())
}

/// How many codes have each length.
type Lengths = [usize; 33];

fn code_lengths(bits: &mut BitReaderRtl<'_>, entries: u32) -> Option<Lengths> {
    let mut lengths = [0; 33];
    if take(bits, 1)? == 0 {
        let is_sparse = take(bits, 1)? == 1;
        for _ in 0..entries {
            if !is_sparse || take(bits, 1)? == 1 {
                lengths[take(bits, 5)? as usize + 1] += 1;
            }
        }
        return Some(lengths);
    }
    let (mut length, mut rest) = (take(bits, 5)? as usize + 1, entries);
    while rest > 0 {
        let count = take(bits, u32::BITS - rest.leading_zeros())?;
        *lengths.get_mut(length)? += count as usize;
        rest = rest.checked_sub(count)?;
        length += 1;
    }
    Some(lengths)
}

/// The bytes of the tables by which codes are looked up, so many bits at a time: one for each beginning of so many, twice so
/// many bits... that longer codes have. At least two codes share a beginning, or the decoder refuses the book.
fn tables(lengths: &Lengths) -> usize {
    /// A value and the length of its code.
    const ENTRY: usize = 8;
    let longest = lengths.iter().rposition(|count| *count > 0).unwrap_or(0);
    let width = longest.clamp(4, 8);
    let beginnings = (width..longest).step_by(width).map(|len| {
        let longer: usize = lengths[len + 1..].iter().sum();
        (longer / 2).min(1 << len)
    });
    (1 + beginnings.sum::<usize>()) * (ENTRY << width)
}

/// The number that the next bits are, at most 32. `None` behind the end.
fn take(bits: &mut BitReaderRtl<'_>, count: u32) -> Option<u32> {
    bits.read_bits_leq32(count).ok()
}

#[cfg(test)]
mod tests {
    use super::super::blocks::packed;
    use super::*;

    /// The headers of a stream with the same codebook so many times.
    fn headers(book: &[(u64, usize)], count: usize) -> Vec<u8> {
        let books = [vec![(count as u64 - 1, 8)], book.repeat(count)].concat();
        [&[0; IDENTIFICATION][..], b"\x05vorbis", &packed(&books)].concat()
    }

    /// A book of so many dimensions and entries.
    fn book(dimensions: u64, entries: u64, codes: &[(u64, usize)], vectors: &[(u64, usize)]) -> Vec<(u64, usize)> {
        [&[(0x56_4342, 24), (dimensions, 16), (entries, 24)], codes, vectors].concat()
    }

    #[test]
    fn books_take_what_their_vectors_and_their_tables_of_codes_take() {
        const SCALAR: [(u64, usize); 1] = [(0, 4)];
        // In the order of their lengths: from 17 bits on, all of the same length.
        let ordered = [(1, 1), (16, 5), (1 << 17, 18)];
        // Lengths one by one, with a place left out.
        let sparse = [(0, 1), (1, 1), (1, 1), (0, 5), (0, 1), (1, 1), (0, 5)];
        let dense = [(0, 2), (1, 5), (1, 5), (1, 5), (1, 5)];
        let vectors = |kind, bits: usize| [(kind, 4), (0, 64), (3, 4), (0, 1), (0, bits * 4)];
        let long = (1 + 256 + 65_536) * 2048;
        for (book, expected) in [
            (book(31, 1 << 17, &ordered, &SCALAR), long),
            (book(31, 1 << 17, &ordered, &vectors(1, 1)), long + ((4 * 31) << 17)),
            (book(1, 3, &sparse, &SCALAR), 128),
            (book(2, 4, &dense, &vectors(1, 2)), 128 + 32),
            (book(2, 4, &dense, &vectors(2, 8)), 128 + 32),
        ] {
            let count = if expected > MOST { 1 } else { 3 };
            assert_eq!(add_up(&headers(&book, count)), Some(expected * count), "{book:?}");
            let whole = headers(&book, count);
            assert_eq!(add_up(&whole[..whole.len() - 1]), None);
        }
        assert_eq!(check(&headers(&book(31, 1 << 17, &ordered, &SCALAR), 1)), Err(TooLarge));
        assert_eq!(check(&headers(&book(1, 3, &sparse, &SCALAR), 256)), Ok(()));
    }
}
