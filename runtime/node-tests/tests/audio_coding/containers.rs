//! Containers of uncompressed and simply compressed sound: WAV and its kin, AIFF, CAF and Sun audio.

use remotemedia_core::value::{MediaTime, Packet, Value};
use serde_json::json;

use harness::items::{Outcome, decode, decode_path, decode_pieces, in_memory, node, run_item, run_port};
use harness::media;
use harness::pcm_files::{
    Caf, aiff, big_chunk, chunk, comm, ds64, extensible, format, riff, sized_chunk, ssnd, sun, w64,
};

const USE: &str =
    "Use WAV, AIFF, CAF, FLAC, MP3, Vorbis or Opus (Ogg or WebM), AAC-LC (M4A, MP4 or ADTS) or ALAC (M4A).";
const FRAMES: usize = 300;
const RATE: u32 = 8000;

/// Samples of so many bytes, all different in each channel, least significant byte first, and what they mean.
fn integers(channels: usize, bytes: usize) -> (Vec<u8>, Vec<Vec<f32>>) {
    let full = 2f64.powi(8 * bytes as i32 - 1);
    let mut planes = vec![Vec::new(); channels];
    let mut data = Vec::new();
    for frame in 0..FRAMES {
        for (channel, plane) in planes.iter_mut().enumerate() {
            let step = (frame * 7919 + channel * 104_729) % 65_521;
            let value = ((step as f64 / 65_521.0 * 2.0 - 1.0) * full).floor() as i64;
            data.extend_from_slice(&value.to_le_bytes()[..bytes]);
            plane.push((value as f64 / full) as f32);
        }
    }
    (data, planes)
}

fn swapped(data: &[u8], bytes: usize) -> Vec<u8> {
    data.chunks(bytes).flat_map(|sample| sample.iter().rev().copied()).collect()
}

/// Decodes a file by path, by content, as it arrives in pieces, and a part of it; all must be the same sound.
#[track_caller]
fn check(name: &str, bytes: &[u8], expected: &[Vec<f32>]) {
    let by_path = decode_path(&media::file("file", bytes));
    assert_eq!(by_path.failure, None, "{name}");
    assert_eq!(by_path.samples(), expected, "{name}");
    assert_eq!(by_path.chunks()[0].rate(), RATE, "{name}");
    assert_eq!(decode(in_memory(bytes.to_vec())).samples(), expected, "{name} by content");
    for len in [1, 13, 1000, 1 << 20] {
        let pieces = decode_pieces(bytes, len);
        assert_eq!(pieces.failure, None, "{name} in pieces of {len}");
        assert_eq!(pieces.samples(), expected, "{name} in pieces of {len}");
    }
    let params = json!({"start_s": 0.0125, "duration_s": 0.01, "chunk_ms": 3});
    let part = run_item(node("AudioDecode", params).as_mut(), vec![Packet::new(in_memory(bytes.to_vec()))]);
    let cut: Vec<Vec<f32>> = expected.iter().map(|plane| plane[100..180].to_vec()).collect();
    assert_eq!(part.samples(), cut, "a part of {name}");
    assert_eq!(part.chunks()[0].pts, Some(MediaTime::of_frames(100, RATE)), "{name}");
}

