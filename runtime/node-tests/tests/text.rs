//! `TextCollector`: where sentences end, and that the cuts between tokens change nothing.

use harness::drive::{drain, prepare, run};
use harness::media::fixture;
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
    "\"Really?\" she asked.",
    "He came (it was late.) and left.| \u{201c}I am tired. Let us go,\u{201d} he said.| They went.",
    "I like plan B.| We should do it.| He moved to Washington, D.C. last year.",
    "He said \"One.| Two.| Three.\n|The quote was never closed.| Fine.",
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

/// As above, by language: what the tables of pysbd leave out.
const TABLE_BY_LANGUAGE: &[(&str, &str)] = &[
    ("de", "Das ist Herr Dr. M\u{fc}ller.| Er kommt am 3. Mai um 15.30 Uhr.| Gut!"),
    (
        "de",
        "Er wohnt in der Hauptstr. 5.| Das ist nah.| Ludwig XIV. war K\u{f6}nig.| Der 2. Weltkrieg kam sp\u{e4}ter.| Er ist 12.| Sie nicht.",
    ),
    ("de", "Die M\u{fc}ller GmbH & Co. KG hat 1,5 Mio. Euro, \u{c4}pfel usw. im Haus.| Nicht schlecht!"),
    ("fr", "\u{ab} Bonjour ! \u{bb} dit-il.| Il a dit : \u{ab} Viens. \u{bb}| Puis il partit."),
    (
        "el",
        "\u{39f} \u{3ba}. \u{3a0}\u{3b1}\u{3c0}\u{3ac}\u{3c2} \u{3ae}\u{3c1}\u{3b8}\u{3b5}.| \u{3a4}\u{3b9};| \u{39a}\u{3b1}\u{3bb}\u{3ac}!",
    ),
    (
        "ja",
        "\u{300c}\u{884c}\u{304f}\u{3088}\u{3002}\u{300d}\u{3068}\u{8a00}\u{3063}\u{305f}\u{3002}|\u{306f}\u{3044}\u{ff01}",
    ),
    ("zh", "\u{4ed6}\u{8bf4}\u{ff1a}\u{201c}\u{4f60}\u{597d}\u{3002}\u{201d}|\u{597d}\u{3002}"),
    // What needs no language.
    ("en", "\u{6a9}\u{6cc}\u{627} \u{62d}\u{627}\u{644}\u{61f}| \u{679}\u{6be}\u{6cc}\u{6a9}\u{6d4}| ok ok."),
    (
        "en",
        "\u{92f}\u{939} \u{905}\u{91a}\u{94d}\u{91b}\u{93e}\u{964}| \u{939}\u{93e}\u{901}\u{965}| \u{532}\u{561}\u{580}\u{587}\u{589}| \u{3a4}\u{3b9}\u{37e}| ok.",
    ),
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
    for (language, line) in TABLE_BY_LANGUAGE {
        let (text, sentences) = parts(line);
        let params = json!({"min_sentence_length": 1, "language": language});
        assert_eq!(texts(params, &[&text]), sentences, "{language}: {line}");
    }
    let cases = TABLE.len() + TABLE_BY_LANGUAGE.len();
    println!("reference | TextCollector | declared sentences | {cases} | 0 wrong texts | 0 |");
}

/// The cases of pysbd's tests; `tests/reference/make_sentences.py` says which of them pysbd itself finds.
fn golden() -> Json {
    serde_json::from_slice(&fixture("sentences.json")).expect("JSON")
}

#[test]
#[allow(clippy::print_stdout, reason = "as above")]
fn reference_sentences_of_pysbd() {
    let golden = golden();
    let (mut all, mut ours_of_all, mut worse) = (0, 0, Vec::new());
    for (language, cases) in golden["cases"].as_object().expect("languages") {
        let params = json!({"min_sentence_length": 1, "language": language});
        let (mut ours, mut theirs) = (0, 0);
        for case in cases.as_array().expect("cases") {
            let text = case["text"].as_str().expect("text");
            let whole = texts(params.clone(), &[text]);
            // Letter by letter, as nothing that has come may be taken for the end.
            let letters: Vec<&str> = text.split_inclusive(|_: char| true).collect();
            assert_eq!(texts(params.clone(), &letters), whole, "{text}");
            ours += usize::from(json!(whole) == case["sentences"]);
            theirs += usize::from(case["found_by_pysbd"] == json!(true));
        }
        println!("{language}: {ours} of {}, pysbd {theirs}", cases.as_array().map_or(0, Vec::len));
        if ours < theirs {
            worse.push(format!("{language}: {ours}, pysbd {theirs}"));
        }
        (all, ours_of_all) = (all + cases.as_array().map_or(0, Vec::len), ours_of_all + ours);
    }
    assert!(worse.is_empty(), "{worse:#?}");
    assert_eq!((all, ours_of_all), (307, 302));
    println!(
        "reference | TextCollector | pysbd 0.3.4, its golden rules in 23 languages, as many found in each | {all} | 0 fewer | 0 |"
    );
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
        let step = node.process(0, Packet::new(Value::text(token))).expect("a step");
        drain(&mut *node, step, |emission| emitted.push((emission.port, emission.packet.value))).expect("a step");
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
        (language, line) in prop::sample::select(
            TABLE.iter().map(|line| ("en", *line)).chain(TABLE_BY_LANGUAGE.iter().copied()).collect::<Vec<_>>()
        ),
        cuts in prop::collection::vec(0usize..80, 0..10),
        least in 1u32..12,
    ) {
        let params = json!({"min_sentence_length": least, "end_tokens": ["ll", "met"], "language": language});
        let (text, _) = parts(line);
        let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| text.is_char_boundary(*cut)).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let tokens: Vec<&str> = cuts.windows(2).map(|cut| &text[cut[0]..cut[1]]).collect();
        prop_assert_eq!(texts(params.clone(), &tokens), texts(params, &[&text]));
    }
}
