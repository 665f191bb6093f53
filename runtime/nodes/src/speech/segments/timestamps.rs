//! From probabilities of speech to where speech begins and ends, as they come in.
//!
//! The rules are those of `get_speech_timestamps` of the package silero-vad 6.2.3, which looks at a whole recording; here
//! each decision is made as soon as nothing that may still come can change it. Times are nanoseconds from the start of
//! the stream. Knows nothing of sound.

/// What decides where speech begins and ends. Times in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// From this probability on, it is speech.
    pub(super) threshold: f64,
    /// Below this probability, it is silence.
    pub(super) neg_threshold: f64,
    /// Speech must last longer than this.
    pub(super) min_speech: i64,
    /// So long must speech have lasted before its start and its end are events.
    pub(super) confirmed_after: i64,
    /// So long must silence last to end speech.
    pub(super) min_silence: i64,
    /// What a segment gets before and after speech.
    pub(super) pad: i64,
    /// Longer speech is cut, if there is a limit.
    pub(super) max_speech: Option<i64>,
}

/// What has been found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Speech began at a time, which is known since another.
    Start { at: i64, detected: i64 },
    /// Speech ended at a time, which is known since another.
    End { at: i64, detected: i64 },
    /// A segment from one time to another.
    Segment { start: i64, end: i64 },
}

/// A silence of at least this length within speech is where it is cut if it lasts too long.
const MIN_SILENCE_AT_MAX_SPEECH: i64 = 98_000_000;

/// Follows one stream.
#[derive(Debug)]
pub(super) struct Timestamps {
    rules: Rules,
    /// The end of the last window.
    now: i64,
    speech: Option<Speech>,
    /// Since when it may be silent, within speech.
    silent_since: Option<i64>,
    /// The longest silence within speech that is long enough to cut at: its start and length.
    longest_silence: Option<(i64, i64)>,
    /// Where the last speech that became a segment ended.
    last_end: Option<i64>,
    /// That segment, while its end depends on what comes.
    waiting: Option<Waiting>,
    /// Where the last speech ended, while it has not been told.
    untold_end: Option<i64>,
}

/// Speech that goes on.
#[derive(Clone, Copy, Debug)]
struct Speech {
    start: i64,
    padded_start: i64,
    /// Its start was an event, so that its end will be one.
    is_confirmed: bool,
}

/// A segment without its padding at the end.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    start: i64,
    end: i64,
}

