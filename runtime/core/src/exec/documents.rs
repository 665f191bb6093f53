//! The documents of execution: completions, errors and events out, replies in. `docs/abi.md` describes them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::completion::{Completion, Outcome, Output, Passed, RunError};
use super::durations::Spread;
use super::host::{CallEntry, HostCall, HostFailure, HostOutput, Reply};
use super::metrics::SessionMetrics;
use super::outlet::SessionOutput;
use super::port::Event;
use super::progress::Progress;
use super::session::{Control, Sent, Session};
use super::trace::{Trace, TraceRecord};
use crate::manifest::Problem;
use crate::node::HostToken;
use crate::value::{Buffer, Map, Packet, Value};
use crate::wire::{self, Encoder, INLINE_BELOW, Limits, WireError, json};

/// The kinds of event, as the first entry of an event in a document.
mod event_kind {
    pub(super) const COMPLETED: i64 = 1;
    pub(super) const CALL: i64 = 2;
    pub(super) const RELEASED: i64 = 3;
    pub(super) const SHUT_DOWN: i64 = 4;
    pub(super) const ROOM: i64 = 5;
    pub(super) const OUTPUTS: i64 = 6;
    pub(super) const RESUME: i64 = 7;
    pub(super) const CALLED_OFF: i64 = 8;
    pub(super) const SKIPPED: i64 = 9;
}

/// Why a reply can't be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{document}{dot}{path}: expected {expected}, got {got}", dot = if path.is_empty() { "" } else { "." })]
pub struct DocumentError {
    document: &'static str,
    path: String,
    expected: &'static str,
    got: &'static str,
}

/// Numbers that stand for outcomes in documents; the C ABI gives them.
pub type StatusOf = fn(Outcome) -> i32;

/// The header of an empty map; up to 15 entries are counted in it.
const MAP_OF_NONE: u8 = 0x80;

/// The header of a list whose length, up to 65,535, is in the two bytes behind it.
const LIST_16: u8 = 0xdc;

/// The header of an empty list; up to 15 entries are counted in it.
const LIST_OF_NONE: u8 = 0x90;

/// About what a row of outputs takes beside its value, and the most room that is taken before anything is written.
const ROW_BYTES: usize = 64;
const MOST_ROOM: usize = 64 << 10;

/// Writes a completion: `{status, outputs: {sink: {values, items, ...}}, errors}`, with `skipped` and `skips`, and with
/// `retries`, where there were any; [`add_released`] may add to it.
pub fn write_completion(encoder: &mut Encoder, completion: &Completion, status_of: StatusOf) {
    let Passed { skipped, skips, retries } = &completion.passed;
    encoder.map(3 + 2 * usize::from(*skips > 0) + usize::from(*retries > 0));
    encoder.text("status").int(i64::from(status_of(completion.outcome)));
    encoder.text("outputs").map(completion.sinks.len());
    for sink in &completion.sinks {
        encoder.text(&sink.sink);
        write_columns(encoder, &sink.outputs);
    }
    encoder.text("errors").array(completion.errors.len());
    for error in &completion.errors {
        write_error(encoder, error, status_of);
    }
    if *skips > 0 {
        encoder.text("skipped").array(skipped.len());
        for error in skipped {
            write_error(encoder, error, status_of);
        }
        encoder.text("skips").uint(*skips);
    }
    if *retries > 0 {
        encoder.text("retries").uint(*retries);
    }
}

/// Adds `released` to the completion that a document is. What its buffer table alone refers to is released when the
/// table is handed out, and so is known only once the document is written.
///
/// # Panics
/// If the document is not what [`write_completion`] alone wrote.
pub fn add_released(completion: &mut Vec<u8>, released: &[u64]) {
    if released.is_empty() {
        return;
    }
    assert!((MAP_OF_NONE + 3..=MAP_OF_NONE + 6).contains(&completion[0]), "a completion has three to six entries");
    completion[0] += 1;
    let mut encoder = Encoder::new();
    encoder.text("released");
    write_tokens(&mut encoder, released);
    completion.extend_from_slice(encoder.as_bytes());
}

