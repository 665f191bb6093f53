//! `FileSink`: writes each item, or each part of one, to a file of its own.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use remotemedia_core::node::{
    Context, Cost, Define, Form, Item, Kinds, Node, NodeError, ParamError, Port, Step, TakenName, documented, may_block,
};
use remotemedia_core::value::{File, FileSource as Place, Kind, Map, Packet, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::audio::{AudioEncode, FileFormat};
use crate::io::{Arrival, Existing, Finished, Input, Output, Template, is_there, open, prepare, unreadable, unwritten};
use crate::stream::timeline::Gaps;

documented! {
/// Writes sound, bytes and files to paths made of a pattern.
///
/// - The packets of sound or of bytes of one item are one file. A `File`, or a map with `audio` as `SpeechSegments` emits it,
///   is a file of its own.
/// - Sound is encoded as the ending says: `.wav` and `.flac` with 16 bits, `.opus` with the usual bitrate. For anything else
///   put an `AudioEncode` before it, whose bytes are written as they are.
/// - A file appears under its name when it is whole. What an error or a cancel leaves unfinished is removed. One that is
///   replaced gives its owner and its mode to the new one.
/// - Folders are made as needed. With a placeholder in the path no file leaves the folder that stands before the first one,
///   whatever names the items have and whatever links there are below it.
/// - A link in the place of a file stays, and what it leads to is written. A pipe or a device is written into as it is,
///   also without `overwrite`; a pipe needs a reader. Sockets and disks are refused.
/// - A `File` by path may be a pipe or a device as well, which is copied until it ends.
/// - Two files of one run under one path are an error, whichever nodes write them, and so is a file that is there already, unless `overwrite` or
///   `skip_existing` says otherwise.
/// - What comes out is each file by its path, once it is whole; for one that `skip_existing` left alone the map
///   `{type: "skipped", file}`.
#[derive(Debug)]
pub struct FileSink {
    template: Template,
    existing: Existing,
    /// It knows what this node has written in the run before this instance.
    context: Context,
    item: Item,
    open: Option<Open>,
    gaps: Gaps,
}
}

/// The params of [`FileSink`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileSinkParams {
    /// Where to write. `{stem}` is the name of the item without its ending, `{parent}` the name of the folder that its file
    /// is in, `{relative}` the path of its file without the ending, below the folder where the pattern of `FileSource`
    /// begins: `may/a` for `calls/may/a.flac` of `calls/**/*.flac`. A file that is named itself is seen from the current
    /// folder, or from `/./` in its path: `calls/./may/a.flac`; one that lies outside from `/`. `{index}` is the number of
    /// the file in the run from 0 on, `{index:05d}` the same with at least five digits; `{{` and `}}` are braces.
    pub path: String,
    /// Leaves files alone that are there already, and emits `{type: "skipped", file}` for each. Else they are an error.
    #[serde(default)]
    pub skip_existing: bool,
    /// Replaces files that are there already.
    #[serde(default)]
    pub overwrite: bool,
    /// What the node does where the times of the sound of a file jump, as after a packet that was lost. A file has no times of
    /// its own: with `restart` the sound after a gap follows at once, with `fill` each sound has its place.
    #[serde(default)]
    pub gaps: Gaps,
}

/// A file in the making.
#[derive(Debug)]
struct Open {
    path: Arc<str>,
    taken: TakenName,
    mime: Option<Arc<str>>,
    content: Content,
    /// It ends with the value that began it, not with the item.
    is_whole: bool,
}

enum Content {
    Sound(Box<AudioEncode>),
    Bytes(Output),
    Copy {
        from: Input,
        name: Arc<str>,
        to: Output,
    },
    /// It was there and is left alone.
    Skipped,
}

/// The bytes that one step copies.
const COPIED: u64 = 1 << 20;

impl Node for FileSink {
    fn initialize(&mut self, context: &Context) -> Result<(), NodeError> {
        self.context = context.clone();
        Ok(())
    }

    fn begin_item(&mut self, item: &Item) {
        self.item = item.clone();
    }

    fn process(&mut self, _port: usize, packet: Packet) -> Result<Step, NodeError> {
        match packet.value {
            Value::Audio(_) => self.sound(packet, false),
            Value::Bytes(bytes) => {
                self.begin(Kind::Bytes, false, None)?;
                self.write(bytes.as_slice())?;
                Ok(Step::DONE)
            }
            Value::File(file) => self.file(&file),
            Value::Map(map) => match map.get("audio") {
                Some(Value::Audio(audio)) => self.sound(Packet::new(Value::Audio(audio.clone())), true),
                _ => Err(NodeError::new("the map has no sound under 'audio'")
                    .cure("Send sound, bytes, files, or what SpeechSegments emits.")),
            },
            other => Err(NodeError::new(format!("expected bytes, map, audio or file, got {}", other.kind().name()))),
        }
    }

