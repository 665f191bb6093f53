//! What of HE-AAC a decoder of AAC-LC gives, where the upper band is hidden from it (ISO/IEC 14496-3, 1.6.5).

use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known::CODEC_ID_AAC;

use super::config::AacConfig;

/// What of the band is decoded.
pub(in crate::audio::decode) enum Band {
    /// All that there is: it is no HE-AAC, or its file says so openly.
    Whole,
    /// The description of the stream has a note of an upper band.
    Lower,
    /// Only the frames tell; at the rate of this many Hz there may be one.
    MaybeLower(u32),
}

impl Band {
    /// By the description of a stream.
    pub(in crate::audio::decode) fn of(params: &AudioCodecParameters) -> Self {
        /// HE-AAC codes the upper half of the band, of 48 kHz at most, beside AAC at half the rate.
        const MOST_RATE: u32 = 24_000;
        if params.codec != CODEC_ID_AAC {
            return Band::Whole;
        }
        let config = params.extra_data.as_deref().and_then(AacConfig::read);
        match (config, params.sample_rate) {
            (Some(config), _) if config.has_upper_band => Band::Lower,
            (_, Some(rate)) if rate <= MOST_RATE => Band::MaybeLower(rate),
            _ => Band::Whole,
        }
    }
}
