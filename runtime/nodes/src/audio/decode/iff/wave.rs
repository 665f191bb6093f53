//! The headers of WAV and its kin: RIFF and RIFX (IBM and Microsoft, "Multimedia Programming Interface and Data
//! Specifications 1.0", 1991), RF64 and BW64 (ITU-R BS.2088-1), and Sony's Wave64.
//!
//! Lengths are taken with care: recorders that were cut off, and programs that write into a pipe, leave them 0 or as large
//! as can be. The length of the whole says nothing about the sound, so it is not read.

use std::io;

use symphonia::core::audio::{Channels, Position};
use symphonia::core::codecs::audio::AudioCodecId;
use symphonia::core::codecs::audio::well_known as codec;
use symphonia::core::io::{MediaSourceStream, ReadBytes};

use super::blocks::{Cut, HeadError, Sound, plain_channels};
use super::wave_codec::{codec_name, is_mistaken};

/// The ids of Wave64: the letters of a RIFF id and the rest of a GUID.
const W64_RIFF: [u8; 16] = *b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00";
const W64_TAIL: [u8; 12] = *b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a";

/// The longest format chunk that is read.
const MOST_FORMAT: u64 = 1 << 16;
/// A file with more chunks before its sound is none.
const MOST_CHUNKS: usize = 100_000;

/// What the codec of the sound is.
pub(in crate::audio::decode) enum Content {
    /// Blocks, which a decoder of samples takes.
    Blocks(Sound),
    /// Frames of MPEG audio, and how many bytes they take, if that is stated.
    Mpeg(Option<u64>),
}

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Riff,
    Rifx,
    Rf64,
    W64,
}

/// The content of the format chunk.
struct Format {
    tag: u16,
    channels: u16,
    rate: u32,
    /// Bytes of a block, or of a frame.
    block: u16,
    /// Whether the bytes in a second are those of such blocks.
    is_block_meant: bool,
    bits: u16,
    mask: Option<u32>,
    /// Whether the codec is named by a GUID that holds no tag.
    is_foreign_guid: bool,
}

/// Reads up to the first byte of the sound. `len` is that of the whole file, where it is known.
///
/// # Errors
/// If the header ends, contradicts itself, or names a codec that can't be decoded.
pub(in crate::audio::decode) fn read_head(
    reader: &mut MediaSourceStream<'static>,
    len: Option<u64>,
) -> Result<Content, HeadError> {
    let form = form(reader)?;
    let (mut format, mut fact, mut long_data) = (None, None, None);
    for _ in 0..MOST_CHUNKS {
        let (id, length) = chunk(reader, form)?;
        match &id {
            b"fmt " => {
                let read = length.min(MOST_FORMAT);
                format = Some(Format::read(&reader.read_boxed_slice_exact(read as usize)?, form)?);
                pass(reader, form, length, read)?;
            }
            b"fact" if length >= 4 && form != Form::W64 => {
                fact = Some(u64::from(number32(reader, form)?));
                pass(reader, form, length, 4)?;
            }
            b"ds64" if length >= 24 => {
                reader.ignore_bytes(8)?;
                long_data = Some(reader.read_u64()?);
                let frames = reader.read_u64()?;
                fact = fact.or((frames > 0).then_some(frames));
                pass(reader, form, length, 24)?;
            }
            b"data" => {
                let Some(format) = format else {
                    return Err(HeadError::Damaged("its sound comes before its format chunk"));
                };
                let length = match long_data {
                    Some(long) if length == u64::from(u32::MAX) || form == Form::Rf64 && length == 0 => long,
                    _ => length,
                };
                let length = stated(reader, form, length, len)?;
                return format.content(length, fact.filter(|frames| *frames < u64::from(u32::MAX)), form);
            }
            _ => pass(reader, form, length, 0)?,
        }
    }
    Err(HeadError::Damaged("it has no sound among its first chunks"))
}

