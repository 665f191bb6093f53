//! `AudioDecode` with codecs of the system that are played by this test: which files go to them, what comes of them, and what
//! is said where there are none.

use std::io::{Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};

use harness::remux::{Matroska, Stream, element, matroska_compression, matroska_encodings, matroska_of_tracks};
use harness::{drive, media};
use remotemedia_core::node::NodeError;
use remotemedia_core::value::{Buffer, File, Packet, Value};
use remotemedia_nodes::audio::{
    SystemCodecs, SystemDecoder, SystemError, SystemFormat, SystemHead, SystemList, SystemSource, SystemState,
    install_system_codecs,
};
use serde_json::{Value as Json, json};

const RATE: u32 = 8000;
const PACKET: usize = 700;
const PACKETS: usize = 5;

/// Plays back a ramp for each file whose fifth byte is `T`; the other letters stand for failures.
struct Played;

static IS_ABSENT: AtomicBool = AtomicBool::new(false);
static OPENED: AtomicUsize = AtomicUsize::new(0);
/// The track that was asked for last.
static TRACK: Mutex<Option<usize>> = Mutex::new(None);
/// The file that was read last.
static CONTENT: Mutex<Vec<u8>> = Mutex::new(Vec::new());
/// Held to write by a test for which there are no codecs, or that counts.
static ALONE: RwLock<()> = RwLock::new(());

impl SystemCodecs for Played {
    fn state(&self) -> SystemState {
        match IS_ABSENT.load(Ordering::SeqCst) {
            true => SystemState::Absent("Install some.".to_owned()),
            false => SystemState::Ready("Played 1.0".to_owned()),
        }
    }

    fn list(&self) -> SystemList {
        SystemList::default()
    }

    fn open(
        &self,
        mut source: Box<dyn SystemSource>,
        formats: &str,
        track: Option<usize>,
    ) -> Result<Box<dyn SystemDecoder>, SystemError> {
        OPENED.fetch_add(1, Ordering::SeqCst);
        *TRACK.lock().unwrap_or_else(PoisonError::into_inner) = track;
        let mut content = Vec::new();
        source.seek(SeekFrom::Start(0)).map_err(SystemError::Io)?;
        source.read_to_end(&mut content).map_err(SystemError::Io)?;
        let letter = if formats == "wav" { b'T' } else { content[4] };
        *CONTENT.lock().unwrap_or_else(PoisonError::into_inner) = content;
        match letter {
            b'C' => Err(SystemError::Codec("played".to_owned())),
            b'N' => Err(SystemError::NoAudio),
            letter => Ok(Box::new(Ramp { letter, packets: 0 })),
        }
    }
}

struct Ramp {
    letter: u8,
    packets: usize,
}

fn sample(channel: usize, frame: usize) -> f32 {
    frame as f32 / 8192.0 - channel as f32 / 2.0
}

impl SystemDecoder for Ramp {
    fn head(&self) -> SystemHead {
        SystemHead {
            container: "wv".to_owned(),
            codec: "played".to_owned(),
            duration_s: Some(if self.letter == b'B' { 0.4375 } else { 0.5 }),
            tags: vec![("TITLE".to_owned(), "a ramp".to_owned()), ("title".to_owned(), "a ramp".to_owned())],
        }
    }

    fn next(&mut self, planes: &mut Vec<Vec<f32>>) -> Result<Option<SystemFormat>, SystemError> {
        match self.letter {
            b'D' if self.packets == 2 => return Err(SystemError::Damaged("a packet is torn".to_owned())),
            b'B' if self.packets == PACKETS => return Err(SystemError::Damaged("a tag is no packet".to_owned())),
            b'P' if self.packets == 1 => panic!("out of step"),
            b'E' => return Ok(None),
            _ if self.packets == PACKETS => return Ok(None),
            _ => {}
        }
        let first = self.packets * PACKET;
        self.packets += 1;
        *planes = (0..2).map(|channel| (first..first + PACKET).map(|frame| sample(channel, frame)).collect()).collect();
        if self.letter == b'U' {
            planes[1].pop();
        }
        Ok(Some(SystemFormat { rate: RATE, channels: 2, mask: 3 }))
    }
}

/// What a decode gave: the sound of both channels, the name of its layout, the maps at the port `info`, and the error.
struct Heard {
    planes: Vec<Vec<f32>>,
    first_pts: Option<i64>,
    layout: Option<String>,
    info: Vec<Json>,
    error: Option<NodeError>,
}