#[test]
fn wav_files_whose_lengths_are_wrong() {
    let (data, planes) = integers(2, 2);
    let fmt = || chunk(b"fmt ", &format(1, 2, RATE, 16, 2));
    let len = data.len() as u32;
    for (name, file) in [
        ("RIFF length 0", riff(b"RIFF", 0, &[fmt(), chunk(b"data", &data)])),
        ("RIFF length too small", riff(b"RIFF", 40, &[fmt(), chunk(b"data", &data)])),
        ("RIFF length too large", riff(b"RIFF", u32::MAX, &[fmt(), chunk(b"data", &data), chunk(b"LIST", b"INFO")])),
        ("data length 0", riff(b"RIFF", 36, &[fmt(), sized_chunk(b"data", 0, &data)])),
        ("both lengths 0", riff(b"RIFF", 0, &[fmt(), sized_chunk(b"data", 0, &data)])),
        ("lengths as large as can be", riff(b"RIFF", u32::MAX, &[fmt(), sized_chunk(b"data", u32::MAX, &data)])),
        ("lengths of a pipe", riff(b"RIFF", 0x7fff_ffff, &[fmt(), sized_chunk(b"data", 0x7fff_f000, &data)])),
        ("right lengths", riff(b"RIFF", len + 36, &[fmt(), chunk(b"data", &data)])),
        ("an odd chunk before", riff(b"RIFF", len + 50, &[chunk(b"odd ", b"three"), fmt(), chunk(b"data", &data)])),
        (
            "chunks behind",
            riff(b"RIFF", len + 60, &[fmt(), chunk(b"data", &data), chunk(b"LIST", b"INFOISFT\x02\0\0\0me")]),
        ),
        (
            "a tag before",
            [&b"ID3\x04\0\0\0\0\0\x04tags"[..], &riff(b"RIFF", 0, &[fmt(), chunk(b"data", &data)])].concat(),
        ),
    ] {
        check(name, &file, &planes);
    }
    // No sound, and something else behind it.
    let empty = riff(b"RIFF", 0, &[fmt(), chunk(b"data", b""), chunk(b"LIST", b"INFOISFT\x02\0\0\0me")]);
    assert_eq!(decode(in_memory(empty.clone())).samples().len(), 0);
    assert_eq!(decode_pieces(&empty, 10).samples().len(), 0);
}

#[test]
fn wav_files_of_any_width_and_form() {
    for (bytes, bits) in [(2u16, 16u16), (2, 12), (3, 24), (3, 20), (4, 32), (4, 24)] {
        for channels in [1u16, 2, 6, 19, 40] {
            let (data, planes) = integers(usize::from(channels), usize::from(bytes));
            let fmt = format(1, channels, RATE, bits, bytes);
            let file = riff(b"RIFF", 0, &[chunk(b"fmt ", &fmt), chunk(b"data", &data)]);
            check(&format!("{channels} channels of {bits} bits in {bytes} bytes"), &file, &planes);
            let fmt = extensible(1, channels, RATE, bits, bytes, 0);
            let file = riff(b"RIFF", 0, &[chunk(b"fmt ", &fmt), chunk(b"data", &data)]);
            check(&format!("extensible {channels} channels of {bits} bits in {bytes} bytes"), &file, &planes);
        }
    }
    let (data, planes) = integers(2, 2);
    let fmt = format(1, 2, RATE, 16, 2);
    let len = data.len() as u64;
    let rf64 = |id, long, frames| {
        riff(id, u32::MAX, &[ds64(long, frames), chunk(b"fmt ", &fmt), sized_chunk(b"data", u32::MAX, &data)])
    };
    check("RF64", &rf64(b"RF64", len, FRAMES as u64), &planes);
    check("BW64", &rf64(b"BW64", len, 0), &planes);
    check("RF64 through a pipe", &rf64(b"RF64", 0, 0), &planes);
    check(
        "RF64 without its lengths",
        &riff(b"RF64", u32::MAX, &[chunk(b"fmt ", &fmt), sized_chunk(b"data", u32::MAX, &data)]),
        &planes,
    );
    check("Wave64", &w64(&fmt, len, &data), &planes);
    check("Wave64 through a pipe", &w64(&fmt, 0u64.wrapping_sub(24), &data), &planes);
    let big: Vec<u8> = [&[0u8, 1, 0, 2][..], &RATE.to_be_bytes(), &(RATE * 4).to_be_bytes(), &[0, 4, 0, 16]].concat();
    let size = |len: usize| (len as u32).to_be_bytes();
    let rifx = [b"RIFX\0\0\0\0WAVEfmt ", &size(16)[..], &big, b"data", &size(data.len()), &swapped(&data, 2)].concat();
    check("RIFX", &rifx, &planes);
}

