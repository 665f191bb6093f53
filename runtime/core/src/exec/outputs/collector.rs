//! The packets of one output of a one-shot: collected while it runs, and put in order at the end.

use std::sync::Arc;

use super::completion::{Output, SinkOutputs};
use crate::exec::measures::progress::MediaLength;
use crate::exec::queues::stream_item::QueuedPacket;

/// The packets that have reached an output so far.
#[derive(Debug)]
pub(in crate::exec) struct Collector {
    name: Arc<str>,
    outputs: Vec<Output>,
    /// Their paths; empty as long as all are 0, as where no branches join.
    paths: Vec<u64>,
    is_in_order: bool,
    media: MediaLength,
}

impl Collector {
    /// What a packet takes beside its value: its place in lists that double their room as they grow.
    pub(in crate::exec) const ROW: usize = 2 * (size_of::<Output>() + size_of::<u64>());

    pub(in crate::exec) fn new(name: Arc<str>) -> Self {
        Self { name, outputs: Vec::new(), paths: Vec::new(), is_in_order: true, media: MediaLength::default() }
    }

    pub(in crate::exec) fn push(&mut self, queued: QueuedPacket) {
        let QueuedPacket { packet, item, path, .. } = queued;
        self.media.note(item, &packet);
        if let Some(last) = self.outputs.last() {
            let last_path = self.paths.last().copied().unwrap_or(0);
            self.is_in_order &= (last.item, last_path) <= (item, path);
        }
        if path != 0 || !self.paths.is_empty() {
            self.paths.resize(self.outputs.len(), 0);
            self.paths.push(path);
        }
        let output = Output { item, value: packet.value, pts: packet.pts, duration: packet.duration, seq: packet.seq };
        self.outputs.push(output);
    }

    /// Drops the packets.
    pub(in crate::exec) fn clear(&mut self) {
        (self.outputs, self.paths) = (Vec::new(), Vec::new());
    }

    /// The media that has reached the output.
    pub(in crate::exec) fn media(&self) -> Option<i64> {
        self.media.total()
    }

    /// The outputs in the order of item, path and emission.
    pub(in crate::exec) fn finish(mut self) -> SinkOutputs {
        if !self.is_in_order {
            self.paths.resize(self.outputs.len(), 0);
            let mut placed: Vec<(u64, Output)> = self.paths.into_iter().zip(self.outputs).collect();
            placed.sort_by_key(|(path, output)| (output.item, *path));
            self.outputs = placed.into_iter().map(|(_, output)| output).collect();
        }
        SinkOutputs { sink: self.name, outputs: self.outputs }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Packet, Value};

    /// The `(item, path)` of packets that arrive in this order, as `item.path` in the order in which they are handed out.
    fn ordered(arrivals: &[(u64, u64)]) -> Vec<String> {
        let mut collector = Collector::new(Arc::from("out"));
        for &(item, path) in arrivals {
            let packet = Packet::new(Value::Int(path as i64));
            collector.push(QueuedPacket { packet, item, path, deadline: None });
        }
        let outputs = collector.finish().outputs;
        outputs.iter().map(|output| format!("{}.{:?}", output.item, output.value)).collect()
    }

    #[test]
    fn outputs_are_in_the_order_of_items_and_paths_whenever_the_first_path_shows() {
        let in_order = ordered(&[(0, 0), (0, 0), (0, 1), (1, 0), (1, 2)]);
        assert_eq!(in_order, ["0.Int(0)", "0.Int(0)", "0.Int(1)", "1.Int(0)", "1.Int(2)"]);
        assert_eq!(
            ordered(&[(0, 0), (1, 0), (0, 1), (1, 2), (0, 0)]),
            ["0.Int(0)", "0.Int(0)", "0.Int(1)", "1.Int(0)", "1.Int(2)"]
        );
        assert_eq!(ordered(&[(1, 0), (0, 0)]), ["0.Int(0)", "1.Int(0)"], "without any path");
        assert_eq!(ordered(&[(0, 1), (0, 0)]), ["0.Int(0)", "0.Int(1)"]);
    }
}
