//! `TimeFrequencyMask`: spectra with bands of frequencies and stretches of time left out, as `SpecAugment` does it.

use remotemedia_core::node::{Cost, Define, Item, Kinds, Node, NodeError, ParamError, Port, Step, documented};
use remotemedia_core::value::{Buffer, DataType, Kind, Packet, Tensor, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::stream::draws::Draws;

documented! {
/// Masks random bands of frequencies and stretches of time in spectra, for training.
///
/// It is the masking of SpecAugment (Park et al., "SpecAugment: a simple data augmentation method for automatic speech
/// recognition", Interspeech 2019), without its time warping; the defaults are its policy LD. Tensors of float32 go in, of
/// shape `(bands, frames)` or `(channels, bands, frames)`, as `MelSpectrogram` and `MFCC` emit them. All of an item are put
/// together along the frames, and one tensor comes out at its end.
///
/// The width of a mask is drawn from 0 to `frequency_width` bands or `time_width` frames, each as likely, but not more than there
/// are, and over time not more than `time_share` of the frames. Then its place is drawn, each as likely. Masks may overlap,
/// and are the same for all channels.
///
/// The draws depend on `seed`, on how many items came before in the run, and on the item's name, where it has one: the same
/// for the same input, however it is divided into packets. An item may fill 1 GiB; more is an error, and so are tensors that
/// differ in type, channels or bands.
pub struct TimeFrequencyMask {
    params: TimeFrequencyMaskParams,
    draws: Draws,
    spectra: Option<Spectra>,
}
}

/// The params of [`TimeFrequencyMask`].
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeFrequencyMaskParams {
    /// The number of masks over frequencies.
    #[serde(default = "default_masks")]
    #[schemars(range(max = 1000))]
    pub frequency_masks: u32,
    /// The most bands of one mask.
    #[serde(default = "default_frequency_width")]
    #[schemars(range(max = 65_536))]
    pub frequency_width: u32,
    /// The number of masks over time.
    #[serde(default = "default_masks")]
    #[schemars(range(max = 1000))]
    pub time_masks: u32,
    /// The most frames of one mask.
    #[serde(default = "default_time_width")]
    #[schemars(range(max = 100_000_000))]
    pub time_width: u32,
    /// The largest share of the item's frames for one mask over time.
    #[serde(default = "default_time_share")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub time_share: f64,
    /// What stands in place of what is masked.
    #[serde(default)]
    pub fill: MaskFill,
    /// The number for `fill: "value"`, 0 if left out.
    #[serde(default)]
    #[schemars(range(min = f32::MIN, max = f32::MAX))]
    pub value: Option<f32>,
    /// What the draws begin from: another seed, other draws.
    #[serde(default)]
    pub seed: u64,
}

/// What stands in place of what is masked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MaskFill {
    /// The mean of all numbers of the item.
    #[default]
    Mean,
    /// Zero.
    Zero,
    /// The param `value`.
    Value,
}

fn default_masks() -> u32 {
    2
}

fn default_frequency_width() -> u32 {
    27
}

fn default_time_width() -> u32 {
    100
}

fn default_time_share() -> f64 {
    1.0
}

/// All frames of an item: frame after frame, in each channel after channel.
struct Spectra {
    channels: Option<usize>,
    bands: usize,
    frames: usize,
    values: Vec<f32>,
    begin: Option<i64>,
    /// When the last packet ends.
    end: Option<i64>,
    stream: u32,
}

/// The most bytes of one item.
const MOST_BYTES: usize = 1 << 30;

impl Define for TimeFrequencyMask {
    type Params = TimeFrequencyMaskParams;

    const NAME: &'static str = "TimeFrequencyMask";
    const COST: Cost = Cost::Proportional;
    const INPUTS: &'static [Port] =
        &[Port::new("in", Kinds::of(&[Kind::Tensor]), "Float32 tensors (bands, frames) or (channels, bands, frames).")];
    const OUTPUTS: &'static [Port] = &[Port::new(
        "out",
        Kinds::of(&[Kind::Tensor]),
        "For each item one tensor of the same form, with all its frames.",
    )
    .like_input()];
    const EXAMPLE: &'static str = r#"{"frequency_width": 15, "time_width": 70, "time_share": 0.2, "seed": 7}"#;

    fn check(params: &TimeFrequencyMaskParams) -> Result<(), ParamError> {
        match params.value {
            Some(value) if params.fill != MaskFill::Value => Err(ParamError {
                param: "value".to_owned(),
                expected: "no such param unless 'fill' is \"value\"".to_owned(),
                got: value.to_string(),
            }),
            _ => Ok(()),
        }
    }

    fn new(params: &TimeFrequencyMaskParams) -> Self {
        Self { draws: Draws::first(Self::NAME, params.seed), params: params.clone(), spectra: None }
    }
}

impl Node for TimeFrequencyMask {
    fn begin_item(&mut self, item: &Item) {
        self.draws = Draws::new(Self::NAME, self.params.seed, item);
    }

    fn process(&mut self, _port: usize, packet: Packet) -> Result<Step, NodeError> {
        let Value::Tensor(tensor) = &packet.value else {
            let cause = format!("expected a tensor, got {}", packet.value.kind().name());
            return Err(NodeError::new(cause).cure("Connect a MelSpectrogram or an MFCC.").at(packet.pts));
        };
        let spectra = match &mut self.spectra {
            Some(spectra) => spectra,
            none => none.insert(Spectra::new(tensor, &packet)?),
        };
        spectra.add(tensor, &packet)?;
        Ok(Step::DONE)
    }

