//! Puts the audio of several inputs on one timeline, so that a frame of one meets the frames of the others at the same
//! time. It knows nothing of what is done with them.

use std::collections::VecDeque;

use remotemedia_core::node::NodeError;
use remotemedia_core::value::{Audio, MediaTime, Packet};

use super::audio_fifo::LIMIT;
use super::finite::check_finite;
use super::format::Format;
use super::reader::audio_of;

/// What comes at the inputs of a node, from where its output is on.
#[derive(Debug)]
pub(crate) struct Aligned {
    tracks: Vec<Track>,
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
    has_ended: bool,
    /// Sound with the frame at which it begins, oldest first; what lies between is silence.
    parts: VecDeque<(i64, Audio)>,
    /// The frame after the last one that came.
    end: Option<i64>,
}

/// A jump of times up to this long, in seconds, is not looked at within an input.
const JITTER_S: f64 = 0.01;
/// The longest silence between inputs, in seconds.
const FURTHEST_S: i64 = 3600;
/// How far an input runs ahead, in seconds, before it is asked to wait for the others, if those are never given up.
const LEAD_S: f64 = 1.0;

impl Aligned {
    /// Inputs by the numbers of their ports, none of which is connected.
    pub(crate) fn new(ports: usize, patience_ms: Option<f64>) -> Self {
        Self {
            tracks: (0..ports).map(|_| Track::default()).collect(),
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

    /// The format of the item, if sound has come.
    pub(crate) fn format(&self) -> Option<&Format> {
        self.format.as_ref()
    }

    /// Takes in a packet of sound.
    ///
    /// # Errors
    /// If it is no sound, of another format than the rest, has NaN or infinity, or goes back in time; or if too much
    /// waits for another input.
    pub(crate) fn push(&mut self, port: usize, packet: Packet) -> Result<(), NodeError> {
        let audio = audio_of(packet)?;
        let pts = audio.pts;
        if self.format.is_none() {
            self.format_of = port;
        }
        let format = self.format.get_or_insert_with(|| Format::of(&audio));
        format.check(&audio, port, pts, &format!("that at 'in{}'", self.format_of))?;
        let rate = format.rate;
        check_finite(&audio, 0, audio.frames(), |frame| Some(pts?.saturating_add(MediaTime::of_frames(frame, rate))))?;
        let is_first = self.tracks.iter().all(|track| track.end.is_none());
        let track = &mut self.tracks[port];
        let start = match (pts, track.end) {
            (None, end) => end.unwrap_or(0),
            (Some(pts), None) => frame_at(pts, rate),
            (Some(pts), Some(end)) => {
                let start = frame_at(pts, rate);
                if (start.saturating_sub(end)).unsigned_abs() as f64 <= JITTER_S * f64::from(rate) {
                    end
                } else {
                    start
                }
            }
        };
        if let Some(end) = track.end.filter(|end| start < *end) {
            let back = (end - start) as f64 / f64::from(rate);
            let cause = format!("the sound at 'in{port}' goes back by {back:.3} s");
            return Err(NodeError::new(cause)
                .cure("Send the packets of an input in the order of their times.")
                .at(pts));
        }
        if is_first {
            self.anchor = (start, pts.unwrap_or(0));
        } else if start < self.anchor.0 && self.position.is_none() {
            self.anchor = (start, pts.unwrap_or_else(|| self.time(start)));
        }
        let track = &mut self.tracks[port];
        track.end = Some(start.saturating_add(audio.frames() as i64));
        if audio.frames() > 0 {
            self.held += weight(&audio);
            track.parts.push_back((start, audio));
        }
        self.check_distance(port, pts)?;
        self.check_memory(port)
    }

    /// Ends an input for this item.
    pub(crate) fn end(&mut self, port: usize) {
        self.tracks[port].has_ended = true;
    }

    /// Ends all inputs for this item.
    pub(crate) fn end_all(&mut self) {
        self.tracks.iter_mut().for_each(|track| track.has_ended = true);
    }

    /// Forgets the item.
    pub(crate) fn reset(&mut self) {
        for track in &mut self.tracks {
            *track = Track { is_connected: track.is_connected, ..Track::default() };
        }
        (self.format, self.position, self.held) = (None, None, 0);
    }

    /// Whether more of an input is of use before something comes at another one.
    pub(crate) fn wants(&self, port: usize) -> bool {
        if self.patience.is_some() {
            // The others are given up by how far this one comes, so it waits for none of them.
            return true;
        }
        let (Some(format), Some(end)) = (&self.format, self.tracks[port].end) else { return true };
        let lead = (LEAD_S * f64::from(format.rate)) as i64;
        let awaited = |(other, track): (usize, &Track)| other != port && track.is_awaited();
        let begin = self.position.unwrap_or_else(|| self.tracks[port].parts.front().map_or(end, |part| part.0));
        let mut others = self.tracks.iter().enumerate().filter(|other| awaited(*other));
        others.all(|(_, track)| end - track.end.unwrap_or(begin) <= lead)
    }

    /// How many frames of the output are known, at most so many.
    pub(crate) fn ready(&mut self, most: usize) -> usize {
        let Some(format) = &self.format else { return 0 };
        let connected = || self.tracks.iter().filter(|track| track.is_connected);
        let Some(furthest) = connected().filter_map(|track| track.end).max() else { return 0 };
        let awaited = || connected().filter(|track| track.is_awaited());
        // What has not begun may begin anywhere, or nowhere.
        let known = awaited().map(|track| track.end.unwrap_or(i64::MIN)).min().unwrap_or(furthest);
        let given_up = self
            .patience
            .map_or(i64::MIN, |patience| furthest.saturating_sub((patience * f64::from(format.rate)).round() as i64));
        let begin = connected().filter_map(|track| track.parts.front().map(|part| part.0)).min();
        let Some(position) = self.position.or(begin) else { return 0 };
        let limit = known.max(given_up).min(furthest);
        if limit <= position {
            return 0;
        }
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

    fn time(&self, frame: i64) -> i64 {
        let rate = self.format.as_ref().map_or(1, |format| format.rate);
        let (anchor, pts) = self.anchor;
        let distance = MediaTime::of_frames(frame.abs_diff(anchor), rate);
        if frame < anchor { pts.saturating_sub(distance) } else { pts.saturating_add(distance) }
    }

    /// Times that have nothing to do with each other would make years of silence.
    fn check_distance(&self, port: usize, pts: Option<i64>) -> Result<(), NodeError> {
        let (Some(format), Some(end)) = (&self.format, self.tracks[port].end) else { return Ok(()) };
        let limit = i64::from(format.rate) * FURTHEST_S;
        let first = || self.tracks.iter().filter(|track| track.is_connected).filter_map(|track| track.end).min();
        // Once the output has begun, how far it is: an input that has ended or is given up stays where it was.
        let from = self.position.or_else(first).unwrap_or(end);
        if end.saturating_sub(from) <= limit.saturating_add(self.held as i64) {
            return Ok(());
        }
        let cause = format!("the sound at 'in{port}' is more than {FURTHEST_S} s away from the others");
        Err(NodeError::new(cause).cure("Count the times of all inputs from the same start.").at(pts))
    }

    fn check_memory(&self, port: usize) -> Result<(), NodeError> {
        if self.held <= LIMIT {
            return Ok(());
        }
        let behind = self.tracks.iter().enumerate().filter(|(_, track)| track.is_awaited());
        let behind = behind.min_by_key(|(_, track)| track.end).map_or(port, |(port, _)| port);
        let cause = format!("more than {} MiB of sound wait for what is to come at 'in{behind}'", LIMIT >> 20);
        Err(NodeError::new(cause).cure(format!("Shorten the delay of what leads to 'in{behind}'.")))
    }
}

impl Track {
    fn is_awaited(&self) -> bool {
        self.is_connected && !self.has_ended
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