fn hear(params: Json, packets: Vec<Packet>) -> Heard {
    static CODECS: Played = Played;
    install_system_codecs(&CODECS);
    let mut node = drive::prepare("AudioDecode", params).expect("the params are right");
    let mut heard = Heard { planes: vec![Vec::new(); 2], first_pts: None, layout: None, info: Vec::new(), error: None };
    let take = |emission: remotemedia_core::node::Emission| match emission.packet.value {
        Value::Audio(audio) => {
            heard.first_pts = heard.first_pts.or(audio.pts);
            heard.layout = audio.layout().name().map(str::to_owned);
            for (channel, plane) in heard.planes.iter_mut().enumerate().take(audio.channels()) {
                plane.extend_from_slice(audio.channel(channel));
            }
        }
        other => heard.info.push(json!(format!("{other:?}"))),
    };
    heard.error = drive::feed(node.as_mut(), packets.into_iter().map(|packet| (0, packet)), take).err();
    heard
}

fn content(letter: u8) -> Vec<u8> {
    [b"wvpk", &[letter][..], &[0; 60]].concat()
}

fn in_memory(bytes: Vec<u8>) -> Vec<Packet> {
    vec![Packet::new(Value::from(File::from_bytes(Buffer::from_bytes(bytes))))]
}

fn in_pieces(bytes: &[u8]) -> Vec<Packet> {
    bytes.chunks(7).map(|piece| Packet::new(Value::Bytes(Box::new(Buffer::from_bytes(piece.to_vec()))))).collect()
}

fn on_disk(name: &str, bytes: &[u8]) -> (Vec<Packet>, String) {
    let path = media::file(name, bytes);
    (vec![Packet::new(Value::from(File::from_path(path.clone())))], path)
}

fn ramp(from: usize, to: usize) -> Vec<Vec<f32>> {
    (0..2).map(|channel| (from..to).map(|frame| sample(channel, frame)).collect()).collect()
}

fn text(error: Option<NodeError>) -> String {
    error.map(|error| format!("{}. {}", error.cause, error.cure)).expect("it fails")
}

/// A WAV file that says it holds AC-3.
fn wav_of_ac3() -> Vec<u8> {
    let format = [0x00, 0x20, 2, 0, 0x40, 0x1f, 0, 0, 0, 0x7d, 0, 0, 4, 0, 0, 0];
    [&b"RIFF\x34\0\0\0WAVEfmt \x10\0\0\0"[..], &format, b"data\x10\0\0\0", &[7; 16]].concat()
}

/// The first page of Opus in Ogg whose nine channels have no places (RFC 7845, 5.1.1.3).
fn ogg_of_opus() -> Vec<u8> {
    let head = [&b"OpusHead\x01\x09\0\0\x80\xbb\0\0\0\0"[..], &[255, 9, 0], &[0; 9]].concat();
    [&b"OggS\0\x02\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x01"[..], &[head.len() as u8], &head].concat()
}

#[test]
fn a_file_in_each_form_comes_out_whole_with_its_head() {
    let _shared = ALONE.read().unwrap_or_else(PoisonError::into_inner);
    let whole = ramp(0, PACKET * PACKETS);
    let (by_path, _) = on_disk("whole.wv", &content(b'T'));
    let by_content = [in_memory(content(b'T')), in_memory(wav_of_ac3()), in_memory(ogg_of_opus())];
    let arriving = [in_pieces(&content(b'T')), in_pieces(&ogg_of_opus())];
    for packets in by_content.into_iter().chain(arriving).chain([by_path]) {
        let heard = hear(json!({"chunk_ms": 30}), packets);
        assert_eq!(heard.error, None);
        assert_eq!(heard.planes, whole);
        assert_eq!((heard.first_pts, heard.layout.as_deref()), (Some(0), Some("stereo")));
        let info = heard.info[0].to_string();
        for part in ["played", "a ramp", "8000", "0.5"] {
            assert!(info.contains(part), "{part} in {info}");
        }
        assert_eq!(info.matches("a ramp").count(), 1, "{info}");
    }
}