/// Writes the detail of an error; what is not known is left out.
pub fn write_error(encoder: &mut Encoder, error: &RunError, status_of: StatusOf) {
    let known = [
        error.node_id.is_some(),
        error.node_type.is_some(),
        error.item.is_some(),
        error.input_name.is_some(),
        error.position.is_some(),
        !error.cure.is_empty(),
        !error.chain.is_empty(),
        error.host_token.is_some(),
    ];
    encoder.map(3 + known.into_iter().filter(|&is_known| is_known).count());
    encoder.text("status").int(i64::from(status_of(error.outcome)));
    encoder.text("message").text(&error.to_string());
    encoder.text("cause").text(&error.cause);
    if let Some(node_id) = &error.node_id {
        encoder.text("node_id").text(node_id);
    }
    if let Some(node_type) = &error.node_type {
        encoder.text("node_type").text(node_type);
    }
    if let Some(item) = error.item {
        encoder.text("item").uint(item);
    }
    if let Some(name) = &error.input_name {
        encoder.text("input").text(name);
    }
    if let Some(position) = error.position {
        encoder.text("position_ns").int(position);
    }
    if !error.cure.is_empty() {
        encoder.text("cure").text(&error.cure);
    }
    if !error.chain.is_empty() {
        encoder.text("chain").array(error.chain.len());
        for link in &error.chain {
            encoder.text(link);
        }
    }
    if let Some(token) = &error.host_token {
        encoder.text("host_token").uint(token.get());
    }
}

/// Writes the problems of a manifest; what is not known of one is left out.
pub fn write_problems(encoder: &mut Encoder, problems: &[Problem]) {
    encoder.array(problems.len());
    for problem in problems {
        let numbers = [("line", problem.line), ("column", problem.column)];
        let texts = [("expected", &problem.expected), ("got", &problem.got), ("suggestion", &problem.suggestion)];
        let known = numbers.iter().filter(|(_, number)| number.is_some()).count()
            + texts.iter().filter(|(_, text)| text.is_some()).count();
        encoder.map(2 + known);
        encoder.text("path").text(&problem.path);
        encoder.text("message").text(&problem.message);
        for (key, number) in numbers {
            if let Some(number) = number {
                encoder.text(key).uint(number as u64);
            }
        }
        for (key, text) in texts {
            if let Some(text) = text {
                encoder.text(key).text(text);
            }
        }
    }
}

/// Writes the events of one drain of a port; [`end_events`] completes the list.
pub fn write_events(encoder: &mut Encoder, events: &[Event], status_of: StatusOf) {
    encoder.array_to_be_counted();
    for event in events {
        match event {
            Event::Completed { token, completion } => {
                encoder.array(3).int(event_kind::COMPLETED).uint(*token);
                write_completion(encoder, completion, status_of);
            }
            Event::Call(call) => {
                encoder.array(3).int(event_kind::CALL);
                write_call(encoder, call);
            }
            Event::Resume { call } => {
                encoder.array(2).int(event_kind::RESUME).uint(*call);
            }
            Event::CalledOff { call } => {
                encoder.array(2).int(event_kind::CALLED_OFF).uint(*call);
            }
            Event::Skipped { token, error, is_first } => {
                encoder.array(4).int(event_kind::SKIPPED).uint(*token);
                write_error(encoder, error, status_of);
                encoder.value(&Value::Bool(*is_first));
            }
            Event::Room { token } => {
                encoder.array(2).int(event_kind::ROOM).uint(*token);
            }
            Event::Outputs { token } => {
                encoder.array(2).int(event_kind::OUTPUTS).uint(*token);
            }
        }
    }
}

/// Writes the call that follows the one which was answered: `[call, {...}]`, and what [`end_list`] adds.
pub fn write_next_call(encoder: &mut Encoder, call: &HostCall) {
    encoder.array(2);
    write_call(encoder, call);
}

/// Writes a call: its number, and what it brings.
fn write_call(encoder: &mut Encoder, call: &HostCall) {
    encoder.uint(call.id).map(3 + usize::from(call.epoch > 0));
    encoder.text("job").uint(call.job);
    encoder.text("nodes").array(call.nodes.len());
    for (token, id) in &call.nodes {
        encoder.array(2).uint(*token).text(id);
    }
    encoder.text("entries").array(call.entries.len());
    for entry in &call.entries {
        match entry {
            CallEntry::Packet { item, packet, port } => {
                encoder.array(4 + usize::from(*port > 0)).uint(*item).value(&packet.value);
                write_optional(encoder, packet.pts);
                write_optional(encoder, packet.duration);
                if *port > 0 {
                    encoder.uint(*port as u64);
                }
            }
            CallEntry::End { item } => {
                encoder.array(1).uint(*item);
            }
            CallEntry::Finish => {
                encoder.array(0);
            }
        }
    }
    if call.epoch > 0 {
        encoder.text("epoch").uint(u64::from(call.epoch));
    }
}

