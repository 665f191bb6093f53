//! What `SilenceDetector` finds of gaps in speech, beside what ten lines of code find:
//! `cargo run --release -p remotemedia-nodes --example dropouts -- human=DIR,DIR synthetic=DIR`.
//!
//! `benchmarks/dropouts.py` gets the material and runs it. Human speech is looked at as it is, with zeroed gaps at random
//! places, and through gates; synthetic speech as it is. A gap can be found if it lies inside speech: 20 ms on both sides and
//! what is cut have an RMS above -40 dBFS. Gaps from -50 dBFS on are counted apart. The last column of the first table counts
//! what is called gated.
#![allow(clippy::print_stdout, reason = "it is for people")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use remotemedia_core::node::{Context, Node, Step};
use remotemedia_core::value::{Audio, File, Packet, Value};
use serde_json::{Value as Json, json};

/// One channel of sound.
struct Clip {
    samples: Vec<f32>,
    rate: u32,
}

type Place = (usize, usize);

fn main() {
    let mut alarms = BTreeMap::<String, Alarms>::new();
    let mut gaps = BTreeMap::<&str, Found>::new();
    let mut random = Random(7);
    for argument in std::env::args().skip(1) {
        let (group, folders) = argument.split_once('=').expect("NAME=DIR,DIR");
        let mut files: Vec<PathBuf> = folders.split(',').flat_map(|folder| files(Path::new(folder))).collect();
        files.sort();
        let clips: Vec<Clip> = files.iter().filter_map(|path| decode(path)).collect();
        println!("{group}: {} files", clips.len());
        for clip in &clips {
            alarms.entry(group.to_owned()).or_default().add(clip);
        }
        if group != "human" {
            continue;
        }
        for clip in &clips {
            cut_single_gaps(clip, &mut random, &mut gaps);
            cut_many_gaps(clip, &mut random, &mut gaps);
        }
        for (threshold_db, hold_ms, release_ms) in [
            (-50.0, 20, 5),
            (-40.0, 5, 0),
            (-40.0, 20, 5),
            (-34.0, 20, 5),
            (-34.0, 50, 20),
            (-28.0, 5, 0),
            (-28.0, 20, 5),
        ] {
            // Each file by itself, and all of one rate in a row, as a call would have it.
            let name = format!("gate {threshold_db} dBFS, {hold_ms} + {release_ms} ms");
            for clip in &clips {
                alarms.entry(format!("{name}, files")).or_default().add(&gate(clip, threshold_db, hold_ms, release_ms));
            }
            let mut rates = BTreeMap::<u32, Vec<f32>>::new();
            for clip in &clips {
                rates.entry(clip.rate).or_default().extend(&clip.samples);
            }
            for (rate, samples) in rates {
                let clip = gate(&Clip { samples, rate }, threshold_db, hold_ms, release_ms);
                alarms.entry(format!("{name}, in a row")).or_default().add(&clip);
            }
        }
    }
    println!(
        "\n| material | seconds | ten lines, alarms an hour | SilenceDetector, alarms an hour | gated |\n|---|---|---|---|---|"
    );
    for (name, Alarms { seconds, ten_lines, ours, gated }) in alarms {
        let hourly = |count: usize| (count as f64 * 3600.0 / seconds).round();
        println!("| {name} | {seconds:.0} | {} | {} | {gated} |", hourly(ten_lines), hourly(ours));
    }
    println!(
        "\n| zeroed gaps | number | ten lines find | SilenceDetector finds | at the exact place |\n|---|---|---|---|---|"
    );
    for (name, Found { gaps, ten_lines, ours, exact }) in gaps {
        let percent = |count: usize| count as f64 * 100.0 / gaps as f64;
        println!(
            "| {name} | {gaps} | {:.1} % | {:.1} % | {:.1} % |",
            percent(ten_lines),
            percent(ours),
            percent(exact)
        );
    }
}

#[derive(Default)]
struct Alarms {
    seconds: f64,
    ten_lines: usize,
    ours: usize,
    gated: usize,
}

impl Alarms {
    fn add(&mut self, clip: &Clip) {
        let (found, is_gated) = detect(clip);
        self.seconds += clip.samples.len() as f64 / f64::from(clip.rate);
        self.ten_lines += ten_lines(clip).len();
        self.ours += found.len();
        self.gated += usize::from(is_gated);
    }
}

