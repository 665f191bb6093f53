//! The changes of faults, of all monitors of the registry, beside what a straightforward reading of all windows gives; and that
//! all monitors have one vocabulary.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use proptest::prelude::*;
use remotemedia_core::value::{Audio, Packet, Value};
use serde_json::{Value as Json, json};

use crate::alarms::{MONITORS, RATE, chunks, gated, map, mono, music, noise, reports, speech, stereo, with_gaps};

const SECOND: f64 = 1e9;

/// A change, as it is emitted: the time of its packet, and the map.
#[derive(Clone, Debug, PartialEq)]
struct Change {
    pts: i64,
    kind: String,
    fault: String,
    start: i64,
    end: Option<i64>,
    worst: f64,
    measure: String,
}

impl Change {
    fn of(packet: &Packet) -> Self {
        let map = map(packet);
        assert!(map.keys().map(|key| &**key).eq(["type", "fault", "start_s", "end_s", "worst", "measure"]));
        assert_eq!(packet.duration, None);
        let time = |key: &str| match map[key] {
            Value::Float(seconds) => Some((seconds * SECOND).round() as i64),
            _ => None,
        };
        let Value::Float(worst) = map["worst"] else { panic!("a float") };
        Self {
            pts: packet.pts.expect("a time"),
            kind: text(&map["type"]),
            fault: text(&map["fault"]),
            start: time("start_s").expect("a start"),
            end: time("end_s"),
            worst,
            measure: text(&map["measure"]),
        }
    }
}

fn text(value: &Value) -> String {
    let Value::Str(text) = value else { panic!("{value:?} is no text") };
    text.to_string()
}

fn changes(monitor: &str, hold_ms: u32, sounds: impl IntoIterator<Item = Audio>) -> Vec<Change> {
    let params = json!({"changes_only": true, "hold_ms": hold_ms});
    reports(monitor, params, sounds).iter().map(Change::of).collect()
}

/// Faults of all kinds, some of which come and go, in half a minute of stereo, in speech and in quiet music.
fn sounds() -> &'static [Audio; 3] {
    static SOUNDS: OnceLock<[Audio; 3]> = OnceLock::new();
    SOUNDS.get_or_init(|| {
        let mut left = music(30.0, 0.6);
        let mut right = left.clone();
        let mut change = |from: f64, to: f64, of: &dyn Fn(f64) -> [f64; 2]| {
            for frame in (from * f64::from(RATE)) as usize..(to * f64::from(RATE)) as usize {
                [left[frame], right[frame]] = of(left[frame]);
            }
        };
        // Silence that comes and goes.
        for begin in [3.013, 4.313, 5.313] {
            change(begin, begin + 0.777, &|_| [0.0, 0.0]);
        }
        change(8.0, 9.5, &|x| [(4.0 * x).clamp(-1.0, 1.0); 2]);
        change(11.0, 17.0, &|x| [x, 0.2 * x]);
        change(17.0, 22.0, &|x| [0.0, x]);
        let dropped = with_gaps(music(6.0, 0.6), 30.0, 0.71, 0.0);
        let (from, to) = (24 * RATE as usize, 30 * RATE as usize);
        left[from..to].copy_from_slice(&dropped);
        right[from..to].copy_from_slice(&dropped);
        let words: Vec<f64> = speech(9.0, 0.4, 1).into_iter().map(|x| if x.abs() < 0.001 { 0.0 } else { x }).collect();
        [stereo(&left, &right).with_pts(Some(7_000_000_123)), mono(words), mono(music(8.0, 0.02))]
    })
}

/// Whether the first value is worse than the second.
type IsWorse = fn(f64, f64) -> bool;

