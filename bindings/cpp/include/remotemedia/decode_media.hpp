// SPDX-License-Identifier: MIT OR Apache-2.0
// The payloads of extension types to timestamps and media values. Part of decode.hpp.

#pragma once

#include "decode.hpp"

namespace remotemedia::detail {

inline Value Decoder::extension(const Head &head) {
    const std::uint8_t *payload = take(head.number);
    const std::uint8_t *rest = at_, *end = end_;
    at_ = payload;
    end_ = rest;
    Value value;
    switch (head.code) {
    case -1:
        value = timestamp(head.number);
        break;
    case 1:
        value = tensor();
        break;
    case 2:
        value = audio();
        break;
    case 3:
        value = video();
        break;
    case 4:
        value = table();
        break;
    case 5:
        value = file();
        break;
    case 6:
        value = bytes();
        break;
    default:
        fail("the extension type is not known");
    }
    if (at_ != end_) fail("there is more after the last field of an extension value");
    at_ = rest;
    end_ = end;
    return value;
}

inline Value Decoder::timestamp(std::uint64_t length) {
    Timestamp time;
    if (length == 4) {
        time.seconds = static_cast<std::int64_t>(big_endian(4));
    } else if (length == 8) {
        const std::uint64_t bits = big_endian(8);
        time = {static_cast<std::int64_t>(bits & 0x3ffffffffu), static_cast<std::uint32_t>(bits >> 34)};
    } else if (length == 12) {
        time.nanoseconds = static_cast<std::uint32_t>(big_endian(4));
        time.seconds = static_cast<std::int64_t>(big_endian(8));
    } else {
        fail("a timestamp has 4, 8 or 12 bytes");
    }
    if (time.nanoseconds > 999'999'999) fail("the nanoseconds of a timestamp are 0 to 999999999");
    return Value(time);
}

inline Value Decoder::tensor() {
    open_fields(5);
    Tensor tensor;
    const auto type = data_type_named(text_field());
    if (!type) fail("the dtype of a tensor is the name of a data type such as float32");
    tensor.type = *type;
    const std::size_t dimensions = open(Head::list, "the shape of a tensor is a list");
    if (dimensions > 64) fail("a tensor has at most 64 dimensions");
    for (std::size_t axis = 0; axis < dimensions; axis++) tensor.shape.push_back(size_field());
    const Head strides = head();
    if (strides.kind == Head::list && strides.number == dimensions) {
        tensor.strides.emplace();
        for (std::size_t axis = 0; axis < dimensions; axis++) tensor.strides->push_back(signed_field());
    } else if (strides.kind != Head::nil) {
        fail("the strides of a tensor are nil or as many as its sizes");
    }
    tensor.data = data_of(head());
    tensor.offset = size_field();
    // Strides of 0 let few bytes stand for more elements than an address can count.
    WideUnsigned count = 1;
    bool is_empty = false;
    for (std::size_t extent : tensor.shape) is_empty |= extent == 0;
    for (std::size_t axis = 0; axis < dimensions && !is_empty; axis++) {
        count *= tensor.shape[axis];
        if (count > static_cast<WideUnsigned>(INT64_MAX)) fail("a tensor has more elements than there are addresses");
    }
    if (const char *problem = tensor.problem()) fail(problem);
    if (is_empty) {
        tensor.strides.reset();
        tensor.offset = 0;
    } else {
        check_extent(count * size_of(tensor.type), tensor.data.size());
    }
    return Value(std::move(tensor));
}

inline Value Decoder::audio() {
    open_fields(8);
    Audio audio;
    audio.rate = u32_field();
    audio.layout = optional_text_field();
    audio.pts = optional_signed_field();
    audio.channels = size_field();
    audio.frames = size_field();
    audio.channel_stride = size_field();
    audio.data = data_of(head());
    audio.offset = size_field();
    if (const char *problem = audio.problem()) fail(problem);
    check_extent(static_cast<WideUnsigned>(audio.channels) * audio.frames * 4, audio.data.size());
    const bool is_aligned = (reinterpret_cast<std::uintptr_t>(audio.data.data()) + audio.offset) % 4 == 0 &&
                            (audio.channel_stride % 4 == 0 || audio.channels == 1);
    if (!is_aligned && audio.frames != 0) {
        const std::size_t row = audio.frames * 4;
        auto [block, place] = new_block(row * audio.channels);
        for (std::size_t channel = 0; channel < audio.channels; channel++) {
            std::memcpy(place + channel * row, audio.data.data() + audio.offset + channel * audio.channel_stride, row);
        }
        audio.data = Bytes(std::move(block), 0, row * audio.channels);
        audio.offset = 0;
        audio.channel_stride = row;
    }
    return Value(std::move(audio));
}

inline Value Decoder::video() {
    open_fields(5);
    Video video;
    const auto format = pixel_format_named(text_field());
    if (!format) fail("the format of a picture is gray, rgb24, rgba, yuv420p or nv12");
    video.format = *format;
    video.width = u32_field();
    video.height = u32_field();
    video.pts = optional_signed_field();
    const auto sizes = Video::sizes(*format, video.width, video.height);
    if (open(Head::list, "the planes of a picture are a list") != sizes.size()) {
        fail("a picture has each plane of its format");
    }
    for (const Video::Size &size : sizes) {
        open_fields(3);
        const Bytes whole = data_of(head());
        const std::size_t offset = size_field(), stride = size_field();
        if (size.rows > 1 && stride < size.row_bytes) fail("the stride of a plane is at least the bytes of a row");
        const auto extent = Video::extent(size, stride);
        if (!extent) fail("a plane reaches past the end of its buffer");
        video.planes.push_back({part_of(whole, offset, *extent), stride});
    }
    return Value(std::move(video));
}

inline Value Decoder::table() {
    open_fields(3);
    Table table;
    table.rows = size_field();
    table.metadata = binary_of(head());
    table.columns = columns(1);
    return Value(std::move(table));
}

inline std::vector<Column> Decoder::columns(std::size_t depth) {
    const std::size_t count = open(Head::list, "columns are a list");
    std::vector<Column> columns;
    for (std::size_t index = 0; index < count; index++) {
        open_fields(10);
        columns.push_back(column(depth));
    }
    return columns;
}

inline Column Decoder::column(std::size_t depth) {
    if (depth > depth_limit_) fail("columns are nested deeper than the limit depth");
    Column column;
    column.name = text_field();
    column.format = text_field();
    column.flags = signed_field();
    column.metadata = binary_of(head());
    column.length = size_field();
    column.null_count = signed_field();
    column.offset = size_field();
    const std::size_t count = open(Head::list, "the buffers of a column are a list");
    for (std::size_t index = 0; index < count; index++) {
        const Head found = head();
        if (found.kind == Head::nil) {
            column.buffers.emplace_back();
        } else if (found.kind == Head::list && found.number == 3) {
            const Bytes whole = entry(size_field());
            const std::size_t offset = size_field(), size = size_field();
            column.buffers.emplace_back(part_of(whole, offset, size));
        } else {
            column.buffers.emplace_back(data_of(found));
        }
    }
    column.children = columns(depth + 1);
    const Head dictionary = head();
    if (dictionary.kind == Head::list && dictionary.number == 10) {
        column.dictionary = std::make_shared<const Column>(this->column(depth + 1));
    } else if (dictionary.kind != Head::nil) {
        fail("the dictionary of a column is nil or a list of 10 fields");
    }
    return column;
}

inline Value Decoder::file() {
    open_fields(5);
    File file;
    file.path = optional_text_field();
    file.mime = optional_text_field();
    const Head found = head();
    std::optional<Bytes> content;
    if (found.kind != Head::nil) content = data_of(found);
    const std::size_t offset = size_field(), size = size_field();
    if (file.path.has_value() == content.has_value()) fail("a file has either a path or its content");
    if (content) file.content = part_of(*content, offset, size);
    return Value(std::move(file));
}

inline Value Decoder::bytes() {
    open_fields(3);
    const Bytes whole = entry(size_field());
    const std::size_t offset = size_field(), size = size_field();
    return Value(part_of(whole, offset, size));
}

} // namespace remotemedia::detail
