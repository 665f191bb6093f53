//! `FileSink`: what is written where, and what never is.

use remotemedia_core::node::{Item, Node};
use remotemedia_core::value::{Audio, Buffer, Packet};

use super::*;

fn sink(params: Json) -> Box<dyn Node> {
    drive::prepare("FileSink", params).expect("right params")
}

/// A file of these bytes, in memory.
fn content(bytes: &[u8]) -> Value {
    Value::from(File::from_bytes(Buffer::from_bytes(bytes.to_vec())))
}

fn named(number: u64, name: &str) -> Item {
    Item::named(number, name)
}

fn tone(frames: usize) -> Audio {
    let samples = (0..frames).map(|frame| 0.5 * (frame as f32 * 0.05).sin()).collect();
    Audio::from_planar(samples, 1, 16_000).expect("valid sound")
}

/// What a sink says of one item.
fn failure(node: &mut dyn Node, item: &Item, values: Vec<Value>) -> String {
    node.begin_item(item);
    message(&drive::run(node, values.into_iter().map(Packet::new)).expect_err("a failure"))
}

#[test]
fn recordings_go_out_as_their_ending_says_under_the_names_that_they_came_with() {
    let folder = Folder::new();
    let sound = media::bytes("short.flac");
    folder.write("in/one.flac", &sound);
    folder.write("in/deep/two.flac", &sound);
    let completion = run(
        &[
            ("FileSource", json!({"path": folder.path("in/**/*.flac")})),
            ("AudioDecode", json!({})),
            ("FileSink", json!({"path": folder.path("out/{index:03d}/{stem}.flac")})),
        ],
        None,
    );
    let written: Vec<&str> = outputs(&completion).iter().map(|value| path_of(value)).collect();
    assert_eq!(written, [folder.path("out/000/two.flac"), folder.path("out/001/one.flac")]);
    let Value::File(first) = outputs(&completion)[0] else { unreachable!() };
    assert_eq!(first.mime.as_deref(), Some("audio/flac"));
    let decoded = |path: String| {
        let run = run(&[("AudioDecode", json!({})), ("AudioConcat", json!({}))], Some(vec![file(path)]));
        match outputs(&run)[..] {
            [Value::Audio(audio)] => {
                (0..audio.channels()).map(|channel| audio.channel(channel).to_vec()).collect::<Vec<_>>()
            }
            ref other => panic!("expected sound, got {other:?}"),
        }
    };
    assert_eq!(decoded(folder.path("out/000/two.flac")), decoded(folder.path("in/one.flac")));
    assert_eq!(folder.files(), ["in/deep/two.flac", "in/one.flac", "out/000/two.flac", "out/001/one.flac"]);
}

#[test]
fn bytes_are_those_of_the_encoder_however_the_sound_is_cut() {
    let folder = Folder::new();
    let sound = tone(5000);
    for (name, cuts) in [("whole.wav", vec![5000]), ("cut.wav", vec![1, 999, 3000, 1000]), ("even.wav", vec![500; 10])]
    {
        let mut node = sink(json!({"path": folder.path(name)}));
        let mut at = 0;
        let packets: Vec<Packet> = cuts
            .into_iter()
            .map(|frames| {
                at += frames;
                Packet::new(Value::from(sound.slice(at - frames, frames)))
            })
            .collect();
        drive::run(&mut *node, packets).expect("written");
    }
    let mut encode = drive::prepare("AudioEncode", json!({"format": "wav"})).expect("right");
    let encoded = drive::run(&mut *encode, [Packet::new(Value::from(sound))]).expect("encoded");
    let Value::Bytes(encoded) = &encoded[0].value else { panic!("expected bytes") };
    for name in ["whole.wav", "cut.wav", "even.wav"] {
        assert!(folder.read(name) == encoded.as_slice(), "{name} differs");
    }
}

