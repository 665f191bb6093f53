//! Sound in blocks: WAV, Wave64, AIFF, AU and CAF with PCM and ADPCM, packets by a table, and PCM without a header.

use serde_json::json;

use crate::cuts::{Subject, check, check_cuts, total};
use harness::media;
use harness::pcm_files::{Caf, aiff, chunk, comm, format, riff, sized_chunk, ssnd, sun, w64};

const RATE: u32 = 16_000;
const FRAMES: usize = 40_000;

/// Noise of 16 bits for two channels, least byte first.
fn noise() -> Vec<u8> {
    let mut random = crate::cuts::random("noise");
    (0..2 * FRAMES).flat_map(|_| (random(65_536) as u16).to_le_bytes()).collect()
}

#[test]
fn wav_and_its_kin() {
    let data = noise();
    let described =
        |len: u32| riff(b"RIFF", 0, &[chunk(b"fmt ", &format(1, 2, RATE, 16, 2)), sized_chunk(b"data", len, &data)]);
    let long = (data.len() + 4000) as u32;
    let cut = check("cut off", described(long));
    assert!(cut.failure.is_some());
    for (name, bytes) in [
        ("whole", described(data.len() as u32)),
        ("of no length", described(u32::MAX)),
        ("of three bytes more", [&described(u32::MAX)[..], b"\x01\x02\x03"].concat()),
        ("Wave64", w64(&format(1, 2, RATE, 16, 2), data.len() as u64, &data)),
    ] {
        let outcome = check(name, bytes);
        assert_eq!((outcome.failure.as_ref(), total(&outcome)), (None, FRAMES), "{name}");
    }
}

#[test]
fn aiff_au_and_caf() {
    let data = noise();
    let caf = Caf {
        kind: b"lpcm",
        flags: 2,
        rate: f64::from(RATE),
        packet_bytes: 4,
        packet_frames: 1,
        channels: 2,
        bits: 16,
        others: &[(b"free", b"nothing")],
        len: data.len() as i64 + 4,
        data: &data,
    };
    for (name, bytes) in [
        ("AIFF", aiff(b"AIFF", &[comm(2, FRAMES as u32, 16, RATE, None), ssnd(5, &data)])),
        ("AU", sun(3, RATE, 2, data.len() as u32, &data)),
        ("AU of no length", sun(3, RATE, 2, u32::MAX, &data)),
        ("CAF", caf.bytes()),
    ] {
        let outcome = check(name, bytes);
        assert_eq!((outcome.failure.as_ref(), total(&outcome)), (None, FRAMES), "{name}");
    }
    let described_last = aiff(b"AIFF", &[ssnd(0, &data), comm(2, FRAMES as u32, 16, RATE, None)]);
    assert_eq!(total(&check_cuts("described last", described_last)), FRAMES);
}

#[test]
fn adpcm_and_packets_by_a_table() {
    for name in ["ima.wav", "ms.wav", "ima4.aifc", "ima4.caf", "alac.caf"] {
        let bytes = media::bytes(name);
        assert_eq!(check(name, bytes.clone()).failure, None, "{name}");
        // What a CAF file of packets says of them may come last: one that was cut off is not opened.
        if name.ends_with(".caf") {
            continue;
        }
        let cut = check(&format!("{name}, cut off"), bytes[..bytes.len() * 2 / 3].to_vec());
        assert!(cut.failure.is_some(), "{name}");
    }
}

#[test]
fn pcm_without_a_header() {
    for (name, channels, more) in [("raw", 2, 0), ("raw of a frame that is cut", 3, 5)] {
        let params = json!({"raw": {"sample_format": "s24", "rate": RATE, "channels": channels}});
        let mut bytes = noise();
        bytes.truncate(FRAMES / 10 * 3 * channels + more);
        let outcome = Subject { name, bytes, params }.check();
        assert_eq!((total(&outcome), outcome.failure.is_some()), (FRAMES / 10, more > 0), "{name}");
    }
}
