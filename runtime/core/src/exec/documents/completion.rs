//! How work ended, and what is wrong: completions, errors, and the problems of a manifest.

use super::{StatusOf, write_optional, write_tokens};
use crate::exec::completion::{Completion, Output, RunError, SkipReport};
use crate::manifest::Problem;
use crate::wire::Encoder;

/// The header of an empty map; up to 15 entries are counted in it.
const MAP_OF_NONE: u8 = 0x80;

/// Writes a completion: `{status, outputs: {sink: {values, items, ...}}, errors}`, with `skipped` and `skips`, and with
/// `retries`, where there were any; [`add_released`] may add to it.
pub fn write_completion(encoder: &mut Encoder, completion: &Completion, status_of: StatusOf) {
    let SkipReport { skipped, skips, retries } = &completion.skip_report;
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
