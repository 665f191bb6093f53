//! Codecs of the system's FFmpeg, which is loaded when a file comes that no built-in decoder reads, and never linked.
//!
//! Its structures differ from one major version to the next; [`layout`] knows those that were looked at, and others are
//! refused. FFmpeg works with one thread, on the thread that calls it, and keeps no state between files, so a fork does it
//! no harm.

mod decoder;
mod demuxer;
mod functions;
mod layout;
mod library;
mod log;
mod pause;
mod samples;
mod source;

use remotemedia_nodes::audio::{SystemCodecs, SystemDecoder, SystemError, SystemList, SystemSource, SystemState};

use self::decoder::Decoder;
use self::library::{Library, Unloaded};
use crate::leaked_once::LeakedOnce;

/// Lets `AudioDecode` use FFmpeg. Loads nothing.
pub(crate) fn install() {
    remotemedia_nodes::audio::install_system_codecs(&Ffmpeg);
}

struct Ffmpeg;

/// What loading it gave. Two threads that are the first may both load it, which is as good.
static LOADED: LeakedOnce<Result<Library, Unloaded>> = LeakedOnce::new();

fn loaded() -> &'static Result<Library, Unloaded> {
    LOADED.get().unwrap_or_else(|| LOADED.set(Library::load()))
}

impl SystemCodecs for Ffmpeg {
    fn state(&self) -> SystemState {
        match loaded() {
            Ok(library) => SystemState::Ready(library.shown()),
            Err(unloaded) => SystemState::Absent(unloaded.cure()),
        }
    }

    fn list(&self) -> SystemList {
        match loaded() {
            Ok(library) => library.list(),
            Err(unloaded) => SystemList { absent: Some(unloaded.cure()), ..SystemList::default() },
        }
    }

    fn open(
        &self,
        source: Box<dyn SystemSource>,
        formats: &str,
        track: Option<usize>,
    ) -> Result<Box<dyn SystemDecoder>, SystemError> {
        match loaded() {
            Ok(library) => Ok(Box::new(Decoder::open(library, source, formats, track)?)),
            Err(unloaded) => Err(SystemError::Damaged(unloaded.cure())),
        }
    }
}
