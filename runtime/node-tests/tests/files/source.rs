//! `FileSource`: which files, in which order, as which items.

use remotemedia_core::node::Context;

use super::*;

fn names(completion: &Completion, folder: &Folder) -> Vec<String> {
    let prefix = format!("{}/", folder.path("").trim_end_matches('/'));
    outputs(completion).iter().map(|value| path_of(value).replacen(&prefix, "", 1)).collect()
}

fn found(folder: &Folder, pattern: &str) -> Vec<String> {
    names(&run(&[("FileSource", json!({"path": folder.path(pattern)}))], None), folder)
}

/// What it says of a path when it is initialized.
fn refusal(path: &str) -> String {
    let registry = harness::drive::registry();
    let params = json!({"path": path}).as_object().cloned().expect("an object");
    let mut node = registry.get("FileSource").expect("a node").prepare(params).expect("right").instantiate();
    let context = Context { node_id: "here".into(), ..Context::default() };
    message(&node.initialize(&context).expect_err("a refusal"))
}

#[test]
fn a_pattern_brings_its_files_sorted_each_an_item() {
    let folder = Folder::new();
    for name in ["b.wav", "a/2.wav", "a/10.wav", "a/deep/x.wav", "a/notes.txt", ".hidden.wav", ".trash/y.wav", "c.WAV"]
    {
        folder.write(name, b"x");
    }
    assert_eq!(found(&folder, "**/*.wav"), ["a/10.wav", "a/2.wav", "a/deep/x.wav", "b.wav"]);
    assert_eq!(found(&folder, "a/*.wav"), ["a/10.wav", "a/2.wav"]);
    assert_eq!(found(&folder, "*/?.wav"), ["a/2.wav"]);
    assert_eq!(found(&folder, "[bc].[Ww]*"), ["b.wav", "c.WAV"]);
    assert_eq!(found(&folder, "a/**"), ["a/10.wav", "a/2.wav", "a/deep/x.wav", "a/notes.txt"]);
    assert_eq!(found(&folder, ".*.wav"), [".hidden.wav"]);
    assert_eq!(found(&folder, "b.wav"), ["b.wav"]);
    let completion = run(&[("FileSource", json!({"path": folder.path("a/*.wav")}))], None);
    let items: Vec<u64> = completion.sinks[0].outputs.iter().map(|output| output.item).collect();
    assert_eq!(items, [0, 1]);
}

#[test]
fn a_file_that_is_called_like_a_pattern_is_itself() {
    let folder = Folder::new();
    folder.write("take[1].wav", b"x");
    folder.write("take1.wav", b"x");
    assert_eq!(found(&folder, "take[1].wav"), ["take[1].wav"]);
    assert_eq!(found(&folder, "take[12].wav"), ["take1.wav"]);
}

#[cfg(unix)]
#[test]
fn links_to_files_are_files_and_no_search_goes_round_in_a_circle() {
    let folder = Folder::new();
    folder.write("a/x.wav", b"x");
    std::os::unix::fs::symlink(folder.path("a/x.wav"), folder.path("y.wav")).expect("a link");
    std::os::unix::fs::symlink(folder.path(""), folder.path("a/round")).expect("a link");
    assert_eq!(found(&folder, "**/*.wav"), ["a/x.wav", "y.wav"]);
}

#[test]
fn what_can_not_be_brought_is_said() {
    let folder = Folder::new();
    folder.write("in/x.wav", b"x");
    let place = folder.path("in");
    assert_eq!(refusal(&folder.path("in/y.wav")), format!("no such file '{place}/y.wav'. Check the path."));
    assert_eq!(refusal(&folder.path("in/*.mp3")), format!("no file matches '{place}/*.mp3'. Check the param 'path'."));
    assert_eq!(refusal(&place), format!("'{place}' is a directory. Write '{place}/*' for the files in it."));
    assert_eq!(refusal("in/x.wav/*"), {
        let here = std::env::current_dir().expect("it is somewhere");
        format!("no file matches 'in/x.wav/*' in '{}'. Check the param 'path'.", here.display())
    });
    assert_eq!(
        drive::refusal("FileSource", json!({"path": ""})),
        "path: expected a path or a pattern such as calls/**/*.wav, got \"\""
    );
}

#[test]
fn a_recording_does_not_leak_into_the_next_and_a_broken_one_is_named() {
    let folder = Folder::new();
    let sound = media::bytes("short.flac");
    folder.write("1.wav", &sound);
    folder.write("2.wav", &sound);
    let decoded = run(
        &[
            ("FileSource", json!({"path": folder.path("*.wav")})),
            ("AudioDecode", json!({})),
            ("AudioConcat", json!({})),
        ],
        None,
    );
    let [Value::Audio(first), Value::Audio(second)] = outputs(&decoded)[..] else { panic!("two sounds") };
    assert_eq!((first.frames(), first.channel(0)), (second.frames(), second.channel(0)));
    folder.write("3.wav", b"RIFF");
    let failed = run(&[("FileSource", json!({"path": folder.path("*.wav")})), ("AudioDecode", json!({}))], None);
    let said = error(&failed);
    assert!(said.starts_with("node 'audiodecode' (AudioDecode), input 2 '3.wav': '"), "{said}");
}

