//! `AudioEncode`: from chunks of sound to a WAV, FLAC or Opus file, in memory or on disk.

mod channel_mask;
mod dither;
mod flac;
mod ogg;
mod opus;
mod wav;

use std::path::{Path, PathBuf};

use remotemedia_core::node::{
    CancelFlag, Context, Cost, Define, Emission, Form, Item, Kinds, Node, NodeError, ParamError, Port, Step, TakenName,
    TimeBreaks, documented,
};
use remotemedia_core::outside::named;
use remotemedia_core::value::{Audio, File, Kind, Layout, Packet, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::dither::Dither;
use self::flac::FlacWriter;
use self::opus::OpusWriter;
use self::wav::WavWriter;
use super::pcm::SampleFormat;
use crate::io::{Existing, Finished, Output, unwritten};
use crate::stream::finite::check_finite;
use crate::stream::reader::Reader;
use crate::stream::timeline::Gaps;

/// Params of [`AudioEncode`].
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AudioEncodeParams {
    /// The file format. Without it the ending of `path` tells.
    #[serde(default)]
    pub format: Option<FileFormat>,
    /// How samples are written: s16 if left out, s24 or f32; FLAC takes s16 and s24, Opus has no samples. Integers are
    /// rounded to nearest and saturate.
    #[serde(default)]
    pub sample_format: Option<EncodedSamples>,
    /// Noise that is added before samples become integers. Leave it out for sound that was integers of this size.
    #[serde(default)]
    pub dither: DitherKind,
    /// The mean rate of Opus in kbit/s, of all channels together; 64 for mono, 96 for stereo and 320 for 5.1 if left
    /// out. Mono and stereo take 6 to 510, 3 and 4 channels twice as much, 5 three times, 6 and 7 four times, 8 five
    /// times.
    #[serde(default)]
    #[schemars(range(min = 6, max = 2550))]
    pub bitrate_kbps: Option<u32>,
    /// Where to write one item. The file appears when it is whole and replaces an earlier one, whose mode it keeps; a
    /// link stays, and what it leads to is replaced. Pipes and devices are written into as the sound comes: then the lengths
    /// in the headers of WAV and FLAC say that they are unknown. Without a path each item comes out as bytes.
    #[serde(default)]
    pub path: Option<String>,
    /// What the node does where the times of its input jump, as after a packet that was lost. A file has no times of its own:
    /// with `restart` the sound after a gap follows at once, with `fill` each sound has its place.
    #[serde(default)]
    pub gaps: Gaps,
}

/// A file format that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// RIFF WAVE; RF64 if it is more than 4 GiB.
    Wav,
    /// FLAC, up to 8 channels and 655 kHz.
    Flac,
    /// Opus in Ogg, up to 8 channels. 8, 12, 16, 24 and 48 kHz are encoded as they are, other rates at 48 kHz.
    Opus,
}

/// Noise before rounding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DitherKind {
    /// None.
    #[default]
    None,
    /// Triangular noise of one step to each side.
    Triangular,
}

/// A sample format that a file can have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EncodedSamples {
    /// Signed 16-bit integers.
    #[default]
    S16,
    /// Signed 24-bit integers.
    S24,
    /// 32-bit floats, also above full scale.
    F32,
}

documented! {
/// Encodes sound to WAV, FLAC or Opus, as bytes or to a path.
///
/// Each item becomes one file. With `path` the samples go to disk as they come; without, the encoded bytes collect in
/// memory until the item ends.
///
/// - Integers are rounded to nearest and saturate at full scale; f32 keeps what is above it. Without `dither` nothing is added.
/// - What comes out is the file that was written, or bytes; the type of either is `audio/wav`, `audio/flac` or
///   `audio/ogg; codecs=opus`. An item without sound gives nothing.
/// - A file by `path` appears under its name when it is whole, and is written to a name beside it until then; a pipe or a device is
///   written into. One path holds one item: a second one is an error.
/// - Where the channels are, WAV says by its mask of speakers, and FLAC by the same mask as a comment where they are not where
///   FLAC has so many: 3.0, quad, 5.0, 5.1, 6.1 or 7.1. Three and more channels without a layout come back as such, but
///   Opus, which has no way to say that, refuses them. A layout that FLAC or Opus has no places for is an error. Opus does not
///   tell speakers at the sides from those behind: quad(side), 5.0(side) and 5.1(side) come back as quad, 5.0 and 5.1.
/// - FLAC has up to 8 channels and 655 kHz. What is more is an error, and so are a change of rate or layout inside an item, and
///   NaN or infinity where samples are computed.
pub struct AudioEncode {
    format: FileFormat,
    samples: SampleFormat,
    dither: DitherKind,
    bitrate_kbps: Option<u32>,
    path: Option<String>,
    existing: Existing,
    /// The folder that no link may lead out of.
    within: Option<PathBuf>,
    context: Context,
    item: Item,
    open: Option<OpenFile>,
    /// Sound that is not encoded yet.
    reader: Reader,
}
}

