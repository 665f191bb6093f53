//! The scale factor bands of each rate (ISO/IEC 11172-3, table B.8, and 13818-3, table B.2; those of MPEG-2.5 as encoders
//! have them), and where the values of each kind of block stand in the subbands.

use std::sync::LazyLock;

use super::block::{Block, SIZE};
use super::head::Head;

/// Where the bands of long blocks begin and the last one ends.
pub(crate) fn long_edges(head: &Head) -> &'static [usize; 23] {
    &LONG[head.rate_index()]
}

/// The bands of a kind of block.
pub(crate) struct Layout {
    /// Where each band begins and the last one ends, in the order of the coded values.
    pub(crate) edges: Vec<usize>,
    /// How many of them are of long blocks. After them each band of short blocks is there three times, for each window.
    pub(crate) long: usize,
    /// For each coded value, the place of its row and its subband, 32 to a row.
    pub(crate) places: [u16; SIZE],
}

impl Layout {
    /// Each band, as its start and its end, with its window.
    pub(crate) fn bands(&self) -> impl DoubleEndedIterator<Item = (usize, usize, Option<usize>)> + ExactSizeIterator {
        self.edges
            .windows(2)
            .enumerate()
            .map(|(number, edges)| (edges[0], edges[1], number.checked_sub(self.long).map(|short| short % 3)))
    }

    /// Where the band ends that has the value before this one, with all of its windows, which stand in the same subbands.
    pub(crate) fn end_of_band(&self, value: usize) -> usize {
        let edge = self.edges.partition_point(|edge| *edge < value);
        let windows = edge.saturating_sub(self.long).next_multiple_of(3);
        self.edges[if windows > 0 { self.long + windows } else { edge }]
    }

    fn new(long: &[usize], short: &[usize]) -> Self {
        let mut edges = long.to_vec();
        let mut places = [0; SIZE];
        let mut place = |from: usize, to: usize| places[from] = (to % 18 * 32 + to / 18) as u16;
        let long_end = long.last().copied().unwrap_or(0);
        (0..long_end).for_each(|value| place(value, value));
        if edges.is_empty() {
            edges.push(0);
        }
        let long = edges.len() - 1;
        for band in short.windows(2) {
            // Where the long blocks of a mixed one end, a band may have begun.
            let [start, end] = [band[0], band[1]].map(|edge| edge.max(long_end / 3));
            for window in 0..3 {
                if end > start {
                    let from = edges.last().copied().unwrap_or(0);
                    (0..end - start).for_each(|value| place(from + value, 3 * (start + value) + window));
                    edges.push(from + end - start);
                }
            }
        }
        Self { edges, long, places }
    }
}

/// The bands of a block of this kind, whose lowest two subbands may be long in any case.
pub(crate) fn layout(head: &Head, block: Block, is_mixed: bool) -> &'static Layout {
    let of_rate = &LAYOUTS[head.rate_index()];
    match (block, is_mixed) {
        (Block::Short, false) => &of_rate[1],
        (Block::Short, true) => &of_rate[2],
        _ => &of_rate[0],
    }
}

/// The values of two subbands, which mixed blocks have long.
const MIXED: usize = 36;

static LAYOUTS: LazyLock<Vec<[Layout; 3]>> = LazyLock::new(|| {
    LONG.iter()
        .zip(&SHORT)
        .map(|(long, short)| {
            let mixed = long.iter().take_while(|edge| **edge <= MIXED).count();
            [Layout::new(long, &[]), Layout::new(&[], short), Layout::new(&long[..mixed], short)]
        })
        .collect()
});

