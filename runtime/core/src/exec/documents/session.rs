//! The documents of a session: packets and controls in, outputs, metrics and traces out.

use std::collections::VecDeque;
use std::time::Duration;

use super::error::{DocumentError, mismatch};
use super::fields::{TIME, write_optional, write_tokens};
use crate::exec::measures::histogram::Percentiles;
use crate::exec::measures::metrics::SessionMetrics;
use crate::exec::measures::progress::Progress;
use crate::exec::measures::trace::{Trace, TraceRecord};
use crate::exec::outputs::session_outputs::SessionOutput;
use crate::exec::queues::session_packet::SessionPacket;
use crate::exec::session::{Control, Sent, Session};
use crate::syntax::msgpack::begins_msgpack;
use crate::value::{Buffer, Map, Packet, Value};
use crate::wire::{self, Encoder, INLINE_BELOW, Limits, WireError};

/// The header of an empty list; up to 15 entries are counted in it.
const LIST_OF_NONE: u8 = 0x90;

/// About what a row of outputs takes beside its value, and the most room that is taken before anything is written.
const ROW_BYTES: usize = 64;
const MOST_ROOM: usize = 64 << 10;

/// An encoder with room for these outputs of a session, so that writing them does not grow it again and again.
pub fn encoder_of_outputs(outputs: &[SessionOutput]) -> Encoder {
    let row = |output: &SessionOutput| output.packet.value.weight().min(INLINE_BELOW) + ROW_BYTES;
    Encoder::with_room((64 + outputs.iter().map(row).sum::<usize>()).min(MOST_ROOM))
}

/// Writes the result of sending packets to a session, with outputs that were ready: `[taken, outputs]`, and
/// what [`end_list`] adds.
pub fn write_sent(encoder: &mut Encoder, sent: &Sent, session: &Session) {
    encoder.array(2).uint(sent.taken as u64);
    write_outputs(encoder, &sent.outputs, session);
}

/// Writes outputs of a session: `[outputs]`, and what [`end_list`] adds.
pub fn write_received(encoder: &mut Encoder, outputs: &[SessionOutput], session: &Session) {
    encoder.array(1);
    write_outputs(encoder, outputs, session);
}

/// Adds the tokens of memory that the host may release to a short list, as its last entry; nothing if there are none.
pub fn end_list(document: &mut Vec<u8>, released: &[u64]) {
    if released.is_empty() {
        return;
    }
    assert!((LIST_OF_NONE..LIST_OF_NONE + 15).contains(&document[0]), "a list of fewer than 15 entries");
    document[0] += 1;
    let mut encoder = Encoder::new();
    write_tokens(&mut encoder, released);
    document.extend_from_slice(encoder.as_bytes());
}

/// Writes the progress of a piece of work: `{items, media_ns?}`.
pub fn write_progress(encoder: &mut Encoder, progress: &Progress) {
    encoder.map(1 + usize::from(progress.media.is_some()));
    encoder.text("items").uint(progress.items);
    if let Some(media) = progress.media {
        encoder.text("media_ns").int(media);
    }
}