struct OpenFile {
    output: Output,
    /// The path, where there is one.
    taken: Option<TakenName>,
    writer: Writer,
    dither: Option<Dither>,
    rate: u32,
    layout: Layout,
    channels: usize,
}

enum Writer {
    Wav(WavWriter),
    Flac(Box<FlacWriter>),
    Opus(Box<OpusWriter>),
}

impl EncodedSamples {
    const fn name(self) -> &'static str {
        match self {
            EncodedSamples::S16 => "s16",
            EncodedSamples::S24 => "s24",
            EncodedSamples::F32 => "f32",
        }
    }
}

impl FileFormat {
    const fn name(self) -> &'static str {
        match self {
            FileFormat::Wav => "wav",
            FileFormat::Flac => "flac",
            FileFormat::Opus => "opus",
        }
    }

    pub(crate) const fn mime(self) -> &'static str {
        match self {
            FileFormat::Wav => "audio/wav",
            FileFormat::Flac => "audio/flac",
            FileFormat::Opus => "audio/ogg; codecs=opus",
        }
    }

    pub(crate) fn of_path(path: &str) -> Option<Self> {
        let ending = Path::new(path).extension()?.to_str()?;
        [FileFormat::Wav, FileFormat::Flac, FileFormat::Opus]
            .into_iter()
            .find(|format| format.name().eq_ignore_ascii_case(ending))
    }
}

impl Define for AudioEncode {
    type Params = AudioEncodeParams;

    const NAME: &'static str = "AudioEncode";
    const COST: Cost = Cost::Blocking;
    const INPUTS: &'static [Port] = &[Port::AUDIO_IN];
    const OUTPUTS: &'static [Port] = &[Port::new(
        "out",
        Kinds::of(&[Kind::Bytes, Kind::File]),
        "The bytes of each item's file, or the file that was written.",
    )];
    const EXAMPLE: &'static str = r#"{"format": "flac", "sample_format": "s16"}"#;

    fn output_form(params: &Self::Params, _port: usize, _input: Form) -> Form {
        Form::Of(if params.path.is_some() { Kind::File } else { Kind::Bytes })
    }

    fn check(params: &Self::Params) -> Result<(), ParamError> {
        let problem = |param: &str, expected: &str, got: String| {
            Err(ParamError { param: param.to_owned(), expected: expected.to_owned(), got })
        };
        let by_path = params.path.as_deref().and_then(FileFormat::of_path);
        let Some(format) = params.format.or(by_path) else {
            let got = params.path.as_ref().map_or("neither".to_owned(), |path| format!("the path {}", named(path)));
            let expected = "\"wav\", \"flac\" or \"opus\", or a path that ends in .wav, .flac or .opus";
            return problem("format", expected, got);
        };
        if let Some(other) = by_path.filter(|other| *other != format) {
            let got = format!("a path that ends in .{}", other.name());
            return problem("path", &format!("a path that ends in .{}", format.name()), got);
        }
        if params.path.as_deref() == Some("") {
            return problem("path", "a path", "\"\"".to_owned());
        }
        if format == FileFormat::Flac && params.sample_format == Some(EncodedSamples::F32) {
            return problem("sample_format", "\"s16\" or \"s24\", because FLAC holds integers", "\"f32\"".to_owned());
        }
        let integers = format != FileFormat::Opus && params.sample_format != Some(EncodedSamples::F32);
        if params.dither != DitherKind::None && !integers {
            return problem("dither", "\"none\", because no integers are written", "\"triangular\"".to_owned());
        }
        if params.sample_format.is_some() && format == FileFormat::Opus {
            let got = params.sample_format.map_or("", EncodedSamples::name);
            return problem("sample_format", "nothing, because Opus holds no samples", format!("\"{got}\""));
        }
        if let (Some(bitrate), true) = (params.bitrate_kbps, format != FileFormat::Opus) {
            return problem("bitrate_kbps", "nothing, because only Opus has a bitrate", bitrate.to_string());
        }
        Ok(())
    }

    fn new(params: &Self::Params) -> Self {
        let by_path = params.path.as_deref().and_then(FileFormat::of_path);
        Self {
            format: params.format.or(by_path).unwrap_or(FileFormat::Wav),
            samples: match params.sample_format.unwrap_or_default() {
                EncodedSamples::S16 => SampleFormat::S16,
                EncodedSamples::S24 => SampleFormat::S24,
                EncodedSamples::F32 => SampleFormat::F32,
            },
            dither: params.dither,
            bitrate_kbps: params.bitrate_kbps,
            path: params.path.clone(),
            existing: Existing::Replaced,
            within: None,
            context: Context::default(),
            item: Item::default(),
            open: None,
            reader: Reader::new(params.gaps),
        }
    }
}

