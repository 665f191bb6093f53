//! The signals of `reference.py`, computed again in whole numbers.

use remotemedia_core::value::{Audio, File, Value};

use harness::{drive, media};

/// A signal by its name, at 16000 Hz or every second sample of it.
pub(crate) fn signal(name: &str, rate: u32) -> Vec<f32> {
    let samples = match name {
        "speech" => speech(),
        "noise" => {
            random_numbers().take(80_000).map(|number| (number - 32_768).div_euclid(4)).map(full_scale).collect()
        }
        "music" => (0..80_000).map(music).map(full_scale).collect(),
        "silence" => vec![0.0; 32_000],
        _ => panic!("there is no signal {name}"),
    };
    samples.into_iter().step_by((16_000 / rate) as usize).collect()
}

/// The same as sound.
pub(crate) fn sound(name: &str, rate: u32) -> Audio {
    Audio::from_planar(signal(name, rate), 1, rate).expect("valid sound")
}

/// The sound divided at these frames, in any order.
pub(crate) fn divided(sound: &Audio, mut cuts: Vec<usize>) -> Vec<Audio> {
    cuts.extend([0, sound.frames()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|cut| sound.slice(cut[0], cut[1] - cut[0])).collect()
}

/// The upper 16 bits of a linear congruential generator.
pub(crate) fn random_numbers() -> impl Iterator<Item = i64> {
    let mut state = 1u32;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        i64::from(state >> 16)
    })
}

/// 2000 windows of probabilities: a level that wanders in whole numbers.
pub(crate) fn wandering() -> Vec<f32> {
    let mut level = 20_000;
    let levels = random_numbers().take(2_000).map(|number| {
        level = (level + (number - 32_768).div_euclid(3)).clamp(0, 65_535);
        level as f32 / 65_536.0
    });
    levels.collect()
}

fn full_scale(sample: i64) -> f32 {
    sample as f32 / 32_768.0
}

/// Chords of triangle waves that change four times a second and die away.
fn music(n: i64) -> i64 {
    const STEPS: [[i64; 3]; 4] = [[901, 1135, 1351], [1202, 1514, 1802], [1012, 1274, 1516], [1351, 1702, 2023]];
    let (chord, since) = (STEPS[(n / 4_000 % 4) as usize], n % 4_000);
    let sum: i64 = chord.iter().map(|step| ((n * step) % 65_536 - 32_768).abs() - 16_384).sum();
    (sum * (4_000 - since)).div_euclid(16_000)
}

/// The clips, each followed by 400 ms of silence.
fn speech() -> Vec<f32> {
    let clips = ["examples/speech.flac"].map(str::to_owned).into_iter();
    let clips =
        clips.chain(["0880", "0890", "0920", "0930"].map(|number| format!("tests/media/librivox/{number}.flac")));
    clips.flat_map(|clip| [decode(&clip), vec![0.0; 6_400]].concat()).collect()
}

fn decode(path: &str) -> Vec<f32> {
    let path = media::of_project(path);
    let mut node = drive::prepare("AudioDecode", serde_json::json!({})).expect("valid params");
    let packets = drive::run(&mut *node, [Value::from(File::from_path(path)).into()]).expect("it decodes");
    node.cleanup();
    let samples = packets.into_iter().map(|packet| match packet.value {
        Value::Audio(audio) => audio.channel(0).to_vec(),
        other => panic!("expected audio, got {}", other.kind().name()),
    });
    samples.flatten().collect()
}
