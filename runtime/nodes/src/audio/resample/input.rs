//! The input of one channel as the blocks look at it: windows that overlap, over what was kept and fresh samples after it.
//!
//! A window within the fresh samples is read where they are. In a long packet that is all but the first: each sample comes
//! into the cache once, is looked at, and goes into the transform.

use crate::stream::finite::are_finite;

/// A sample is NaN or infinite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SampleNotFinite;

/// What a channel keeps for the blocks that come.
pub(super) struct Input(Vec<f32>);

/// The windows of one run over an [`Input`] and fresh samples.
pub(super) struct Windows<'a> {
    kept: &'a mut Vec<f32>,
    /// How many samples were kept before this run.
    before: usize,
    fresh: &'a [f32],
    /// How many of the fresh samples have been looked at.
    checked: usize,
    /// Where the next window begins, counted from the first of the samples kept.
    begin: usize,
    hop: usize,
    size: usize,
}

impl Input {
    /// So many frames of silence.
    pub(super) fn new(history: usize) -> Self {
        Self(vec![0.0; history])
    }

    pub(super) fn push_silence(&mut self, frames: usize) {
        self.0.resize(self.0.len() + frames, 0.0);
    }

    /// Windows of `size` samples, each by `hop` after the one before.
    pub(super) fn windows<'a>(&'a mut self, fresh: &'a [f32], hop: usize, size: usize) -> Windows<'a> {
        Windows { before: self.0.len(), kept: &mut self.0, fresh, checked: 0, begin: 0, hop, size }
    }
}

impl Windows<'_> {
    /// The next window.
    ///
    /// # Errors
    /// If one of its samples is NaN or infinite.
    ///
    /// # Panics
    /// If there are not enough samples.
    pub(super) fn next(&mut self) -> Result<&[f32], SampleNotFinite> {
        let (begin, end) = (self.begin, self.begin + self.size);
        self.begin += self.hop;
        let end_in_fresh = end.saturating_sub(self.before);
        self.check(end_in_fresh)?;
        if begin >= self.before {
            return Ok(&self.fresh[begin - self.before..end_in_fresh]);
        }
        self.keep(end_in_fresh);
        Ok(&self.kept[begin..end])
    }

    /// Keeps what the next window and those after it need.
    ///
    /// # Errors
    /// If a sample that no window had is NaN or infinite.
    pub(super) fn finish(mut self) -> Result<(), SampleNotFinite> {
        self.check(self.fresh.len())?;
        if self.begin >= self.before {
            self.kept.clear();
            self.kept.extend_from_slice(&self.fresh[self.begin - self.before..]);
        } else {
            self.keep(self.fresh.len());
            self.kept.drain(..self.begin);
        }
        Ok(())
    }

    /// Looks at the fresh samples before `end`, as far as that was not done.
    fn check(&mut self, end: usize) -> Result<(), SampleNotFinite> {
        let begin = self.checked;
        self.checked = end.max(begin);
        if are_finite(&self.fresh[begin..self.checked]) { Ok(()) } else { Err(SampleNotFinite) }
    }

    /// Copies the fresh samples before `end` behind those kept, as far as that was not done.
    fn keep(&mut self, end: usize) {
        let copied = self.kept.len() - self.before;
        self.kept.extend_from_slice(&self.fresh[copied..end.max(copied)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cut anyhow, the windows are those of the whole.
    #[test]
    fn windows_do_not_depend_on_how_the_input_comes() {
        let (hop, size, history) = (3, 8, 6);
        let samples: Vec<f32> = (1..=100).map(|number| number as f32).collect();
        let whole: Vec<f32> = [vec![0.0; history], samples.clone()].concat();
        for cuts in [vec![100], vec![1; 100], vec![50, 50], vec![2, 7, 1, 40, 3, 0, 47], vec![10; 10]] {
            let mut input = Input::new(history);
            let (mut first, mut frames) = (0, 0);
            for length in cuts {
                let fresh = &samples[frames..frames + length];
                frames += length;
                let mut windows = input.windows(fresh, hop, size);
                while first + size <= history + frames {
                    assert_eq!(windows.next(), Ok(&whole[first..first + size]), "at {first}");
                    first += hop;
                }
                assert_eq!(windows.finish(), Ok(()));
            }
            assert_eq!(input.0, &whole[first..]);
        }
    }

    #[test]
    fn every_fresh_sample_is_looked_at() {
        for place in 0..40 {
            let mut fresh = [0.0; 40];
            fresh[place] = f32::NAN;
            let mut input = Input::new(6);
            let mut windows = input.windows(&fresh, 3, 8);
            let found = (0..10).any(|_| windows.next().is_err()) || windows.finish().is_err();
            assert!(found, "NaN at {place}");
        }
    }
}
