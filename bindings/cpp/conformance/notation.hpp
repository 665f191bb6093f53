// SPDX-License-Identifier: MIT OR Apache-2.0
// The neutral notation of the suite: bytes, text and values as JSON, turned into those of the host.

#pragma once

#include "cases.hpp"

#include <charconv>

namespace notation {

inline void append_key(std::string &out, std::size_t number) {
    const std::string digits = std::to_string(number);
    out += std::string(5 - digits.size(), '0') + digits;
}

inline std::string bytes_of_hex(std::string_view hex) {
    std::string bytes;
    for (std::size_t place = 0; place < hex.size(); place += 2) {
        bytes += static_cast<char>(std::stoi(std::string(hex.substr(place, 2)), nullptr, 16));
    }
    return bytes;
}

/// Bytes: hexadecimal text, repeated text, or the entries of a map.
inline std::string bytes(const rm::Value &parts) {
    std::string out;
    for (const rm::Value &part : parts.as<rm::List>()) {
        if (const auto *text = part.get_if<std::string>()) {
            out += bytes_of_hex(*text);
        } else if (const auto *list = part.get_if<rm::List>()) {
            const std::string one = bytes_of_hex((*list)[0].as<std::string>());
            for (std::size_t count = (*list)[1].as<std::size_t>(); count > 0; count--) out += one;
        } else {
            for (std::size_t number = 0; number < part["keys"].as<std::size_t>(); number++) {
                out += '\xa5';
                append_key(out, number);
                out += '\xc0';
            }
        }
    }
    return out;
}

/// Text: itself, repeated text, or the entries of a map.
inline std::string text(const rm::Value &parts) {
    std::string out;
    for (const rm::Value &part : parts.as<rm::List>()) {
        if (const auto *text = part.get_if<std::string>()) {
            out += *text;
        } else if (const auto *list = part.get_if<rm::List>()) {
            for (std::size_t count = (*list)[1].as<std::size_t>(); count > 0; count--)
                out += (*list)[0].as<std::string>();
        } else {
            for (std::size_t number = 0; number < part["keys"].as<std::size_t>(); number++) {
                if (number > 0) out += ',';
                out += '"';
                append_key(out, number);
                out += "\":null";
            }
        }
    }
    return out;
}

/// Units of UTF-16 as the bytes that a careless program makes of them: half a pair as three bytes.
inline std::string utf16(const std::string &units) {
    std::string out;
    const auto unit = [&units](std::size_t place) {
        return static_cast<std::uint32_t>(std::stoul(units.substr(place, 4), nullptr, 16));
    };
    for (std::size_t place = 0; place < units.size(); place += 4) {
        std::uint32_t code = unit(place);
        const bool has_second = place + 4 < units.size() && unit(place + 4) >= 0xdc00 && unit(place + 4) < 0xe000;
        if (code >= 0xd800 && code < 0xdc00 && has_second) {
            place += 4;
            code = 0x10000 + ((code - 0xd800) << 10) + (unit(place) - 0xdc00);
        }
        if (code < 0x80) {
            out += static_cast<char>(code);
        } else if (code < 0x800) {
            out += static_cast<char>(0xc0 | code >> 6);
            out += static_cast<char>(0x80 | (code & 0x3f));
        } else if (code < 0x10000) {
            out += static_cast<char>(0xe0 | code >> 12);
            out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
            out += static_cast<char>(0x80 | (code & 0x3f));
        } else {
            out += static_cast<char>(0xf0 | code >> 18);
            out += static_cast<char>(0x80 | (code >> 12 & 0x3f));
            out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
            out += static_cast<char>(0x80 | (code & 0x3f));
        }
    }
    return out;
}

inline rm::Bytes data(const rm::Value &parts) {
    return rm::Bytes::copy(bytes(parts));
}

inline std::optional<std::string> optional_text(const rm::Value &value) {
    return value.is_null() ? std::nullopt : std::optional(value.as<std::string>());
}

/// A number that is written as text, so that no reader of JSON rounds it.
template <typename T> T number(const rm::Value &value) {
    const std::string &text = value.as<std::string>();
    T found{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), found);
    if (error == std::errc::result_out_of_range) throw Skip("no integer type of C++ holds " + text);
    if (error != std::errc() || end != text.data() + text.size()) throw Failed("the notation has no number " + text);
    return found;
}

inline std::optional<std::int64_t> time(const rm::Value &value) {
    return value.is_null() ? std::nullopt : std::optional(number<std::int64_t>(value));
}

