//! Audio: planar float32 samples with their rate, layout and time.

use std::sync::Arc;

use super::{Buffer, MediaTime};

/// Planar float32 audio, full scale at ±1.0. The samples of one channel are contiguous.
#[derive(Clone, Debug)]
pub struct Audio {
    buffer: Buffer,
    offset: usize,
    channel_stride: usize,
    channels: usize,
    frames: usize,
    rate: u32,
    layout: Layout,
    /// The time of the first frame, in nanoseconds from the start of its stream, if known.
    pub pts: Option<i64>,
}

/// The meaning of the channels. Text such as `mono`, `stereo` or `5.1` where it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Only the number of channels is known.
    Unspecified,
    /// A name such as `stereo` or `5.1`.
    Named(Arc<str>),
}

/// Why an audio value can't be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AudioError {
    /// The rate is zero.
    #[error("a rate of {0} Hz is not between 1 and 4294967295")]
    Rate(u32),
    /// There are no channels, or more than the limit.
    #[error("{0} channels are not between 1 and 1024")]
    Channels(usize),
    /// The samples reach past the buffer, or are not aligned.
    #[error("{channels} channels of {frames} frames do not fit a buffer of {len} bytes")]
    Extent {
        /// The channels that were requested.
        channels: usize,
        /// The frames that were requested.
        frames: usize,
        /// The length of the buffer.
        len: usize,
    },
    /// The memory is not aligned for float32.
    #[error("the samples are not aligned to 4 bytes")]
    Alignment,
    /// The channels differ in length.
    #[error("channel {channel} has {got} frames, channel 0 has {expected}")]
    Ragged {
        /// The channel that differs.
        channel: usize,
        /// The frames of that channel.
        got: usize,
        /// The frames of the first channel.
        expected: usize,
    },
}

impl Audio {
    /// The most channels that one value carries.
    pub const MAX_CHANNELS: usize = 1024;

    /// Audio over float32 samples in a buffer: channel `c` begins at byte `offset + c * channel_stride`.
    ///
    /// # Errors
    /// If rate or channels are out of range, a sample lies outside the buffer or the memory is not aligned.
    pub fn new(
        buffer: Buffer,
        offset: usize,
        channel_stride: usize,
        channels: usize,
        frames: usize,
        rate: u32,
    ) -> Result<Self, AudioError> {
        if rate == 0 {
            return Err(AudioError::Rate(rate));
        }
        if channels == 0 || channels > Self::MAX_CHANNELS {
            return Err(AudioError::Channels(channels));
        }
        if frames > 0 {
            let end = (channels as u128 - 1) * channel_stride as u128 + offset as u128 + frames as u128 * 4;
            if end > buffer.len() as u128 {
                return Err(AudioError::Extent { channels, frames, len: buffer.len() });
            }
            let strided = channels > 1 && !channel_stride.is_multiple_of(4);
            if strided || !(buffer.as_slice().as_ptr().addr() + offset).is_multiple_of(4) {
                return Err(AudioError::Alignment);
            }
        }
        Ok(Self {
            buffer,
            offset,
            channel_stride,
            channels,
            frames,
            rate,
            layout: Layout::for_channels(channels),
            pts: None,
        })
    }

    /// Audio that owns its samples: all frames of the first channel, then all of the second, and so on.
    ///
    /// # Errors
    /// If rate or channels are out of range, or the samples don't divide into the channels.
    pub fn from_planar(samples: Vec<f32>, channels: usize, rate: u32) -> Result<Self, AudioError> {
        if channels == 0 || channels > Self::MAX_CHANNELS {
            return Err(AudioError::Channels(channels));
        }
        let frames = samples.len() / channels;
        if frames * channels != samples.len() {
            return Err(AudioError::Extent { channels, frames: frames + 1, len: samples.len() * 4 });
        }
        Self::new(Buffer::from_samples(samples), 0, frames * 4, channels, frames, rate)
    }

