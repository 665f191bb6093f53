//! A file that libavformat reads: its best track of audio, packet by packet, and what its head says.

use std::ffi::{CStr, CString, c_int, c_void};
use std::ptr::{null, null_mut};

use remotemedia_nodes::audio::{SystemError, SystemHead, SystemSource};

use super::functions::{
    AUDIO, DISCARD_ALL, ERROR_DECODER_NOT_FOUND, ERROR_EOF, ERROR_INVALID_DATA, ERROR_IO, ERROR_MEMORY,
    ERROR_NOT_WRITTEN, ERROR_STREAM_NOT_FOUND, Functions, Object, text,
};
use super::layout::{codec, context, field, packet, parameters, set_field};
use super::library::Library;
use super::source::Source;

/// An open file. Its fields are dropped in their order, after its own end.
pub(super) struct Demuxer {
    library: &'static Library,
    /// The `AVFormatContext`.
    context: Object,
    /// The `AVStream` that is read, and its number.
    stream: *mut u8,
    number: c_int,
    source: Source,
}

/// Options of FFmpeg by their names.
pub(super) struct Options {
    functions: &'static Functions,
    dictionary: *mut c_void,
}

impl Options {
    pub(super) fn new(functions: &'static Functions, options: &[(&CStr, &CStr)]) -> Self {
        let mut dictionary = null_mut();
        for (name, value) in options {
            // SAFETY: it copies both strings, and makes the dictionary at the first one.
            unsafe { (functions.av_dict_set)(&raw mut dictionary, name.as_ptr(), value.as_ptr(), 0) };
        }
        Self { functions, dictionary }
    }

    /// The place of the dictionary, from which FFmpeg takes what it knows.
    pub(super) fn place(&mut self) -> *mut *mut c_void {
        &raw mut self.dictionary
    }
}

impl Drop for Options {
    fn drop(&mut self) {
        // SAFETY: a dictionary, or NULL.
        unsafe { (self.functions.av_dict_free)(self.place()) };
    }
}

impl Demuxer {
    /// Opens a file of one of these formats, and finds its track: the one of this number among those of audio, or the best.
    /// Also returns the decoder for it, an `AVCodec`.
    ///
    /// # Errors
    /// If it can't be opened, or has no track of audio with a decoder.
    pub(super) fn open(
        library: &'static Library,
        source: Box<dyn SystemSource>,
        formats: &str,
        track: Option<usize>,
    ) -> Result<(Self, *const u8), SystemError> {
        let functions = &library.functions;
        let source = Source::new(functions, source).ok_or_else(|| explained(ERROR_MEMORY))?;
        let formats = CString::new(formats).map_err(|_| explained(ERROR_INVALID_DATA))?;
        // No format but these, no decoder of pictures, and no other file: what it names by a path or an address is not opened.
        let mut options = Options::new(
            functions,
            &[
                (c"format_whitelist", &formats),
                (c"codec_whitelist", &library.decoders),
                (c"protocol_whitelist", c"none"),
            ],
        );
        // SAFETY: without arguments; it returns NULL without memory.
        let context = unsafe { (functions.avformat_alloc_context)() };
        if context.is_null() {
            return Err(explained(ERROR_MEMORY));
        }
        // From here on the context is freed with this object.
        let mut demuxer = Self { library, context, stream: null_mut(), number: -1, source };
        // SAFETY: it is ours alone, and the source outlives it.
        unsafe { set_field(context, context::PB, demuxer.source.context()) };
        // SAFETY: the context was just made. If it can't be opened, FFmpeg frees it and writes NULL.
        let opened =
            unsafe { (functions.avformat_open_input)(&raw mut demuxer.context, c"".as_ptr(), null(), options.place()) };
        demuxer.checked(opened)?;
        // SAFETY: the context is open; no options are for its streams.
        let looked = unsafe { (functions.avformat_find_stream_info)(demuxer.context, null_mut()) };
        demuxer.checked(looked)?;
        let decoder = demuxer.choose_stream(track)?;
        Ok((demuxer, decoder))
    }

    /// Picks the track of this number, or the best one of audio; the others are not read any more. Returns its decoder.
    fn choose_stream(&mut self, track: Option<usize>) -> Result<*const u8, SystemError> {
        let mut decoder = null();
        let find = self.library.functions.av_find_best_stream;
        let wanted = track.and_then(|track| self.audio_stream(track)).unwrap_or(-1);
        // SAFETY: the context is open, and the place is writable.
        let best = unsafe { find(self.context, AUDIO, wanted, -1, &raw mut decoder, 0) };
        if best == ERROR_DECODER_NOT_FOUND {
            // SAFETY: as above; without a place it does not look for a decoder.
            let best = unsafe { find(self.context, AUDIO, wanted, -1, null_mut(), 0) };
            let stream = self.streams().get(usize::try_from(best).unwrap_or(usize::MAX)).copied();
            return Err(SystemError::Codec(
                stream.map_or_else(|| "a codec".to_owned(), |stream| self.codec_name(stream)),
            ));
        }
        let streams = self.streams();
        let chosen = usize::try_from(best).ok().and_then(|best| streams.get(best).copied());
        let (Some(chosen), false) = (chosen, decoder.is_null()) else { return Err(SystemError::NoAudio) };
        for stream in streams.into_iter().filter(|stream| *stream != chosen) {
            // SAFETY: a stream of the context, which nobody else uses.
            unsafe { set_field(stream, self.library.layout.stream_discard, DISCARD_ALL) };
        }
        (self.stream, self.number) = (chosen, best);
        Ok(decoder)
    }