#[test]
fn speakers_come_from_the_mask() {
    for (channels, mask, name) in [
        (6, 0x3f, Some("5.1")),
        (6, 0x60f, Some("5.1(side)")),
        (4, 0x33, Some("quad")),
        (3, 0x3f, None),
        (4, 0, None),
        (6, 0, None),
        (2, 0, Some("stereo")),
    ] {
        let (data, _) = integers(usize::from(channels), 2);
        let fmt = extensible(1, channels, RATE, 16, 2, mask);
        let outcome = decode(in_memory(riff(b"RIFF", 0, &[chunk(b"fmt ", &fmt), chunk(b"data", &data)])));
        assert_eq!(outcome.chunks()[0].layout().name(), name, "{channels} channels, mask {mask:x}");
    }
}

/// They are microphones as often as speakers: of none the low frequencies may be left out.
#[test]
fn layouts_of_core_audio_name_speakers_in_aiff() {
    for (channels, tag, mask, name) in [
        (6u16, 121 << 16 | 6, 0, Some("5.1")),
        (6, 1 << 16, 0x60f, Some("5.1(side)")),
        (3, 133 << 16 | 3, 0, Some("2.1")),
        (3, 131 << 16 | 3, 0, Some("3.0(back)")),
        (4, 132 << 16 | 4, 0, Some("quad")),
        (4, 136 << 16 | 4, 0, Some("3.1")),
        (4, 121 << 16 | 6, 0, None),
    ] {
        let (data, _) = integers(usize::from(channels), 2);
        let layout = [tag, mask, 0u32].map(u32::to_be_bytes).concat();
        let sound = [big_chunk(b"CHAN", &layout), comm(channels, FRAMES as u32, 16, RATE, None), ssnd(0, &data)];
        let outcome = decode(in_memory(aiff(b"AIFF", &sound)));
        assert_eq!(outcome.chunks()[0].layout().name(), name, "{channels} channels, tag {tag:x}");
    }
}

/// The numbers of Apple's `CoreAudioBaseTypes.h`; where the channel of each place of the mask of WAVE stands in the file.
#[test]
fn channels_of_core_audio_come_in_the_order_of_wave_where_their_layout_has_a_name() {
    for (tag, name, order) in [
        (128 << 16 | 8, Some("7.1"), &[0, 1, 2, 3, 6, 7, 4, 5][..]),
        (189 << 16 | 8, Some("7.1"), &[0, 1, 2, 3, 4, 5, 6, 7]),
        (126 << 16 | 8, None, &[0, 1, 2, 3, 4, 5, 6, 7]),
        (127 << 16 | 8, None, &[0, 1, 2, 3, 4, 5, 6, 7]),
        (140 << 16 | 7, Some("7.0"), &[0, 1, 4, 5, 6, 2, 3]),
        (143 << 16 | 7, Some("7.0"), &[1, 2, 0, 5, 6, 3, 4]),
        (125 << 16 | 7, Some("6.1"), &[0, 1, 2, 3, 6, 4, 5]),
        (142 << 16 | 7, Some("6.1"), &[1, 2, 0, 6, 5, 3, 4]),
        (188 << 16 | 7, Some("6.1"), &[0, 1, 2, 3, 4, 5, 6]),
        (122 << 16 | 6, Some("5.1"), &[0, 1, 4, 5, 2, 3]),
        (123 << 16 | 6, Some("5.1"), &[0, 2, 1, 5, 3, 4]),
        (124 << 16 | 6, Some("5.1"), &[1, 2, 0, 5, 3, 4]),
        (120 << 16 | 5, Some("5.0"), &[1, 2, 0, 3, 4]),
        (109 << 16 | 5, Some("5.0"), &[0, 1, 4, 2, 3]),
        (116 << 16 | 4, Some("4.0"), &[1, 2, 0, 3]),
        (114 << 16 | 3, Some("3.0"), &[1, 2, 0]),
        (128 << 16 | 7, None, &[0, 1, 2, 3, 4, 5, 6]),
    ] {
        let channels = order.len();
        let (data, planes) = integers(channels, 2);
        let layout = [tag, 0, 0u32].map(u32::to_be_bytes).concat();
        let caf = Caf {
            kind: b"lpcm",
            flags: 2,
            rate: f64::from(RATE),
            packet_bytes: 2 * channels as u32,
            packet_frames: 1,
            channels: channels as u32,
            bits: 16,
            others: &[(b"chan", &layout)],
            len: data.len() as i64 + 4,
            data: &data,
        };
        let description = comm(channels as u16, FRAMES as u32, 16, RATE, None);
        let big = swapped(&data, 2);
        let aiff = aiff(b"AIFF", &[big_chunk(b"CHAN", &layout), description, ssnd(0, &big)]);
        let expected: Vec<_> = order.iter().map(|place| planes[*place].clone()).collect();
        for (container, file) in [("CAF", caf.bytes()), ("AIFF", aiff)] {
            let subject = format!("{channels} channels of layout {} in {container}", tag >> 16);
            check(&subject, &file, &expected);
            assert_eq!(decode(in_memory(file)).chunks()[0].layout().name(), name, "{subject}");
        }
    }
}

