//! A FIFO of audio: parts of packets in their order, sharing their memory. It knows nothing of nodes.

use std::collections::VecDeque;

use remotemedia_core::node::NodeError;
use remotemedia_core::value::Audio;

/// The most bytes of samples that a node keeps of one item: six hours of mono at 12 kHz, or 93 minutes at 48 kHz.
pub(crate) const LIMIT: usize = 1 << 30;

/// Frames of one format, oldest first.
///
/// What is kept takes little more memory than its samples, however short the packets were in which they came: short parts
/// are joined before many of them wait.
#[derive(Debug, Default)]
pub(crate) struct AudioFifo {
    parts: VecDeque<Audio>,
    frames: usize,
    /// How many of the latest parts are short, at most [`MOST_SHORT`].
    short: usize,
    /// How many frames have been taken or dropped.
    passed: u64,
    /// Where times jump, counted as `passed` is, oldest first.
    jumps: VecDeque<u64>,
}

/// A part with fewer samples is short: beside the samples of a longer one its own structures weigh nothing.
const SHORT_SAMPLES: usize = 1 << 12;
const MOST_SHORT: usize = 64;

impl AudioFifo {
    pub(crate) fn frames(&self) -> usize {
        self.frames
    }

    /// What is pushed next lies behind a jump in time.
    pub(crate) fn mark_jump(&mut self) {
        self.short = 0;
        self.jumps.push_back(self.passed + self.frames as u64);
    }

    /// Whether the part that comes next is the first one behind a jump.
    pub(crate) fn is_at_jump(&self) -> bool {
        self.jumps.front().is_some_and(|jump| *jump <= self.passed)
    }

    pub(crate) fn push(&mut self, audio: Audio) {
        if audio.frames() == 0 {
            return;
        }
        self.frames += audio.frames();
        if self.parts.back().is_some_and(|last| !is_continued(last, &audio)) {
            // Parts are joined with the time of the first, so none are that are apart.
            self.short = 0;
        }
        let is_short = audio.frames() * audio.channels() < SHORT_SAMPLES;
        self.short = if is_short { self.short + 1 } else { 0 };
        self.parts.push_back(audio);
        if self.short == MOST_SHORT {
            let parts = self.parts.split_off(self.parts.len() - MOST_SHORT);
            let joined = join(&parts, parts.iter().map(Audio::frames).sum());
            // While it is short itself, the next ones are joined to it.
            self.short = usize::from(joined.frames() * joined.channels() < SHORT_SAMPLES);
            self.parts.push_back(joined);
        }
    }

    /// As [`AudioFifo::push`], unless that would exceed [`LIMIT`].
    ///
    /// # Errors
    /// That there is too much of it, with this cure.
    pub(crate) fn push_limited(&mut self, audio: Audio, cure: &str) -> Result<(), NodeError> {
        if (self.frames + audio.frames()) * audio.channels() * size_of::<f32>() > LIMIT {
            let cause = format!("the node would have to keep more than {} MiB of sound", LIMIT >> 20);
            return Err(NodeError::new(cause).cure(cure).at(audio.pts));
        }
        self.push(audio);
        Ok(())
    }

    /// The oldest part, with no more than this many frames.
    pub(crate) fn take_part(&mut self, most: usize) -> Option<Audio> {
        let part = self.parts.front()?;
        let part = part.slice(0, part.frames().min(most));
        self.jumps.pop_front_if(|jump| *jump <= self.passed);
        self.drop_front(part.frames());
        Some(part)
    }

    /// The first frames in one: the same memory where they lie in one part, else a copy.
    ///
    /// # Panics
    /// If there are fewer.
    pub(crate) fn peek(&self, frames: usize) -> Audio {
        let first = self.parts.front().expect("there is sound");
        if first.frames() >= frames {
            return first.slice(0, frames);
        }
        join(&self.parts, frames)
    }

    /// Forgets the first frames, as many as there are.
    pub(crate) fn drop_front(&mut self, frames: usize) {
        let mut left = frames.min(self.frames);
        self.frames -= left;
        self.passed += left as u64;
        while self.jumps.get(1).is_some_and(|jump| *jump <= self.passed) {
            self.jumps.pop_front();
        }
        while left > 0
            && let Some(part) = self.parts.front_mut()
        {
            let dropped = left.min(part.frames());
            left -= dropped;
            if dropped == part.frames() {
                self.parts.pop_front();
                self.short = self.short.min(self.parts.len());
            } else {
                *part = part.slice(dropped, part.frames() - dropped);
            }
        }
    }

