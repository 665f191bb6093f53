//! WAV: a header and PCM (Microsoft, "Multiple channel audio data and WAVE files"), and RF64 for what its lengths can't say
//! (EBU Tech 3306, "MBWF / RF64: an extended file format for audio").
//!
//! Mono and stereo of 16 bits or floats have the plain header, all else `WAVEFORMATEXTENSIBLE` with the channel mask.

use std::io::{self, Seek as _, SeekFrom, Write as _};

use remotemedia_core::value::Audio;

use super::super::pcm::{SampleFormat, to_pcm};
use super::channel_mask::channel_mask;
use crate::io::Output;

/// Writes frames and, at the end, the header anew with the lengths, where what was written can be written anew.
pub(super) struct WavWriter {
    format: SampleFormat,
    rate: u32,
    channels: usize,
    mask: u32,
    data_len: u64,
    pcm: Vec<u8>,
}

/// What a header says of the lengths.
#[derive(Clone, Copy, PartialEq)]
enum Lengths {
    Known,
    /// Nobody knows them at the beginning of a stream: they are the largest ones that there are.
    Unknown,
    /// They are in a chunk of their own, and the header is so many bytes longer for it.
    Long(u64),
}

impl WavWriter {
    /// The most bytes of PCM whose length a header can say: a number of 32 bits, and the header counts too.
    const MOST_DATA: u64 = u32::MAX as u64 - 128;

    pub(super) fn new(audio: &Audio, format: SampleFormat, output: &mut Output) -> io::Result<Self> {
        let mask = channel_mask(audio.layout(), audio.channels()).unwrap_or(0);
        let writer =
            Self { format, rate: audio.rate(), channels: audio.channels(), mask, data_len: 0, pcm: Vec::new() };
        output.write_all(&writer.header(if output.can_seek() { Lengths::Known } else { Lengths::Unknown }))?;
        Ok(writer)
    }

    pub(super) fn write(&mut self, audio: &Audio, output: &mut Output) -> io::Result<()> {
        self.pcm.clear();
        let channels: Vec<&[f32]> = audio.iter_channels().collect();
        to_pcm(&channels, self.format, &mut self.pcm);
        output.write_all(&self.pcm)?;
        self.data_len += self.pcm.len() as u64;
        Ok(())
    }

    pub(super) fn finish(&mut self, output: &mut Output) -> io::Result<()> {
        if !self.data_len.is_multiple_of(2) {
            output.write_all(&[0])?;
        }
        if !output.can_seek() {
            return Ok(());
        }
        let lengths = match self.data_len {
            ..=Self::MOST_DATA => Lengths::Known,
            _ => output.make_room_before(LONG_LENGTHS)?.map_or(Lengths::Unknown, Lengths::Long),
        };
        output.seek(SeekFrom::Start(0))?;
        output.write_all(&self.header(lengths))?;
        output.seek(SeekFrom::End(0))?;
        Ok(())
    }

    fn block(&self) -> usize {
        self.channels * self.format.bytes()
    }

    fn header(&self, lengths: Lengths) -> Vec<u8> {
        const PCM: u16 = 1;
        const FLOAT: u16 = 3;
        const EXTENSIBLE: u16 = 0xfffe;
        /// What follows on the format code in the sub-format of `WAVEFORMATEXTENSIBLE`.
        const SUBFORMAT: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
        let kind = if self.format == SampleFormat::F32 { FLOAT } else { PCM };
        let bits = (self.format.bytes() * 8) as u16;
        let is_plain = self.channels <= 2 && self.format != SampleFormat::S24;
        let data_len = if lengths == Lengths::Known { self.data_len as u32 } else { u32::MAX };
        let block = self.block() as u32;

        let mut format = Vec::with_capacity(40);
        format.extend(if is_plain { kind } else { EXTENSIBLE }.to_le_bytes());
        format.extend((self.channels as u16).to_le_bytes());
        format.extend(self.rate.to_le_bytes());
        format.extend(self.rate.saturating_mul(block).to_le_bytes());
        format.extend((block as u16).to_le_bytes());
        format.extend(bits.to_le_bytes());
        if is_plain && kind == FLOAT {
            // Nothing is added to the format, but whatever is no PCM says so.
            format.extend(0u16.to_le_bytes());
        }
        if !is_plain {
            format.extend(22u16.to_le_bytes());
            format.extend(bits.to_le_bytes());
            format.extend(self.mask.to_le_bytes());
            format.extend(kind.to_le_bytes());
            format.extend(SUBFORMAT);
        }
        let mut chunks = Vec::with_capacity(80);
        chunk(&mut chunks, b"fmt ", &format);
        if kind == FLOAT {
            chunk(&mut chunks, b"fact", &(data_len / block).to_le_bytes());
        }
        chunks.extend(b"data");
        chunks.extend(data_len.to_le_bytes());

        let mut header = Vec::with_capacity(96);
        header.extend(if matches!(lengths, Lengths::Long(_)) { b"RF64" } else { b"RIFF" });
        let len = (FORM as u32 + chunks.len() as u32).saturating_add(data_len).saturating_add(data_len % 2);
        header.extend(len.to_le_bytes());
        header.extend(b"WAVE");
        if let Lengths::Long(room) = lengths {
            self.long_lengths(&mut header, room, chunks.len() as u64);
        }
        header.extend(chunks);
        header
    }

