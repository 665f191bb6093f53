//! The documents of a port: its events, calls of the host's nodes among them, and the host's replies.

use std::sync::Arc;

use super::completion::{write_completion, write_error};
use super::error::{DocumentError, as_index, as_map, check_names, mismatch};
use super::fields::{StatusOf, TIME, write_optional, write_tokens};
use crate::exec::host::host_call::{CallEntry, HostCall, HostFailure, HostOutput, Reply};
use crate::exec::ports::event::Event;
use crate::node::HostToken;
use crate::value::Value;
use crate::wire::Encoder;

/// The kinds of event, as the first entry of an event in a document.
pub mod event_kind {
    /// A piece of work has ended.
    pub const COMPLETED: i64 = 1;
    /// Packets for nodes of the host.
    pub const CALL: i64 = 2;
    /// Tokens that the host may release.
    pub const RELEASED: i64 = 3;
    /// No event follows.
    pub const PORT_ENDED: i64 = 4;
    /// A session has room for packets.
    pub const ROOM: i64 = 5;
    /// A session has outputs, or has ended.
    pub const OUTPUTS: i64 = 6;
    /// There is room for the next part of a reply.
    pub const REPLY_ROOM: i64 = 7;
    /// A call is over before its reply.
    pub const CALL_OVER: i64 = 8;
    /// A node has dropped a packet after an error.
    pub const SKIPPED: i64 = 9;
}

/// What is called with the host's number for an exception object that is no longer needed.
pub type ReleaseToken = Box<dyn Fn(u64) + Send + Sync>;

/// The header of a list whose length, up to 65,535, is in the two bytes behind it.
const LIST_16: u8 = 0xdc;

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
                encoder.array(2).int(event_kind::REPLY_ROOM).uint(*call);
            }
            Event::CallCancelled { call } => {
                encoder.array(2).int(event_kind::CALL_OVER).uint(*call);
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

/// Writes the call that follows the one that was replied to: `[call, {...}]`, and what [`end_list`] adds.
pub fn write_next_call(encoder: &mut Encoder, call: &HostCall) {
    encoder.array(2);
    write_call(encoder, call);
}

/// Writes a call: its number and its contents.
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
            CallEntry::EndOfItem { item } => {
                encoder.array(1).uint(*item);
            }
            CallEntry::EndOfStream => {
                encoder.array(0);
            }
        }
    }
    if call.epoch > 0 {
        encoder.text("epoch").uint(u64::from(call.epoch));
    }
}

/// Ends a list of `count` events: adds the tokens of memory that the host may release, and the end of the port.
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
        encoder.array(1).int(event_kind::PORT_ENDED);
    }
    document.extend_from_slice(encoder.as_bytes());
}

/// Reads a reply. What `release` returns is called when the host's exception object is no longer needed.
///
/// # Errors
/// The place of the first entry that is not as expected.
pub fn read_reply(document: &Value, release: impl FnOnce() -> ReleaseToken) -> Result<Reply, DocumentError> {
    let reply = as_map(document, "", "a map")?;
    // Read first and checked last: its token has to be released whatever else is wrong.
    let failure = match reply.get("error") {
        None | Some(Value::Null) => Ok(None),
        Some(failure) => read_failure(failure, release).map(Some),
    };
    check_names(reply, "", &["outputs", "final", "error"])?;
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

fn read_output(entry: &Value, path: impl Fn() -> String) -> Result<HostOutput, DocumentError> {
    const EXPECTED: &str = "[entry, value, pts?, duration?, port?]";
    let Value::List(fields) = entry else { return Err(mismatch(path(), EXPECTED, entry)) };
    let [index, value, times @ ..] = &fields[..] else { return Err(mismatch(path(), EXPECTED, entry)) };
    if times.len() > 3 {
        return Err(mismatch(path(), EXPECTED, entry));
    }
    let time = |place: usize| match times.get(place) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Int(time)) => Ok(Some(*time)),
        Some(other) => Err(mismatch(format!("{}[{}]", path(), place + 2), TIME, other)),
    };
    let index = as_index(index, || format!("{}[0]", path()))?;
    let port = times.get(2).map_or(Ok(0), |port| as_index(port, || format!("{}[4]", path())))?;
    Ok(HostOutput { entry: index, value: value.clone(), pts: time(0)?, duration: time(1)?, port })
}

fn read_failure(failure: &Value, release: impl FnOnce() -> ReleaseToken) -> Result<HostFailure, DocumentError> {
    let failure = as_map(failure, "error", "a map or nil")?;
    let token = match failure.get("token") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::UInt(token)) => Ok(Some(*token)),
        Some(token) => as_index(token, || "error.token".to_owned()).map(|token| Some(token as u64)),
    };
    let token = token.map(|token| token.map(|token| HostToken::new(token, release())));
    check_names(failure, "error", &["entry", "node", "message", "type", "chain", "token", "ends_run", "pts"])?;
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
    let ends_run = match failure.get("ends_run") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(ends_run)) => *ends_run,
        Some(other) => return Err(mismatch("error.ends_run", "a bool", other)),
    };
    let pts = match failure.get("pts") {
        None | Some(Value::Null) => None,
        Some(Value::Int(time)) => Some(*time),
        Some(other) => return Err(mismatch("error.pts", TIME, other)),
    };
    Ok(HostFailure { token: token?, entry: index("entry")?, node: index("node")?, pts, message, chain, ends_run })
}
