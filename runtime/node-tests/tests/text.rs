//! `TextCollector`: where sentences end, and that the cuts between tokens change nothing.

use harness::drive::{drain, feed, prepare, run};
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
    // The quote that opens here closes in other languages.
    ("zh", "你去吗？|“我不去。我在家。”|他说。|“为什么？”|她问。"),
    ("ja", "行くの？|“行かない。”"),
    ("en", "他走了。|“我也走。”"),
    ("de", "Er ging. |„Ich auch. Ja!“ |Dann Ruhe."),
    ("en", "„他走了。“|好。"),
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

/// Lists, quotation marks and terminators, whose meaning what follows decides.
const PIECES: &[&str] = &[
    "\u{2022} ",
    "\u{2022}",
    "1) ",
    "2) ",
    "3",
    "1. ",
    "2.) ",
    "a. ",
    "b. ",
    "c) ",
    ")",
    "(",
    "[",
    "]",
    "\u{201c}",
    "\u{201d}",
    "\"",
    "\u{201e}",
    "\u{ab} ",
    " \u{bb}",
    "\u{bb}",
    "\u{61f}",
    "\u{61f} \u{bb}",
    "\u{3002}",
    "\u{ff1f}",
    "\u{ff0e}",
    "\u{300c}",
    "\u{300d}",
    "\u{3068}",
    ".",
    ". . .",
    "...",
    "\u{2026}",
    "!",
    "?",
    "!\"",
    ",",
    " - ",
    "\u{2014}",
    " ",
    " ",
    " ",
    "\n",
    "\u{a0}",
    "Dr.",
    "e.g.",
    "U.S.",
    "No.",
    "p.m.",
    "etc.",
    "I",
    "XIV.",
    "12.",
    "She",
    "Mr",
    "go",
    "And",
    "\u{631}\u{641}\u{62a}",
    "<e>",
    "<e",
    "e>",
];

/// A text of such pieces, and the places where it is cut.
fn cut_pieces() -> impl Strategy<Value = (String, Vec<usize>)> {
    let text = prop::collection::vec(prop::sample::select(PIECES), 1..24).prop_map(|pieces| pieces.concat());
    text.prop_flat_map(|text| {
        let length = text.len();
        (Just(text), prop::collection::vec(0..=length, 0..12))
    })
}

