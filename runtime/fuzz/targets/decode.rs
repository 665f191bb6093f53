//! `AudioDecode`: whatever a file holds, as a whole or in pieces, it ends with sound or with a failure that has a cause and a
//! cure. The last byte of the input says how the file arrives, so that a media file with one byte more is a seed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use remotemedia_core::value::{Buffer, File, FileSource, Packet, Value};
use remotemedia_fuzz::{abort_on_panics, node, run_item};
use serde_json::json;

/// A run that comes to this much sound is stopped, as the limit of a runtime stops one.
const MOST_BYTES: usize = 64 << 20;
/// The lengths of pieces; 0 is a file by content.
const PIECES: [usize; 8] = [0, 1, 3, 40, 417, 1000, 4096, 65_536];

fuzz_target!(
    init: abort_on_panics(&["symphonia"]),
    |bytes: &[u8]| {
        let Some((how, file)) = bytes.split_last() else { return };
        let chunk_ms = [100, 1, 60_000, 20][usize::from(how >> 3) % 4];
        let mut decoder = node("AudioDecode", json!({"chunk_ms": chunk_ms})).expect("the params are right");
        let packets = match PIECES[usize::from(how & 7)] {
            0 => {
                let source = FileSource::Bytes(Buffer::from_bytes(file.to_vec()));
                vec![Packet::new(Value::from(File { source, mime: None, raw_name: None }))]
            }
            len => file.chunks(len).map(|piece| Packet::new(Value::bytes(piece.to_vec()))).collect(),
        };
        let outcome = run_item(decoder.as_mut(), packets, MOST_BYTES);
        let mut position = None;
        for value in &outcome.values {
            let Value::Audio(audio) = value else { panic!("sound comes out, not {}", value.kind().name()) };
            assert!(audio.frames() > 0 && audio.channels() > 0 && audio.rate() > 0);
            assert!(audio.pts >= position, "time goes on: {:?} after {position:?}", audio.pts);
            position = audio.pts;
        }
    }
);