#[test]
fn three_and_more_channels_without_speakers_have_no_layout() {
    for channels in [1u16, 2, 3, 4, 6, 8, 18] {
        let (data, _) = integers(usize::from(channels), 2);
        let (frame, len) = (u32::from(channels) * 2, data.len());
        let plain = format(1, channels, RATE, 16, 2);
        let caf = Caf {
            kind: b"lpcm",
            flags: 2,
            rate: f64::from(RATE),
            packet_bytes: frame,
            packet_frames: 1,
            channels: channels.into(),
            bits: 16,
            others: &[],
            len: len as i64 + 4,
            data: &data,
        };
        for (name, file) in [
            ("WAV", riff(b"RIFF", 0, &[chunk(b"fmt ", &plain), chunk(b"data", &data)])),
            ("Wave64", w64(&plain, len as u64, &data)),
            ("AIFF", aiff(b"AIFF", &[comm(channels, FRAMES as u32, 16, RATE, None), ssnd(0, &data)])),
            ("Sun audio", sun(3, RATE, channels.into(), len as u32, &data)),
            ("CAF", caf.bytes()),
        ] {
            let expected = match channels {
                1 => Some("mono"),
                2 => Some("stereo"),
                _ => None,
            };
            let outcome = decode(in_memory(file));
            assert_eq!(outcome.chunks()[0].layout().name(), expected, "{channels} channels in {name}");
        }
    }
}

#[test]
fn aiff_files_of_any_width_and_form() {
    for (bytes, bits) in [(1u16, 8u16), (2, 16), (2, 12), (3, 24), (4, 32)] {
        for channels in [1u16, 2, 5, 20] {
            let (data, planes) = integers(usize::from(channels), usize::from(bytes));
            let big = swapped(&data, usize::from(bytes));
            let of = |kind: Option<&[u8; 4]>| comm(channels, FRAMES as u32, bits, RATE, kind);
            let name = format!("{channels} channels of {bits} bits");
            check(&name, &aiff(b"AIFF", &[of(None), ssnd(0, &big)]), &planes);
            check(
                &name,
                &aiff(b"AIFF", &[big_chunk(b"NAME", b"odd"), of(None), ssnd(3, &big), big_chunk(b"ANNO", b"x")]),
                &planes,
            );
            check(&name, &aiff(b"AIFC", &[of(Some(b"sowt")), ssnd(0, &data)]), &planes);
        }
    }
    let (data, planes) = integers(2, 2);
    let big = swapped(&data, 2);
    let of = |frames| comm(2, frames, 16, RATE, None);
    let mut open = aiff(b"AIFF", &[of(0), ssnd(0, &big)]);
    let place = open.len() - big.len() - 12;
    open[place..place + 4].fill(0);
    check("lengths of a pipe", &open, &planes);
    check("the description last", &aiff(b"AIFF", &[ssnd(2, &big), of(FRAMES as u32)]), &planes);
    let floats: Vec<u8> = planes.iter().flatten().flat_map(|sample| f64::from(*sample).to_be_bytes()).collect();
    let long = decode(in_memory(aiff(b"AIFC", &[comm(1, 600, 64, RATE, Some(b"fl64")), ssnd(0, &floats)])));
    assert_eq!(long.samples(), [planes.concat()]);
}