fn divided(text: &str, mut cuts: Vec<usize>) -> Vec<&str> {
    cuts.retain(|cut| text.is_char_boundary(*cut));
    cuts.extend([0, text.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|cut| &text[cut[0]..cut[1]]).collect()
}

#[test]
fn what_follows_decides_and_is_waited_for() {
    for (language, text, sentences) in [
        (
            "en",
            "\u{2022} Steps for today \u{2022} 1) Mix the flour",
            vec!["\u{2022} Steps for today \u{2022} 1) Mix the flour"],
        ),
        (
            "en",
            "\u{2022} Press \u{201c}Save \u{2022} Exit\u{201d} to leave \u{2022} Then wait",
            vec!["\u{2022} Press \u{201c}Save \u{2022} Exit\u{201d} to leave", "\u{2022} Then wait"],
        ),
        (
            "fa",
            "\u{631}\u{641}\u{62a}\u{61f} \u{bb} \u{6af}\u{641}\u{62a}",
            vec!["\u{631}\u{641}\u{62a}\u{61f} \u{bb}", "\u{6af}\u{641}\u{62a}"],
        ),
        (
            "zh",
            "\u{4f60}\u{597d}\u{ff1f} \u{bb}\u{4ed6}\u{8bf4}",
            vec!["\u{4f60}\u{597d}\u{ff1f}", "\u{bb}\u{4ed6}\u{8bf4}"],
        ),
    ] {
        let params = json!({"language": language});
        let letters: Vec<&str> = text.split_inclusive(|_: char| true).collect();
        let words: Vec<&str> = text.split_inclusive(' ').collect();
        for tokens in [vec![text], words, letters] {
            assert_eq!(texts(params.clone(), &tokens), sentences, "{tokens:?}");
        }
    }
}

#[test]
fn of_end_tokens_that_overlap_the_first_counts_wherever_it_is_cut() {
    let params = json!({"end_tokens": ["<end>", "nd", "<end"]});
    for tokens in [&["One <end> two and"][..], &["One <e", "nd> two a", "nd"], &["One <", "e", "n", "d", "> two and"]] {
        assert_eq!(texts(params.clone(), tokens), ["One", "> two a"], "{tokens:?}");
    }
    let params = json!({"end_tokens": ["<end>", "nd"]});
    for tokens in [&["One <end> two"][..], &["One <end", "> two"], &["One <e", "nd", "> two"]] {
        assert_eq!(texts(params.clone(), tokens), ["One", "two"], "{tokens:?}");
    }
}

/// With work that grows with the square of the text this takes minutes.
#[test]
fn long_texts_take_time_with_their_length() {
    let sentence = "This is a sentence. ";
    let params = json!({"end_tokens": ["<e>", "<f>"]});
    let sentences = texts(params.clone(), &[&sentence.repeat(100_000)]);
    assert!(sentences.len() == 100_000 && sentences.iter().all(|found| *found == sentence.trim()));
    let parts = texts(params.clone(), &[&"a<e>".repeat(300_000)]);
    assert!(parts.len() == 300_000 && parts.iter().all(|found| found == "a"));
    // Tokens of five letters of a text without an end, and of one whose dots end nothing.
    for piece in ["and then we went on ", "a.b,c "] {
        let text = piece.repeat(1_000_000 / piece.len());
        let tokens: Vec<&str> = (0..text.len()).step_by(5).map(|at| &text[at..text.len().min(at + 5)]).collect();
        assert!(texts(params.clone(), &tokens) == [text.trim()], "{piece}");
    }
    let marks = "? ".repeat(300_000) + &"a.".repeat(200_000);
    assert!(texts(json!({}), &[&marks]) == [marks]);
}

#[test]
fn a_sentence_has_the_time_of_the_token_in_which_it_begins() {
    let mut node = prepare("TextCollector", json!({"end_tokens": ["<e>"], "partials": true})).expect("valid params");
    let tokens = [
        ("One", Some(1)),
        (" two. ", Some(2)),
        (" ", Some(3)),
        ("Th", Some(4)),
        ("", Some(5)),
        ("ree. Four. Fi", None),
        ("ve<e", Some(7)),
        ("> ", Some(8)),
        ("Six", Some(8)),
        (" seven", Some(9)),
    ];
    let mut item = || {
        let mut found = [Vec::new(), Vec::new()];
        let packets = tokens.map(|(token, pts)| (0, Packet::new(Value::text(token)).at(pts, None)));
        feed(&mut *node, packets, |emission| {
            let Value::Str(text) = emission.packet.value else { panic!("text") };
            found[emission.port].push((text.to_string(), emission.packet.pts));
        })
        .expect("sentences");
        found
    };
    let [sentences, partials] = item();
    let timed = |text: &str, pts| (text.to_owned(), pts);
    let expected =
        [("One two.", Some(1)), ("Three.", Some(4)), ("Four.", None), ("Five", None), ("Six seven", Some(8))];
    assert_eq!(sentences, expected.map(|(text, pts)| timed(text, pts)));
    assert_eq!(partials[3..5], [timed("Th", Some(4)), timed("Th", Some(4))]);
    assert_eq!(item()[0], sentences, "an item leaves nothing to the next");
}

proptest! {
    #[test]
    fn the_cuts_between_pieces_change_nothing(
        (text, cuts) in cut_pieces(),
        language in prop::sample::select(&["en", "de", "fa", "zh", "ja", "ru", "el"][..]),
        least in 1u32..12,
    ) {
        let params = json!({"min_sentence_length": least, "end_tokens": ["<e>", "e>1"], "language": language});
        let whole = texts(params.clone(), &[&text]);
        let letters: Vec<&str> = text.split_inclusive(|_: char| true).collect();
        prop_assert_eq!(&texts(params.clone(), &letters), &whole);
        prop_assert_eq!(texts(params, &divided(&text, cuts)), whole);
    }

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
        prop_assert_eq!(texts(params.clone(), &divided(&text, cuts)), texts(params, &[&text]));
    }
}
