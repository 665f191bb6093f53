//! `FileSource`: the files of a path or pattern, each an item of its own.

use std::collections::VecDeque;
use std::sync::Arc;

use remotemedia_core::node::{
    Context, Cost, Define, Item, Kinds, Node, NodeError, ParamError, Port, Step, documented, may_block,
};
use remotemedia_core::value::{File, Kind, Packet, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::io::{Found, find, root};

documented! {
/// Brings the files of a path or pattern, each an item of its own.
///
/// Files come by path, sorted by path; nothing of them is read here. Each file is an item of its own, with its name:
/// media state ends with it, messages name it, and `FileSink` can be told to call its result the same, or to put it at the
/// same place below another folder. Where other nodes take inputs beside it, all files come in each item.
///
/// A folder that can't be read, a name that is not UTF-8, links in a circle and links to what is not there are items as well, at
/// their place among the others, and fail: by `on_error: skip` the others go on.
///
/// Links to files are files; `**` goes through no link to a folder. If there is no file at all, that is an error.
#[derive(Debug)]
pub struct FileSource {
    path: String,
    /// The folder where a pattern begins to search; `None` for a file that is named itself.
    root: Option<Arc<str>>,
    files: Vec<Found>,
    /// The files that are still to come in this item.
    left: VecDeque<usize>,
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
    fn initialize(&mut self, context: &Context) -> Result<(), NodeError> {
        self.files = may_block(|| find(&self.path, "path", &context.cancel))?;
        self.root = root(&self.path, &self.files).map(Arc::from);
        Ok(())
    }

    fn next_item(&mut self, number: u64) -> Option<Item> {
        let found = self.files.get(self.asked)?;
        self.asked += 1;
        Some(Item::of_file(number, &File::from_path(found.path.as_str())).below(self.root.clone()))
    }

    fn process(&mut self, _port: usize, _packet: Packet) -> Result<Step, NodeError> {
        Ok(Step::DONE)
    }

    fn resume(&mut self) -> Result<Step, NodeError> {
        let Some(index) = self.left.pop_front() else { return Ok(Step::DONE) };
        let found = &self.files[index];
        if let Some(problem) = &found.problem {
            return Err(problem.clone());
        }
        let file = Value::from(File::from_path(found.path.as_str()));
        Ok(if self.left.is_empty() { Step::emit(file) } else { Step::emit_more(file) })
    }

    fn flush(&mut self) -> Result<Step, NodeError> {
        self.left = match self.asked {
            // After an error nothing of an item comes any more, so it comes last.
            0 => {
                let (problems, files): (Vec<usize>, Vec<usize>) =
                    (0..self.files.len()).partition(|&index| self.files[index].problem.is_some());
                files.into_iter().chain(problems.first().copied()).collect()
            }
            asked => [asked - 1].into(),
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
        Self { path: params.path.clone(), root: None, files: Vec::new(), left: VecDeque::new(), asked: 0 }
    }
}