    /// Audio from one vector of samples for each channel.
    ///
    /// # Errors
    /// If rate or channels are out of range, or the channels differ in length.
    pub fn from_channels(channels: &[Vec<f32>], rate: u32) -> Result<Self, AudioError> {
        let expected = channels.first().map_or(0, Vec::len);
        if let Some((channel, samples)) = channels.iter().enumerate().find(|(_, samples)| samples.len() != expected) {
            return Err(AudioError::Ragged { channel, got: samples.len(), expected });
        }
        Self::from_planar(channels.concat(), channels.len(), rate)
    }

    /// The same audio with this start, in nanoseconds.
    #[must_use]
    pub fn with_pts(mut self, pts: Option<i64>) -> Self {
        self.pts = pts;
        self
    }

    /// The same audio with this layout.
    #[must_use]
    pub fn with_layout(mut self, layout: Layout) -> Self {
        self.layout = layout;
        self
    }

    /// Frames per second.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// The number of channels, at least one.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The number of frames: samples in each channel.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// The meaning of the channels.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The duration, in nanoseconds.
    pub fn duration(&self) -> i64 {
        MediaTime::of_frames(self.frames as u64, self.rate)
    }

    /// The samples of one channel.
    ///
    /// # Panics
    /// If there is no such channel.
    pub fn channel(&self, channel: usize) -> &[f32] {
        assert!(channel < self.channels, "channel {channel} of {}", self.channels);
        if self.frames == 0 {
            return &[];
        }
        let start = self.offset + channel * self.channel_stride;
        bytemuck::cast_slice(&self.buffer.as_slice()[start..start + self.frames * 4])
    }

    /// The channels, in order.
    pub fn iter_channels(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        (0..self.channels).map(|channel| self.channel(channel))
    }

    /// A range of the frames, which shares the memory. Its `pts` is that of its first frame.
    ///
    /// # Panics
    /// If the range reaches past the frames.
    #[must_use]
    pub fn slice(&self, first: usize, frames: usize) -> Self {
        assert!(first + frames <= self.frames, "frames {first}..{} of {}", first + frames, self.frames);
        Self {
            offset: self.offset + first * 4,
            frames,
            pts: self.pts.map(|pts| pts.saturating_add(MediaTime::of_frames(first as u64, self.rate))),
            ..self.clone()
        }
    }

    /// The buffer that holds the samples.
    pub fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    /// Where the first channel begins in the buffer, in bytes.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The distance between channels, in bytes.
    pub fn channel_stride(&self) -> usize {
        self.channel_stride
    }

    /// The bytes of memory that this value keeps alive.
    pub fn weight(&self) -> usize {
        self.buffer.len().min(self.frames * self.channels * 4)
    }
}

impl PartialEq for Audio {
    fn eq(&self, other: &Self) -> bool {
        self.rate == other.rate
            && self.layout == other.layout
            && self.pts == other.pts
            && self.channels == other.channels
            && self.frames == other.frames
            && self.iter_channels().eq(other.iter_channels())
    }
}

impl Layout {
    /// The usual layout of a number of channels: mono, stereo, else unspecified.
    pub fn for_channels(channels: usize) -> Self {
        match channels {
            1 => Layout::Named("mono".into()),
            2 => Layout::Named("stereo".into()),
            _ => Layout::Unspecified,
        }
    }

