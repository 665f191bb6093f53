//! The headers of AIFF and AIFF-C (Apple, "Audio Interchange File Format 1.3", 1989, and the draft of AIFF-C, 1991), and
//! of Sun audio (RFC draft "The AU Audio File Format").

use std::io::{Seek, SeekFrom};

use symphonia::core::codecs::audio::AudioCodecId;
use symphonia::core::codecs::audio::well_known as codec;
use symphonia::core::io::{MediaSourceStream, ReadBytes};

use super::blocks::{Cut, HeadError, Sound, plain_channels};
use super::caf::channels_of;

const MOST_CHUNKS: usize = 100_000;
/// The longest chunk `COMM` that is read: its name of the codec has up to 255 letters.
const MOST_COMMON: u64 = 1024;
/// The tag and the bitmap of a layout of Core Audio in the chunk `CHAN`.
const LAYOUT: u64 = 8;

/// The content of the chunk `COMM`.
struct Common {
    channels: u16,
    frames: u32,
    bits: u16,
    rate: u32,
    kind: [u8; 4],
}

/// Whether an AIFF file can be read while it arrives: its description comes before its sound. `None` while that is not
/// told by what is there. `read` gives up to so many bytes of a place.
pub(in crate::audio::decode) fn is_streamable(mut read: impl FnMut(u64, usize) -> Vec<u8>) -> Option<bool> {
    let mut place = 12;
    for _ in 0..MOST_CHUNKS {
        let header: [u8; 8] = read(place, 8).try_into().ok()?;
        let [id @ .., a, b, c, d] = header;
        match &id {
            b"COMM" => return Some(true),
            b"SSND" => return Some(false),
            _ => place += 8 + u64::from(u32::from_be_bytes([a, b, c, d])).next_multiple_of(2),
        }
    }
    Some(true)
}

/// Reads an AIFF file up to the first byte of its sound. `file_len` is its length, where it is known.
///
/// # Errors
/// If the header ends, contradicts itself, or names a codec that can't be decoded.
pub(in crate::audio::decode) fn read_head(
    reader: &mut MediaSourceStream<'static>,
    file_len: Option<u64>,
) -> Result<Sound, HeadError> {
    reader.ignore_bytes(8)?;
    let is_compressed = reader.read_quad_bytes()? == *b"AIFC";
    let (mut common, mut sound, mut layout) = (None, None, None);
    for _ in 0..MOST_CHUNKS {
        let id = match reader.read_quad_bytes() {
            Ok(id) => id,
            // The description may follow on the sound; else there is none.
            Err(_) if sound.is_some() => break,
            Err(error) => return Err(error.into()),
        };
        let len = u64::from(reader.read_be_u32()?);
        let mut read = 0;
        match &id {
            b"COMM" => {
                read = len.min(MOST_COMMON);
                common = Some(Common::read(&reader.read_boxed_slice_exact(read as usize)?, is_compressed)?);
            }
            b"CHAN" => {
                read = len.min(LAYOUT);
                layout = reader.read_boxed_slice_exact(read as usize)?.first_chunk::<8>().copied();
            }
            b"SSND" => {
                let offset = u64::from(reader.read_be_u32()?);
                reader.read_be_u32()?;
                let place = reader.pos().saturating_add(offset);
                let there = len.checked_sub(8 + offset).filter(|_| len > 0);
                if common.is_some() {
                    reader.ignore_bytes(offset)?;
                    sound = Some((place, there));
                    break;
                }
                sound = Some((place, there));
                read = 8;
            }
            _ => {}
        }
        if let (Some(_), Some((place, _))) = (&common, &sound) {
            // The description came last: back to the sound.
            reader.seek(SeekFrom::Start(*place))?;
            break;
        }
        reader.ignore_bytes(len.next_multiple_of(2).saturating_sub(read))?;
    }
    let common = common.ok_or(HeadError::Damaged("it has no chunk COMM, which says what its sound is"))?;
    let (_, len) = sound.ok_or(HeadError::Damaged("it has no chunk SSND, which holds its sound"))?;
    let left = file_len.map(|end| end.saturating_sub(reader.pos()));
    common.sound(len, left, layout)
}

