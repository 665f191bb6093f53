//! Finds gaps of digital silence inside the sound of one channel, to the sample. It knows samples and their rate.
//!
//! A recording has no digital silence between its words: a room, a microphone or a converter is always heard. So a run of
//! zeros beside sound is a gap that was cut, or the material is made of such runs: a gate or a synthesizer has silenced all
//! that is not speech. One run alone can hardly tell, but several can. Where a cut falls is chance, so every few cuts both
//! edges are as loud as the loudest sound of late; a gate closes and opens near its threshold, a synthesizer where its waves
//! have died away. So each run is weighed: sharp edges speak for cuts, faint ones and runs within single waves for a gate.
//! A gap with sharp edges is found at once, one with faint edges after two and a half seconds, if no more of such have come;
//! and neither where all is as a gate would have it.

use std::collections::VecDeque;

use super::noise_gate::{GateEdges, NoiseGate, SHORTEST_HOLD_MS};

/// What is not larger is digital silence: less than a thirtieth of a step of 16 bits.
pub(super) const NOTHING: f32 = 1e-6;
/// A shorter run of zeros, in milliseconds, is part of a wave.
const RUN_MS: f64 = 1.0;
/// A shorter one is too short to be heard as a gap, but no recording has it.
const SHORTEST_MS: f64 = 5.0;
/// A longer one with faint edges is a pause.
const LONGEST_FAINT_MS: f64 = 400.0;
/// The sound at an edge and beside it, in milliseconds.
const EDGE_MS: f64 = 0.25;
const BESIDE_MS: usize = 16;
/// The loudest sound of late is forgotten in this time, in milliseconds; so is what runs have shown.
const LOUD_MEMORY_MS: f32 = 6_000.0;
const EVIDENCE_MEMORY_MS: f64 = 10_000.0;
/// There must be so much sound before its loudest part is known, in milliseconds.
const SETTLED_MS: u32 = 250;

/// An edge is sharp if it is at least this part of the loudest sound: 18 dB below. Gates open and close below that.
const SHARP: f32 = 0.12;
/// What is 34 dB below the loudest sound is no sound that a gap interrupts.
const AUDIBLE: f32 = 1.0 / 50.0;
/// How much of the sound beside them both edges have together, multiplied. One cut in two hundred has less; half of the runs
/// between the sounds of a synthesizer do.
const FADED: f32 = 0.001;

/// A sound that does not fade has this part of its level at its edge.
const EVEN: f32 = 0.25;

/// What a run speaks for a cut, or against it, and what speaks for cuts before anything has come.
const SHARP_EVIDENCE: f64 = 3.0;
const FAINT_EVIDENCE: f64 = -0.5;
const FADED_EVIDENCE: f64 = -1.0;
const SHORT_EVIDENCE: f64 = -0.4;
const ONE_SIDED_EVIDENCE: f64 = -0.3;
const PRIOR: f64 = 1.1;
const EVIDENCE_RANGE: [f64; 2] = [-8.0, 6.0];
/// Below this the runs themselves speak for a gate, whatever is likely before any has come.
const LEANING: f64 = -0.1;
/// From here on not even sharp edges are cuts.
const SURELY_GATED: f64 = -3.0;
/// After how many milliseconds a gap with faint edges is judged.
const PATIENCE_MS: u64 = 2_500;

/// A gap that has been judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    /// Its first frame and the first behind it, counted from the start of the segment.
    pub(super) start: u64,
    pub(super) end: u64,
    /// Whether it was cut out of sound; else the material has silence of this kind between its sounds.
    pub(super) is_cut: bool,
    /// Whether it was judged later than it ended.
    pub(super) is_late: bool,
}

/// Watches one channel.
#[derive(Debug)]
pub(super) struct GapFinder {
    rate: f64,
    edge: usize,
    millisecond: usize,
    /// From this magnitude on there is sound.
    audible: f32,
    position: u64,
    /// The magnitudes of the last samples of sound, as many as an edge has.
    recent: VecDeque<f32>,
    /// The peaks of the last milliseconds of sound, and of the open one, with its samples so far.
    peaks: VecDeque<f32>,
    open: (f32, usize),
    /// The zeros that came last, and what stood before them; also the peak of the time that no gate holds less.
    zeros: u64,
    before: Side,
    held: f32,
    after: Option<After>,
    loudest: f32,
    sounding_ms: u32,
    evidence: f64,
    gate: NoiseGate,
    milliseconds: u64,
    waiting: VecDeque<Faint>,
    judged: Vec<Gap>,
}

