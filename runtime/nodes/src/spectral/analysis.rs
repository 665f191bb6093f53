//! What `STFT` and `MelSpectrogram` have in common: sound to frames to spectra, in bounded steps, packed into tensors.

use std::f64::consts::TAU;
use std::sync::Arc;

use realfft::num_complex::Complex32;
use realfft::{RealFftPlanner, RealToComplex};
use remotemedia_core::node::NodeError;
use remotemedia_core::value::{Audio, Buffer, DataType, MediaTime, Packet, Tensor};

use super::frames::{Frames, Framing};
use crate::stream::reader::{Segment, SegmentEnd};
use crate::stream::segment_node::SegmentProcessor;

/// Makes the values of a frame from its spectrum.
pub(super) trait Projection: Send {
    /// The type of a value.
    fn data_type(&self) -> DataType;

    /// The values of one frame.
    fn rows(&self) -> usize;

    /// Appends the values of one frame, as float32 numbers.
    fn project(&mut self, spectrum: &[Complex32], values: &mut Vec<f32>);

    /// Changes all values of an item, where they are emitted in one.
    fn complete(&self, values: &mut [f32]) {
        let _ = values;
    }
}

/// Makes a projection for sound of this rate.
pub(super) type MakeProjection = Box<dyn Fn(u32) -> Result<Box<dyn Projection>, NodeError> + Send>;

/// Makes spectra of the segments of a stream.
pub(super) struct Analysis {
    framing: Framing,
    taper: Arc<[f32]>,
    fft: Option<Arc<dyn RealToComplex<f32>>>,
    make: MakeProjection,
    whole: bool,
    /// Whether the last frame of a recording is left out.
    drops_last: bool,
    recording: Option<Recording>,
}

/// Sound of one format.
struct Recording {
    rate: u32,
    channels: Vec<Frames>,
    projection: Box<dyn Projection>,
    /// When the first sample sounds, in nanoseconds.
    origin: i64,
    emitted: u64,
    is_finished: bool,
    /// The values of the frames that are to be emitted: frame after frame, in each channel after channel.
    values: Vec<f32>,
    frames: usize,
    windowed: Vec<f32>,
    spectrum: Vec<Complex32>,
    scratch: Vec<Complex32>,
}

/// Samples that are transformed in one step: some 100 us of work.
const STEP_SAMPLES: usize = 1 << 15;
/// The most bytes that are collected of one item.
const MOST_BYTES: usize = 1 << 30;

impl Analysis {
    /// With a window of `win_length` samples in the middle of each frame.
    pub(super) fn new(
        framing: Framing,
        win_length: usize,
        whole: bool,
        drops_last: bool,
        make: MakeProjection,
    ) -> Self {
        Self { framing, taper: hann(win_length, framing.length), fft: None, make, whole, drops_last, recording: None }
    }

    /// Transforms frames that are complete, up to a step's work, and emits what is to be emitted by now.
    fn transform(&mut self) -> Result<Option<Packet>, NodeError> {
        let Some(recording) = &mut self.recording else { return Ok(None) };
        let fft = self.fft.get_or_insert_with(|| RealFftPlanner::new().plan_fft_forward(self.framing.length));
        recording.transform(&**fft, &self.taper, self.drops_last)?;
        let is_over = recording.is_finished && recording.ready(self.drops_last) == 0;
        let is_due = recording.frames > 0 && (is_over || !self.whole);
        let packet = is_due.then(|| recording.packet(self.framing.hop, self.whole));
        if is_over {
            self.recording = None;
        }
        Ok(packet)
    }
}

impl SegmentProcessor for Analysis {
    fn begin(&mut self, segment: &Segment) -> Result<(), NodeError> {
        let projection = (self.make)(segment.rate).map_err(|error| error.at(segment.origin))?;
        self.recording = Some(Recording::new(segment, self.framing, projection));
        Ok(())
    }

    fn wants(&mut self, segment: &Segment) -> usize {
        // Frames overlap, so that fewer samples make as much work.
        let share = self.framing.hop.min(self.framing.length);
        (STEP_SAMPLES / self.framing.length * share / segment.channels).max(share)
    }

    fn frames(&mut self, _segment: &Segment, audio: Audio) -> Result<Option<Packet>, NodeError> {
        if let Some(recording) = &mut self.recording {
            for (frames, samples) in recording.channels.iter_mut().zip(audio.iter_channels()) {
                frames.push(samples);
            }
        }
        self.transform()
    }

