//! The file beside the place of another one, which takes that place when it is whole.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::system::{create_new, hold};

/// Makes a new file in the folder of `place`, hidden, called `.NAME.PROCESS-NUMBER.part`. Nobody may read it who may not read
/// the one that it replaces. It is locked while it is open: so whoever removes what killed processes left knows that its
/// writer lives, in whatever container or on whatever host that is.
pub(super) fn create_beside(place: &Path, replaced: Option<&fs::Metadata>) -> io::Result<(fs::File, PathBuf)> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    /// More than any crashed process of the same number will have left.
    const TRIES: usize = 10_000;
    for _ in 0..TRIES {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut name = OsString::from(".");
        name.push(beginning(place));
        name.push(format!(".{}-{number}.part", std::process::id()));
        let temporary = place.with_file_name(name);
        match create_new(replaced).open(&temporary) {
            // Containers that share a folder may each have a process of this number.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(file) if hold(&file, &temporary) => return Ok((file, temporary)),
            // It was taken for a leftover before it was locked, and is being removed.
            Ok(_) => {}
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists))
}

/// The beginning of a file's name: with what is added it is no longer than a name may be.
fn beginning(place: &Path) -> String {
    const MOST: usize = 64;
    let name = place.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name[..name.floor_char_boundary(MOST)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_of_the_same_number_left_is_not_in_the_way() {
        let folder = std::env::temp_dir().join(format!("remotemedia-temporary-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let place = folder.join("a.wav");
        let (_, first) = create_beside(&place, None).unwrap();
        let name = first.file_name().unwrap().to_str().unwrap();
        let number: u64 = name.rsplit_once('-').unwrap().1.strip_suffix(".part").unwrap().parse().unwrap();
        for number in number + 1..number + 200 {
            fs::write(folder.join(format!(".a.wav.{}-{number}.part", std::process::id())), b"").unwrap();
        }
        let (_, second) = create_beside(&place, None).unwrap();
        assert_ne!(first, second);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_file_in_the_making_is_locked() {
        let folder = std::env::temp_dir().join(format!("remotemedia-locked-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (file, path) = create_beside(&folder.join("a.wav"), None).unwrap();
        let other = fs::File::open(&path).unwrap();
        assert!(matches!(other.try_lock(), Err(fs::TryLockError::WouldBlock)));
        drop(file);
        other.try_lock().unwrap();
        assert!(!hold(&fs::File::open(&path).unwrap(), &path), "another one has the lock");
        fs::remove_dir_all(&folder).unwrap();
        assert!(!hold(&other, &path), "it was removed");
    }

    #[test]
    fn a_name_is_cut_between_letters() {
        assert_eq!(beginning(Path::new("out/a.wav")), "a.wav");
        assert_eq!(beginning(Path::new(&"ä".repeat(127))), "ä".repeat(32));
        assert_eq!(beginning(Path::new(&format!("a{}", "ä".repeat(127)))), format!("a{}", "ä".repeat(31)));
    }
}