impl Timestamps {
    /// At the start of a stream.
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            now: 0,
            speech: None,
            silent_since: None,
            longest_silence: None,
            last_end: None,
            waiting: None,
            untold_end: None,
        }
    }

    /// Goes on with other thresholds.
    pub(super) fn set_thresholds(&mut self, rules: Rules) {
        (self.rules.threshold, self.rules.neg_threshold) = (rules.threshold, rules.neg_threshold);
    }

    /// What came before this time can't become a part of a segment any more.
    pub(super) fn needed_from(&self) -> i64 {
        let next = self.speech.map_or(self.now - self.rules.pad, |speech| speech.padded_start);
        self.waiting.map_or(next, |waiting| waiting.start.min(next)).max(0)
    }

    /// The probability of the window from `start` to `end`, which is where the one before ended.
    pub(super) fn push(&mut self, probability: f64, start: i64, end: i64, found: &mut Vec<Found>) {
        self.now = end;
        self.judge(probability, start, found);
        self.confirm(found);
        self.settle(found);
    }

    /// The stream ends at this time.
    pub(super) fn finish(&mut self, end: i64, found: &mut Vec<Found>) {
        self.now = end;
        self.confirm(found);
        if let Some(speech) = self.speech.take() {
            self.end_speech(speech, end, end - speech.start > self.rules.min_speech, found);
        }
        if let Some(at) = self.untold_end.take() {
            found.push(Found::End { at: end.min(at + self.rules.pad), detected: end });
        }
        if let Some(waiting) = self.waiting.take() {
            found.push(Found::Segment { start: waiting.start, end: end.min(waiting.end + self.rules.pad) });
        }
    }

    fn judge(&mut self, probability: f64, at: i64, found: &mut Vec<Found>) {
        if probability >= self.rules.threshold {
            if let Some(since) = self.silent_since.take() {
                let length = at - since;
                let is_longest = self.longest_silence.is_none_or(|(_, longest)| length > longest);
                if length > MIN_SILENCE_AT_MAX_SPEECH && is_longest {
                    self.longest_silence = Some((since, length));
                }
            }
            if self.speech.is_none() {
                self.begin_speech(at, found);
                return;
            }
        }
        let Some(speech) = self.speech else { return };
        if self.rules.max_speech.is_some_and(|most| at - speech.start > most) {
            self.silent_since = None;
            match self.longest_silence.take() {
                Some((since, length)) => {
                    self.end_speech(speech, since, true, found);
                    self.begin_speech(since + length, found);
                }
                None => {
                    self.end_speech(speech, at, true, found);
                    return;
                }
            }
        }
        let Some(speech) = self.speech else { return };
        if probability < self.rules.neg_threshold {
            let since = *self.silent_since.get_or_insert(at);
            if at - since >= self.rules.min_silence {
                self.end_speech(speech, since, since - speech.start > self.rules.min_speech, found);
                self.longest_silence = None;
            }
        }
    }

    fn begin_speech(&mut self, start: i64, found: &mut Vec<Found>) {
        let padding = self.last_end.map_or(self.rules.pad, |end| self.padding(start - end));
        self.speech = Some(Speech { start, padded_start: (start - padding).max(0), is_confirmed: false });
        if self.rules.confirmed_after == 0 {
            self.confirm(found);
        }
    }

    /// Makes the start of speech an event, once it has lasted for long enough. A silence that may end it does not count.
    fn confirm(&mut self, found: &mut Vec<Found>) {
        let Some(speech) = self.speech.filter(|speech| !speech.is_confirmed) else { return };
        if self.silent_since.unwrap_or(self.now) - speech.start < self.rules.confirmed_after {
            return;
        }
        if let Some(end) = self.untold_end.take() {
            found.push(Found::End { at: end + self.padding(speech.start - end), detected: self.now });
        }
        found.push(Found::Start { at: speech.padded_start, detected: self.now });
        self.speech = Some(Speech { is_confirmed: true, ..speech });
    }

    fn end_speech(&mut self, speech: Speech, end: i64, is_segment: bool, found: &mut Vec<Found>) {
        (self.speech, self.silent_since) = (None, None);
        if speech.is_confirmed {
            self.untold_end = Some(end);
        }
        if is_segment {
            if let (Some(waiting), Some(last_end)) = (self.waiting.take(), self.last_end) {
                let end = waiting.end + self.padding(speech.start - last_end);
                found.push(Found::Segment { start: waiting.start, end });
            }
            self.waiting = Some(Waiting { start: speech.padded_start, end });
            self.last_end = Some(end);
        }
    }

    /// Lets go of what no further speech can change: none can begin before now, or before speech that goes on.
    fn settle(&mut self, found: &mut Vec<Found>) {
        let next = self.speech.map_or(self.now, |speech| speech.start);
        let pad = self.rules.pad;
        if let Some(end) = self.untold_end.filter(|end| next - end >= 2 * pad) {
            self.untold_end = None;
            found.push(Found::End { at: end + pad, detected: self.now });
        }
        if let Some(waiting) = self.waiting.filter(|waiting| next - waiting.end >= 2 * pad) {
            self.waiting = None;
            found.push(Found::Segment { start: waiting.start, end: waiting.end + pad });
        }
    }

    /// What each of two neighbours gets of the gap between them.
    fn padding(&self, gap: i64) -> i64 {
        if gap < 2 * self.rules.pad { gap / 2 } else { self.rules.pad }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: i64 = 32_000_000;
    const MILLISECOND: i64 = 1_000_000;

    fn found_in(rules: Rules, probabilities: &[f64]) -> Vec<Found> {
        let (mut timestamps, mut found) = (Timestamps::new(rules), Vec::new());
        for (&probability, start) in probabilities.iter().zip((0i64..).step_by(WINDOW as usize)) {
            timestamps.push(probability, start, start + WINDOW, &mut found);
        }
        timestamps.finish(probabilities.len() as i64 * WINDOW, &mut found);
        found
    }

    fn rules(pad: i64, min_silence: i64, confirmed_after: i64) -> Rules {
        let min_speech = 250 * MILLISECOND;
        Rules { threshold: 0.5, neg_threshold: 0.35, min_speech, confirmed_after, min_silence, pad, max_speech: None }
    }

    fn segments(found: &[Found]) -> Vec<Found> {
        found.iter().copied().filter(|found| matches!(found, Found::Segment { .. })).collect()
    }

    fn starts_and_ends(found: &[Found]) -> Vec<(i64, i64)> {
        let mut pairs = Vec::new();
        let mut start = None;
        for found in found {
            match *found {
                Found::Start { at, .. } => assert!(start.replace(at).is_none(), "a start comes after an end"),
                Found::End { at, .. } => pairs.push((start.take().expect("an end comes after a start"), at)),
                Found::Segment { .. } => {}
            }
        }
        assert!(start.is_none(), "what began has ended");
        pairs
    }

    /// Numbers from 0 to 1, the same each time (Numerical Recipes' generator of 1992).
    fn random(seed: u32) -> impl FnMut() -> f64 {
        let mut state = seed;
        move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8) / f64::from(1u32 << 24)
        }
    }

    #[test]
    fn a_cough_has_no_events_and_speech_has_them_once_it_is_confirmed() {
        let cough = [0.0, 0.0, 0.9, 0.9, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let mut heard = cough.to_vec();
        heard.extend([0.9; 10]);
        heard.extend([0.0; 12]);
        let at_once = rules(0, 100 * MILLISECOND, 0);
        assert_eq!(starts_and_ends(&found_in(at_once, &heard)).len(), 2);
        let confirmed = found_in(Rules { confirmed_after: 200 * MILLISECOND, ..at_once }, &heard);
        let (begin, end) = (12 * WINDOW, 22 * WINDOW);
        // Seven windows are the first that last for 200 ms.
        assert_eq!(confirmed[0], Found::Start { at: begin, detected: begin + 7 * WINDOW });
        assert_eq!(starts_and_ends(&confirmed), [(begin, end)]);
        assert_eq!(segments(&confirmed), [Found::Segment { start: begin, end }]);
    }

    #[test]
    fn confirmed_events_are_those_of_speech_that_lasts_and_segments_stay() {
        for seed in 0..400 {
            let mut next = random(seed);
            let length = 20 + (next() * 200.0) as usize;
            let mut is_speech = false;
            let mut probabilities: Vec<f64> = (0..length)
                .map(|_| {
                    is_speech ^= next() < 0.2;
                    if is_speech { 0.4 + 0.6 * next() } else { 0.55 * next() }
                })
                .collect();
            // All speech ends before the stream does: at its end a silence of any length would belong to the speech.
            probabilities.extend([0.0; 20]);
            let min_silence = (next() * 400.0) as i64 * MILLISECOND;
            let confirmed_after = (next() * 600.0) as i64 * MILLISECOND;
            let pad = if next() < 0.5 { 0 } else { 30 * MILLISECOND };
            let at_once = found_in(rules(pad, min_silence, 0), &probabilities);
            let confirmed = found_in(rules(pad, min_silence, confirmed_after), &probabilities);
            assert_eq!(segments(&confirmed), segments(&at_once), "seed {seed}");
            let pairs = starts_and_ends(&confirmed);
            if pad == 0 {
                let mut expected = starts_and_ends(&at_once);
                expected.retain(|(start, end)| end - start >= confirmed_after);
                assert_eq!(pairs, expected, "seed {seed}");
            }
            for found in &confirmed {
                let Found::Start { at, detected } = *found else { continue };
                let lasted = detected - at - if at == 0 { 0 } else { pad };
                assert!(lasted + pad >= confirmed_after, "seed {seed}: {found:?}");
            }
        }
    }

    #[test]
    fn speech_that_is_cut_is_confirmed_piece_by_piece() {
        let cut = Rules { max_speech: Some(320 * MILLISECOND), ..rules(0, 100 * MILLISECOND, 200 * MILLISECOND) };
        let found = found_in(cut, &[0.9; 40]);
        let pairs = starts_and_ends(&found);
        assert!(pairs.len() > 2 && pairs.iter().all(|(start, end)| end - start >= 200 * MILLISECOND));
    }
}