/// Writes the metrics of a session: `{sent, nodes: [{id, packets, errors, skipped, retried, late, waiting, waits_for, ...}],
/// edges: [{from, to, waiting, dropped}], inputs: [{name, sent, waiting}], unread: {output: n}}`.
pub fn write_metrics(encoder: &mut Encoder, metrics: &SessionMetrics, session: &Session) {
    encoder.map(6);
    encoder.text("sent").uint(metrics.sent);
    encoder.text("nodes").array(metrics.nodes.len());
    for node in &metrics.nodes {
        let item = node.last.map(|last| last.item);
        let pts = node.last.and_then(|last| last.pts);
        let oldest = [("oldest_ns", node.waiting.oldest)];
        let known = usize::from(item.is_some()) + usize::from(pts.is_some());
        encoder.map(13 + known + times_known(&times_of(&node.steps)) + times_known(&oldest));
        encoder.text("id").text(&node.node);
        encoder.text("packets").uint(node.packets);
        encoder.text("errors").uint(node.errors);
        encoder.text("skipped").uint(node.skipped);
        encoder.text("retried").uint(node.retried);
        encoder.text("late").uint(node.late);
        encoder.text("waiting").uint(node.waiting.packets as u64);
        encoder.text("fill").value(&Value::Float(node.waiting.fill));
        encoder.text("waits_for").text(&node.waits_for.to_string());
        encoder.text("gaps").uint(node.time_breaks.gaps);
        encoder.text("missing_ns").int(node.time_breaks.missing);
        encoder.text("overlaps").uint(node.time_breaks.overlaps);
        encoder.text("trimmed_ns").int(node.time_breaks.trimmed);
        write_times(encoder, &times_of(&node.steps));
        write_times(encoder, &oldest);
        if let Some(item) = item {
            encoder.text("item").uint(item);
        }
        if let Some(pts) = pts {
            encoder.text("pts").int(pts);
        }
    }
    encoder.text("edges").array(metrics.edges.len());
    for edge in &metrics.edges {
        encoder.map(4);
        encoder.text("from").text(&edge.from);
        encoder.text("to").text(&edge.to);
        encoder.text("waiting").uint(edge.waiting as u64);
        encoder.text("dropped").uint(edge.dropped);
    }
    let lag = times_of(&metrics.lag);
    encoder.text("lag").map(times_known(&lag));
    write_times(encoder, &lag);
    encoder.text("inputs").array(metrics.inputs.len());
    for input in &metrics.inputs {
        encoder.map(3);
        encoder.text("name").text(&input.name);
        encoder.text("sent").uint(input.sent);
        encoder.text("waiting").uint(input.waiting as u64);
    }
    encoder.text("unread").map(metrics.unread.len());
    for (place, &unread) in metrics.unread.iter().enumerate() {
        encoder.text(session.output_name(place)).uint(unread as u64);
    }
}

/// Writes the trace of a session: `{records: [[kind, node id, ...], ...], lost}`, as `docs/abi.md` describes them.
pub fn write_trace(encoder: &mut Encoder, trace: &Trace, session: &Session) {
    encoder.map(2).text("records").array(trace.records.len());
    for record in &trace.records {
        match *record {
            TraceRecord::Stage { node, thread, begin, end } => {
                encoder.array(5).text("stage").text(session.node(node));
                encoder.uint(u64::from(thread)).uint(begin).uint(end);
            }
            TraceRecord::Step { node, thread, begin, end, item, pts } => {
                encoder.array(7).text("step").text(session.node(node));
                encoder.uint(u64::from(thread)).uint(begin).uint(end).uint(item);
                write_optional(encoder, pts);
            }
            TraceRecord::Call { node, call, begin, end } => {
                encoder.array(5).text("call").text(session.node(node)).uint(call).uint(begin).uint(end);
            }
            TraceRecord::Fill { node, at, packets } => {
                encoder.array(4).text("fill").text(session.node(node)).uint(at).uint(packets as u64);
            }
            TraceRecord::Drop { node, at, packets } => {
                encoder.array(4).text("drop").text(session.node(node)).uint(at).uint(packets);
            }
        }
    }
    encoder.text("lost").uint(trace.lost);
}

/// Reads a control of a session, as JSON text or msgpack: `{"flush": true}`, `{"interrupt": true, "at"?: id}` or
/// `{"set": {"node": id, "params": {name: value}}}`.
///
/// # Errors
/// If it is no document, or what was expected instead.
pub fn read_control<E: From<WireError> + From<DocumentError>>(bytes: &[u8], limits: &Limits) -> Result<Control, E> {
    let document = match bytes.first() {
        Some(first) if begins_msgpack(*first) => wire::decode(bytes, &[], limits)?,
        _ => wire::json::from_json_bytes(bytes, limits)?,
    };
    Ok(control_of(&document)?)
}

fn control_of(document: &Value) -> Result<Control, DocumentError> {
    const EXPECTED: &str =
        r#"{"flush": true}, {"interrupt": true, "at"?: "id"} or {"set": {"node": "id", "params": {"name": value}}}"#;
    let refused = || DocumentError { document: "control", ..mismatch("", EXPECTED, document) };
    let Value::Map(control) = document else { return Err(refused()) };
    let mut entries = control.iter();
    match (entries.next(), entries.next()) {
        (Some((name, Value::Bool(true))), None) => match &**name {
            "flush" => Ok(Control::Flush),
            "interrupt" => Ok(Control::Interrupt),
            _ => Err(refused()),
        },
        (Some(first), Some(second)) if control.len() == 2 => {
            let (first, second) = if &**first.0 == "at" { (second, first) } else { (first, second) };
            match (&**first.0, first.1, &**second.0, second.1) {
                ("interrupt", Value::Bool(true), "at", Value::Str(node)) => {
                    Ok(Control::InterruptAt { node: node.to_string() })
                }
                ("interrupt", Value::Bool(true), "at", Value::Null) => Ok(Control::Interrupt),
                _ => Err(refused()),
            }
        }
        (Some((name, Value::Map(change))), None) if &**name == "set" => read_change(change).ok_or_else(refused),
        _ => Err(refused()),
    }
}

