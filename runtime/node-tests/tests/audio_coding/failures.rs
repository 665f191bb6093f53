//! What users read when a file can't be decoded.

use remotemedia_core::value::{File, MediaTime, Packet, Value};
use serde_json::json;

use harness::items::{decode, decode_path, decode_pieces, in_memory, node, run_item};
use harness::media;
use harness::ogg::checksum;
use harness::remux::{Matroska, Stream, element, matroska_compression, matroska_encodings, vorbis_of_a_large_codebook};

/// What messages call bytes that arrive in pieces.
const STREAM: &str = "the stream";
const USE: &str =
    "Use WAV, AIFF, CAF, FLAC, MP3, Vorbis or Opus (Ogg or WebM), AAC-LC (M4A, MP4 or ADTS) or ALAC (M4A).";

#[test]
fn a_path_that_leads_to_no_file() {
    let here = std::env::current_dir().expect("there is a directory");
    assert_eq!(
        decode_path("x.wav").message(),
        format!("no such file 'x.wav' in '{}'. Check the path.", here.display())
    );
    assert_eq!(decode_path("/nowhere/x.wav").message(), "no such file '/nowhere/x.wav'. Check the path.");
    let directory = media::directory();
    let directory = directory.to_str().expect("the path is UTF-8");
    assert_eq!(decode_path(directory).message(), format!("'{directory}' is a directory. Name a file in it."));
    let file = media::path("mono.ogg");
    assert_eq!(
        decode_path(&format!("{file}/x.wav")).message(),
        format!("the path '{file}/x.wav' leads through a file as if it were a directory. Check the path.")
    );
    assert_eq!(
        decode_path("a\0b.wav").message(),
        "the path \"a\\0b.wav\" holds a NUL character, which no path can. Check the path."
    );
}

