//! The track of a file that is decoded, and what its container says of it.

use symphonia::core::audio::Channels;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_AAC, CODEC_ID_ALAC, CODEC_ID_FLAC, CODEC_ID_MP1, CODEC_ID_MP2, CODEC_ID_MP3, CODEC_ID_OPUS,
};
use symphonia::core::codecs::audio::{AudioCodecParameters, CODEC_ID_NULL_AUDIO};
use symphonia::core::formats::{FormatReader, Track, TrackType};

use super::aac::config::AacConfig;
use super::chunker::Trim;
use super::container::Container;
use super::cuts::Cuts;
use super::failure;
use super::flac::frame::StreamInfo;
use super::mp4;
use super::mp4::gapless::{Movie, Sound, WrongEdits};
use super::opus;
use super::pcm_packet::is_pcm;
use super::refusal::Refusal;
use crate::audio::opus_head::OpusHead;

/// The facts of a track.
pub(super) struct TrackFacts {
    pub(super) id: u32,
    pub(super) params: AudioCodecParameters,
    pub(super) trim: Trim,
    /// What of the decoded frames is not played; the trim is of the others.
    pub(super) cuts: Cuts,
    /// All frames that the file promises, where a promise is to be trusted.
    pub(super) promised: Option<u64>,
    /// How long the sound is by the head of the file, in seconds.
    pub(super) duration_s: Option<f64>,
}

/// The track that is wanted, or that the file says is the usual one, else the first of audio.
///
/// # Errors
/// If there is none, or none whose codec is known.
pub(super) fn choose_track(
    reader: &dyn FormatReader,
    container: Container,
    movie: Option<&Movie>,
    wanted: Option<u32>,
    name: &str,
) -> Result<TrackFacts, Refusal> {
    let (track, params) = audio_track(reader, wanted, name)?;
    let mut params = completed(params, container);
    if matches!(container, Container::Mp4 | Container::Matroska) {
        describe_pcm(&mut params, movie, track.id);
    }
    let num_frames = track.num_frames.or_else(|| frames_of(track, &params));
    let (Sound { trim, cuts }, promised) =
        extent(track, &params, num_frames, container, movie).map_err(|wrong| match wrong {
            WrongEdits::NotInOrder => failure::not_in_order(name),
            WrongEdits::BehindEnd => failure::damaged(name, "its edit list begins behind the end of its sound").into(),
        })?;
    let frames = match container {
        Container::Ogg => num_frames,
        Container::Caf if !is_mpeg(&params) => trim.end.map_or(num_frames, |(sound, _)| Some(sound)),
        _ => trim.end.map(|(sound, _)| sound).or(promised.map(|promised| promised.saturating_sub(trim.delay))),
    };
    let duration_s = match (frames, params.sample_rate) {
        (Some(frames), Some(rate)) => Some(frames as f64 / f64::from(rate)),
        _ if container == Container::Matroska => seconds_of(reader),
        _ => None,
    };
    Ok(TrackFacts { id: track.id, params, trim, cuts, promised, duration_s })
}

/// The track that is wanted, or the usual one of audio, else the first one, and its params.
fn audio_track<'a>(
    reader: &'a dyn FormatReader,
    wanted: Option<u32>,
    name: &str,
) -> Result<(&'a Track, &'a AudioCodecParameters), Refusal> {
    let audio = |track: &&Track| matches!(track.codec_params, Some(CodecParameters::Audio(_)));
    let track = wanted
        .and_then(|wanted| reader.tracks().iter().find(|track| track.id == wanted))
        .or_else(|| reader.default_track(TrackType::Audio))
        .or_else(|| reader.tracks().iter().find(audio))
        .ok_or_else(|| failure::no_audio_track(name))?;
    let Some(CodecParameters::Audio(params)) = &track.codec_params else {
        return Err(failure::no_audio_track(name));
    };
    if params.codec == CODEC_ID_NULL_AUDIO {
        return Err(failure::codec_unsupported(name, params.codec, None));
    }
    Ok((track, params))
}

/// What of the decoded frames is to be heard, and how many frames the file promises, where a promise is to be trusted.
fn extent(
    track: &Track,
    params: &AudioCodecParameters,
    num_frames: Option<u64>,
    container: Container,
    movie: Option<&Movie>,
) -> Result<(Sound, Option<u64>), WrongEdits> {
    let delay = u64::from(track.delay.unwrap_or(0));
    let padding = u64::from(track.padding.unwrap_or(0));
    let is_mpeg = is_mpeg(params);
    let (trim, promised) = match container {
        // Only the tag of LAME and its kin gives a delay; without one the number of frames is an estimate.
        Container::Mpeg | Container::Wav | Container::W64 | Container::Caf if is_mpeg && delay > 0 => {
            let end = num_frames.map(|sound| (sound, padding));
            (Trim { delay, end }, num_frames.map(|sound| sound.saturating_add(delay).saturating_add(padding)))
        }
        Container::Wav | Container::W64 | Container::Aiff | Container::Sun | Container::Caf if !is_mpeg => {
            let sound = num_frames.filter(|_| padding > 0).map(|frames| frames.saturating_sub(delay + padding));
            // A packet may say itself that it holds fewer frames than the table of all packets does.
            let promised = num_frames.filter(|_| !matches!(params.codec, CODEC_ID_AAC | CODEC_ID_ALAC));
            (Trim { delay, end: sound.map(|sound| (sound, padding)) }, promised)
        }
        Container::Flac => (Trim::default(), num_frames),
        Container::Ogg if params.codec == CODEC_ID_FLAC => (Trim::default(), num_frames),
        Container::Mp4 => {
            let rate = params.sample_rate.unwrap_or(1);
            let delay = if params.codec == CODEC_ID_OPUS { opus::pre_skip(params) } else { 0 };
            let sound = movie.map(|movie| movie.sound(track.id, rate, num_frames, delay.into())).transpose()?;
            let promised = num_frames.filter(|_| movie.is_none_or(|movie| movie.counts_frames(track.id)));
            return Ok((sound.unwrap_or_default(), promised));
        }
        _ => (Trim::default(), None),
    };
    Ok((Sound { trim, cuts: Cuts::default() }, promised))
}

