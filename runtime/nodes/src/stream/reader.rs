//! Follows the audio of one port from packet to packet: where a segment begins and ends, and its frames in pieces that
//! make a bounded step. It knows nothing of what is done with them.

use remotemedia_core::node::{NodeError, TimeBreaks};
use remotemedia_core::value::{Audio, Layout, MediaTime, Packet, Value};

use super::arrival::Intake;
use super::timeline::{Gaps, Place, Timeline, frames_of, frames_within};

/// Audio without a change of rate, channels or layout, and without a jump in time.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) rate: u32,
    pub(crate) channels: usize,
    pub(crate) layout: Layout,
    /// The time of the first frame, in nanoseconds: the end of the segment before, and where the time jumps that of its packet.
    pub(crate) origin: Option<i64>,
    /// How much of the item came before it, in nanoseconds: the time since its first frame where that is known, else how
    /// long the segments before this one lasted.
    pub(crate) elapsed: i64,
    /// When its timeline began: with the first frame of the item, or the first one after times last went back.
    pub(crate) begin: Option<i64>,
    /// Whether it continues the segment before, in the same format, after a jump in time.
    pub(crate) follows_jump: bool,
    /// Whether what is made of it may not follow on what was handed on before: its time jumps, or it has another format than the
    /// segment before, of which a node may leave something out.
    pub(crate) discontinuity: bool,
    /// Frames handed on.
    pub(crate) position: u64,
    /// Whether the frames that come now are the last ones of their packet.
    pub(crate) ends_packet: bool,
}

/// Why a segment ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SegmentEnd {
    /// The item ends.
    Item,
    /// The format changes, and so many frames are missing before it.
    Format(u64),
    /// The time jumps: so many frames are missing. A part of one that is missing too is not counted, so that what is put there
    /// ends before the next sound.
    Jump(u64),
}

/// The packet in work and the segment that it belongs to.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    timeline: Timeline,
    intake: Intake,
    waiting: Option<Waiting>,
    /// Frames of silence to be handed on before what waits.
    silence: u64,
    /// How many nanoseconds are missing before what waits, if the time jumps there: all, if a timeline of its own begins.
    jump: Option<i64>,
    segment: Option<Segment>,
    /// The time of the first frame of the timeline, and how much of the item came before it.
    begin: Option<(i64, i64)>,
    /// Where the last segment ended.
    end: Option<i64>,
    /// How long the segments lasted that have ended, in nanoseconds.
    elapsed: i64,
    follows_jump: bool,
    /// Whether what is made of the audio has not reached the jump yet at which the segment began.
    discontinuity: bool,
    ending: bool,
    /// Whether the open segment ends before whatever comes.
    is_cut: bool,
}

/// A packet of which a part has been handed on.
#[derive(Debug)]
struct Waiting {
    audio: Audio,
    taken: usize,
}

/// How far the elapsed time may fall behind that of the segments: a timeline that begins anew does not turn it back.
const NEAR: i64 = 20_000_000;

impl Reader {
    /// A reader that does this where the times jump.
    pub(crate) fn new(gaps: Gaps) -> Self {
        Self { timeline: Timeline { gaps, ..Timeline::default() }, ..Self::default() }
    }

    /// From here on jumps are counted there.
    pub(crate) fn count_in(&mut self, breaks: &TimeBreaks) {
        self.timeline.breaks = breaks.clone();
    }

