//! Finds FFmpeg's libraries and loads them: those of the system by their names, or those of the folder that the environment
//! variable `REMOTEMEDIA_FFMPEG` names, which may also be `off`. They are never unloaded.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, OsStr, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr::null_mut;

use remotemedia_nodes::audio::SystemList;

use super::functions::{AUDIO, Functions, text};
use super::layout::{LAYOUTS, Layout, codec, field, of_major};
use super::log;

/// The variable that chooses.
const VARIABLE: &str = "REMOTEMEDIA_FFMPEG";
/// In the order in which they need each other.
const NAMES: [&str; 4] = ["avutil", "swresample", "avcodec", "avformat"];
/// Newer versions than the newest that is known, of which a message says that they are not.
const NEWER: u32 = 8;

/// Libraries that are loaded and known.
pub(super) struct Library {
    pub(super) functions: Functions,
    pub(super) layout: &'static Layout,
    /// The names of all decoders of audio, separated by commas.
    pub(super) decoders: CString,
    path: String,
}

/// Why there are none.
#[derive(Debug, PartialEq)]
pub(super) enum Unloaded {
    /// They were switched off.
    Off,
    /// There are none on this machine.
    Missing,
    /// There are some that can't be used, and why not.
    Unfit(String),
}

impl Unloaded {
    /// What can be done, as a sentence.
    pub(super) fn cure(&self) -> String {
        const INSTALL: &str = "Debian and Ubuntu: `apt install ffmpeg`, macOS: `brew install ffmpeg`";
        match self {
            Unloaded::Off => format!("Unset {VARIABLE}, which is off, so that FFmpeg's libraries may decode it."),
            Unloaded::Missing => format!("Install FFmpeg, whose libraries decode it ({INSTALL})."),
            Unloaded::Unfit(reason) => {
                format!("Install FFmpeg 4 to 8, whose libraries decode it ({INSTALL}): {reason}.")
            }
        }
    }
}

impl Library {
    /// Loads what the environment asks for.
    ///
    /// # Errors
    /// If there is nothing, or nothing that is known.
    pub(super) fn load() -> Result<Self, Unloaded> {
        if cfg!(not(target_pointer_width = "64")) {
            return Err(Unloaded::Unfit("its structures are known for systems of 64 bits alone".to_owned()));
        }
        match std::env::var_os(VARIABLE) {
            Some(value) if value == *"off" => Err(Unloaded::Off),
            Some(folder) if !folder.is_empty() => Self::of_folder(Path::new(&folder)),
            _ => Self::of_system(),
        }
    }

    fn of_system() -> Result<Self, Unloaded> {
        let newest = LAYOUTS[0].major;
        let mut unfit = None;
        for layout in &LAYOUTS {
            match open(OsStr::new(&file_name("avformat", layout.major))) {
                Ok(handle) => match Self::of_handle(handle) {
                    Ok(library) => return Ok(library),
                    Err(reason) => unfit = unfit.or(Some(reason)),
                },
                // That another library is missing, which it needs, is worth a word.
                Err(Some(reason)) if !reason.contains(&file_name("avformat", layout.major)) => {
                    unfit = unfit.or(Some(reason));
                }
                Err(_) => {}
            }
        }
        let unknown =
            || (newest + 1..=newest + NEWER).find(|major| open(OsStr::new(&file_name("avformat", *major))).is_ok());
        let unfit = unfit.or_else(|| unknown().map(|major| not_known("libavformat", major)));
        Err(unfit.map_or(Unloaded::Missing, Unloaded::Unfit))
    }

