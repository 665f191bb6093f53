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
        self.settle(found);
    }

    /// The stream ends at this time.
    pub(super) fn finish(&mut self, end: i64, found: &mut Vec<Found>) {
        self.now = end;
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
        if let Some(end) = self.untold_end.take() {
            found.push(Found::End { at: end + self.padding(start - end), detected: self.now });
        }
        let padding = self.last_end.map_or(self.rules.pad, |end| self.padding(start - end));
        let speech = Speech { start, padded_start: (start - padding).max(0) };
        found.push(Found::Start { at: speech.padded_start, detected: self.now });
        self.speech = Some(speech);
    }

    fn end_speech(&mut self, speech: Speech, end: i64, is_segment: bool, found: &mut Vec<Found>) {
        (self.speech, self.silent_since) = (None, None);
        self.untold_end = Some(end);
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