    /// Appends the chunk of lengths, and behind it one that fills the room up; so many bytes of header follow.
    fn long_lengths(&self, header: &mut Vec<u8>, room: u64, rest: u64) {
        let len = FORM + room + rest + self.data_len + self.data_len % 2;
        let mut lengths = Vec::with_capacity(28);
        lengths.extend(len.to_le_bytes());
        lengths.extend(self.data_len.to_le_bytes());
        lengths.extend((self.data_len / self.block() as u64).to_le_bytes());
        // No other chunk is as long.
        lengths.extend(0u32.to_le_bytes());
        chunk(header, b"ds64", &lengths);
        if room > LONG_LENGTHS {
            chunk(header, b"JUNK", &vec![0; (room - LONG_LENGTHS) as usize - CHUNK_HEAD]);
        }
    }
}

/// The bytes of `WAVE`, which count in the length of the whole.
const FORM: u64 = 4;
/// The bytes of an id and a length.
const CHUNK_HEAD: usize = 8;
/// The bytes of the chunk of lengths.
const LONG_LENGTHS: u64 = 36;

fn chunk(target: &mut Vec<u8>, id: &[u8; 4], content: &[u8]) {
    target.extend(id);
    target.extend((content.len() as u32).to_le_bytes());
    target.extend(content);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_that_a_header_can_not_say_have_a_chunk() {
        let audio = Audio::from_planar(vec![0.25; 100], 1, 8000).expect("sound");
        let most = WavWriter::MOST_DATA;
        for (before, riff, data) in [(0, 236, 200), (most - 201, u32::MAX - 93, u32::MAX - 129)] {
            let file = written(&audio, before);
            assert_eq!((file.len(), &file[..4], &file[36..40]), (244, &b"RIFF"[..], &b"data"[..]), "{before}");
            assert_eq!((number(&file, 4), number(&file, 40)), (riff, data), "{before}");
        }
        for before in [most - 199, u64::from(u32::MAX) - 1, 1 << 40] {
            let file = written(&audio, before);
            let long = |at: usize| u64::from_le_bytes(file[at..at + 8].try_into().expect("eight bytes"));
            assert_eq!((file.len(), &file[..4], &file[8..16]), (280, &b"RF64"[..], &b"WAVEds64"[..]), "{before}");
            assert_eq!((long(20), long(28), long(36)), (before + 272, before + 200, before / 2 + 100), "{before}");
            assert_eq!(
                (&file[48..52], &file[72..76], &file[80..84]),
                (&b"fmt "[..], &b"data"[..], &[0, 32, 0, 32][..])
            );
            assert_eq!((number(&file, 4), number(&file, 16), number(&file, 76)), (u32::MAX, 28, u32::MAX), "{before}");
        }
    }

    #[test]
    fn what_room_is_left_is_filled_up() {
        let audio = Audio::from_planar(vec![0.25; 100], 1, 8000).expect("sound");
        let mut writer = WavWriter::new(&audio, SampleFormat::F32, &mut Output::in_memory()).expect("memory");
        writer.data_len = 1 << 33;
        let (plain, long) = (writer.header(Lengths::Known), writer.header(Lengths::Long(4096)));
        assert_eq!(long.len(), plain.len() + 4096);
        assert_eq!((&long[48..52], number(&long, 52)), (&b"JUNK"[..], 4096 - 36 - 8));
        assert_eq!(&long[56 + 4096 - 44..][..4], b"fmt ");
        assert_eq!(long[20..28], (long.len() as u64 - 8 + (1 << 33)).to_le_bytes());
    }

    /// A file of this sound, as if so many bytes had been written before it.
    fn written(audio: &Audio, before: u64) -> Vec<u8> {
        let mut output = Output::in_memory();
        let mut writer = WavWriter::new(audio, SampleFormat::S16, &mut output).expect("memory");
        writer.data_len = before;
        writer.write(audio, &mut output).expect("memory");
        writer.finish(&mut output).expect("memory");
        let Output::Memory(bytes) = output else { unreachable!("it is in memory") };
        bytes.into_inner()
    }

    fn number(bytes: &[u8], at: usize) -> u32 {
        u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
    }
}