inline rm::Column column(const rm::Value &value) {
    rm::Column column;
    column.name = value[0].as<std::string>();
    column.format = value[1].as<std::string>();
    column.flags = number<std::int64_t>(value[2]);
    column.metadata = data(value[3]);
    column.length = number<std::size_t>(value[4]);
    column.null_count = number<std::int64_t>(value[5]);
    column.offset = number<std::size_t>(value[6]);
    for (const rm::Value &buffer : value[7].as<rm::List>()) {
        if (buffer.is_null())
            column.buffers.emplace_back();
        else
            column.buffers.emplace_back(data(buffer));
    }
    for (const rm::Value &child : value[8].as<rm::List>()) column.children.push_back(notation::column(child));
    if (!value[9].is_null()) column.dictionary = std::make_shared<const rm::Column>(notation::column(value[9]));
    return column;
}

inline rm::Value integer(const rm::Value &value) {
    if (value.as<std::string>().starts_with('-')) return number<std::int64_t>(value);
    return number<std::uint64_t>(value);
}

rm::Value value(const rm::Value &written);

inline rm::Value media(const std::string &kind, const rm::Value &written) {
    if (kind == "tensor") {
        const auto type = rm::data_type_named(written[1].as<std::string>());
        rm::Tensor tensor{type.value(), {}, {}, data(written[3]), 0};
        for (const rm::Value &size : written[2].as<rm::List>()) tensor.shape.push_back(number<std::size_t>(size));
        return tensor;
    }
    if (kind == "audio") {
        const auto frames = number<std::size_t>(written[5]);
        return rm::Audio{number<std::uint32_t>(written[1]),
                         optional_text(written[2]),
                         time(written[3]),
                         number<std::size_t>(written[4]),
                         frames,
                         frames * 4,
                         data(written[6]),
                         0};
    }
    if (kind == "video") {
        rm::Video video{rm::pixel_format_named(written[1].as<std::string>()).value(),
                        number<std::uint32_t>(written[2]),
                        number<std::uint32_t>(written[3]),
                        time(written[4]),
                        {}};
        for (const rm::Value &plane : written[5].as<rm::List>()) {
            video.planes.push_back({data(plane[1]), number<std::size_t>(plane[0])});
        }
        return video;
    }
    if (kind == "table") {
        rm::Table table{number<std::size_t>(written[1]), data(written[2]), {}};
        for (const rm::Value &each : written[3].as<rm::List>()) table.columns.push_back(column(each));
        return table;
    }
    if (kind == "file" && written[1].as<std::string>() == "path") {
        return rm::File{written[2].as<std::string>(), {}, optional_text(written[3])};
    }
    if (kind == "file") return rm::File{{}, data(written[2]), optional_text(written[3])};
    throw Failed("the notation has no kind " + kind);
}

inline rm::Value nest(const std::string &what, std::size_t depth) {
    rm::Value found = what == "list" ? rm::Value(rm::List()) : rm::Value(rm::Map());
    for (std::size_t level = 1; level < depth; level++) {
        if (what == "list") {
            rm::List list;
            list.push_back(std::move(found));
            found = std::move(list);
        } else {
            rm::Map map;
            map.append("k", std::move(found));
            found = std::move(map);
        }
    }
    return found;
}

inline rm::Value value(const rm::Value &written) {
    const std::string &kind = written[0].as<std::string>();
    if (kind == "null") return nullptr;
    if (kind == "bool") return written[1];
    if (kind == "int") return integer(written[1]);
    if (kind == "float") return std::bit_cast<double>(std::stoull(written[1].as<std::string>(), nullptr, 16));
    if (kind == "text") return text(written[1]);
    if (kind == "utf16") return utf16(written[1].as<std::string>());
    if (kind == "bytes") return data(written[1]);
    if (kind == "timestamp") return rm::Timestamp{number<std::int64_t>(written[1]), number<std::uint32_t>(written[2])};
    if (kind == "nest") return nest(written[1].as<std::string>(), written[2].as<std::size_t>());
    if (kind == "list") {
        rm::List list;
        for (const rm::Value &item : written[1].as<rm::List>()) list.push_back(value(item));
        return list;
    }
    if (kind == "repeat") return rm::List(written[2].as<std::size_t>(), value(written[1]));
    if (kind == "map") {
        rm::Map map;
        for (const rm::Value &entry : written[1].as<rm::List>()) map.append(text(entry[0]), value(entry[1]));
        return map;
    }
    if (kind == "keys") {
        rm::Map map;
        for (std::size_t number = 0; number < written[1].as<std::size_t>(); number++) {
            std::string key;
            append_key(key, number);
            map.append(key, nullptr);
        }
        return map;
    }
    return media(kind, written);
}

} // namespace notation
