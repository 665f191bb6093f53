//! The header of a Core Audio Format file (Apple, "Core Audio Format Specification 1.0", 2005).

use std::io::{self, Seek, SeekFrom};

use symphonia::core::audio::{ChannelLabel, Channels, Position};
use symphonia::core::codecs::audio::well_known as codec;
use symphonia::core::io::{MediaSourceStream, ReadBytes};

use super::aiff::{big_endian, little_endian};
use super::blocks::{Cut, HeadError, Sound, plain_channels};
use super::wave::Content;

const MOST_CHUNKS: usize = 100_000;
/// The longest table of packets and the longest description for a decoder that are read.
const MOST_TABLE: u64 = 16 << 20;
const MOST_COOKIE: u64 = 1 << 20;

/// Bytes that tell whether a file can be decoded while it arrives.
pub(in crate::audio::decode) const DESCRIPTION_LEN: usize = 52;

/// Whether these first bytes are of a file of PCM, for which nothing that follows on the sound matters.
pub(in crate::audio::decode) fn is_streamable(first: &[u8]) -> bool {
    // The file's header of 8 bytes, that of the chunk of 12, and 20 before the frames of a packet.
    first.get(8..12) == Some(b"desc") && first.get(40..44) == Some(&[0, 0, 0, 1])
}

/// The content of the chunk `desc`.
struct Description {
    rate: u32,
    kind: [u8; 4],
    flags: u32,
    packet_bytes: u32,
    packet_frames: u32,
    channels: u16,
    bits: u32,
}

/// The content of the chunk `pakt`.
#[derive(Default)]
struct Table {
    packets: Vec<(u32, u32)>,
    valid_frames: u64,
    priming: u32,
}

/// Reads up to the first byte of the sound.
///
/// # Errors
/// If the header ends, contradicts itself, or names a codec that can't be decoded.
pub(in crate::audio::decode) fn read_head(reader: &mut MediaSourceStream<'static>) -> Result<Content, HeadError> {
    reader.ignore_bytes(8)?;
    let (mut description, mut table, mut cookie, mut layout, mut data) = (None, None, None, None, None);
    for _ in 0..MOST_CHUNKS {
        let (id, len) = match chunk(reader) {
            Ok(chunk) => chunk,
            Err(_) if data.is_some() => break,
            Err(error) => return Err(error.into()),
        };
        let Ok(known) = u64::try_from(len) else {
            if &id == b"data" {
                reader.ignore_bytes(4)?;
                data = Some((reader.pos(), None));
                break;
            }
            return Err(HeadError::Damaged("a chunk has a negative length"));
        };
        let content = |reader: &mut MediaSourceStream<'static>, most: u64| {
            if known > most {
                return Err(HeadError::Damaged("a chunk of its header is longer than can be"));
            }
            read_exactly(reader, known as usize).map_err(HeadError::from)
        };
        match &id {
            b"desc" => description = Some(Description::read(&content(reader, MOST_COOKIE)?)?),
            b"pakt" => {
                let of = description.as_ref().ok_or(HeadError::Damaged("its packets come before its description"))?;
                table = Some(Table::read(&content(reader, MOST_TABLE)?, of));
            }
            b"kuki" => cookie = Some(content(reader, MOST_COOKIE)?),
            b"chan" => layout = content(reader, MOST_COOKIE)?.first_chunk::<8>().copied(),
            b"data" => {
                reader.ignore_bytes(4)?;
                data = Some((reader.pos(), known.checked_sub(4)));
                let is_all = description.as_ref().is_some_and(|of| of.packet_frames == 1);
                if is_all {
                    break;
                }
                reader.ignore_bytes(known.saturating_sub(4))?;
            }
            _ => reader.ignore_bytes(known)?,
        }
    }
    let description = description.ok_or(HeadError::Damaged("it has no chunk that describes its sound"))?;
    let (place, len) = data.ok_or(HeadError::Damaged("it has no chunk that holds its sound"))?;
    if reader.pos() != place {
        reader.seek(SeekFrom::Start(place))?;
    }
    description.content(table, cookie, layout, len)
}