    fn flush(&mut self) -> Result<Step, NodeError> {
        let Some(mut spectra) = self.spectra.take() else { return Ok(Step::DONE) };
        self.mask(&mut spectra);
        Ok(Step::emit(spectra.packet()))
    }
}

impl TimeFrequencyMask {
    fn mask(&mut self, spectra: &mut Spectra) {
        let fill = match self.params.fill {
            MaskFill::Zero => 0.0,
            MaskFill::Value => self.params.value.unwrap_or(0.0),
            MaskFill::Mean => spectra.mean(),
        };
        let most = (self.params.frequency_width as usize).min(spectra.bands);
        for _ in 0..self.params.frequency_masks {
            let (first, width) = self.draw(most, spectra.bands);
            for bands in spectra.values.chunks_mut(spectra.bands.max(1)) {
                bands[first..first + width].fill(fill);
            }
        }
        let share = (self.params.time_share * spectra.frames as f64).floor() as usize;
        let most = (self.params.time_width as usize).min(share);
        for _ in 0..self.params.time_masks {
            let (first, width) = self.draw(most, spectra.frames);
            let rows = spectra.rows();
            spectra.values[first * rows..(first + width) * rows].fill(fill);
        }
    }

    /// Where a mask begins and how wide it is.
    fn draw(&mut self, most: usize, length: usize) -> (usize, usize) {
        let width = self.draws.below(most as u64 + 1) as usize;
        let first = self.draws.below((length - width) as u64 + 1) as usize;
        (first, width)
    }
}

impl Spectra {
    fn new(tensor: &Tensor, packet: &Packet) -> Result<Self, NodeError> {
        let (channels, bands) = match (tensor.data_type(), tensor.shape()) {
            (DataType::Float32, [bands, _]) => (None, *bands),
            (DataType::Float32, [channels, bands, _]) => (Some(*channels), *bands),
            (data_type, shape) => {
                let cause = format!(
                    "expected a float32 tensor (bands, frames) or (channels, bands, frames), got {} {shape:?}",
                    data_type.name()
                );
                return Err(NodeError::new(cause).cure("Connect a MelSpectrogram or an MFCC.").at(packet.pts));
            }
        };
        let (begin, stream) = (packet.pts, packet.stream);
        Ok(Self { channels, bands, frames: 0, values: Vec::new(), begin, end: None, stream })
    }

    /// The numbers of a frame.
    fn rows(&self) -> usize {
        self.channels.unwrap_or(1) * self.bands
    }

    fn add(&mut self, tensor: &Tensor, packet: &Packet) -> Result<(), NodeError> {
        let (shape, strides) = (tensor.shape(), tensor.strides());
        let own: Vec<usize> = self.channels.into_iter().chain([self.bands]).collect();
        let is_same =
            tensor.data_type() == DataType::Float32 && shape.split_last().is_some_and(|(_, rest)| rest == own);
        let Some((&frames, _)) = shape.split_last().filter(|_| is_same) else {
            let cause = format!("expected float32 {own:?} for each frame, got {} {shape:?}", tensor.data_type().name());
            return Err(NodeError::new(cause).cure("Send the spectra of one node in one item.").at(packet.pts));
        };
        if (self.values.len() + tensor.element_count()) * size_of::<f32>() > MOST_BYTES {
            let cause = "the spectra of one item fill more than 1 GiB";
            return Err(NodeError::new(cause).cure("Cut the sound into shorter items first.").at(packet.pts));
        }
        let bytes = tensor.buffer().as_slice();
        let number = |index: [usize; 3]| {
            let [channel, band, frame] = index.map(|index| index as isize);
            let outer = if self.channels.is_some() { channel * strides[0] } else { 0 };
            let [.., of_band, of_frame] = strides else { return 0.0 };
            let at = tensor.offset().wrapping_add_signed(outer + band * of_band + frame * of_frame);
            f32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let channels = self.channels.unwrap_or(1);
        self.values.reserve(tensor.element_count());
        for frame in 0..frames {
            for channel in 0..channels {
                self.values.extend((0..self.bands).map(|band| number([channel, band, frame])));
            }
        }
        self.frames += frames;
        self.end = packet.pts.zip(packet.duration).map(|(pts, duration)| pts.saturating_add(duration));
        Ok(())
    }

    fn mean(&self) -> f32 {
        let sum: f64 = self.values.iter().copied().map(f64::from).sum();
        (sum / self.values.len().max(1) as f64) as f32
    }

    /// A tensor whose numbers lie frame after frame.
    fn packet(self) -> Packet {
        let size = size_of::<f32>() as isize;
        let (bands, rows) = (self.bands as isize, self.rows() as isize);
        let mut shape = vec![self.bands, self.frames];
        let mut strides = vec![size, size * rows];
        if let Some(channels) = self.channels {
            shape.insert(0, channels);
            strides.insert(0, size * bands);
        }
        let tensor = Tensor::new(DataType::Float32, shape, strides, Buffer::from_samples(self.values), 0)
            .expect("as many numbers as frames, channels and bands make");
        let duration = self.begin.zip(self.end).map(|(begin, end)| end.saturating_sub(begin));
        Packet { stream: self.stream, ..Packet::new(tensor.into()).at(self.begin, duration) }
    }
}
