//! The latest part of a recording, in the memory of its packets, addressed by frames from its start.

use std::collections::VecDeque;

use remotemedia_core::value::Audio;

/// Sound of one format, without what is not needed any more.
#[derive(Debug, Default)]
pub(super) struct Recording {
    parts: VecDeque<Part>,
    frames: u64,
}

#[derive(Debug)]
struct Part {
    first: u64,
    audio: Audio,
}

impl Recording {
    /// How many frames there have been.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// Goes on with this sound.
    pub(super) fn push(&mut self, audio: Audio) {
        if audio.frames() > 0 {
            let first = self.frames;
            self.frames += audio.frames() as u64;
            self.parts.push_back(Part { first, audio });
        }
    }

    /// Lets go of what came before this frame.
    pub(super) fn forget_before(&mut self, frame: u64) {
        while self.parts.front().is_some_and(|part| part.end() <= frame) {
            self.parts.pop_front();
        }
    }

    /// The frames from `start` to `end`: the same memory where they are of one packet, else a copy. None if there are none.
    pub(super) fn cut(&self, start: u64, end: u64) -> Option<Audio> {
        let mut pieces = self.parts.iter().filter(|part| part.first < end && part.end() > start).map(|part| {
            let (start, end) = (start.max(part.first), end.min(part.end()));
            part.audio.slice((start - part.first) as usize, (end - start) as usize)
        });
        let first = pieces.next()?;
        let rest: Vec<Audio> = pieces.collect();
        if rest.is_empty() {
            return Some(first);
        }
        let frames = first.frames() + rest.iter().map(Audio::frames).sum::<usize>();
        let mut samples = Vec::with_capacity(frames * first.channels());
        for channel in 0..first.channels() {
            for piece in std::iter::once(&first).chain(&rest) {
                samples.extend_from_slice(piece.channel(channel));
            }
        }
        let joined = Audio::from_planar(samples, first.channels(), first.rate()).ok()?;
        Some(joined.with_layout(first.layout().clone()))
    }
}

impl Part {
    fn end(&self) -> u64 {
        self.first + self.audio.frames() as u64
    }
}