    /// Forgets all but the first frames.
    pub(crate) fn truncate(&mut self, frames: usize) {
        while self.frames > frames
            && let Some(part) = self.parts.pop_back()
        {
            self.frames -= part.frames();
            self.short = self.short.saturating_sub(1);
            if self.frames < frames {
                self.push(part.slice(0, frames - self.frames));
            }
        }
        let end = self.passed + self.frames as u64;
        while self.jumps.pop_back_if(|jump| *jump > end).is_some() {}
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Whether one part begins where another ends, to within a millisecond.
fn is_continued(last: &Audio, next: &Audio) -> bool {
    const NEAR: i64 = 1_000_000;
    let (Some(begin), Some(pts)) = (last.pts, next.pts) else { return true };
    begin.saturating_add(last.duration()).abs_diff(pts) <= NEAR.unsigned_abs()
}

/// The first frames of parts as one.
///
/// # Panics
/// If there are no parts.
fn join(parts: &VecDeque<Audio>, frames: usize) -> Audio {
    let first = parts.front().expect("there is sound");
    let mut samples = Vec::with_capacity(frames * first.channels());
    for channel in 0..first.channels() {
        for (part, taken) in first_of(parts, frames) {
            samples.extend_from_slice(&part.channel(channel)[..taken]);
        }
    }
    Audio::from_planar(samples, first.channels(), first.rate())
        .expect("as many channels as there were")
        .with_layout(first.layout().clone())
        .with_pts(first.pts)
}

/// The parts in which the first frames lie, with how many of them are in each.
fn first_of(parts: &VecDeque<Audio>, frames: usize) -> impl Iterator<Item = (&Audio, usize)> {
    let mut missing = frames;
    parts.iter().map_while(move |part| {
        let taken = missing.min(part.frames());
        missing -= taken;
        (taken > 0).then_some((part, taken))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_packets_of_one_frame_take_the_memory_of_their_samples() {
        let (frames, channels) = (1_000_000usize, 2);
        let mut held = AudioFifo::default();
        for frame in 0..frames {
            let samples = vec![frame as f32, -(frame as f32)];
            held.push(Audio::from_planar(samples, channels, 48_000).expect("valid sound"));
        }
        let samples: usize = held.parts.iter().map(|part| part.buffer().len()).sum();
        assert_eq!(samples, frames * channels * size_of::<f32>());
        // A part costs some 200 bytes beside its samples: here one in eighty.
        assert!(held.parts.len() < frames * channels / SHORT_SAMPLES + MOST_SHORT, "{} parts", held.parts.len());
        let mut next = 0;
        while let Some(part) = held.take_part(usize::MAX) {
            for frame in 0..part.frames() {
                assert_eq!([part.channel(0)[frame], part.channel(1)[frame]], [next as f32, -(next as f32)]);
                next += 1;
            }
        }
        assert_eq!((next, held.frames()), (frames, 0));
    }

    #[test]
    fn what_waits_behind_the_first_frames_is_not_looked_at() {
        let mut held = AudioFifo::default();
        let long = Audio::from_planar(vec![0.5; SHORT_SAMPLES], 1, 8_000).expect("valid sound");
        (0..1_000).for_each(|_| held.push(long.clone()));
        let parts = |frames| first_of(&held.parts, frames).map(|(_, taken)| taken).collect::<Vec<_>>();
        assert_eq!(parts(SHORT_SAMPLES + 1), [SHORT_SAMPLES, 1]);
        assert_eq!(parts(2 * SHORT_SAMPLES), [SHORT_SAMPLES; 2]);
    }

    #[test]
    fn a_jump_is_where_the_first_frames_behind_it_come_out() {
        let part = |frames| Audio::from_planar(vec![0.0; frames], 1, 8_000).expect("valid sound");
        let mut held = AudioFifo::default();
        for _ in 0..3 {
            (0..70).for_each(|_| held.push(part(1)));
            held.mark_jump();
        }
        held.push(part(5));
        // 20 frames before the first jump are left, then a whole stretch and half of the next one are dropped.
        held.drop_front(50);
        let taken = |held: &mut AudioFifo, frames| {
            let (is_at_jump, mut frames) = (held.is_at_jump(), frames);
            while frames > 0 {
                frames -= held.take_part(frames).expect("there is sound").frames();
            }
            is_at_jump
        };
        assert_eq!([taken(&mut held, 20), taken(&mut held, 10), taken(&mut held, 10)], [false, true, false]);
        held.drop_front(85);
        assert_eq!([taken(&mut held, 5), taken(&mut held, 15)], [true, false]);
        held.truncate(0);
        held.push(part(1));
        assert!(!held.is_at_jump(), "the last jump is gone with what was behind it");
    }

    #[test]
    fn long_parts_stay_in_their_memory_and_short_ones_in_order() {
        let mut held = AudioFifo::default();
        let long = Audio::from_planar(vec![0.5; SHORT_SAMPLES], 1, 8_000).expect("valid sound");
        for number in 0..200 {
            held.push(Audio::from_planar(vec![number as f32], 1, 8_000).expect("valid sound").with_pts(Some(number)));
            if number % 90 == 0 {
                held.push(long.clone());
            }
        }
        held.truncate(held.frames() - 2);
        held.drop_front(1);
        assert!(held.take_part(usize::MAX).expect("sound").buffer().same_memory(long.buffer()));
        assert_eq!((held.peek(1).pts, held.peek(90).channel(0)[89]), (Some(1), 90.0));
        held.drop_front(90 + SHORT_SAMPLES + 90 + SHORT_SAMPLES);
        assert_eq!(held.peek(held.frames()).channel(0), (181..198).map(|x| x as f32).collect::<Vec<_>>());
    }
}
