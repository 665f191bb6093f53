//! The signal that the test media hold, and files made on the spot.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// A committed file of `tests/media`.
pub fn path(name: &str) -> String {
    of_project(&format!("tests/media/{name}"))
}

/// A committed file, by its path in the project.
pub fn of_project(path: &str) -> String {
    format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"))
}

/// Its content.
pub fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).expect("the file is in tests/media")
}

/// What `tests/reference` has by this name.
pub fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(of_project(&format!("tests/reference/{name}"))).expect("the fixture")
}

/// A directory of the test's own.
pub fn directory() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    // `target/tmp`, which is the tests' own, above `target/debug/deps` where this one is.
    let program = std::env::current_exe().expect("the program has a path");
    let target = program.ancestors().nth(3).expect("the program is in the folder of the build");
    let directory = target.join("tmp").join(format!("{}-{number}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("the directory can be made");
    directory
}

/// A file with these bytes in a directory of the test's own.
pub fn file(name: &str, bytes: &[u8]) -> String {
    let path = directory().join(name);
    std::fs::write(&path, bytes).expect("the file can be written");
    path.to_str().expect("the path is UTF-8").to_owned()
}

/// The reference of `tests/media/make.py`: a tone on the left, a rising sweep on the right, as 16-bit integers.
pub fn reference(rate: u32, frames: usize, channels: usize) -> Vec<Vec<i16>> {
    let integer = |sample: f64| (sample * 32768.0).round_ties_even() as i16;
    let time = |frame: usize| frame as f64 / f64::from(rate);
    let tone = |frame: usize| integer(0.5 * (std::f64::consts::TAU * 440.0 * time(frame)).sin());
    let sweep = |frame: usize| {
        integer(0.4 * (std::f64::consts::TAU * (200.0 * time(frame) + 900.0 * time(frame).powi(2))).sin())
    };
    let mut planes = vec![(0..frames).map(tone).collect(), (0..frames).map(sweep).collect()];
    planes.truncate(channels);
    planes
}

/// A WAV file of 16-bit integers, as hound writes it.
pub fn wav(planes: &[Vec<i16>], rate: u32) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels: planes.len() as u16,
        sample_rate: rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).expect("the header can be written");
    for frame in 0..planes[0].len() {
        for plane in planes {
            writer.write_sample(plane[frame]).expect("the sample can be written");
        }
    }
    writer.finalize().expect("the file can be ended");
    bytes.into_inner()
}

/// The largest deviation of decoded sound from 16-bit integers, and the ratio of their power to that of the deviation,
/// in dB.
pub fn deviation(decoded: &[Vec<f32>], reference: &[Vec<i16>]) -> (f32, f64) {
    assert_eq!(decoded.len(), reference.len(), "channels");
    let (mut largest, mut signal, mut noise) = (0.0f32, 0.0f64, 0.0f64);
    for (decoded, reference) in decoded.iter().zip(reference) {
        assert_eq!(decoded.len(), reference.len(), "frames");
        for (sample, expected) in decoded.iter().zip(reference) {
            let expected = f32::from(*expected) / 32768.0;
            largest = largest.max((sample - expected).abs());
            signal += f64::from(expected).powi(2);
            noise += f64::from(sample - expected).powi(2);
        }
    }
    (largest, 10.0 * (signal / noise.max(f64::MIN_POSITIVE)).log10())
}
