// SPDX-License-Identifier: MIT OR Apache-2.0
// Values to documents, as docs/wire.md lays them out: the shortest forms, and payloads of 16 KiB or more in the buffer
// table, where they are not copied. It knows neither handles nor tokens.

#pragma once

#include "decode.hpp"

#include <algorithm>

namespace remotemedia {
namespace detail {

/// Payloads of so many bytes go to the buffer table.
inline constexpr std::size_t inline_below = 16 * 1024;

/// Bytes that grow, with room for a small document that needs no allocation.
class Writer {
  public:
    Writer() = default;
    Writer(const Writer &) = delete;
    Writer &operator=(const Writer &) = delete;

    const std::uint8_t *data() const noexcept {
        return data_;
    }
    std::size_t size() const noexcept {
        return size_;
    }

    /// Makes room for `count` more bytes and returns where they belong.
    std::uint8_t *grow(std::size_t count) {
        if (count > capacity_ - size_) reserve(count);
        std::uint8_t *place = data_ + size_;
        size_ += count;
        return place;
    }
    void byte(std::uint8_t value) {
        *grow(1) = value;
    }
    void bytes(const void *source, std::size_t count) {
        if (count != 0) std::memcpy(grow(count), source, count);
    }
    /// A marker, and a number in big-endian order of `count` bytes.
    void marked(std::uint8_t marker, std::uint64_t number, std::size_t count) {
        std::uint8_t *place = grow(1 + count);
        *place = marker;
        for (std::size_t index = count; index > 0; index--, number >>= 8)
            place[index] = static_cast<std::uint8_t>(number);
    }
    /// Moves what was written from `start` on, so that `count` bytes fit before it, and returns where they belong.
    std::uint8_t *insert(std::size_t start, std::size_t count) {
        const std::size_t moved = size_ - start;
        grow(count);
        std::memmove(data_ + start + count, data_ + start, moved);
        return data_ + start;
    }
    void resize(std::size_t size) noexcept {
        size_ = size;
    }
    std::uint8_t &at(std::size_t place) noexcept {
        return data_[place];
    }

  private:
    void reserve(std::size_t count) {
        const std::size_t capacity = std::max(capacity_ * 2, size_ + count);
        auto heap = std::make_unique_for_overwrite<std::uint8_t[]>(capacity);
        std::memcpy(heap.get(), data_, size_);
        heap_ = std::move(heap);
        data_ = heap_.get();
        capacity_ = capacity;
    }

    std::uint8_t small_[512];
    std::unique_ptr<std::uint8_t[]> heap_;
    std::uint8_t *data_ = small_;
    std::size_t size_ = 0, capacity_ = sizeof small_;
};

/// Text between quotes, for an error: what is no UTF-8 as the numbers of its bytes.
inline std::string quoted(std::string_view text) {
    constexpr char digits[] = "0123456789abcdef";
    const bool is_text = is_utf8(text);
    std::string found = "\"";
    for (const char each : text) {
        const auto byte = static_cast<unsigned char>(each);
        if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !is_text)) {
            found += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
        } else {
            if (each == '"' || each == '\\') found += '\\';
            found += each;
        }
    }
    return found + "\"";
}

/// What can't be written, and the way to it from the value that was to be written.
class Unwritable final : public DocumentError {
  public:
    using DocumentError::DocumentError;

    const std::string &path() const noexcept {
        return path_;
    }
    /// Puts a step before the way.
    void in(const std::string &step) {
        path_.insert(0, step);
    }

  private:
    std::string path_;
};

/// Writes a document piece by piece: each call writes one value, or the head of a list or map whose entries follow.
class Encoder {
  public:
    std::span<const std::uint8_t> document() const noexcept {
        return {out_.data(), out_.size()};
    }
    /// The blocks of the buffer table, in their order.
    const std::vector<SharedBlock> &blocks() const noexcept {
        return blocks_;
    }