    /// The name, if there is one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Layout::Unspecified => None,
            Layout::Named(name) => Some(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(channels: usize, frames: usize) -> Audio {
        let samples = (0..channels * frames).map(|number| number as f32).collect();
        Audio::from_planar(samples, channels, 1_000).expect("the samples divide into the channels")
    }

    #[test]
    fn channels_are_windows_on_planar_samples() {
        let audio = ramp(2, 3);
        assert_eq!(audio.channel(0), [0.0, 1.0, 2.0]);
        assert_eq!(audio.channel(1), [3.0, 4.0, 5.0]);
        assert_eq!(audio.iter_channels().len(), 2);
        assert_eq!((audio.duration(), audio.weight()), (3_000_000, 24));
    }

    #[test]
    fn a_slice_shares_memory_and_moves_its_time() {
        let audio = ramp(2, 10).with_pts(Some(500));
        let part = audio.slice(4, 3);
        assert!(part.buffer().same_memory(audio.buffer()));
        assert_eq!(part.channel(1), [14.0, 15.0, 16.0]);
        assert_eq!(part.pts, Some(4_000_500));
        assert_eq!(part.slice(1, 1).channel(0), [5.0]);
        assert_eq!(audio.slice(10, 0).channel(0), [0.0; 0]);
    }

    #[test]
    fn the_time_of_a_slice_saturates() {
        let audio = ramp(1, 10).with_pts(Some(i64::MAX));
        assert_eq!(audio.slice(5, 5).pts, Some(i64::MAX));
    }

    #[test]
    #[should_panic(expected = "frames 8..11 of 10")]
    fn a_slice_past_the_end_panics() {
        drop(ramp(1, 10).slice(8, 3));
    }

    #[test]
    fn windows_are_checked_against_their_buffer() {
        let buffer = || Buffer::aligned_copy(&[0; 40]);
        let new = |offset, stride, channels, frames| Audio::new(buffer(), offset, stride, channels, frames, 8_000);
        assert!(new(0, 20, 2, 5).is_ok());
        assert!(new(4, 20, 2, 4).is_ok());
        assert!(new(0, 0, 3, 10).is_ok(), "channels may share memory");
        assert_eq!(new(4, 20, 2, 5), Err(AudioError::Extent { channels: 2, frames: 5, len: 40 }));
        assert_eq!(new(0, usize::MAX, 2, 1), Err(AudioError::Extent { channels: 2, frames: 1, len: 40 }));
        assert_eq!(new(0, 4, 1, usize::MAX), Err(AudioError::Extent { channels: 1, frames: usize::MAX, len: 40 }));
        assert_eq!(new(2, 20, 1, 2), Err(AudioError::Alignment));
        assert_eq!(new(0, 6, 2, 2), Err(AudioError::Alignment));
        assert!(new(usize::MAX, 3, 2, 0).is_ok(), "no sample, nothing to check");
        assert_eq!(new(0, 0, 0, 1), Err(AudioError::Channels(0)));
        assert_eq!(new(0, 0, 1_025, 1), Err(AudioError::Channels(1_025)));
        assert_eq!(Audio::new(buffer(), 0, 0, 1, 1, 0), Err(AudioError::Rate(0)));
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let text = |error: Result<Audio, AudioError>| error.expect_err("it is wrong").to_string();
        let ragged = Audio::from_channels(&[vec![0.0; 3], vec![0.0; 2]], 8_000);
        assert_eq!(text(ragged), "channel 1 has 2 frames, channel 0 has 3");
        let odd = Audio::from_planar(vec![0.0; 3], 2, 8_000);
        assert_eq!(text(odd), "2 channels of 2 frames do not fit a buffer of 12 bytes");
        assert_eq!(text(Audio::from_channels(&[], 8_000)), "0 channels are not between 1 and 1024");
        assert_eq!(text(Audio::from_planar(vec![], 1, 0)), "a rate of 0 Hz is not between 1 and 4294967295");
        assert_eq!(AudioError::Alignment.to_string(), "the samples are not aligned to 4 bytes");
    }

    #[test]
    fn sound_is_equal_wherever_it_lies() {
        let audio = ramp(2, 6);
        let again = Audio::from_channels(&[audio.channel(0)[2..].to_vec(), audio.channel(1)[2..].to_vec()], 1_000);
        assert_eq!(audio.slice(2, 4), again.clone().expect("the channels are equally long"));
        assert_ne!(audio.slice(2, 4), again.expect("as above").with_layout(Layout::Unspecified));
    }

    #[test]
    fn the_usual_layouts_have_names() {
        let names: Vec<_> = (1..=3).map(|channels| Layout::for_channels(channels).name().map(str::to_owned)).collect();
        assert_eq!(names, [Some("mono".to_owned()), Some("stereo".to_owned()), None]);
    }
}