/// As the built-in decoders do: the first that is marked, or has no mark.
#[test]
fn they_decode_the_track_of_matroska_that_is_marked() {
    let _alone = ALONE.write().unwrap_or_else(PoisonError::into_inner);
    for (marks, track) in [([None, None], 0), ([Some(0), Some(1)], 1), ([Some(0), Some(0)], 0)] {
        let file = matroska_of_tracks(&[("A_AC3", marks[0], &[7; 100]), ("A_AC3", marks[1], &[7; 100])]);
        for packets in [in_memory(file.clone()), in_pieces(&file)] {
            assert_eq!(hear(json!({}), packets).error, None);
            assert_eq!(*TRACK.lock().unwrap_or_else(PoisonError::into_inner), Some(track), "{marks:?}");
        }
    }
    hear(json!({}), in_memory(content(b'T')));
    assert_eq!(*TRACK.lock().unwrap_or_else(PoisonError::into_inner), None);
}

/// What is encrypted would be noise to them.
#[test]
fn they_undo_what_compresses_packets_of_matroska() {
    let _alone = ALONE.write().unwrap_or_else(PoisonError::into_inner);
    let packets = vec![(vec![7; 100], 50)];
    let (headers, matroska) = (Vec::new(), ("A_PCM/INT/LIT", Vec::new()));
    let stream = Stream { rate: 8000, channels: 1, headers, matroska, mp4: (b"sowt", Vec::new()), packets };
    for (encoding, opened) in [(matroska_compression(0, &[]), 1), (element(&[0x50, 0x33], &[1]), 0)] {
        let form = Matroska { encodings: matroska_encodings(&[encoding]), ..Matroska::default() };
        let file = stream.matroska_as(&form);
        for packets in [in_memory(file.clone()), in_pieces(&file)] {
            let before = OPENED.load(Ordering::SeqCst);
            let heard = hear(json!({}), packets);
            assert_eq!((OPENED.load(Ordering::SeqCst) - before, heard.error.is_none()), (opened, opened == 1));
        }
    }
}

#[test]
fn elements_of_matroska_that_are_lost_are_an_error_behind_the_sound_before_them() {
    let _shared = ALONE.read().unwrap_or_else(PoisonError::into_inner);
    let file = matroska_of_tracks(&[("A_AC3", None, &[7; 100])]);
    let damaged = [&file[..], &[0; 100]].concat();
    for packets in [in_memory(damaged.clone()), in_pieces(&damaged)] {
        let heard = hear(json!({}), packets);
        assert_eq!(heard.planes, ramp(0, PACKET * PACKETS));
        let expected = format!(" is damaged: what begins at byte {} can't be there. ", file.len());
        assert!(text(heard.error).contains(&expected));
    }
}

#[test]
fn a_part_is_exact() {
    let _shared = ALONE.read().unwrap_or_else(PoisonError::into_inner);
    for (start, end) in [(0, 1), (699, 701), (1, 3500), (2801, 3499), (3499, 3500)] {
        let seconds = |frame: usize| frame as f64 / f64::from(RATE);
        let params = json!({"start_s": seconds(start), "duration_s": seconds(end) - seconds(start)});
        let heard = hear(params, in_memory(content(b'T')));
        assert_eq!(heard.error, None);
        assert_eq!(heard.planes, ramp(start, end), "{start} to {end}");
    }
}

#[test]
fn what_fails_is_said_after_the_sound_before_it() {
    let _shared = ALONE.read().unwrap_or_else(PoisonError::into_inner);
    let torn = hear(json!({}), in_memory(content(b'D')));
    assert_eq!(torn.planes, ramp(0, 2 * PACKET));
    let position = torn.error.as_ref().and_then(|error| error.position);
    assert_eq!(position, Some(175_000_000));
    assert_eq!(
        text(torn.error),
        "the file is damaged: it holds played, and a packet is torn. Fetch or copy it again, or cut the damaged part out."
    );
    // What comes behind all sound that the head tells of is none.
    let tagged = hear(json!({}), in_memory(content(b'B')));
    assert_eq!((tagged.planes, tagged.error), (ramp(0, PACKETS * PACKET), None));
    // They end where the bytes do: that these are too few is said by what the container tells of itself.
    let wav = wav_of_ac3();
    for packets in [in_memory(wav[..wav.len() - 1].to_vec()), in_pieces(&wav[..wav.len() - 1])] {
        let cut = hear(json!({}), packets);
        assert_eq!(cut.planes, ramp(0, PACKETS * PACKET));
        assert!(text(cut.error).contains(" ends too early: its last packet is not whole. Fetch or copy it again"));
    }
    let panicked = hear(json!({}), in_memory(content(b'P')));
    assert_eq!(panicked.planes, ramp(0, PACKET));
    assert!(text(panicked.error).contains("in a way that its decoder does not expect: out of step"));
    let uneven = hear(json!({}), in_memory(content(b'U')));
    assert!(text(uneven.error).contains("a packet has a format that sound can't have"));
    let empty = hear(json!({}), in_memory(content(b'E')));
    assert!(text(empty.error).contains("it is WavPack, and it ends before its first frame of sound"));
    let without_decoder = hear(json!({}), in_memory(content(b'C')));
    assert!(
        text(without_decoder.error)
            .starts_with("the file holds played, which neither remotemedia nor Played 1.0 can decode. Use WAV")
    );
    assert_eq!(
        text(hear(json!({}), in_memory(content(b'N'))).error),
        "the file holds no audio track. Use a file with sound."
    );
}