fn chunk(reader: &mut MediaSourceStream<'static>) -> io::Result<([u8; 4], i64)> {
    Ok((reader.read_quad_bytes()?, reader.read_be_i64()?))
}

/// So many bytes, for which memory is taken as they come.
fn read_exactly(reader: &mut MediaSourceStream<'static>, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while bytes.len() < len {
        let start = bytes.len();
        bytes.resize(len.min(start + (1 << 16)), 0);
        reader.read_buf_exact(&mut bytes[start..])?;
    }
    Ok(bytes)
}

impl Description {
    fn read(content: &[u8]) -> Result<Self, HeadError> {
        let long = |place: usize| {
            content.get(place..place + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes)
        };
        let all = || {
            let rate = f64::from_be_bytes(content.get(..8)?.try_into().ok()?);
            Some(Self {
                rate: if (1.0..=1e9).contains(&rate) { rate.round() as u32 } else { 0 },
                kind: content.get(8..12)?.try_into().ok()?,
                flags: long(12)?,
                packet_bytes: long(16)?,
                packet_frames: long(20)?,
                channels: u16::try_from(long(24)?).ok()?,
                bits: long(28)?,
            })
        };
        all().ok_or(HeadError::Damaged("its description is too short or of more than 65535 channels"))
    }

    fn content(
        self,
        table: Option<Table>,
        cookie: Option<Vec<u8>>,
        layout: Option<[u8; 8]>,
        len: Option<u64>,
    ) -> Result<Content, HeadError> {
        let refused = || HeadError::Codec(format!("{} in CAF", self.codec_name()));
        let channels = channels_of(self.channels, layout);
        if self.channels == 0 {
            return Err(HeadError::Damaged("its header gives no channels"));
        }
        let blocks = |codec, bytes| Ok(Content::Blocks(Sound::pcm(codec, self.rate, channels.clone(), bytes, len)));
        let packets = |codec, extra: Option<Vec<u8>>| {
            let table = table.as_ref();
            let packets = table.map(|table| table.packets.clone()).unwrap_or_default();
            if packets.is_empty() {
                return Err(HeadError::Damaged("it has no table of its packets"));
            }
            Ok(Content::Blocks(Sound {
                codec,
                rate: self.rate,
                channels: channels.clone(),
                extra: extra.map(Vec::into_boxed_slice),
                cut: Cut::Packets(packets),
                head: None,
                len,
                delay: table.map_or(0, |table| table.priming),
                frames: table.map(|table| table.valid_frames),
            }))
        };
        match &self.kind {
            b"lpcm" => {
                let bytes = self.packet_bytes / u32::from(self.channels);
                let (is_float, is_little) = (self.flags & 1 != 0, self.flags & 2 != 0);
                match (is_float, bytes, is_little) {
                    (true, 4, false) => blocks(codec::CODEC_ID_PCM_F32BE, 4),
                    (true, 4, true) => blocks(codec::CODEC_ID_PCM_F32LE, 4),
                    (true, 8, false) => blocks(codec::CODEC_ID_PCM_F64BE, 8),
                    (true, 8, true) => blocks(codec::CODEC_ID_PCM_F64LE, 8),
                    (true, ..) => Err(refused()),
                    (false, _, true) => blocks(little_endian(bytes).ok_or_else(refused)?, bytes),
                    (false, _, false) => blocks(big_endian(bytes).ok_or_else(refused)?, bytes),
                }
            }
            b"ulaw" => blocks(codec::CODEC_ID_PCM_MULAW, 1),
            b"alaw" => blocks(codec::CODEC_ID_PCM_ALAW, 1),
            b"ima4" if self.channels <= 2 => {
                let bytes = 34 * u32::from(self.channels);
                Ok(Content::Blocks(Sound {
                    codec: codec::CODEC_ID_ADPCM_IMA_QT,
                    rate: self.rate,
                    channels: channels.clone(),
                    extra: None,
                    cut: Cut::Blocks { bytes, frames: 64 },
                    head: None,
                    len: len.map(|len| len / u64::from(bytes) * u64::from(bytes)),
                    delay: 0,
                    frames: table.map(|table| table.valid_frames).filter(|frames| *frames > 0),
                }))
            }
            b".mp1" | b".mp2" | b".mp3" => Ok(Content::Mpeg(len)),
            b"alac" => packets(codec::CODEC_ID_ALAC, cookie.map(alac_config)),
            b"aac " => {
                let config = cookie.as_deref().and_then(decoder_config).ok_or_else(refused)?;
                packets(codec::CODEC_ID_AAC, Some(config.to_vec()))
            }
            _ => Err(refused()),
        }
    }

