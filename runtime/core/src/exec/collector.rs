//! The packets of one output of a one-shot: collected while it runs, and put in order at the end.

use std::sync::Arc;

use super::completion::{Output, SinkOutputs};
use super::progress::MediaLength;
use super::stream_item::QueuedPacket;

/// The packets that have reached an output so far, each with its path.
#[derive(Debug)]
pub(super) struct Collector {
    name: Arc<str>,
    outputs: Vec<(u64, Output)>,
    is_in_order: bool,
    media: MediaLength,
}

impl Collector {
    pub(super) fn new(name: Arc<str>) -> Self {
        Self { name, outputs: Vec::new(), is_in_order: true, media: MediaLength::default() }
    }

    pub(super) fn push(&mut self, queued: QueuedPacket) {
        let QueuedPacket { packet, item, path, .. } = queued;
        self.media.note(item, &packet);
        if let Some((last_path, last)) = self.outputs.last() {
            self.is_in_order &= (last.item, *last_path) <= (item, path);
        }
        let output = Output { item, value: packet.value, pts: packet.pts, duration: packet.duration, seq: packet.seq };
        self.outputs.push((path, output));
    }

    /// The media that has reached the output.
    pub(super) fn media(&self) -> Option<i64> {
        self.media.total()
    }

    /// The outputs in the order of item, path and emission.
    pub(super) fn finish(mut self) -> SinkOutputs {
        if !self.is_in_order {
            self.outputs.sort_by_key(|(path, output)| (output.item, *path));
        }
        SinkOutputs { sink: self.name, outputs: self.outputs.into_iter().map(|(_, output)| output).collect() }
    }
}