/// The largest magnitudes at an edge and beside it.
#[derive(Clone, Copy, Debug, Default)]
struct Side {
    edge: f32,
    level: f32,
}

impl Side {
    /// Whether the sound does not fade towards the edge.
    fn is_even(self) -> bool {
        self.edge > EVEN * self.level
    }
}

/// A run of zeros whose right side is still coming.
#[derive(Debug)]
struct After {
    start: u64,
    end: u64,
    before: Side,
    after: Side,
    gate: GateEdges,
    frames: usize,
}

/// A gap with faint edges that waits for its judgement, and what it has spoken itself.
#[derive(Debug)]
struct Faint {
    start: u64,
    end: u64,
    level: f32,
    evidence: f64,
    gate: GateEdges,
    due: u64,
}

impl GapFinder {
    /// `silence` is the mean square of the loudest silence.
    pub(super) fn new(rate: u32, silence: f64) -> Self {
        Self {
            rate: f64::from(rate),
            edge: ((EDGE_MS * f64::from(rate) / 1000.0).round() as usize).max(2),
            millisecond: (rate as usize / 1000).max(1),
            audible: silence.sqrt() as f32,
            position: 0,
            recent: VecDeque::new(),
            peaks: VecDeque::new(),
            open: (0.0, 0),
            zeros: 0,
            before: Side::default(),
            held: 0.0,
            after: None,
            loudest: 0.0,
            sounding_ms: 0,
            evidence: 0.0,
            gate: NoiseGate::new(),
            milliseconds: 0,
            waiting: VecDeque::new(),
            judged: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, samples: &[f32]) {
        for sample in samples {
            let magnitude = sample.abs();
            if magnitude <= NOTHING {
                self.zero();
            } else {
                self.sound(magnitude);
            }
            self.position += 1;
            if self.position.is_multiple_of(self.millisecond as u64) {
                self.tick();
            }
        }
    }

    /// The gaps that have been judged since the last call.
    pub(super) fn take_judged(&mut self) -> impl Iterator<Item = Gap> {
        self.judged.drain(..)
    }

    /// Whether runs of digital silence have come lately, and they speak for a gate or a synthesizer rather than for cuts.
    pub(super) fn shows_gate(&self) -> bool {
        self.evidence < LEANING
    }

    /// The sound ends: judges what waits.
    pub(super) fn end(&mut self) {
        if let Some(after) = self.after.take() {
            self.weigh(&after);
        }
        while let Some(faint) = self.waiting.pop_front() {
            self.judge(&faint);
        }
    }

    fn lasts(&self, frames: u64) -> f64 {
        frames as f64 * 1000.0 / self.rate
    }

    fn is_run(&self) -> bool {
        self.lasts(self.zeros) >= RUN_MS
    }

    /// The peak of the last milliseconds of sound, of which the open one is the first.
    fn peak_of_last(&self, milliseconds: usize) -> f32 {
        self.peaks.iter().rev().take(milliseconds - 1).copied().fold(self.open.0, f32::max)
    }

    fn zero(&mut self) {
        if self.zeros == 0 {
            let edge = self.recent.iter().copied().fold(0f32, f32::max);
            self.before = Side { edge, level: self.peak_of_last(BESIDE_MS) };
            self.held = self.peak_of_last(SHORTEST_HOLD_MS);
        }
        self.zeros += 1;
        if !self.is_run() {
            self.take(0.0);
        } else if let Some(after) = self.after.take() {
            // The next run has begun within what stands behind the last one.
            self.weigh(&after);
        }
    }

    fn sound(&mut self, magnitude: f32) {
        if self.is_run() {
            let start = self.position - self.zeros;
            let (before, after) = (self.before, Side::default());
            let gate = self.gate.edges(self.held, magnitude);
            self.after = Some(After { start, end: self.position, before, after, gate, frames: 0 });
            self.recent.clear();
            self.peaks.clear();
            self.open = (0.0, 0);
        }
        self.zeros = 0;
        self.take(magnitude);
    }

    /// Takes in a sample of sound, or a zero within a wave.
    fn take(&mut self, magnitude: f32) {
        if self.recent.len() == self.edge {
            self.recent.pop_front();
        }
        self.recent.push_back(magnitude);
        self.open = (self.open.0.max(magnitude), self.open.1 + 1);
        if let Some(after) = &mut self.after {
            if after.frames < self.edge {
                after.after.edge = after.after.edge.max(magnitude);
            }
            after.after.level = after.after.level.max(magnitude);
            after.frames += 1;
        }
        if let Some(after) = self.after.take_if(|after| after.frames == BESIDE_MS * self.millisecond) {
            self.weigh(&after);
        }
        if self.open.1 == self.millisecond {
            let (peak, _) = std::mem::take(&mut self.open);
            if self.peaks.len() == BESIDE_MS {
                self.peaks.pop_front();
            }
            self.peaks.push_back(peak);
            self.loudest = (self.loudest * (-1.0 / LOUD_MEMORY_MS).exp()).max(peak);
            self.gate.add(peak);
            if self.sounding_ms > 0 || peak > self.audible {
                self.sounding_ms = self.sounding_ms.saturating_add(1);
            }
        }
    }

    /// A millisecond has passed.
    fn tick(&mut self) {
        self.milliseconds += 1;
        self.evidence *= (-1.0 / EVIDENCE_MEMORY_MS).exp();
        self.gate.forget();
        while let Some(faint) = self.waiting.pop_front_if(|faint| faint.due <= self.milliseconds) {
            self.judge(&faint);
        }
    }

    /// Takes a run of zeros for what it speaks for.
    fn weigh(&mut self, run: &After) {
        // Before any sound there is silence of all kinds.
        if self.sounding_ms == 0 {
            return;
        }
        let loudest = self.loudest.max(run.after.level);
        let audible = self.audible.max(AUDIBLE * loudest);
        let [is_before, is_behind] = [run.before.level, run.after.level].map(|level| level > audible);
        if !is_before && !is_behind {
            return;
        }
        self.gate.add_gap(run.gate);
        let is_inside = is_before && is_behind;
        let lasts = self.lasts(run.end - run.start);
        let strength = run.before.edge.min(run.after.edge) / (SHARP * loudest);
        let edges = run.before.edge * run.after.edge;
        let is_faded = edges < FADED * run.before.level * run.after.level;
        let gap = Gap { start: run.start, end: run.end, is_cut: false, is_late: false };
        let evidence = if lasts < SHORTEST_MS {
            SHORT_EVIDENCE
        } else if is_inside && strength >= 1.0 && self.sounding_ms >= SETTLED_MS && !self.gate.may_have_made(run.gate) {
            self.judged.push(Gap { is_cut: self.evidence >= SURELY_GATED, ..gap });
            SHARP_EVIDENCE
        } else if is_inside && !is_faded && lasts <= LONGEST_FAINT_MS {
            let evidence = FAINT_EVIDENCE * (1.0 - f64::from(strength).min(1.0));
            let (due, level) = (self.milliseconds + PATIENCE_MS, run.before.level.min(run.after.level));
            let (start, end, gate) = (run.start, run.end, run.gate);
            self.waiting.push_back(Faint { start, end, level, evidence, gate, due });
            evidence
        } else {
            if is_inside && lasts <= LONGEST_FAINT_MS {
                self.judged.push(gap);
            }
            match is_inside {
                true => FADED_EVIDENCE,
                // A cut that begins or ends in a pause: what is heard there goes on up to the edge.
                false if run.before.is_even() && run.after.is_even() => 0.0,
                false => ONE_SIDED_EVIDENCE,
            }
        };
        self.evidence = (self.evidence + evidence).clamp(EVIDENCE_RANGE[0], EVIDENCE_RANGE[1]);
    }

    /// Judges a gap with faint edges by what the others have shown.
    fn judge(&mut self, faint: &Faint) {
        let speaks = self.evidence - faint.evidence + PRIOR >= 0.0;
        let is_cut = speaks && !self.gate.may_have_made(faint.gate) && faint.level > AUDIBLE * self.loudest;
        self.judged.push(Gap { start: faint.start, end: faint.end, is_cut, is_late: true });
    }
}
