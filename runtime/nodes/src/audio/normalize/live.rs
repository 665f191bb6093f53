//! One pass: the gain follows the loudness of late, and looks ahead to the next peaks.

use std::collections::VecDeque;

use remotemedia_core::node::NodeError;
use remotemedia_core::value::{Audio, MediaTime, Packet};

use super::{Aim, largest};
use crate::dsp::loudness::LoudnessMeter;
use crate::dsp::true_peak::{DELAY, TruePeak};
use crate::stream::audio_fifo::AudioFifo;
use crate::stream::reader::{Segment, sound};

/// Follows a stream of one format.
#[derive(Debug)]
pub(super) struct Live {
    aim: Aim,
    segment: Segment,
    meter: LoudnessMeter,
    true_peaks: Vec<TruePeak>,
    held: AudioFifo,
    /// The number of the open window of 100 ms; frames in it, and its true peak.
    index: u64,
    open: Window,
    /// Complete windows that wait, oldest first.
    waiting: VecDeque<Window>,
    /// The factor at the start of the oldest one; none before the first.
    factor: Option<f64>,
    /// Where the loudness wants the factor to be, in decibels.
    gain_db: f64,
    emitted: u64,
    is_over: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    frames: usize,
    true_peak: f64,
    /// What the loudness asked for at its end, in decibels.
    gain_db: f64,
}

const WINDOW_NS: u64 = 100_000_000;
/// The most that the gain changes from one window to the next, in decibels, unless a peak asks for more.
const STEEPEST_DB: f64 = 0.6;

impl Live {
    pub(super) fn new(segment: &Segment, aim: Aim) -> Result<Self, NodeError> {
        Ok(Self {
            aim,
            segment: segment.clone(),
            meter: LoudnessMeter::new(segment.rate, segment.channels, &segment.layout, segment.origin)?,
            true_peaks: vec![TruePeak::new(); segment.channels],
            held: AudioFifo::default(),
            index: 0,
            open: Window::default(),
            waiting: VecDeque::new(),
            factor: None,
            gain_db: 0.0,
            emitted: 0,
            is_over: false,
        })
    }

    /// Continues after a jump in time, with the loudness measured so far and the gain that it has reached.
    pub(super) fn resume_at(&mut self, segment: &Segment) {
        self.segment = segment.clone();
        self.meter.restart();
        self.true_peaks = vec![TruePeak::new(); segment.channels];
        (self.index, self.emitted, self.is_over) = (0, 0, false);
    }

    /// The most frames to be added at once: up to the end of the open window, or to where its beginning ends.
    pub(super) fn wants(&self) -> usize {
        let missing = self.missing();
        if self.open.frames < DELAY { missing.min(DELAY - self.open.frames) } else { missing }
    }

    /// The frames that the open window lacks.
    fn missing(&self) -> usize {
        let boundary = |index: u64| MediaTime::to_frames(index * WINDOW_NS, self.segment.rate);
        (boundary(self.index + 1) - boundary(self.index)) as usize - self.open.frames
    }

    pub(super) fn add(&mut self, _segment: &Segment, audio: Audio) -> Result<Option<Packet>, NodeError> {
        let missing = self.missing();
        self.meter.add(&audio);
        for (true_peak, samples) in self.true_peaks.iter_mut().zip(audio.iter_channels()) {
            true_peak.add(samples);
        }
        self.open.frames += audio.frames();
        let frames = audio.frames();
        self.held.push(audio);
        if self.open.frames == DELAY {
            self.note_last_peak();
        }
        if frames == missing && frames > 0 {
            self.index += 1;
            self.close();
        }
        Ok(None)
    }

    pub(super) fn end(&mut self, _segment: &Segment) -> Result<Option<Packet>, NodeError> {
        if self.open.frames > 0 {
            self.close();
        }
        self.true_peaks.iter_mut().for_each(TruePeak::finish);
        self.note_last_peak();
        self.is_over = true;
        Ok(None)
    }

    pub(super) fn is_pending(&self) -> bool {
        self.waiting.len() > usize::from(!self.is_over)
    }

    /// Emits the oldest window, whose successor is known.
    pub(super) fn emit(&mut self) -> Option<Packet> {
        let window = self.waiting.pop_front()?;
        let next = self.waiting.front().copied().unwrap_or(window);
        let least = |left: &Window, right: &Window| self.aim.ceiling / left.true_peak.max(right.true_peak);
        let from = self.factor.unwrap_or_else(|| 1f64.min(least(&window, &window)));
        let now_db = 20.0 * from.log10();
        let wanted_db = now_db + (window.gain_db - now_db).clamp(-STEEPEST_DB, STEEPEST_DB);
        let to = 10f64.powf(wanted_db / 20.0).min(least(&window, &next));
        let frames = window.frames;
        let part = self.held.peek(frames);
        self.held.drop_front(frames);
        let mut samples = Vec::with_capacity(frames * part.channels());
        for channel in part.iter_channels() {
            samples.extend(channel.iter().enumerate().map(|(frame, sample)| {
                let factor = from + (to - from) * (frame as f64 / frames as f64);
                (factor * f64::from(*sample)) as f32
            }));
        }
        let pts = self.segment.time(self.emitted);
        self.emitted += frames as u64;
        self.factor = Some(to);
        Some(sound(&self.segment, samples, pts))
    }

    /// What the last complete window has at its end is known only now.
    fn note_last_peak(&mut self) {
        let peak = largest(&self.true_peaks);
        if let Some(window) = self.waiting.back_mut() {
            window.true_peak = window.true_peak.max(peak);
        }
    }

    fn close(&mut self) {
        self.open.true_peak = largest(&self.true_peaks);
        self.true_peaks.iter_mut().for_each(TruePeak::restart);
        if let Some(loudness) = self.meter.recent() {
            self.gain_db = self.aim.gain_db(loudness);
        }
        let window = Window { gain_db: self.gain_db, ..std::mem::take(&mut self.open) };
        self.waiting.push_back(window);
    }
}
