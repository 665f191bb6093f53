//! Puts the audio of several inputs on one timeline, so that a frame of one meets the frames of the others at the same
//! time. It knows nothing of what is done with them.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use remotemedia_core::node::{NodeError, TimeBreaks};
use remotemedia_core::value::{Audio, MediaTime, Packet};

use super::arrival::Intake;
use super::audio_fifo::LIMIT;
use super::finite::check_finite;
use super::format::Format;
use super::timeline::{Place, Timeline, frames_of};

/// What comes at the inputs of a node, from where its output is on.
#[derive(Debug)]
pub(crate) struct Aligned {
    tracks: Vec<Track>,
    timeline: Timeline,
    intake: Intake,
    /// Counts what comes too late.
    breaks: TimeBreaks,
    format: Option<Format>,
    /// The input that had this format first.
    format_of: usize,
    /// The next frame of the output, once it is known where it begins.
    position: Option<i64>,
    /// A frame and its time, from which all others follow.
    anchor: (i64, i64),
    /// The bytes of what waits.
    held: usize,
    /// How far one input may be behind another, in seconds, before it counts as silent.
    patience: Option<f64>,
}

/// What has come at one input.
#[derive(Debug, Default)]
struct Track {
    is_connected: bool,
    /// If nothing comes but what has been in the output: how much later, in nanoseconds, at the least.
    loop_delay: Option<u64>,
    has_ended: bool,
    /// Sound with the frame at which it begins, oldest first; what lies between is silence.
    parts: VecDeque<(i64, Audio)>,
    /// The first frame since its times last jumped, and its time.
    origin: (i64, i64),
    /// The frame after the last one that came.
    end: Option<i64>,
    /// What has come too and is still on its way.
    held: Option<Held>,
}

/// Sound that has come to an input and is still on its way, as in a converter: the input is as far as this.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    /// When it begins, in nanoseconds, if that is known.
    pub(crate) begin: Option<i64>,
    /// How long it is, in nanoseconds.
    pub(crate) duration: i64,
}

/// How far from the others an input may begin, and the longest silence that comes out, in seconds.
const FURTHEST_S: i64 = 3600;
/// How far an input runs ahead, in seconds, before it is asked to wait for the others, if those are never given up.
const LEAD_S: f64 = 1.0;

impl Aligned {
    /// Inputs by the numbers of their ports, none of which is connected.
    pub(crate) fn new(ports: usize, patience_ms: Option<f64>) -> Self {
        Self {
            tracks: (0..ports).map(|_| Track::default()).collect(),
            timeline: Timeline::default(),
            intake: Intake::default(),
            breaks: TimeBreaks::default(),
            format: None,
            format_of: 0,
            position: None,
            anchor: (0, 0),
            held: 0,
            patience: patience_ms.map(|ms| ms / 1000.0),
        }
    }

    pub(crate) fn connect(&mut self, ports: &[usize]) {
        for (port, track) in self.tracks.iter_mut().enumerate() {
            track.is_connected = ports.contains(&port);
        }
    }