#[test]
fn nothing_else_goes_to_them() {
    let _alone = ALONE.write().unwrap_or_else(PoisonError::into_inner);
    let before = OPENED.load(Ordering::SeqCst);
    let pcm = [
        &b"RIFF\x34\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x04\0\0\0"[..],
        &[7; 4],
    ];
    for (bytes, fails) in [
        (pcm.concat(), false),
        // FFmpeg takes the ADPCM of NMS for AMR.
        ([&pcm.concat()[..20], b"\x38", &pcm.concat()[21..]].concat(), true),
        (b"\x89PNG\r\n\x1a\n and more".to_vec(), true),
        (b"#EXTM3U\nfile.mp3".to_vec(), true),
        (b"Dear diary, today I was".to_vec(), true),
        (b"RIFF\x34\0\0\0WAVE".to_vec(), true),
    ] {
        for packets in [in_memory(bytes.clone()), in_pieces(&bytes)] {
            assert_eq!(hear(json!({}), packets).error.is_some(), fails, "{bytes:?}");
        }
    }
    assert_eq!(OPENED.load(Ordering::SeqCst), before);
}

/// FFmpeg drops such blocks, and goes on, without an error.
#[test]
fn blocks_of_matroska_that_ffmpeg_would_drop_are_put_right_or_an_error() {
    let _alone = ALONE.write().unwrap_or_else(PoisonError::into_inner);
    let changed = |file: &[u8], from: &[u8], to: &[u8]| {
        let place = file.windows(from.len()).rposition(|bytes| bytes == from).expect("it is there");
        ([&file[..place], to, &file[place + from.len()..]].concat(), place as u64)
    };
    // One packet that is laced as several are, by sizes of EBML.
    let plain = matroska_of_tracks(&[("A_AC3", None, &[&[0][..], &[7; 99]].concat())]);
    let (laced, _) = changed(&plain, &[0x81, 0, 0, 0x80, 0], &[0x81, 0, 0, 0x86, 0]);
    let head = |first: &[u8], len: u8| [first, &[0; 5], &[len, 0x81, 0, 0]].concat();
    let (expected, _) = changed(
        &laced,
        &[&head(&[0xa3, 1, 0], 104)[..], &[0x86, 0]].concat(),
        &[&head(&[0xec, 0x80, 0xa3, 2], 103)[..], &[0x80]].concat(),
    );
    for packets in [in_memory(laced.clone()), in_pieces(&laced)] {
        assert_eq!(hear(json!({}), packets).error, None);
        assert!(*CONTENT.lock().unwrap_or_else(PoisonError::into_inner) == expected);
    }
    let two = matroska_of_tracks(&[("A_AC3", None, &[7; 100]), ("A_AC3", None, &[7; 100])]);
    let of = |track: u8| [&[0xa3, 1][..], &[0; 6], &[104, track, 0, 0, 0x80]].concat();
    // Of a track that is not described, of no element, and of two packets that can't be of one size.
    let uneven = [&of(0x82)[..12], &[0x84]].concat();
    for to in [of(0x85), [&[0xc3][..], &of(0x82)[1..]].concat(), uneven] {
        let (file, place) = changed(&two, &of(0x82), &to);
        let file = if to.ends_with(&[0x84]) { changed(&file, &[0x84, 7], &[0x84, 3]).0 } else { file };
        for packets in [in_memory(file.clone()), in_pieces(&file)] {
            let error = text(hear(json!({}), packets).error);
            assert!(error.contains(&format!("what begins at byte {place} can't be there. ")), "{error}");
        }
    }
}

/// As if there were no codecs of the system while it lives.
struct Absent;

impl Absent {
    fn new() -> Self {
        IS_ABSENT.store(true, Ordering::SeqCst);
        Self
    }
}

