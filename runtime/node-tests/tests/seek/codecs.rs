//! Streams of each codec to put into containers: recorded ones over and over, or written on the spot.

use remotemedia_core::value::{Audio, Packet, Value};
use serde_json::json;

use crate::cuts::random;
use harness::items::{node, run_item};
use harness::media;
use harness::remux::{Stream, boxed, checksum, packets_of_ogg};

/// Vorbis: a second at 44.1 kHz, with short and long blocks.
pub(crate) fn vorbis() -> Stream {
    let mut packets = packets_of_ogg(&media::bytes("stereo.ogg"));
    let sound = packets.split_off(3);
    let sizes = packets[0][28];
    let (short, long) = (1u64 << (sizes & 15), 1u64 << (sizes >> 4));
    // Its encoder has two modes, of which the second is that of the long block.
    let block = |packet: &[u8]| if packet[0] & 2 == 0 { short } else { long };
    let mut last = None;
    let twice = sound.iter().chain(&sound).map(|packet| {
        let frames = last.map_or(0, |last| (last + block(packet)) / 4);
        last = Some(block(packet));
        (packet.clone(), frames)
    });
    let twice: Vec<_> = twice.collect();
    let lens = [packets[0].len(), packets[1].len()].map(|len| [vec![255; len / 255], vec![(len % 255) as u8]].concat());
    let private = [vec![2], lens.concat(), packets.concat()].concat();
    let mut stream = Stream {
        rate: 44_100,
        channels: 2,
        headers: packets,
        matroska: ("A_VORBIS", private),
        mp4: (b"none", Vec::new()),
        packets: twice[sound.len()..].to_vec(),
    };
    stream = stream.repeated(8);
    stream.packets[0].1 = 0;
    stream
}

/// Opus of so many kbit/s by the encoder of the package: human speech, for so many seconds.
pub(crate) fn opus(kbps: u32, channels: usize, seconds: usize) -> Stream {
    opus_of_gain(kbps, channels, seconds, 0)
}

/// The same, to be amplified by `gain` / 256 dB.
pub(crate) fn opus_of_gain(kbps: u32, channels: usize, seconds: usize, gain: i16) -> Stream {
    let file = media::path("librivox/0880.flac");
    let speech = run_item(
        node("AudioDecode", json!({})).as_mut(),
        vec![Packet::new(remotemedia_core::value::File::from_path(file).into())],
    );
    let rate = speech.chunks()[0].rate();
    let speech = speech.samples().remove(0);
    let plane: Vec<f32> = speech.iter().copied().cycle().take(rate as usize * seconds).collect();
    let audio = Audio::from_planar(plane.repeat(channels), channels, rate).expect("it is sound");
    let params = json!({"format": "opus", "bitrate_kbps": kbps});
    let outcome = run_item(node("AudioEncode", params).as_mut(), vec![Packet::new(Value::from(audio))]);
    let file: Vec<u8> = outcome
        .values
        .iter()
        .flat_map(|value| match value {
            Value::Bytes(bytes) => bytes.as_slice().to_vec(),
            other => panic!("expected bytes, got {}", other.kind().name()),
        })
        .collect();
    let mut headers = packets_of_ogg(&file);
    let packets = headers.split_off(2).into_iter().map(|packet| (packet, 960)).collect();
    headers[0][16..18].copy_from_slice(&gain.to_le_bytes());
    let private = headers[0].clone();
    // What the header says in Ogg (RFC 7845, 5.1), the other way round and with another version.
    let [count, skip, rate, gain] = [9..10, 10..12, 12..16, 16..18].map(|place: std::ops::Range<usize>| {
        let mut number = private[place].to_vec();
        number.reverse();
        number
    });
    let description = [&[0], &count[..], &skip, &rate, &gain, &private[18..]].concat();
    Stream {
        rate: 48_000,
        channels: channels as u32,
        headers,
        matroska: ("A_OPUS", private),
        mp4: (b"Opus", boxed(b"dOps", &description)),
        packets,
    }
}

