//! What `STFT`, `MelSpectrogram` and `MFCC` have in common: sound to frames to spectra, in bounded steps, packed into
//! tensors.

use std::sync::Arc;

use remotemedia_core::node::NodeError;
use remotemedia_core::value::{Audio, Buffer, DataType, MediaTime, Packet, Tensor};
use remotemedia_fourier::{Complex32, RealForward};

use super::frames::{Frames, Framing};
use super::windows::forward;
use crate::stream::finite::are_finite;
use crate::stream::reader::{Segment, SegmentEnd};
use crate::stream::segment_node::SegmentProcessor;

/// Makes the values of a frame from its spectrum.
pub(super) trait Projection: Send {
    /// The type of a value.
    fn data_type(&self) -> DataType;

    /// The values of one frame.
    fn rows(&self) -> usize;

    /// Changes the samples of a frame before the window is applied.
    fn prepare(&mut self, frame: &mut [f32]) {
        let _ = frame;
    }

    /// What helps where numbers are too large for float32.
    fn too_large_cure(&self) -> &'static str {
        "Lower the level of the sound before this node."
    }

    /// Appends the values of one frame, as float32 numbers; a draft of them if there are [`Projection::draft_rows`].
    fn project(&mut self, spectrum: &[Complex32], values: &mut Vec<f32>);

    /// The numbers in the draft of a frame whose values only the whole item decides. Drafts are kept until it ends.
    fn draft_rows(&self) -> Option<usize> {
        None
    }

    /// Appends the values of frames to their drafts, now that all frames of the item have been projected.
    fn settle(&self, drafts: &[f32], values: &mut Vec<f32>) {
        let _ = (drafts, values);
    }

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
    /// The length of the transform: frames are filled up with zeros.
    fft_length: usize,
    fft: Option<Arc<RealForward<f32>>>,
    make: MakeProjection,
    whole: bool,
    /// Whether the last frame of a recording is left out.
    drops_last: bool,
    recording: Option<Recording>,
}

/// The numbers of this frame of a step don't fit into float32.
struct TooLarge(usize);

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
    /// What becomes these values at the end of the item, and how much of it has.
    drafts: Vec<f32>,
    settled: usize,
    windowed: Vec<f32>,
    spectrum: Vec<Complex32>,
    scratch: Vec<Complex32>,
}

/// Samples that are transformed in one step: some 100 us of work.
const STEP_SAMPLES: usize = 1 << 15;
/// The most bytes that are collected of one item.
const MOST_BYTES: usize = 1 << 30;

impl Analysis {
    /// With this window, as long as a frame, and transforms of at least its length.
    pub(super) fn new(
        framing: Framing,
        taper: Arc<[f32]>,
        fft_length: usize,
        whole: bool,
        drops_last: bool,
        make: MakeProjection,
    ) -> Self {
        Self { framing, taper, fft_length, fft: None, make, whole, drops_last, recording: None }
    }

    /// Transforms frames that are complete, up to a step's work, and emits what is to be emitted by now.
    fn transform(&mut self) -> Result<Option<Packet>, NodeError> {
        let Some(recording) = &mut self.recording else { return Ok(None) };
        let fft = self.fft.get_or_insert_with(|| forward(self.fft_length));
        if recording.ready(self.drops_last) > 0 {
            let first = recording.emitted + recording.frames as u64;
            if let Err(TooLarge(frame)) = recording.transform(fft, &self.taper, self.drops_last) {
                let time = recording.time_of((first + frame as u64) * self.framing.hop as u64);
                let error = NodeError::new("the spectrum has numbers that are too large for float32");
                return Err(error.cure(recording.projection.too_large_cure()).at(Some(time)));
            }
            recording.check_size()?;
        } else if recording.is_finished {
            recording.settle();
        }
        let is_over = recording.is_finished && !recording.has_work(self.drops_last);
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
        self.recording = Some(Recording::new(segment, self.framing, self.fft_length, projection));
        Ok(())
    }

    fn wants(&mut self, segment: &Segment) -> usize {
        // Frames overlap, so that fewer samples make as much work.
        let share = self.framing.hop.min(self.framing.length);
        (STEP_SAMPLES / self.fft_length * share / segment.channels).max(share)
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
        self.recording.as_ref().is_some_and(|recording| recording.has_work(self.drops_last))
    }

    fn pending(&mut self) -> Result<Option<Packet>, NodeError> {
        self.transform()
    }
}

impl Recording {
    fn new(segment: &Segment, framing: Framing, fft_length: usize, projection: Box<dyn Projection>) -> Self {
        Self {
            rate: segment.rate,
            channels: (0..segment.channels).map(|_| Frames::new(framing)).collect(),
            projection,
            origin: segment.origin.unwrap_or(segment.elapsed),
            emitted: 0,
            is_finished: false,
            values: Vec::new(),
            frames: 0,
            drafts: Vec::new(),
            settled: 0,
            windowed: vec![0.0; fft_length],
            spectrum: vec![Complex32::default(); fft_length / 2 + 1],
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

    /// Whether there is work without new input.
    fn has_work(&self, drops_last: bool) -> bool {
        self.ready(drops_last) > 0 || self.is_finished && self.settled < self.drafts.len()
    }

    /// Transforms frames, up to a step's work.
    fn transform(&mut self, fft: &RealForward<f32>, taper: &[f32], drops_last: bool) -> Result<(), TooLarge> {
        let most = (STEP_SAMPLES / self.windowed.len() / self.channels.len()).max(1);
        let frames = self.ready(drops_last).min(most);
        for frame in 0..frames {
            for channel in &self.channels {
                let (windowed, beyond) = self.windowed.split_at_mut(taper.len());
                windowed.copy_from_slice(channel.get(frame));
                beyond.fill(0.0);
                self.projection.prepare(windowed);
                windowed.iter_mut().zip(taper).for_each(|(sample, weight)| *sample *= weight);
                fft.process(&self.windowed, &mut self.spectrum, &mut self.scratch);
                let is_draft = self.projection.draft_rows().is_some();
                let values = if is_draft { &mut self.drafts } else { &mut self.values };
                let first = values.len();
                self.projection.project(&self.spectrum, values);
                if !are_finite(&values[first..]) {
                    return Err(TooLarge(frame));
                }
            }
        }
        self.channels.iter_mut().for_each(|channel| channel.advance(frames));
        self.frames += frames;
        Ok(())
    }

    fn check_size(&self) -> Result<(), NodeError> {
        if (self.values.len() + self.drafts.len()) * size_of::<f32>() > MOST_BYTES {
            let cause = "the spectra of one item fill more than 1 GiB";
            return Err(NodeError::new(cause).cure("Cut the sound before this node, or set 'whole' to false."));
        }
        Ok(())
    }

    /// Makes values of drafts, up to a step's work.
    fn settle(&mut self) {
        let Some(rows) = self.projection.draft_rows() else { return };
        let most = (STEP_SAMPLES / rows).max(1) * rows;
        let end = (self.settled + most).min(self.drafts.len());
        self.projection.settle(&self.drafts[self.settled..end], &mut self.values);
        self.settled = end;
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