    /// The number of a stream, counted from 0 among those of audio.
    fn audio_stream(&self, track: usize) -> Option<c_int> {
        let is_audio = |stream: &*mut u8| {
            // SAFETY: each stream has parameters, which have a type.
            unsafe {
                let described: *const u8 = field(*stream, self.library.layout.stream_parameters);
                field::<c_int>(described, parameters::CODEC_TYPE) == AUDIO
            }
        };
        let streams = self.streams();
        let audio = (0..).zip(&streams).filter(|(_, stream)| is_audio(stream)).nth(track);
        audio.map(|(number, _)| number)
    }

    fn streams(&self) -> Vec<*mut u8> {
        // SAFETY: an open context has so many pointers to streams, which live as long as it does.
        unsafe {
            let count: u32 = field(self.context, context::STREAM_COUNT);
            let streams: *const *mut u8 = field(self.context, context::STREAMS);
            (0..count as usize).map(|number| *streams.add(number)).collect()
        }
    }

    fn codec_name(&self, stream: *const u8) -> String {
        // SAFETY: each stream has parameters; the name is a string of the library.
        unsafe {
            let described: *const u8 = field(stream, self.library.layout.stream_parameters);
            debug_assert_eq!(field::<c_int>(described, parameters::CODEC_TYPE), AUDIO);
            text((self.library.functions.avcodec_get_name)(field(described, parameters::CODEC_ID)))
        }
    }

    /// The name of the track's codec.
    pub(super) fn codec(&self) -> String {
        self.codec_name(self.stream)
    }

    /// The `AVCodecParameters` of the track.
    pub(super) fn parameters(&self) -> *const u8 {
        // SAFETY: the stream lives as long as the context.
        unsafe { field(self.stream, self.library.layout.stream_parameters) }
    }

    /// What the head of the file tells.
    pub(super) fn head(&self) -> SystemHead {
        let layout = self.library.layout;
        // SAFETY: the context is open, so that it has an input format, whose name is a string of the library.
        let (container, duration) = unsafe {
            let format: *const u8 = field(self.context, context::INPUT_FORMAT);
            (text(field(format, codec::NAME)), field::<i64>(self.context, layout.context_duration))
        };
        let mut tags = Vec::new();
        // SAFETY: both have a dictionary, or NULL.
        unsafe {
            self.read_tags(field(self.stream, layout.stream_metadata), &mut tags);
            self.read_tags(field(self.context, layout.context_metadata), &mut tags);
        }
        // In microseconds; what is not known is the least number.
        let duration_s = (duration > 0).then_some(duration as f64 / 1e6);
        SystemHead { container, codec: self.codec(), duration_s, tags }
    }

    /// # Safety
    /// `dictionary` is an `AVDictionary` or NULL.
    unsafe fn read_tags(&self, dictionary: *const c_void, tags: &mut Vec<(String, String)>) {
        /// More are of no use.
        const MOST: usize = 1024;
        /// `AV_DICT_IGNORE_SUFFIX`: with it, an empty name finds each entry in turn.
        const EACH: c_int = 2;
        let mut entry = null();
        while tags.len() < MOST {
            // SAFETY: as this function's caller promises; an entry has a name and a text.
            unsafe {
                entry = (self.library.functions.av_dict_get)(dictionary, c"".as_ptr(), entry, EACH);
                if entry.is_null() {
                    break;
                }
                tags.push((text(field(entry.cast(), 0)), text(field(entry.cast(), size_of::<usize>()))));
            }
        }
    }

    /// Reads the next packet of the track into `into`, an empty `AVPacket`. Whether there is one.
    ///
    /// # Errors
    /// If the file can't be read.
    pub(super) fn read(&mut self, into: Object) -> Result<bool, SystemError> {
        loop {
            // SAFETY: the context is open, and the packet is empty.
            let read = unsafe { (self.library.functions.av_read_frame)(self.context, into) };
            if read == ERROR_EOF && self.source.take_failure().is_none() {
                return Ok(false);
            }
            self.checked(read)?;
            // SAFETY: a packet that was just read.
            unsafe {
                // An empty packet, as Speex in Ogg may end with, has no sound, and decoders refuse it.
                let is_sound = field::<c_int>(into, packet::SIZE) > 0;
                if is_sound && field::<c_int>(into, packet::STREAM_INDEX) == self.number {
                    return Ok(true);
                }
                (self.library.functions.av_packet_unref)(into);
            }
        }
    }

    /// The error of a number that FFmpeg returned.
    fn checked(&mut self, result: c_int) -> Result<(), SystemError> {
        if result >= 0 {
            return Ok(());
        }
        Err(self.source.take_failure().map_or_else(|| explained(result), SystemError::Io))
    }
}

impl Drop for Demuxer {
    fn drop(&mut self) {
        // SAFETY: an open context, one that was never opened, or NULL; the source is dropped after it.
        unsafe { (self.library.functions.avformat_close_input)(&raw mut self.context) };
    }
}

/// What is wrong with a file, in our own words.
pub(super) fn explained(error: c_int) -> SystemError {
    SystemError::Damaged(match error {
        ERROR_INVALID_DATA => "what it should hold is not in it".to_owned(),
        ERROR_EOF | ERROR_IO => "it ends too early".to_owned(),
        ERROR_MEMORY => "it asks for more memory than there is".to_owned(),
        ERROR_STREAM_NOT_FOUND => return SystemError::NoAudio,
        // As of a codec that it has no name for.
        ERROR_NOT_WRITTEN => return SystemError::Codec("none".to_owned()),
        other => format!("FFmpeg fails with the error {other}"),
    })
}