#[test]
fn pieces_of_bytes_are_one_file_and_files_are_files_of_their_own() {
    let folder = Folder::new();
    let mut node = sink(json!({"path": folder.path("{index}")}));
    let bytes = |text: &str| Packet::new(Value::bytes(text.as_bytes().to_vec()));
    let written = drive::run(&mut *node, [bytes("ab"), bytes(""), bytes("c")]).expect("written");
    assert_eq!(written.len(), 1);
    let large: Vec<u8> = (0..3_000_000u32).map(|number| number as u8).collect();
    let path = folder.write("large", &large);
    let written = drive::run(&mut *node, [Packet::new(file(path)), Packet::new(content(b"de"))]).expect("written");
    assert_eq!(written.len(), 2);
    assert_eq!(
        (folder.read("0"), folder.read("1") == large, folder.read("2")),
        (b"abc".to_vec(), true, b"de".to_vec())
    );
    assert_eq!(drive::run(&mut *node, []).expect("an item without packets").len(), 0);
    assert_eq!(folder.files(), ["0", "1", "2", "large"]);
}

#[test]
fn every_segment_is_a_file() {
    let folder = Folder::new();
    let recording = media::of_project("examples/speech.flac");
    let nodes = [
        ("AudioDecode", json!({})),
        ("SpeechSegments", json!({"max_speech_duration_s": 1.0})),
        ("FileSink", json!({"path": folder.path("{stem}/{index:05d}.wav")})),
    ];
    let completion = run(&nodes, Some(vec![file(recording)]));
    let written = outputs(&completion).len();
    assert!(written > 1, "{written}");
    let expected: Vec<String> = (0..written).map(|index| format!("speech/{index:05}.wav")).collect();
    assert_eq!(folder.files(), expected);
}

#[test]
fn a_file_that_is_there_is_an_error_unless_it_is_said_what_becomes_of_it() {
    let folder = Folder::new();
    let path = folder.write("a.txt", b"old");
    let said = failure(&mut *sink(json!({"path": path})), &named(0, "x"), vec![content(b"new")]);
    assert_eq!(
        said,
        format!("'{path}' is there already. Set `overwrite` to replace it, or `skip_existing` to keep it.")
    );
    assert_eq!(folder.read("a.txt"), b"old");

    let mut skipping = sink(json!({"path": path, "skip_existing": true}));
    let emitted = drive::run(&mut *skipping, [Packet::new(content(b"new"))]).expect("skipped");
    let Value::Map(map) = &emitted[0].value else { panic!("expected a map") };
    assert_eq!(map["type"], Value::Str("skipped".into()));
    assert_eq!(path_of(&map["file"]), path);
    assert_eq!(folder.read("a.txt"), b"old");
    let sound = folder.write("a.wav", b"old");
    let mut skipping = sink(json!({"path": sound, "skip_existing": true}));
    let pieces = [Packet::new(Value::from(tone(10))), Packet::new(Value::from(tone(10)))];
    assert_eq!(drive::run(&mut *skipping, pieces).expect("skipped").len(), 1);
    assert_eq!(folder.read("a.wav"), b"old");

    let mut replacing = sink(json!({"path": path, "overwrite": true}));
    let emitted = drive::run(&mut *replacing, [Packet::new(content(b"new"))]).expect("replaced");
    assert_eq!(path_of(&emitted[0].value), path);
    assert_eq!(folder.read("a.txt"), b"new");
    assert_eq!(folder.files(), ["a.txt", "a.wav"]);
    assert_eq!(
        drive::refusal("FileSink", json!({"path": "x", "overwrite": true, "skip_existing": true})),
        "overwrite: expected false, because skip_existing keeps the files that are there, got true"
    );
}