    fn codec_name(&self) -> String {
        match &self.kind {
            b"lpcm" if self.flags & 1 != 0 => format!("floats of {} bits", self.bits),
            b"lpcm" => format!("PCM of {} bits", self.bits),
            b"ima4" => format!("IMA ADPCM of {} channels", self.channels),
            b"MAC3" => "MACE 3:1".to_owned(),
            b"MAC6" => "MACE 6:1".to_owned(),
            b"aac " => "AAC without its description".to_owned(),
            b"aach" => "HE-AAC".to_owned(),
            b"aacp" => "HE-AAC v2".to_owned(),
            b"aacl" => "AAC-LD".to_owned(),
            b"aace" => "AAC-ELD".to_owned(),
            b"opus" => "Opus".to_owned(),
            b"flac" => "FLAC".to_owned(),
            b"QDMC" => "QDesign Music".to_owned(),
            b"QDM2" => "QDesign Music 2".to_owned(),
            b"Qclp" => "Qualcomm PureVoice".to_owned(),
            b"samr" => "AMR".to_owned(),
            b"ilbc" => "iLBC".to_owned(),
            b"ms\0\x02" => "Microsoft ADPCM".to_owned(),
            b"ms\0\x11" => "IMA ADPCM".to_owned(),
            b"ms\0\x31" | b"agsm" => "GSM 6.10".to_owned(),
            b"ac-3" => "AC-3".to_owned(),
            kind => format!("the codec \"{}\"", kind.escape_ascii()),
        }
    }
}

impl Table {
    /// Reads as many packets as are there.
    fn read(content: &[u8], of: &Description) -> Self {
        let Some(head) = content.first_chunk::<24>() else { return Self::default() };
        let long = |place: usize| head[place..place + 8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let short = |place: usize| head[place..place + 4].iter().fold(0, |number, byte| number << 8 | u32::from(*byte));
        let mut table = Self { packets: Vec::new(), valid_frames: long(8), priming: short(16) };
        let mut rest = &content[24..];
        let mut next = |fixed: u32| if fixed > 0 { Some(fixed) } else { number(&mut rest) };
        let count = if of.packet_bytes > 0 && of.packet_frames > 0 { 0 } else { long(0) };
        for _ in 0..count {
            let (Some(bytes), Some(frames)) = (next(of.packet_bytes), next(of.packet_frames)) else { break };
            table.packets.push((bytes, frames));
        }
        table
    }
}

/// A number of seven bits in each byte, of which all but the last have the upper bit set.
fn number(rest: &mut &[u8]) -> Option<u32> {
    let mut number = 0u32;
    loop {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        number = number.checked_mul(128)? | u32::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
}

/// The channels of a layout of Core Audio, by its tag and its bitmap, in the order of the file: those of layouts that have a
/// name; the others are just channels.
pub(in crate::audio::decode) fn channels_of(count: u16, layout: Option<[u8; 8]>) -> Channels {
    const BITMAP: u32 = 1 << 16;
    if count <= 2 {
        return plain_channels(count);
    }
    let (tag, mask) = layout.map_or((0, 0), |[a, b, c, d, e, f, g, h]| {
        (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]))
    });
    let by_mask = Position::from_wave_channel_mask(mask).filter(|_| tag == BITMAP).map(Channels::Positioned);
    by_mask
        .or_else(|| in_order(tag))
        .filter(|channels| channels.count() == usize::from(count))
        .unwrap_or(Channels::Discrete(count))
}

/// The channels of a tag, which gives the number of its layout and that of its channels.
fn in_order(tag: u32) -> Option<Channels> {
    let (_, positions) = ORDERS.iter().find(|(number, of)| number << 16 | of.len() as u32 == tag)?;
    let labels: Vec<ChannelLabel> = positions.iter().map(|position| ChannelLabel::Positioned(*position)).collect();
    Some(labels.into())
}

