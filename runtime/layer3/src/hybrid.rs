//! The hybrid filter bank (ISO/IEC 11172-3, 2.4.3.4.10): within each of 32 subbands, from 18 amplitudes to 18 samples
//! that overlap with those of the granule before.
//!
//! All subbands are transformed beside one another, as lanes of vectors. The transforms are sums over all cosines: with
//! lanes that takes less time than the shorter ways which reorder what they add.

use std::f64::consts::PI;
use std::sync::LazyLock;

use remotemedia_vectors::{LANES as WIDTH, Line, Simd};

use super::block::Block;
use super::side::Part;

/// Amplitudes, or samples, of a subband in a granule.
pub(crate) const ROWS: usize = 18;
/// Subbands.
pub(crate) const LANES: usize = 32;

/// A granule: a row for each amplitude, or sample, of all subbands.
pub(crate) type Rows = [[f32; LANES]; ROWS];

pub(crate) const SILENT: Rows = [[0.0; LANES]; ROWS];

/// What the granule before adds to the next one.
#[derive(Default)]
pub(crate) struct Overlap([[Line; 2]; ROWS]);

/// The subbands of mixed blocks that are long in any case.
const MIXED: usize = 2;

/// What a granule has of some subbands, and what it leaves for the next one.
type Halves = [[Line; ROWS]; 2];

/// Turns amplitudes into samples, in place. From subband `reach` on all amplitudes are 0.
#[inline(always)]
pub(crate) fn transform<S: Simd>(rows: &mut Rows, reach: usize, part: &Part, overlap: &mut Overlap) {
    let tables: &Tables = &TABLES;
    let boundaries = match (part.block, part.is_mixed) {
        (Block::Short, false) => 0,
        (Block::Short, true) => MIXED - 1,
        // What is mirrored from the last subband that has something reaches into the next one.
        _ => reach.min(LANES - 1),
    };
    mirror(rows, boundaries, tables);
    for start in [0, WIDTH] {
        let mut halves = [[Line::default(); ROWS]; 2];
        if reach + 1 > start {
            match part.block {
                Block::Long => long::<S>(rows, start, &tables.windows[0], tables, &mut halves),
                Block::Start => long::<S>(rows, start, &tables.windows[1], tables, &mut halves),
                Block::Stop => long::<S>(rows, start, &tables.windows[2], tables, &mut halves),
                Block::Short => short::<S>(rows, start, tables, &mut halves),
            }
        }
        if part.is_mixed && start == 0 {
            let mut lower = [[Line::default(); ROWS]; 2];
            long::<S>(rows, start, &tables.windows[0], tables, &mut lower);
            for (line, lower) in halves.as_flattened_mut().iter_mut().zip(lower.as_flattened()) {
                line.0[..MIXED].copy_from_slice(&lower.0[..MIXED]);
            }
        }
        overlap_add::<S>(rows, start, &halves, overlap);
    }
}

/// Takes back what the subbands have of one another (2.4.3.4.10.1), over so many of their boundaries.
#[inline(always)]
fn mirror(rows: &mut Rows, boundaries: usize, tables: &Tables) {
    for (number, [own, other]) in tables.mirrors.iter().enumerate() {
        let (upper, lower) = rows.split_at_mut(ROWS / 2);
        let (upper, lower) = (&mut upper[number], &mut lower[ROWS / 2 - 1 - number]);
        for (low, high) in lower[..boundaries].iter_mut().zip(&mut upper[1..=boundaries]) {
            let values = [*low, *high];
            *low = values[0] * own - values[1] * other;
            *high = values[1] * own + values[0] * other;
        }
    }
}

/// Adds what the granule before left, and keeps what is for the next one. Every second sample of every second subband
/// has the other sign, because the polyphase filter bank mirrors these.
#[inline(always)]
fn overlap_add<S: Simd>(rows: &mut Rows, start: usize, [now, next]: &Halves, overlap: &mut Overlap) {
    const ALTERNATING: Line = {
        let mut signs = [1.0; WIDTH];
        let mut lane = 1;
        while lane < WIDTH {
            signs[lane] = -1.0;
            lane += 2;
        }
        Line(signs)
    };
    for (number, (row, kept)) in rows.iter_mut().zip(&mut overlap.0).enumerate() {
        let kept = &mut kept[start / WIDTH];
        let mut sum = now[number];
        sum.add(kept);
        *kept = next[number];
        if number % 2 == 1 {
            let mut mirrored = Line::default();
            mirrored.add_products::<S>(&sum, &ALTERNATING);
            sum = mirrored;
        }
        row[start..start + WIDTH].copy_from_slice(&sum.0);
    }
}

