//! What nodes hear of their item, and sources that bring several.

use std::collections::VecDeque;

use remotemedia_core::exec::{Received, Session, SessionOptions, TakeLimit};
use remotemedia_core::node::{Cost, Define, Item, Node, NodeError, Port as NodePort, Step, documented};
use remotemedia_core::value::{File, Packet};
use schemars::JsonSchema;
use serde::Deserialize;

use super::*;

/// The outputs of a sink as text, each with the number of its item.
fn texts(completion: &Completion, sink: usize) -> Vec<(u64, String)> {
    assert!(completion.errors.is_empty(), "{:?}", completion.errors);
    let outputs = completion.sinks[sink].outputs.iter();
    outputs
        .map(|output| match &output.value {
            Value::Str(text) => (output.item, text.to_string()),
            other => panic!("expected text, got {other:?}"),
        })
        .collect()
}

fn expected(items: &[(u64, &str)]) -> Vec<(u64, String)> {
    items.iter().map(|&(item, text)| (item, text.to_owned())).collect()
}

#[test]
fn every_node_hears_of_an_item_once_and_before_its_first_packet() {
    let runtime = runtime();
    let graph = pipeline(
        &runtime,
        &[("in", "Pass", ""), ("near", "Label", ""), ("work", "Worker", ""), ("far", "Label", "")],
        &[("in", "near"), ("in", "work"), ("work", "far")],
    );
    let files = || ["calls/a.wav", "b.flac"].map(|path| Value::from(File::from_path(path)));
    for start in STARTS {
        let [first, second] = files();
        let completion = run(&graph, start, vec![first, Value::Int(5), second]);
        for sink in 0..2 {
            assert_eq!(
                texts(&completion, sink),
                expected(&[
                    (0, "begin 0 a.wav"),
                    (0, "end 0 a.wav after 1"),
                    (1, "begin 1 -"),
                    (1, "end 1 - after 1"),
                    (2, "begin 2 b.flac"),
                    (2, "end 2 b.flac after 1"),
                ])
            );
        }
    }
}

