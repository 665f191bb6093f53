//! AAC as Symphonia decodes it, but with noise that depends on its place alone.
//!
//! Where a band holds only noise, an encoder may write its power and leave the noise to the decoder (ISO/IEC 14496-3,
//! 4.6.13). Symphonia's numbers for it go on from packet to packet, so sound from the middle of a file would have others
//! than the same sound of the whole file. Here they begin anew at every so many packets, with a new decoder, which the
//! packet before primes: the transform overlaps with that one alone.

pub(super) mod adts;
pub(super) mod band;
pub(super) mod config;

use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::CodecInfo;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions, FinalizeResult};
use symphonia::core::errors::Result;
use symphonia::core::packet::{Packet, PacketRef};

/// A decoder begins anew after so many packets. To make one takes as long as to decode some ten packets, as it computes its
/// windows; a part costs up to so many packets more.
const PERIOD: u64 = 128;
/// The frames of a packet. There are others of 960, which Symphonia does not decode.
pub(super) const FRAMES: u64 = 1024;

/// Whether the packet after this one begins anew.
pub(super) fn ends_period(packet: &PacketRef<'_>) -> bool {
    let len = packet.block_dur().get();
    let Ok(starts) = u64::try_from(packet.dts.get()) else { return false };
    let period = PERIOD * len;
    len > 0 && starts / period != (starts + len) / period
}

/// The start of the packet that has to be decoded first for sound from a frame on.
pub(super) fn first_packet(frame: u64) -> u64 {
    (frame / (PERIOD * FRAMES) * (PERIOD * FRAMES)).saturating_sub(FRAMES)
}

/// A decoder of AAC.
pub(super) struct Decoder {
    inner: Box<dyn AudioDecoder>,
    params: AudioCodecParameters,
    /// The packet before the next one, if that one begins anew.
    before: Option<Packet>,
}

impl Decoder {
    /// A decoder of this description.
    ///
    /// # Errors
    /// If Symphonia has none for it.
    pub(super) fn new(params: &AudioCodecParameters) -> Result<Self> {
        Ok(Self { inner: decoder(params)?, params: params.clone(), before: None })
    }
}

fn decoder(params: &AudioCodecParameters) -> Result<Box<dyn AudioDecoder>> {
    // The demuxer says what to leave out.
    let options = AudioDecoderOptions::default().gapless(false);
    symphonia::default::get_codecs().make_audio_decoder(params, &options)
}

impl AudioDecoder for Decoder {
    fn reset(&mut self) {
        self.before = None;
        // One that is reset goes on with its noise.
        match decoder(&self.params) {
            Ok(fresh) => self.inner = fresh,
            Err(_) => self.inner.reset(),
        }
    }

    fn codec_info(&self) -> &CodecInfo {
        self.inner.codec_info()
    }

    fn codec_params(&self) -> &AudioCodecParameters {
        &self.params
    }

    fn decode_ref(&mut self, packet: &PacketRef<'_>) -> Result<GenericAudioBufferRef<'_>> {
        if let Some(before) = self.before.take() {
            self.inner = decoder(&self.params)?;
            // It was decoded before, or the file would have ended with an error.
            let _ = self.inner.decode(&before);
        }
        if ends_period(packet) {
            self.before = Some(Packet::new(packet.track_id, packet.pts, packet.block_dur(), packet.data));
        }
        self.inner.decode_ref(packet)
    }

    fn finalize(&mut self) -> FinalizeResult {
        self.inner.finalize()
    }

    fn last_decoded(&self) -> GenericAudioBufferRef<'_> {
        self.inner.last_decoded()
    }
}
