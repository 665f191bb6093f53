//! A file that codecs of the system decode, as the node takes files: named, in planes, with its head.

use std::borrow::Cow;
use std::io::SeekFrom;

use remotemedia_core::node::NodeError;
use remotemedia_core::value::{Audio, Layout, Map};
use symphonia::core::audio::{Channels, Position};

use super::codecs::{SystemCodecs, SystemDecoder, SystemError, SystemFormat, SystemSource};
use super::formats::{is_bare, stands_alone, system_formats};
use crate::audio::decode::chunker::{Format, MOST_CHUNK_BYTES};
use crate::audio::decode::container::{Container, Sniffed, sniff};
use crate::audio::decode::cut_off::is_cut_off;
use crate::audio::decode::demuxer::{Progress, Stop, unbroken};
use crate::audio::decode::failure;
use crate::audio::decode::info::{Head, add, container_name};
use crate::audio::decode::layout::layout_of;
use crate::audio::decode::matroska::Blocks;
use crate::audio::decode::matroska::order::OrderedElements;
use crate::audio::decode::ogg::links::FirstLink;
use crate::audio::decode::source::{Part, read_at};
use crate::audio::decode::tags::behind::without_tags;

/// An open file.
pub(in crate::audio::decode) struct SystemFile {
    name: String,
    container: Container,
    decoder: Box<dyn SystemDecoder>,
    /// What messages say that it holds.
    is: String,
    planes: Vec<Vec<f32>>,
    /// The first frames, which are decoded when the file is opened.
    first: Option<SystemFormat>,
    /// How much has been decoded.
    decoded_s: f64,
    /// Why what comes behind the last frames is no end.
    wrong_end: Option<NodeError>,
    /// Where the next link of a chain in Ogg begins.
    next_link: Option<u64>,
}

impl SystemFile {
    /// Opens a file and decodes its first frames. `name` is what messages call it.
    ///
    /// # Errors
    /// If it can't be opened, or has no frames of sound.
    pub(in crate::audio::decode) fn open(
        codecs: &dyn SystemCodecs,
        mut source: Box<dyn SystemSource>,
        container: Container,
        name: String,
    ) -> Result<Self, SystemError> {
        let formats = system_formats(container).ok_or(SystemError::NoAudio)?;
        let (mut is_cut_off, mut lost, mut track, mut next_link) = (is_cut_off(&mut source), None, None, None);
        let begins = match sniff(|place, len| read_at(&mut source, place, len), true) {
            Sniffed::Found(_, begins) | Sniffed::Needs(begins) => begins,
        };
        match container {
            Container::Matroska => {
                let len = source.seek(SeekFrom::End(0)).map_err(SystemError::Io)?;
                let blocks = Blocks::of_file(|place, len| read_at(&mut source, place, len), begins, len);
                (lost, track) = (blocks.lost(), blocks.wanted_sound());
            }
            Container::Ogg => {
                let link = FirstLink::of(source, begins).map_err(SystemError::Io)?;
                (is_cut_off, track, next_link) = (link.is_cut_off, Some(0), link.next);
                source = Box::new(link.source);
            }
            _ => {}
        }
        if let Some(lost) = lost {
            source = Box::new(Part::new(source, 0, lost.at).map_err(SystemError::Io)?);
        }
        if container == Container::Matroska {
            let len = source.seek(SeekFrom::End(0)).and_then(|len| source.rewind().map(|()| len));
            let blocks = Blocks::for_ffmpeg(begins);
            source = Box::new(OrderedElements::new(source, len.map_err(SystemError::Io)?, blocks));
        }
        source.rewind().map_err(SystemError::Io)?;
        if stands_alone(container) {
            source = Box::new(without_tags(source).map_err(SystemError::Io)?);
        }
        let mut decoder = codecs.open(source, formats, track)?;
        let is = format!("holds {}", decoder.head().codec);
        let mut planes = Vec::new();
        let first = decoder.next(&mut planes)?;
        if first.is_none() {
            return Err(SystemError::Damaged("it ends before its first frame of sound".to_owned()));
        }
        let wrong_end = match lost {
            Some(lost) => Some(failure::damaged(&name, &lost.to_string())),
            None => is_cut_off.then(|| failure::truncated(&name, 0, None)),
        };
        Ok(Self { name, container, decoder, is, planes, first, decoded_s: 0.0, wrong_end, next_link })
    }

