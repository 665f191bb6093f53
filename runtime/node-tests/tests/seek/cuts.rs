//! Random cuts of one file, each beside the same part of its whole decode.

use std::ops::Range;

use remotemedia_core::node::NodeError;
use remotemedia_core::value::{Buffer, File, MediaTime, Packet, Value};
use serde_json::{Value as Json, json};

use harness::items::{Outcome, node, run_item};
use harness::media;

/// How many random cuts are made of each file.
const CUTS: u32 = 200;
/// Every so many cuts are of the file by path.
const BY_PATH: u32 = 5;

/// A file and the params that read it.
pub(crate) struct Subject<'a> {
    pub(crate) name: &'a str,
    pub(crate) bytes: Vec<u8>,
    /// Params besides those of the part.
    pub(crate) params: Json,
}

/// Checks random cuts of a file, and those at its ends. Gives its whole decode.
pub(crate) fn check(name: &str, bytes: Vec<u8>) -> Outcome {
    Subject { name, bytes, params: json!({}) }.check()
}

/// Checks random cuts within what comes out of a file. Gives its whole decode.
pub(crate) fn check_cuts(name: &str, bytes: Vec<u8>) -> Outcome {
    Subject { name, bytes, params: json!({}) }.check_cuts()
}

/// Checks cuts of a file whose rate or number of channels changes beside those of its bytes as they arrive, which are
/// decoded from the start.
pub(crate) fn check_changing(name: &str, bytes: Vec<u8>) {
    let subject = Subject { name, bytes, params: json!({}) };
    for tenths in 0..25 {
        let params = json!({"start_s": f64::from(tenths) / 10.0, "duration_s": 0.15});
        let (part, arriving) = (subject.part(params.clone()), subject.arriving(params));
        assert_eq!(part.values, arriving.values, "{name} from {tenths} tenths on");
        assert_eq!(part.failure.is_some(), arriving.failure.is_some(), "{name} from {tenths} tenths on");
    }
}

impl Subject<'_> {
    /// Checks random cuts, those at the ends, and those beyond. Gives the whole decode.
    pub(crate) fn check(&self) -> Outcome {
        let whole = self.check_cuts();
        let (rate, frames) = (whole.chunks()[0].rate(), total(&whole));
        for beyond in [0, 1, 1000, 10 * frames] {
            self.check_beyond(&whole, frames + beyond, rate);
        }
        whole
    }

    pub(crate) fn check_cuts(&self) -> Outcome {
        let whole = self.decode(self.in_memory(), json!({}));
        let (rate, frames) = (whole.chunks()[0].rate(), total(&whole));
        let planes = whole.samples_before_failure();
        let path = media::file("cut", &self.bytes);
        let most = (rate as usize / 5).min(frames);
        let mut random = crate::cuts::random(self.name);
        for cut in 0..CUTS {
            let (start, len) = match cut {
                0 => (0, 1),
                1 => (0, 0),
                2 => (1, 1),
                3 => (frames - 1, 1),
                4 => (frames - 1, 100),
                5 => (frames - 2, 2),
                6 => (frames / 2, 0),
                7 => (0, frames),
                8 => (0, frames + 7),
                _ => (random(frames), random(most + 1)),
            };
            let file = if cut % BY_PATH == 0 { File::from_path(path.clone()) } else { self.in_memory() };
            let seconds = |frames: usize| frames as f64 / f64::from(rate);
            let params = json!({
                "start_s": seconds(start),
                "duration_s": seconds(len),
                "chunk_ms": 20 + random(200),
            });
            let part = self.decode(file, params);
            let shown = format!("{}: {len} frames from {start} on", self.name);
            let end = (start + len).min(frames);
            compare(&part, &planes, start..end, rate, &shown);
            let failure = whole.failure.as_ref().filter(|_| start + len > frames);
            assert_eq!(part.failure.as_ref().map(message), failure.map(message), "{shown}");
            assert_eq!(
                part.failure.map(|failure| failure.position),
                failure.map(|failure| failure.position),
                "{shown}"
            );
        }
        whole
    }

    /// A part that begins after the end fails, and says where that is.
    fn check_beyond(&self, whole: &Outcome, start: usize, rate: u32) {
        let start_s = start as f64 / f64::from(rate);
        let params = json!({"start_s": start_s, "duration_s": 0.1});
        let part = self.part(params.clone());
        assert!(part.values.is_empty(), "{}: from {start} on", self.name);
        if whole.failure.is_some() {
            assert_eq!(part.failure, whole.failure, "{}: from {start} on", self.name);
            return;
        }
        let seconds = MediaTime::of_frames(total(whole) as u64, rate) as f64 / 1e9;
        let expected = format!("the file is {seconds} s long, and `start_s` is {start_s}. Choose a start within it.");
        for (part, shown) in [(part, "there as a whole"), (self.arriving(params), "as it arrives")] {
            let message = part.failure.as_ref().map(message);
            assert_eq!(message.as_ref(), Some(&expected), "{}: from {start} on, {shown}", self.name);
        }
    }

    /// A part of the file.
    pub(crate) fn part(&self, params: Json) -> Outcome {
        self.decode(self.in_memory(), params)
    }

    pub(crate) fn arriving(&self, params: Json) -> Outcome {
        let packet = Packet::new(Value::bytes(self.bytes.clone()));
        run_item(node("AudioDecode", self.with(params)).as_mut(), vec![packet])
    }

    fn decode(&self, file: File, params: Json) -> Outcome {
        run_item(node("AudioDecode", self.with(params)).as_mut(), vec![Packet::new(file.into())])
    }

    fn with(&self, mut params: Json) -> Json {
        let (Json::Object(all), Json::Object(own)) = (&mut params, &self.params) else {
            panic!("params are an object");
        };
        all.extend(own.clone());
        params
    }

    fn in_memory(&self) -> File {
        File::from_bytes(Buffer::from_bytes(self.bytes.clone()))
    }
}

/// Compares a part with these frames of all planes.
fn compare(part: &Outcome, planes: &[Vec<f32>], frames: Range<usize>, rate: u32, shown: &str) {
    let mut place = frames.start;
    for chunk in part.chunks() {
        assert_eq!(chunk.pts, Some(MediaTime::of_frames(place as u64, rate)), "{shown}");
        for (channel, plane) in planes.iter().enumerate() {
            let wrong = chunk.channel(channel).iter().zip(&plane[place..]).position(|(left, right)| left != right);
            assert_eq!(wrong, None, "{shown}, channel {channel}");
        }
        place += chunk.frames();
    }
    assert_eq!(place, frames.end, "{shown}");
}

/// What a failure says, whatever it calls the file.
fn message(failure: &NodeError) -> String {
    let text = format!("{}. {}", failure.cause, failure.cure);
    match text.strip_prefix('\'').and_then(|rest| rest.split_once('\'')) {
        Some((_, rest)) => format!("the file{rest}"),
        None => text.replacen("the stream", "the file", 1),
    }
}

/// The frames that come out of a file.
pub(crate) fn total(outcome: &Outcome) -> usize {
    outcome.chunks().iter().map(|chunk| chunk.frames()).sum()
}

/// Numbers below a limit (Marsaglia's xorshift), the same for the same name each time.
pub(crate) fn random(name: &str) -> impl FnMut(usize) -> usize + use<> {
    let mut state = name.bytes().fold(0x9e37_79b9_7f4a_7c15, |sum: u64, byte| sum.rotate_left(7) ^ u64::from(byte));
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    }
}