    /// An input that gets nothing but the output, so much later.
    pub(crate) fn connect_loop(&mut self, port: usize, delay: Duration) {
        self.tracks[port].loop_delay = Some(u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX));
    }

    /// From here on what comes too late is counted there; jumps too, unless they are counted before they come here.
    pub(crate) fn count_in(&mut self, breaks: &TimeBreaks, counts_jumps: bool) {
        self.breaks = breaks.clone();
        if counts_jumps {
            self.timeline.breaks = breaks.clone();
        }
    }

    /// The format of the item, if sound has come.
    pub(crate) fn format(&self) -> Option<&Format> {
        self.format.as_ref()
    }

    /// Takes in a packet of sound. One without frames says what the item is if no other comes.
    ///
    /// # Errors
    /// If it is no sound, of another format than the rest, has NaN or infinity, or goes back to another time; or if too
    /// much waits for another input.
    pub(crate) fn push(&mut self, port: usize, packet: Packet) -> Result<(), NodeError> {
        let Some(arrival) = self.intake.take(packet)? else { return Ok(()) };
        let pts = arrival.pts();
        if self.format.is_none() {
            self.format_of = port;
        }
        let format = self.format.get_or_insert_with(|| Format::of(arrival.audio()));
        format.check(arrival.audio(), port, pts, &format!("that at 'in{}'", self.format_of))?;
        let rate = format.rate;
        let frames = arrival.audio().frames();
        check_finite(arrival.audio(), 0, frames, |frame| Some(pts?.saturating_add(MediaTime::of_frames(frame, rate))))?;
        let own = pts.map_or(0, |pts| frame_at(pts, rate));
        let track = &self.tracks[port];
        // Where it begins, and from what its times follow.
        let goes_on = track.end.map_or((own, (own, pts.unwrap_or(0))), |end| (end, track.origin));
        let place = self.timeline.place(&arrival, track.end_time(rate));
        let mut audio = arrival.into_audio();
        let (start, origin) = match place {
            Place::Follows => goes_on,
            Place::Filled(_) | Place::Apart(Some(_)) => {
                let start = own.max(goes_on.0);
                (start, (start, pts.unwrap_or(0)))
            }
            Place::Apart(None) => {
                let back = track.end_time(rate).unwrap_or(0).saturating_sub(pts.unwrap_or(0)) as f64 / 1e9;
                let cause = format!("the sound at 'in{port}' goes back by {back:.3} s");
                return Err(NodeError::new(cause)
                    .cure("Send the packets of an input in the order of their times.")
                    .at(pts));
            }
            Place::Overlaps(trimmed) => {
                let trimmed = usize::try_from(frames_of(trimmed, rate)).unwrap_or(usize::MAX).min(audio.frames());
                if trimmed == audio.frames() {
                    return Ok(());
                }
                audio = audio.slice(trimmed, audio.frames() - trimmed);
                goes_on
            }
        };
        let end = start.saturating_add(audio.frames() as i64);
        if track.end.is_none() {
            self.check_begin(port, start..end, pts)?;
        }
        if self.position.is_none() {
            let (first, time) = origin;
            let begin = (start, time.saturating_add(MediaTime::of_frames(start.abs_diff(first), rate)));
            self.anchor = if self.is_silent() { begin } else { self.anchor.min(begin) };
        }
        let late = self.position.map_or(0, |position| position.min(end).saturating_sub(start));
        if late > 0 {
            self.breaks.count_overlap(MediaTime::of_frames(late.unsigned_abs(), rate));
        }
        let track = &mut self.tracks[port];
        (track.origin, track.end) = (origin, Some(end));
        self.held += weight(&audio);
        track.parts.push_back((start, audio));
        self.check_memory(port)
    }

    /// Says what has come to an input and is still on its way, so that the input is not given up for it.
    pub(crate) fn hold(&mut self, port: usize, held: Option<Held>) {
        self.tracks[port].held = held;
    }

    /// Whether an input is about to count as silent although something of it is still on its way.
    pub(crate) fn is_overdue(&self, port: usize) -> bool {
        let (Some(format), track) = (&self.format, &self.tracks[port]) else { return false };
        track.held.is_some() && track.come(format.rate) < self.given_up(track, format.rate)
    }

    /// Ends an input for this item.
    pub(crate) fn end(&mut self, port: usize) {
        self.tracks[port].has_ended = true;
    }

    /// Ends all inputs for this item.
    pub(crate) fn end_all(&mut self) {
        if let Some(empty) = self.intake.finish() {
            let (format, pts) = (Format::of(empty.audio()), empty.pts().unwrap_or(0));
            self.anchor = (frame_at(pts, format.rate), pts);
            self.format = Some(format);
        }
        self.tracks.iter_mut().for_each(|track| track.has_ended = true);
    }

    /// Forgets the item.
    pub(crate) fn reset(&mut self) {
        for track in &mut self.tracks {
            let Track { is_connected, loop_delay, .. } = *track;
            *track = Track { is_connected, loop_delay, ..Track::default() };
        }
        (self.intake, self.format, self.position, self.held) = (Intake::default(), None, None, 0);
    }

    /// Whether more of an input is of use before something comes at another one.
    pub(crate) fn wants(&self, port: usize) -> bool {
        if self.patience.is_some() {
            // The others are given up by how far this one comes, so it waits for none of them.
            return true;
        }
        let (Some(format), Some(end)) = (&self.format, self.tracks[port].end) else { return true };
        let lead = (LEAD_S * f64::from(format.rate)) as i64;
        // What comes around a loop never holds up the node that feeds it.
        let awaited =
            |(other, track): (usize, &Track)| other != port && track.is_awaited() && track.loop_delay.is_none();
        let begin = self.position.unwrap_or_else(|| self.tracks[port].parts.front().map_or(end, |part| part.0));
        let mut others = self.tracks.iter().enumerate().filter(|other| awaited(*other));
        others.all(|(_, track)| end - track.end.unwrap_or(begin) <= lead)
    }

    /// How many frames of the output are known, at most so many.
    pub(crate) fn ready(&mut self, most: usize) -> usize {
        let Some(format) = &self.format else { return 0 };
        let connected = || self.tracks.iter().filter(|track| track.is_connected);
        let Some(furthest) = connected().filter_map(|track| track.end).max() else { return 0 };
        let awaited = connected().filter(|track| track.is_awaited());
        let known = awaited.map(|track| self.known_until(track, format.rate)).min().unwrap_or(furthest);
        let begin = connected().filter_map(|track| track.parts.front().map(|part| part.0)).min();
        let Some(position) = self.position.or(begin) else { return 0 };
        let limit = known.min(furthest);
        if limit <= position {
            return 0;
        }
        // A call that was on hold goes on: nobody needs hours of silence.
        let next = begin.map_or(limit, |begin| begin.min(limit));
        let is_far = next.saturating_sub(position) > i64::from(format.rate) * FURTHEST_S;
        let position = if is_far { next } else { position };
        self.position = Some(position);
        (limit - position).min(most as i64) as usize
    }

    /// The time of the next frame of the output.
    pub(crate) fn pts(&self) -> i64 {
        self.time(self.position.unwrap_or(self.anchor.0))
    }

    /// Adds `gain` of the next frames of an input to `sums`, which holds them channel by channel. `gain` gets the number of
    /// a frame among them.
    pub(crate) fn add_to(&self, port: usize, frames: usize, sums: &mut [f64], gain: impl Fn(usize) -> f64) {
        let Some(position) = self.position else { return };
        let until = position + frames as i64;
        for (start, audio) in self.tracks[port].parts_before(until) {
            let first = (*start).max(position);
            let end = (start + audio.frames() as i64).min(until);
            if first >= end {
                continue;
            }
            let (from, to) = ((first - start) as usize, (first - position) as usize);
            let count = (end - first) as usize;
            for (channel, samples) in audio.iter_channels().enumerate() {
                let sums = &mut sums[channel * frames + to..][..count];
                for (number, (sum, sample)) in sums.iter_mut().zip(&samples[from..from + count]).enumerate() {
                    *sum += gain(to + number) * f64::from(*sample);
                }
            }
        }
    }

    /// Goes on by so many frames.
    pub(crate) fn advance(&mut self, frames: usize) {
        let Some(position) = &mut self.position else { return };
        *position += frames as i64;
        for track in &mut self.tracks {
            while track.parts.front().is_some_and(|(start, audio)| start + audio.frames() as i64 <= *position) {
                self.held -= track.parts.pop_front().map_or(0, |(_, audio)| weight(&audio));
            }
        }
    }

    /// Up to which frame of the output it is known what an awaited input has there: sound, or silence.
    fn known_until(&self, track: &Track, rate: u32) -> i64 {
        let given_up = self.given_up(track, rate);
        let is_given_up = track.come(rate) < given_up;
        let Some(delay) = track.loop_delay else {
            // What has not begun may begin anywhere, or nowhere.
            let end = track.end.unwrap_or(i64::MIN);
            return if is_given_up { end.max(given_up) } else { end };
        };
        // Nothing of the output has been around before. Once a loop is given up it is not waited for until it brings
        // something again: else all of the output would be that late, and what comes back of it too.
        let first = self.anchor.0.saturating_add(MediaTime::to_frames(delay, rate) as i64);
        if is_given_up && first < given_up { i64::MAX } else { track.end.map_or(first, |end| end.max(first)) }
    }

    /// The frame before which an awaited input counts as silent.
    fn given_up(&self, track: &Track, rate: u32) -> i64 {
        let patience = self.patience.or(track.loop_delay.map(|_| LEAD_S));
        let connected = || self.tracks.iter().filter(|track| track.is_connected);
        // A loop is as far as what feeds it.
        let outside = connected().filter(|track| track.loop_delay.is_none()).filter_map(|track| track.end).max();
        let furthest = outside.or_else(|| connected().filter_map(|track| track.end).max());
        let Some((patience, furthest)) = patience.zip(furthest) else { return i64::MIN };
        furthest.saturating_sub((patience * f64::from(rate)).round() as i64)
    }

    fn time(&self, frame: i64) -> i64 {
        let rate = self.format.as_ref().map_or(1, |format| format.rate);
        let (anchor, pts) = self.anchor;
        let distance = MediaTime::of_frames(frame.abs_diff(anchor), rate);
        if frame < anchor { pts.saturating_sub(distance) } else { pts.saturating_add(distance) }
    }

    /// An input begins: times that have nothing to do with those of the others would make years of silence. Later they
    /// may jump as far as they like, since what the others do then is still to come.
    fn check_begin(&self, port: usize, frames: Range<i64>, pts: Option<i64>) -> Result<(), NodeError> {
        let Some(format) = &self.format else { return Ok(()) };
        let limit = i64::from(format.rate) * FURTHEST_S;
        let others = || self.tracks.iter().filter(|track| track.is_connected);
        let furthest = others().filter_map(|track| track.end).max().max(self.position);
        let first = others().filter_map(|track| track.parts.front().map(|part| part.0)).min();
        // Once the output has begun, what is before it comes too late.
        let first = first.filter(|_| self.position.is_none());
        let is_far =
            |from: Option<i64>, to: Option<i64>| from.zip(to).is_some_and(|(from, to)| to.saturating_sub(from) > limit);
        if !is_far(furthest, Some(frames.start)) && !is_far(Some(frames.end), first) {
            return Ok(());
        }
        let cause = format!("the sound at 'in{port}' is more than {FURTHEST_S} s away from the others");
        Err(NodeError::new(cause).cure("Count the times of all inputs from the same start.").at(pts))
    }

    /// Whether no frame has come.
    fn is_silent(&self) -> bool {
        self.tracks.iter().all(|track| track.end.is_none())
    }

    fn check_memory(&self, port: usize) -> Result<(), NodeError> {
        if self.held <= LIMIT {
            return Ok(());
        }
        let is_awaited = |track: &Track| track.is_awaited() && track.loop_delay.is_none();
        let behind = self.tracks.iter().enumerate().filter(|(_, track)| is_awaited(track));
        let behind = behind.min_by_key(|(_, track)| track.end).map_or(port, |(port, _)| port);
        let cause = format!("more than {} MiB of sound wait for what is to come at 'in{behind}'", LIMIT >> 20);
        Err(NodeError::new(cause).cure(format!("Shorten the delay of what leads to 'in{behind}'.")))
    }
}