fn form(reader: &mut MediaSourceStream<'static>) -> Result<Form, HeadError> {
    let id = reader.read_quad_bytes()?;
    let form = match &id {
        b"RIFF" => Form::Riff,
        b"RIFX" => Form::Rifx,
        b"RF64" | b"BW64" => Form::Rf64,
        _ => Form::W64,
    };
    if form == Form::W64 {
        // The rest of the GUID, the length of all, and the GUID of the form.
        debug_assert!(W64_RIFF.starts_with(&id));
        reader.ignore_bytes(12 + 8 + 16)?;
    } else {
        reader.ignore_bytes(8)?;
    }
    Ok(form)
}

/// The id of the next chunk and the length of its content.
fn chunk(reader: &mut MediaSourceStream<'static>, form: Form) -> Result<([u8; 4], u64), HeadError> {
    let id = reader.read_quad_bytes()?;
    if form != Form::W64 {
        return Ok((id, u64::from(number32(reader, form)?)));
    }
    let mut tail = [0; 12];
    reader.read_buf_exact(&mut tail)?;
    let length = reader.read_u64()?;
    let id = if tail == W64_TAIL { id } else { [0; 4] };
    // The length counts the header. Programs that write into a pipe leave it 0.
    Ok((id, length.saturating_sub(24)))
}

fn number32(reader: &mut MediaSourceStream<'static>, form: Form) -> io::Result<u32> {
    if form == Form::Rifx { reader.read_be_u32() } else { reader.read_u32() }
}

/// Goes to the next chunk, of whose content so much was read: it begins at an even place, in Wave64 at one by eight.
fn pass(reader: &mut MediaSourceStream<'static>, form: Form, length: u64, read: u64) -> Result<(), HeadError> {
    let padded = length.checked_next_multiple_of(if form == Form::W64 { 8 } else { 2 }).unwrap_or(length);
    Ok(reader.ignore_bytes(padded - read)?)
}

/// The length of the sound, unless it was written before it was known.
fn stated(
    reader: &mut MediaSourceStream<'static>,
    form: Form,
    length: u64,
    file: Option<u64>,
) -> Result<Option<u64>, HeadError> {
    let left = file.map(|file| file.saturating_sub(reader.pos()));
    if length == 0 {
        // Nothing, if another chunk follows or the file ends.
        return Ok(if follows_chunk(reader, form)? { Some(0) } else { None });
    }
    if length > u64::from(u32::MAX) && form != Form::Riff && form != Form::Rifx && length < u64::MAX / 4 {
        return Ok(Some(length));
    }
    // The largest number that a header can hold is no length, even if there are as many bytes or more.
    if length == u64::from(u32::MAX) {
        return Ok(None);
    }
    // Programs that don't know of it count past 2^32, from 0 on again.
    if let Some(left) = left.filter(|left| *left > length && (left - length - length % 2).is_multiple_of(1 << 32)) {
        return Ok(Some(left - length % 2));
    }
    // A file of just this length is one: the placeholder is no longer than what is there.
    if (is_placeholder(length) || length >= u64::from(u32::MAX)) && left.is_none_or(|left| left < length) {
        return Ok(None);
    }
    Ok(Some(length))
}

/// Whether a length was written before it was known: programs that write into a pipe put about 2^31 or 2^32 bytes there.
pub(in crate::audio::decode) fn is_placeholder(length: u64) -> bool {
    (0x7fff_0000..=0x7fff_ffff).contains(&length) || (0xffff_0000..=0xffff_ffff).contains(&length)
}

