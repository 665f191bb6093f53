//! Files put together from packets: Ogg (RFC 3533), Matroska (RFC 9559) and MP4 (ISO/IEC 14496-12), as long as a test needs.

/// Packets of one codec, and what containers say of it.
#[derive(Clone)]
pub struct Stream {
    /// In hertz.
    pub rate: u32,
    /// How many.
    pub channels: u32,
    /// Packets before those of sound, as Ogg has them.
    pub headers: Vec<Vec<u8>>,
    /// The codec in Matroska, and what it has to know before.
    pub matroska: (&'static str, Vec<u8>),
    /// The codec in MP4, and the boxes with what it has to know before.
    pub mp4: (&'static [u8; 4], Vec<u8>),
    /// Each with the frames that it adds.
    pub packets: Vec<(Vec<u8>, u64)>,
}

impl Stream {
    /// All packets so many times over.
    pub fn repeated(self, times: usize) -> Self {
        let all = self.packets.len() * times;
        Self { packets: self.packets.iter().cloned().cycle().take(all).collect(), ..self }
    }

    /// An Ogg file with so many packets on a page, of which the last one leaves `padding` frames out.
    pub fn ogg(&self, serial: u32, per_page: usize, padding: u64) -> Vec<u8> {
        let mut pages = Pages { serial, sequence: 0, file: Vec::new() };
        let mut position = 0;
        for (index, header) in self.headers.iter().enumerate() {
            pages.write(&[header], 0, if index == 0 { 2 } else { 0 });
        }
        let count = self.packets.chunks(per_page).count();
        for (index, page) in self.packets.chunks(per_page).enumerate() {
            position += page.iter().map(|(_, frames)| frames).sum::<u64>();
            let is_last = index + 1 == count;
            let packets: Vec<&Vec<u8>> = page.iter().map(|(packet, _)| packet).collect();
            pages.write(&packets, position - if is_last { padding } else { 0 }, if is_last { 4 } else { 0 });
        }
        pages.file
    }

    /// A Matroska file with clusters of so many milliseconds; times are rounded to a millisecond. Where `is_live`, neither
    /// segment nor clusters say how long they are.
    pub fn matroska(&self, cluster_ms: u64, is_live: bool) -> Vec<u8> {
        self.matroska_as(&Matroska { cluster_ms, is_live, ..Matroska::default() })
    }

    /// The same with more to choose.
    pub fn matroska_as(&self, form: &Matroska) -> Vec<u8> {
        let Matroska { cluster_ms, is_live, .. } = *form;
        let (codec, private) = (self.matroska.0.as_bytes(), &self.matroska.1[..]);
        let audio = [
            element(&[0xb5], &f64::from(self.rate).to_be_bytes()),
            element(&[0x9f], &[self.channels as u8]),
            element(&[0x62, 0x64], &[16]),
        ]
        .concat();
        let track = [
            element(&[0xd7], &[1]),
            element(&[0x73, 0xc5], &[1]),
            element(&[0x83], &[2]),
            element(&[0x86], codec),
            if private.is_empty() { Vec::new() } else { element(&[0x63, 0xa2], private) },
            element(&[0xe1], &audio),
            form.encodings.clone(),
        ]
        .concat();
        let header = element(&[0x1a, 0x45, 0xdf, 0xa3], &element(&[0x42, 0x82], b"matroska"));
        let facts = [
            element(&[0x2a, 0xd7, 0xb1], &1_000_000u32.to_be_bytes()),
            element(&[0x4d, 0x80], b"test"),
            element(&[0x57, 0x41], b"test"),
        ];
        let info = element(&[0x15, 0x49, 0xa9, 0x66], &facts.concat());
        let tracks = element(&[0x16, 0x54, 0xae, 0x6b], &element(&[0xae], &track));
        let master = |id: &[u8], content: &[u8]| {
            if is_live { [id, &[0x01], &[0xff; 7], content].concat() } else { element(id, content) }
        };
        let (mut segment, mut cluster, mut begins, mut frame) = ([info, tracks].concat(), Vec::new(), 0u64, 0u64);
        let blocks = self.packets.chunks(form.per_block);
        let last = blocks.len() - 1;
        for (index, packets) in blocks.enumerate() {
            let time = (frame * 1000 + u64::from(self.rate) / 2) / u64::from(self.rate);
            if cluster.is_empty() || time - begins >= cluster_ms {
                if !cluster.is_empty() {
                    segment.extend(master(&[0x1f, 0x43, 0xb6, 0x75], &cluster));
                }
                begins = time;
                cluster = element(&[0xe7], &begins.to_be_bytes());
            }
            let [high, low] = ((time - begins) as u16).to_be_bytes();
            let block = |flags: u8| [vec![0x81, high, low, flags | lacing(packets).0], lacing(packets).1].concat();
            match form.padding_ns.filter(|_| index == last) {
                Some(padding) => {
                    let parts = [element(&[0xa1], &block(0)), element(&[0x75, 0xa2], &padding.to_be_bytes())];
                    cluster.extend(element(&[0xa0], &parts.concat()));
                }
                None => cluster.extend(element(&[0xa3], &block(0x80))),
            }
            frame += packets.iter().map(|(_, frames)| frames).sum::<u64>();
        }
        for _ in 0..form.empty_clusters {
            segment.extend(master(&[0x1f, 0x43, 0xb6, 0x75], &cluster));
            cluster = element(&[0xe7], &begins.to_be_bytes());
        }
        segment.extend(master(&[0x1f, 0x43, 0xb6, 0x75], &cluster));
        [header, master(&[0x18, 0x53, 0x80, 0x67], &segment)].concat()
    }

    /// An MP4 file with so many packets in a chunk. With a drift its clock says each packet a little differently, and the
    /// first one by that many frames: so a phone notes the times at which it got the sound.
    pub fn mp4(&self, per_chunk: usize, drift: Option<i32>) -> Vec<u8> {
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
        let full = |kind: &[u8; 4], content: &[u32]| boxed(kind, &words(&[&[0], content].concat()));
        let kind = boxed(b"ftyp", b"isom\0\0\0\0");
        let data: Vec<u8> = self.packets.iter().flat_map(|(packet, _)| packet.clone()).collect();
        let mut place = kind.len() as u32 + 8;
        let mut places = Vec::new();
        for chunk in self.packets.chunks(per_chunk) {
            places.push(place);
            place += chunk.iter().map(|(packet, _)| packet.len() as u32).sum::<u32>();
        }
        let count = self.packets.len() as u32;
        let frames = self.packets.iter().map(|(_, frames)| *frames as u32);
        let frames: Vec<u32> = frames
            .enumerate()
            .map(|(index, frames)| match (drift, index) {
                (None, _) => frames,
                (Some(drift), 0) => frames.saturating_add_signed(drift),
                (Some(_), index) => frames + index as u32 % 3 - 1,
            })
            .collect();
        let mut durations: Vec<[u32; 2]> = Vec::new();
        for frames in frames.iter().copied() {
            match durations.last_mut() {
                Some([count, same]) if *same == frames => *count += 1,
                _ => durations.push([1, frames]),
            }
        }
        let total: u32 = frames.iter().sum();
        let first = self.packets[0].0.len();
        let sizes = if first > 0 && self.packets.iter().all(|(packet, _)| packet.len() == first) {
            full(b"stsz", &[first as u32, count])
        } else {
            let sizes = self.packets.iter().map(|(packet, _)| packet.len() as u32);
            full(b"stsz", &[0, count].into_iter().chain(sizes).collect::<Vec<_>>())
        };
        let sound = [words(&[0, 1, 0, 0, self.channels << 16 | 16, 0, self.rate << 16]), self.mp4.1.clone()].concat();
        let described = boxed(b"stsd", &[words(&[0, 1]), boxed(self.mp4.0, &sound)].concat());
        let table = [
            described,
            full(b"stts", &[&[durations.len() as u32][..], &durations.concat()].concat()),
            full(b"stsc", &[1, 1, per_chunk as u32, 1]),
            sizes,
            full(b"stco", &[&[places.len() as u32][..], &places].concat()),
        ]
        .concat();
        let media = [
            full(b"mdhd", &[0, 0, self.rate, total, 0x55c4_0000]),
            boxed(b"hdlr", &[words(&[0, 0]), b"soun".to_vec(), vec![0; 13]].concat()),
            boxed(b"minf", &[full(b"smhd", &[0]), boxed(b"stbl", &table)].concat()),
        ]
        .concat();
        let header = full(b"tkhd", &[&[0, 0, 1, 0, total][..], &[0; 15]].concat());
        let track = boxed(b"trak", &[header, boxed(b"mdia", &media)].concat());
        let movie = [full(b"mvhd", &[&[0, 0, self.rate, total][..], &[0; 20]].concat()), track].concat();
        [kind, boxed(b"mdat", &data), boxed(b"moov", &movie)].concat()
    }
}

/// What a Matroska file is like beside its packets.
pub struct Matroska {
    /// The length of its clusters.
    pub cluster_ms: u64,
    /// Whether neither segment nor clusters say how long they are.
    pub is_live: bool,
    /// So many packets are in a block.
    pub per_block: usize,
    /// The last block ends in so much padding.
    pub padding_ns: Option<i64>,
    /// So many clusters without blocks are at the end.
    pub empty_clusters: usize,
    /// The element that says how packets are encoded.
    pub encodings: Vec<u8>,
}

impl Default for Matroska {
    fn default() -> Self {
        let encodings = Vec::new();
        Self { cluster_ms: 700, is_live: false, per_block: 1, padding_ns: None, empty_clusters: 0, encodings }
    }
}

/// An element that says that packets are encoded (RFC 9559, 5.1.4.1.31), by the content of `ContentEncoding`.
pub fn matroska_encodings(encodings: &[Vec<u8>]) -> Vec<u8> {
    element(&[0x6d, 0x80], &encodings.iter().flat_map(|content| element(&[0x62, 0x40], content)).collect::<Vec<u8>>())
}

/// The content of `ContentEncoding` for a way to compress, and what it needs.
pub fn matroska_compression(algorithm: u8, settings: &[u8]) -> Vec<u8> {
    element(&[0x50, 0x34], &[element(&[0x42, 0x54], &[algorithm]), element(&[0x42, 0x55], settings)].concat())
}

/// Packets as a block has them, with the lacing of Xiph if they are several (RFC 9559, 10.3), and its flag.
fn lacing(packets: &[(Vec<u8>, u64)]) -> (u8, Vec<u8>) {
    let (last, others) = packets.split_last().expect("a block has a packet");
    if others.is_empty() {
        return (0, last.0.clone());
    }
    let sizes = others
        .iter()
        .flat_map(|(packet, _)| std::iter::repeat_n(255, packet.len() / 255).chain([(packet.len() % 255) as u8]));
    let bytes = packets.iter().flat_map(|(packet, _)| packet.iter().copied());
    (2, [others.len() as u8].into_iter().chain(sizes).chain(bytes).collect())
}

struct Pages {
    serial: u32,
    sequence: u32,
    file: Vec<u8>,
}

impl Pages {
    fn write(&mut self, packets: &[&Vec<u8>], position: u64, flags: u8) {
        let start = self.file.len();
        let table: Vec<u8> = packets
            .iter()
            .flat_map(|packet| std::iter::repeat_n(255, packet.len() / 255).chain([(packet.len() % 255) as u8]))
            .collect();
        self.file.extend(b"OggS\0");
        self.file.push(flags);
        self.file.extend(position.to_le_bytes());
        self.file.extend(self.serial.to_le_bytes());
        self.file.extend(self.sequence.to_le_bytes());
        self.file.extend([0; 4]);
        self.file.push(u8::try_from(table.len()).expect("the packets have room on a page"));
        self.file.extend(&table);
        packets.iter().for_each(|packet| self.file.extend(*packet));
        let checksum = checksum(&self.file[start..], 32, 0x04c1_1db7);
        self.file[start + 22..start + 26].copy_from_slice(&checksum.to_le_bytes());
        self.sequence += 1;
    }
}

/// A cyclic redundancy check of so many bits, from zero, not reflected.
pub fn checksum(bytes: &[u8], width: u32, polynomial: u32) -> u32 {
    let top = 1u64 << (width - 1);
    let mut sum = 0u64;
    for byte in bytes {
        sum ^= u64::from(*byte) << (width - 8);
        for _ in 0..8 {
            sum = if sum & top == 0 { sum << 1 } else { sum << 1 ^ u64::from(polynomial) };
        }
        sum &= (top << 1) - 1;
    }
    sum as u32
}

/// The packets of an Ogg file of one stream.
pub fn packets_of_ogg(file: &[u8]) -> Vec<Vec<u8>> {
    let (mut packets, mut place, mut part) = (Vec::new(), 0, Vec::new());
    while place < file.len() {
        let table = &file[place + 27..place + 27 + usize::from(file[place + 26])];
        place += 27 + table.len();
        for len in table {
            part.extend_from_slice(&file[place..place + usize::from(*len)]);
            place += usize::from(*len);
            if *len < 255 {
                packets.push(std::mem::take(&mut part));
            }
        }
    }
    packets
}

/// Vorbis with one codebook of 131,072 codes, for which a decoder makes tables of 135 MB; and no sound.
pub fn vorbis_of_a_large_codebook() -> Stream {
    let identification = [&b"\x01vorbis\0\0\0\0\x01\x80\x3e\0\0"[..], &[0; 12], b"\xb8\x01"].concat();
    // One book: its mark, dimensions, entries, and all codes of 17 bits; no vectors.
    let fields = [(0, 8), (0x56_4342, 24), (1, 16), (1 << 17, 24), (1, 1), (16, 5), (1 << 17, 18), (0, 4)];
    let (book, _) = fields.iter().fold((0u128, 0), |(bits, len), (field, width)| (bits | field << len, len + width));
    let setup = [&b"\x05vorbis"[..], &book.to_le_bytes()].concat();
    let headers = vec![identification, b"\x03vorbis\0\0\0\0\0\0\0\0\x01".to_vec(), setup];
    let private = [&[2, headers[0].len() as u8, headers[1].len() as u8][..], &headers.concat()].concat();
    let packets = vec![(vec![0; 3], 0); 4];
    Stream { rate: 16_000, channels: 1, headers, matroska: ("A_VORBIS", private), mp4: (b"none", Vec::new()), packets }
}

/// A Matroska file of one cluster and several mono tracks of 8 kHz: of each its codec, the mark that makes it the default,
/// if it has one, and its packet of one second.
pub fn matroska_of_tracks(tracks: &[(&str, Option<u8>, &[u8])]) -> Vec<u8> {
    let described = (1..).zip(tracks).flat_map(|(number, (codec, mark, _))| {
        let audio = [element(&[0xb5], &8000f64.to_be_bytes()), element(&[0x9f], &[1]), element(&[0x62, 0x64], &[16])];
        let entry = [
            element(&[0xd7], &[number]),
            element(&[0x73, 0xc5], &[number]),
            element(&[0x83], &[2]),
            mark.map(|mark| element(&[0x88], &[mark])).unwrap_or_default(),
            element(&[0x86], codec.as_bytes()),
            element(&[0xe1], &audio.concat()),
        ];
        element(&[0xae], &entry.concat())
    });
    let blocks = (1..)
        .zip(tracks)
        .flat_map(|(number, (.., packet))| element(&[0xa3], &[&[0x80 | number, 0, 0, 0x80][..], packet].concat()));
    let info = [
        element(&[0x2a, 0xd7, 0xb1], &1_000_000u32.to_be_bytes()),
        element(&[0x4d, 0x80], b"test"),
        element(&[0x57, 0x41], b"test"),
    ];
    let segment = [
        element(&[0x15, 0x49, 0xa9, 0x66], &info.concat()),
        element(&[0x16, 0x54, 0xae, 0x6b], &described.collect::<Vec<u8>>()),
        element(&[0x1f, 0x43, 0xb6, 0x75], &[element(&[0xe7], &[0]), blocks.collect()].concat()),
    ];
    let header = element(&[0x1a, 0x45, 0xdf, 0xa3], &element(&[0x42, 0x82], b"matroska"));
    [header, element(&[0x18, 0x53, 0x80, 0x67], &segment.concat())].concat()
}

/// A box of MP4.
pub fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [&(content.len() as u32 + 8).to_be_bytes()[..], kind, content].concat()
}

/// An element of Matroska, its size in eight bytes.
pub fn element(id: &[u8], content: &[u8]) -> Vec<u8> {
    let [_, size @ ..] = (content.len() as u64).to_be_bytes();
    [id, &[0x01], &size, content].concat()
}