#[test]
fn sun_and_core_audio_files_of_any_width() {
    for (encoding, bytes) in [(2, 1usize), (3, 2), (4, 3), (5, 4)] {
        for channels in [1usize, 2, 6] {
            let (data, planes) = integers(channels, bytes);
            let big = swapped(&data, bytes);
            for len in [data.len() as u32, u32::MAX] {
                check("Sun audio", &sun(encoding, RATE, channels as u32, len, &big), &planes);
            }
            for (flags, data) in [(0, &big), (2, &data)] {
                let caf = |len, others| Caf {
                    kind: b"lpcm",
                    flags,
                    rate: f64::from(RATE),
                    packet_bytes: (channels * bytes) as u32,
                    packet_frames: 1,
                    channels: channels as u32,
                    bits: 8 * bytes as u32,
                    others,
                    len,
                    data,
                };
                check("CAF", &caf(data.len() as i64 + 4, &[]).bytes(), &planes);
                check("CAF of open length", &caf(-1, &[(b"free", &[0; 33])]).bytes(), &planes);
            }
        }
    }
}

/// What FFmpeg decodes of the files that it encoded.
#[test]
#[allow(clippy::print_stdout, reason = "the table of references is made of what the tests print")]
fn reference_adpcm_is_that_of_ffmpeg() {
    // FFmpeg goes on with its own last sample where the head of a packet of IMA4 has the upper nine bits of the same.
    for (name, largest) in [("ima.wav", 0.0), ("ms.wav", 0.0), ("ima4.aifc", 0.005), ("ima4.caf", 0.005)] {
        let stem = name.replace('.', "-");
        let expected: Vec<i16> = media::bytes(&format!("{stem}.pcm"))
            .chunks_exact(2)
            .map(|sample| i16::from_le_bytes([sample[0], sample[1]]))
            .collect();
        let outcome = decode_path(&media::path(name));
        let samples = outcome.samples();
        assert_eq!(samples.len(), 2, "{name}");
        let planes: Vec<Vec<i16>> =
            (0..2).map(|channel| expected.iter().skip(channel).step_by(2).copied().collect()).collect();
        let (deviation, _) = media::deviation(&samples, &planes);
        assert!(deviation <= largest, "{name}: {deviation}");
        for len in [1, 100, 5000] {
            assert_eq!(decode_pieces(&media::bytes(name), len).samples(), samples, "{name} in pieces of {len}");
        }
    }
    println!(
        "reference | AudioDecode (ADPCM in WAV, AIFF, CAF) | FFmpeg 5.1.9's decoder | 4 | 0.0e0 of full scale, IMA4 4.0e-3 | 5.0e-3 |"
    );
}

/// libsndfile counts half of the frames, or packets, of stereo.
#[test]
fn a_count_of_frames_only_shortens_the_last_block_of_adpcm() {
    let fact = |count: u32| (b"fact", 8, count.to_le_bytes());
    let packets = |count: u32| (b"COMM", 10, count.to_be_bytes());
    // Two blocks of 1017 and of 1012 frames, and 32 packets of 64.
    for (name, original, (id, offset, count), frames) in [
        ("half", "ima.wav", fact(1017), 2034),
        ("not the last block", "ima.wav", fact(1), 2034),
        ("within it", "ima.wav", fact(1018), 1018),
        ("all but one", "ima.wav", fact(2033), 2033),
        ("too many", "ima.wav", fact(9999), 2034),
        ("half of Microsoft's", "ms.wav", fact(1012), 2024),
        ("half of the packets", "ima4.aifc", packets(16), 2048),
        ("one packet", "ima4.aifc", packets(1), 2048),
    ] {
        let mut file = media::bytes(original);
        let place = file.windows(4).position(|place| place == id).expect("it is there") + offset;
        file[place..place + 4].copy_from_slice(&count);
        let whole = decode_path(&media::path(original)).samples();
        let expected: Vec<Vec<f32>> = whole.iter().map(|plane| plane[..frames].to_vec()).collect();
        assert_eq!(decode(in_memory(file.clone())).samples(), expected, "{name}");
        assert_eq!(decode_pieces(&file, 100).samples(), expected, "{name} in pieces");
        let told = run_port(node("AudioDecode", json!({})).as_mut(), vec![Packet::new(in_memory(file))], 1);
        let Some(Value::Map(map)) = told.values.first() else { panic!("{name}: a map is expected") };
        assert_eq!(map["duration_s"], Value::Float(frames as f64 / f64::from(RATE)), "{name}");
    }
}