#[test]
fn a_file_that_appears_in_the_meantime_is_kept() {
    let folder = Folder::new();
    let path = folder.path("a.txt");
    let mut node = sink(json!({"path": path}));
    let step = node.process(0, Packet::new(Value::bytes(b"mine".to_vec()))).expect("taken");
    assert!(matches!(step, remotemedia_core::node::Step::Done(None)), "{step:?}");
    folder.write("a.txt", b"theirs");
    let said = message(&node.flush().expect_err("a failure"));
    assert_eq!(
        said,
        format!("'{path}' is there already. Set `overwrite` to replace it, or `skip_existing` to keep it.")
    );
    assert_eq!(folder.read("a.txt"), b"theirs");
    assert_eq!(folder.files(), ["a.txt"]);
    for (name, value) in [("b.txt", Value::bytes(b"mine".to_vec())), ("b.wav", Value::from(tone(10)))] {
        let path = folder.path(name);
        let mut skipping = sink(json!({"path": path, "skip_existing": true}));
        let _ = skipping.process(0, Packet::new(value)).expect("taken");
        folder.write(name, b"theirs");
        let step = skipping.flush().expect("skipped");
        let remotemedia_core::node::Step::Done(Some(emitted)) = step else { panic!("expected a map") };
        let Value::Map(map) = &emitted.packet.value else { panic!("expected a map") };
        assert_eq!((&map["type"], path_of(&map["file"])), (&Value::Str("skipped".into()), &*path));
        assert_eq!(folder.read(name), b"theirs");
    }
    assert_eq!(folder.files(), ["a.txt", "b.txt", "b.wav"]);
}

#[test]
fn two_files_under_one_path_are_an_error_that_names_both() {
    let folder = Folder::new();
    for (number, existing) in
        [json!({"overwrite": true}), json!({"skip_existing": true}), json!({})].into_iter().enumerate()
    {
        let mut params = existing;
        params["path"] = folder.path(&format!("{number}-{{stem}}.txt")).into();
        let mut node = sink(params);
        node.begin_item(&named(0, "a.wav"));
        let first = drive::run(&mut *node, [Packet::new(content(b"1"))]).expect("written");
        let said = failure(&mut *node, &named(2, "a.flac"), vec![content(b"2")]);
        assert_eq!(
            said,
            format!(
                "'{}' would hold two files of this run, of input 0 'a.wav' and of input 2 'a.flac'. Put {{index}} into `path`.",
                path_of(&first[0].value)
            )
        );
    }
}

#[test]
fn nothing_half_written_is_left_after_an_error_or_a_cancel() {
    let folder = Folder::new();
    let path = folder.path("a.wav");
    let mut node = sink(json!({"path": path}));
    let _ = node.process(0, Packet::new(Value::from(tone(100)))).expect("taken");
    assert_eq!(folder.files().len(), 1, "the temporary one");
    assert_ne!(folder.files(), ["a.wav"]);
    let other = Audio::from_planar(vec![0.0; 10], 1, 8000).expect("valid sound");
    let error = node.process(0, Packet::new(Value::from(other))).expect_err("a failure");
    assert_eq!(
        message(&error),
        "the sound changes from 16000 Hz to 8000 Hz within one file. Put an AudioResample before it."
    );
    assert_eq!(folder.files(), Vec::<String>::new());

    let mut node = sink(json!({"path": path}));
    let _ = node.process(0, Packet::new(Value::from(tone(100)))).expect("taken");
    node.cleanup();
    assert_eq!(folder.files(), Vec::<String>::new());
}

#[test]
fn what_can_not_be_written_is_said() {
    let folder = Folder::new();
    let path = folder.path("a.mp3");
    assert_eq!(
        failure(&mut *sink(json!({"path": path})), &named(0, "x"), vec![Value::from(tone(1))]),
        format!("sound can't be written to '{path}', because its ending names no format. Use .wav, .flac or .opus.")
    );
    assert_eq!(
        failure(&mut *sink(json!({"path": path})), &named(0, "x"), vec![Value::Map(Default::default())]),
        "the map has no sound under 'audio'. Send sound, bytes, files, or what SpeechSegments emits."
    );
    let path = folder.path("a.wav");
    assert_eq!(
        failure(
            &mut *sink(json!({"path": path})),
            &named(0, "x"),
            vec![Value::from(tone(1)), Value::bytes(b"x".to_vec())]
        ),
        format!(
            "'{path}' is being written, and other content comes. \
             Send sound, or bytes, or whole files within one item, not a mixture."
        )
    );
    let missing = folder.path("missing");
    assert_eq!(
        failure(&mut *sink(json!({"path": folder.path("b")})), &named(0, "x"), vec![file(&missing)]),
        format!("no such file '{missing}'. Check the path.")
    );
    let plain = folder.write("plain", b"x");
    assert_eq!(
        failure(&mut *sink(json!({"path": folder.path("plain/b")})), &named(0, "x"), vec![content(b"x")]),
        format!("the path '{plain}' leads through a file as if it were a directory. Choose another directory.")
    );
    assert_eq!(folder.files(), ["plain"]);
}

