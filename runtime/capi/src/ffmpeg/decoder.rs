//! A file that FFmpeg decodes: packets of the demuxer go to a decoder, and frames of floats come out.

use std::ffi::c_int;
use std::ptr::null;

use remotemedia_nodes::audio::{SystemDecoder, SystemError, SystemFormat, SystemHead, SystemSource};

use super::demuxer::{Demuxer, Options, explained};
use super::functions::{ERROR_AGAIN, ERROR_EOF, ERROR_MEMORY, Object};
use super::layout::{Channels, channel_layout, field, packet};
use super::library::Library;
use super::log::quietly;
use super::pause::silence;
use super::samples;

/// Packets at the start of a file that may not decode, since a recording may begin in the middle of a stream.
const MOST_UNHEARD: u32 = 16;
/// The most channels of sound.
const MOST_CHANNELS: i32 = 1024;

/// A file and its decoder. The parts are freed in the order of the fields.
pub(super) struct Decoder {
    codec: Owned,
    packet: Owned,
    frame: Owned,
    demuxer: Closing,
    /// The name of the codec.
    name: String,
    library: &'static Library,
    /// Whether the decoder was told that no packet follows.
    is_ending: bool,
    has_sounded: bool,
    unheard: u32,
}

// SAFETY: FFmpeg's objects may be used by any thread, one at a time, which `&mut self` grants; the reader inside may be sent.
unsafe impl Send for Decoder {}

/// An object of FFmpeg, and how it is freed.
struct Owned(Object, unsafe extern "C" fn(*mut Object));

impl Owned {
    fn new(object: Object, free: unsafe extern "C" fn(*mut Object)) -> Result<Self, SystemError> {
        if object.is_null() { Err(explained(ERROR_MEMORY)) } else { Ok(Self(object, free)) }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: made by FFmpeg for this function, and nobody else has it.
        quietly(|| unsafe { (self.1)(&raw mut self.0) });
    }
}

/// A demuxer that is closed without a word.
struct Closing(Option<Demuxer>);

impl Drop for Closing {
    fn drop(&mut self) {
        quietly(|| drop(self.0.take()));
    }
}

impl Decoder {
    /// Opens a file of one of these formats; `track` is counted from 0 among those of audio.
    ///
    /// # Errors
    /// If it can't be opened, or there is no decoder for what it holds.
    pub(super) fn open(
        library: &'static Library,
        source: Box<dyn SystemSource>,
        formats: &str,
        track: Option<usize>,
    ) -> Result<Self, SystemError> {
        quietly(|| {
            let functions = &library.functions;
            let (demuxer, decoder) = Demuxer::open(library, source, formats, track)?;
            // SAFETY: an AVCodec of the library, and functions that allocate or return NULL.
            let (codec, packet, frame) = unsafe {
                (
                    Owned::new((functions.avcodec_alloc_context3)(decoder), functions.avcodec_free_context)?,
                    Owned::new((functions.av_packet_alloc)(), functions.av_packet_free)?,
                    Owned::new((functions.av_frame_alloc)(), functions.av_frame_free)?,
                )
            };
            // One thread, so that nothing outlives a call, and errors that checksums show.
            let mut options = Options::new(functions, &[(c"threads", c"1"), (c"err_detect", c"crccheck+explode")]);
            // SAFETY: the context was made for this decoder, and the parameters are those of its track.
            let opened = unsafe {
                match (functions.avcodec_parameters_to_context)(codec.0, demuxer.parameters()) {
                    copied if copied < 0 => copied,
                    _ => (functions.avcodec_open2)(codec.0, decoder, options.place()),
                }
            };
            if opened < 0 {
                return Err(explained(opened));
            }
            let name = demuxer.codec();
            let demuxer = Closing(Some(demuxer));
            Ok(Self { codec, packet, frame, demuxer, name, library, is_ending: false, has_sounded: false, unheard: 0 })
        })
    }

    /// Gives the decoder its next packet, or the news that there is none. A pause is not for it: then the answer is how many
    /// frames of silence that is, and their rate.
    fn feed(&mut self) -> Result<Option<(usize, u32)>, SystemError> {
        let functions = &self.library.functions;
        let Some(demuxer) = &mut self.demuxer.0 else { return Ok(None) };
        let is_there = demuxer.read(self.packet.0)?;
        self.is_ending = !is_there;
        let pause = silence(&self.name, self.content());
        if pause.is_some() {
            // SAFETY: the packet is ours, and is empty after that.
            unsafe { (functions.av_packet_unref)(self.packet.0) };
            return Ok(pause);
        }
        let packet = if is_there { self.packet.0.cast_const() } else { null() };
        // SAFETY: the decoder is open; a packet that was read, or NULL for the end.
        let sent = unsafe {
            let sent = (functions.avcodec_send_packet)(self.codec.0, packet);
            (functions.av_packet_unref)(self.packet.0);
            sent
        };
        self.excused(sent).map(|()| None)
    }

