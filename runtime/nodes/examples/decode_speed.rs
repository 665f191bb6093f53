//! Decodes files, whole or in pieces, and prints what came out, how fast, and the peak of memory. With `--raw PATH` it
//! writes the samples of the next file as interleaved float32, for a comparison with other decoders.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::fs;
use std::io::{BufWriter, Write as _};
use std::time::Instant;

use remotemedia_core::node::{Define as _, Node as _, NodeError, Step};
use remotemedia_core::value::{Audio, File, Packet, Value};
use remotemedia_nodes::audio::{AudioDecode, AudioDecodeParams};

/// Counts the sound that comes out and writes it, if asked to.
#[derive(Default)]
struct Sink {
    frames: usize,
    rate: u32,
    channels: usize,
    raw: Option<BufWriter<fs::File>>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let (mut raw, mut piece) = (None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--raw" => raw = arguments.next(),
            "--pieces" => piece = arguments.next().map(|len| len.parse::<usize>()).transpose()?,
            path => decode(path, raw.take().as_deref(), piece)?,
        }
    }
    Ok(())
}

fn decode(path: &str, raw: Option<&str>, piece: Option<usize>) -> Result<(), Box<dyn Error>> {
    let params: AudioDecodeParams = serde_json::from_str("{}")?;
    let mut node = AudioDecode::new(&params);
    let mut sink = Sink { raw: raw.map(fs::File::create).transpose()?.map(BufWriter::new), ..Sink::default() };
    let start = Instant::now();
    let result = match piece {
        None => feed(&mut node, &mut sink, Value::from(File::from_path(path))),
        Some(len) => {
            fs::read(path)?.chunks(len).try_for_each(|bytes| feed(&mut node, &mut sink, Value::bytes(bytes.to_vec())))
        }
    }
    .and_then(|()| {
        let step = node.flush()?;
        drain(&mut node, &mut sink, step)
    });
    let seconds = start.elapsed().as_secs_f64();
    let duration = sink.frames as f64 / f64::from(sink.rate.max(1));
    println!(
        "{path}: {} frames, {} Hz, {} channels, {seconds:.3} s, {:.0} x real time, peak {}",
        sink.frames,
        sink.rate,
        sink.channels,
        duration / seconds,
        peak_memory()
    );
    if let Err(error) = result {
        println!("  at {:?} ns: {}. {} {:?}", error.position, error.cause, error.cure, error.chain);
    }
    Ok(())
}

fn feed(node: &mut AudioDecode, sink: &mut Sink, value: Value) -> Result<(), NodeError> {
    let step = node.process(0, Packet::new(value))?;
    drain(node, sink, step)
}

fn drain(node: &mut AudioDecode, sink: &mut Sink, mut step: Step) -> Result<(), NodeError> {
    loop {
        let (emission, is_done) = match step {
            Step::Done(emission) => (emission, true),
            Step::More(emission) => (emission, false),
        };
        if let Some(Value::Audio(audio)) = emission.map(|emission| emission.packet.value) {
            sink.take(&audio);
        }
        if is_done {
            return Ok(());
        }
        step = node.resume()?;
    }
}

impl Sink {
    fn take(&mut self, audio: &Audio) {
        self.frames += audio.frames();
        (self.rate, self.channels) = (audio.rate(), audio.channels());
        let Some(raw) = &mut self.raw else { return };
        for frame in 0..audio.frames() {
            for channel in audio.iter_channels() {
                raw.write_all(&channel[frame].to_le_bytes()).expect("the disk takes the samples");
            }
        }
    }
}

fn peak_memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.unwrap_or("unknown").trim().to_owned()
}
