//! Sound that is kept for later: parts of packets in their order, sharing their memory. It knows nothing of nodes.

use std::collections::VecDeque;

use remotemedia_core::node::NodeError;
use remotemedia_core::value::Audio;

/// The most bytes of samples that a node keeps of one item: six hours of mono at 12 kHz, or 93 minutes at 48 kHz.
pub(crate) const LIMIT: usize = 1 << 30;

/// Frames of one format, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Held {
    parts: VecDeque<Audio>,
    frames: usize,
}

impl Held {
    pub(crate) fn frames(&self) -> usize {
        self.frames
    }

    pub(crate) fn push(&mut self, audio: Audio) {
        if audio.frames() > 0 {
            self.frames += audio.frames();
            self.parts.push_back(audio);
        }
    }

    /// As [`Held::push`], unless that would exceed [`LIMIT`].
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
        let mut samples = Vec::with_capacity(frames * first.channels());
        for channel in 0..first.channels() {
            let mut missing = frames;
            for part in &self.parts {
                let taken = missing.min(part.frames());
                samples.extend_from_slice(&part.channel(channel)[..taken]);
                missing -= taken;
            }
        }
        Audio::from_planar(samples, first.channels(), first.rate())
            .expect("as many channels as there were")
            .with_layout(first.layout().clone())
            .with_pts(first.pts)
    }

    /// Forgets the first frames, as many as there are.
    pub(crate) fn drop_front(&mut self, frames: usize) {
        let mut left = frames.min(self.frames);
        self.frames -= left;
        while left > 0
            && let Some(part) = self.parts.front_mut()
        {
            let dropped = left.min(part.frames());
            left -= dropped;
            if dropped == part.frames() {
                self.parts.pop_front();
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
            if self.frames < frames {
                self.push(part.slice(0, frames - self.frames));
            }
        }
    }

    pub(crate) fn clear(&mut self) {
        self.parts.clear();
        self.frames = 0;
    }
}