    void nil() {
        out_.byte(0xc0);
    }
    void boolean(bool value) {
        out_.byte(value ? 0xc3 : 0xc2);
    }
    void integer(std::int64_t value) {
        if (value >= 0) {
            unsigned_integer(static_cast<std::uint64_t>(value));
        } else if (value >= -32) {
            out_.byte(static_cast<std::uint8_t>(value));
        } else if (value >= INT8_MIN) {
            out_.marked(0xd0, static_cast<std::uint64_t>(value), 1);
        } else if (value >= INT16_MIN) {
            out_.marked(0xd1, static_cast<std::uint64_t>(value), 2);
        } else if (value >= INT32_MIN) {
            out_.marked(0xd2, static_cast<std::uint64_t>(value), 4);
        } else {
            out_.marked(0xd3, static_cast<std::uint64_t>(value), 8);
        }
    }
    void unsigned_integer(std::uint64_t value) {
        if (value < 0x80) {
            out_.byte(static_cast<std::uint8_t>(value));
        } else if (value <= 0xff) {
            out_.marked(0xcc, value, 1);
        } else if (value <= 0xffff) {
            out_.marked(0xcd, value, 2);
        } else if (value <= 0xffffffff) {
            out_.marked(0xce, value, 4);
        } else {
            out_.marked(0xcf, value, 8);
        }
    }
    void floating(double value) {
        out_.marked(0xcb, std::bit_cast<std::uint64_t>(value), 8);
    }
    void text(std::string_view value) {
        if (!is_utf8(value)) {
            throw Unwritable("text is not UTF-8; encode text as UTF-8, and pass bytes as remotemedia::Bytes");
        }
        known_text(value);
    }
    void list(std::size_t length) {
        head(length, 0x90, 0xdc);
    }
    void map(std::size_t length) {
        head(length, 0x80, 0xde);
    }
    /// The head of a list whose length `set_count` sets later; returns its place.
    std::size_t counted_list() {
        const std::size_t place = out_.size();
        out_.marked(0xdc, 0, 2);
        return place;
    }
    /// Sets the length of a list, up to 65,535.
    void set_count(std::size_t place, std::size_t count) {
        out_.at(place + 1) = static_cast<std::uint8_t>(count >> 8);
        out_.at(place + 2) = static_cast<std::uint8_t>(count);
    }
    /// Sets the length of a map of up to 15 entries, whose head is at `place`.
    void set_entries(std::size_t place, std::size_t count) {
        out_.at(place) = static_cast<std::uint8_t>(0x80 | count);
    }
    /// Bytes inside the document, whatever their number.
    void binary(const std::byte *data, std::size_t size) {
        out_.bytes(data, binary_head(size));
    }
    void optional_time(const std::optional<std::int64_t> &value) {
        if (value)
            integer(*value);
        else
            nil();
    }

    /// Writes a value. An error begins with its place, `inputs` for example, and the way from there.
    void value(const Value &value, std::string_view place) {
        placed(place, [&] { write(value, 0); });
    }
    /// The same for a value that is a list.
    void value(const List &values, std::string_view place) {
        placed(place, [&] { items(values, 0); });
    }

    /// Forgets what was written from these places on.
    void rewind(std::size_t size, std::size_t blocks) {
        out_.resize(size);
        blocks_.resize(blocks);
    }

  private:
    template <typename Write> static void placed(std::string_view place, Write &&write) {
        try {
            write();
        } catch (const Unwritable &error) {
            throw DocumentError(std::string(place) + error.path() + ": " + error.what());
        }
    }

    /// Writes a part, which is this step away.
    template <typename Write> static void within(const char *step, Write &&write) {
        try {
            write();
        } catch (Unwritable &error) {
            error.in(step);
            throw;
        }
    }

    /// Writes the parts of a list in their order.
    template <typename Parts, typename Write> static void each(const Parts &parts, Write &&write) {
        std::size_t index = 0;
        try {
            for (; index < parts.size(); index++) write(parts[index]);
        } catch (Unwritable &error) {
            error.in("[" + std::to_string(index) + "]");
            throw;
        }
    }