#[derive(Default)]
struct Found {
    gaps: usize,
    ten_lines: usize,
    ours: usize,
    exact: usize,
}

/// Eight gaps, each in a copy of its own.
fn cut_single_gaps(clip: &Clip, random: &mut Random, results: &mut BTreeMap<&str, Found>) {
    let mut done = 0;
    for _ in 0..40 {
        let (shortest, longest): (f64, f64) = if done % 4 == 3 { (5.0, 8.0) } else { (8.0, 400.0) };
        let lasts = shortest * (longest / shortest).powf(random.next());
        let length = (lasts * f64::from(clip.rate) / 1000.0) as usize;
        let start = (random.next() * clip.samples.len() as f64) as usize;
        let level_db = clip.level_db(start, length);
        let name = match level_db {
            _ if longest == 8.0 && level_db > -40.0 => "single, 5 to 8 ms, above -40 dBFS",
            _ if longest == 8.0 => continue,
            _ if level_db > -30.0 => "single, 8 to 400 ms, above -30 dBFS",
            _ if level_db > -40.0 => "single, 8 to 400 ms, -40 to -30 dBFS",
            _ if level_db > -50.0 => "single, 8 to 400 ms, -50 to -40 dBFS",
            _ => continue,
        };
        done += 1;
        let mut torn = Clip { samples: clip.samples.clone(), rate: clip.rate };
        torn.samples[start..start + length].fill(0.0);
        results.entry(name).or_default().count(&torn, &[(start, start + length)]);
        if done == 8 {
            break;
        }
    }
}

/// A gap every 0.3 to 1.3 s.
fn cut_many_gaps(clip: &Clip, random: &mut Random, results: &mut BTreeMap<&str, Found>) {
    let rate = f64::from(clip.rate);
    for milliseconds in [10.0, 20.0, 40.0, 100.0] {
        let mut torn = Clip { samples: clip.samples.clone(), rate: clip.rate };
        let (mut places, mut time) = (Vec::new(), 0.2 + 0.3 * random.next());
        while time * rate < clip.samples.len() as f64 {
            let (start, length) = ((time * rate) as usize, (milliseconds * rate / 1000.0) as usize);
            if clip.level_db(start, length) > -40.0 {
                torn.samples[start..start + length].fill(0.0);
                places.push((start, start + length));
            }
            time += 0.3 + random.next();
        }
        results.entry("many, 10 to 100 ms, above -40 dBFS").or_default().count(&torn, &places);
    }
}

impl Found {
    fn count(&mut self, torn: &Clip, places: &[Place]) {
        let hits = |found: &[Place]| {
            let is_hit = |place: &&Place| found.iter().any(|(start, end)| *start < place.1 && place.0 < *end);
            places.iter().filter(is_hit).count()
        };
        let zeros = |frames: &mut dyn Iterator<Item = &f32>| frames.take_while(|x| x.abs() <= 1e-6).count();
        let whole = |place: &&Place| {
            let before = zeros(&mut torn.samples[..place.0].iter().rev());
            (place.0 - before, place.0 + zeros(&mut torn.samples[place.0..].iter()))
        };
        let (found, _) = detect(torn);
        self.gaps += places.len();
        self.ten_lines += hits(&ten_lines(torn));
        self.ours += hits(&found);
        self.exact += places.iter().filter(|place| found.contains(&whole(place))).count();
    }
}

impl Clip {
    /// The lowest RMS of what is cut and of 20 ms on both sides of it, in dBFS.
    fn level_db(&self, start: usize, length: usize) -> f64 {
        let beside = self.rate as usize / 50;
        if length == 0 || start < beside || start + length + beside > self.samples.len() {
            return f64::NEG_INFINITY;
        }
        let parts = [start - beside..start, start..start + length, start + length..start + length + beside];
        let power = |part: &[f32]| part.iter().map(|x| f64::from(x * x)).sum::<f64>() / part.len() as f64;
        parts.into_iter().map(|part| 10.0 * power(&self.samples[part]).log10()).fold(f64::INFINITY, f64::min)
    }
}

