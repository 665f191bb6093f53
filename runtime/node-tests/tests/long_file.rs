//! An hour of sound through a one-shot takes little memory. Alone in its process, whose peak it looks at.
#![cfg(target_os = "linux")]

use std::time::Duration;

use remotemedia_core::exec::{Config, Outcome, Runtime};
use remotemedia_core::manifest::HostNodes;
use remotemedia_core::value::{File, Value};

const HOUR_S: u32 = 3600;
const RATE: u32 = 16_000;
const MOST_GROWTH_KB: u64 = 60_000;

#[test]
fn an_hour_decodes_to_its_levels_in_less_than_60_mb() {
    let folder = std::env::temp_dir().join(format!("remotemedia-hour-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("hour.wav");
    let mut writer = hound::WavWriter::create(
        &path,
        hound::WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: hound::SampleFormat::Int },
    )
    .expect("a file");
    for sample in 0..HOUR_S * RATE {
        // A saw of a tenth of full scale.
        writer.write_sample((sample % 6554) as i16 - 3277).expect("written");
    }
    writer.finalize().expect("written");

    let runtime = Runtime::new(Config::default(), remotemedia_nodes::registry());
    let manifest = r#"{"version": "v1",
        "nodes": [
            {"id": "decode", "node_type": "AudioDecode"},
            {"id": "resample", "node_type": "AudioResample", "params": {"rate": 8000}},
            {"id": "level", "node_type": "AudioLevel", "params": {"window_ms": 1000}}],
        "connections": [{"from": "decode", "to": "resample"}, {"from": "resample", "to": "level"}]}"#;
    let pipeline = runtime.compile(manifest.as_bytes(), &HostNodes::new()).expect("a valid manifest");
    let before = peak_kb();
    let inputs = Some(vec![Value::from(File::from_path(path.to_str().expect("UTF-8")))]);
    let completion = pipeline.execute(inputs, 0, Some(Duration::from_secs(600))).expect("accepted");
    let growth = peak_kb() - before;
    std::fs::remove_dir_all(&folder).expect("removed");

    assert_eq!(completion.outcome, Outcome::Finished, "{:?}", completion.errors);
    assert_eq!(completion.sinks[0].outputs.len(), HOUR_S as usize, "a level for each second");
    assert!(growth < MOST_GROWTH_KB, "the peak grew by {growth} kB");
}

/// The most memory that this process has had, in kB.
fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("Linux tells the peak");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number of kB")
}
