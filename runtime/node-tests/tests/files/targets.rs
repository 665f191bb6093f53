//! What stands in the place of a file that is to be written: what is replaced, what is written into, and what is refused.

use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::thread;

use remotemedia_core::node::Node;
use remotemedia_core::value::{Audio, Packet};
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};

use super::streams::{decoded, pipe};
use super::*;

const FORMATS: [&str; 3] = ["wav", "flac", "opus"];

/// A second of sound.
fn tone() -> Audio {
    let samples = (0..48_000).map(|frame| 0.5 * (frame as f32 * 0.05).sin()).collect();
    Audio::from_planar(samples, 1, 48_000).expect("valid sound")
}

/// The two nodes that write files.
fn writers(path: &str, format: &str) -> [Box<dyn Node>; 2] {
    let encode = drive::prepare("AudioEncode", json!({"path": path, "format": format})).expect("right");
    [encode, sink(path)]
}

fn sink(path: &str) -> Box<dyn Node> {
    drive::prepare("FileSink", json!({"path": path, "overwrite": true})).expect("right")
}

fn write(node: &mut dyn Node) -> Result<(), String> {
    let pieces = [tone().slice(0, 20_000), tone().slice(20_000, 28_000)];
    let written = drive::run(node, pieces.map(|audio| Packet::new(Value::from(audio))));
    written.map(drop).map_err(|error| message(&error))
}

/// What is in a file of this format.
fn encoded(format: &str) -> Vec<u8> {
    let mut encode = drive::prepare("AudioEncode", json!({"format": format})).expect("right");
    let written = drive::run(&mut *encode, [Packet::new(Value::from(tone()))]).expect("encoded");
    let Value::Bytes(bytes) = &written[0].value else { panic!("expected bytes") };
    bytes.as_slice().to_vec()
}

#[test]
fn a_device_stays_a_device() {
    let folder = Folder::new();
    for format in FORMATS {
        let path = folder.path(&format!("null.{format}"));
        // Only root may make one; others have a link to it.
        let number = makedev(1, 3);
        let made = mknodat(CWD, &*path, FileType::CharacterDevice, Mode::RUSR | Mode::WUSR, number);
        if made.is_err() {
            symlink("/dev/null", &path).expect("a link");
        }
        let opens = made.is_err() || std::fs::OpenOptions::new().write(true).open(&path).is_ok();
        if !opens {
            // A file system without devices.
            std::fs::remove_file(&path).expect("it is there");
            symlink("/dev/null", &path).expect("a link");
        }
        let before = std::fs::symlink_metadata(&path).expect("it is there").ino();
        for mut node in writers(&path, format) {
            write(&mut *node).expect("written");
        }
        let mut careful = drive::prepare("FileSink", json!({"path": path})).expect("right");
        write(&mut *careful).expect("nothing of a device is lost");
        assert_eq!(std::fs::symlink_metadata(&path).expect("it is there").ino(), before, "{path}");
        assert!(std::fs::metadata(&path).expect("it is there").file_type().is_char_device());
    }
    assert_eq!(folder.files().len(), FORMATS.len());
}

#[test]
fn a_pipe_takes_the_sound_as_it_comes() {
    let folder = Folder::new();
    for format in FORMATS {
        let path = pipe(&folder, &format!("pipe.{format}"));
        for mut node in writers(&path, format) {
            let reader = {
                let path = path.clone();
                thread::spawn(move || {
                    let mut bytes = Vec::new();
                    std::fs::File::open(path).and_then(|mut pipe| pipe.read_to_end(&mut bytes)).map(|_| bytes)
                })
            };
            write(&mut *node).expect("written");
            let through = reader.join().expect("no panic").expect("it reads");
            let whole = encoded(format);
            match format {
                "opus" => assert!(through == whole),
                "wav" => {
                    assert_eq!(through[4..8], u32::MAX.to_le_bytes(), "nobody knows the length at the beginning");
                    assert_eq!(through[40..44], u32::MAX.to_le_bytes());
                    assert!(through[44..] == whole[44..]);
                }
                _ => assert!(through[42..] == whole[42..], "all but STREAMINFO is the same"),
            }
            let [from_pipe, from_file] =
                [(through, "through"), (whole, "whole")].map(|(bytes, name)| decoded(&folder.write(name, &bytes)));
            assert!(from_pipe == from_file, "{format}");
        }
        assert!(std::fs::metadata(path).expect("it is there").file_type().is_fifo());
    }
}

#[test]
fn a_pipe_needs_a_reader_to_the_end() {
    let folder = Folder::new();
    let path = pipe(&folder, "pipe.wav");
    let said = write(&mut *sink(&path)).expect_err("nobody reads");
    assert_eq!(said, format!("nobody reads the pipe '{path}'. Start its reader first."));
    let mut reader = std::fs::OpenOptions::new().read(true).write(true).open(&path).expect("it opens");
    let mut node = sink(&path);
    let step = node.process(0, Packet::new(Value::from(tone().slice(0, 100)))).expect("written");
    assert!(matches!(step, remotemedia_core::node::Step::Done(None)), "{step:?}");
    reader.read_exact(&mut [0; 44]).expect("the header is there already");
    drop(reader);
    let error = node.process(0, Packet::new(Value::from(tone().slice(0, 100)))).expect_err("nobody reads any more");
    assert_eq!(
        message(&error),
        format!("'{path}' can't be written: nobody reads this pipe any more. Keep its reader running until the end.")
    );
}

