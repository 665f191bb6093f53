//! What a part of a file costs: bytes that are read and packets that are decoded, counted beneath and behind a demuxer.

use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::CodecInfo;
use symphonia::core::codecs::audio::{AudioCodecParameters, FinalizeResult};
use symphonia::core::packet::PacketRef;

use super::*;
use crate::audio::flac_checksum::{crc_8, crc_16};

/// A file that counts the bytes which are read of it.
pub(in crate::audio::decode) struct Counted(
    pub(in crate::audio::decode) Cursor<Vec<u8>>,
    pub(in crate::audio::decode) Arc<AtomicU64>,
);

impl Read for Counted {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(target)?;
        self.1.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

impl Seek for Counted {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

impl MediaSource for Counted {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.0.get_ref().len() as u64)
    }
}

/// A decoder that counts its packets.
struct CountedDecoder(Box<dyn AudioDecoder>, Arc<AtomicU64>);

impl AudioDecoder for CountedDecoder {
    fn reset(&mut self) {
        self.0.reset();
    }

    fn codec_info(&self) -> &CodecInfo {
        self.0.codec_info()
    }

    fn codec_params(&self) -> &AudioCodecParameters {
        self.0.codec_params()
    }

    fn decode_ref(&mut self, packet: &PacketRef<'_>) -> Result<GenericAudioBufferRef<'_>, Error> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.decode_ref(packet)
    }

    fn finalize(&mut self) -> FinalizeResult {
        self.0.finalize()
    }

    fn last_decoded(&self) -> GenericAudioBufferRef<'_> {
        self.0.last_decoded()
    }
}

/// Decodes the first packet of a file and the one that holds a frame. The bytes that were read for both, the packets that
/// were decoded for the second, and its first frame.
fn cost(container: Container, file: Vec<u8>, frame: u64) -> (u64, u64, u64) {
    let (bytes, packets) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let source = Counted(Cursor::new(file), Arc::clone(&bytes));
    let opened = Demuxer::open(Box::new(source), container, 0, "the file".to_owned(), &[], None, Wanted::default());
    let mut demuxer = opened.unwrap_or_else(|failure| panic!("{failure:?}"));
    let fresh =
        make_decoder(&demuxer.track.params, container, "the file").unwrap_or_else(|failure| panic!("{failure:?}"));
    demuxer.decoder = Box::new(CountedDecoder(fresh, Arc::clone(&packets)));
    assert!(matches!(demuxer.next(), Ok(Progress::Packet(_))));
    packets.store(0, Ordering::Relaxed);
    let first = demuxer.decoded;
    let Ok(passed) = demuxer.pass_over(frame - first) else { panic!("the file is right") };
    assert!(matches!(demuxer.next(), Ok(Progress::Packet(_))));
    (bytes.load(Ordering::Relaxed), packets.load(Ordering::Relaxed), first + passed)
}

const FRAMES: u64 = 10 * 60 * 8000;

#[test]
fn a_part_of_wav_costs_its_packet() {
    let len = FRAMES as u32 * 2;
    let head = [b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0", &[0x40, 0x1f, 0, 0, 0x80, 0x3e, 0, 0, 2, 0, 16, 0][..]];
    let file = [&head.concat()[..], b"data", &len.to_le_bytes(), &vec![1; len as usize]].concat();
    let (bytes, packets, passed) = cost(Container::Wav, file, FRAMES - 5000);
    assert_eq!((packets, passed), (1, FRAMES - 5000));
    assert!(bytes < 20_000, "{bytes} bytes are read");
}

/// A FLAC file of 8 kHz and 16 bits, whose frames of 4096 samples are written as they are.
fn flac(frames: u64) -> Vec<u8> {
    let packed = (8000 << 44) | (15 << 36) | (frames * 4096);
    let mut file = [b"fLaC\x80\0\0\x22\x10\0\x10\0\0\0\0\0\0\0", &packed.to_be_bytes()[..], &[0; 16]].concat();
    for number in 0..frames {
        let letter = char::from_u32(number as u32).expect("it is a letter").to_string();
        let mut frame = [&[0xff, 0xf8, 0xc4, 0x08][..], letter.as_bytes()].concat();
        frame.extend([crc_8(&frame), 0x02]);
        frame.extend((0..4096 * 2).map(|place| (place * 31 + number) as u8));
        frame.extend(crc_16(0, &frame).to_be_bytes());
        file.extend(frame);
    }
    file
}

#[test]
fn a_part_of_flac_costs_a_few_frames() {
    let count = FRAMES / 4096;
    for wanted in [7, 500, count / 3, count - 1] {
        let (bytes, packets, passed) = cost(Container::Flac, flac(count), wanted * 4096 + 5);
        assert_eq!((packets, passed), (1, wanted * 4096));
        // The file has 9.6 MB; each look is at one frame of 8 KiB and what is read ahead.
        assert!(bytes < 1_000_000, "{bytes} bytes are read");
    }
}

#[test]
fn a_part_of_mp3_costs_the_frames_that_its_decoder_remembers() {
    let media = format!("{}/../../tests/media/bare.mp3", env!("CARGO_MANIFEST_DIR"));
    let file = std::fs::read(media).expect("the file is in tests/media").repeat(100);
    let (_, packets, passed) = cost(Container::Mpeg, file, 3_000 * 1152 + 5);
    assert_eq!(passed, 3_000 * 1152);
    assert!(packets <= 12, "{packets} packets are decoded");
}

#[test]
fn a_part_of_mp3_of_one_bit_rate_behind_a_tag_costs_a_few_frames() {
    // Silence at 64 kbit/s and 16 kHz: frames of 288 bytes, of which the first has the tag.
    const COUNT: u32 = 20_000;
    let mut frame = vec![0; 288];
    frame[..4].copy_from_slice(&[0xff, 0xf3, 0x88, 0xc4]);
    let mut tag = frame.clone();
    tag[13..25].copy_from_slice(&[b"Info\0\0\0\x01", &COUNT.to_be_bytes()[..]].concat());
    let file = [tag, frame.repeat(COUNT as usize)].concat();
    let (bytes, packets, passed) = cost(Container::Mpeg, file, 15_000 * 576 + 5);
    assert_eq!(passed, 15_000 * 576);
    assert!(packets <= 12 && bytes < 100_000, "{packets} packets are decoded, {bytes} bytes are read");
}
