//! Runs the speech detector over raw float32 samples at 16 or 8 kHz, prints how long that took on one thread, and writes
//! the probabilities as float32 if asked to: `vad_speed RATE SAMPLES.f32 [PROBABILITIES.f32]`.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::time::Instant;

use remotemedia_silero::{Detector, Rate};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let rate = match arguments.next().as_deref() {
        Some("8000") => Rate::Hz8000,
        Some("16000") => Rate::Hz16000,
        _ => return Err("vad_speed RATE SAMPLES.f32 [PROBABILITIES.f32]".into()),
    };
    let bytes = std::fs::read(arguments.next().ok_or("the file with the samples is missing")?)?;
    let samples: Vec<f32> = bytes.as_chunks().0.iter().copied().map(f32::from_le_bytes).collect();

    let mut detector = Detector::new(rate);
    let start = Instant::now();
    let mut probabilities = Vec::new();
    detector.hear(&samples, &mut probabilities);
    probabilities.extend(detector.finish());
    println!("{} windows in {:.4} s", probabilities.len(), start.elapsed().as_secs_f64());
    if let Some(path) = arguments.next() {
        std::fs::write(path, probabilities.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())?;
    }
    Ok(())
}