impl Common {
    fn read(content: &[u8], is_compressed: bool) -> Result<Self, HeadError> {
        let short = || HeadError::Damaged("its chunk COMM is too short");
        let word = |place: usize| {
            content.get(place..place + 2).and_then(|bytes| bytes.try_into().ok()).map(u16::from_be_bytes)
        };
        let frames = content.get(2..6).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
        let rate = content.get(8..18).and_then(extended).ok_or_else(short)?;
        let kind = if is_compressed {
            content.get(18..22).and_then(|kind| kind.try_into().ok()).ok_or_else(short)?
        } else {
            *b"NONE"
        };
        Ok(Self {
            channels: word(0).ok_or_else(short)?,
            frames: frames.ok_or_else(short)?,
            bits: word(6).ok_or_else(short)?,
            rate,
            kind,
        })
    }

    fn sound(&self, len: Option<u64>, file: Option<u64>, layout: Option<[u8; 8]>) -> Result<Sound, HeadError> {
        if self.channels == 0 {
            return Err(HeadError::Damaged("its header gives no channels"));
        }
        let bytes = u32::from(self.bits.div_ceil(8));
        let refused = || HeadError::Codec(format!("{} in AIFF", self.codec_name()));
        let (codec, bytes) = match &self.kind {
            b"NONE" | b"twos" => (big_endian(bytes).ok_or_else(refused)?, bytes),
            b"sowt" => (little_endian(bytes).ok_or_else(refused)?, bytes),
            b"in24" => (codec::CODEC_ID_PCM_S24BE, 3),
            b"42ni" => (codec::CODEC_ID_PCM_S24LE, 3),
            b"in32" => (codec::CODEC_ID_PCM_S32BE, 4),
            b"23ni" => (codec::CODEC_ID_PCM_S32LE, 4),
            b"raw " => (codec::CODEC_ID_PCM_U8, 1),
            b"fl32" | b"FL32" => (codec::CODEC_ID_PCM_F32BE, 4),
            b"fl64" | b"FL64" => (codec::CODEC_ID_PCM_F64BE, 8),
            b"alaw" | b"ALAW" => (codec::CODEC_ID_PCM_ALAW, 1),
            b"ulaw" | b"ULAW" => (codec::CODEC_ID_PCM_MULAW, 1),
            b"ima4" => return self.ima4(len, file),
            _ => return Err(refused()),
        };
        let described = u64::from(bytes) * u64::from(self.channels) * u64::from(self.frames);
        let len = len.map(|len| if self.frames > 0 { len.min(described) } else { len });
        Ok(Sound::pcm(codec, self.rate, channels_of(self.channels, layout), bytes, written_len(len, file)))
    }

    /// Apple's ADPCM: for each channel packets of 34 bytes that hold 64 frames. The description counts packets, libsndfile half
    /// of them in stereo; only the chunk tells how many there are.
    fn ima4(&self, len: Option<u64>, file: Option<u64>) -> Result<Sound, HeadError> {
        if self.channels > 2 {
            return Err(HeadError::Codec(format!("IMA ADPCM of {} channels in AIFF", self.channels)));
        }
        let bytes = 34 * u32::from(self.channels);
        Ok(Sound {
            codec: codec::CODEC_ID_ADPCM_IMA_QT,
            rate: self.rate,
            channels: plain_channels(self.channels),
            extra: None,
            cut: Cut::Blocks { bytes, frames: 64 },
            head: None,
            len: written_len(len, file).map(|len| len / u64::from(bytes) * u64::from(bytes)),
            delay: 0,
            frames: None,
        })
    }

    fn codec_name(&self) -> String {
        match &self.kind {
            b"NONE" | b"twos" | b"sowt" => format!("PCM of {} bits", self.bits),
            b"MAC3" => "MACE 3:1".to_owned(),
            b"MAC6" => "MACE 6:1".to_owned(),
            b"QDMC" => "QDesign Music".to_owned(),
            b"QDM2" => "QDesign Music 2".to_owned(),
            b"Qclp" => "Qualcomm PureVoice".to_owned(),
            b"GSM " | b"agsm" => "GSM 6.10".to_owned(),
            b"G722" => "G.722".to_owned(),
            b"G726" => "G.726 ADPCM".to_owned(),
            b"G728" => "G.728 CELP".to_owned(),
            kind => format!("the codec \"{}\"", kind.escape_ascii()),
        }
    }
}