/// Whether the next bytes are the id of a chunk that stands after the sound in real files.
fn follows_chunk(reader: &mut MediaSourceStream<'static>, form: Form) -> Result<bool, HeadError> {
    use symphonia::core::io::SeekBuffered;
    const KNOWN: [&[u8; 4]; 14] = [
        b"LIST", b"list", b"id3 ", b"ID3 ", b"bext", b"fact", b"cue ", b"smpl", b"inst", b"PEAK", b"iXML", b"axml",
        b"chna", b"JUNK",
    ];
    let mut id = [0; 4];
    let mut count = 0;
    while count < id.len() {
        match reader.read_buf(&mut id[count..]) {
            Ok(0) => break,
            Ok(read) => count += read,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(error.into()),
        }
    }
    reader.seek_buffered_rel(-(count as isize));
    Ok(form != Form::W64 && count == 4 && KNOWN.contains(&&id))
}

impl Format {
    fn read(content: &[u8], form: Form) -> Result<Self, HeadError> {
        const EXTENSIBLE: u16 = 0xfffe;
        /// The GUIDs that hold the tag of a format: that of Microsoft and that of Ambisonic B-format for PCM and floats.
        const TAILS: [[u8; 12]; 2] = [
            [0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71],
            [0x21, 0x07, 0xd3, 0x11, 0x86, 0x44, 0xc8, 0xc1, 0xca, 0, 0, 0],
        ];
        let short = || HeadError::Damaged("its format chunk is too short");
        let word = |place: usize| {
            let bytes = content.get(place..place + 2)?.try_into().ok()?;
            Some(if form == Form::Rifx { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
        };
        let long = |place: usize| {
            let bytes = content.get(place..place + 4)?.try_into().ok()?;
            Some(if form == Form::Rifx { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
        };
        let tag = word(0).ok_or_else(short)?;
        let channels = word(2).ok_or_else(short)?;
        let rate = long(4).ok_or_else(short)?;
        let block = word(12).ok_or_else(short)?;
        // The oldest headers end before the bits of a sample.
        let bits = word(14).unwrap_or(block.checked_div(channels).unwrap_or(0).saturating_mul(8));
        let is_block_meant = tag == EXTENSIBLE || long(8) == rate.checked_mul(u32::from(block));
        let mut format = Self { tag, channels, rate, block, is_block_meant, bits, mask: None, is_foreign_guid: false };
        if tag == EXTENSIBLE {
            format.mask = long(20).filter(|mask| *mask != 0);
            format.tag = word(24).ok_or_else(short)?;
            let tail = content.get(28..40).ok_or_else(short)?;
            // The second form has its tag in the same place and other bytes from there on.
            format.is_foreign_guid = !TAILS.iter().any(|known| known[..] == *tail);
        }
        Ok(format)
    }

    fn content(&self, len: Option<u64>, fact: Option<u64>, form: Form) -> Result<Content, HeadError> {
        let refused = || {
            let name = format!("{} in WAV", codec_name(self.tag, self.bits));
            if is_mistaken(self.tag) { HeadError::Mistaken(name) } else { HeadError::Codec(name) }
        };
        if self.is_foreign_guid {
            return Err(HeadError::Codec("a codec with a GUID of its own in WAV".to_owned()));
        }
        if self.channels == 0 {
            return Err(HeadError::Damaged("its header gives no channels"));
        }
        // Samples lie in whole bytes: those of 12 bits in 16, of which the upper ones count.
        let (least, block) = (u32::from(self.bits.div_ceil(8)), u32::from(self.block));
        let channels = u32::from(self.channels);
        let is_block_right = block >= channels * least.max(1) && block % channels == 0;
        let container = if is_block_right && (self.is_block_meant || least == 0) { block / channels } else { least };
        let pcm = |codec, bytes| Ok(Content::Blocks(Sound::pcm(codec, self.rate, self.speakers(), bytes, len)));
        match self.tag {
            1 => {
                let codec = integer(container, form == Form::Rifx).ok_or_else(refused)?;
                pcm(codec, container)
            }
            3 => match (container, form == Form::Rifx) {
                (4, false) => pcm(codec::CODEC_ID_PCM_F32LE, 4),
                (4, true) => pcm(codec::CODEC_ID_PCM_F32BE, 4),
                (8, false) => pcm(codec::CODEC_ID_PCM_F64LE, 8),
                (8, true) => pcm(codec::CODEC_ID_PCM_F64BE, 8),
                _ => Err(refused()),
            },
            6 => pcm(codec::CODEC_ID_PCM_ALAW, 1),
            7 => pcm(codec::CODEC_ID_PCM_MULAW, 1),
            2 if self.bits == 4 => self.adpcm(codec::CODEC_ID_ADPCM_MS, 7, 2, len, fact),
            0x11 if self.bits == 4 => self.adpcm(codec::CODEC_ID_ADPCM_IMA_WAV, 4, 1, len, fact),
            0x50 | 0x55 => Ok(Content::Mpeg(len)),
            _ => Err(refused()),
        }
    }

    /// ADPCM of 4 bits: a block begins with so many bytes for each channel, which hold so many frames.
    fn adpcm(
        &self,
        codec: AudioCodecId,
        head: u32,
        head_frames: u32,
        len: Option<u64>,
        fact: Option<u64>,
    ) -> Result<Content, HeadError> {
        let (block, channels) = (u32::from(self.block), u32::from(self.channels));
        if channels > 2 {
            return Err(HeadError::Codec(format!("{} of {channels} channels in WAV", codec_name(self.tag, self.bits))));
        }
        let Some(coded) = block.checked_sub(head * channels).filter(|_| head * channels > 0) else {
            return Err(HeadError::Damaged("its header gives blocks of no sensible length"));
        };
        let block_frames = |coded: u32| coded * 2 / channels + head_frames;
        let (mut len, mut frames) = (len, None);
        if let Some(bytes) = &mut len {
            // The last block may be cut where the sound ends.
            let rest = *bytes % u64::from(block);
            let mut last = u64::from(block_frames(coded));
            let mut coded_frames = *bytes / u64::from(block) * last;
            match u32::try_from(rest).unwrap_or(0).checked_sub(head * channels) {
                Some(rest) => {
                    last = u64::from(block_frames(rest));
                    coded_frames += last;
                }
                None => *bytes -= rest,
            }
            // A count that ends before the last block is wrong: libsndfile writes half of it in stereo.
            let before_last = coded_frames.saturating_sub(last);
            frames = Some(fact.filter(|fact| (before_last + 1..coded_frames).contains(fact)).unwrap_or(coded_frames));
        }
        let cut = Cut::Blocks { bytes: block, frames: block_frames(coded) };
        let channels = plain_channels(self.channels);
        let head = Some(head * u32::from(self.channels));
        Ok(Content::Blocks(Sound { codec, rate: self.rate, channels, extra: None, cut, head, len, delay: 0, frames }))
    }

    /// The speakers of the mask; where it names more or fewer than there are channels, it says nothing.
    fn speakers(&self) -> Channels {
        match self.mask.and_then(Position::from_wave_channel_mask) {
            Some(positions) if positions.bits().count_ones() == u32::from(self.channels) => {
                Channels::Positioned(positions)
            }
            _ => plain_channels(self.channels),
        }
    }
}

/// Integers of so many bytes. Those of one byte have no sign.
fn integer(bytes: u32, is_big_endian: bool) -> Option<AudioCodecId> {
    Some(match (bytes, is_big_endian) {
        (1, _) => codec::CODEC_ID_PCM_U8,
        (2, false) => codec::CODEC_ID_PCM_S16LE,
        (2, true) => codec::CODEC_ID_PCM_S16BE,
        (3, false) => codec::CODEC_ID_PCM_S24LE,
        (3, true) => codec::CODEC_ID_PCM_S24BE,
        (4, false) => codec::CODEC_ID_PCM_S32LE,
        (4, true) => codec::CODEC_ID_PCM_S32BE,
        _ => return None,
    })
}
