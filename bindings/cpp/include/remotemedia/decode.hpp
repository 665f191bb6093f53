// SPDX-License-Identifier: MIT OR Apache-2.0
// Documents to values, as docs/wire.md lays them out. No number in a document is trusted: a declared length counts only
// as far as bytes are there for it, and every view is checked against its memory. It knows neither handles nor tokens.

#pragma once

#include "error.hpp"

#include <unordered_set>

namespace remotemedia {

/// Bounds of what a decoder accepts.
struct Limits {
    /// Lists and maps inside each other; more than 512 counts as that.
    std::size_t depth = 128;
    /// Entries of all lists and maps together.
    std::size_t items = 10'000'000;
    /// Bytes of the document without its buffers.
    std::size_t document_bytes = std::size_t{256} << 20;
    /// Entries of the buffer table.
    std::size_t buffers = 65'536;
    /// Bytes of a tensor or audio laid out in full, where that is more than its data.
    std::size_t extent_bytes = std::size_t{256} << 20;
};

namespace detail {

/// The number of bytes of the UTF-8 character at the beginning of these bytes, of which there is one at least; 0 if
/// they begin with none: overlong forms, surrogates and what is above U+10FFFF are none.
inline std::size_t utf8_length(const unsigned char *at, const unsigned char *end) noexcept {
    const unsigned char first = *at;
    if (first < 0x80) return 1;
    std::size_t length;
    unsigned char low = 0x80, high = 0xbf;
    if (first >= 0xc2 && first <= 0xdf)
        length = 2;
    else if (first >= 0xe0 && first <= 0xef) {
        length = 3;
        if (first == 0xe0) low = 0xa0;
        if (first == 0xed) high = 0x9f;
    } else if (first >= 0xf0 && first <= 0xf4) {
        length = 4;
        if (first == 0xf0) low = 0x90;
        if (first == 0xf4) high = 0x8f;
    } else {
        return 0;
    }
    if (static_cast<std::size_t>(end - at) < length) return 0;
    for (std::size_t index = 1; index < length; index++, low = 0x80, high = 0xbf) {
        if (at[index] < low || at[index] > high) return 0;
    }
    return length;
}

/// Whether bytes are UTF-8.
inline bool is_utf8(std::string_view text) noexcept {
    const auto *at = reinterpret_cast<const unsigned char *>(text.data()), *end = at + text.size();
    while (at != end) {
        if (end - at >= 8) {
            std::uint64_t word;
            std::memcpy(&word, at, 8);
            if ((word & 0x8080808080808080u) == 0) {
                at += 8;
                continue;
            }
        }
        const std::size_t length = utf8_length(at, end);
        if (length == 0) return false;
        at += length;
    }
    return true;
}

/// The beginning of a msgpack value: its kind, and its number, its bits, or its length.
struct Head {
    enum Kind { nil, boolean, integer, large_integer, floating, text, binary, list, map, extension } kind;
    /// An int as its two's complement, a float as its bits, a bool as 0 or 1, else the length.
    std::uint64_t number = 0;
    /// Of an extension.
    std::int8_t code = 0;
};

/// Reads a document from its beginning to its end.
class Decoder {
  public:
    Decoder(const std::uint8_t *data, std::size_t size, std::span<const SharedBlock> blocks, const Limits &limits)
        : begin_(data), at_(data), end_(data + size), blocks_(blocks), limits_(limits), items_left_(limits.items),
          depth_limit_(std::min<std::size_t>(limits.depth, 512)) {
        if (size > limits.document_bytes) fail("the document is larger than the limit document_bytes");
        if (blocks.size() > limits.buffers) fail("the buffer table is longer than the limit buffers");
    }

    /// Checks that nothing follows.
    void finish() {
        if (at_ != end_) fail("there is more after the end of the value");
    }

    std::size_t left() const noexcept {
        return static_cast<std::size_t>(end_ - at_);
    }

    Value value(std::size_t depth = 0) {
        return value_of(head(), depth);
    }

    /// The length of a list or map, for a document that is read piece by piece.
    std::size_t open(Head::Kind kind, const char *what) {
        const Head found = head();
        if (found.kind != kind) fail(what);
        return checked_length(found.number, kind == Head::map ? 2 : 1);
    }

    std::uint64_t number(const char *what) {
        const Head found = head();
        const bool is_number = found.kind == Head::large_integer ||
                               (found.kind == Head::integer && static_cast<std::int64_t>(found.number) >= 0);
        if (!is_number) fail(what);
        return found.number;
    }

    std::string_view text() {
        const Head found = head();
        if (found.kind != Head::text) fail("a key of a map is not text");
        return text_of(found.number);
    }

