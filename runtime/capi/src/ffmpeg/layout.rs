//! Where the fields of FFmpeg's structures lie, for each major version of its libraries on systems of 64 bits.
//!
//! From `libavformat/avformat.h` and `libavutil/frame.h` of FFmpeg 4.4, 5.1, 6.1, 7.1 and 8.1; within a major version fields are
//! only added behind those that are there. What is not in [`Layout`] lies at one place in all of them.

/// The places of fields, in bytes from the start of their structure.
#[derive(Debug)]
pub(super) struct Layout {
    /// The major version of libavformat and of libavcodec.
    pub(super) major: u32,
    /// The major version of libavutil.
    pub(super) util: u32,
    /// `AVFormatContext.duration`, `metadata`.
    pub(super) context_duration: usize,
    pub(super) context_metadata: usize,
    /// `AVStream.codecpar`, `discard`, `metadata`.
    pub(super) stream_parameters: usize,
    pub(super) stream_discard: usize,
    pub(super) stream_metadata: usize,
    /// `AVFrame.sample_rate`.
    pub(super) frame_rate: usize,
    pub(super) channels: Channels,
}

/// Where a frame says what its channels are.
#[derive(Debug)]
pub(super) enum Channels {
    /// `AVFrame.channels` and `channel_layout`.
    Apart { count: usize, mask: usize },
    /// `AVFrame.ch_layout`: the order, the number, and the mask if the order is that of a mask.
    Together(usize),
}

pub(super) mod context {
    //! Of `AVFormatContext`.
    pub(crate) const INPUT_FORMAT: usize = 8;
    pub(crate) const PB: usize = 32;
    pub(crate) const STREAM_COUNT: usize = 44;
    pub(crate) const STREAMS: usize = 48;
}

pub(super) mod parameters {
    //! Of `AVCodecParameters`.
    pub(crate) const CODEC_TYPE: usize = 0;
    pub(crate) const CODEC_ID: usize = 4;
}

pub(super) mod packet {
    //! Of `AVPacket`.
    pub(crate) const DATA: usize = 24;
    pub(crate) const SIZE: usize = 32;
    pub(crate) const STREAM_INDEX: usize = 36;
}

pub(super) mod frame {
    //! Of `AVFrame`.
    pub(crate) const EXTENDED_DATA: usize = 96;
    pub(crate) const SAMPLE_COUNT: usize = 112;
    pub(crate) const FORMAT: usize = 116;
}

pub(super) mod channel_layout {
    //! Of `AVChannelLayout`, whose order 1 is that of a mask.
    pub(crate) const ORDER: usize = 0;
    pub(crate) const COUNT: usize = 4;
    pub(crate) const MASK: usize = 8;
    pub(crate) const OF_MASK: i32 = 1;
}

pub(super) mod io_context {
    //! Of `AVIOContext`.
    pub(crate) const BUFFER: usize = 8;
}

pub(super) mod codec {
    //! Of `AVCodec` and, for the name alone, `AVInputFormat`.
    pub(crate) const NAME: usize = 0;
    pub(crate) const LONG_NAME: usize = 8;
    pub(crate) const TYPE: usize = 16;
}

/// Newest first.
pub(super) const LAYOUTS: [Layout; 5] = [
    // FFmpeg 8.
    Layout {
        major: 62,
        util: 60,
        context_duration: 104,
        context_metadata: 192,
        stream_parameters: 16,
        stream_discard: 68,
        stream_metadata: 80,
        frame_rate: 180,
        channels: Channels::Together(384),
    },
    // FFmpeg 7.
    Layout {
        major: 61,
        util: 59,
        context_duration: 104,
        context_metadata: 192,
        stream_parameters: 16,
        stream_discard: 68,
        stream_metadata: 80,
        frame_rate: 192,
        channels: Channels::Together(408),
    },
    // FFmpeg 6.
    Layout {
        major: 60,
        util: 58,
        context_duration: 72,
        context_metadata: 176,
        stream_parameters: 16,
        stream_discard: 68,
        stream_metadata: 80,
        frame_rate: 208,
        channels: Channels::Together(448),
    },
    // FFmpeg 5, of which 5.0 has no `ch_layout` yet.
    Layout {
        major: 59,
        util: 57,
        context_duration: 72,
        context_metadata: 176,
        stream_parameters: 208,
        stream_discard: 52,
        stream_metadata: 64,
        frame_rate: 208,
        channels: Channels::Apart { count: 380, mask: 216 },
    },
    // FFmpeg 4.
    Layout {
        major: 58,
        util: 56,
        context_duration: 1096,
        context_metadata: 1200,
        stream_parameters: 208,
        stream_discard: 60,
        stream_metadata: 72,
        frame_rate: 272,
        channels: Channels::Apart { count: 444, mask: 280 },
    },
];

/// The layout of libraries with this major version of libavformat.
pub(super) fn of_major(major: u32) -> Option<&'static Layout> {
    LAYOUTS.iter().find(|layout| layout.major == major)
}

/// Reads a field.
///
/// # Safety
/// `base` points to a structure of FFmpeg that has a field of this type at this place.
pub(super) unsafe fn field<T: Copy>(base: *const u8, place: usize) -> T {
    // SAFETY: as this function's caller promises.
    unsafe { base.add(place).cast::<T>().read_unaligned() }
}

/// Writes a field.
///
/// # Safety
/// As of [`field`], and nobody else uses the structure.
pub(super) unsafe fn set_field<T: Copy>(base: *mut u8, place: usize, value: T) {
    // SAFETY: as this function's caller promises.
    unsafe { base.add(place).cast::<T>().write_unaligned(value) }
}