#[test]
fn an_item_without_packets_begins_too() {
    let runtime = runtime();
    let graph =
        pipeline(&runtime, &[("none", "Repeat", r#""times": 0"#), ("label", "Label", "")], &[("none", "label")]);
    for start in STARTS {
        let completion = run(&graph, start, integers(0..2));
        assert_eq!(texts(&completion, 0), expected(&[(0, "end 0 - after 0"), (1, "end 1 - after 0")]));
    }
}

#[test]
fn a_source_that_stands_alone_brings_several_items() {
    let runtime = runtime();
    let nodes = [
        ("shelf", "Shelf", r#""names": ["x", "y", "z"]"#),
        ("hoard", "Hoard", r#""packets": 100"#),
        ("label", "Label", ""),
        ("work", "Worker", ""),
    ];
    let graph = pipeline(&runtime, &nodes, &[("shelf", "hoard"), ("hoard", "label"), ("label", "work")]);
    for start in STARTS {
        assert_eq!(
            texts(&run_sources(&graph, start), 0),
            expected(&[
                (0, "begin 0 x"),
                (0, "end 0 x after 1"),
                (1, "begin 1 y"),
                (1, "end 1 y after 1"),
                (2, "begin 2 z"),
                (2, "end 2 z after 1"),
            ])
        );
    }
}

#[test]
fn a_source_beside_another_entry_brings_everything_in_each_item() {
    let runtime = runtime();
    let graph = pipeline(
        &runtime,
        &[("shelf", "Shelf", r#""names": ["x", "y", "z"]"#), ("in", "Pass", ""), ("label", "Label", "")],
        &[("shelf", "label"), ("in", "label")],
    );
    for start in STARTS {
        let ends: Vec<_> = texts(&run(&graph, start, integers(0..2)), 0)
            .into_iter()
            .filter(|(_, text)| text.starts_with("end"))
            .collect();
        assert_eq!(ends, expected(&[(0, "end 0 - after 4"), (1, "end 1 - after 4")]));
    }
}

#[test]
fn an_error_names_what_the_source_calls_its_item() {
    let runtime = runtime();
    let graph = pipeline(
        &runtime,
        &[("shelf", "Shelf", r#""names": ["good", "bad"]"#), ("work", "Worker", ""), ("label", "Label", "")],
        &[("shelf", "work"), ("work", "label")],
    );
    for start in STARTS {
        let completion = run_sources(&graph, start);
        assert_eq!(message_of(&completion), "node 'label' (Label), input 1 'bad': it is bad");
    }
}

#[test]
fn a_session_takes_all_items_of_its_source() {
    let runtime = runtime();
    let nodes = [("shelf", "Shelf", r#""names": ["x", "y"]"#), ("work", "Worker", ""), ("label", "Label", "")];
    let graph = pipeline(&runtime, &nodes, &[("shelf", "work"), ("work", "label")]);
    let port = Port::new(None);
    let session = graph.session(&port, 1, &SessionOptions::default()).expect("accepted");
    let outputs = read_to_the_end(&session, &port);
    assert_eq!(
        outputs,
        expected(&[(0, "begin 0 x"), (0, "end 0 x after 1"), (1, "begin 1 y"), (1, "end 1 y after 1")])
    );
}

#[test]
fn the_streams_of_a_session_are_items_with_the_name_of_the_file_they_begin_with() {
    let runtime = runtime();
    let graph = pipeline(&runtime, &[("in", "Worker", ""), ("label", "Label", "")], &[("in", "label")]);
    let port = Port::new(None);
    let session = graph.session(&port, 1, &SessionOptions::default()).expect("accepted");
    for stream in [vec![Value::from(File::from_path("in/a.wav")), Value::Int(1)], vec![Value::Int(2), Value::Int(3)]] {
        let mut packets: VecDeque<Packet> = stream.into_iter().map(Packet::new).collect();
        session.send(&mut packets, 0, Duration::ZERO, NONE).expect("taken");
        assert!(packets.is_empty(), "there is room for a few");
        session.flush().expect("it goes on");
    }
    session.finish().expect("it goes on");
    assert_eq!(
        read_to_the_end(&session, &port),
        expected(&[
            (0, "begin 0 a.wav"),
            (1, "packet of 0"),
            (1, "end 0 a.wav after 2"),
            (2, "begin 2 -"),
            (3, "packet of 2"),
            (3, "end 2 - after 2"),
        ])
    );
}

const ALL: TakeLimit = TakeLimit { packets: usize::MAX, bytes: usize::MAX };
const NONE: TakeLimit = TakeLimit { packets: 0, bytes: 0 };

/// What comes out of a session, as text with the number of its packet.
fn read_to_the_end(session: &Session, port: &Port) -> Vec<(u64, String)> {
    let mut texts = Vec::new();
    loop {
        match session.receive(None, ALL) {
            Received::Outputs(outputs) => texts.extend(outputs.iter().map(|output| match &output.packet.value {
                Value::Str(text) => (output.item, text.to_string()),
                other => panic!("expected text, got {other:?}"),
            })),
            Received::End => return texts,
            Received::WouldBlock => assert!(!port.next(Some(PATIENCE)).events.is_empty(), "nothing came"),
        }
    }
}

documented! {
/// Says what it heard of its item with the first packet of it, and at its end.
pub(crate) struct Label {
    item: Option<Item>,
    packets: usize,
}
}

impl Label {
    fn text(&self, verb: &str) -> Result<String, NodeError> {
        let item = self.item.as_ref().ok_or_else(|| NodeError::new("it has not heard of the item"))?;
        Ok(format!("{verb} {} {}", item.number, item.name.as_deref().unwrap_or("-")))
    }
}

impl Node for Label {
    fn begin_item(&mut self, item: &Item) {
        assert!(self.item.is_none(), "it has heard of {item:?} before the end of {:?}", self.item);
        self.item = Some(item.clone());
    }

    fn process(&mut self, _port: usize, packet: Packet) -> Result<Step, NodeError> {
        if packet.value == Value::Str("bad".into()) {
            return Err(NodeError::new("it is bad"));
        }
        self.packets += 1;
        let begin = self.text("begin")?;
        let number = self.item.as_ref().map_or(0, |item| item.number);
        Ok(Step::emit(Value::Str(if self.packets == 1 { begin } else { format!("packet of {number}") }.into())))
    }

    fn flush(&mut self) -> Result<Step, NodeError> {
        let end = format!("{} after {}", self.text("end")?, self.packets);
        (self.item, self.packets) = (None, 0);
        Ok(Step::emit(Value::Str(end.into())))
    }
}

impl Define for Label {
    type Params = super::nodes::Nothing;
    const NAME: &'static str = "Label";
    const COST: Cost = Cost::Light;
    const INPUTS: &'static [NodePort] = &[NodePort::ANY_IN];
    const OUTPUTS: &'static [NodePort] = &[NodePort::ANY_OUT];

    fn new(_params: &super::nodes::Nothing) -> Self {
        Label { item: None, packets: 0 }
    }
}

documented! {
/// A source of names, each an item of its own that it calls by its name.
pub(crate) struct Shelf {
    names: Vec<String>,
    /// The names that the item in work consists of.
    left: std::ops::Range<usize>,
    /// How many items it was asked for.
    asked: usize,
}
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShelfParams {
    names: Vec<String>,
}

impl Node for Shelf {
    fn next_item(&mut self, number: u64) -> Option<Item> {
        let name = self.names.get(self.asked)?;
        self.asked += 1;
        Some(Item::named(number, name.as_str()))
    }

    fn process(&mut self, _port: usize, _packet: Packet) -> Result<Step, NodeError> {
        Err(NodeError::new("a source got a packet"))
    }

    fn flush(&mut self) -> Result<Step, NodeError> {
        self.left = match self.asked {
            0 => 0..self.names.len(),
            asked => asked - 1..asked,
        };
        self.resume()
    }

    fn resume(&mut self) -> Result<Step, NodeError> {
        Ok(match self.left.next() {
            Some(index) => Step::emit_more(Value::Str(self.names[index].as_str().into())),
            None => Step::DONE,
        })
    }
}

impl Define for Shelf {
    type Params = ShelfParams;
    const NAME: &'static str = "Shelf";
    const COST: Cost = Cost::Light;
    const INPUTS: &'static [NodePort] = &[];
    const OUTPUTS: &'static [NodePort] = &[NodePort::ANY_OUT];

    fn new(params: &ShelfParams) -> Self {
        Shelf { names: params.names.clone(), left: 0..0, asked: 0 }
    }
}