/// 8 to 400 ms below -70 dBFS with more than -40 dBFS within 5 ms on both sides.
fn ten_lines(clip: &Clip) -> Vec<Place> {
    let (samples, limit, beside) = (&clip.samples, 10f32.powf(-3.5), clip.rate as usize / 200);
    let milliseconds = |ms: usize| clip.rate as usize * ms / 1000;
    let (mut found, mut start) = (Vec::new(), 0);
    for run in samples.chunk_by(|a, b| (a.abs() < limit) == (b.abs() < limit)) {
        let end = start + run.len();
        let is_loud = |part: &[f32]| part.iter().any(|x| x.abs() > 0.01);
        if run[0].abs() < limit
            && (milliseconds(8)..=milliseconds(400)).contains(&run.len())
            && is_loud(&samples[start.saturating_sub(beside)..start])
            && is_loud(&samples[end..(end + beside).min(samples.len())])
        {
            found.push((start, end));
        }
        start = end;
    }
    found
}

/// A gate that opens at once where a sample reaches the threshold, holds, and closes.
fn gate(clip: &Clip, threshold_db: f32, hold_ms: usize, release_ms: usize) -> Clip {
    let (threshold, frames) = (10f32.powf(threshold_db / 20.0), clip.rate as usize / 1000);
    let (hold, release) = (hold_ms * frames, (release_ms * frames).max(1));
    let peak = clip.samples.iter().fold(1e-9f32, |peak, x| peak.max(x.abs()));
    let mut since = hold + release;
    let pass = |x: &f32| {
        let x = 0.7 * x / peak;
        since = if x.abs() >= threshold { 0 } else { since + 1 };
        x * (1.0 - since.saturating_sub(hold).min(release) as f32 / release as f32)
    };
    Clip { samples: clip.samples.iter().map(pass).collect(), rate: clip.rate }
}

fn detect(clip: &Clip) -> (Vec<Place>, bool) {
    let sound = Audio::from_planar(clip.samples.clone(), 1, clip.rate).expect("valid sound");
    let (mut places, mut is_gated) = (Vec::new(), false);
    for value in run("SilenceDetector", json!({}), sound.into()).expect("reports") {
        let Value::Map(map) = value else { continue };
        is_gated |= map["is_gated"] == Value::Bool(true);
        let Value::List(gaps) = &map["dropouts"] else { continue };
        for gap in gaps.iter() {
            let Value::Map(gap) = gap else { continue };
            let (Value::Int(pts), Value::Int(duration)) = (&gap["pts"], &gap["duration"]) else { continue };
            let frame = |time: i64| (time as f64 * f64::from(clip.rate) / 1e9).round() as usize;
            places.push((frame(*pts), frame(pts + duration)));
        }
    }
    (places, is_gated)
}

fn decode(path: &Path) -> Option<Clip> {
    let mut clip = Clip { samples: Vec::new(), rate: 0 };
    for value in run("AudioDecode", json!({}), File::from_path(path.to_str()?.to_owned()).into())? {
        let Value::Audio(audio) = value else { continue };
        clip.rate = audio.rate();
        clip.samples.extend_from_slice(audio.channel(0));
    }
    (clip.samples.len() > clip.rate as usize / 2).then_some(clip)
}

fn run(node_type: &str, params: Json, value: Value) -> Option<Vec<Value>> {
    let registry = remotemedia_nodes::registry();
    let mut node = registry.get(node_type)?.prepare(params.as_object()?.clone()).ok()?.instantiate();
    node.initialize(&Context { node_id: "here".into(), ..Context::default() }).ok()?;
    let mut values = Vec::new();
    let step = node.process(0, Packet::new(value)).ok()?;
    finish(&mut *node, step, &mut values)?;
    let step = node.flush().ok()?;
    finish(&mut *node, step, &mut values)?;
    node.cleanup();
    Some(values)
}

fn finish(node: &mut dyn Node, mut step: Step, values: &mut Vec<Value>) -> Option<()> {
    loop {
        let (emission, more) = match step {
            Step::Done(emission) => (emission, false),
            Step::More(emission) => (emission, true),
        };
        values.extend(emission.map(|emission| emission.packet.value));
        if !more {
            return Some(());
        }
        step = node.resume().ok()?;
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Knuth's linear congruential generator.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}