impl Track {
    fn is_awaited(&self) -> bool {
        self.is_connected && !self.has_ended
    }

    /// Up to which frame it has come, with what is still on its way; the first of all frames if nothing has.
    fn come(&self, rate: u32) -> i64 {
        let end = self.end.unwrap_or(i64::MIN);
        let Some(Held { begin, duration }) = self.held else { return end };
        match begin {
            Some(begin) => frame_at(begin.saturating_add(duration), rate).max(end),
            None => self.end.unwrap_or(0).saturating_add(frame_at(duration, rate)),
        }
    }

    /// When the sound ends that has come, by the time at which it began and the count of its frames.
    fn end_time(&self, rate: u32) -> Option<i64> {
        let (first, pts) = self.origin;
        self.end.map(|end| pts.saturating_add(MediaTime::of_frames(end.abs_diff(first), rate)))
    }

    /// The parts that begin before this frame, which are few of all that may wait.
    fn parts_before(&self, frame: i64) -> impl Iterator<Item = &(i64, Audio)> {
        self.parts.iter().take_while(move |(start, _)| *start < frame)
    }
}

/// What a part takes: its samples, and about what its own structures do.
fn weight(audio: &Audio) -> usize {
    audio.frames() * audio.channels() * size_of::<f32>() + 256
}