#[test]
fn the_last_block_of_adpcm_is_read_up_to_its_end_whether_or_not_its_length_was_written() {
    for name in ["ima.wav", "ms.wav"] {
        let whole = media::bytes(name);
        let data = whole.windows(4).position(|place| place == b"data").expect("it is there") + 4;
        // Two blocks of 1024 bytes.
        for there in [2047, 1524, 1038, 1030, 1025, 1024] {
            let of = |len: u32| [&whole[..data], &len.to_le_bytes(), &whole[data + 4..data + 4 + there]].concat();
            let expected = decode(in_memory(of(there as u32))).samples();
            for open in [of(0), of(u32::MAX)] {
                for outcome in [decode(in_memory(open.clone())), decode_pieces(&open, 100), decode_pieces(&open, 3000)]
                {
                    assert_eq!(outcome.failure, None, "{name}, {there}");
                    assert_eq!(outcome.samples(), expected, "{name}, {there}");
                }
            }
        }
    }
}

#[test]
fn alac_in_caf_comes_back_bit_by_bit() {
    let reference = media::reference(8000, 2000, 2);
    let outcome = decode_path(&media::path("alac.caf"));
    assert_eq!(media::deviation(&outcome.samples(), &reference).0, 0.0);
    for len in [1, 700] {
        assert_eq!(decode_pieces(&media::bytes("alac.caf"), len).samples(), outcome.samples(), "pieces of {len}");
    }
}

#[test]
fn heads_tell_container_codec_and_length() {
    let (data, _) = integers(2, 2);
    let fmt = chunk(b"fmt ", &format(1, 2, RATE, 16, 2));
    let wav = riff(b"RIFF", 0, &[fmt.clone(), chunk(b"data", &data)]);
    let open = riff(b"RIFF", 0, &[fmt, sized_chunk(b"data", 0, &data)]);
    let aiff = aiff(b"AIFF", &[comm(2, FRAMES as u32, 16, RATE, None), ssnd(0, &swapped(&data, 2))]);
    let sun = sun(3, RATE, 2, data.len() as u32, &data);
    let w64 = w64(&format(1, 2, RATE, 16, 2), data.len() as u64, &data);
    for (bytes, container, codec, duration_s) in [
        (wav, "wav", "pcm_s16le", Some(0.0375)),
        (open, "wav", "pcm_s16le", None),
        (w64, "w64", "pcm_s16le", Some(0.0375)),
        (aiff, "aiff", "pcm_s16be", Some(0.0375)),
        (sun, "au", "pcm_s16be", Some(0.0375)),
        (media::bytes("ima4.caf"), "caf", "adpcm_ima_qt", Some(0.256)),
        (media::bytes("alac.caf"), "caf", "alac", Some(0.512)),
        (media::bytes("ms.wav"), "wav", "adpcm_ms", Some(0.253)),
        (media::bytes("stereo.mp2"), "mp2", "mp2", None),
    ] {
        let outcome = run_port(node("AudioDecode", json!({})).as_mut(), vec![Packet::new(in_memory(bytes))], 1);
        let Some(Value::Map(map)) = outcome.values.first() else { panic!("{container}: a map is expected") };
        let text = |key: &str| map.get(key).cloned();
        assert_eq!(text("container"), Some(Value::Str(container.into())));
        assert_eq!(text("codec"), Some(Value::Str(codec.into())), "{container}");
        assert_eq!(text("duration_s"), duration_s.map(Value::Float), "{container}");
    }
}