/// The bytes of the sound by its header; nothing where a program wrote into a pipe, which leaves them 0 or near 2^31. `file` is
/// how many there are in the file, where that is known.
fn written_len(len: Option<u64>, file: Option<u64>) -> Option<u64> {
    const PLACEHOLDER: u64 = 0x7e00_0000;
    len.filter(|len| *len < PLACEHOLDER || file.is_some_and(|file| file >= *len))
}

/// Integers of so many bytes, most significant first.
pub(super) fn big_endian(bytes: u32) -> Option<AudioCodecId> {
    [codec::CODEC_ID_PCM_S8, codec::CODEC_ID_PCM_S16BE, codec::CODEC_ID_PCM_S24BE, codec::CODEC_ID_PCM_S32BE]
        .get(usize::try_from(bytes).ok()?.checked_sub(1)?)
        .copied()
}

/// Integers of so many bytes, least significant first.
pub(super) fn little_endian(bytes: u32) -> Option<AudioCodecId> {
    [codec::CODEC_ID_PCM_S8, codec::CODEC_ID_PCM_S16LE, codec::CODEC_ID_PCM_S24LE, codec::CODEC_ID_PCM_S32LE]
        .get(usize::try_from(bytes).ok()?.checked_sub(1)?)
        .copied()
}

/// A rate as a number of 80 bits (IEEE 754, extended): sign and exponent, then a mantissa with its first bit.
fn extended(bytes: &[u8]) -> Option<u32> {
    let exponent = i32::from(u16::from_be_bytes([*bytes.first()?, *bytes.get(1)?]) & 0x7fff) - 16_383;
    let mantissa = u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?);
    match exponent {
        0..=31 => u32::try_from(((mantissa >> (62 - exponent)) + 1) >> 1).ok(),
        _ => Some(0),
    }
}

/// Reads a file of Sun audio up to the first byte of its sound.
///
/// # Errors
/// If the header ends, contradicts itself, or names a codec that can't be decoded.
pub(in crate::audio::decode) fn read_sun_head(reader: &mut MediaSourceStream<'static>) -> Result<Sound, HeadError> {
    reader.ignore_bytes(4)?;
    let place = reader.read_be_u32()?;
    let len = reader.read_be_u32()?;
    let encoding = reader.read_be_u32()?;
    let rate = reader.read_be_u32()?;
    let channels = reader.read_be_u32()?;
    let Some(more) = place.checked_sub(24) else {
        return Err(HeadError::Damaged("its sound begins within its header"));
    };
    reader.ignore_bytes(u64::from(more))?;
    let (codec, bytes) = match encoding {
        1 => (codec::CODEC_ID_PCM_MULAW, 1),
        2 => (codec::CODEC_ID_PCM_S8, 1),
        3 => (codec::CODEC_ID_PCM_S16BE, 2),
        4 => (codec::CODEC_ID_PCM_S24BE, 3),
        5 => (codec::CODEC_ID_PCM_S32BE, 4),
        6 => (codec::CODEC_ID_PCM_F32BE, 4),
        7 => (codec::CODEC_ID_PCM_F64BE, 8),
        27 => (codec::CODEC_ID_PCM_ALAW, 1),
        other => return Err(HeadError::Codec(format!("{} in Sun audio", sun_codec_name(other)))),
    };
    let channels =
        u16::try_from(channels).map_err(|_| HeadError::Damaged("its header gives more than 65535 channels"))?;
    Ok(Sound::pcm(
        codec,
        rate,
        plain_channels(channels),
        bytes,
        (len != u32::MAX && len != 0).then_some(u64::from(len)),
    ))
}

fn sun_codec_name(encoding: u32) -> String {
    match encoding {
        23 => "G.721 ADPCM".to_owned(),
        24 => "G.722".to_owned(),
        25 | 26 => "G.723 ADPCM".to_owned(),
        other => format!("the codec {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_of_80_bits() {
        for (bytes, rate) in [
            (b"\x40\x0e\xac\x44\0\0\0\0\0\0", 44_100),
            (b"\x40\x0b\xfa\0\0\0\0\0\0\0", 8000),
            (b"\x40\x0d\xad\xdd\x17\x45\xd1\x74\x5d\x17", 22_255),
            (b"\x40\x0e\xbb\x80\0\0\0\0\0\0", 48_000),
            (b"\x40\x10\xbb\x80\0\0\0\0\0\0", 192_000),
            (b"\0\0\0\0\0\0\0\0\0\0", 0),
        ] {
            assert_eq!(extended(bytes), Some(rate));
        }
    }
}
