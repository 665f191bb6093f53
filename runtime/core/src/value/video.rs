//! Pictures of a video: planes of samples with their format and time.

use super::Buffer;

/// A pixel format: how the samples of a picture are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// One plane of 8-bit luminance.
    Gray8,
    /// One plane, three bytes a pixel.
    Rgb24,
    /// One plane, four bytes a pixel, alpha last.
    Rgba32,
    /// Three planes; chroma halved in both directions.
    Yuv420p,
    /// Two planes; chroma interleaved and halved in both directions.
    Nv12,
}

/// One plane: a window on a buffer, with the distance between rows in bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    /// The bytes of the plane.
    pub buffer: Buffer,
    /// The distance from one row to the next, in bytes.
    pub stride: usize,
}

/// One picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Video {
    /// The layout of the samples.
    pub format: PixelFormat,
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// The planes, as many as the format has.
    pub planes: Vec<Plane>,
    /// The time at which the picture is shown, in nanoseconds from the start of its stream, if known.
    pub pts: Option<i64>,
}

impl PixelFormat {
    /// Every format.
    pub const ALL: [PixelFormat; 5] =
        [PixelFormat::Gray8, PixelFormat::Rgb24, PixelFormat::Rgba32, PixelFormat::Yuv420p, PixelFormat::Nv12];

    /// The name in documents, as FFmpeg has it.
    pub const fn name(self) -> &'static str {
        match self {
            PixelFormat::Gray8 => "gray",
            PixelFormat::Rgb24 => "rgb24",
            PixelFormat::Rgba32 => "rgba",
            PixelFormat::Yuv420p => "yuv420p",
            PixelFormat::Nv12 => "nv12",
        }
    }

    /// The format with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// For each plane its rows, and the least number of bytes that a row has.
    pub fn planes(self, width: u32, height: u32) -> Vec<(usize, usize)> {
        let (width, height) = (width as usize, height as usize);
        let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
        match self {
            PixelFormat::Gray8 => vec![(height, width)],
            PixelFormat::Rgb24 => vec![(height, width * 3)],
            PixelFormat::Rgba32 => vec![(height, width * 4)],
            PixelFormat::Yuv420p => {
                vec![(height, width), (half_height, half_width), (half_height, half_width)]
            }
            PixelFormat::Nv12 => vec![(height, width), (half_height, half_width * 2)],
        }
    }
}

impl Video {
    /// The bytes of memory that this picture keeps alive.
    pub fn weight(&self) -> usize {
        self.planes.iter().map(|plane| plane.buffer.len()).sum()
    }
}