impl Drop for Absent {
    fn drop(&mut self) {
        IS_ABSENT.store(false, Ordering::SeqCst);
    }
}

/// A stream in Ogg whose head is this packet, with two packets of sound.
fn outside(head: &[u8], serial: u32) -> Vec<u8> {
    let packets = vec![(vec![7; 40], 960); 2];
    let headers = vec![head.to_vec(), b"a comment".to_vec()];
    Stream { rate: 48_000, channels: 2, headers, matroska: ("none", Vec::new()), mp4: (b"none", Vec::new()), packets }
        .ogg(serial, 1, 0)
}

const UNPLACED: &[u8] = b"OpusHead\x01\x03\0\0\x80\xbb\0\0\0\0\xff\x03\x00\x00\x01\x02";

/// As many frames as all links before, and what codecs of the system make of the link itself.
#[test]
fn a_link_of_a_chain_that_is_not_built_in_is_theirs_or_called_by_its_name() {
    let _alone = ALONE.write().unwrap_or_else(PoisonError::into_inner);
    let sound = media::bytes("stereo.opus");
    let before = hear(json!({}), in_memory(sound.clone())).planes[0].len();
    let speex = b"Speex   1.2";
    for (head, codec) in [(&speex[..], "Speex"), (UNPLACED, "Opus (channels without places)")] {
        let link = outside(head, 77);
        for (chain, leads) in [
            ([&sound[..], &link].concat(), 1),
            ([&sound[..], &link, &sound].concat(), 1),
            ([&link[..], &sound].concat(), 0),
        ] {
            let follows = usize::from(chain.len() > sound.len() * 2 || leads == 0);
            let by_path = || on_disk("chain.ogg", &chain).0;
            for packets in [by_path(), in_memory(chain.clone()), in_pieces(&chain)] {
                let heard = hear(json!({}), packets);
                assert_eq!(heard.error, None, "{codec}");
                assert_eq!(heard.planes[0].len(), (leads + follows) * before + PACKET * PACKETS, "{codec}");
            }
            let _absent = Absent::new();
            for packets in [by_path(), in_memory(chain.clone()), in_pieces(&chain)] {
                let heard = hear(json!({}), packets);
                assert_eq!(heard.planes[0].len(), leads * before, "{codec}");
                let message = text(heard.error);
                assert!(
                    message.ends_with(&format!(" holds {codec}, which is not built in. Install some.")),
                    "{message}"
                );
            }
        }
    }
}

/// Where it has no sound, it is passed over as any other.
#[test]
fn a_link_that_is_not_built_in_may_be_without_sound() {
    let _alone = ALONE.write().unwrap_or_else(PoisonError::into_inner);
    let _absent = Absent::new();
    let sound = media::bytes("stereo.opus");
    let before = hear(json!({}), in_memory(sound.clone())).planes[0].len();
    let link = outside(b"Speex   1.2", 77);
    let third = link.windows(4).enumerate().filter(|(_, mark)| *mark == b"OggS").nth(2).expect("three pages").0;
    let chain = [&link[..third], &sound, &link[..third], &sound, &link[..third]].concat();
    for packets in [on_disk("silent.ogg", &chain).0, in_memory(chain.clone()), in_pieces(&chain)] {
        let heard = hear(json!({}), packets);
        assert_eq!((heard.error, heard.planes[0].len()), (None, 2 * before));
    }
}

#[test]
fn without_them_an_error_says_what_to_do() {
    let _alone = ALONE.write().unwrap_or_else(PoisonError::into_inner);
    let _absent = Absent::new();
    let (by_path, path) = on_disk("absent.wv", &content(b'T'));
    assert_eq!(
        text(hear(json!({}), by_path).error),
        format!("'{path}' is WavPack, which is not built in. Install some.")
    );
    for packets in [in_pieces(&content(b'T')), in_memory(content(b'T'))] {
        assert!(text(hear(json!({}), packets).error).ends_with(" is WavPack, which is not built in. Install some."));
    }
    for packets in [in_pieces(&wav_of_ac3()), in_memory(wav_of_ac3())] {
        assert!(
            text(hear(json!({}), packets).error).ends_with(" holds AC-3 in WAV, which is not built in. Install some.")
        );
    }
    // What FFmpeg does not know either is refused as ever.
    let error = text(hear(json!({}), in_memory(b"OFR and something more than that, forty bytes".to_vec())).error);
    assert!(error.contains("(OptimFROG)") && error.contains("Use WAV"), "{error}");
}
