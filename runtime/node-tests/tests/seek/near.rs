//! Parts of files whose decoder only converges, and files of which most is spoilt.

use remotemedia_core::value::{File, MediaTime, Packet};
use serde_json::json;

use crate::cuts::{Subject, random, total};
use harness::items::{node, run_item};
use harness::media;

/// Checks random cuts of a file: exact in time, and at most so far away from the whole decode.
pub(crate) fn check_near(name: &str, bytes: Vec<u8>, tolerance: f32) {
    let whole = Subject { name, bytes: bytes.clone(), params: json!({}) }.part(json!({}));
    let (rate, frames, samples) = (whole.chunks()[0].rate(), total(&whole), whole.samples());
    let path = media::file("near", &bytes);
    let mut random = random(name);
    let mut largest = 0.0f32;
    for cut in 0..200 {
        let (start, len) = match cut {
            0 => (0, 1),
            1 => (frames - 1, 1),
            2 => (frames - 1, 1000),
            _ => (random(frames), 1 + random(rate as usize / 10)),
        };
        let seconds = |frames: usize| frames as f64 / f64::from(rate);
        let params = json!({"start_s": seconds(start), "duration_s": seconds(len)});
        let part = run_item(node("AudioDecode", params).as_mut(), vec![Packet::new(File::from_path(&*path).into())]);
        let end = (start + len).min(frames);
        assert_eq!(part.chunks()[0].pts, Some(MediaTime::of_frames(start as u64, rate)), "{name}: from {start} on");
        for (part, whole) in part.samples().iter().zip(&samples) {
            assert_eq!(part.len(), end - start, "{name}: from {start} on");
            let deviation = part.iter().zip(&whole[start..end]).map(|(part, whole)| (part - whole).abs());
            largest = deviation.fold(largest, f32::max);
        }
        assert!(largest <= tolerance, "{name}: {largest} from {start} on");
    }
}

/// The file with noise from one byte to another.
pub(crate) fn spoilt(file: &[u8], from: usize, to: usize) -> Vec<u8> {
    let mut random = random("spoilt");
    let mut file = file.to_vec();
    file[from..to].iter_mut().for_each(|byte| *byte = random(256) as u8);
    file
}