#[test]
fn a_file_without_audio() {
    let empty = media::file("empty.wav", b"");
    assert_eq!(decode_path(&empty).message(), format!("'{empty}' is empty. Check how it was made or copied."));

    let notes = media::file("notes.txt", b"Dear diary,\ntoday");
    assert_eq!(
        decode_path(&notes).message(),
        format!("'{notes}' is not audio that remotemedia knows; it begins with \"Dear diary,\\n\". {USE}")
    );
    let picture = media::file("picture.mp3", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    assert_eq!(
        decode_path(&picture).message(),
        format!("'{picture}' is not audio that remotemedia knows; it begins with 89 50 4e 47 0d 0a 1a 0a (PNG). {USE}")
    );
    let video = media::path("video.mp4");
    assert_eq!(decode_path(&video).message(), format!("'{video}' holds no audio track. Use a file with sound."));
}

#[test]
fn mp4_whose_index_leads_to_no_sound_is_damaged() {
    // Frames without bytes.
    let packets = vec![(Vec::new(), 1); 1000];
    let (headers, matroska, mp4) = (Vec::new(), ("", Vec::new()), (b"sowt", Vec::new()));
    let hollow = Stream { rate: 8000, channels: 1, headers, matroska, mp4, packets }.mp4(100, None);
    // An edit that begins where no sound is.
    let mut edited = media::bytes("mono.m4a");
    let list = edited.windows(4).position(|kind| kind == b"elst").expect("it has edits") + 12;
    edited[list + 4..list + 8].copy_from_slice(&0x00ff_ffff_u32.to_be_bytes());
    for (name, file, expected) in [
        ("hollow.mov", hollow, "ends too early: 0 of 1000 frames are there. Fetch or copy it again; it was cut off."),
        (
            "edited.m4a",
            edited,
            "is damaged: its edit list begins behind the end of its sound. \
             Fetch or copy it again, or cut the damaged part out.",
        ),
    ] {
        let path = media::file(name, &file);
        assert_eq!(decode_path(&path).message(), format!("'{path}' {expected}"));
        assert_eq!(decode_pieces(&file, 500).message(), format!("{STREAM} {expected}"));
    }
}

#[test]
fn vorbis_that_would_fill_memory_is_refused_before_its_decoder_is_made() {
    let stream = vorbis_of_a_large_codebook();
    for (name, file) in [("large.ogg", stream.ogg(1, 4, 0)), ("large.webm", stream.matroska(1000, false))] {
        let path = media::file(name, &file);
        for (name, outcome) in [(&*format!("'{path}'"), decode_path(&path)), (STREAM, decode_pieces(&file, 50))] {
            assert_eq!(
                outcome.message(),
                format!(
                    "the Vorbis codebooks of {name} take more than 64 MiB. \
                     Fetch or copy it again; those of libvorbis take at most 4 MiB."
                )
            );
        }
    }
}

#[test]
fn sound_that_can_not_be_decoded_rightly_is_refused() {
    let mut six = media::bytes("mono.ogg");
    // The number of channels in the identification header (Vorbis I, 4.2.2), and the checksum of its page.
    six[28 + 11] = 6;
    six[22..26].fill(0);
    let sum = checksum(&six[..58]);
    six[22..26].copy_from_slice(&sum.to_le_bytes());
    let six = media::file("six.ogg", &six);
    assert_eq!(
        decode_path(&six).message(),
        format!("'{six}' holds Vorbis (more than two channels), which remotemedia can't decode. {USE}")
    );
    let page = |codec: &[u8]| {
        let mut page = b"OggS\0\x02\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x01".to_vec();
        page.push(codec.len() as u8);
        page.extend(codec);
        let sum = checksum(&page);
        page[22..26].copy_from_slice(&sum.to_le_bytes());
        page
    };
    let speex = media::file("speex.ogg", &page(b"Speex   1.2"));
    assert_eq!(decode_path(&speex).message(), format!("'{speex}' holds Speex, which remotemedia can't decode. {USE}"));
    let theora = media::file("theora.ogg", &page(b"\x80theora\x03\x02\x01"));
    assert_eq!(decode_path(&theora).message(), format!("'{theora}' holds no audio track. Use a file with sound."));
    for (family, channels) in [(255, "channels without places"), (2, "ambisonics"), (3, "ambisonics")] {
        let head =
            [&b"OpusHead\x01\x09\0\0\x80\xbb\0\0\0\0"[..], &[family, 9, 0], &[0, 1, 2, 3, 4, 5, 6, 7, 8]].concat();
        let is = format!(" holds Opus ({channels}), which remotemedia can't decode. {USE}");
        let opus = media::file("nine.opus", &page(&head));
        assert_eq!(decode_path(&opus).message(), format!("'{opus}'{is}"));
        assert_eq!(decode_pieces(&page(&head), 30).message(), format!("{STREAM}{is}"));
    }
    // One channel at 384 kbit/s (ISO/IEC 11172-3, 2.4.2.3), which some programs write.
    let frame = [&[0xff, 0xfd, 0xe4, 0xc4][..], &[0; 1148]].concat();
    for frames in [1, 3] {
        let wide = media::file("wide.mp2", &frame.repeat(frames));
        let is = "MPEG layer II of a bit rate that the standard does not have for so many channels";
        let message = format!("'{wide}' holds {is}, which remotemedia can't decode. {USE}");
        assert_eq!(decode_path(&wide).message(), message);
    }
}

#[test]
fn a_stream_without_audio() {
    assert_eq!(
        decode_pieces(b"Dear diary,\ntoday", 5).message(),
        format!("the stream is not audio that remotemedia knows; it begins with \"Dear diary,\\n\". {USE}")
    );
    let nothing = run_item(node("AudioDecode", json!({})).as_mut(), vec![Packet::new(Value::bytes(Vec::new()))]);
    assert_eq!(nothing.message(), "the stream is empty. Check how it was made or copied.");
}

#[test]
fn a_stream_that_is_no_audio_is_refused_before_it_fills_the_memory() {
    let mut decode = node("AudioDecode", json!({}));
    let refused = (0..64).find_map(|_| decode.process(0, Packet::new(Value::bytes(vec![b'a'; 1 << 16]))).err());
    assert_eq!(
        refused.expect("it is refused").cause,
        "the stream is not audio that remotemedia knows; it begins with \"aaaaaaaaaaaa\""
    );
}

#[test]
fn a_file_that_was_cut_gives_its_sound_and_then_the_failure() {
    let wav = media::wav(&media::reference(16000, 8000, 2), 16000);
    let cut = media::file("cut.wav", &wav[..44 + 5000 * 4 + 3]);
    let outcome = decode_path(&cut);
    assert_eq!(outcome.samples_before_failure()[0].len(), 5000);
    assert_eq!(outcome.failure().position, Some(MediaTime::of_frames(5000, 16000)));
    assert_eq!(
        outcome.message(),
        format!("'{cut}' ends too early: 5000 of 8000 frames are there. Fetch or copy it again; it was cut off.")
    );
    // How many bytes are kept, what comes out, and what is said of the rest. Delay and padding count as frames there.
    for (name, kept, frames, rate, cause) in [
        ("short.flac", 10_650, 2304, 16000, "2304 of 8000 frames are there"),
        ("stereo.mp3", 11_450, 28_847, 44100, "29952 of 46080 frames are there"),
        ("mono.ogg", 4000, 7808, 16000, "its last packet is not whole"),
        ("mono.m4a", 4000, 7168, 16000, "8192 of 17024 frames are there"),
        ("stereo.aac", 8000, 22_528, 44100, "its last packet is not whole"),
        ("flac.mka", 5000, 4608, 16000, "its last packet is not whole"),
        ("stereo.webm", 5000, 12_168, 48000, "its last packet is not whole"),
    ] {
        let bytes = &media::bytes(name)[..kept];
        let path = media::file(name, bytes);
        for (outcome, name) in [(decode_path(&path), format!("'{path}'")), (decode_pieces(bytes, 1000), STREAM.into())]
        {
            assert_eq!(
                outcome.message(),
                format!("{name} ends too early: {cause}. Fetch or copy it again; it was cut off.")
            );
            assert_eq!(outcome.samples_before_failure()[0].len(), frames, "{name}");
            assert_eq!(outcome.failure().position, Some(MediaTime::of_frames(frames as u64, rate)), "{name}");
        }
    }
}

#[test]
fn a_file_that_ends_before_its_first_chunk_says_where() {
    let bytes = &media::bytes("short.flac")[..8500];
    let path = media::file("early.flac", bytes);
    for (outcome, name) in [(decode_path(&path), format!("'{path}'")), (decode_pieces(bytes, 1000), STREAM.into())] {
        assert_eq!(outcome.values.len(), 0);
        assert_eq!(
            outcome.message(),
            format!("{name} ends too early: 0 of 8000 frames are there. Fetch or copy it again; it was cut off.")
        );
        assert_eq!(outcome.failure().position, Some(0), "{name}");
    }
    // A file that begins at another time ends there.
    let packet = Packet::new(File::from_path(path).into()).at(Some(7_000_000_000), None);
    let outcome = run_item(node("AudioDecode", json!({})).as_mut(), vec![packet]);
    assert_eq!(outcome.failure().position, Some(7_000_000_000));
}

#[test]
fn an_mp4_file_without_its_index() {
    let bytes = media::bytes("alac.m4a");
    let cut = media::file("cut.m4a", &bytes[..10_000]);
    assert_eq!(
        decode_path(&cut).message(),
        format!(
            "'{cut}' has no index (moov), without which M4A and MP4 can't be read. Fetch or copy it again; it was cut off \
             or not finished."
        )
    );
}

#[test]
fn damage_in_the_middle_gives_the_sound_before_it_and_the_place() {
    // FLAC and Ogg have checksums, AAC has a syntax that noise breaks.
    for (name, place, frames, rate, cause) in [
        ("short.flac", 12_000, 3456, 16000, "1152 frames are missing"),
        ("mono.ogg", 4200, 9856, 16000, "pages 7 to 8 are damaged or missing"),
        ("stereo.m4a", 8500, 22_528, 44100, "a packet ends too early"),
        ("stereo.aac", 8200, 22_528, 44100, "a packet ends too early"),
    ] {
        let mut bytes = media::bytes(name);
        bytes[place..place + 64].fill(0x55);
        let path = media::file(name, &bytes);
        for (outcome, name) in [(decode_path(&path), format!("'{path}'")), (decode_pieces(&bytes, 1000), STREAM.into())]
        {
            assert_eq!(
                outcome.message(),
                format!("{name} is damaged: {cause}. Fetch or copy it again, or cut the damaged part out.")
            );
            assert_eq!(outcome.samples_before_failure()[0].len(), frames, "{name}");
            assert_eq!(outcome.failure().position, Some(MediaTime::of_frames(frames as u64, rate)), "{name}");
        }
    }
}

#[test]
fn a_damaged_block_of_adpcm_takes_no_other_with_it() {
    // The second of two blocks, of 1017 and of 1012 frames.
    for (name, block_len, at, frames, detail) in [
        ("ima.wav", 1024, 2, 1017, "adpcm (ima): invalid step index"),
        ("ms.wav", 1024, 0, 1012, "adpcm: block predictor exceeds range"),
    ] {
        let mut bytes = media::bytes(name);
        let sound = bytes.windows(4).position(|id| id == b"data").expect("it has sound") + 8;
        bytes[sound + block_len + at] = 0xff;
        let expected: Vec<Vec<f32>> =
            decode_path(&media::path(name)).samples().iter().map(|plane| plane[..frames].to_vec()).collect();
        let path = media::file(&format!("damaged-{name}"), &bytes);
        for (shown, outcome) in
            [(format!("'{path}'"), decode_path(&path)), (STREAM.to_owned(), decode_pieces(&bytes, 100))]
        {
            assert_eq!(outcome.samples_before_failure(), expected, "{name}");
            assert_eq!(
                outcome.message(),
                format!("{shown} is damaged: {detail}. Fetch or copy it again, or cut the damaged part out.")
            );
        }
    }
}

#[test]
fn what_is_no_element_of_matroska_ends_the_sound_with_an_error() {
    let packets = (0..50).map(|packet| (vec![packet; 320], 160)).collect();
    let (headers, matroska) = (Vec::new(), ("A_PCM/INT/LIT", Vec::new()));
    let stream = Stream { rate: 8000, channels: 1, headers, matroska, mp4: (b"sowt", Vec::new()), packets };
    for is_live in [false, true] {
        let whole = stream.matroska(200, is_live);
        let samples = decode_pieces(&whole, 5000).samples();
        let packet = whole.windows(320).position(|bytes| bytes == [25; 320]).expect("it is there");
        // The id of a block of 324 bytes, which is one of no element then, and all up to the middle of the next cluster.
        let id = whole[..packet].iter().rposition(|byte| *byte == 0xa3).expect("it begins a block");
        for (at, len, byte) in [(id, 1, 0xc3), (id, 1, 0), (id, 3000, 0xff), (id, 3000, 0)] {
            let mut bytes = whole.clone();
            bytes[at..at + len].fill(byte);
            let path = media::file("damaged.mka", &bytes);
            let arriving = [500, bytes.len()].map(|len| (STREAM, decode_pieces(&bytes, len)));
            for (name, outcome) in arriving.into_iter().chain([(&*format!("'{path}'"), decode_path(&path))]) {
                assert_eq!(outcome.samples_before_failure()[0], samples[0][..25 * 160], "{byte} by {name}");
                let place = format!("{name} is damaged: what begins at byte {at} can't be there. ");
                assert!(outcome.message().starts_with(&place), "{}", outcome.message());
            }
        }
    }
}

/// How its packets were encoded, and what it holds then.
#[test]
fn packets_of_matroska_that_are_encoded_are_no_sound() {
    let packets = (0..50).map(|packet| (vec![packet; 320], 160)).collect();
    let (headers, matroska) = (Vec::new(), ("A_PCM/INT/LIT", Vec::new()));
    let stream = Stream { rate: 8000, channels: 1, headers, matroska, mp4: (b"sowt", Vec::new()), packets };
    let zlib = matroska_compression(0, &[]);
    let encrypted = element(&[0x50, 0x33], &[1]);
    let write = "Write it without that: `mkvmerge -o new.mkv --compression -1:none old.mkv`.";
    let other = "Use a copy that is neither encrypted nor compressed.";
    for (encodings, sound, cure) in [
        (vec![zlib.clone()], "sound that is compressed by zlib", write),
        (vec![encrypted], "encrypted sound", other),
        (vec![zlib.clone(), zlib], "sound that is encoded several times", other),
    ] {
        let form = Matroska { encodings: matroska_encodings(&encodings), ..Matroska::default() };
        let file = stream.matroska_as(&form);
        for (name, outcome) in [("the file", decode(in_memory(file.clone()))), (STREAM, decode_pieces(&file, 500))] {
            assert_eq!(outcome.message(), format!("{name} holds {sound}, which remotemedia can't decode. {cure}"));
            assert!(outcome.values.is_empty());
        }
    }
    // Only others are.
    let other_scope = [element(&[0x50, 0x32], &[4]), matroska_compression(0, &[])].concat();
    let form = Matroska { encodings: matroska_encodings(&[other_scope]), ..Matroska::default() };
    assert_eq!(decode_pieces(&stream.matroska_as(&form), 500).failure, None);
}

#[test]
fn a_file_in_the_middle_of_a_stream_of_bytes() {
    let mut decode = node("AudioDecode", json!({}));
    let packets = vec![Packet::new(Value::bytes(vec![0; 10])), Packet::new(File::from_path("x.wav").into())];
    assert_eq!(
        run_item(decode.as_mut(), packets).message(),
        "a file arrives in the middle of a stream of bytes. Send each file and each stream of bytes as an item of its own."
    );
}

#[test]
fn whatever_is_damaged_the_decoder_ends() {
    // A linear congruential generator (Knuth, MMIX), so that a failure can be repeated.
    let mut state = 7u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for name in [
        "short.flac",
        "mono.mp3",
        "bare.mp3",
        "mono.ogg",
        "mono.m4a",
        "alac.m4a",
        "stereo.aac",
        "mono.opus",
        "stereo.webm",
    ] {
        let original = media::bytes(name);
        for round in 0..30 {
            let mut bytes = original.clone();
            for _ in 0..1 + random(12) {
                // Half of the damage goes into the head, where the lengths are.
                let place = if random(2) == 0 { random(600.min(bytes.len())) } else { random(bytes.len()) };
                bytes[place] = random(256) as u8;
            }
            bytes.truncate(bytes.len() - random(2) * random(bytes.len()));
            for outcome in [decode_pieces(&bytes, 1 << 20), decode_pieces(&bytes, 512)] {
                let frames: usize = outcome.chunks().iter().map(|audio| audio.frames()).sum();
                assert!(frames <= 200_000, "{name} {round}: {frames} frames of a file of one second");
            }
        }
    }
}
