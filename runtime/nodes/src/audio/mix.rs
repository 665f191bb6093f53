//! `AudioMix`: from any number of channels to a fixed one. It keeps nothing between packets but what is left of one.

use remotemedia_core::node::{
    AudioFormat, Cost, Define, Emission, Form, Node, NodeError, ParamError, Port, Step, documented,
};
use remotemedia_core::value::{Audio, Layout, MediaTime, Packet, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::dsp::speakers::{downmix, speakers};
use crate::stream::arrival::Arrival;
use crate::stream::finite::check_finite;

documented! {
/// Mixes sound to a fixed number of channels.
///
/// Without `gains`, the gains of each output add up to 1, so that no sum of full-scale channels can clip:
///
/// | from | to | gains |
/// |---|---|---|
/// | n channels | n channels | the sound passes unchanged, in the same memory |
/// | mono | n channels | n copies at unity |
/// | a layout of the table below | stereo, mono | those of the table, scaled |
/// | other n channels | mono | their mean |
///
/// So with the gains `g` of its channels `x` an output is `(g1 x1 + g2 x2 + ...) / (g1 + g2 + ...)`, sample by sample. The gains
/// for layouts are those of ITU-R BS.775-4, table 2; 0.7071 is -3 dB. A channel has the gain of its place:
///
/// | place | left | right | mono |
/// |---|---|---|---|
/// | front left | 1 | - | 0.7071 |
/// | front right | - | 1 | 0.7071 |
/// | centre | 0.7071 | 0.7071 | 1 |
/// | left surround, at the side or the back | 0.7071 | - | 0.5 |
/// | right surround, at the side or the back | - | 0.7071 | 0.5 |
/// | back centre | 0.5 | 0.5 | 0.5 |
/// | low frequency | - | - | - |
///
/// So 5.1 to the left is (L + 0.7071 C + 0.7071 Ls) / 2.4142. The layouts are FFmpeg's `stereo` (to mono, 0.5 L + 0.5 R),
/// `2.1`, `3.0`, `3.0(back)`, `3.1`, `4.0`, `quad`, `quad(side)`, `5.0`, `5.0(side)`, `5.1`, `5.1(side)`, `6.1`, `7.0` and
/// `7.1`, their channels in the order of a WAV file: front left and right, centre, low frequency, back left and right, back
/// centre, side left and right. `AudioDecode` names them as the file does. The low frequencies are left out because their
/// channel is mixed 10 dB lower than it is played, and what matters is in the others.
///
/// Anything else needs `gains`, which are used as they are. A result is computed in float64 and rounded once; samples that
/// are NaN or infinite are refused. Mono and stereo get their layout names, other counts get none. Long packets come out in
/// about equal parts of at most a second, each at its exact time. Nothing is delayed.
#[derive(Debug)]
pub struct AudioMix {
    channels: usize,
    gains: Option<Vec<Vec<f64>>>,
    matrix: Option<Matrix>,
    rest: Option<Rest>,
}
}

/// The params of [`AudioMix`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AudioMixParams {
    /// The number of channels to mix to.
    #[schemars(range(min = 1, max = 1024))]
    pub channels: u16,
    /// Linear gains: a row for each output channel, in it a number for each input channel. The sound must have as many
    /// channels as the rows have numbers. A gain of 1,000,000 is 120 dB.
    #[serde(default)]
    #[schemars(inner(inner(range(min = -1e6, max = 1e6))))]
    pub gains: Option<Vec<Vec<f64>>>,
}

/// How to make the outputs for one format of input.
#[derive(Debug)]
struct Matrix {
    inputs: usize,
    layout: Layout,
    /// For each output the inputs that it takes, with their gains.
    rows: Vec<Vec<(usize, f64)>>,
}

/// A packet of which a part has been mixed.
#[derive(Debug)]
struct Rest {
    arrival: Arrival,
    position: usize,
    seq: u64,
    stream: u32,
}

/// Multiply-adds in one step: about a tenth of a millisecond.
const STEP_WORK: usize = 1 << 18;