    Head head() {
        const std::uint8_t byte = take_byte();
        if (byte < 0x80) return {Head::integer, byte};
        if (byte >= 0xe0) return {Head::integer, static_cast<std::uint64_t>(static_cast<std::int8_t>(byte))};
        if (byte < 0x90) return {Head::map, byte & 0x0fu};
        if (byte < 0xa0) return {Head::list, byte & 0x0fu};
        if (byte < 0xc0) return {Head::text, byte & 0x1fu};
        switch (byte) {
        case 0xc0:
            return {Head::nil};
        case 0xc2:
        case 0xc3:
            return {Head::boolean, byte & 1u};
        case 0xc4:
        case 0xc5:
        case 0xc6:
            return {Head::binary, big_endian(std::size_t{1} << (byte - 0xc4))};
        case 0xc7:
        case 0xc8:
        case 0xc9: {
            const std::uint64_t length = big_endian(std::size_t{1} << (byte - 0xc7));
            return {Head::extension, length, static_cast<std::int8_t>(take_byte())};
        }
        case 0xca: {
            const auto bits = static_cast<std::uint32_t>(big_endian(4));
            return {Head::floating, widened(bits)};
        }
        case 0xcb:
            return {Head::floating, big_endian(8)};
        case 0xcc:
        case 0xcd:
        case 0xce:
        case 0xcf: {
            const std::uint64_t number = big_endian(std::size_t{1} << (byte - 0xcc));
            return {number > static_cast<std::uint64_t>(INT64_MAX) ? Head::large_integer : Head::integer, number};
        }
        case 0xd0:
            return {Head::integer, static_cast<std::uint64_t>(static_cast<std::int8_t>(big_endian(1)))};
        case 0xd1:
            return {Head::integer, static_cast<std::uint64_t>(static_cast<std::int16_t>(big_endian(2)))};
        case 0xd2:
            return {Head::integer, static_cast<std::uint64_t>(static_cast<std::int32_t>(big_endian(4)))};
        case 0xd3:
            return {Head::integer, big_endian(8)};
        case 0xd4:
        case 0xd5:
        case 0xd6:
        case 0xd7:
        case 0xd8:
            return {Head::extension, std::uint64_t{1} << (byte - 0xd4), static_cast<std::int8_t>(take_byte())};
        case 0xd9:
        case 0xda:
        case 0xdb:
            return {Head::text, big_endian(std::size_t{1} << (byte - 0xd9))};
        case 0xdc:
        case 0xdd:
            return {Head::list, big_endian(std::size_t{2} << (byte - 0xdc))};
        case 0xde:
        case 0xdf:
            return {Head::map, big_endian(std::size_t{2} << (byte - 0xde))};
        default:
            fail("the byte 0xc1 begins no msgpack value");
        }
    }

    Value value_of(const Head &head, std::size_t depth) {
        switch (head.kind) {
        case Head::nil:
            return {};
        case Head::boolean:
            return Value(head.number != 0);
        case Head::integer:
            return Value(static_cast<std::int64_t>(head.number));
        case Head::large_integer:
            return Value(head.number);
        case Head::floating:
            return Value(std::bit_cast<double>(head.number));
        case Head::text:
            return Value(text_of(head.number));
        case Head::binary:
            return Value(Bytes::copy(std::span(take(head.number), static_cast<std::size_t>(head.number))));
        case Head::list:
            return Value(items(head.number, depth));
        case Head::map:
            return Value(entries(head.number, depth));
        case Head::extension:
            return extension(head);
        }
        fail("the value has no kind");
    }

    [[noreturn]] void fail(const char *what) const {
        throw DocumentError("the document can't be read, at byte " + std::to_string(at_ - begin_) + ": " + what +
                            "; send one that docs/wire.md describes");
    }

  private:
    List items(std::uint64_t declared, std::size_t depth) {
        const std::size_t count = enter(declared, 1, depth);
        List items;
        items.reserve(depth < 2 ? count : std::min<std::size_t>(count, 1024));
        for (std::size_t index = 0; index < count; index++) items.push_back(value(depth + 1));
        return items;
    }

