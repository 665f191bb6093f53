//! Values of every kind for property tests: small and large, inside windows of larger memory, with odd strides.

use proptest::collection::vec;
use proptest::prelude::*;
use remotemedia_core::value::{
    Audio, Buffer, Column, DataType, File, FileSource, Layout, PixelFormat, Plane, Table, Tensor, Value, Video,
};

/// Any value, nested a few levels.
pub(crate) fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![3 => plain_leaf(), 2 => media()].prop_recursive(4, 24, 5, |inner| {
        prop_oneof![vec(inner.clone(), 0..5).prop_map(Value::list), vec((key(), inner), 0..5).prop_map(Value::map),]
    })
}

/// Any value of the kinds that plain msgpack has.
pub(crate) fn plain_value() -> impl Strategy<Value = Value> {
    plain_leaf().prop_recursive(5, 48, 6, |inner| {
        prop_oneof![vec(inner.clone(), 0..6).prop_map(Value::list), vec((key(), inner), 0..6).prop_map(Value::map),]
    })
}

fn plain_leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (-70_000i64..70_000).prop_map(Value::Int),
        any::<u64>().prop_map(Value::from_u64),
        any::<u64>().prop_map(|bits| Value::Float(f64::from_bits(bits))),
        prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 1.0, 1e300, 5e-324, 0.1])
            .prop_map(Value::Float),
        any::<String>().prop_map(Value::text),
        ".{0,300}".prop_map(Value::text),
        vec(any::<u8>(), 0..300).prop_map(Value::bytes),
    ]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[a-z]{0,6}", 1 => any::<String>(), 1 => "\\${0,3}rm[a-z]{0,2}", 1 => "[a-z]{33,40}"]
}

fn media() -> impl Strategy<Value = Value> {
    prop_oneof![
        window().prop_map(|window| Value::Bytes(Box::new(window))),
        (any::<i64>(), 0u32..1_000_000_000)
            .prop_map(|(seconds, nanoseconds)| Value::Timestamp { seconds, nanoseconds }),
        (0i64..1 << 35, 0u32..3).prop_map(|(seconds, nanoseconds)| Value::Timestamp { seconds, nanoseconds }),
        tensor().prop_map(Value::from),
        audio().prop_map(Value::from),
        video().prop_map(|video| Value::Video(Box::new(video))),
        table().prop_map(|table| Value::Table(Box::new(table))),
        file().prop_map(Value::from),
    ]
}

/// Bytes that look random but are cheap to make; proptest shrinks the seed.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let step = |state: &mut u64| {
        // Multiplier and increment of Knuth's MMIX generator.
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 56) as u8
    };
    (0..len).map(|_| step(&mut state)).collect()
}

/// Lengths on both sides of the threshold between inside and by buffer.
fn length() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 0usize..200, 1 => 16_000usize..20_000]
}

/// A window on a larger memory, which may be of either sort.
fn window() -> impl Strategy<Value = Buffer> {
    (any::<u64>(), 0usize..20, length(), 0usize..20, any::<bool>()).prop_map(|(seed, before, len, after, aligned)| {
        let bytes = noise(seed, before + len + after);
        let memory = if aligned { Buffer::aligned_copy(&bytes) } else { Buffer::from_bytes(bytes) };
        memory.slice(before, len).expect("the window is inside")
    })
}

/// Arrays whose dimensions are permuted, reversed, repeated, spread out, empty or absent.
pub(crate) fn tensor() -> impl Strategy<Value = Tensor> {
    let data_type = prop::sample::select(DataType::ALL.to_vec());
    let dimension = (0usize..5, 0u8..5);
    (data_type, vec(dimension, 0..5), any::<u64>(), 0usize..9, 0usize..12, any::<bool>()).prop_map(
        |(data_type, dimensions, seed, before, rotation, large)| {
            let mut shape: Vec<usize> = dimensions.iter().map(|&(extent, _)| extent).collect();
            if large && let Some(first) = shape.first_mut() {
                *first *= 2_000;
            }
            let mut order: Vec<usize> = (0..shape.len()).collect();
            if !order.is_empty() {
                let by = rotation % order.len();
                order.rotate_left(by);
            }
            let mut strides = vec![0isize; shape.len()];
            let mut step = data_type.size();
            let mut offset = before;
            for &dimension in &order {
                let extent = shape[dimension].max(1);
                let mode = dimensions[dimension].1;
                let spread = if mode == 3 { step + data_type.size() } else { step };
                strides[dimension] = match mode {
                    0 => 0,
                    1 => {
                        offset += spread * (extent - 1);
                        -(spread as isize)
                    }
                    _ => spread as isize,
                };
                step = spread * extent;
            }
            let buffer = Buffer::from_bytes(noise(seed, before + step + 3)).slice(1, before + step + 1);
            Tensor::new(data_type, shape, strides, buffer.expect("it is inside"), offset).expect("it lies inside")
        },
    )
}

