//! The nodes that find speech, against onnxruntime and the package silero-vad.

mod measures;
mod pipelines;
mod reference;
mod segments;
mod signals;
mod vad;