/// The fields that show how bad a fault is, and which value of them is worse.
fn measure(fault: &str) -> (&'static [&'static str], IsWorse) {
    match fault {
        "silence" => (&["silence_duration_ms", "rms_db"], |new, old| new > old),
        "low_volume" => (&["gated_rms_db"], |new, old| new < old),
        "dropouts" => (&["dropout_count"], |new, old| new > old),
        "gated" => (&["gap_count"], |new, old| new > old),
        "clipping" => (&["saturation_ratio"], |new, old| new > old),
        "imbalance" => (&["imbalance_db"], |new, old| new.abs() > old.abs()),
        "dead_channel" => (&["left_rms_db", "right_rms_db"], |new, old| new < old),
        other => panic!("{other} is no fault"),
    }
}

/// The same changes, read from the reports about all windows.
fn expected(windows: &[Packet], hold_ms: u32) -> Vec<(String, i64, i64)> {
    let hold = i64::from(hold_ms) * 1_000_000;
    let mut spans = Vec::new();
    let vocabulary: BTreeSet<String> = windows.iter().flat_map(faults).collect();
    for fault in vocabulary {
        let mut found: Vec<(i64, i64)> = Vec::new();
        for (number, packet) in windows.iter().enumerate().filter(|(_, packet)| faults(packet).contains(&fault)) {
            let (begin, mut end) = span(packet);
            if fault == "silence" {
                end = silence_end(windows, number);
            }
            match found.last_mut() {
                // Between the two there are windows without the fault for less than the hold time.
                Some(last) if last.1 == begin || begin - last.1 < hold => last.1 = end,
                _ if fault == "silence" => found.push((silence_start(windows, number), end)),
                _ => found.push((begin, end)),
            }
        }
        spans.extend(found.into_iter().map(|(start, end)| (fault.clone(), start, end)));
    }
    spans
}

/// Where a silence began that is first reported in this window.
fn silence_start(windows: &[Packet], number: usize) -> i64 {
    let is_silent = |packet: &&Packet| map(packet)["is_silence"] == Value::Bool(true);
    if let Some(Value::Float(milliseconds)) = map(&windows[number]).get("silence_duration_ms") {
        // It may have ended within the window, so its start is exact to ten milliseconds only if it lasts.
        if is_silent(&&windows[number]) {
            return span(&windows[number]).1 - (milliseconds * 1e6) as i64;
        }
    }
    let first = windows[..=number].iter().rev().take_while(is_silent).last().expect("a silent window");
    span(first).0
}

/// Where a silence that is reported in this window ends, as far as the window goes.
fn silence_end(windows: &[Packet], number: usize) -> i64 {
    let end = span(&windows[number]).1;
    let Some(Value::Float(milliseconds)) = map(&windows[number]).get("silence_duration_ms") else { return end };
    let has_silence = |packet: &&Packet| faults(packet).iter().any(|fault| fault == "silence");
    let windows_before = windows[..number].iter().rev().take_while(has_silence).count();
    end.min(silence_start(windows, number - windows_before) + (milliseconds * 1e6) as i64)
}

fn span(packet: &Packet) -> (i64, i64) {
    let begin = packet.pts.expect("a time");
    (begin, begin + packet.duration.expect("a duration"))
}

fn faults(packet: &Packet) -> Vec<String> {
    let Value::List(faults) = &map(packet)["faults"] else { panic!("faults are a list") };
    faults.iter().map(text).collect()
}