    /// What messages call the file.
    pub(in crate::audio::decode) fn name(&self) -> &str {
        &self.name
    }

    /// The rate of the first frames, in Hz, before they were taken.
    pub(in crate::audio::decode) fn rate(&self) -> Option<u32> {
        self.first.map(|format| format.rate)
    }

    /// What the head of the file tells.
    pub(in crate::audio::decode) fn head(&self) -> Head {
        let head = self.decoder.head();
        let mut tags = Map::new();
        for (name, text) in &head.tags {
            if !text.trim().is_empty() && !NOTES.contains(&&**name) {
                add(&mut tags, name.to_lowercase(), text);
            }
        }
        // Of several names FFmpeg's own comes first, and Matroska's is the one that is usual here.
        let own = head.container.split(',').next().unwrap_or_default().to_owned();
        let container: Cow<'static, str> = match self.container {
            Container::Foreign(_) | Container::Unknown | Container::Mpeg => own.into(),
            known => container_name(known).into(),
        };
        // Of a chain only the first link is known.
        let duration_s = head.duration_s.filter(|_| !is_bare(&container) && self.next_link.is_none());
        Head { container, codec: head.codec.into(), duration_s, tags }
    }

    /// The planes of the last frames.
    pub(in crate::audio::decode) fn planes(&self) -> &[Vec<f32>] {
        &self.planes
    }

    /// Decodes the next frames. After a failure there are no next ones.
    ///
    /// # Errors
    /// If the file can't be read or decoded.
    pub(in crate::audio::decode) fn next(&mut self) -> Result<Progress, Stop> {
        let format = match self.first.take() {
            Some(format) => Some(format),
            None => {
                let (decoder, planes) = (&mut self.decoder, &mut self.planes);
                match unbroken(|| decoder.next(planes)) {
                    Ok(Ok(format)) => format,
                    Ok(Err(SystemError::Damaged(_))) if self.wrong_end.is_some() || self.is_whole() => None,
                    Ok(Err(error)) => {
                        return Err(self.failed(failure::of_system(&self.name, "FFmpeg", &self.is, error)));
                    }
                    Err(panic) => return Err(self.failed(failure::unexpected(&self.name, &panic))),
                }
            }
        };
        let Some(format) = format else {
            return match self.wrong_end.take() {
                Some(error) => Err(self.failed(error)),
                None => self.next_link.map_or(Ok(Progress::End), |place| Err(Stop::GoesOn(place))),
            };
        };
        let frames = self.planes.first().map_or(0, Vec::len);
        let is_even = self.planes.len() == format.channels && self.planes.iter().all(|plane| plane.len() == frames);
        let bytes = frames.saturating_mul(format.channels).saturating_mul(size_of::<f32>());
        if !is_even || format.rate == 0 || format.channels > Audio::MAX_CHANNELS || bytes > MOST_CHUNK_BYTES {
            return Err(self.failed(failure::damaged(&self.name, "a packet has a format that sound can't have")));
        }
        self.decoded_s += frames as f64 / f64::from(format.rate);
        Ok(Progress::Packet(Format { rate: format.rate, channels: format.channels, layout: layout(&format) }))
    }

    /// Whether all sound that the head of the file tells of has been decoded. What comes then is none, and no error: FFmpeg's
    /// readers of WavPack and Musepack take a tag of ID3v1 at the end for a damaged block.
    fn is_whole(&self) -> bool {
        // The length is rounded to microseconds.
        const ROUNDED_S: f64 = 1e-6;
        let head = self.head();
        // FFmpeg has no length of Musepack 8 that is shorter than a packet of it.
        let told_s = head.duration_s.or((head.container == "mpc8").then_some(0.0));
        told_s.is_some_and(|told_s| self.decoded_s >= told_s - ROUNDED_S)
    }

    fn failed(&mut self, error: NodeError) -> Stop {
        self.planes.iter_mut().for_each(Vec::clear);
        Stop::Failed(error)
    }
}

/// What FFmpeg has among the tags and is none: notes of the container for players.
const NOTES: [&str; 5] = ["compatible_brands", "handler_name", "major_brand", "minor_version", "vendor_id"];

/// The name of the layout that the mask has.
fn layout(format: &SystemFormat) -> Layout {
    let positions = Position::from_bits(format.mask);
    match positions {
        Some(positions) if format.mask.count_ones() as usize == format.channels => {
            layout_of(&Channels::Positioned(positions))
        }
        _ => Layout::for_channels(format.channels),
    }
}