    fn resume(&mut self) -> Result<Step, NodeError> {
        let Some(open) = &mut self.open else { return Ok(Step::DONE) };
        let is_at_end = match &mut open.content {
            Content::Sound(encode) => match encode.resume()? {
                Step::More(_) => false,
                Step::Done(_) => true,
            },
            Content::Copy { from, name, to } => {
                let (bytes, is_at_end) = piece_of(from, name)?;
                to.write_all(&bytes).map_err(|error| unwritten(&format!("'{}'", open.path), &error))?;
                is_at_end
            }
            Content::Bytes(_) | Content::Skipped => true,
        };
        match (is_at_end, open.is_whole) {
            (false, _) => Ok(Step::More(None)),
            (true, true) => self.finish(),
            (true, false) => Ok(Step::DONE),
        }
    }

    fn flush(&mut self) -> Result<Step, NodeError> {
        self.finish()
    }

    fn cleanup(&mut self) {
        self.open = None;
    }
}

impl FileSink {
    fn sound(&mut self, packet: Packet, is_whole: bool) -> Result<Step, NodeError> {
        self.begin(Kind::Audio, is_whole, None)?;
        if let Some(Open { content: Content::Sound(encode), .. }) = &mut self.open {
            let step = encode.process(0, packet);
            if step.is_err() {
                self.open = None;
            }
            if let Step::More(_) = step? {
                return Ok(Step::More(None));
            }
        }
        if is_whole { self.finish() } else { Ok(Step::DONE) }
    }

    fn file(&mut self, file: &File) -> Result<Step, NodeError> {
        // Looked for before anything is made in its place.
        let from = match &file.source {
            Place::Path(path) => Some((open(path)?, path)),
            Place::Bytes(_) => None,
        };
        self.begin(Kind::File, true, file.mime.clone())?;
        let Some(open) = &mut self.open else { return Ok(Step::DONE) };
        match (&file.source, from) {
            (Place::Bytes(bytes), _) => self.write(bytes.as_slice())?,
            (_, Some((from, name))) => {
                if let Content::Bytes(_) = open.content
                    && let Content::Bytes(to) = std::mem::replace(&mut open.content, Content::Skipped)
                {
                    open.content = Content::Copy { from, name: Arc::clone(name), to };
                }
            }
            _ => {}
        }
        self.resume()
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), NodeError> {
        if let Some(Open { content: Content::Bytes(output), path, .. }) = &mut self.open {
            let result = output.write_all(bytes).map_err(|error| unwritten(&format!("'{path}'"), &error));
            if result.is_err() {
                self.open = None;
            }
            return result;
        }
        Ok(())
    }

    /// Sees to it that a file for this kind of value is open.
    fn begin(&mut self, kind: Kind, is_whole: bool, mime: Option<Arc<str>>) -> Result<(), NodeError> {
        if let Some(open) = &self.open {
            let fits = match open.content {
                Content::Sound(_) => kind == Kind::Audio,
                Content::Bytes(_) => kind == Kind::Bytes,
                Content::Copy { .. } => false,
                Content::Skipped => true,
            };
            if fits && !is_whole && !open.is_whole {
                return Ok(());
            }
            return Err(NodeError::new(format!("'{}' is being written, and other content comes", open.path))
                .cure("Send sound, or bytes, or whole files within one item, not a mixture."));
        }
        let Context { node_id, cancel, paths, time_breaks } = &self.context;
        let path = self.template.fill(&self.item, paths.kept_by(node_id))?;
        let format = FileFormat::of_path(&path);
        if let (Kind::Audio, None) = (kind, format) {
            return Err(NodeError::new(format!(
                "sound can't be written to '{path}', because its ending names no format"
            ))
            .cure("Use .wav, .flac or .opus."));
        }
        let path: Arc<str> = path.into();
        let taken = paths.take(&path, &self.item).map_err(|other| self.two_files(&path, &other))?;
        let content = if self.existing == Existing::Preferred && may_block(|| is_there(Path::new(&*path))) {
            Content::Skipped
        } else {
            let folder = self.template.folder();
            may_block(|| prepare(folder, &path))?;
            let within = self.template.has_places().then_some(Path::new(folder));
            match (kind, format) {
                (Kind::Audio, Some(format)) => {
                    let mut encode = AudioEncode::to_path(&path, format, self.existing, within, cancel, self.gaps);
                    encode.count_in(time_breaks);
                    Content::Sound(Box::new(encode))
                }
                _ => Content::Bytes(Output::at(&path, self.existing, within, cancel)?),
            }
        };
        let mime = if kind == Kind::Audio { format.map(|format| format.mime().into()) } else { mime };
        self.open = Some(Open { path, taken, mime, content, is_whole });
        Ok(())
    }