#[test]
fn a_link_stays_and_what_it_leads_to_is_written_in_one_piece() {
    let folder = Folder::new();
    for format in FORMATS {
        let (target, link) = (format!("far/target.{format}"), format!("link.{format}"));
        folder.write(&target, b"old");
        // Over a second link, both relative to where they lie.
        symlink(format!("target.{format}"), folder.path(&format!("far/next.{format}"))).expect("a link");
        symlink(format!("far/next.{format}"), folder.path(&link)).expect("a link");
        for mut node in writers(&folder.path(&link), format) {
            std::fs::write(folder.path(&target), b"old").expect("it is there");
            write(&mut *node).expect("written");
            assert!(folder.read(&target) == encoded(format), "{format}");
            assert!(std::fs::symlink_metadata(folder.path(&link)).expect("it is there").is_symlink());
        }
        // One to a file that is not there yet.
        let (missing, link) = (format!("far/new.{format}"), format!("dangling.{format}"));
        symlink(&missing, folder.path(&link)).expect("a link");
        for mut node in writers(&folder.path(&link), format) {
            write(&mut *node).expect("written");
            assert!(folder.read(&missing) == encoded(format), "{format}");
            assert!(std::fs::symlink_metadata(folder.path(&link)).expect("it is there").is_symlink());
            std::fs::remove_file(folder.path(&missing)).expect("it is there");
        }
    }
    symlink("nowhere/x.wav", folder.path("lost.wav")).expect("a link");
    let said = write(&mut *sink(&folder.path("lost.wav"))).expect_err("there is no folder");
    assert_eq!(said, format!("no such directory '{}'. Create it first.", folder.path("nowhere")));
    assert!(folder.files().iter().all(|name| !name.ends_with(".part")), "{:?}", folder.files());
}

#[test]
fn an_open_file_gets_the_sound_behind_what_it_holds() {
    use std::os::fd::AsRawFd;

    let folder = Folder::new();
    let path = folder.write("log", b"before");
    let open = std::fs::OpenOptions::new().append(true).open(&path).expect("it opens");
    symlink(format!("/proc/self/fd/{}", open.as_raw_fd()), folder.path("out.wav")).expect("a link");
    write(&mut *sink(&folder.path("out.wav"))).expect("written");
    let expected = [b"before".as_slice(), &encoded("wav")].concat();
    assert!(folder.read("log") == expected);
}

#[test]
fn what_can_be_neither_replaced_nor_written_into_is_refused() {
    let folder = Folder::new();
    let _listener = UnixListener::bind(folder.path("socket.wav")).expect("a socket");
    symlink("round.wav", folder.path("round.wav")).expect("a link");
    std::fs::create_dir(folder.path("folder.wav")).expect("a folder");
    symlink("folder.wav", folder.path("to-folder.wav")).expect("a link");
    for (name, said) in [
        ("socket.wav", "'{}' is a socket, which can't be written as a file. Write to a file or a pipe."),
        ("round.wav", "the links of '{}' lead round in a circle, or are too many. Remove one of them."),
        ("folder.wav", "'{}' is a directory. Name a file in it."),
        ("to-folder.wav", "'{}' is a directory. Name a file in it."),
    ] {
        let path = folder.path(name);
        for mut node in writers(&path, "wav") {
            assert_eq!(write(&mut *node), Err(said.replace("{}", &path)), "{name}");
        }
    }
    // A disk of a number that no driver has.
    let path = folder.path("disk.wav");
    if mknodat(CWD, &*path, FileType::BlockDevice, Mode::RUSR, makedev(511, 5)).is_ok() {
        for mut node in writers(&path, "wav") {
            let said = format!("'{path}' is a disk, and all that is on it would be lost. Write to a file on it.");
            assert_eq!(write(&mut *node), Err(said));
        }
    }
}

#[test]
fn a_file_keeps_its_mode_and_a_new_one_has_that_of_new_files() {
    let folder = Folder::new();
    let mode = |name: &str| std::fs::metadata(folder.path(name)).expect("it is there").permissions().mode() & 0o7777;
    folder.write("plain", b"");
    for mut node in writers(&folder.path("new.wav"), "wav") {
        write(&mut *node).expect("written");
        assert_eq!(mode("new.wav"), mode("plain"));
    }
    for bits in [0o600, 0o640, 0o666, 0o400, 0o755] {
        for (number, name) in ["a.wav", "b.wav"].into_iter().enumerate() {
            let path = folder.write(name, b"old");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(bits)).expect("it is ours");
            write(&mut *writers(&path, "wav")[number]).expect("written");
            assert_eq!(mode(name), bits, "{bits:o}");
            std::fs::remove_file(path).expect("it is there");
        }
    }
    // What runs with the rights of its owner is no longer the same program.
    let path = folder.write("s.wav", b"old");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o4755)).expect("it is ours");
    write(&mut *sink(&path)).expect("written");
    assert_eq!(mode("s.wav"), 0o755);
}

#[test]
fn a_name_may_be_as_long_as_the_file_system_has_it() {
    let folder = Folder::new();
    for length in [200, 243, 244, 250, 255] {
        let name = format!("{}.wav", "n".repeat(length - 4));
        for mut node in writers(&folder.path(&name), "wav") {
            write(&mut *node).expect("written");
        }
        assert_eq!(folder.files(), std::slice::from_ref(&name));
        std::fs::remove_file(folder.path(&name)).expect("it is there");
    }
    let path = folder.path(&format!("{}.wav", "n".repeat(252)));
    let said = write(&mut *sink(&path)).expect_err("too long");
    assert_eq!(said, format!("the name of '{path}' is too long for its file system. Shorten it."));
    assert_eq!(folder.files(), Vec::<String>::new());
}