    fn end(&mut self, segment: &Segment, _why: SegmentEnd) -> Result<Option<Packet>, NodeError> {
        if let Some(recording) = &mut self.recording {
            recording.finish(segment.position > 0);
        }
        self.transform()
    }

    fn is_pending(&self) -> bool {
        self.recording.as_ref().is_some_and(|recording| recording.ready(self.drops_last) > 0)
    }

    fn pending(&mut self) -> Result<Option<Packet>, NodeError> {
        self.transform()
    }
}

impl Recording {
    fn new(segment: &Segment, framing: Framing, projection: Box<dyn Projection>) -> Self {
        Self {
            rate: segment.rate,
            channels: (0..segment.channels).map(|_| Frames::new(framing)).collect(),
            projection,
            origin: segment.origin.unwrap_or(segment.elapsed),
            emitted: 0,
            is_finished: false,
            values: Vec::new(),
            frames: 0,
            windowed: vec![0.0; framing.length],
            spectrum: vec![Complex32::default(); framing.length / 2 + 1],
            scratch: Vec::new(),
        }
    }

    /// The recording ends; without samples there is nothing to pad.
    fn finish(&mut self, has_samples: bool) {
        self.is_finished = true;
        if has_samples {
            self.channels.iter_mut().for_each(Frames::finish);
        }
    }

    /// How many frames can be transformed. The last one is not known before the end.
    fn ready(&self, drops_last: bool) -> usize {
        let ready = self.channels.first().map_or(0, Frames::ready);
        if drops_last { ready.saturating_sub(1) } else { ready }
    }

    /// Transforms frames, up to a step's work.
    fn transform(&mut self, fft: &dyn RealToComplex<f32>, taper: &[f32], drops_last: bool) -> Result<(), NodeError> {
        let most = (STEP_SAMPLES / taper.len() / self.channels.len()).max(1);
        let frames = self.ready(drops_last).min(most);
        self.scratch.resize(fft.get_scratch_len(), Complex32::default());
        for frame in 0..frames {
            for channel in &self.channels {
                for (windowed, (sample, weight)) in self.windowed.iter_mut().zip(channel.get(frame).iter().zip(taper)) {
                    *windowed = sample * weight;
                }
                fft.process_with_scratch(&mut self.windowed, &mut self.spectrum, &mut self.scratch)
                    .expect("the lengths are those of the plan");
                self.projection.project(&self.spectrum, &mut self.values);
            }
        }
        self.channels.iter_mut().for_each(|channel| channel.advance(frames));
        self.frames += frames;
        if self.values.len() * size_of::<f32>() > MOST_BYTES {
            let cause = "the spectra of one item fill more than 1 GiB";
            return Err(NodeError::new(cause).cure("Cut the sound before this node, or set 'whole' to false."));
        }
        Ok(())
    }

    /// The frames that have been transformed: a tensor `(rows, frames)`, or `(channels, rows, frames)`.
    fn packet(&mut self, hop: usize, whole: bool) -> Packet {
        let mut values = std::mem::take(&mut self.values);
        if whole {
            self.projection.complete(&mut values);
        }
        let (channels, rows, frames) = (self.channels.len(), self.projection.rows(), self.frames);
        let data_type = self.projection.data_type();
        let size = data_type.size() as isize;
        let mut shape = vec![rows, frames];
        let mut strides = vec![size, size * (rows * channels) as isize];
        if channels > 1 {
            shape.insert(0, channels);
            strides.insert(0, size * rows as isize);
        }
        let tensor = Tensor::new(data_type, shape, strides, Buffer::from_samples(values), 0)
            .expect("as many values as frames, channels and rows make");
        let begin = self.time_of(self.emitted * hop as u64);
        self.emitted += frames as u64;
        self.frames = 0;
        let duration = self.time_of(self.emitted * hop as u64) - begin;
        Packet::new(tensor.into()).at(Some(begin), Some(duration))
    }

    /// When a sample sounds, in nanoseconds.
    fn time_of(&self, sample: u64) -> i64 {
        self.origin.saturating_add(MediaTime::of_frames(sample, self.rate))
    }
}

/// The periodic Hann window of so many samples, in the middle of so many.
fn hann(win_length: usize, length: usize) -> Arc<[f32]> {
    let before = (length - win_length) / 2;
    let window = |at: usize| match at.checked_sub(before).filter(|at| *at < win_length) {
        Some(at) => (0.5 - 0.5 * (TAU * at as f64 / win_length as f64).cos()) as f32,
        None => 0.0,
    };
    (0..length).map(window).collect()
}