    /// Takes the next packet. Nothing of the one before may be left. One without frames waits for the end of the item, and is
    /// forgotten if others come.
    ///
    /// # Errors
    /// If it is a packet of anything but audio.
    pub(crate) fn push(&mut self, packet: Packet) -> Result<(), NodeError> {
        let Some(arrival) = self.intake.take(packet)? else { return Ok(()) };
        let open = self.segment.as_ref().filter(|segment| segment.position > 0);
        let end = open.map_or(self.end, |segment| segment.time(segment.position));
        // What came before is not known to end where this begins.
        let begins_times = open.is_some() && end.is_none() && arrival.pts().is_some();
        let fits = self.segment.as_ref().is_some_and(|segment| segment.fits(arrival.audio()));
        (self.silence, self.jump) = (0, None);
        let (place, has_own_time) = (self.timeline.place(&arrival, end), arrival.has_own_time());
        let mut audio = arrival.into_audio();
        let rate = audio.rate();
        match place {
            Place::Follows if begins_times && self.timeline.gaps != Gaps::Ignore => self.jump = Some(0),
            // Answers of a function that have the time of one input follow one another.
            Place::Follows if !has_own_time && end.is_some() => audio.pts = None,
            Place::Follows => {}
            Place::Filled(missing) if fits => self.silence = frames_of(missing, rate),
            Place::Filled(missing) | Place::Apart(Some(missing)) => self.jump = Some(missing),
            Place::Apart(None) => self.jump = Some(i64::MAX),
            Place::Overlaps(trimmed) => {
                let trimmed = usize::try_from(frames_of(trimmed, rate)).unwrap_or(usize::MAX).min(audio.frames());
                if trimmed == audio.frames() {
                    return Ok(());
                }
                audio = audio.slice(trimmed, audio.frames() - trimmed);
            }
        }
        self.waiting = Some(Waiting { audio, taken: 0 });
        Ok(())
    }

    /// The item ends.
    pub(crate) fn finish(&mut self) {
        self.ending = true;
        if let Some(empty) = self.intake.finish() {
            self.waiting = Some(Waiting { audio: empty.into_audio(), taken: 0 });
        }
    }

    /// The open segment ends here, and the item goes on.
    pub(crate) fn cut(&mut self) {
        self.is_cut = self.segment.is_some();
    }

