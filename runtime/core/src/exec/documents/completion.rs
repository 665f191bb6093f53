//! The documents of completions and errors, and of the problems of a manifest.

use std::ops::Range;

use super::fields::{StatusOf, write_optional, write_tokens};
use crate::exec::outputs::completion::{Completion, Outcome, Output, RunError, SkipReport};
use crate::manifest::Problem;
use crate::wire::{Encoder, set_number};

/// The header of an empty map; up to 15 entries are counted in it.
const MAP_OF_NONE: u8 = 0x80;

/// Writes a completion: `{status, outputs: {name: {values, items, ...}}, errors}`, with `skipped` and `skips`, and with
/// `retries`, where there were any.
pub fn write_completion(encoder: &mut Encoder, completion: &Completion, status_of: StatusOf) {
    encoder.map(entries_of(completion));
    write_entries(encoder, completion, status_of);
}

/// Writes a completion that a call returns; [`add_released`] may add to it.
///
/// With `has_offsets` it begins with `offsets`, `[values begin, values end, released begin]`, if all there is to know is
/// what one output brought: where in the document these lists are. Each number takes 32 bits, so that they stand at the
/// same place in every completion; where one has more, all are 0. Returns where the numbers stand.
pub fn write_returned_completion(
    encoder: &mut Encoder,
    completion: &Completion,
    status_of: StatusOf,
    has_offsets: bool,
) -> Option<usize> {
    if !has_offsets || !is_plain(completion) {
        write_completion(encoder, completion, status_of);
        return None;
    }
    encoder.map(entries_of(completion) + 1);
    let place = encoder.text("offsets").numbers_to_be_set(3);
    let values = write_entries(encoder, completion, status_of);
    if let (Ok(begin), Ok(end)) = (u32::try_from(values.start), u32::try_from(values.end)) {
        encoder.set_number(place, 0, begin).set_number(place, 1, end);
    }
    Some(place)
}

/// Adds `released` to the completion, or the detail of an error, that a document is. What the buffer table of a completion
/// alone refers to is released when the table is handed out, and so is known only once the document is written. `offsets` is
/// what [`write_returned_completion`] returned.
///
/// # Panics
/// If the document is no map of 2 to 14 entries.
pub fn add_released(completion: &mut Vec<u8>, released: &[u64], offsets: Option<usize>) {
    if released.is_empty() {
        return;
    }
    assert!((MAP_OF_NONE + 2..MAP_OF_NONE + 15).contains(&completion[0]), "a map that says how many entries it has");
    completion[0] += 1;
    let mut encoder = Encoder::new();
    encoder.text("released");
    let begin = u32::try_from(completion.len() + encoder.len());
    write_tokens(&mut encoder, released);
    completion.extend_from_slice(encoder.as_bytes());
    if let (Some(place), Ok(begin)) = (offsets, begin) {
        set_number(completion, place, 2, begin);
    }
}

/// Whether a completion says nothing but what one output brought.
fn is_plain(completion: &Completion) -> bool {
    let SkipReport { skips, retries, .. } = completion.skip_report;
    completion.outcome == Outcome::Finished && completion.sinks.len() == 1 && skips == 0 && retries == 0
}

fn entries_of(completion: &Completion) -> usize {
    let SkipReport { skips, retries, .. } = completion.skip_report;
    3 + 2 * usize::from(skips > 0) + usize::from(retries > 0)
}