#[test]
fn what_is_refused_is_called_by_its_codec() {
    let wav =
        |tag, bits| riff(b"RIFF", 0, &[chunk(b"fmt ", &format(tag, 1, RATE, bits, 1)), chunk(b"data", &[0; 400])]);
    let aifc = |kind| aiff(b"AIFC", &[comm(1, 100, 16, RATE, Some(kind)), ssnd(0, &[0; 400])]);
    let caf = |kind| {
        let (packet_bytes, packet_frames, bits) = (0, 0, 0);
        Caf {
            kind,
            flags: 0,
            rate: 8000.0,
            packet_bytes,
            packet_frames,
            channels: 1,
            bits,
            others: &[],
            len: 404,
            data: &[0; 400],
        }
        .bytes()
    };
    for (bytes, named) in [
        (wav(0x65, 4), "G.722 in WAV"),
        (wav(0x31, 0), "GSM 6.10 in WAV"),
        (wav(0x2000, 0), "AC-3 in WAV"),
        (wav(0x161, 0), "WMA 2 in WAV"),
        (wav(0x45, 4), "G.726 ADPCM in WAV"),
        (wav(2, 3), "Microsoft ADPCM of 3 bits in WAV"),
        (wav(0x4321, 0), "the codec 0x4321 in WAV"),
        (aifc(b"MAC3"), "MACE 3:1 in AIFF"),
        (aifc(b"QDM2"), "QDesign Music 2 in AIFF"),
        (aifc(b"what"), "the codec \"what\" in AIFF"),
        (caf(b"opus"), "Opus in CAF"),
        (caf(b"agsm"), "GSM 6.10 in CAF"),
        (sun(24, RATE, 1, 400, &[0; 400]), "G.722 in Sun audio"),
    ] {
        for outcome in [decode(in_memory(bytes.clone())), decode_pieces(&bytes, 100)] {
            let message = outcome.message();
            assert!(message.contains(&format!(" holds {named}, which remotemedia can't decode. {USE}")), "{message}");
        }
    }
}

#[test]
fn files_that_are_cut_say_how_much_is_there() {
    let (data, planes) = integers(2, 2);
    let fmt = chunk(b"fmt ", &format(1, 2, RATE, 16, 2));
    let whole = [
        riff(b"RIFF", 0, &[fmt.clone(), chunk(b"data", &data)]),
        w64(&format(1, 2, RATE, 16, 2), data.len() as u64, &data),
        aiff(b"AIFC", &[comm(2, FRAMES as u32, 16, RATE, Some(b"sowt")), ssnd(0, &data)]),
        sun(3, RATE, 2, data.len() as u32, &swapped(&data, 2)),
    ];
    for file in whole {
        let cut = &file[..file.len() - 202];
        for outcome in [decode(in_memory(cut.to_vec())), decode_pieces(cut, 77)] {
            assert!(outcome.message().contains("ends too early: 249 of 300 frames are there"), "{}", outcome.message());
            let before: Vec<Vec<f32>> = planes.iter().map(|plane| plane[..249].to_vec()).collect();
            assert_eq!(outcome.samples_before_failure(), before);
        }
    }
}