/// FLAC of one channel of noise at 16 kHz, uncompressed (RFC 9639, 9.2.5 "verbatim"), the last block short.
pub(crate) fn flac(blocks: usize) -> Stream {
    const BLOCK: usize = 4096;
    let mut random = random("flac");
    let packed = 16_000u64 << 44 | 15 << 36;
    let info = [&[16u8, 0, 16, 0, 0, 0, 0, 0, 0, 0][..], &packed.to_be_bytes(), &[0; 16]].concat();
    let mut packets = Vec::new();
    for number in 0..blocks {
        let len = if number + 1 < blocks { BLOCK } else { 1000 };
        let mut frame = vec![0xff, 0xf8, 0x70, 0x08];
        frame.extend(char::from_u32(number as u32).expect("a number is coded as a letter is").to_string().bytes());
        frame.extend((len as u16 - 1).to_be_bytes());
        frame.push(checksum(&frame, 8, 0x07) as u8);
        frame.push(2);
        frame.extend((0..len).flat_map(|_| (random(65_536) as u16).to_be_bytes()));
        frame.extend((checksum(&frame, 16, 0x8005) as u16).to_be_bytes());
        packets.push((frame, len as u64));
    }
    let block = [&[0x80, 0, 0, 34][..], &info].concat();
    let ogg = [&b"\x7fFLAC\x01\0\0\x01fLaC"[..], &[0, 0, 0, 34], &info].concat();
    let comment = [&[0x84, 0, 0, 8][..], &[0; 8]].concat();
    Stream {
        rate: 16_000,
        channels: 1,
        headers: vec![ogg, comment],
        matroska: ("A_FLAC", [&b"fLaC"[..], &block].concat()),
        mp4: (b"fLaC", boxed(b"dfLa", &[&[0; 4][..], &block].concat())),
        packets,
    }
}

/// AAC: a second at 44.1 kHz, over and over.
pub(crate) fn aac() -> Stream {
    let file = media::bytes("stereo.aac");
    let mut packets = Vec::new();
    let mut place = 0;
    while place < file.len() {
        let len = usize::from(file[place + 3] & 3) << 11
            | usize::from(file[place + 4]) << 3
            | usize::from(file[place + 5] >> 5);
        packets.push((file[place + 7..place + len].to_vec(), 1024));
        place += len;
    }
    // AAC-LC, 44.1 kHz, two channels.
    let config = [0x12, 0x10];
    let decoder = [&[4, 17, 0x40, 0x15][..], &[0; 11], &[5, 2], &config].concat();
    let descriptor = [&[0, 0, 0, 0, 3, 25, 0, 1, 0][..], &decoder, &[6, 1, 2]].concat();
    let stream = Stream {
        rate: 44_100,
        channels: 2,
        headers: Vec::new(),
        matroska: ("A_AAC", config.to_vec()),
        mp4: (b"mp4a", boxed(b"esds", &descriptor)),
        packets,
    };
    stream.repeated(8)
}

/// MP3 frames of one second at 44.1 kHz, over and over.
pub(crate) fn mp3() -> Stream {
    let file = media::bytes("bare.mp3");
    let is_frame = |place: &usize| file[*place..].starts_with(&file[..2]) && file[place + 2] >> 4 == file[2] >> 4;
    let mut places: Vec<usize> = (0..file.len() - 4).filter(is_frame).collect();
    places.dedup_by(|next, before| *next < *before + 400);
    let packets =
        places.iter().zip(places[1..].iter()).map(|(start, end)| (file[*start..*end].to_vec(), 1152)).collect();
    let stream = Stream {
        rate: 44_100,
        channels: 2,
        headers: Vec::new(),
        matroska: ("A_MPEG/L3", Vec::new()),
        mp4: (b".mp3", Vec::new()),
        packets,
    };
    stream.repeated(6)
}

/// Stereo noise of 16 bits at 16 kHz, so many frames in a packet.
pub(crate) fn pcm(packets: usize, frames: usize) -> Stream {
    let mut random = random("pcm");
    let packet = |random: &mut dyn FnMut(usize) -> usize| (0..4 * frames).map(|_| random(256) as u8).collect();
    Stream {
        rate: 16_000,
        channels: 2,
        headers: Vec::new(),
        matroska: ("A_PCM/INT/LIT", Vec::new()),
        mp4: (b"sowt", Vec::new()),
        packets: (0..packets).map(|_| (packet(&mut random), frames as u64)).collect(),
    }
}
