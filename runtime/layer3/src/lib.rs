//! Decodes MPEG audio layer III (MP3): frames of MPEG-1 (ISO/IEC 11172-3), MPEG-2 (13818-3) and MPEG-2.5 into samples.
//!
//! The way of a frame: `head` and `side` say how it is coded, `reservoir` gathers its main data, `scale` and `huffman`
//! read that into spectra, `spectrum` gives these their amplitudes, `stereo` makes left and right of them, and `hybrid`
//! and `synthesis` turn them into sound. Where frames begin, and what of their sound is padding, is the caller's matter.

#![forbid(unsafe_code)]

mod bands;
mod block;
mod book;
#[cfg(test)]
mod chance;
mod codes;
mod damage;
mod head;
mod huffman;
mod hybrid;
mod reservoir;
mod scale;
mod side;
mod spectrum;
mod stereo;
mod synthesis;
mod window;

use self::block::SIZE;
pub use self::damage::Damage;
pub use self::head::Head;
use self::hybrid::{Overlap, Rows};
use self::reservoir::Reservoir;
use self::scale::Scales;
use self::side::Side;
use self::spectrum::Spectrum;
use self::synthesis::{Filter, Granule};

/// A decoder of one stream: a frame depends on those before it.
pub struct Decoder {
    reservoir: Reservoir,
    spectra: [Spectrum; 2],
    rows: Rows,
    overlaps: [Overlap; 2],
    filters: [Filter; 2],
    planes: [[f32; 2 * SIZE]; 2],
}

impl Decoder {
    /// A decoder that has seen no frame.
    pub fn new() -> Box<Self> {
        Box::new(Self {
            reservoir: Reservoir::default(),
            spectra: Default::default(),
            rows: hybrid::SILENT,
            overlaps: Default::default(),
            filters: Default::default(),
            planes: [[0.0; 2 * SIZE]; 2],
        })
    }

    /// Forgets all frames.
    pub fn reset(&mut self) {
        self.reservoir = Reservoir::default();
        self.overlaps = Default::default();
        self.filters = Default::default();
    }

    /// Decodes a frame, given from its head to its end: [`Head::frames`] samples for each channel, full scale 1. What
    /// begins in frames that were not seen is silent.
    ///
    /// # Errors
    /// If it is damaged. Frames after it then find no main data in it, nor in those before.
    pub fn decode(&mut self, frame: &[u8]) -> Result<[&[f32]; 2], Damage> {
        let head = Head::read(frame).ok_or(Damage::Head)?;
        let decoded = self.decode_granules(&head, frame);
        if decoded.is_err() {
            self.reservoir = Reservoir::default();
        }
        decoded.map(|()| self.planes.each_ref().map(|plane| &plane[..head.frames()]))
    }

    fn decode_granules(&mut self, head: &Head, frame: &[u8]) -> Result<(), Damage> {
        let start = head.head_len() + head.side_len();
        let (before, main) = frame.split_at_checked(start).ok_or(Damage::Short)?;
        let side = Side::read(&before[head.head_len()..], head)?;
        let missing = self.reservoir.fill(main, side.back);
        let mut place = 0;
        let mut scales = [Scales::default(); 2];
        for (number, granule) in side.granules[..head.granules()].iter().enumerate() {
            let channels = &granule[..head.channels()];
            let is_missing = place < missing;
            for (channel, part) in channels.iter().enumerate() {
                let end = place + part.bits;
                let spectrum = &mut self.spectra[channel];
                if is_missing {
                    spectrum.clear();
                } else {
                    let mut bits = self.reservoir.bits(place - missing, end - missing).ok_or(Damage::Length)?;
                    let shared = if number == 0 { [false; 4] } else { side.shared[channel] };
                    let is_position = channel == 1 && head.has_intensity();
                    scales[channel].read(&mut bits, part, head, shared, is_position)?;
                    huffman::read(&mut bits, part, spectrum);
                    spectrum.scale(part, &scales[channel], head);
                }
                place = end;
            }
            if let [_, right] = channels {
                stereo::join(&mut self.spectra, right, &scales[1], head);
            }
            for (channel, part) in channels.iter().enumerate() {
                let reach = self.spectra[channel].lay_out(part.layout(head), &mut self.rows);
                let out = self.planes[channel].as_chunks_mut::<SIZE>().0;
                remotemedia_vectors::run_wide(Granule {
                    rows: &mut self.rows,
                    reach,
                    part,
                    overlap: &mut self.overlaps[channel],
                    filter: &mut self.filters[channel],
                    out: &mut out[number],
                });
            }
        }
        Ok(())
    }
}