impl Node for AudioEncode {
    fn initialize(&mut self, context: &Context) -> Result<(), NodeError> {
        self.context = context.clone();
        self.count_in(&context.time_breaks);
        Ok(())
    }

    fn begin_item(&mut self, item: &Item) {
        self.item = item.clone();
    }

    fn process(&mut self, _port: usize, packet: Packet) -> Result<Step, NodeError> {
        let Value::Audio(audio) = &packet.value else {
            return Err(NodeError::new(format!("expected audio, got {}", packet.value.kind().name())));
        };
        if audio.frames() > 0 {
            let result = self.begin(audio);
            self.or_abandon(result)?;
        }
        self.reader.push(packet)?;
        self.resume()
    }

    fn resume(&mut self) -> Result<Step, NodeError> {
        /// The frames that one step encodes.
        const FRAMES: usize = 1 << 16;
        // A file has no times: it goes on where they jump.
        self.reader.take_ended();
        self.reader.open();
        let Some((segment, audio)) = self.reader.next(|_| FRAMES) else { return Ok(Step::DONE) };
        segment.position += audio.frames() as u64;
        // Floats are written as they are; no integer stands for what is no number.
        let representable = match self.samples {
            SampleFormat::F32 => Ok(()),
            _ => check_finite(&audio, 0, audio.frames(), |frame| audio.slice(frame as usize, 0).pts),
        };
        let result = representable.and_then(|()| self.write(&audio));
        self.or_abandon(result)?;
        Ok(if self.reader.is_waiting() { Step::More(None) } else { Step::DONE })
    }

    fn flush(&mut self) -> Result<Step, NodeError> {
        let name = self.name();
        self.reader.finish();
        if let Some(empty) = self.reader.peek().cloned() {
            let result = self.begin(&empty);
            self.or_abandon(result)?;
        }
        self.reader.reset();
        let Some(mut open) = self.open.take() else { return Ok(Step::DONE) };
        match &mut open.writer {
            Writer::Wav(writer) => writer.finish(&mut open.output).map_err(|error| unwritten(&name, &error))?,
            Writer::Flac(writer) => writer.finish(&mut open.output, &name)?,
            Writer::Opus(writer) => writer.finish(&mut open.output, &name)?,
        }
        let value = match open.output.finish()? {
            Finished::Memory(bytes) => Value::bytes(bytes),
            Finished::Dropped => return Ok(Step::DONE),
            Finished::File => {
                if let Some(taken) = open.taken {
                    taken.keep(&self.context.node_id);
                }
                let path = self.path.as_deref().unwrap_or_default();
                Value::from(File { mime: Some(self.format.mime().into()), ..File::from_path(path) })
            }
        };
        Ok(Step::Done(Some(Emission { port: 0, packet: Packet::new(value) })))
    }

    fn cleanup(&mut self) {
        self.reader.reset();
        self.open = None;
    }
}

impl AudioEncode {
    /// From here on jumps in time are counted there.
    pub(crate) fn count_in(&mut self, breaks: &TimeBreaks) {
        self.reader.count_in(breaks);
    }

