//! Files by path that are none: pipes, devices, sockets, what `/proc` has. They are read as they come, or refused, and to wait
//! for them stops no other work.

use std::io::Write;
use std::os::unix::net::UnixListener;
use std::thread;
use std::time::Duration;

use remotemedia_core::exec::{Event, Port, Submission, Submitted};
use remotemedia_core::value::{Audio, Inputs};
use rustix::fs::{CWD, Mode, mkfifoat};

use super::*;

/// Long enough that only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes a named pipe.
pub(crate) fn pipe(folder: &Folder, name: &str) -> String {
    let path = folder.path(name);
    mkfifoat(CWD, &*path, Mode::RUSR | Mode::WUSR).expect("a pipe can be made");
    path
}

/// All samples of a file, channel by channel.
pub(crate) fn decoded(path: &str) -> Vec<Vec<f32>> {
    let completion = run(&[("AudioDecode", json!({}))], Some(vec![file(path)]));
    let mut channels: Vec<Vec<f32>> = Vec::new();
    for value in outputs(&completion) {
        let Value::Audio(audio) = value else { continue };
        let audio: &Audio = audio;
        channels.resize(audio.channels(), Vec::new());
        audio.iter_channels().zip(&mut channels).for_each(|(samples, all)| all.extend_from_slice(samples));
    }
    channels
}

/// Writes bytes into a pipe, in pieces, and ends it.
fn feed(path: &str, bytes: Vec<u8>) -> thread::JoinHandle<()> {
    let path = path.to_owned();
    thread::spawn(move || {
        let mut pipe = std::fs::OpenOptions::new().write(true).open(path).expect("a reader comes");
        bytes.chunks(7001).for_each(|piece| pipe.write_all(piece).expect("it reads on"));
    })
}

#[test]
fn a_pipe_is_decoded_like_the_file_that_comes_through_it() {
    let folder = Folder::new();
    for name in ["short.flac", "alac.m4a", "bare.mp3", "mono.opus"] {
        let path = pipe(&folder, name);
        let writer = feed(&path, media::bytes(name));
        assert!(decoded(&path) == decoded(&media::path(name)), "{name}");
        writer.join().expect("all of it was read");
    }
    let raw: Vec<u8> = (0..100_000u32).map(|number| number as u8).collect();
    let params = json!({"raw": {"sample_format": "s16", "rate": 8000}});
    let path = pipe(&folder, "raw");
    let writer = feed(&path, raw.clone());
    let through = run(&[("AudioDecode", params.clone())], Some(vec![file(path)]));
    writer.join().expect("all of it was read");
    let direct = run(&[("AudioDecode", params)], Some(vec![file(folder.write("direct", &raw))]));
    assert_eq!(outputs(&through), outputs(&direct));
}

#[test]
fn several_pipes_are_files_that_follow_each_other_like_files() {
    let folder = Folder::new();
    let paths = [pipe(&folder, "1"), pipe(&folder, "2")];
    let bytes = media::bytes("short.flac");
    let writers = paths.clone().map(|path| feed(&path, bytes.clone()));
    let mut node = drive::prepare("AudioDecode", json!({})).expect("right");
    let through = drive::run(&mut *node, paths.map(|path| file(path).into())).expect("decoded");
    writers.into_iter().for_each(|writer| writer.join().expect("all of it was read"));
    let direct =
        drive::run(&mut *node, [file(media::path("short.flac")).into(), file(media::path("short.flac")).into()]);
    assert_eq!(through, direct.expect("decoded"));
}

#[test]
fn of_a_pipe_without_end_a_part_is_decoded() {
    let folder = Folder::new();
    let path = pipe(&folder, "endless");
    let writer = {
        let path = path.clone();
        thread::spawn(move || {
            let mut pipe = std::fs::OpenOptions::new().write(true).open(path).expect("a reader comes");
            // Until nobody reads any more.
            while pipe.write_all(&[0; 4096]).is_ok() {}
        })
    };
    let params = json!({"duration_s": 2.0, "raw": {"sample_format": "s16", "rate": 8000}});
    let mut node = drive::prepare("AudioDecode", params).expect("right");
    let packets = drive::run(&mut *node, [file(path).into()]).expect("decoded");
    let frames: usize = packets
        .iter()
        .map(|packet| match &packet.value {
            Value::Audio(audio) => audio.frames(),
            other => panic!("expected sound, got {other:?}"),
        })
        .sum();
    assert_eq!(frames, 16_000);
    writer.join().expect("it hears that nobody reads");
}

