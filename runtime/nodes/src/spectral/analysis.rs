//! What `STFT` and `MelSpectrogram` have in common: sound to frames to spectra, in bounded steps, packed into tensors.

use std::f64::consts::TAU;
use std::sync::Arc;

use realfft::num_complex::Complex32;
use realfft::{RealFftPlanner, RealToComplex};
use remotemedia_core::node::{NodeError, Step};
use remotemedia_core::value::{Audio, Buffer, DataType, MediaTime, Packet, Tensor, Value};

use super::frames::{Frames, Framing};
use crate::stream::finite::check_finite;

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

/// Follows the items of a run.
pub(super) struct Analysis {
    framing: Framing,
    taper: Arc<[f32]>,
    fft: Option<Arc<dyn RealToComplex<f32>>>,
    make: MakeProjection,
    whole: bool,
    /// Whether the last frame of a recording is left out.
    drops_last: bool,
    recording: Option<Recording>,
    rest: Option<Rest>,
    is_ending: bool,
    end: Option<i64>,
    stream: u32,
}

/// Sound of one format.
struct Recording {
    rate: u32,
    layout: remotemedia_core::value::Layout,
    channels: Vec<Frames>,
    projection: Box<dyn Projection>,
    origin: i64,
    taken: u64,
    emitted: u64,
    is_finished: bool,
    /// The values of the frames that are to be emitted: frame after frame, in each channel after channel.
    values: Vec<f32>,
    frames: usize,
    windowed: Vec<f32>,
    spectrum: Vec<Complex32>,
    scratch: Vec<Complex32>,
}

/// A packet of which a part has been taken.
struct Rest {
    audio: Audio,
    taken: usize,
    pts: Option<i64>,
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
        Self {
            framing,
            taper: hann(win_length, framing.length),
            fft: None,
            make,
            whole,
            drops_last,
            recording: None,
            rest: None,
            is_ending: false,
            end: None,
            stream: 0,
        }
    }

    pub(super) fn process(&mut self, packet: Packet) -> Result<Step, NodeError> {
        let Value::Audio(audio) = packet.value else {
            let cause = format!("expected audio, got {}", packet.value.kind().name());
            return Err(NodeError::new(cause).cure("Wrap samples: Audio(samples, rate=...)."));
        };
        self.stream = packet.stream;
        self.rest = Some(Rest { pts: packet.pts.or(audio.pts), audio: *audio, taken: 0 });
        self.step()
    }

    pub(super) fn flush(&mut self) -> Result<Step, NodeError> {
        self.is_ending = true;
        self.step()
    }

    /// Takes a part of the packet, or transforms what there is, or ends a recording.
    pub(super) fn step(&mut self) -> Result<Step, NodeError> {
        let fits = |recording: &Recording, rest: &Rest| recording.fits(&rest.audio);
        match (&mut self.recording, &self.rest) {
            (Some(recording), Some(rest)) if !fits(recording, rest) => recording.finish(),
            (Some(recording), None) if self.is_ending => recording.finish(),
            (_, Some(_)) => self.take()?,
            (_, None) => {}
        }
        let mut packet = None;
        if let Some(recording) = &mut self.recording {
            let fft = self.fft.get_or_insert_with(|| RealFftPlanner::new().plan_fft_forward(self.framing.length));
            recording.transform(&**fft, &self.taper, self.drops_last)?;
            let is_over = recording.is_finished && recording.ready(self.drops_last) == 0;
            if recording.frames > 0 && (is_over || !self.whole) {
                packet = Some(Packet { stream: self.stream, ..recording.packet(self.framing.hop, self.whole) });
            }
            if is_over {
                self.end = Some(recording.time_of(recording.taken));
                self.recording = None;
            }
        }
        let has_frames = self.recording.as_ref().is_some_and(|recording| recording.ready(self.drops_last) > 0);
        let is_idle = self.rest.is_none() && !has_frames;
        if is_idle && self.is_ending && self.recording.is_none() {
            (self.is_ending, self.end) = (false, None);
        }
        let emission = Step::maybe(packet);
        Ok(match emission {
            Step::Done(emission) if !is_idle || self.is_ending => Step::More(emission),
            other => other,
        })
    }

    /// Takes as much of the packet as a step transforms.
    fn take(&mut self) -> Result<(), NodeError> {
        let Some(mut rest) = self.rest.take() else { return Ok(()) };
        if self.recording.is_none() {
            let origin = rest.pts.or(self.end).unwrap_or(0);
            let projection = (self.make)(rest.audio.rate()).map_err(|error| error.at(rest.pts))?;
            self.recording = Some(Recording::new(&rest.audio, origin, self.framing, projection));
        }
        let Some(recording) = &mut self.recording else { return Ok(()) };
        // Frames overlap, so that fewer samples make as much work.
        let share = self.framing.hop.min(self.framing.length);
        let most = (STEP_SAMPLES / self.framing.length * share / recording.channels.len()).max(share);
        let frames = most.min(rest.audio.frames() - rest.taken);
        let (origin, first, rate) = (recording.origin, recording.taken, recording.rate);
        let time = |frame| Some(origin.saturating_add(MediaTime::of_frames(first + frame, rate)));
        check_finite(&rest.audio, rest.taken, frames, time)?;
        for (channel, frames_of) in recording.channels.iter_mut().enumerate() {
            frames_of.push(&rest.audio.channel(channel)[rest.taken..rest.taken + frames]);
        }
        recording.taken += frames as u64;
        rest.taken += frames;
        if rest.taken < rest.audio.frames() {
            self.rest = Some(rest);
        }
        Ok(())
    }
}

impl Recording {
    fn new(audio: &Audio, origin: i64, framing: Framing, projection: Box<dyn Projection>) -> Self {
        Self {
            rate: audio.rate(),
            layout: audio.layout().clone(),
            channels: (0..audio.channels()).map(|_| Frames::new(framing)).collect(),
            projection,
            origin,
            taken: 0,
            emitted: 0,
            is_finished: false,
            values: Vec::new(),
            frames: 0,
            windowed: vec![0.0; framing.length],
            spectrum: vec![Complex32::default(); framing.length / 2 + 1],
            scratch: Vec::new(),
        }
    }

    fn fits(&self, audio: &Audio) -> bool {
        (self.rate, self.channels.len(), &self.layout) == (audio.rate(), audio.channels(), audio.layout())
    }

    fn finish(&mut self) {
        if !std::mem::replace(&mut self.is_finished, true) && self.taken > 0 {
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