/// The transform of long blocks, with their window: both halves of 36 samples.
#[inline(always)]
fn long<S: Simd>(rows: &Rows, start: usize, window: &[[f32; ROWS]; 2], tables: &Tables, halves: &mut Halves) {
    // Of six the compiler makes lanes, whose numbers it gathers one by one: five times slower.
    const AT_ONCE: usize = 3;
    let mut sums = [Line::default(); ROWS];
    for (sums, cosines) in sums.as_chunks_mut::<AT_ONCE>().0.iter_mut().zip(&tables.long) {
        *sums = sums_of::<S, _, _>(rows, start, cosines);
    }
    // The 36 samples are these sums in another order, most of them with the other sign: see `Tables`.
    let [now, next] = halves;
    for at in 0..ROWS / 2 {
        let (low, high) = (at, ROWS - 1 - at);
        let (upper, lower) = (&sums[ROWS / 2 + at], &sums[ROWS / 2 - 1 - at]);
        now[low] = upper.times(window[0][low]);
        now[high] = upper.times(-window[0][high]);
        next[low] = lower.times(-window[1][low]);
        next[high] = lower.times(-window[1][high]);
    }
}

/// The transforms of the three short blocks, with their windows, which overlap.
#[inline(always)]
fn short<S: Simd>(rows: &Rows, start: usize, tables: &Tables, halves: &mut Halves) {
    const SIZE: usize = 6;
    for window in 0..3 {
        let own: [[f32; LANES]; SIZE] = std::array::from_fn(|number| rows[3 * number + window]);
        let sums = sums_of::<S, _, _>(&own, start, &tables.short);
        for at in 0..2 * SIZE {
            let (sum, sign) = match at {
                0..3 => (at + 3, 1.0),
                3..9 => (8 - at, -1.0),
                _ => (at - 9, -1.0),
            };
            let place = SIZE + SIZE * window + at;
            halves[place / ROWS][place % ROWS].add_product::<S>(&sums[sum], tables.short_window[at] * sign);
        }
    }
}

/// For some subbands: sums of the rows, each times its cosine for this sum.
#[inline(always)]
fn sums_of<S: Simd, const ROWS: usize, const SUMS: usize>(
    rows: &[[f32; LANES]; ROWS],
    start: usize,
    cosines: &[[f32; SUMS]; ROWS],
) -> [Line; SUMS] {
    let mut sums = [Line::default(); SUMS];
    for (row, cosines) in rows.iter().zip(cosines) {
        let line = Line::first_of(&row[start..]);
        for (sum, cosine) in sums.iter_mut().zip(cosines) {
            sum.add_product::<S>(&line, *cosine);
        }
    }
    sums
}

static TABLES: LazyLock<Tables> = LazyLock::new(Tables::new);

/// The transform of `2 N` samples from `N` amplitudes is `x(i) = sum of X(k) cos(pi / 4N (2i + 1 + N)(2k + 1))`. With
/// `y(n) = sum of X(k) cos(pi / 4N (2n + 1)(2k + 1))` for `n < N` that is `y(i + N/2)`, after `3N/2 - i` of the samples
/// `-y(3N/2 - 1 - i)`, and at last `-y(i - 3N/2)`.
struct Tables {
    /// For three of the sums `y` at once: their cosines for each amplitude.
    long: [[[f32; 3]; ROWS]; 6],
    short: [[f32; 6]; 6],
    /// The windows of long blocks, those before and those after short ones: both halves.
    windows: [[[f32; ROWS]; 2]; 3],
    short_window: [f32; 12],
    /// How much a subband has of itself, and of the one beside it (table B.9).
    mirrors: [[f32; 2]; 8],
}

impl Tables {
    fn new() -> Self {
        let cosine = |size: usize, sum: usize, amplitude: usize| {
            (PI / (4 * size) as f64 * ((2 * sum + 1) * (2 * amplitude + 1)) as f64).cos() as f32
        };
        let sine = |size: usize, at: usize| (PI / size as f64 * (at as f64 + 0.5)).sin() as f32;
        let rises = std::array::from_fn(|at| sine(36, at));
        let falls = std::array::from_fn(|at| sine(36, at + ROWS));
        // Between short blocks and a long one: nothing, the slope of a short one, and all.
        let rises_late = std::array::from_fn(|at| match at {
            0..6 => 0.0,
            6..12 => sine(12, at - 6),
            _ => 1.0,
        });
        let falls_early = std::array::from_fn(|at| match at {
            0..6 => 1.0,
            6..12 => sine(12, at),
            _ => 0.0,
        });
        let mirrors = [0.6, 0.535, 0.33, 0.185, 0.095, 0.041, 0.0142, 0.0037].map(|other: f64| {
            let own = 1.0 / other.hypot(1.0);
            [own as f32, (-other * own) as f32]
        });
        Self {
            long: std::array::from_fn(|group| {
                std::array::from_fn(|row| std::array::from_fn(|sum| cosine(ROWS, 3 * group + sum, row)))
            }),
            short: std::array::from_fn(|row| std::array::from_fn(|sum| cosine(6, sum, row))),
            windows: [[rises, falls], [rises, falls_early], [rises_late, falls]],
            short_window: std::array::from_fn(|at| sine(12, at)),
            mirrors,
        }
    }
}