    /// The newest known libraries of a folder. Those that they need are loaded from there first, whatever the system has.
    fn of_folder(folder: &Path) -> Result<Self, Unloaded> {
        let shown = folder.display();
        let entries = std::fs::read_dir(folder)
            .map_err(|error| Unloaded::Unfit(format!("{VARIABLE} is '{shown}', which can't be read: {error}")))?;
        let paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        let of_name = |name: &str| -> BTreeMap<u32, PathBuf> {
            let found =
                paths.iter().filter_map(|path| Some((major_of(path.file_name()?.to_str()?, name)?, path.clone())));
            found.collect()
        };
        let formats = of_name("avformat");
        let Some((major, _)) = formats.iter().rev().find(|(major, _)| of_major(**major).is_some()) else {
            return Err(Unloaded::Unfit(match formats.last_key_value() {
                Some((major, _)) => not_known("libavformat", *major),
                None => format!("{VARIABLE} is '{shown}', where there is no libavformat"),
            }));
        };
        let util = of_major(*major).map_or(0, |layout| layout.util);
        let mut handle = null_mut();
        for name in NAMES {
            let found = of_name(name);
            let wanted = match name {
                "avutil" => found.get(&util),
                "swresample" => found.last_key_value().map(|(_, path)| path),
                _ => found.get(major),
            };
            if let Some(path) = wanted {
                // A part of the system's in its place would be another build.
                let opened = open_from(folder, path, MOST_NEEDED);
                handle = opened.map_err(|reason| Unloaded::Unfit(reason.unwrap_or_default()))?;
            }
        }
        Self::of_handle(handle).map_err(Unloaded::Unfit)
    }

    /// The set of libraries to which this libavformat belongs.
    fn of_handle(handle: *mut c_void) -> Result<Self, String> {
        // SAFETY: a handle of `dlopen`, which is never closed. It finds the functions of the libraries that this one needs
        // too. Their names belong to FFmpeg.
        let functions = unsafe { Functions::find(|name| libc::dlsym(handle, name.as_ptr())) }
            .map_err(|missing| format!("libavformat has no function {missing}"))?;
        // SAFETY: they only return numbers.
        let (format, codec, util) = unsafe {
            (
                (functions.avformat_version)() >> 16,
                (functions.avcodec_version)() >> 16,
                (functions.avutil_version)() >> 16,
            )
        };
        let layout = of_major(format).ok_or_else(|| not_known("libavformat", format))?;
        if codec != layout.major {
            return Err(not_known("libavcodec", codec));
        }
        if util != layout.util {
            return Err(not_known("libavutil", util));
        }
        log::install(&functions);
        let path = path_of(functions.avformat_version as *const c_void);
        let mut library = Self { functions, layout, decoders: CString::default(), path };
        let names: Vec<String> = library.audio_decoders().into_iter().map(|(name, _)| name).collect();
        library.decoders = CString::new(names.join(",")).unwrap_or_default();
        Ok(library)
    }

    /// What messages call it.
    pub(super) fn shown(&self) -> String {
        // SAFETY: a string that lives as long as the library.
        format!("FFmpeg {}", unsafe { text((self.functions.av_version_info)()) })
    }

    /// All that there is to say of it.
    pub(super) fn list(&self) -> SystemList {
        // SAFETY: they only return numbers and strings that live as long as the library.
        let (version, license, numbers) = unsafe {
            let numbers = [
                ("libavformat", (self.functions.avformat_version)()),
                ("libavcodec", (self.functions.avcodec_version)()),
                ("libavutil", (self.functions.avutil_version)()),
            ];
            (text((self.functions.av_version_info)()), text((self.functions.avutil_license)()), numbers)
        };
        let number = |packed: u32| format!("{}.{}.{}", packed >> 16, packed >> 8 & 0xff, packed & 0xff);
        SystemList {
            absent: None,
            version,
            license,
            path: self.path.clone(),
            libraries: numbers.map(|(name, packed)| (name.to_owned(), number(packed))).to_vec(),
            decoders: self.audio_decoders(),
        }
    }

    /// The names and descriptions of the decoders of audio, in order.
    fn audio_decoders(&self) -> Vec<(String, String)> {
        let mut decoders = Vec::new();
        let mut place = std::ptr::null_mut();
        loop {
            // SAFETY: `place` is where it keeps how far it came.
            let next = unsafe { (self.functions.av_codec_iterate)(&raw mut place) };
            if next.is_null() {
                break;
            }
            // SAFETY: an AVCodec, which lives as long as the library.
            unsafe {
                let is_audio = field::<i32>(next, codec::TYPE) == AUDIO;
                if is_audio && (self.functions.av_codec_is_decoder)(next) != 0 {
                    decoders.push((text(field(next, codec::NAME)), text(field(next, codec::LONG_NAME))));
                }
            }
        }
        decoders.sort();
        decoders
    }
}