fn audio() -> impl Strategy<Value = Audio> {
    let layout = prop_oneof![Just(None), Just(Some("stereo")), Just(Some("5.1(side)"))];
    let frames = prop_oneof![4 => 0usize..40, 1 => 2_000usize..5_000];
    (1usize..4, frames, any::<u64>(), 0usize..3, 0usize..5, 1..=u32::MAX, layout, any::<Option<i64>>()).prop_map(
        |(channels, frames, seed, before, gap, rate, layout, pts)| {
            let bytes = noise(seed, (before + channels * (frames + gap)) * 4);
            let buffer = Buffer::aligned_copy(&bytes);
            let window = buffer.slice(before.min(1) * 4, buffer.len() - before.min(1) * 4).expect("it is inside");
            let offset = before.saturating_sub(1) * 4;
            let audio = Audio::new(window, offset, (frames + gap) * 4, channels, frames, rate).expect("it fits");
            let layout = layout.map_or(Layout::Unspecified, |name| Layout::Named(name.into()));
            audio.with_layout(layout).with_pts(pts)
        },
    )
}

fn video() -> impl Strategy<Value = Video> {
    let format = prop::sample::select(PixelFormat::ALL.to_vec());
    let side = prop_oneof![4 => 0u32..9, 1 => 100u32..200];
    (format, side.clone(), side, 0usize..3, any::<u64>(), any::<Option<i64>>()).prop_map(
        |(format, width, height, gap, seed, pts)| {
            let plane = |(rows, row_bytes): (usize, usize)| {
                let stride = row_bytes + gap;
                let len = if rows == 0 || row_bytes == 0 { 0 } else { (rows - 1) * stride + row_bytes };
                let buffer = Buffer::from_bytes(noise(seed, len + 5)).slice(2, len).expect("it is inside");
                Plane { buffer, stride }
            };
            let planes = format.planes(width, height).into_iter().map(plane).collect();
            Video { format, width, height, planes, pts }
        },
    )
}

fn table() -> impl Strategy<Value = Table> {
    (0usize..1_000, vec(any::<u8>(), 0..9), vec(column(), 0..3)).prop_map(|(rows, metadata, columns)| Table {
        rows,
        columns,
        metadata,
    })
}

fn column() -> impl Strategy<Value = Column> {
    let size = || 0usize..=i64::MAX as usize;
    let buffers = || vec(prop::option::of(window()), 0..3);
    let metadata = || vec(any::<u8>(), 0..9);
    let flat = (any::<String>(), any::<String>(), any::<i64>(), metadata(), size(), any::<i64>(), size(), buffers())
        .prop_map(|(name, format, flags, metadata, length, null_count, offset, buffers)| Column {
            name: name.into(),
            format: format.into(),
            flags,
            metadata,
            length,
            null_count,
            offset,
            buffers,
            children: Vec::new(),
            dictionary: None,
        });
    flat.prop_recursive(3, 6, 2, |inner| {
        (inner.clone(), vec(inner.clone(), 0..3), prop::option::of(inner)).prop_map(|(column, children, dictionary)| {
            Column { children, dictionary: dictionary.map(Box::new), ..column }
        })
    })
}

fn file() -> impl Strategy<Value = File> {
    let source = prop_oneof![
        any::<String>().prop_map(|path| FileSource::Path(path.into())),
        window().prop_map(FileSource::Bytes),
    ];
    let mime = prop::option::of("[a-z]{1,8}/[a-z]{1,8}");
    let raw_name = prop::option::of(vec(any::<u8>(), 0..9));
    (source, mime, raw_name).prop_map(|(source, mime, raw_name)| File {
        source,
        mime: mime.map(Into::into),
        raw_name: raw_name.map(Into::into),
    })
}
