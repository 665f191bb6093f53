//! MP3 beside another decoder, on frames that no encoder writes, and on damaged ones.

use serde::Deserialize;

use harness::items::{decode, decode_pieces, in_memory};
use harness::media::fixture;

#[derive(Deserialize)]
struct Streams {
    against: String,
    /// Of so many samples one is kept.
    every: usize,
    cases: Vec<Stream>,
}

#[derive(Deserialize)]
struct Stream {
    name: String,
    bytes: usize,
    samples: usize,
}

/// Samples of all channels, frame after frame.
fn interleaved(planes: &[Vec<f32>]) -> Vec<f32> {
    (0..planes[0].len()).flat_map(|frame| planes.iter().map(move |plane| plane[frame])).collect()
}

#[test]
#[allow(clippy::print_stdout, reason = "a row of docs/accuracy.md")]
fn reference_every_kind_of_block_table_and_stereo_of_mp3_is_as_mpg123_decodes_it() {
    const TOLERANCE: f64 = 2e-6;
    let streams: Streams = serde_json::from_slice(&fixture("layer3.json")).expect("streams");
    let (bytes, samples) = (fixture("layer3.mp3"), fixture("layer3.f32"));
    let mut bytes = &bytes[..];
    let mut expected = samples.as_chunks::<4>().0.iter().map(|sample| f64::from(f32::from_le_bytes(*sample)));
    let mut largest: f64 = 0.0;
    for stream in &streams.cases {
        let (own, rest) = bytes.split_at(stream.bytes);
        bytes = rest;
        let whole = decode(in_memory(own));
        let decoded = interleaved(&whole.samples());
        assert_eq!(decoded.len(), stream.samples, "{}", stream.name);
        assert_eq!(interleaved(&decode_pieces(own, 333).samples()), decoded, "{} in pieces", stream.name);
        let peak = f64::from(decoded.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs())));
        assert!((0.01..1.0).contains(&peak), "{}: {peak}", stream.name);
        for (number, sample) in decoded.iter().enumerate().step_by(streams.every) {
            let deviation = (f64::from(*sample) - expected.next().expect("a sample")).abs() / peak;
            largest = largest.max(deviation);
            assert!(deviation <= TOLERANCE, "{}: {deviation:.1e} at sample {number}", stream.name);
        }
    }
    assert!(bytes.is_empty() && expected.next().is_none());
    println!(
        "reference | AudioDecode (MP3 of all kinds) | {} | {} | {largest:.1e} of the largest sample | {TOLERANCE:.1e} |",
        streams.against,
        streams.cases.len()
    );
}