#[test]
fn no_name_leads_out_of_the_folder() {
    let folder = Folder::new();
    let mut node = sink(json!({"path": folder.path("out/{stem}/x.txt"), "overwrite": true}));
    for name in ["..", "../../x", "/etc/x"] {
        assert_eq!(
            failure(&mut *node, &named(0, name), vec![content(b"x")]),
            format!("{{stem}} of the item {name:?} is no name of a file or folder. Rename the item, or use {{index}}.")
        );
    }
    assert_eq!(folder.files(), Vec::<String>::new());
}

#[test]
fn results_lie_as_their_files_do() {
    let folder = Folder::new();
    for name in ["in/a/x.wav", "in/a/deep/y.tar.gz", "in/b/x.wav"] {
        folder.write(name, name.as_bytes());
    }
    let pattern = folder.path("in/**/*.*");
    let sink = json!({"path": folder.path("out/{relative}.{parent}")});
    let completion = run(&[("FileSource", json!({"path": pattern})), ("FileSink", sink.clone())], None);
    let written: Vec<&str> = outputs(&completion).iter().map(|value| path_of(value)).collect();
    let expected = ["out/a/deep/y.tar.deep", "out/a/x.a", "out/b/x.b"].map(|name| folder.path(name));
    assert_eq!(written, expected);
    assert_eq!(folder.read("out/a/deep/y.tar.deep"), b"in/a/deep/y.tar.gz");
    // An input has its root in its path.
    let completion = run(&[("FileSink", sink)], Some(vec![file(folder.path("in/./b/x.wav"))]));
    assert_eq!(error(&completion), {
        let place = folder.path("out/b/x.b");
        format!(
            "node 'filesink' (FileSink), input 0 'x.wav': '{place}' is there already. Set `overwrite` to replace it, or \
             `skip_existing` to keep it."
        )
    });
    // One that is named itself is seen from where the process stands.
    let sink = json!({"path": folder.path("named/{relative}.txt")});
    let completion = run(&[("FileSource", json!({"path": "Cargo.toml"})), ("FileSink", sink)], None);
    assert_eq!(path_of(outputs(&completion)[0]), folder.path("named/Cargo.txt"));
}

#[test]
fn no_path_leads_out_of_the_folder() {
    let folder = Folder::new();
    folder.write("in/a/x.txt", b"x");
    let sink = |path: &str| json!({"path": folder.path(path)});
    let source = file(folder.path("in/./a/../../in/../in/a/x.txt"));
    let completion = run(&[("FileSink", sink("out/{relative}.txt"))], Some(vec![source]));
    assert_eq!(path_of(outputs(&completion)[0]), folder.path("out/a/x.txt"));
    // What is not below the root is seen from `/`, and so stays below the folder.
    folder.write("elsewhere/y.txt", b"y");
    let source = file(folder.path("elsewhere/./../in/a/x.txt"));
    let completion = run(&[("FileSink", sink("far/{relative}.txt"))], Some(vec![source]));
    assert_eq!(path_of(outputs(&completion)[0]), folder.path("far") + &folder.path("in/a/x.txt"));
    for (path, field) in [("no/{relative}.txt", "{relative}"), ("no/{parent}/{index}", "{parent}")] {
        let completion = run(&[("FileSink", sink(path))], Some(vec![content(b"x")]));
        assert_eq!(
            error(&completion),
            format!(
                "node 'filesink' (FileSink), input 0: the item has no path that {field} could be made of. \
                 Send a File by path, or use {{stem}} or {{index}}."
            )
        );
    }
    assert_eq!(folder.files().iter().filter(|name| name.starts_with("no/")).count(), 0);
}