impl Node for AudioMix {
    fn process(&mut self, _port: usize, packet: Packet) -> Result<Step, NodeError> {
        if let Value::Audio(audio) = &packet.value
            && self.gains.is_none()
            && audio.channels() == self.channels
        {
            return Ok(Step::emit(packet));
        }
        let (seq, stream) = (packet.seq, packet.stream);
        let arrival = Arrival::of(packet)?;
        if arrival.audio().frames() == 0 {
            // Of no samples any number can be mixed.
            let empty = Audio::from_planar(Vec::new(), self.channels, arrival.audio().rate());
            let packet = arrival.with(empty.expect("as many channels as the params allow"));
            return Ok(Step::emit(Packet { seq, stream, ..packet }));
        }
        let known = self.matrix.take().filter(|matrix| matrix.is_for(arrival.audio()));
        let matrix = known.map_or_else(|| self.matrix_for(arrival.audio()), Ok);
        self.matrix = Some(matrix.map_err(|error| error.at(arrival.pts()))?);
        self.rest = Some(Rest { arrival, position: 0, seq, stream });
        self.mix_part()
    }

    fn resume(&mut self) -> Result<Step, NodeError> {
        self.mix_part()
    }
}

impl Define for AudioMix {
    type Params = AudioMixParams;

    const NAME: &'static str = "AudioMix";
    const COST: Cost = Cost::Light;
    const INPUTS: &'static [Port] = &[Port::AUDIO_IN];
    const OUTPUTS: &'static [Port] = &[Port::AUDIO_OUT];
    const EXAMPLE: &'static str = r#"{"channels": 1}"#;

    fn output_form(params: &AudioMixParams, _port: usize, input: Form) -> Form {
        Form::Audio(AudioFormat { channels: Some(params.channels.into()), ..input.audio() })
    }

    fn check(params: &AudioMixParams) -> Result<(), ParamError> {
        let Some(gains) = &params.gains else { return Ok(()) };
        let error = |expected: String, got: String| Err(ParamError { param: "gains".to_owned(), expected, got });
        if gains.len() != usize::from(params.channels) {
            return error(format!("{} rows, one for each of 'channels'", params.channels), gains.len().to_string());
        }
        let inputs = gains.first().map_or(0, Vec::len);
        if inputs == 0 || inputs > Audio::MAX_CHANNELS {
            return error(format!("rows of 1 to {} numbers", Audio::MAX_CHANNELS), inputs.to_string());
        }
        match gains.iter().enumerate().find(|(_, row)| row.len() != inputs) {
            Some((index, row)) => error(
                format!("rows of equal length: row 0 has {inputs} numbers"),
                format!("{} in row {index}", row.len()),
            ),
            None => Ok(()),
        }
    }

    fn new(params: &AudioMixParams) -> Self {
        AudioMix { channels: params.channels.into(), gains: params.gains.clone(), matrix: None, rest: None }
    }
}

impl AudioMix {
    fn matrix_for(&self, audio: &Audio) -> Result<Matrix, NodeError> {
        let (inputs, outputs) = (audio.channels(), self.channels);
        let rows = match &self.gains {
            Some(gains) => {
                let columns = gains.first().map_or(0, Vec::len);
                if columns != inputs {
                    let cause = format!("'gains' are for {columns} input channels, the sound has {inputs}");
                    return Err(NodeError::new(cause).cure(format!("Give {}.", gains_shape(outputs, inputs))));
                }
                gains.clone()
            }
            None => standard_gains(inputs, outputs, audio.layout()).ok_or_else(|| {
                NodeError::new(format!("there is no standard way to mix {inputs} channels to {outputs}"))
                    .cure(format!("Give the param 'gains': {}.", gains_shape(outputs, inputs)))
            })?,
        };
        let taken = |row: Vec<f64>| row.into_iter().enumerate().filter(|(_, gain)| *gain != 0.0).collect();
        let rows = rows.into_iter().map(taken).collect();
        Ok(Matrix { inputs, layout: audio.layout().clone(), rows })
    }

    /// Mixes the next part of the packet.
    fn mix_part(&mut self) -> Result<Step, NodeError> {
        let (Some(mut rest), Some(matrix)) = (self.rest.take(), &self.matrix) else { return Ok(Step::DONE) };
        let (audio, first) = (rest.arrival.audio(), rest.position);
        let frames = matrix.frames_per_step(audio.rate(), audio.frames()).min(audio.frames() - first);
        let time = |frame: u64| audio.pts.map(|pts| pts.saturating_add(MediaTime::of_frames(frame, audio.rate())));
        check_finite(audio, first, frames, |frame| time(first as u64 + frame))?;
        let part = rest.arrival.slice(first, frames);
        let packet = Packet { seq: rest.seq, stream: rest.stream, ..part.with(matrix.mix(part.audio())) };
        let emission = Some(Emission { port: 0, packet });
        rest.position += frames;
        if rest.position == rest.arrival.audio().frames() {
            return Ok(Step::Done(emission));
        }
        self.rest = Some(rest);
        Ok(Step::More(emission))
    }
}