    /// Whether the item ends.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending
    }

    /// Whether something of the last packet waits.
    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// The format and the time of what waits, as a packet has them.
    pub(crate) fn peek(&self) -> Option<&Audio> {
        self.waiting.as_ref().map(|waiting| &waiting.audio)
    }

    /// Forgets the item, once it has ended.
    pub(crate) fn reset(&mut self) {
        *self = Self { timeline: std::mem::take(&mut self.timeline), ..Self::default() };
    }

    /// The packet whose frames come next, if none of it has been handed on.
    pub(crate) fn fresh_packet(&self) -> Option<&Audio> {
        let waiting = self.waiting.as_ref().filter(|waiting| waiting.taken == 0 && self.silence == 0);
        waiting.map(|waiting| &waiting.audio)
    }

    /// Whether the frames that come next are silence before what waits.
    pub(crate) fn is_filling(&self) -> bool {
        self.silence > 0
    }

    /// The open segment, if nothing more can belong to it, and why it ends.
    pub(crate) fn take_ended(&mut self) -> Option<(Segment, SegmentEnd)> {
        let segment = self.segment.as_ref()?;
        let why = match &self.waiting {
            Some(waiting) if !segment.fits(&waiting.audio) => {
                SegmentEnd::Format(frames_within(self.jump.unwrap_or(0), segment.rate))
            }
            Some(_) => SegmentEnd::Jump(frames_within(self.jump?, segment.rate)),
            None if self.ending => SegmentEnd::Item,
            None if self.is_cut => SegmentEnd::Jump(0),
            None => return None,
        };
        self.is_cut = false;
        self.follows_jump = matches!(why, SegmentEnd::Jump(_));
        if segment.position > 0 {
            self.end = segment.time(segment.position);
        }
        self.elapsed = segment.elapsed.saturating_add(MediaTime::of_frames(segment.position, segment.rate));
        self.segment.take().map(|segment| (segment, why))
    }

    /// Opens a segment for what waits, if none is open.
    pub(crate) fn open(&mut self) -> Option<&Segment> {
        let audio = &self.waiting.as_ref()?.audio;
        if self.segment.is_some() {
            return None;
        }
        let jumps = self.jump.take().is_some();
        self.discontinuity |= jumps;
        // Where nothing jumps the count goes on: what a packet is off by is tolerated once, and never handed on.
        let origin = if jumps { audio.pts.or(self.end) } else { self.end.or(audio.pts) };
        let since = |(begin, before): (i64, i64)| origin.map(|at| at.saturating_sub(begin).saturating_add(before));
        let since_begin = self.begin.and_then(since).filter(|elapsed| *elapsed >= self.elapsed - NEAR);
        if since_begin.is_none() {
            self.begin = origin.map(|origin| (origin, self.elapsed));
        }
        Some(self.segment.insert(Segment {
            rate: audio.rate(),
            channels: audio.channels(),
            layout: audio.layout().clone(),
            origin,
            elapsed: since_begin.unwrap_or(self.elapsed),
            begin: self.begin.map(|(begin, _)| begin).or(origin),
            follows_jump: std::mem::take(&mut self.follows_jump),
            discontinuity: jumps || self.end.is_some(),
            position: 0,
            ends_packet: false,
        }))
    }

    /// What is made of the open segment says that it may not follow on what was handed on before.
    pub(crate) fn mark(&mut self) {
        self.discontinuity = true;
    }

    /// A packet of what was made of the audio: the first one with frames behind a jump says so.
    pub(crate) fn marked(&mut self, packet: Packet) -> Packet {
        if !self.discontinuity {
            return packet;
        }
        let discontinuity = matches!(&packet.value, Value::Audio(audio) if audio.frames() > 0);
        self.discontinuity = !discontinuity;
        Packet { discontinuity, ..packet }
    }

    /// The next frames of what waits, and of silence before it; at most as many as are wanted. A whole packet has its own time.
    /// Parts of one have that of the segment, since what a packet may be off by is more than a short part may be; so has what
    /// begins a segment, what has no time, and all where times are ignored. They count as handed on once
    /// [`Segment::position`] is raised.
    pub(crate) fn next(&mut self, wants: impl FnOnce(&Segment) -> usize) -> Option<(&mut Segment, Audio)> {
        let (waiting, segment) = (self.waiting.as_mut()?, self.segment.as_mut()?);
        let most = wants(segment);
        segment.ends_packet = false;
        if self.silence > 0 {
            let frames = usize::try_from(self.silence).unwrap_or(usize::MAX).min(most);
            self.silence -= frames as u64;
            let audio = silence(segment, frames);
            return Some((segment, audio));
        }
        let left = waiting.audio.frames() - waiting.taken;
        let frames = left.min(most);
        let mut audio = waiting.audio.slice(waiting.taken, frames);
        let is_part = audio.frames() < waiting.audio.frames();
        if self.timeline.gaps == Gaps::Ignore || audio.pts.is_none() || is_part || segment.position == 0 {
            audio.pts = segment.time(segment.position);
        }
        waiting.taken += frames;
        if frames == left {
            self.waiting = None;
            segment.ends_packet = true;
        }
        Some((segment, audio))
    }
}

impl Segment {
    /// The time of a frame, in nanoseconds, if that of the first one is known.
    pub(crate) fn time(&self, frame: u64) -> Option<i64> {
        self.origin.map(|origin| origin.saturating_add(MediaTime::of_frames(frame, self.rate)))
    }

    /// The same for a message: counted from the first frame if its time is not known.
    pub(crate) fn place(&self, frame: u64) -> i64 {
        self.time(frame).unwrap_or_else(|| MediaTime::of_frames(frame, self.rate))
    }

    /// Whether audio has its format.
    pub(crate) fn fits(&self, audio: &Audio) -> bool {
        (self.rate, self.channels) == (audio.rate(), audio.channels()) && self.layout == *audio.layout()
    }
}

/// The next frames of a segment as silence.
fn silence(segment: &Segment, frames: usize) -> Audio {
    let samples = vec![0.0; frames * segment.channels];
    let audio = Audio::from_planar(samples, segment.channels, segment.rate).expect("as many channels as there were");
    audio.with_layout(segment.layout.clone()).with_pts(segment.time(segment.position))
}

/// Audio in the format of a segment, from planar samples.
///
/// # Panics
/// If the samples don't divide into the channels.
pub(crate) fn sound(segment: &Segment, samples: Vec<f32>, pts: Option<i64>) -> Packet {
    let audio = Audio::from_planar(samples, segment.channels, segment.rate).expect("as many channels as there were");
    Value::from(audio.with_layout(segment.layout.clone()).with_pts(pts)).into()
}