#[cfg(unix)]
#[test]
fn no_link_leads_out_of_the_folder() {
    let folder = Folder::new();
    folder.write("out/inside/x", b"");
    folder.write("elsewhere/x", b"");
    let link = |to: &str, at: &str| {
        std::os::unix::fs::symlink(folder.path(to), folder.path(at)).expect("a link");
    };
    link("elsewhere", "out/away");
    link("out/inside", "out/near");
    let mut node = sink(json!({"path": folder.path("out/{stem}/deep/y.txt")}));
    assert_eq!(
        failure(&mut *node, &named(0, "away"), vec![content(b"x")]),
        format!(
            "'{}' leads out of '{}', to '{}'. Remove that link, or write elsewhere.",
            folder.path("out/away"),
            folder.path("out"),
            folder.path("elsewhere")
        )
    );
    node.begin_item(&named(1, "near"));
    drive::run(&mut *node, [Packet::new(content(b"y"))]).expect("a link within the folder is none out of it");
    assert_eq!(folder.read("out/inside/deep/y.txt"), b"y");
    // Nor does one in the place of the file itself, be its target there or not.
    link("elsewhere/x", "out/z.wav");
    link("elsewhere/new", "out/new.wav");
    let mut node = sink(json!({"path": folder.path("out/{stem}.wav"), "overwrite": true}));
    for (name, target) in [("z", "elsewhere/x"), ("new", "elsewhere/new")] {
        for value in [content(b"z"), Value::from(tone(10))] {
            assert_eq!(
                failure(&mut *node, &named(0, name), vec![value]),
                format!(
                    "'{}' leads out of '{}', to '{}'. Remove that link, or write elsewhere.",
                    folder.path(&format!("out/{name}.wav")),
                    folder.path("out"),
                    folder.path(target)
                )
            );
        }
    }
    assert_eq!(folder.read("elsewhere/x"), b"");
    // One that stays within is followed.
    folder.write("out/inside/y", b"old");
    link("out/inside/y", "out/y.wav");
    node.begin_item(&named(0, "y"));
    drive::run(&mut *node, [Packet::new(content(b"y"))]).expect("written");
    assert_eq!(folder.read("out/inside/y"), b"y");
    // Without a placeholder the path is all the caller's own.
    let mut node = sink(json!({"path": folder.path("out/z.wav"), "overwrite": true}));
    drive::run(&mut *node, [Packet::new(content(b"z"))]).expect("written");
    assert_eq!(folder.read("elsewhere/x"), b"z");
    assert!(!folder.files().iter().any(|name| name.ends_with(".part")), "{:?}", folder.files());
}

#[test]
fn what_is_lost_of_a_recording_is_silence_in_the_file_or_nothing() {
    let folder = Folder::new();
    let sound = tone(4_800).with_pts(Some(7_000_000_000));
    // From 0.1 s to 0.2 s nothing comes.
    let packets = || [sound.slice(0, 1_600), sound.slice(3_200, 1_600)].map(|audio| Packet::new(audio.into()));
    for (gaps, frames) in [("restart", 3_200), ("fill", 4_800), ("ignore", 3_200)] {
        let path = folder.path(&format!("{gaps}.wav"));
        drive::run(&mut *sink(json!({"path": path, "gaps": gaps})), packets()).expect("written");
        let bytes = std::fs::read(path).expect("it is there");
        assert_eq!(bytes.len(), 44 + 2 * frames, "{gaps}");
        let is_silent = bytes[44 + 2 * 1_600..].iter().take(2 * 1_600).all(|byte| *byte == 0);
        assert_eq!(is_silent, gaps == "fill", "{gaps}");
    }
}