#[test]
fn whatever_a_header_claims_memory_stays_bounded() {
    let (data, _) = integers(2, 2);
    let caf = Caf {
        kind: b"alac",
        flags: 0,
        rate: 8000.0,
        packet_bytes: 0,
        packet_frames: 4096,
        channels: 2,
        bits: 16,
        others: &[(b"kuki", &[0; 24]), (b"pakt", &[0xff; 200])],
        len: i64::MAX,
        data: &data,
    };
    let originals = [
        riff(b"RIFF", 0, &[chunk(b"fmt ", &extensible(1, 2, RATE, 16, 2, 3)), chunk(b"data", &data)]),
        riff(
            b"RF64",
            0,
            &[ds64(data.len() as u64, 0), chunk(b"fmt ", &format(1, 2, RATE, 16, 2)), chunk(b"data", &data)],
        ),
        w64(&format(1, 2, RATE, 16, 2), data.len() as u64, &data),
        aiff(b"AIFC", &[comm(2, FRAMES as u32, 16, RATE, Some(b"ima4")), ssnd(0, &data)]),
        sun(3, RATE, 2, data.len() as u32, &data),
        caf.bytes(),
        media::bytes("ima4.caf"),
        media::bytes("alac.caf"),
        media::bytes("ms.wav"),
        media::bytes("ima.wav"),
        media::bytes("stereo.mp2"),
    ];
    // A linear congruential generator (Knuth, MMIX), so that a failure can be repeated.
    let mut state = 11u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for (index, original) in originals.iter().enumerate() {
        for round in 0..60 {
            let mut bytes = original.clone();
            for _ in 0..1 + random(8) {
                let most = if random(3) > 0 { 160.min(bytes.len()) } else { bytes.len() };
                let place = random(most);
                let any = random(256) as u8;
                bytes[place] = [0, 0xff, 0x7f, any][random(4)];
            }
            bytes.truncate(bytes.len() - random(2) * random(bytes.len()));
            for outcome in [decode(in_memory(bytes.clone())), decode_pieces(&bytes, 301)] {
                let samples: usize = outcome.values.iter().map(samples_of).sum();
                assert!(samples <= 4_000_000, "{index} {round}: {samples} samples of {} bytes", bytes.len());
            }
        }
    }
}

/// No disk has so large a file, and no system goes there.
#[test]
fn lengths_that_no_file_can_have_are_told_of_the_file_and_not_of_the_disk() {
    let (data, _) = integers(2, 2);
    let caf = Caf {
        kind: b"lpcm",
        flags: 2,
        rate: 8000.0,
        packet_bytes: 4,
        packet_frames: 1,
        channels: 2,
        bits: 16,
        others: &[(b"free", &[0; 24])],
        len: data.len() as i64 + 4,
        data: &data,
    };
    let path = std::env::temp_dir().join(format!("remotemedia-lengths-{}", std::process::id()));
    for (container, whole, place) in [
        ("CAF", caf.bytes(), 8 + 12 + 32 + 4),
        ("W64", w64(&format(1, 2, RATE, 16, 2), data.len() as u64, &data), 40 + 40 + 16 + 7),
    ] {
        for claims in [0x20, 0x40, 0x7f] {
            let mut bytes = whole.clone();
            bytes[place] = claims;
            std::fs::write(&path, &bytes).expect("the folder takes files");
            let path = path.to_str().expect("text");
            let by_path = decode_path(path).message().replace(&format!("'{path}'"), "the file");
            assert_eq!(by_path, decode(in_memory(bytes)).message(), "{container}, {claims:#x}");
            assert!(!by_path.contains("os error"), "{by_path}");
        }
    }
    std::fs::remove_file(path).expect("it is there");
}

fn samples_of(value: &Value) -> usize {
    match value {
        Value::Audio(audio) => audio.frames() * audio.channels(),
        _ => 0,
    }
}

#[test]
fn sound_in_mpeg_frames_within_wav() {
    let frames = media::bytes("bare.mp3");
    let fmt = chunk(b"fmt ", &[&format(0x55, 2, 44_100, 0, 1)[..], &[12, 0], &[0; 12]].concat());
    let file = riff(b"RIFF", 0, &[fmt, chunk(b"data", &frames)]);
    let whole = decode_path(&media::path("bare.mp3")).samples();
    let outcomes: [Outcome; 2] = [decode(in_memory(file.clone())), decode_pieces(&file, 333)];
    for outcome in outcomes {
        assert_eq!(outcome.samples(), whole);
    }
    // Bare frames may end anywhere: the length that the container states is what tells that they were cut off.
    let cut = &file[..file.len() - 500];
    for outcome in [decode(in_memory(cut.to_vec())), decode_pieces(cut, 333)] {
        assert!(outcome.message().contains(" ends too early: "), "{}", outcome.message());
        let heard = outcome.samples_before_failure();
        assert!(heard[0].len() > whole[0].len() * 9 / 10);
        assert_eq!(heard[0], whole[0][..heard[0].len()]);
    }
}