/// The entries of a completion; returns where the values of the last output stand.
fn write_entries(encoder: &mut Encoder, completion: &Completion, status_of: StatusOf) -> Range<usize> {
    let SkipReport { skipped, skips, retries } = &completion.skip_report;
    let mut values = 0..0;
    encoder.text("status").int(i64::from(status_of(completion.outcome)));
    encoder.text("outputs").map(completion.sinks.len());
    for sink in &completion.sinks {
        encoder.text(&sink.sink);
        values = write_columns(encoder, &sink.outputs);
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
    values
}

/// Writes an error; fields that are not known are left out.
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

/// Writes the problems of a manifest; fields that are not known are left out.
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

/// Writes outputs as columns: the values, the items they come from, and the other fields that any of them has. Returns where the
/// list of values stands.
fn write_columns(encoder: &mut Encoder, outputs: &[Output]) -> Range<usize> {
    let has_pts = outputs.iter().any(|output| output.pts.is_some());
    let has_duration = outputs.iter().any(|output| output.duration.is_some());
    // Where branches join, the order of results is not that of their emission.
    let has_seq = (0..).zip(outputs).any(|(place, output)| output.seq != place);
    encoder.map(2 + usize::from(has_pts) + usize::from(has_duration) + usize::from(has_seq));
    let begin = encoder.text("values").len();
    encoder.array(outputs.len());
    for output in outputs {
        encoder.value(&output.value);
    }
    let values = begin..encoder.len();
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
    values
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::exec::outputs::completion::SinkOutputs;
    use crate::value::Value;

    fn finished(values: &[i64]) -> Completion {
        let output = |(place, &value): (u64, &i64)| Output {
            item: place,
            value: Value::Int(value),
            pts: None,
            duration: None,
            seq: place,
        };
        Completion {
            outcome: Outcome::Finished,
            sinks: vec![SinkOutputs { sink: Arc::from("sink"), outputs: (0..).zip(values).map(output).collect() }],
            errors: Vec::new(),
            skip_report: SkipReport::default(),
        }
    }

    fn document(completion: &Completion, released: &[u64], has_offsets: bool) -> Vec<u8> {
        let mut encoder = Encoder::new();
        let place = write_returned_completion(&mut encoder, completion, |outcome| outcome as i32, has_offsets);
        let mut document = encoder.finish().bytes;
        add_released(&mut document, released, place);
        document
    }

    /// The layout that bindings rely on, byte by byte: see docs/abi.md.
    #[test]
    fn a_returned_completion_begins_with_the_offsets_of_its_lists() {
        let expected = [
            b"\x85\xa7offsets\x93\xce\0\0\0\x37\xce\0\0\0\x3b\xce\0\0\0\x56".as_slice(),
            b"\xa6status\x00\xa7outputs\x81\xa4sink\x82\xa6values",
            b"\x93\x06\x07\x08",
            b"\xa5items\x93\x00\x01\x02\xa6errors\x90\xa8released",
            b"\x92\x07\xcc\xff",
        ];
        assert_eq!(
            document(&finished(&[6, 7, 8]), &[7, 255], true).escape_ascii().to_string(),
            expected.concat().escape_ascii().to_string()
        );
    }

    #[test]
    fn offsets_name_the_lists_whatever_their_length() {
        for count in [0, 1, 15, 16, 70_000] {
            let values: Vec<i64> = (0..count).collect();
            for released in [&[][..], &[1], &[1 << 60; 20]] {
                let document = document(&finished(&values), released, true);
                let number = |index: usize| {
                    let place = 10 + 5 * index;
                    assert_eq!(document[place], 0xce);
                    u32::from_be_bytes(document[place + 1..place + 5].try_into().expect("four bytes")) as usize
                };
                let read = |bytes: &[u8]| crate::wire::decode(bytes, &[], &crate::wire::Limits::default());
                let expected = Value::list(values.iter().map(|&value| Value::Int(value)).collect());
                assert_eq!(read(&document[number(0)..number(1)]).expect("a list"), expected);
                assert_eq!(number(2) > 0, !released.is_empty());
                if number(2) > 0 {
                    let expected = Value::list(released.iter().map(|&token| Value::Int(token as i64)).collect());
                    assert_eq!(read(&document[number(2)..]).expect("a list"), expected);
                }
            }
        }
    }

    #[test]
    fn other_completions_have_no_offsets() {
        let has_none = |completion: &Completion| document(completion, &[], true) == document(completion, &[], false);
        let mut failed = finished(&[1]);
        failed.outcome = Outcome::Failed;
        assert!(has_none(&failed));
        let mut skipped = finished(&[1]);
        skipped.skip_report.skips = 1;
        assert!(has_none(&skipped));
        let mut retried = finished(&[1]);
        retried.skip_report.retries = 1;
        assert!(has_none(&retried));
        let mut two = finished(&[1]);
        two.sinks.push(SinkOutputs { sink: Arc::from("other"), outputs: Vec::new() });
        assert!(has_none(&two));
        assert!(!has_none(&finished(&[])));
    }
}
