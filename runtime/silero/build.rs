//! Finds the weights of the speech detector, which `src/weights.rs` embeds.

use std::path::{Path, PathBuf};

/// The tensors of both networks, as `tools/weights.py` writes them.
const BYTES: u64 = 1_850_376;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=REMOTEMEDIA_VAD_WEIGHTS");
    let crate_folder = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    let chosen = std::env::var_os("REMOTEMEDIA_VAD_WEIGHTS").filter(|path| !path.is_empty());
    let file =
        chosen.map_or_else(|| Path::new(&crate_folder).join("../../.build/weights/silero_vad.f32"), PathBuf::from);
    let file = std::path::absolute(&file).unwrap_or(file);
    println!("cargo::rerun-if-changed={}", file.display());
    println!("cargo::rustc-env=REMOTEMEDIA_VAD_WEIGHTS_FILE={}", file.display());
    let cure = "run `python3 build.py weights`, or set REMOTEMEDIA_VAD_WEIGHTS to the file";
    match std::fs::metadata(&file) {
        Ok(metadata) if metadata.len() == BYTES => {}
        Ok(metadata) => println!(
            "cargo::error={} has {} bytes, the weights of the speech detector have {BYTES}: {cure}.",
            file.display(),
            metadata.len()
        ),
        Err(_) => println!("cargo::error=the weights of the speech detector are not at {}: {cure}.", file.display()),
    }
}