#[rustfmt::skip]
const LONG: [[usize; 23]; 9] = [
    [0, 4, 8, 12, 16, 20, 24, 30, 36, 44, 52, 62, 74, 90, 110, 134, 162, 196, 238, 288, 342, 418, 576],
    [0, 4, 8, 12, 16, 20, 24, 30, 36, 42, 50, 60, 72, 88, 106, 128, 156, 190, 230, 276, 330, 384, 576],
    [0, 4, 8, 12, 16, 20, 24, 30, 36, 44, 54, 66, 82, 102, 126, 156, 194, 240, 296, 364, 448, 550, 576],
    [0, 6, 12, 18, 24, 30, 36, 44, 54, 66, 80, 96, 116, 140, 168, 200, 238, 284, 336, 396, 464, 522, 576],
    [0, 6, 12, 18, 24, 30, 36, 44, 54, 66, 80, 96, 114, 136, 162, 194, 232, 278, 332, 394, 464, 540, 576],
    [0, 6, 12, 18, 24, 30, 36, 44, 54, 66, 80, 96, 116, 140, 168, 200, 238, 284, 336, 396, 464, 522, 576],
    [0, 6, 12, 18, 24, 30, 36, 44, 54, 66, 80, 96, 116, 140, 168, 200, 238, 284, 336, 396, 464, 522, 576],
    [0, 6, 12, 18, 24, 30, 36, 44, 54, 66, 80, 96, 116, 140, 168, 200, 238, 284, 336, 396, 464, 522, 576],
    [0, 12, 24, 36, 48, 60, 72, 88, 108, 132, 160, 192, 232, 280, 336, 400, 476, 566, 568, 570, 572, 574, 576],
];

/// As [`LONG`], for one of three windows.
#[rustfmt::skip]
const SHORT: [[usize; 14]; 9] = [
    [0, 4, 8, 12, 16, 22, 30, 40, 52, 66, 84, 106, 136, 192],
    [0, 4, 8, 12, 16, 22, 28, 38, 50, 64, 80, 100, 126, 192],
    [0, 4, 8, 12, 16, 22, 30, 42, 58, 78, 104, 138, 180, 192],
    [0, 4, 8, 12, 18, 24, 32, 42, 56, 74, 100, 132, 174, 192],
    [0, 4, 8, 12, 18, 26, 36, 48, 62, 80, 104, 136, 180, 192],
    [0, 4, 8, 12, 18, 26, 36, 48, 62, 80, 104, 134, 174, 192],
    [0, 4, 8, 12, 18, 26, 36, 48, 62, 80, 104, 134, 174, 192],
    [0, 4, 8, 12, 18, 26, 36, 48, 62, 80, 104, 134, 174, 192],
    [0, 8, 16, 24, 36, 52, 72, 96, 124, 160, 162, 164, 166, 192],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_reach_to_the_end_of_all_windows_of_their_band() {
        let [long, short, mixed] = &LAYOUTS[0];
        assert_eq!([0, 1, 4, 5, 576].map(|value| long.end_of_band(value)), [0, 4, 4, 8, 576]);
        assert_eq!([0, 1, 12, 13, 576].map(|value| short.end_of_band(value)), [0, 12, 12, 24, 576]);
        assert_eq!([36, 37, 48, 49, 576].map(|value| mixed.end_of_band(value)), [36, 48, 48, 66, 576]);
    }

    #[test]
    fn each_value_has_a_place_of_its_own() {
        for (rate, layouts) in LAYOUTS.iter().enumerate() {
            for (kind, layout) in layouts.iter().enumerate() {
                let mut places = layout.places;
                places.sort_unstable();
                assert!(
                    places.iter().enumerate().all(|(number, place)| number == usize::from(*place)),
                    "{rate} {kind}"
                );
                assert!(layout.edges.windows(2).all(|edges| edges[0] < edges[1]), "{rate} {kind}");
                assert_eq!(layout.edges.last(), Some(&SIZE), "{rate} {kind}");
                assert_eq!((layout.edges.len() - 1 - layout.long) % 3, 0, "{rate} {kind}");
            }
            let [long, short, mixed] = layouts.each_ref().map(|layout| (layout.edges.len() - 1, layout.long));
            assert_eq!((long, short), ((22, 22), (39, 0)));
            // At 8 kHz long blocks end within a band of short ones.
            assert_eq!(mixed, [(38, 8), (36, 6), (39, 3)][if rate == 8 { 2 } else { usize::from(rate > 2) }]);
        }
    }
}