fn not_known(library: &str, major: u32) -> String {
    format!("{library} {major} is there, which this version of remotemedia does not know")
}

/// The name of a library of a major version.
fn file_name(name: &str, major: u32) -> String {
    match cfg!(target_os = "macos") {
        true => format!("lib{name}.{major}.dylib"),
        false => format!("lib{name}.so.{major}"),
    }
}

/// The major version in the name of a file, if it is this library: `libavutil.so.57.28.100`, `libavutil-5061e1ec.so.57.28.100`,
/// `libavutil.57.dylib`.
fn major_of(file: &str, name: &str) -> Option<u32> {
    let rest = file.strip_prefix("lib")?.strip_prefix(name)?;
    let (hash, numbers) = match rest.strip_suffix(".dylib") {
        Some(rest) => rest.split_once('.')?,
        None => rest.split_once(".so.")?,
    };
    let is_plain = hash.is_empty() || hash.starts_with('-');
    numbers.split('.').next().filter(|_| is_plain)?.parse().ok()
}

/// Loads a library; the error is what the loader says of it.
fn open(name: &OsStr) -> Result<*mut c_void, Option<String>> {
    let name = CString::new(name.as_bytes()).map_err(|_| None)?;
    // SAFETY: a C string. What the library does when it is loaded is its own affair: FFmpeg's do nothing.
    let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    if !handle.is_null() {
        return Ok(handle);
    }
    // SAFETY: NULL or a string that lives until the next call of the loader on this thread.
    Err(unsafe {
        let reason = libc::dlerror();
        (!reason.is_null()).then(|| CStr::from_ptr(reason).to_string_lossy().into_owned())
    })
}

/// Libraries that one needs, each of which may need so many in turn.
const MOST_NEEDED: usize = 200;

/// Loads a library of a folder, and before it what it needs from the same folder: in wheels nothing says that it is there.
fn open_from(folder: &Path, path: &Path, most: usize) -> Result<*mut c_void, Option<String>> {
    let mut failed = None;
    for left in (0..most).rev() {
        let reason = match open(path.as_os_str()) {
            Ok(handle) => return Ok(handle),
            Err(reason) => reason,
        };
        // The loader of glibc says `NAME: cannot open shared object file: ...`.
        let needed =
            reason.as_deref().and_then(|reason| reason.split_once(": cannot open ")).map(|(name, _)| name.to_owned());
        let needed =
            needed.filter(|name| !name.contains('/')).map(|name| folder.join(name)).filter(|path| path.exists());
        let Some(needed) = needed.filter(|_| reason != failed) else { return Err(reason) };
        open_from(folder, &needed, left.min(most / 2))?;
        failed = reason;
    }
    Err(failed)
}

/// The path of the library that holds an address.
fn path_of(address: *const c_void) -> String {
    // SAFETY: all fields may be zero, and `dladdr` fills them.
    unsafe {
        let mut info: libc::Dl_info = std::mem::zeroed();
        match libc::dladdr(address, &raw mut info) {
            0 => String::new(),
            _ => text(info.dli_fname),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_the_names_of_files() {
        assert_eq!(major_of("libavutil.so.57.28.100", "avutil"), Some(57));
        assert_eq!(major_of("libavutil-5061e1ec.so.60.8.100", "avutil"), Some(60));
        assert_eq!(major_of("libavutil.57.dylib", "avutil"), Some(57));
        for other in ["libavutil.so", "libavutilities.so.1", "libavcodec.so.59", "avutil.so.57", "libavutil.dylib"] {
            assert_eq!(major_of(other, "avutil"), None, "{other}");
        }
    }

    #[test]
    fn what_can_be_done_is_a_sentence() {
        let unknown = Unloaded::Unfit(not_known("libavformat", 63)).cure();
        assert!(
            unknown.ends_with("libavformat 63 is there, which this version of remotemedia does not know."),
            "{unknown}"
        );
        assert!(Unloaded::Missing.cure().contains("apt install ffmpeg"));
        assert!(Unloaded::Off.cure().contains("Unset REMOTEMEDIA_FFMPEG"));
    }
}