#[test]
fn each_fault_has_its_start_its_end_and_its_worst_value() {
    let mut seen = BTreeSet::new();
    for (monitor, sound) in MONITORS.iter().flat_map(|monitor| sounds().iter().map(move |sound| (monitor, sound))) {
        let windows = reports(monitor, json!({}), [sound.clone()]);
        for hold_ms in [0, 250, 1_000, 5_000] {
            let what = format!("{monitor}, {hold_ms} ms, {} channels", sound.channels());
            let changes = changes(monitor, hold_ms, [sound.clone()]);
            let starts: Vec<&Change> = changes.iter().filter(|change| change.kind == "start").collect();
            let ends: Vec<&Change> = changes.iter().filter(|change| change.kind == "end").collect();
            assert_eq!(starts.len() + ends.len(), changes.len(), "{what}");
            let span = |change: &&Change| (change.fault.clone(), change.start, change.end.expect("an end"));
            let mut found: Vec<(String, i64, i64)> = ends.iter().map(span).collect();
            found.sort();
            assert_eq!(found, expected(&windows, hold_ms), "{what}");
            for end in ends {
                assert_eq!(end.pts, end.end.expect("an end"), "{what}");
                let start = starts.iter().find(|start| (&start.fault, start.start) == (&end.fault, end.start));
                let start = start.unwrap_or_else(|| panic!("{what}: {end:?} has no start"));
                assert_eq!((start.pts, start.end), (end.start, None), "{what}");
                check_worst(&windows, end, &what);
                seen.insert(end.fault.clone());
            }
        }
    }
    let all = ["clipping", "dead_channel", "dropouts", "gated", "imbalance", "low_volume", "silence"];
    assert!(seen.iter().eq(all.iter()), "{seen:?}");
}

/// The worst value is the worst of the windows that had the fault.
fn check_worst(windows: &[Packet], end: &Change, what: &str) {
    let (measures, is_worse) = measure(&end.fault);
    assert!(measures.contains(&&*end.measure), "{what}: {end:?}");
    let is_in = |packet: &&Packet| span(packet).1 > end.start && span(packet).0 < end.end.expect("an end");
    let having = windows.iter().filter(is_in).filter(|packet| faults(packet).contains(&end.fault));
    let value = |packet: &Packet| match map(packet).get(&*end.measure) {
        Some(Value::Float(value)) => Some(*value),
        Some(Value::Int(value)) => Some(*value as f64),
        _ => None,
    };
    let worst = having.filter_map(value).reduce(|old, new| match &*end.measure {
        "rms_db" if new < old => new,
        "rms_db" => old,
        _ if is_worse(new, old) => new,
        _ => old,
    });
    match &*end.measure {
        // No field has these.
        "gated_rms_db" => assert!((-120.0..-35.0).contains(&end.worst), "{what}: {end:?}"),
        "gap_count" => assert!(end.worst >= 3.0, "{what}: {end:?}"),
        _ => assert_eq!(Some(end.worst), worst, "{what}: {end:?}"),
    }
}

#[test]
fn silence_is_dated_from_where_the_sound_ended() {
    let samples = [noise(RATE as usize, 1), vec![0.0; RATE as usize * 2], noise(RATE as usize, 2)].concat();
    for (monitor, end) in [("AudioLevel", 3_000_000_000), ("SilenceDetector", 3_000_000_000)] {
        let changes = changes(monitor, 0, chunks(&mono(samples.clone()), 30));
        let silence: Vec<_> = changes.iter().filter(|change| change.fault == "silence").collect();
        assert_eq!(silence.len(), 2, "{monitor}");
        assert_eq!((silence[0].pts, silence[0].start), (1_000_000_000, 1_000_000_000), "{monitor}");
        assert_eq!(silence[1].end, Some(end), "{monitor}");
    }
}

#[test]
fn a_fault_before_a_lost_second_goes_on_behind_it_if_the_hold_time_is_longer() {
    let sound = mono(vec![0.0; 4 * RATE as usize]).with_pts(Some(0));
    for monitor in ["AudioLevel", "SilenceDetector"] {
        for (hold_ms, faults) in [(500, 2), (2_000, 1)] {
            let mut parts = chunks(&sound, 100);
            let behind = parts.split_off(20).into_iter().map(|part| {
                let pts = part.pts.map(|pts| pts + 1_000_000_000);
                part.with_pts(pts)
            });
            parts.extend(behind);
            let changes = changes(monitor, hold_ms, parts);
            assert_eq!(changes.len(), 2 * faults, "{monitor}: {changes:?}");
            assert_eq!(changes[changes.len() - 1].end, Some(5_000_000_000), "{monitor}");
        }
    }
}

