//! A reader of Symphonia's that can jump: to a packet of its track at or before a decoded frame, exactly, as the readers of
//! our own do. How a container finds the packet is the container's part, behind [`Jump`].

use std::collections::VecDeque;

use symphonia::core::errors::{Error, Result};
use symphonia::core::formats::{FormatReader, SeekMode, SeekTo, SeekedTo};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::packet::Packet;

use super::source::gap::GapSource;
use super::symphonia_reader::{inner_reader_fields, jumped_to, wanted_frame};

/// How a container jumps. Frames are decoded frames from the start of the file, as the decoder gives them.
pub(super) trait Jump: Send + Sync {
    /// Looks at a packet of the track that comes from the start of the file, and sets its duration to decoded
    /// frames, and its decoding time to those before it where the decoder looks at that.
    fn see(&mut self, packet: &mut Packet);

    /// A reader that is better than the one that has read the first packet, and goes on with the next one.
    ///
    /// # Errors
    /// If the file can't be read.
    fn go_on(&mut self, _: &GapSource) -> Result<Option<Landed>> {
        Ok(None)
    }

    /// A reader that goes on at a packet at or before a frame; `None` if there is no such packet that is known for
    /// certain.
    ///
    /// # Errors
    /// If the file can't be read.
    fn land(&mut self, file: &GapSource, frame: u64) -> Result<Option<Landed>>;
}

/// Where a jump led to.
pub(super) struct Landed {
    pub(super) reader: Box<dyn FormatReader>,
    /// Packets that were read already, of which the first is the one that was found.
    pub(super) packets: Vec<Packet>,
    /// The frames before it.
    pub(super) frame: u64,
}

/// The reader of one track.
pub(super) struct JumpReader {
    file: GapSource,
    reader: Box<dyn FormatReader>,
    jump: Box<dyn Jump>,
    track: u32,
    read: VecDeque<Packet>,
    /// Whether no packet was read yet.
    is_fresh: bool,
    /// Whether a new stream has begun, of which nothing is known.
    is_chained: bool,
}

impl JumpReader {
    /// A reader of this file that stands before its first packet.
    pub(super) fn new(file: GapSource, reader: Box<dyn FormatReader>, jump: Box<dyn Jump>, track: u32) -> Self {
        Self { file, reader, jump, track, read: VecDeque::new(), is_fresh: true, is_chained: false }
    }
}

impl FormatReader for JumpReader {
    inner_reader_fields!();

    fn seek(&mut self, _: SeekMode, to: SeekTo) -> Result<SeekedTo> {
        let frame = wanted_frame(to)?;
        let landed = if self.is_chained { None } else { self.jump.land(&self.file, frame)? };
        let landed = landed.filter(|landed| landed.frame <= frame).ok_or(Error::Unsupported("jumps in this file"))?;
        self.reader = landed.reader;
        self.read = landed.packets.into();
        self.read.iter_mut().for_each(|packet| self.jump.see(packet));
        Ok(jumped_to(landed.frame, frame))
    }

    fn next_packet(&mut self) -> Result<Option<Packet>> {
        if let Some(packet) = self.read.pop_front() {
            return Ok(Some(packet));
        }
        loop {
            let mut next = self.reader.next_packet();
            match &mut next {
                Ok(Some(_)) if self.is_chained => {}
                Ok(Some(packet)) if packet.track_id == self.track => {
                    self.jump.see(packet);
                    if std::mem::take(&mut self.is_fresh)
                        && let Some(landed) = self.jump.go_on(&self.file)?
                    {
                        self.reader = landed.reader;
                        self.read = landed.packets.into();
                    }
                }
                Ok(Some(_)) => continue,
                Err(Error::ResetRequired) => self.is_chained = true,
                _ => {}
            }
            return next;
        }
    }

    fn into_inner<'inner>(self: Box<Self>) -> MediaSourceStream<'inner>
    where
        Self: 'inner,
    {
        self.reader.into_inner()
    }
}