#[test]
fn beside_an_input_every_file_comes_with_each_item() {
    let folder = Folder::new();
    folder.write("1", b"x");
    folder.write("2", b"x");
    let mut node = drive::prepare("FileSource", json!({"path": folder.path("*")})).expect("right");
    for _ in 0..2 {
        let packets = drive::run(&mut *node, []).expect("it emits");
        let paths: Vec<&str> = packets.iter().map(|packet| path_of(&packet.value)).collect();
        assert_eq!(paths, [folder.path("1"), folder.path("2")]);
    }
}

/// A run over the files of a pattern in which what fails is dropped.
fn skipping(pattern: &str, behind: &str, params: Json) -> Completion {
    let runtime = Runtime::new(Config::default(), remotemedia_nodes::registry());
    let manifest = json!({
        "version": "v1",
        "nodes": [
            {"id": "source", "node_type": "FileSource", "params": {"path": pattern}, "on_error": "skip"},
            {"id": "behind", "node_type": behind, "params": params},
        ],
        "connections": [{"from": "source", "to": "behind"}],
    });
    let pipeline =
        runtime.compile(manifest.to_string().as_bytes(), &HostNodes::new()).unwrap_or_else(|error| panic!("{error}"));
    pipeline.execute(None, 0, None).expect("accepted")
}

#[cfg(unix)]
#[test]
fn what_can_not_be_brought_fails_by_itself_and_the_others_go_on() {
    use std::os::unix::ffi::OsStrExt;

    let folder = Folder::new();
    for name in ["a.wav", "m/b.wav", "z.wav"] {
        folder.write(name, b"x");
    }
    let name = std::ffi::OsStr::from_bytes(b"n\xff.wav");
    std::fs::write(folder.0.join(name), b"x").expect("a name that is not UTF-8");
    for (target, name) in [("round.wav", "round.wav"), ("gone/object", "so.wav"), ("gone", "m/folder")] {
        std::os::unix::fs::symlink(target, folder.path(name)).expect("a link");
    }
    let completion = skipping(&folder.path("**/*.wav"), "PassThrough", json!({}));
    assert_eq!(names(&completion, &folder), ["a.wav", "m/b.wav", "z.wav"]);
    let items: Vec<u64> = completion.sinks[0].outputs.iter().map(|output| output.item).collect();
    assert_eq!(items, [0, 1, 5]);
    let said: Vec<String> = completion.skip_report.skipped.iter().map(ToString::to_string).collect();
    let place = folder.path("").trim_end_matches('/').to_owned();
    assert_eq!(
        said,
        [
            format!(
                "node 'source' (FileSource), input 2 'n\u{fffd}.wav': the folder '{place}' holds a name that is not UTF-8, \
                 'n\u{fffd}.wav'. Rename it."
            ),
            format!(
                "node 'source' (FileSource), input 3 'round.wav': the links of '{place}/round.wav' lead round in a circle, or are too many. \
                 Remove one of them."
            ),
            format!(
                "node 'source' (FileSource), input 4 'so.wav': '{place}/so.wav' is a link to 'gone/object', which is not there. \
                 Bring that back, or remove the link."
            ),
        ]
    );
    // Without `on_error` the first of them ends the run, after the files before it.
    let failed = run(&[("FileSource", json!({"path": folder.path("**/*.wav")}))], None);
    assert_eq!(error(&failed), said[0].replace("'source'", "'filesource'"));
    assert_eq!(failed.sinks[0].outputs.len(), 2);
    // A name that the pattern does not mean is nobody's business.
    assert_eq!(found(&folder, "?.wav"), ["a.wav", "z.wav"]);
    // Beside inputs all files come in each item, and then what is wrong.
    let mut node = drive::prepare("FileSource", json!({"path": folder.path("**/*.wav")})).expect("right");
    let step = node.flush().expect("the first file");
    assert!(matches!(step, remotemedia_core::node::Step::More(Some(_))), "{step:?}");
}

#[cfg(unix)]
#[test]
fn a_backslash_is_a_letter_of_a_name() {
    let folder = Folder::new();
    folder.write("a\\b.bin", b"x");
    let nodes = [
        ("FileSource", json!({"path": folder.path("*.bin")})),
        ("FileSink", json!({"path": folder.path("out/{stem}.copy")})),
    ];
    assert_eq!(names(&run(&nodes, None), &folder), ["out/a\\b.copy"]);
}

#[test]
fn several_stars_find_what_one_finds() {
    let folder = Folder::new();
    for name in ["x.wav", "a/x.wav", "a/b/x.wav", "a/b/c/x.wav", "b/c/x.wav", "b/y.txt"] {
        folder.write(name, b"x");
    }
    let all = ["a/b/c/x.wav", "a/b/x.wav", "a/x.wav", "b/c/x.wav", "x.wav"];
    for pattern in ["**/*.wav", "**/**/*.wav", "**/**/**/x.wav"] {
        assert_eq!(found(&folder, pattern), all, "{pattern}");
    }
    assert_eq!(found(&folder, "**/b/**/*.wav"), ["a/b/c/x.wav", "a/b/x.wav", "b/c/x.wav"]);
    assert_eq!(found(&folder, "**/b/**/c/*"), ["a/b/c/x.wav", "b/c/x.wav"]);
    assert_eq!(found(&folder, "**/a/../b/*"), ["a/../b/y.txt"]);
    assert_eq!(found(&folder, "*/**/b/*.wav"), ["a/b/x.wav"]);
    assert_eq!(found(&folder, "**/*/x.wav"), all[..4]);
}