fn read_change(change: &Map) -> Option<Control> {
    let (mut node, mut params) = (None, None);
    for (name, value) in change.iter() {
        match (&**name, value) {
            ("node", Value::Str(id)) => node = Some(id.to_string()),
            ("params", Value::Map(values)) => params = Some(Map::clone(values)),
            _ => return None,
        }
    }
    Some(Control::Set { node: node?, params: params? })
}

/// The most packets for which room is reserved before they are read.
const MOST_RESERVED: usize = 256;

/// Reads packets for a session: `[[value, pts?, duration?, input?], ...]`.
///
/// # Errors
/// If it is no document, or the place of the first packet that is not as expected.
pub fn read_packets<E: From<WireError> + From<DocumentError>>(
    bytes: &[u8],
    buffers: &[Buffer],
    limits: &Limits,
) -> Result<VecDeque<SessionPacket>, E> {
    let mut read = VecDeque::new();
    let other = wire::decode_rows(bytes, buffers, limits, |index, count, row| {
        if index == 0 {
            read = VecDeque::with_capacity(count.min(MOST_RESERVED));
        }
        let packet = match row {
            Ok(fields) if (1..=4).contains(&fields.len()) => read_packet(index, fields)?,
            Ok(fields) => return Err(no_packet(index, &Value::list(std::mem::take(fields))).into()),
            Err(other) => return Err(no_packet(index, &other).into()),
        };
        read.push_back(packet);
        Ok::<_, E>(())
    })?;
    match other {
        None => Ok(read),
        Some(other) => Err(packets_mismatch(String::new(), "a list", &other).into()),
    }
}

/// A packet of `[value, pts?, duration?, input?]`.
fn read_packet(index: usize, fields: &mut [Value]) -> Result<SessionPacket, DocumentError> {
    let time = |place: usize| match fields.get(place) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Int(time)) => Ok(Some(*time)),
        Some(other) => Err(packets_mismatch(format!("[{index}][{place}]"), TIME, other)),
    };
    let (pts, duration) = (time(1)?, time(2)?);
    let input = match fields.get(3) {
        None | Some(Value::Null) => 0,
        Some(input) => match input {
            Value::Int(number) => usize::try_from(*number).ok(),
            _ => None,
        }
        .ok_or_else(|| packets_mismatch(format!("[{index}][3]"), "the number of an input or nil", input))?,
    };
    let packet = Packet::new(std::mem::replace(&mut fields[0], Value::Null));
    let (pts, duration) = (pts.or(packet.pts), duration.or(packet.duration));
    Ok(SessionPacket { packet: packet.at(pts, duration), input })
}

fn no_packet(index: usize, got: &Value) -> DocumentError {
    packets_mismatch(format!("[{index}]"), "[value, pts?, duration?, input?]", got)
}

fn packets_mismatch(path: String, expected: &'static str, got: &Value) -> DocumentError {
    DocumentError { document: "packets", ..mismatch(path, expected, got) }
}

fn write_outputs(encoder: &mut Encoder, outputs: &[SessionOutput], session: &Session) {
    encoder.array(outputs.len());
    for SessionOutput { place, packet, item } in outputs {
        encoder.array(7).value(&packet.value);
        write_optional(encoder, packet.pts);
        write_optional(encoder, packet.duration);
        encoder.uint(packet.seq).uint(u64::from(packet.stream)).uint(session.outputs()[*place] as u64).uint(*item);
    }
}

fn times_of(percentiles: &Percentiles) -> [(&'static str, Option<Duration>); 3] {
    [("p50_ns", percentiles.median), ("p99_ns", percentiles.p99), ("max_ns", percentiles.longest)]
}

fn times_known(times: &[(&str, Option<Duration>)]) -> usize {
    times.iter().filter(|(_, time)| time.is_some()).count()
}

/// Writes the times that are known, as entries of a map.
fn write_times(encoder: &mut Encoder, times: &[(&str, Option<Duration>)]) {
    for (key, time) in times {
        if let Some(time) = time {
            encoder.text(key).uint(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        }
    }
}