impl Matrix {
    fn is_for(&self, audio: &Audio) -> bool {
        self.inputs == audio.channels() && self.layout == *audio.layout()
    }

    /// The frames of a part, of audio with so many. All parts are about as long: of a short one at the end the time of its
    /// packet might be further off than is tolerated.
    fn frames_per_step(&self, rate: u32, frames: usize) -> usize {
        let work: usize = self.rows.iter().map(|row| row.len().max(1)).sum();
        let most = (STEP_WORK / work).clamp(1, rate as usize);
        frames.div_ceil(frames.div_ceil(most).max(1))
    }

    fn mix(&self, audio: &Audio) -> Audio {
        /// Frames at a time, so that the sums stay in the nearest cache.
        const BLOCK: usize = 512;
        let frames = audio.frames();
        let mut samples = Vec::with_capacity(self.rows.len() * frames);
        let mut sums = [0f64; BLOCK];
        for row in &self.rows {
            match row[..] {
                [(input, 1.0)] => samples.extend_from_slice(audio.channel(input)),
                // Float32 gives the same here: the products are exact, and the sum is rounded once.
                [(first, gain), (second, other)] if is_exact(gain) && is_exact(other) => {
                    let (gain, other) = (gain as f32, other as f32);
                    let pairs = audio.channel(first).iter().zip(audio.channel(second));
                    samples.extend(pairs.map(|(first, second)| gain * first + other * second));
                }
                _ => {
                    for start in (0..frames).step_by(BLOCK) {
                        let end = frames.min(start + BLOCK);
                        let sums = &mut sums[..end - start];
                        sums.fill(0.0);
                        for &(input, gain) in row {
                            for (sum, sample) in sums.iter_mut().zip(&audio.channel(input)[start..end]) {
                                *sum += gain * f64::from(*sample);
                            }
                        }
                        samples.extend(sums.iter().map(|sum| *sum as f32));
                    }
                }
            }
        }
        Audio::from_planar(samples, self.rows.len(), audio.rate()).expect("as many channels as the params allow")
    }
}

/// Whether a gain scales float32 samples without rounding, as far as they are not near the smallest of their type: a power
/// of two that makes none larger than that type has.
fn is_exact(gain: f64) -> bool {
    const FRACTION: u64 = (1 << (f64::MANTISSA_DIGITS - 1)) - 1;
    (1e-6..=1.0).contains(&gain.abs()) && gain.to_bits() & FRACTION == 0
}

/// The gains that need no param, for channel counts that differ.
fn standard_gains(inputs: usize, outputs: usize, layout: &Layout) -> Option<Vec<Vec<f64>>> {
    let speakers = speakers(layout, inputs);
    let mut rows = match (outputs, speakers) {
        _ if inputs == 1 => vec![vec![1.0]; outputs],
        (1, Some(speakers)) => vec![speakers.iter().map(|speaker| downmix(*speaker).1).collect()],
        (2, Some(speakers)) => {
            let side = |side: usize| speakers.iter().map(|speaker| downmix(*speaker).0[side]).collect();
            vec![side(0), side(1)]
        }
        (1, None) => vec![vec![1.0; inputs]],
        _ => return None,
    };
    for row in &mut rows {
        let sum: f64 = row.iter().sum();
        row.iter_mut().for_each(|gain| *gain /= sum);
    }
    Some(rows)
}

/// What gains for these counts look like, with an example where it is short.
fn gains_shape(outputs: usize, inputs: usize) -> String {
    let shape = format!("{outputs} rows (outputs) of {inputs} numbers (inputs)");
    if outputs * inputs > 24 {
        return shape;
    }
    let row = |output: usize| {
        let gains: Vec<&str> = (0..inputs).map(|input| if input == output % inputs { "1" } else { "0" }).collect();
        format!("[{}]", gains.join(", "))
    };
    let rows: Vec<String> = (0..outputs).map(row).collect();
    format!("{shape}, such as [{}]", rows.join(", "))
}
