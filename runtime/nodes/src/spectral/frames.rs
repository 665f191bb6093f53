//! One channel cut into overlapping frames, with padding at both ends where frames reach beyond it. Knows nothing of spectra.

use super::PadMode;

/// How sound is cut into frames. All in samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Framing {
    /// The length of a frame.
    pub(super) length: usize,
    /// From the start of one frame to the start of the next.
    pub(super) hop: usize,
    pub(super) edges: Edges,
}

/// Where frames lie, and what stands beyond the ends of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edges {
    /// Frame `k` begins at sample `k * hop`, and all of it lies in the sound.
    Inside,
    /// Frame `k` is centred on sample `k * hop`, with this beyond the ends.
    Centred(PadMode),
    /// Frame `k` is centred on the middle of hop `k`, and of the last hop at least half is there, as Kaldi has it without
    /// `snip-edges`. Beyond the ends is the sound in mirrors that stand before the first and behind the last sample.
    Hops,
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
    /// How many samples have come; counted where the last frame depends on it.
    come: usize,
}

impl Edges {
    /// With frames that are centred on their sample, or begin there.
    pub(super) fn centred(center: bool, pad_mode: PadMode) -> Self {
        if center { Self::Centred(pad_mode) } else { Self::Inside }
    }
}

impl Framing {
    /// How far the first frame begins before the first sample; behind it if negative.
    fn before(&self) -> isize {
        match self.edges {
            Edges::Inside => 0,
            Edges::Centred(_) => (self.length / 2) as isize,
            Edges::Hops => (self.length / 2) as isize - (self.hop / 2) as isize,
        }
    }

    /// How far the last of the frames of so many samples ends behind them.
    fn behind(&self, samples: usize) -> usize {
        match self.edges {
            Edges::Inside => 0,
            Edges::Centred(_) => self.length / 2,
            Edges::Hops => {
                let [samples, hop, length] = [samples, self.hop, self.length].map(|each| each as isize);
                let frames = (samples + hop / 2) / hop;
                let end = (frames - 1) * hop + length - self.before();
                (end - samples).max(0) as usize
            }
        }
    }

    /// How many samples may be mirrored at an end; None where none are.
    fn mirrored(&self) -> Option<usize> {
        match self.edges {
            Edges::Inside | Edges::Centred(PadMode::Constant) => None,
            Edges::Centred(PadMode::Reflect) => Some(self.length / 2),
            Edges::Hops => Some(self.length.div_ceil(2)),
        }
    }

    /// The sample at an index that may lie outside.
    fn mirror(&self, samples: &[f32], at: isize) -> f32 {
        let last = samples.len() as isize - 1;
        if self.edges == Edges::Hops {
            let at = at.rem_euclid(2 * (last + 1));
            return samples[at.min(2 * last + 1 - at) as usize];
        }
        if last == 0 {
            return samples[0];
        }
        let at = at.rem_euclid(2 * last);
        samples[at.min(2 * last - at) as usize]
    }
}

impl Frames {
    /// At the start of a recording.
    pub(super) fn new(framing: Framing) -> Self {
        let begun = framing.mirrored().is_none();
        let waiting = if begun { vec![0.0; framing.before() as usize] } else { Vec::new() };
        Self { framing, waiting, skip: 0, recent: Vec::new(), begun, come: 0 }
    }

    /// Goes on with these samples.
    pub(super) fn push(&mut self, samples: &[f32]) {
        let Some(mirrored) = self.framing.mirrored() else {
            self.append(samples);
            return;
        };
        self.come += samples.len();
        self.recent.extend_from_slice(samples);
        if self.begun {
            self.append(samples);
        } else if self.recent.len() > mirrored {
            self.begin();
        }
        if self.begun && self.recent.len() > 2 * (mirrored + 1) {
            self.recent.drain(..self.recent.len() - mirrored - 1);
        }
    }

    /// The recording ends: pads it.
    pub(super) fn finish(&mut self) {
        let behind = self.framing.behind(self.come);
        if self.framing.mirrored().is_none() {
            self.append(&vec![0.0; behind]);
            return;
        }
        if self.recent.is_empty() {
            return;
        }
        if !self.begun {
            self.begin();
        }
        let end = self.recent.len() as isize;
        let padding: Vec<f32> = (end..end + behind as isize).map(|at| self.framing.mirror(&self.recent, at)).collect();
        self.append(&padding);
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
        let before = self.framing.before();
        let recent = std::mem::take(&mut self.recent);
        self.waiting = (-before..0).map(|at| self.framing.mirror(&recent, at)).collect();
        self.skip = (-before).max(0) as usize;
        self.append(&recent);
        (self.recent, self.begun) = (recent, true);
    }
}
