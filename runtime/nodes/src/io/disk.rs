//! A file on a disk or a network share, which may be slow: its calls may block, and the pool is notified of that.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};

use remotemedia_core::node::may_block;

use super::system::{close, insert_blocks};

/// An open file.
pub(crate) struct DiskFile(fs::File);

impl DiskFile {
    pub(super) fn new(file: fs::File) -> Self {
        Self(file)
    }

    /// Closes the file. Network shares, quotas and FUSE may say only now that there was no room for what was written.
    pub(super) fn close(self) -> io::Result<()> {
        may_block(|| close(self.0))
    }

    /// What has the lock of the file also once this is closed, until it is dropped; `None` where the system gives no more files.
    pub(super) fn lock_holder(&self) -> Option<fs::File> {
        self.0.try_clone().ok()
    }

    /// Makes room of at least so many bytes before what the file holds. Returns how many; where the next byte is read or
    /// written is not known then.
    pub(super) fn make_room_before(&mut self, least: u64) -> io::Result<u64> {
        may_block(|| match insert_blocks(&self.0, least) {
            Some(room) => Ok(room),
            None => move_back(&mut self.0, least).map(|()| least),
        })
    }
}

impl Read for DiskFile {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        may_block(|| self.0.read(target))
    }
}

impl Write for DiskFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        may_block(|| self.0.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for DiskFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        may_block(|| self.0.seek(to))
    }
}

/// Copies what a file holds to places so many bytes later, the last part first.
fn move_back(file: &mut fs::File, by: u64) -> io::Result<()> {
    const PART: u64 = 8 << 20;
    let mut end = file.seek(SeekFrom::End(0))?;
    let mut part = vec![0; PART.min(end) as usize];
    while end > 0 {
        let begin = end.saturating_sub(PART);
        let part = &mut part[..(end - begin) as usize];
        file.seek(SeekFrom::Start(begin))?;
        file.read_exact(part)?;
        file.seek(SeekFrom::Start(begin + by))?;
        file.write_all(part)?;
        end = begin;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_before_a_file_leaves_its_content() {
        let folder = std::env::temp_dir().join(format!("remotemedia-disk-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("a.wav");
        for len in [0, 1, 5000, (8 << 20) - 1, 8 << 20, (16 << 20) + 7] {
            let content: Vec<u8> = (0..len).map(|at| (at * 7 % 251) as u8).collect();
            for by in [36, 4096] {
                fs::write(&path, &content).unwrap();
                let mut file = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
                move_back(&mut file, by).unwrap();
                assert!(fs::read(&path).unwrap()[if len == 0 { 0 } else { by as usize }..] == content, "{len} {by}");
            }
            fs::write(&path, &content).unwrap();
            let file = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
            let room = DiskFile::new(file).make_room_before(36).unwrap();
            assert!(room >= 36);
            let after = fs::read(&path).unwrap();
            assert!(after.get(room as usize..).unwrap_or_default() == content, "{len}: {room}");
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