/// The frame that is nearest to a time.
fn frame_at(pts: i64, rate: u32) -> i64 {
    let frame = (i128::from(pts) * i128::from(rate) + 500_000_000).div_euclid(1_000_000_000);
    i64::try_from(frame).unwrap_or(if frame < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_looks_at_the_parts_that_it_needs_however_many_wait() {
        let mut aligned = Aligned::new(2, None);
        aligned.connect(&[0, 1]);
        let (parts, frames) = (2_000, 160);
        for number in 0..parts {
            let audio = Audio::from_planar(vec![number as f32; frames], 1, 8_000).expect("valid sound");
            aligned.push(0, Packet::new(audio.into())).expect("there is room");
        }
        aligned.end(1);
        // 100 frames touch one part or two of 160.
        let (mut made, mut looked_at, mut steps) = (Vec::new(), 0, 0);
        loop {
            let ready = aligned.ready(100);
            if ready == 0 {
                break;
            }
            let position = aligned.position.expect("it has begun");
            looked_at += aligned.tracks[0].parts_before(position + ready as i64).count();
            let mut sums = vec![0.0; ready];
            aligned.add_to(0, ready, &mut sums, |_| 1.0);
            made.extend(sums);
            aligned.advance(ready);
            steps += 1;
        }
        assert!(looked_at < parts + steps, "{looked_at} in {steps} steps");
        let expected: Vec<f64> = (0..parts * frames).map(|frame| (frame / frames) as f64).collect();
        assert!(made == expected);
    }
}