#[test]
fn where_nothing_is_wrong_nothing_is_emitted() {
    for monitor in MONITORS {
        assert_eq!(changes(monitor, 1_000, chunks(&mono(music(8.0, 0.6)), 20)), [], "{monitor}");
        assert_eq!(changes(monitor, 1_000, chunks(&mono(gated(&speech(8.0, 0.9, 50))), 20)), [], "{monitor}");
    }
}

#[test]
fn an_item_leaves_no_fault_to_the_next() {
    for monitor in MONITORS {
        let params = json!({"changes_only": true});
        let mut node = harness::drive::prepare(monitor, params).expect("valid params");
        let item = || chunks(&sounds()[0], 130).into_iter().map(|part| Packet::new(part.into()));
        let first = harness::drive::run(&mut *node, item()).expect("changes");
        assert!(!first.is_empty(), "{monitor}");
        assert_eq!(harness::drive::run(&mut *node, item()).expect("changes"), first, "{monitor}");
    }
}

#[test]
fn all_monitors_have_the_same_words_and_the_page_has_them_all() {
    let page = include_str!("../../../../docs/howto/monitors.md");
    for (monitor, sound) in MONITORS.iter().flat_map(|monitor| sounds().iter().map(move |sound| (monitor, sound))) {
        for packet in reports(monitor, json!({}), [sound.clone()]) {
            let (faults, health) = (faults(&packet), text(&map(&packet)["health"]));
            assert!(faults.first().map_or(["ok", "unknown"].contains(&&*health), |worst| *worst == health));
            // The older fields say the same.
            for (field, fault) in [
                ("is_low_volume", "low_volume"),
                ("is_sustained_silence", "silence"),
                ("has_intermittent_dropouts", "dropouts"),
                ("is_gated", "gated"),
                ("is_clipping", "clipping"),
                ("is_imbalanced", "imbalance"),
                ("has_dead_channel", "dead_channel"),
            ] {
                if let Some(value) = map(&packet).get(field) {
                    assert_eq!(*value == Value::Bool(true), faults.iter().any(|word| word == fault), "{packet:?}");
                }
            }
            for fault in faults {
                let row = page.lines().find(|line| line.starts_with(&format!("| `{fault}` |")));
                let row = row.unwrap_or_else(|| panic!("the page has no row about {fault}"));
                assert!(row.contains(monitor), "{row}");
                assert!(measure(&fault).0.iter().any(|measure| row.contains(measure)), "{row}");
            }
        }
    }
}

#[test]
fn every_node_that_judges_has_the_params() {
    let registry = harness::drive::registry();
    let found: BTreeSet<&str> = registry
        .iter()
        .filter(|node_type| node_type.alias_of.is_none())
        .filter(|node_type| node_type.outputs.iter().any(|port| port.summary.contains("health")))
        .map(|node_type| node_type.name)
        .collect();
    assert_eq!(found, MONITORS.into_iter().collect());
    for monitor in found {
        let schema: &Json = &registry.get(monitor).expect("a built-in node").params_schema["properties"];
        assert_eq!(schema["changes_only"]["default"], json!(false), "{monitor}");
        assert_eq!(schema["hold_ms"]["default"], json!(1_000), "{monitor}");
        let words = schema["changes_only"]["description"].as_str().expect("words");
        assert!(words.contains("begins") && words.contains("ended"), "{monitor}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn the_division_into_packets_changes_no_change(
        cuts in prop::collection::vec(0usize..480_000, 0..60),
        hold_ms in prop::sample::select(vec![0u32, 200, 1_000]),
    ) {
        let sound = &sounds()[0];
        let mut cuts = cuts;
        cuts.extend([0, sound.frames()]);
        cuts.sort_unstable();
        for monitor in MONITORS {
            let parts = cuts.windows(2).map(|cut| sound.slice(cut[0], cut[1] - cut[0]));
            prop_assert_eq!(changes(monitor, hold_ms, parts), changes(monitor, hold_ms, [sound.clone()]));
        }
    }
}
