//! A packet on its way into a session: it names the input of the graph at which it is sent.

use crate::value::Packet;

/// A packet for one input of a session.
#[derive(Clone, Debug)]
pub struct SessionPacket {
    /// The packet.
    pub packet: Packet,
    /// The number of the input, in the order of the graph's inputs.
    pub input: usize,
}

/// What a session takes: a packet alone is for its first input.
pub trait EntryPacket {
    /// The number of the input.
    fn input(&self) -> usize;
    /// The packet.
    fn packet(&self) -> &Packet;
    /// The packet, without its input.
    fn into_packet(self) -> Packet;
}

impl EntryPacket for Packet {
    fn input(&self) -> usize {
        0
    }

    fn packet(&self) -> &Packet {
        self
    }

    fn into_packet(self) -> Packet {
        self
    }
}

impl EntryPacket for SessionPacket {
    fn input(&self) -> usize {
        self.input
    }

    fn packet(&self) -> &Packet {
        &self.packet
    }

    fn into_packet(self) -> Packet {
        self.packet
    }
}