/// Ends the list of `count` events that a document is: with the numbers that the host may let go of, and with the end
/// of the port.
///
/// # Panics
/// If the document is not what [`write_events`] alone wrote, or there are more events than a drain hands out.
pub fn end_events(document: &mut Vec<u8>, count: usize, released: &[u64], is_shut_down: bool) {
    let count = count + usize::from(!released.is_empty()) + usize::from(is_shut_down);
    let count = u16::try_from(count).expect("a drain hands out few events").to_be_bytes();
    assert_eq!(document[0], LIST_16, "a list of events");
    document[1..3].copy_from_slice(&count);
    let mut encoder = Encoder::new();
    if !released.is_empty() {
        encoder.array(2).int(event_kind::RELEASED);
        write_tokens(&mut encoder, released);
    }
    if is_shut_down {
        encoder.array(1).int(event_kind::SHUT_DOWN);
    }
    document.extend_from_slice(encoder.as_bytes());
}

/// The encoder for outputs of a session, with room for what they will take, so that writing them does not grow it again
/// and again.
pub fn encoder_of_outputs(outputs: &[SessionOutput]) -> Encoder {
    let row = |output: &SessionOutput| output.packet.value.weight().min(INLINE_BELOW) + ROW_BYTES;
    Encoder::with_room((64 + outputs.iter().map(row).sum::<usize>()).min(MOST_ROOM))
}

/// Writes what became of packets that were sent to a session, with outputs that came along: `[taken, outputs]`, and
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

/// Adds the host's numbers that were let go of to a short list, as its last entry; nothing if there are none.
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

/// Writes how far a piece of work is: `{items, media_ns?}`.
pub fn write_progress(encoder: &mut Encoder, progress: &Progress) {
    encoder.map(1 + usize::from(progress.media.is_some()));
    encoder.text("items").uint(progress.items);
    if let Some(media) = progress.media {
        encoder.text("media_ns").int(media);
    }
}

/// Writes what goes on in a session: `{sent, nodes: [{id, packets, errors, skipped, retried, late, waiting, waits_for, ...}],
/// edges: [{from, to, waiting, dropped}], unread: {sink: n}}`.
pub fn write_metrics(encoder: &mut Encoder, metrics: &SessionMetrics, session: &Session) {
    encoder.map(5);
    encoder.text("sent").uint(metrics.sent);
    encoder.text("nodes").array(metrics.nodes.len());
    for node in &metrics.nodes {
        let item = node.last.map(|last| last.item);
        let pts = node.last.and_then(|last| last.pts);
        let oldest = [("oldest_ns", node.waiting.oldest)];
        let known = usize::from(item.is_some()) + usize::from(pts.is_some());
        encoder.map(9 + known + times_known(&times_of(&node.steps)) + times_known(&oldest));
        encoder.text("id").text(&node.node);
        encoder.text("packets").uint(node.packets);
        encoder.text("errors").uint(node.errors);
        encoder.text("skipped").uint(node.skipped);
        encoder.text("retried").uint(node.retried);
        encoder.text("late").uint(node.late);
        encoder.text("waiting").uint(node.waiting.packets as u64);
        encoder.text("fill").value(&Value::Float(node.waiting.fill));
        encoder.text("waits_for").text(&node.waits_for.to_string());
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
    encoder.text("unread").map(metrics.unread.len());
    for (sink, &unread) in metrics.unread.iter().enumerate() {
        encoder.text(session.sink(sink)).uint(unread as u64);
    }
}

/// Writes what a session has recorded: `{records: [[kind, node id, ...], ...], lost}`, as `docs/abi.md` describes them.
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
        }
    }
    encoder.text("lost").uint(trace.lost);
}

/// Understands what a host wants of a session: `{"flush": true}`, `{"interrupt": true}` or
/// `{"set": {"node": id, "params": {name: value}}}`.
///
/// # Errors
/// What was expected instead.
pub fn read_control(document: &Value) -> Result<Control, DocumentError> {
    const EXPECTED: &str =
        r#"{"flush": true}, {"interrupt": true} or {"set": {"node": "id", "params": {"name": value}}}"#;
    let refused = || DocumentError { document: "control", ..mismatch("", EXPECTED, document) };
    let Value::Map(control) = document else { return Err(refused()) };
    let mut entries = control.iter();
    match (entries.next(), entries.next()) {
        (Some((name, Value::Bool(true))), None) => match &**name {
            "flush" => Ok(Control::Flush),
            "interrupt" => Ok(Control::Interrupt),
            _ => Err(refused()),
        },
        (Some((name, Value::Map(change))), None) if &**name == "set" => read_change(change).ok_or_else(refused),
        _ => Err(refused()),
    }
}