/// The layouts of Apple's `CoreAudioBaseTypes.h` that have a name here, each with the order of its channels. Where only one
/// pair of them is not in front, it is that at the back.
const ORDERS: [(u32, &[Position]); 28] = {
    const L: Position = Position::FRONT_LEFT;
    const R: Position = Position::FRONT_RIGHT;
    const C: Position = Position::FRONT_CENTER;
    const LOW: Position = Position::LFE1;
    const BL: Position = Position::REAR_LEFT;
    const BR: Position = Position::REAR_RIGHT;
    const BC: Position = Position::REAR_CENTER;
    const SL: Position = Position::SIDE_LEFT;
    const SR: Position = Position::SIDE_RIGHT;
    [
        (108, &[L, R, BL, BR]),
        (109, &[L, R, BL, BR, C]),
        (113, &[L, R, C]),
        (114, &[C, L, R]),
        (115, &[L, R, C, BC]),
        (116, &[C, L, R, BC]),
        (117, &[L, R, C, BL, BR]),
        (118, &[L, R, BL, BR, C]),
        (119, &[L, C, R, BL, BR]),
        (120, &[C, L, R, BL, BR]),
        (121, &[L, R, C, LOW, BL, BR]),
        (122, &[L, R, BL, BR, C, LOW]),
        (123, &[L, C, R, BL, BR, LOW]),
        (124, &[C, L, R, BL, BR, LOW]),
        (125, &[L, R, C, LOW, SL, SR, BC]),
        (128, &[L, R, C, LOW, SL, SR, BL, BR]),
        (131, &[L, R, BC]),
        (132, &[L, R, BL, BR]),
        (133, &[L, R, LOW]),
        (136, &[L, R, C, LOW]),
        (140, &[L, R, SL, SR, C, BL, BR]),
        (142, &[C, L, R, SL, SR, BC, LOW]),
        (143, &[C, L, R, SL, SR, BL, BR]),
        (185, &[L, R, BL, BR]),
        (186, &[L, R, C, BL, BR]),
        (187, &[L, R, C, LOW, BL, BR]),
        (188, &[L, R, C, LOW, BC, SL, SR]),
        (189, &[L, R, C, LOW, BL, BR, SL, SR]),
    ]
};

/// What the decoder of ALAC takes: old files wrap it in the atoms `frma` and `alac`.
fn alac_config(cookie: Vec<u8>) -> Vec<u8> {
    if cookie.get(4..12) == Some(b"frmaalac") { cookie.get(24..).unwrap_or_default().to_vec() } else { cookie }
}

/// The configuration of the decoder in an elementary stream descriptor (ISO/IEC 14496-1, 7.2.6).
fn decoder_config(mut descriptor: &[u8]) -> Option<&[u8]> {
    const STREAM: u8 = 3;
    const DECODER: u8 = 4;
    const SPECIFIC: u8 = 5;
    loop {
        let (tag, mut rest) = descriptor.split_first()?;
        let len = number(&mut rest)? as usize;
        descriptor = match *tag {
            STREAM => rest.get(3..)?,
            DECODER => rest.get(13..)?,
            SPECIFIC => return rest.get(..len),
            _ => rest.get(len..)?,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_several_bytes() {
        for (bytes, expected) in [
            (&b"\x05"[..], Some(5)),
            (b"\x81\x00", Some(128)),
            (b"\x8f\xff\xff\xff\x7f", Some(u32::MAX)),
            (b"\xff\xff\xff\xff\x7f", None),
            (b"\x80", None),
        ] {
            assert_eq!(number(&mut &bytes[..]), expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_configuration_lies_within_descriptors() {
        let descriptor = [&b"\x03\x19\0\0\0\x04\x11"[..], &[0x40; 13], b"\x05\x02\x12\x10\x06\x01\x02"].concat();
        assert_eq!(decoder_config(&descriptor), Some(&b"\x12\x10"[..]));
        assert_eq!(decoder_config(b"\x03\x19\0"), None);
    }
}