    Map entries(std::uint64_t declared, std::size_t depth) {
        const std::size_t count = enter(declared, 2, depth);
        // A list of keys is searched from its beginning while it is short.
        constexpr std::size_t searched = 16;
        std::unordered_set<std::string> keys;
        Map map;
        map.reserve(std::min<std::size_t>(count, depth < 2 ? 65'536 : 64));
        for (std::size_t index = 0; index < count; index++) {
            std::string key(text());
            const bool is_repeated = count <= searched ? map.contains(key) : !keys.insert(key).second;
            if (is_repeated) fail("a key of a map appears twice");
            map.append(std::move(key), value(depth + 1));
        }
        return map;
    }

    std::size_t enter(std::uint64_t declared, std::size_t least_bytes, std::size_t depth) {
        if (depth >= depth_limit_) fail("lists and maps are nested deeper than the limit depth");
        const std::size_t count = checked_length(declared, least_bytes);
        if (count > items_left_) fail("there are more entries than the limit items");
        items_left_ -= count;
        return count;
    }

    std::size_t checked_length(std::uint64_t declared, std::size_t least_bytes) const {
        if (declared > left() / least_bytes) fail("a list or map goes past the end");
        return static_cast<std::size_t>(declared);
    }

    std::string_view text_of(std::uint64_t length) {
        const std::uint8_t *bytes = take(length);
        const std::string_view text(reinterpret_cast<const char *>(bytes), static_cast<std::size_t>(length));
        if (!is_utf8(text)) fail("text is not UTF-8");
        return text;
    }

    std::uint8_t take_byte() {
        if (at_ == end_) fail("a value goes past the end");
        return *at_++;
    }

    const std::uint8_t *take(std::uint64_t count) {
        if (count > left()) fail("text, bytes or an extension value go past the end");
        const std::uint8_t *found = at_;
        at_ += count;
        return found;
    }

    std::uint64_t big_endian(std::size_t count) {
        if (count > left()) fail("a value goes past the end");
        std::uint64_t number = 0;
        for (std::size_t index = 0; index < count; index++) number = number << 8 | *at_++;
        return number;
    }

    /// The bits of a float of 32 bits as one of 64; the bits of a NaN are kept, which a conversion would quieten.
    static std::uint64_t widened(std::uint32_t bits) {
        if ((bits & 0x7f800000u) == 0x7f800000u) {
            return (std::uint64_t{bits & 0x80000000u} << 32) | 0x7ff0000000000000u |
                   (std::uint64_t{bits & 0x7fffffu} << 29);
        }
        return std::bit_cast<std::uint64_t>(static_cast<double>(std::bit_cast<float>(bits)));
    }

    Value extension(const Head &head);
    Value timestamp(std::uint64_t length);
    Value tensor();
    Value audio();
    Value video();
    Value table();
    Value file();
    Value bytes();
    std::vector<Column> columns(std::size_t depth);
    Column column(std::size_t depth);

    void open_fields(std::size_t expected) {
        if (open(Head::list, "the payload of an extension value is not a list") != expected) {
            fail("the payload of an extension value has another number of fields");
        }
    }

    std::size_t size_field() {
        const Head found = head();
        if (found.kind != Head::integer || static_cast<std::int64_t>(found.number) < 0) {
            fail("a size, offset or index is no integer from 0 to 2^63-1");
        }
        return static_cast<std::size_t>(found.number);
    }

    std::uint32_t u32_field() {
        const std::size_t found = size_field();
        if (found > UINT32_MAX) fail("a field is no integer from 0 to 2^32-1");
        return static_cast<std::uint32_t>(found);
    }

    std::int64_t signed_field() {
        const Head found = head();
        if (found.kind != Head::integer) fail("a field is no integer of 64 bits with sign");
        return static_cast<std::int64_t>(found.number);
    }

    std::optional<std::int64_t> optional_signed_field() {
        const Head found = head();
        if (found.kind == Head::nil) return std::nullopt;
        if (found.kind != Head::integer) fail("a time is neither nil nor an integer of 64 bits with sign");
        return static_cast<std::int64_t>(found.number);
    }

    std::string text_field() {
        const Head found = head();
        if (found.kind != Head::text) fail("a field is not text");
        return std::string(text_of(found.number));
    }

    std::optional<std::string> optional_text_field() {
        const Head found = head();
        if (found.kind == Head::nil) return std::nullopt;
        if (found.kind != Head::text) fail("a field is neither nil nor text");
        return std::string(text_of(found.number));
    }

    Bytes binary_of(const Head &found) {
        if (found.kind != Head::binary) fail("a field is not bytes");
        return Bytes::copy(std::span(take(found.number), static_cast<std::size_t>(found.number)));
    }

    Bytes entry(std::uint64_t index) const {
        if (index >= blocks_.size()) fail("the document refers to a buffer that the table does not have");
        const SharedBlock &block = blocks_[static_cast<std::size_t>(index)];
        return Bytes(block, 0, block->size);
    }

    Bytes data_of(const Head &found) {
        if (found.kind == Head::large_integer) return entry(found.number);
        if (found.kind == Head::integer && static_cast<std::int64_t>(found.number) >= 0) return entry(found.number);
        if (found.kind != Head::binary) fail("data are neither bytes nor the index of a buffer");
        return binary_of(found);
    }

    Bytes part_of(const Bytes &whole, std::size_t offset, std::size_t size) const {
        if (offset > whole.size() || size > whole.size() - offset) fail("a value reaches past the end of its buffer");
        return whole.part(offset, size);
    }

    /// Refuses a large array on little memory, which strides of 0 allow.
    void check_extent(WideUnsigned found, std::size_t held) const {
        if (found > held && found > limits_.extent_bytes)
            fail("an array laid out in full exceeds the limit extent_bytes");
    }

    const std::uint8_t *begin_, *at_, *end_;
    std::span<const SharedBlock> blocks_;
    const Limits &limits_;
    std::size_t items_left_, depth_limit_;
};

} // namespace detail

/// Reads a document of one value.
inline Value decode(std::span<const std::uint8_t> document, std::span<const SharedBlock> blocks = {},
                    const Limits &limits = {}) {
    detail::Decoder decoder(document.data(), document.size(), blocks, limits);
    Value value = decoder.value();
    decoder.finish();
    return value;
}

} // namespace remotemedia

#include "decode_media.hpp"