fn read_change(change: &Map) -> Option<Control> {
    let (mut node, mut params) = (None, None);
    for (name, value) in change.iter() {
        match (&**name, value) {
            ("node", Value::Str(id)) => node = Some(id.to_string()),
            ("params", Value::Map(_)) => params = serde_json::from_str(&json::to_json(value)).ok(),
            _ => return None,
        }
    }
    Some(Control::Set { node: node?, params: params? })
}

/// Understands packets for a session: `[[value, pts?, duration?], ...]`.
///
/// # Errors
/// If it is no document, or the place of the first packet that is not as it should be.
pub fn read_packets<E: From<WireError> + From<DocumentError>>(
    bytes: &[u8],
    buffers: &[Buffer],
    limits: &Limits,
) -> Result<VecDeque<Packet>, E> {
    let mut read = VecDeque::new();
    let other = wire::decode_rows(bytes, buffers, limits, |index, row| {
        let packet = match row {
            Ok(fields) if !fields.is_empty() => read_packet(index, fields)?,
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

/// A packet of `[value, pts?, duration?]`.
fn read_packet(index: usize, fields: &mut [Value]) -> Result<Packet, DocumentError> {
    let time = |place: usize| match fields.get(place) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Int(time)) => Ok(Some(*time)),
        Some(other) => Err(packets_mismatch(format!("{index}[{place}]"), "nanoseconds or nil", other)),
    };
    let (pts, duration) = (time(1)?, time(2)?);
    let packet = Packet::new(std::mem::replace(&mut fields[0], Value::Null));
    let (pts, duration) = (pts.or(packet.pts), duration.or(packet.duration));
    Ok(packet.at(pts, duration))
}

fn no_packet(index: usize, got: &Value) -> DocumentError {
    packets_mismatch(index.to_string(), "[value, pts?, duration?]", got)
}

fn packets_mismatch(path: String, expected: &'static str, got: &Value) -> DocumentError {
    DocumentError { document: "packets", ..mismatch(path, expected, got) }
}

/// Understands a reply; `release` is told when the host's exception object is no longer needed.
///
/// # Errors
/// The place of the first entry that is not as it should be.
pub fn read_reply(document: &Value, release: impl Fn(u64) + Send + Sync + 'static) -> Result<Reply, DocumentError> {
    let reply = as_map(document, "", "a map")?;
    // Read first and judged last: its token is to be released whatever else is wrong.
    let failure = match reply.get("error") {
        None | Some(Value::Null) => Ok(None),
        Some(failure) => read_failure(failure, release).map(Some),
    };
    let mut outputs = Vec::new();
    match reply.get("outputs") {
        None | Some(Value::Null) => {}
        Some(Value::List(entries)) => {
            outputs.reserve(entries.len());
            for (index, entry) in entries.iter().enumerate() {
                outputs.push(read_output(entry, || format!("outputs[{index}]"))?);
            }
        }
        Some(other) => return Err(mismatch("outputs", "a list", other)),
    }
    let is_final = match reply.get("final") {
        None | Some(Value::Null) => true,
        Some(Value::Bool(is_final)) => *is_final,
        Some(other) => return Err(mismatch("final", "a bool", other)),
    };
    Ok(Reply { outputs, is_final, failure: failure? })
}

/// Results as columns: the values, the items they come from, and what else is known of any of them.
fn write_columns(encoder: &mut Encoder, outputs: &[Output]) {
    let has_pts = outputs.iter().any(|output| output.pts.is_some());
    let has_duration = outputs.iter().any(|output| output.duration.is_some());
    // Where branches join, the order of results is not that of their emission.
    let has_seq = (0..).zip(outputs).any(|(place, output)| output.seq != place);
    encoder.map(2 + usize::from(has_pts) + usize::from(has_duration) + usize::from(has_seq));
    encoder.text("values").array(outputs.len());
    for output in outputs {
        encoder.value(&output.value);
    }
    encoder.text("items").array(outputs.len());
    for output in outputs {
        encoder.uint(output.item);
    }
    if has_pts {
        encoder.text("pts").array(outputs.len());
        for output in outputs {
            write_optional(encoder, output.pts);
        }
    }
    if has_duration {
        encoder.text("durations").array(outputs.len());
        for output in outputs {
            write_optional(encoder, output.duration);
        }
    }
    if has_seq {
        encoder.text("seqs").array(outputs.len());
        for output in outputs {
            encoder.uint(output.seq);
        }
    }
}

fn write_outputs(encoder: &mut Encoder, outputs: &[SessionOutput], session: &Session) {
    encoder.array(outputs.len());
    for SessionOutput { sink, packet, item } in outputs {
        encoder.array(7).value(&packet.value);
        write_optional(encoder, packet.pts);
        write_optional(encoder, packet.duration);
        encoder.uint(packet.seq).uint(u64::from(packet.stream)).text(session.sink(*sink)).uint(*item);
    }
}

fn times_of(spread: &Spread) -> [(&'static str, Option<Duration>); 3] {
    [("p50_ns", spread.median), ("p99_ns", spread.p99), ("max_ns", spread.longest)]
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

fn write_optional(encoder: &mut Encoder, value: Option<i64>) {
    match value {
        Some(value) => encoder.int(value),
        None => encoder.nil(),
    };
}

fn write_tokens(encoder: &mut Encoder, tokens: &[u64]) {
    encoder.array(tokens.len());
    for &token in tokens {
        encoder.uint(token);
    }
}

fn read_output(entry: &Value, path: impl Fn() -> String) -> Result<HostOutput, DocumentError> {
    const EXPECTED: &str = "[entry, value, pts?, duration?, port?]";
    let Value::List(fields) = entry else { return Err(mismatch(path(), EXPECTED, entry)) };
    let [index, value, times @ ..] = &fields[..] else { return Err(mismatch(path(), EXPECTED, entry)) };
    let time = |place: usize| match times.get(place) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Int(time)) => Ok(Some(*time)),
        Some(other) => Err(mismatch(format!("{}[{}]", path(), place + 2), "nanoseconds or nil", other)),
    };
    let index = as_index(index, || format!("{}[0]", path()))?;
    let port = times.get(2).map_or(Ok(0), |port| as_index(port, || format!("{}[4]", path())))?;
    Ok(HostOutput { entry: index, value: value.clone(), pts: time(0)?, duration: time(1)?, port })
}

fn read_failure(failure: &Value, release: impl Fn(u64) + Send + Sync + 'static) -> Result<HostFailure, DocumentError> {
    let failure = as_map(failure, "error", "a map or nil")?;
    let token = match failure.get("token") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::UInt(token)) => Ok(Some(*token)),
        Some(token) => as_index(token, || "error.token".to_owned()).map(|token| Some(token as u64)),
    };
    let token = token.map(|token| token.map(|token| HostToken::new(token, Box::new(release))));
    let text = |key: &str| match failure.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Str(text)) => Ok(Some(Arc::clone(text))),
        Some(other) => Err(mismatch(format!("error.{key}"), "text", other)),
    };
    let index = |key: &str| failure.get(key).map_or(Ok(0), |value| as_index(value, || format!("error.{key}")));
    let message = text("message")?.unwrap_or_else(|| "the host gave no message".into());
    let message = match text("type")? {
        Some(kind) => format!("{kind}: {message}"),
        None => message.to_string(),
    };
    let chain = match failure.get("chain") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::List(links)) => links
            .iter()
            .map(|link| match link {
                Value::Str(link) => Ok(link.to_string()),
                other => Err(mismatch("error.chain", "a list of text", other)),
            })
            .collect::<Result<_, _>>()?,
        Some(other) => return Err(mismatch("error.chain", "a list of text", other)),
    };
    Ok(HostFailure { token: token?, entry: index("entry")?, node: index("node")?, message, chain })
}

fn as_map<'a>(value: &'a Value, path: &str, expected: &'static str) -> Result<&'a Map, DocumentError> {
    match value {
        Value::Map(map) => Ok(map),
        other => Err(mismatch(path, expected, other)),
    }
}

fn as_index(value: &Value, path: impl Fn() -> String) -> Result<usize, DocumentError> {
    let index = match value {
        Value::Int(index) => usize::try_from(*index).ok(),
        Value::UInt(index) => usize::try_from(*index).ok(),
        _ => None,
    };
    index.ok_or_else(|| mismatch(path(), "a number from 0", value))
}

fn mismatch(path: impl Into<String>, expected: &'static str, got: &Value) -> DocumentError {
    DocumentError { document: "reply", path: path.into(), expected, got: got.kind().name() }
}
