//! The bell of Windows: of what its event loops can watch, the standard library has sockets alone, so it is a connection
//! of this process with itself.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::windows::io::AsRawSocket;

/// The two ends of the connection.
pub(super) struct Ends {
    reader: TcpStream,
    writer: TcpStream,
}

impl Ends {
    /// The kind that costs least on this system.
    pub(super) fn cheapest() -> io::Result<Self> {
        Self::socket_pair()
    }

    /// One end of a pair of sockets.
    pub(super) fn socket_pair() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let writer = TcpStream::connect(listener.local_addr()?)?;
        let own = writer.local_addr()?;
        // Any process of this machine may connect; the one that did so first need not be this one.
        let reader = loop {
            let (reader, peer) = listener.accept()?;
            if peer == own {
                break reader;
            }
        };
        for end in [&reader, &writer] {
            end.set_nonblocking(true)?;
        }
        // A notification is sent at once, not kept back for more to come.
        writer.set_nodelay(true)?;
        Ok(Self { reader, writer })
    }

    /// An eventfd, which only Linux has.
    pub(super) fn event_fd() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// The socket to watch.
    pub(super) fn descriptor(&self) -> isize {
        self.reader.as_raw_socket() as isize
    }

    /// Makes the socket readable.
    pub(super) fn write_one(&self) {
        // The write only fails when the socket is full, and then it is readable already.
        let _ = (&self.writer).write(&[1]);
    }

    /// Makes the socket unreadable.
    pub(super) fn read_all(&self) {
        let mut marks = [0u8; 64];
        while let Ok(64) = (&self.reader).read(&mut marks) {}
    }
}