    /// The bytes of the packet; none where there is no packet.
    fn content(&self) -> &[u8] {
        let packet = self.packet.0;
        // SAFETY: an AVPacket has so many bytes at its place, and NULL where it is empty. Who reads another one needs `self`.
        unsafe {
            let (data, len): (*const u8, c_int) = (field(packet, packet::DATA), field(packet, packet::SIZE));
            if data.is_null() { &[] } else { std::slice::from_raw_parts(data, usize::try_from(len).unwrap_or(0)) }
        }
    }

    /// An error of decoding, unless it is one of those that the first packets may have.
    fn excused(&mut self, result: c_int) -> Result<(), SystemError> {
        if result >= 0 || result == ERROR_AGAIN || result == ERROR_EOF {
            return Ok(());
        }
        self.unheard += 1;
        if self.has_sounded || self.unheard > MOST_UNHEARD || self.is_ending {
            return Err(SystemError::Damaged("a packet of it can't be decoded".to_owned()));
        }
        Ok(())
    }

    /// The end of the file, unless all that there was could not be decoded.
    fn ended(&self) -> Result<Option<SystemFormat>, SystemError> {
        match self.has_sounded || self.unheard == 0 {
            true => Ok(None),
            false => Err(SystemError::Damaged("no packet of it can be decoded".to_owned())),
        }
    }

    /// The format of the frame that was just decoded; `None` if it can't be one.
    fn format(&self) -> Option<SystemFormat> {
        let frame = self.frame.0.cast_const();
        // SAFETY: an AVFrame, whose fields lie at these places in this version.
        let (rate, count, mask) = unsafe {
            let (count, mask) = match self.library.layout.channels {
                Channels::Apart { count, mask } => (field::<i32>(frame, count), field::<u64>(frame, mask)),
                Channels::Together(place) => {
                    let has_mask = field::<i32>(frame, place + channel_layout::ORDER) == channel_layout::OF_MASK;
                    let mask = if has_mask { field(frame, place + channel_layout::MASK) } else { 0 };
                    (field(frame, place + channel_layout::COUNT), mask)
                }
            };
            (field::<i32>(frame, self.library.layout.frame_rate), count, mask)
        };
        let is_possible = rate > 0 && (1..=MOST_CHANNELS).contains(&count);
        is_possible.then(|| SystemFormat { rate: rate.unsigned_abs(), channels: count.unsigned_abs() as usize, mask })
    }
}

impl SystemDecoder for Decoder {
    fn head(&self) -> SystemHead {
        self.demuxer.0.as_ref().map(Demuxer::head).unwrap_or_default()
    }

    fn next(&mut self, planes: &mut Vec<Vec<f32>>) -> Result<Option<SystemFormat>, SystemError> {
        quietly(|| {
            loop {
                // SAFETY: the decoder is open, and the frame is one that FFmpeg empties first.
                let received = unsafe { (self.library.functions.avcodec_receive_frame)(self.codec.0, self.frame.0) };
                match received {
                    ERROR_EOF => return self.ended(),
                    ERROR_AGAIN if self.is_ending => return self.ended(),
                    ERROR_AGAIN => {
                        if let Some((frames, rate)) = self.feed()? {
                            planes.resize_with(1, Vec::new);
                            planes[0].clear();
                            planes[0].resize(frames, 0.0);
                            self.has_sounded = true;
                            return Ok(Some(SystemFormat { rate, channels: 1, mask: 0 }));
                        }
                    }
                    failed if failed < 0 => self.excused(failed)?,
                    _ => {
                        let impossible =
                            || SystemError::Damaged("its frames have a format that sound can't have".to_owned());
                        let format = self.format().ok_or_else(impossible)?;
                        // SAFETY: a frame of audio that was just decoded, with so many channels.
                        unsafe { samples::copy(self.frame.0, format.channels, planes) }.ok_or_else(impossible)?;
                        self.has_sounded = true;
                        return Ok(Some(format));
                    }
                }
            }
        })
    }
}