fn is_mpeg(params: &AudioCodecParameters) -> bool {
    matches!(params.codec, CODEC_ID_MP1 | CODEC_ID_MP2 | CODEC_ID_MP3)
}

/// The params with what the decoder's own description says. The entry of a sample in MP4 has 16 bits for a rate, so that
/// it can't say 88.2 kHz and more; its reader puts what it says of Opus behind the magic bytes of Ogg as it is, which is
/// the other way round there.
fn completed(params: &AudioCodecParameters, container: Container) -> AudioCodecParameters {
    let mut params = params.clone();
    if (params.codec, container) == (CODEC_ID_OPUS, Container::Mp4)
        && let Some(head) = params.extra_data.as_deref().and_then(OpusHead::of_mp4)
    {
        params.with_extra_data(head.to_bytes().into());
    }
    if params.codec == CODEC_ID_FLAC && container != Container::Flac {
        // Only its own reader knows of places that are not those of its frames; the others take these for granted.
        params.channels = None;
    }
    if params.codec == CODEC_ID_AAC
        && let Some(config) = params.extra_data.as_deref().and_then(AacConfig::read)
    {
        params.with_sample_rate(config.rate);
        if let Some(alone) = config.alone {
            params.with_extra_data(Box::new(alone));
        }
    }
    params
}

/// Puts right what the demuxers make of PCM: of MP4 the order of its bytes, and where its channels are.
fn describe_pcm(params: &mut AudioCodecParameters, movie: Option<&Movie>, track_id: u32) {
    if let Some(codec) = movie.and_then(|movie| mp4::pcm::codec_of(movie, track_id)) {
        params.for_codec(codec);
    }
    let count = params.channels.as_ref().and_then(|channels| u16::try_from(channels.count()).ok());
    if let Some(count) = count.filter(|_| is_pcm(params.codec)) {
        params.with_channels(mp4::pcm::channels_of(movie, track_id, count));
    }
}

/// The frames of a track whose clock ticks once for each, or once for so many of Opus: that may be the clock of the sound
/// which its encoder was given.
fn frames_of(track: &Track, params: &AudioCodecParameters) -> Option<u64> {
    const GIVEN: [u32; 4] = [8000, 12_000, 16_000, 24_000];
    let base = track.time_base.filter(|base| base.numer.get() == 1)?.denom.get();
    let frames = match params.sample_rate? {
        rate if rate == base => 1,
        rate if params.codec == CODEC_ID_OPUS && GIVEN.contains(&base) => u64::from(rate / base),
        _ => return None,
    };
    track.duration?.get().checked_mul(frames)
}

impl TrackFacts {
    /// Takes it where the channels of FLAC are, as its comments may say, which `places` finds for so many channels. Only its own
    /// reader looks at these. Whether they say it.
    pub(super) fn place(&mut self, places: impl FnOnce(u8) -> Option<Channels>) -> bool {
        let description = self.params.extra_data.as_deref().filter(|_| self.params.codec == CODEC_ID_FLAC);
        let places = description.and_then(StreamInfo::read).and_then(|stream| places(stream.channels));
        let are_there = places.is_some();
        self.params.channels = places.or(self.params.channels.take());
        are_there
    }

    /// The positions of a stream in Ogg end here, and count what its decoder leaves out at the start.
    pub(super) fn end_at(&mut self, position: u64) {
        let frames = position.saturating_sub(u64::from(opus::pre_skip(&self.params)));
        self.duration_s = self.params.sample_rate.map(|rate| frames as f64 / f64::from(rate));
    }

    /// The positions of the sound begin here, as in what was cut out of a live stream, and not at 0.
    pub(super) fn begin_at(&mut self, frame: u64) {
        let rate = f64::from(self.params.sample_rate.unwrap_or(1));
        let frames = self.duration_s.map(|seconds| ((seconds * rate).round() as u64).saturating_sub(frame));
        self.duration_s = frames.map(|frames| frames as f64 / rate);
        self.promised = self.promised.map(|promised| promised.saturating_sub(frame));
    }
}

/// The length that a Matroska file gives for all its tracks together.
fn seconds_of(reader: &dyn FormatReader) -> Option<f64> {
    let media = reader.media_info();
    Some(media.time_base?.calc_duration(media.duration?)?.as_secs_f64())
}