    /// Encodes one item to a path whose ending tells the format, as without any params.
    pub(crate) fn to_path(
        path: &str,
        format: FileFormat,
        existing: Existing,
        within: Option<&Path>,
        cancel: &CancelFlag,
        gaps: Gaps,
    ) -> Self {
        let params = AudioEncodeParams {
            format: Some(format),
            sample_format: None,
            dither: DitherKind::None,
            bitrate_kbps: None,
            path: Some(path.to_owned()),
            gaps,
        };
        let within = within.map(Path::to_owned);
        let context = Context { cancel: cancel.clone(), ..Context::default() };
        Self { existing, within, context, ..Self::new(&params) }
    }

    /// Opens the file of this item, or makes sure that the sound fits the one that is open.
    fn begin(&mut self, audio: &Audio) -> Result<(), NodeError> {
        let (rate, channels) = (audio.rate(), audio.channels());
        if let Some(open) = &self.open {
            // One and two channels are meant by their number.
            let has_places = channels <= 2 || open.layout == *audio.layout();
            if (open.rate, open.channels) == (rate, channels) && has_places {
                return Ok(());
            }
            let is_rate = open.rate != rate;
            let change = if is_rate {
                format!("{} Hz to {rate} Hz", open.rate)
            } else if open.channels != channels {
                format!("{} to {channels} channels", open.channels)
            } else {
                let [from, to] = [&open.layout, audio.layout()].map(|layout| layout.name().unwrap_or("none"));
                format!("the layout {from} to {to}")
            };
            let node = if is_rate { "AudioResample" } else { "AudioMix" };
            return Err(NodeError::new(format!("the sound changes from {change} within one file"))
                .cure(format!("Put an {node} before it."))
                .at(audio.pts));
        }
        let taken = self.path.as_deref().map(|path| self.take(path)).transpose()?;
        let mut output = match &self.path {
            Some(path) => Output::at(path, self.existing, self.within.as_deref(), &self.context.cancel)?,
            None => Output::in_memory(),
        };
        let name = self.name();
        let writer = match self.format {
            FileFormat::Wav => {
                Writer::Wav(WavWriter::new(audio, self.samples, &mut output).map_err(|error| unwritten(&name, &error))?)
            }
            FileFormat::Flac => Writer::Flac(Box::new(FlacWriter::new(audio, self.samples, &mut output, &name)?)),
            FileFormat::Opus => Writer::Opus(Box::new(OpusWriter::new(audio, self.bitrate_kbps, &mut output, &name)?)),
        };
        let bits = self.samples.bytes() as u32 * 8;
        let dither = (self.dither == DitherKind::Triangular).then(|| Dither::new(bits));
        let layout = audio.layout().clone();
        self.open = Some(OpenFile { output, taken, writer, dither, rate, layout, channels });
        Ok(())
    }

    /// Takes the path for this item.
    fn take(&self, path: &str) -> Result<TakenName, NodeError> {
        let Context { node_id, paths, .. } = &self.context;
        paths.take(&path.into(), &self.item).map_err(|_| match paths.kept_by(node_id) {
            0 => NodeError::new(format!("another node of this run writes '{path}'"))
                .cure("Give each node that writes a path of its own."),
            _ => NodeError::new(format!("'{path}' holds an earlier item of this run"))
                .cure("Leave `path` out to get each item as bytes, or run once for each item."),
        })
    }

    fn write(&mut self, audio: &Audio) -> Result<(), NodeError> {
        let name = self.name();
        let Some(open) = &mut self.open else { return Ok(()) };
        let dithered = match &mut open.dither {
            Some(dither) => Some(
                Audio::from_channels(&dither.add(audio), audio.rate())
                    .map_err(|error| NodeError::new("the sound can't be dithered").because(&error))?,
            ),
            None => None,
        };
        let audio = dithered.as_ref().unwrap_or(audio);
        match &mut open.writer {
            Writer::Wav(writer) => {
                writer.write(audio, &mut open.output).map_err(|error| unwritten(&name, &error))?;
            }
            Writer::Flac(writer) => writer.write(audio, &mut open.output, &name)?,
            Writer::Opus(writer) => writer.write(audio, &mut open.output, &name)?,
        }
        Ok(())
    }

    /// After a failure nothing of the item is left, also not on disk.
    fn or_abandon(&mut self, result: Result<(), NodeError>) -> Result<(), NodeError> {
        if result.is_err() {
            self.open = None;
            self.reader.reset();
        }
        result
    }

    /// What messages call the file.
    fn name(&self) -> String {
        self.path.as_ref().map_or("the file".to_owned(), |path| format!("'{path}'"))
    }
}