    /// The step to the entry of a key: `.key`, or `["a key"]`.
    static std::string step_to(const std::string &key) {
        const auto is_plain = [](char each) {
            return each == '_' || (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') ||
                   (each >= '0' && each <= '9');
        };
        const bool is_name = !key.empty() && !(key[0] >= '0' && key[0] <= '9') && std::ranges::all_of(key, is_plain);
        return is_name ? "." + key : "[" + quoted(key) + "]";
    }

    /// Writes text that is UTF-8.
    void known_text(std::string_view value) {
        const std::uint64_t length = checked(value.size());
        if (length < 32) {
            out_.byte(static_cast<std::uint8_t>(0xa0 | length));
        } else if (length <= 0xff) {
            out_.marked(0xd9, length, 1);
        } else if (length <= 0xffff) {
            out_.marked(0xda, length, 2);
        } else {
            out_.marked(0xdb, length, 4);
        }
        out_.bytes(value.data(), value.size());
    }

    void write(const Value &value, std::size_t depth) {
        std::visit(
            [this, depth]<typename T>(const T &held) {
                if constexpr (std::same_as<T, std::monostate>)
                    nil();
                else if constexpr (std::same_as<T, bool>)
                    boolean(held);
                else if constexpr (std::same_as<T, std::int64_t>)
                    integer(held);
                else if constexpr (std::same_as<T, std::uint64_t>)
                    unsigned_integer(held);
                else if constexpr (std::same_as<T, double>)
                    floating(held);
                else if constexpr (std::same_as<T, std::string>)
                    text(held);
                else if constexpr (std::same_as<T, List>)
                    items(held, depth);
                else if constexpr (std::same_as<T, Map>)
                    entries(held, depth);
                else if constexpr (std::same_as<T, Bytes>)
                    bytes(held);
                else if constexpr (std::same_as<T, Timestamp>)
                    timestamp(held);
                else
                    media(*held);
            },
            value.variant());
    }

    void items(const List &items, std::size_t depth) {
        check_depth(depth);
        list(items.size());
        each(items, [&](const Value &item) { write(item, depth + 1); });
    }

    void entries(const Map &entries, std::size_t depth) {
        check_depth(depth);
        check_keys(entries);
        map(entries.size());
        auto entry = entries.begin();
        try {
            for (; entry != entries.end(); ++entry) {
                known_text(entry->first);
                write(entry->second, depth + 1);
            }
        } catch (Unwritable &error) {
            error.in(step_to(entry->first));
            throw;
        }
    }

    static void check_depth(std::size_t depth) {
        if (depth >= 512) throw Unwritable("lists and maps are nested deeper than 512; flatten the value");
    }

    static void check_keys(const Map &entries) {
        constexpr std::size_t compared = 16;
        std::unordered_set<std::string_view> keys;
        for (auto entry = entries.begin(); entry != entries.end(); ++entry) {
            if (!is_utf8(entry->first)) {
                throw Unwritable("the key " + quoted(entry->first) + " is not UTF-8; encode text as UTF-8");
            }
            bool is_repeated = false;
            if (entries.size() > compared)
                is_repeated = !keys.insert(entry->first).second;
            else {
                for (auto other = entries.begin(); other != entry; ++other) is_repeated |= other->first == entry->first;
            }
            if (is_repeated) throw Unwritable("the key " + quoted(entry->first) + " appears twice; give each key once");
        }
    }

    static std::uint64_t checked(std::size_t length) {
        if (length > UINT32_MAX) throw Unwritable("a value is 4 GiB or more; pass it in parts");
        return length;
    }

    void head(std::size_t length, std::uint8_t short_marker, std::uint8_t long_marker) {
        const std::uint64_t found = checked(length);
        if (found < 16) {
            out_.byte(static_cast<std::uint8_t>(short_marker | found));
        } else if (found <= 0xffff) {
            out_.marked(long_marker, found, 2);
        } else {
            out_.marked(static_cast<std::uint8_t>(long_marker + 1), found, 4);
        }
    }

    /// Returns the size, for what follows.
    std::size_t binary_head(std::size_t size) {
        const std::uint64_t found = checked(size);
        if (found <= 0xff) {
            out_.marked(0xc4, found, 1);
        } else if (found <= 0xffff) {
            out_.marked(0xc5, found, 2);
        } else {
            out_.marked(0xc6, found, 4);
        }
        return size;
    }

    /// Puts the head of an extension value before the payload that was written from `start` on.
    void extension(std::size_t start, std::int8_t code) {
        const std::uint64_t size = checked(out_.size() - start);
        std::uint8_t head[6];
        std::size_t count = 1;
        if (size <= 16 && std::has_single_bit(size)) {
            head[0] = static_cast<std::uint8_t>(0xd4 + std::countr_zero(size));
        } else {
            const std::size_t width = size <= 0xff ? 1 : size <= 0xffff ? 2 : 4;
            head[0] = static_cast<std::uint8_t>(0xc7 + std::countr_zero(width));
            for (std::size_t index = 0; index < width; index++) {
                head[count++] = static_cast<std::uint8_t>(size >> (8 * (width - 1 - index)));
            }
        }
        head[count++] = static_cast<std::uint8_t>(code);
        std::memcpy(out_.insert(start, count), head, count);
    }

    void timestamp(const Timestamp &time) {
        if (time.nanoseconds > 999'999'999) {
            throw Unwritable("the nanoseconds of a timestamp are 0 to 999999999; carry the rest over to its seconds");
        }
        const std::size_t start = out_.size();
        const auto seconds = static_cast<std::uint64_t>(time.seconds);
        if (time.nanoseconds == 0 && seconds <= UINT32_MAX) {
            number(seconds, 4);
        } else if (seconds < (std::uint64_t{1} << 34)) {
            number(std::uint64_t{time.nanoseconds} << 34 | seconds, 8);
        } else {
            number(time.nanoseconds, 4);
            number(seconds, 8);
        }
        extension(start, -1);
    }

    void number(std::uint64_t value, std::size_t count) {
        std::uint8_t *place = out_.grow(count);
        for (std::size_t index = count; index > 0; index--, value >>= 8)
            place[index - 1] = static_cast<std::uint8_t>(value);
    }

    void bytes(const Bytes &value) {
        if (value.size() < inline_below) {
            binary(value.data(), value.size());
            return;
        }
        const std::size_t start = out_.size();
        part(value);
        extension(start, 6);
    }

    /// `[index, offset, length]`
    void part(const Bytes &value) {
        list(3);
        index(value);
        unsigned_integer(value.offset());
        unsigned_integer(value.size());
    }

    /// The index of the block of these bytes, which is appended to the table if it is not there.
    void index(const Bytes &value) {
        const SharedBlock &block = value.block();
        for (std::size_t found = 0; found < blocks_.size(); found++) {
            if (blocks_[found] == block) return unsigned_integer(found);
        }
        unsigned_integer(blocks_.size());
        blocks_.push_back(block);
    }

    void optional_text(const std::optional<std::string> &value) {
        if (value)
            text(*value);
        else
            nil();
    }

    void media(const Tensor &tensor);
    void media(const Audio &audio);
    void media(const Video &video);
    void media(const Table &table);
    void media(const File &file);
    void columns(const std::vector<Column> &columns, std::size_t depth);
    void column(const Column &column, std::size_t depth);

    Writer out_;
    std::vector<SharedBlock> blocks_;
};

inline void Encoder::media(const Tensor &tensor) {
    if (const char *problem = tensor.problem()) throw Unwritable(std::string(problem) + "; correct the tensor");
    const std::size_t start = out_.size(), count = tensor.element_count();
    const auto size = product(count, size_of(tensor.type));
    list(5);
    text(name_of(tensor.type));
    list(tensor.shape.size());
    for (std::size_t extent : tensor.shape) unsigned_integer(extent);
    if (size && *size < inline_below) {
        nil();
        binary_head(*size);
        if (*size != 0) tensor.gather(reinterpret_cast<std::byte *>(out_.grow(*size)));
        unsigned_integer(0);
    } else {
        if (tensor.is_contiguous()) {
            nil();
        } else {
            list(tensor.strides->size());
            for (std::int64_t stride : *tensor.strides) integer(stride);
        }
        index(tensor.data);
        unsigned_integer(tensor.data.offset() + tensor.offset);
    }
    extension(start, 1);
}

inline void Encoder::media(const Audio &audio) {
    if (const char *problem = audio.problem()) throw Unwritable(std::string(problem) + "; correct the audio");
    const std::size_t start = out_.size(), row = audio.frames * sizeof(float), size = row * audio.channels;
    list(8);
    unsigned_integer(audio.rate);
    within(".layout", [&] { optional_text(audio.layout); });
    optional_time(audio.pts);
    unsigned_integer(audio.channels);
    unsigned_integer(audio.frames);
    if (size < inline_below) {
        unsigned_integer(row);
        binary_head(size);
        for (std::size_t channel = 0; channel < audio.channels && row != 0; channel++) {
            out_.bytes(audio.data.data() + audio.offset + channel * audio.channel_stride, row);
        }
        unsigned_integer(0);
    } else {
        unsigned_integer(audio.channel_stride);
        index(audio.data);
        unsigned_integer(audio.data.offset() + audio.offset);
    }
    extension(start, 2);
}

inline void Encoder::media(const Video &video) {
    const std::size_t start = out_.size();
    const auto sizes = Video::sizes(video.format, video.width, video.height);
    if (video.planes.size() != sizes.size()) throw Unwritable("a picture has each plane of its format; add what lacks");
    list(5);
    text(name_of(video.format));
    unsigned_integer(video.width);
    unsigned_integer(video.height);
    optional_time(video.pts);
    list(sizes.size());
    for (std::size_t number = 0; number < sizes.size(); number++) {
        const Video::Plane &plane = video.planes[number];
        const auto extent = Video::extent(sizes[number], plane.stride);
        const bool overlaps = sizes[number].rows > 1 && plane.stride < sizes[number].row_bytes;
        if (overlaps || !extent || *extent > plane.data.size()) {
            throw Unwritable("a plane of the picture reaches past its data; correct its stride or its data");
        }
        list(3);
        if (*extent < inline_below) {
            binary(plane.data.data(), *extent);
            unsigned_integer(0);
        } else {
            index(plane.data);
            unsigned_integer(plane.data.offset());
        }
        unsigned_integer(plane.stride);
    }
    extension(start, 3);
}

inline void Encoder::media(const Table &table) {
    const std::size_t start = out_.size();
    list(3);
    unsigned_integer(table.rows);
    binary(table.metadata.data(), table.metadata.size());
    within(".columns", [&] { columns(table.columns, 0); });
    extension(start, 4);
}

inline void Encoder::columns(const std::vector<Column> &columns, std::size_t depth) {
    check_depth(depth);
    list(columns.size());
    each(columns, [&](const Column &found) { column(found, depth); });
}

inline void Encoder::column(const Column &column, std::size_t depth) {
    check_depth(depth);
    list(10);
    within(".name", [&] { text(column.name); });
    within(".format", [&] { text(column.format); });
    integer(column.flags);
    binary(column.metadata.data(), column.metadata.size());
    unsigned_integer(column.length);
    integer(column.null_count);
    unsigned_integer(column.offset);
    list(column.buffers.size());
    for (const auto &buffer : column.buffers) {
        if (!buffer) {
            nil();
        } else if (buffer->size() < inline_below) {
            binary(buffer->data(), buffer->size());
        } else if (buffer->size() == buffer->block()->size) {
            index(*buffer);
        } else {
            part(*buffer);
        }
    }
    within(".children", [&] { columns(column.children, depth + 1); });
    if (column.dictionary)
        within(".dictionary", [&] { this->column(*column.dictionary, depth + 1); });
    else
        nil();
}

inline void Encoder::media(const File &file) {
    if (file.path.has_value() == file.content.has_value()) {
        throw Unwritable("a file has either a path or its content; leave one of them out");
    }
    const std::size_t start = out_.size();
    list(5);
    within(".path", [&] { optional_text(file.path); });
    within(".mime", [&] { optional_text(file.mime); });
    if (!file.content) {
        nil();
        unsigned_integer(0);
        unsigned_integer(0);
    } else if (file.content->size() < inline_below) {
        binary(file.content->data(), file.content->size());
        unsigned_integer(0);
        unsigned_integer(file.content->size());
    } else {
        index(*file.content);
        unsigned_integer(file.content->offset());
        unsigned_integer(file.content->size());
    }
    extension(start, 5);
}

} // namespace detail

/// A document of one value: its bytes, and the blocks to which they refer.
struct Document {
    std::vector<std::uint8_t> bytes;
    std::vector<SharedBlock> blocks;
};

/// Writes a document of one value.
inline Document encode(const Value &value) {
    detail::Encoder encoder;
    encoder.value(value, "value");
    return {{encoder.document().begin(), encoder.document().end()}, encoder.blocks()};
}

} // namespace remotemedia
