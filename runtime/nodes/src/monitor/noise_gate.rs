//! What a noise gate does to the sound of one channel, and whether it may have made a gap.
//!
//! A gate opens with the first sample that reaches its threshold, and closes when none has for some time, its hold. So no
//! sample of the last milliseconds before a gap is larger than the first behind any of its gaps. And since a sample as large
//! as that first one its hold has passed: nowhere does the sound stay below the samples before the gap for longer. What a cut
//! leaves at its edges is chance, and one cut in a thousand has it so.

use std::collections::VecDeque;

/// No gate holds for less, in milliseconds.
pub(super) const SHORTEST_HOLD_MS: usize = 5;
/// Nor, with its fade, for longer. There are some; one gap alone of these is not told from a cut.
const LONGEST_HOLD_MS: u64 = 80;
/// How long sound stays quiet is known for this many levels, 2 dB apart from full scale down.
const LEVELS: usize = 36;
/// What a millisecond more or less is at both ends.
const ROUNDING_MS: f32 = 2.0;
/// In this time, in milliseconds, what was seen is forgotten.
const MEMORY_MS: f32 = 6_000.0;

/// Watches one channel.
#[derive(Debug)]
pub(super) struct NoiseGate {
    /// For how many milliseconds the sound has been below each of the levels, and the most of late.
    levels: [f32; LEVELS],
    quiet: [f32; LEVELS],
    longest: [f32; LEVELS],
    /// The milliseconds of sound since the last gap, and the peaks that no later one has reached, with their times.
    sounding: u64,
    peaks: VecDeque<(u64, f32)>,
    /// The largest peak with which the sound before a gap has ended, and the smallest sample with which it has begun again.
    highest_end: f32,
    lowest_begin: f32,
}

/// What there is of a gate in a gap.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct GateEdges {
    /// The peak of the last [`SHORTEST_HOLD_MS`] before it, and the first sample behind it.
    end: f32,
    begin: f32,
    /// For how many milliseconds before it no sample was as large as that.
    held_ms: f32,
}

impl NoiseGate {
    pub(super) fn new() -> Self {
        Self {
            levels: std::array::from_fn(|number| 10f32.powf(number as f32 / -10.0)),
            quiet: [0.0; LEVELS],
            longest: [0.0; LEVELS],
            sounding: 0,
            peaks: VecDeque::new(),
            highest_end: 0.0,
            lowest_begin: f32::INFINITY,
        }
    }

    /// Takes in a millisecond of sound, by its peak.
    pub(super) fn add(&mut self, peak: f32) {
        while self.peaks.pop_back_if(|(_, earlier)| *earlier <= peak).is_some() {}
        self.peaks.push_back((self.sounding, peak));
        self.sounding += 1;
        while self.peaks.pop_front_if(|(at, _)| *at + LONGEST_HOLD_MS < self.sounding).is_some() {}
        for ((level, quiet), longest) in self.levels.iter().zip(&mut self.quiet).zip(&mut self.longest) {
            *quiet = if peak < *level { *quiet + 1.0 } else { 0.0 };
            *longest = longest.max(*quiet);
        }
    }

    /// Sound begins with this sample behind a gap, before which the last milliseconds had the peak `end`.
    pub(super) fn edges(&mut self, end: f32, begin: f32) -> GateEdges {
        let last = self.peaks.iter().rev().find(|(_, peak)| *peak >= begin);
        let held = last.map_or(self.sounding.min(LONGEST_HOLD_MS), |(at, _)| self.sounding - at);
        self.sounding = 0;
        self.peaks.clear();
        self.quiet.fill(0.0);
        GateEdges { end, begin, held_ms: held as f32 }
    }

    /// Takes in a gap that has sound beside it.
    pub(super) fn add_gap(&mut self, edges: GateEdges) {
        self.highest_end = self.highest_end.max(edges.end);
        self.lowest_begin = self.lowest_begin.min(edges.begin);
    }

    /// A millisecond has passed, of sound or of silence.
    pub(super) fn forget(&mut self) {
        let fades = 1.0 - 1.0 / MEMORY_MS;
        self.longest.iter_mut().for_each(|longest| *longest *= fades);
        self.highest_end *= fades;
        self.lowest_begin /= fades;
    }

    /// Whether a gate may have made a gap.
    pub(super) fn may_have_made(&self, edges: GateEdges) -> bool {
        let quieter = self.levels.iter().position(|level| *level <= edges.end);
        let longest = quieter.map_or(0.0, |number| self.longest[number]);
        self.highest_end.max(edges.end) <= self.lowest_begin.min(edges.begin) && longest <= edges.held_ms + ROUNDING_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes in sound by the peaks of its milliseconds, and a gap behind which it begins with this sample.
    fn gap(gate: &mut NoiseGate, peaks: &[f32], begin: f32) -> GateEdges {
        peaks.iter().for_each(|peak| gate.add(*peak));
        let end = peaks.iter().rev().take(SHORTEST_HOLD_MS).copied().fold(0.0, f32::max);
        let edges = gate.edges(end, begin);
        gate.add_gap(edges);
        edges
    }

    fn word(hold_ms: usize) -> Vec<f32> {
        [vec![0.3; 50], vec![0.05; hold_ms]].concat()
    }

    #[test]
    fn a_gap_behind_which_sound_begins_louder_than_it_has_ended_may_be_of_a_gate() {
        let mut gate = NoiseGate::new();
        let edges = gap(&mut gate, &word(20), 0.1);
        assert!(gate.may_have_made(edges));
        let edges = gap(&mut gate, &word(20), 0.04);
        assert!(!gate.may_have_made(edges));
    }

    #[test]
    fn a_gate_opens_at_no_sample_that_did_not_keep_it_open() {
        let mut gate = NoiseGate::new();
        let first = gap(&mut gate, &word(20), 0.1);
        // It has ended with 0.15 here, and so is closed above that.
        gap(&mut gate, &[0.3, 0.15, 0.15, 0.15, 0.15, 0.15], 0.2);
        assert!(!gate.may_have_made(first));
    }

    #[test]
    fn what_a_gate_has_let_pass_is_no_longer_than_its_hold() {
        let mut gate = NoiseGate::new();
        let pause = [[0.3; 50], [0.03; 50]].concat();
        let edges = gap(&mut gate, &[pause, word(20)].concat(), 0.1);
        assert!(!gate.may_have_made(edges));
        let edges = gap(&mut gate, &word(60), 0.1);
        assert!(gate.may_have_made(edges));
    }

    #[test]
    fn what_was_seen_is_forgotten() {
        let mut gate = NoiseGate::new();
        gap(&mut gate, &[0.4; 50], 0.1);
        (0..20_000).for_each(|_| gate.forget());
        let edges = gap(&mut gate, &word(20), 0.1);
        assert!(gate.may_have_made(edges));
    }
}