#[test]
fn pipes_that_nobody_writes_to_stop_no_other_work_and_end_with_a_cancel() {
    const PIPES: u64 = 5;
    let folder = Folder::new();
    let config = Config::parse(br#"{"workers": 2}"#).expect("right");
    let runtime = Runtime::new(config, remotemedia_nodes::registry());
    let compile = |node_type: &str, params: Json| {
        let manifest = json!({"version": "v1", "nodes": [{"id": "n", "node_type": node_type, "params": params}]});
        runtime.compile(manifest.to_string().as_bytes(), &HostNodes::new()).unwrap_or_else(|error| panic!("{error}"))
    };
    let decode = compile("AudioDecode", json!({}));
    let copy = compile("FileSink", json!({"path": folder.path("copy-{stem}")}));
    let waiting = Port::new(None);
    for token in 0..PIPES {
        let path = pipe(&folder, &format!("pipe{token}"));
        let pipeline = if token % 2 == 0 { &decode } else { &copy };
        pipeline.submit(&waiting, submission(token, file(path))).expect("accepted");
    }
    let port = Port::new(None);
    let submitted = decode.submit(&port, submission(9, file(media::path("short.flac")))).expect("accepted");
    let completion = match submitted {
        Submitted::Finished(completion) => completion,
        Submitted::Pending => match port.next(Some(PATIENCE)).events.pop() {
            Some(Event::Completed { completion, .. }) => completion,
            other => panic!("the file should be decoded, not wait behind pipes: {other:?}"),
        },
    };
    assert!(!outputs(&completion).is_empty());
    (0..PIPES).for_each(|token| assert!(waiting.cancel(token)));
    let mut ended = 0;
    while ended < PIPES {
        let events = waiting.next(Some(PATIENCE)).events;
        assert!(!events.is_empty(), "{} pipes are still waited for", PIPES - ended);
        ended += events.len() as u64;
    }
    assert!(runtime.shut_down(PATIENCE), "nothing is left behind");
}

fn submission(token: u64, input: Value) -> Submission {
    Submission { token, inputs: Inputs::List(vec![input]), input_bytes: 0, timeout: None, budget: Duration::ZERO }
}

#[test]
fn what_has_no_length_is_copied_until_it_ends() {
    let folder = Folder::new();
    let path = pipe(&folder, "pipe");
    let bytes: Vec<u8> = (0..300_000u32).map(|number| (number / 7) as u8).collect();
    let writer = feed(&path, bytes.clone());
    let inputs = vec![file(path), file("/dev/null"), file("/proc/version"), file(folder.write("empty", b""))];
    let completion = run(&[("FileSink", json!({"path": folder.path("{index}.copy")}))], Some(inputs));
    assert_eq!(outputs(&completion).len(), 4);
    writer.join().expect("all of it was read");
    assert!(folder.read("0.copy") == bytes);
    assert_eq!(folder.read("1.copy"), b"");
    assert_eq!(folder.read("2.copy"), std::fs::read("/proc/version").expect("it is there"));
    assert_eq!(folder.read("3.copy"), b"");
}

#[test]
fn what_is_no_sound_in_a_stream_is_said_with_its_path() {
    let folder = Folder::new();
    let said = |path: &str| {
        let mut node = drive::prepare("AudioDecode", json!({})).expect("right");
        message(&drive::run(&mut *node, [file(path).into()]).expect_err("a failure"))
    };
    assert_eq!(said("/dev/null"), "'/dev/null' is empty. Check how it was made or copied.");
    let zeros = said("/dev/zero");
    assert!(zeros.starts_with("'/dev/zero' is not audio that remotemedia knows; it begins with 00 00 00"), "{zeros}");
    let version = said("/proc/version");
    assert!(
        version.starts_with("'/proc/version' is not audio that remotemedia knows; it begins with \"Linux"),
        "{version}"
    );
    let _listener = UnixListener::bind(folder.path("socket")).expect("a socket");
    assert_eq!(
        said(&folder.path("socket")),
        format!(
            "'{}' is a socket, which can't be read as a file. Connect to it with a program that can, and send the bytes that come.",
            folder.path("socket")
        )
    );
    std::os::unix::fs::symlink("round", folder.path("round")).expect("a link");
    assert_eq!(
        said(&folder.path("round")),
        format!("the links of '{}' lead round in a circle, or are too many. Remove one of them.", folder.path("round"))
    );
    assert_eq!(said(&folder.path("")), format!("'{}' is a directory. Name a file in it.", folder.path("")));
}
