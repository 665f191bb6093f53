//! `FileSource`: the files of a path or pattern, each an item of its own.

use std::ops::Range;
use std::sync::Arc;

use remotemedia_core::node::{Context, Cost, Define, Item, Kinds, Node, NodeError, ParamError, Port, Step, documented};
use remotemedia_core::value::{File, Kind, Packet, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use super::pattern::find;

documented! {
/// Brings the files of a path or pattern, each an item of its own.
///
/// Files come by path, sorted by path; nothing of them is read here. Each file is an item of its own, with its name: media state ends with it, messages name it, and `FileSink` can be told to
/// call its result the same. Where other nodes take inputs beside it, all files come in each item.
#[derive(Debug)]
pub struct FileSource {
    path: String,
    files: Vec<String>,
    /// The files that are still to come in this item.
    left: Range<usize>,
    /// How many items were asked for.
    asked: usize,
}
}

/// The params of [`FileSource`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileSourceParams {
    /// A file, or a pattern such as `calls/**/*.wav`: `*` and `?` within a name, `[0-9]` for one character, `**` for any
    /// number of folders. Names that begin with a dot are left out unless the pattern has the dot.
    pub path: String,
}

impl Node for FileSource {
    fn initialize(&mut self, _context: &Context) -> Result<(), NodeError> {
        self.files = find(&self.path)?;
        Ok(())
    }

    fn next_item(&mut self, number: u64) -> Option<Item> {
        let file = self.files.get(self.asked)?;
        self.asked += 1;
        Some(Item { number, name: File::from_path(file.as_str()).name().map(Arc::from) })
    }

    fn process(&mut self, _port: usize, _packet: Packet) -> Result<Step, NodeError> {
        Ok(Step::DONE)
    }

    fn resume(&mut self) -> Result<Step, NodeError> {
        let Some(index) = self.left.next() else { return Ok(Step::DONE) };
        let file = Value::from(File::from_path(self.files[index].as_str()));
        Ok(if self.left.is_empty() { Step::emit(file) } else { Step::emit_more(file) })
    }

    fn flush(&mut self) -> Result<Step, NodeError> {
        self.left = match self.asked {
            0 => 0..self.files.len(),
            asked => asked - 1..asked,
        };
        self.resume()
    }
}

impl Define for FileSource {
    type Params = FileSourceParams;

    const NAME: &'static str = "FileSource";
    const COST: Cost = Cost::Blocking;
    const INPUTS: &'static [Port] = &[];
    const OUTPUTS: &'static [Port] = &[Port::new("out", Kinds::of(&[Kind::File]), "A file by path.")];
    const EXAMPLE: &'static str = r#"{"path": "calls/**/*.wav"}"#;

    fn check(params: &FileSourceParams) -> Result<(), ParamError> {
        if params.path.is_empty() {
            let expected = "a path or a pattern such as calls/**/*.wav".to_owned();
            return Err(ParamError { param: "path".to_owned(), expected, got: "\"\"".to_owned() });
        }
        Ok(())
    }

    fn new(params: &FileSourceParams) -> Self {
        Self { path: params.path.clone(), files: Vec::new(), left: 0..0, asked: 0 }
    }
}
