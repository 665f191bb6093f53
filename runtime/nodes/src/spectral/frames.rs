//! One channel cut into overlapping frames, with padding at both ends where frames are centred. Knows nothing of spectra.

use super::PadMode;

/// How sound is cut into frames. All in samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Framing {
    /// The length of a frame.
    pub(super) length: usize,
    /// From the start of one frame to the start of the next.
    pub(super) hop: usize,
    /// Frame `k` is centred on sample `k * hop`; else it begins there.
    pub(super) center: bool,
    /// What pads the ends where frames are centred.
    pub(super) pad_mode: PadMode,
}

/// The samples of one channel that a frame may still need.
#[derive(Debug)]
pub(super) struct Frames {
    framing: Framing,
    /// From the start of the next frame on, padding included.
    waiting: Vec<f32>,
    /// Samples before the start of the next frame that have not come yet.
    skip: usize,
    /// The latest samples, one more than are mirrored. Until the beginning is padded, all that came.
    recent: Vec<f32>,
    begun: bool,
}

impl Framing {
    fn padding(&self) -> usize {
        if self.center { self.length / 2 } else { 0 }
    }

    fn mirrors(&self) -> bool {
        self.center && self.pad_mode == PadMode::Reflect
    }
}

impl Frames {
    /// At the start of a recording.
    pub(super) fn new(framing: Framing) -> Self {
        let begun = !framing.mirrors();
        let waiting = if begun { vec![0.0; framing.padding()] } else { Vec::new() };
        Self { framing, waiting, skip: 0, recent: Vec::new(), begun }
    }

    /// Goes on with these samples.
    pub(super) fn push(&mut self, samples: &[f32]) {
        let padding = self.framing.padding();
        if !self.framing.mirrors() {
            self.append(samples);
            return;
        }
        self.recent.extend_from_slice(samples);
        if self.begun {
            self.append(samples);
        } else if self.recent.len() > padding {
            self.begin();
        }
        if self.begun && self.recent.len() > 2 * (padding + 1) {
            self.recent.drain(..self.recent.len() - padding - 1);
        }
    }

    /// The recording ends: pads it.
    pub(super) fn finish(&mut self) {
        let padding = self.framing.padding();
        if !self.framing.mirrors() {
            let silence = vec![0.0; padding];
            self.append(&silence);
            return;
        }
        if self.recent.is_empty() {
            return;
        }
        if !self.begun {
            self.begin();
        }
        let recent = &self.recent;
        let mirrored: Vec<f32> = (recent.len()..recent.len() + padding).map(|at| mirror(recent, at as isize)).collect();
        self.append(&mirrored);
    }

    /// How many frames are complete.
    pub(super) fn ready(&self) -> usize {
        match self.waiting.len().checked_sub(self.framing.length) {
            Some(more) => 1 + more / self.framing.hop,
            None => 0,
        }
    }

    /// A frame that is complete, counted from the next one.
    pub(super) fn get(&self, index: usize) -> &[f32] {
        &self.waiting[index * self.framing.hop..][..self.framing.length]
    }

    /// Lets go of the first frames.
    pub(super) fn advance(&mut self, frames: usize) {
        let passed = frames * self.framing.hop;
        let known = passed.min(self.waiting.len());
        self.waiting.drain(..known);
        self.skip += passed - known;
    }

    fn append(&mut self, samples: &[f32]) {
        let skipped = self.skip.min(samples.len());
        self.skip -= skipped;
        self.waiting.extend_from_slice(&samples[skipped..]);
    }

    fn begin(&mut self) {
        let padding = self.framing.padding() as isize;
        let beginning: Vec<f32> = (-padding..0).map(|at| mirror(&self.recent, at)).collect();
        self.waiting = beginning;
        self.waiting.extend_from_slice(&self.recent);
        self.begun = true;
    }
}

/// The sample at an index that may lie outside, where mirrors stand on the first and the last sample.
fn mirror(samples: &[f32], at: isize) -> f32 {
    let last = samples.len() as isize - 1;
    if last == 0 {
        return samples[0];
    }
    let at = at.rem_euclid(2 * last);
    samples[at.min(2 * last - at) as usize]
}