    /// Another file of the run has this path already.
    fn two_files(&self, path: &str, other: &Item) -> NodeError {
        let cause = format!(
            "'{path}' would hold two files of this run, of {} and of {}",
            describe(other),
            describe(&self.item)
        );
        NodeError::new(cause).cure(if *other == self.item {
            "Give each node that writes a path of its own, or put {index} into `path`."
        } else {
            "Put {index} into `path`."
        })
    }

    /// Ends the file that is open, and tells of it.
    fn finish(&mut self) -> Result<Step, NodeError> {
        let Some(Open { path, taken, mime, content, .. }) = self.open.take() else { return Ok(Step::DONE) };
        let file = Value::from(File { mime, ..File::from_path(path) });
        let is_written = match content {
            // It emits the file as well, but without the type that it was asked for by its ending.
            Content::Sound(mut encode) => matches!(encode.flush()?, Step::Done(Some(_))),
            Content::Bytes(output) | Content::Copy { to: output, .. } => !matches!(output.finish()?, Finished::Dropped),
            Content::Skipped => false,
        };
        let value = if is_written {
            file
        } else {
            let entries = [("type", Value::Str("skipped".into())), ("file", file)];
            Value::Map(Arc::new(entries.into_iter().map(|(key, value)| (key.into(), value)).collect::<Map>()))
        };
        taken.keep(&self.context.node_id);
        Ok(Step::emit(value))
    }
}

impl Define for FileSink {
    type Params = FileSinkParams;

    const NAME: &'static str = "FileSink";
    const COST: Cost = Cost::Blocking;
    const INPUTS: &'static [Port] = &[Port::new(
        "in",
        Kinds::of(&[Kind::Audio, Kind::Bytes, Kind::File, Kind::Map]),
        "Sound or bytes of one file in pieces, whole files, or segments with their sound.",
    )];
    const OUTPUTS: &'static [Port] = &[Port::new(
        "out",
        Kinds::of(&[Kind::File, Kind::Map]),
        "Each file that was written, by path; `{type: \"skipped\", file}` for one that was left alone.",
    )];
    const EXAMPLE: &'static str = r#"{"path": "out/{stem}/{index:05d}.wav"}"#;

    fn output_form(params: &FileSinkParams, _port: usize, _input: Form) -> Form {
        if params.skip_existing { Form::Unknown } else { Form::Of(Kind::File) }
    }

    fn check(params: &FileSinkParams) -> Result<(), ParamError> {
        Template::parse(&params.path).map_err(|(expected, got)| ParamError {
            param: "path".to_owned(),
            expected,
            got,
        })?;
        if params.skip_existing && params.overwrite {
            return Err(ParamError {
                param: "overwrite".to_owned(),
                expected: "false, because skip_existing keeps the files that are there".to_owned(),
                got: "true".to_owned(),
            });
        }
        Ok(())
    }

    fn new(params: &FileSinkParams) -> Self {
        Self {
            template: Template::parse(&params.path).unwrap_or_default(),
            existing: match (params.overwrite, params.skip_existing) {
                (true, _) => Existing::Replaced,
                (false, true) => Existing::Preferred,
                (false, false) => Existing::Kept,
            },
            context: Context::default(),
            item: Item::default(),
            open: None,
            gaps: params.gaps,
        }
    }
}

impl std::fmt::Debug for Content {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Content::Sound(_) => "Sound",
            Content::Bytes(_) => "Bytes",
            Content::Copy { .. } => "Copy",
            Content::Skipped => "Skipped",
        })
    }
}

/// The next bytes of a file that is copied, and whether they are its last.
fn piece_of(from: &mut Input, name: &str) -> Result<(Vec<u8>, bool), NodeError> {
    match from {
        Input::File(file, _) => {
            let mut bytes = Vec::new();
            file.take(COPIED).read_to_end(&mut bytes).map_err(|error| unreadable(&format!("'{name}'"), &error))?;
            let is_at_end = (bytes.len() as u64) < COPIED;
            Ok((bytes, is_at_end))
        }
        Input::Stream(incoming) => Ok(match incoming.next()? {
            Arrival::Bytes(bytes) => (bytes, false),
            Arrival::Nothing => (Vec::new(), false),
            Arrival::End => (Vec::new(), true),
        }),
    }
}

/// An item as error messages name it.
fn describe(item: &Item) -> String {
    match &item.name {
        Some(name) => format!("input {} '{name}'", item.number),
        None => format!("input {}", item.number),
    }
}
