//! `TextCollector`: where sentences end, and that the cuts between tokens change nothing.

mod drive;

use drive::{prepare, run};
use proptest::prelude::*;
use remotemedia_core::node::Step;
use remotemedia_core::value::{Packet, Value};
use serde_json::{Value as Json, json};

fn texts(params: Json, tokens: &[&str]) -> Vec<String> {
    let mut node = prepare("TextCollector", params).expect("valid params");
    let packets = run(&mut *node, tokens.iter().map(|token| Packet::new(Value::text(*token)))).expect("sentences");
    let text = |packet: Packet| if let Value::Str(text) = packet.value { text.to_string() } else { panic!("text") };
    packets.into_iter().map(text).collect()
}

/// A text, `|` where a sentence ends.
const TABLE: &[&str] = &[
    "Hello there.| How are you?| Fine!",
    "Dr. Smith met Mrs. Jones at 3.15 p.m. on Jan. 5.| They talked.",
    "Pi is 3.14159, e.g. for circles.| See www.example.com for more.| Done.",
    "He said \"Stop.\"| Then he left.",
    "\"Really?\"| she asked.",
    "What?!| No way...| Yes.",
    "Wait... what is it?| Nothing.",
    "J. S. Bach wrote it.| I. Kant did not.",
    "It was me and I.| You know.",
    "We sell pens, ink, etc. and paper, etc.| Come in.",
    "Acme Inc. sells.| He works at Acme Inc.| Then he left.",
    "The U.S. army.| He lives in the U.S.| She does not.",
    "1. Take two eggs.| 2. Beat them.",
    "It costs $5.| It was No. 5 of 10.| No.| I won't.",
    "Version 2.0.1 is out.| Mail a.b@c.de now.",
    "A line\n|another line\n|\nThe end.",
    "\u{4f60}\u{597d}\u{3002}|\u{518d}\u{89c1}\u{ff01}|ok ok.",
    "Ellipsis\u{2026} goes on.| Ellipsis\u{2026}| Ends.",
    "Er sagte z.B. nichts.| Das war alles (wirklich.)| Ja.",
    "no end at all",
    "",
    "   ",
];

fn parts(line: &str) -> (String, Vec<String>) {
    let sentences = line.split('|').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect();
    (line.replace('|', ""), sentences)
}

#[test]
#[allow(clippy::print_stdout, reason = "the table of references is made of what the tests print")]
fn reference_table_of_sentences() {
    for line in TABLE {
        let (text, sentences) = parts(line);
        assert_eq!(texts(json!({"min_sentence_length": 1}), &[&text]), sentences, "{line}");
    }
    println!("reference | TextCollector | declared sentences | {} | 0 wrong texts | 0 |", TABLE.len());
}

#[test]
fn short_sentences_are_joined_to_the_next() {
    let tokens = ["Oh. No. That is bad. Ok."];
    assert_eq!(texts(json!({"min_sentence_length": 8}), &tokens), ["Oh. No. That is bad.", "Ok."]);
    assert_eq!(texts(json!({}), &tokens), ["Oh.", "No.", "That is bad.", "Ok."]);
}

#[test]
fn a_sentence_comes_when_the_next_letter_shows_that_it_is_over() {
    let mut node = prepare("TextCollector", json!({})).expect("valid params");
    let mut send = |token: &str| match node.process(0, Packet::new(Value::text(token))).expect("a step") {
        Step::Done(None) => None,
        Step::More(Some(emission)) => {
            assert!(matches!(node.resume().expect("a step"), Step::Done(None)));
            Some(emission.packet.value)
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(send("It is 3"), None);
    assert_eq!(send("."), None);
    assert_eq!(send("5 o'clock."), None);
    assert_eq!(send(" And"), Some(Value::text("It is 3.5 o'clock.")));
    assert_eq!(send(" so on\n"), Some(Value::text("And so on")));
}

#[test]
fn partials_come_on_request_on_their_own_port() {
    let mut node = prepare("TextCollector", json!({"partials": true})).expect("valid params");
    let mut emitted = Vec::new();
    for token in ["One", " two. Th", "ree"] {
        let mut step = node.process(0, Packet::new(Value::text(token))).expect("a step");
        loop {
            let (emission, more) = match step {
                Step::Done(emission) => (emission, false),
                Step::More(emission) => (emission, true),
            };
            emitted.extend(emission.map(|emission| (emission.port, emission.packet.value)));
            if !more {
                break;
            }
            step = node.resume().expect("a step");
        }
    }
    let expected = [(1, "One"), (0, "One two."), (1, "Th"), (1, "Three")].map(|(port, text)| (port, Value::text(text)));
    assert_eq!(emitted, expected);
}

#[test]
fn the_end_is_emitted_unless_it_is_not_wanted() {
    assert_eq!(texts(json!({}), &["One. Tw", "o"]), ["One.", "Two"]);
    assert_eq!(texts(json!({"yield_partial_on_end": false}), &["One. Two"]), ["One."]);
    assert_eq!(texts(json!({"yield_partial_on_end": false}), &["One. Two."]), ["One.", "Two."], "that is complete");
}

#[test]
fn an_item_leaves_nothing_to_the_next() {
    let mut node = prepare("TextCollector", json!({"end_tokens": ["<e>"]})).expect("valid params");
    let mut item = || run(&mut *node, [Packet::new(Value::text("One. Two <e"))]).expect("sentences");
    let first = item();
    assert_eq!(
        first.iter().map(|packet| packet.value.clone()).collect::<Vec<_>>(),
        ["One.", "Two <e"].map(Value::text)
    );
    assert_eq!(item(), first);
}

#[test]
fn other_values_and_endless_text_are_errors() {
    let mut node = prepare("TextCollector", json!({})).expect("valid params");
    let error = run(&mut *node, [Packet::new(Value::Int(1))]).expect_err("an error");
    let expected = ("expected text, got int", "Send text, such as the tokens of a language model.");
    assert_eq!((&*error.cause, &*error.cure), expected);
    let long = Packet::new(Value::text("a ".repeat(600_000)));
    let error = run(&mut *node, [long.clone(), long]).expect_err("an error");
    let expected = ("there is no end of a sentence in more than 1024 KiB of text", "Check the param 'terminators'.");
    assert_eq!((&*error.cause, &*error.cure), expected);
}

proptest! {
    #[test]
    fn the_cuts_between_tokens_change_nothing(
        line in prop::sample::select(TABLE.to_vec()),
        cuts in prop::collection::vec(0usize..80, 0..10),
        least in 1u32..12,
    ) {
        let params = json!({"min_sentence_length": least, "end_tokens": ["ll", "met"]});
        let (text, _) = parts(line);
        let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| text.is_char_boundary(*cut)).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let tokens: Vec<&str> = cuts.windows(2).map(|cut| &text[cut[0]..cut[1]]).collect();
        prop_assert_eq!(texts(params.clone(), &tokens), texts(params, &[&text]));
    }
}
