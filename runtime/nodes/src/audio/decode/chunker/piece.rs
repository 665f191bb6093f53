//! Planes that packets are collected in.

/// Frames that were collected: the planes of all channels in one memory, each with room for as many.
pub(super) struct Piece {
    pub(super) samples: Vec<f32>,
    pub(super) room: usize,
    /// The most frames that it takes.
    most: usize,
    pub(super) frames: usize,
}

impl Piece {
    pub(super) fn new(channels: usize, room: usize, most: usize) -> Self {
        Self { samples: vec![0.0; channels * room], room, most, frames: 0 }
    }

    pub(super) fn is_full(&self) -> bool {
        self.frames == self.most
    }

    pub(super) fn plane(&self, channel: usize) -> &[f32] {
        &self.samples[channel * self.room..][..self.frames]
    }

    /// Takes frames of a packet, from one of them on, as far as they find room. How many.
    pub(super) fn take(&mut self, planes: &[Vec<f32>], from: usize) -> usize {
        let Some(first) = planes.first() else { return 0 };
        let count = (first.len() - from).min(self.most - self.frames);
        if self.frames + count > self.room {
            self.grow(planes.len(), (self.frames + count).max(2 * self.room).min(self.most));
        }
        for (plane, target) in planes.iter().zip(self.samples.chunks_exact_mut(self.room)) {
            target[self.frames..self.frames + count].copy_from_slice(&plane[from..from + count]);
        }
        self.frames += count;
        count
    }

    fn grow(&mut self, channels: usize, room: usize) {
        let mut samples = Vec::with_capacity(channels * room);
        for plane in self.samples.chunks_exact(self.room) {
            samples.extend_from_slice(&plane[..self.frames]);
            samples.resize(samples.len() + room - self.frames, 0.0);
        }
        (self.samples, self.room) = (samples, room);
    }
}
