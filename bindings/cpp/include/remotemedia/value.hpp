// SPDX-License-Identifier: MIT OR Apache-2.0
// `Value`: what travels between a program and the runtime. It knows the kinds of values and not how they are written.

#pragma once

#include "media.hpp"

#include <concepts>
#include <initializer_list>
#include <limits>
#include <variant>

namespace remotemedia {

class Value;
using List = std::vector<Value>;

/// Entries with text for keys, in their order, which is part of the value. A key is looked up from the beginning.
class Map {
  public:
    using Entry = std::pair<std::string, Value>;

    Map() = default;
    Map(std::initializer_list<Entry> entries);

    bool empty() const noexcept;
    std::size_t size() const noexcept;
    std::vector<Entry>::const_iterator begin() const noexcept;
    std::vector<Entry>::const_iterator end() const noexcept;
    std::vector<Entry>::iterator begin() noexcept;
    std::vector<Entry>::iterator end() noexcept;

    /// The value of a key; null where there is none.
    const Value *find(std::string_view key) const noexcept;
    Value *find(std::string_view key) noexcept;
    bool contains(std::string_view key) const noexcept;
    /// The value of a key; throws `std::out_of_range` where there is none.
    const Value &at(std::string_view key) const;
    /// The value of a key, which is appended as null where there is none.
    Value &operator[](std::string_view key);
    /// Appends an entry without looking for its key, which must not be there.
    void append(std::string key, Value value);
    void reserve(std::size_t count);
    friend bool operator==(const Map &, const Map &);

  private:
    std::vector<Entry> entries_;
};

namespace detail {

template <typename T>
concept Media = std::same_as<T, Tensor> || std::same_as<T, Audio> || std::same_as<T, Video> || std::same_as<T, Table> ||
                std::same_as<T, File>;

template <typename T>
concept Integer = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> && !std::same_as<T, wchar_t> &&
                  !std::same_as<T, char8_t> && !std::same_as<T, char16_t> && !std::same_as<T, char32_t>;

[[noreturn]] inline void wrong_kind(std::string_view wanted, std::string_view found) {
    throw std::invalid_argument("the value is " + std::string(found) + ", not " + std::string(wanted));
}

} // namespace detail

/// Null, a bool, an int from -2^63 to 2^64-1, a float, text, bytes, a list, a map, a timestamp, or media. Ints and
/// floats never turn into each other. Copies share the memory of bytes and media.
class Value {
  public:
    /// Media are shared and immutable; an unsigned int is held only where it does not fit the signed one.
    using Variant =
        std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, Bytes, List, Map,
                     Timestamp, std::shared_ptr<const Tensor>, std::shared_ptr<const Audio>,
                     std::shared_ptr<const Video>, std::shared_ptr<const Table>, std::shared_ptr<const File>>;

    Value() = default;
    Value(std::nullptr_t) {
    }
    template <std::same_as<bool> T> Value(T value) : variant_(value) {
    }
    template <detail::Integer T> Value(T value) {
        if constexpr (std::is_signed_v<T>) {
            variant_ = static_cast<std::int64_t>(value);
        } else if (value <= static_cast<std::uint64_t>(INT64_MAX)) {
            variant_ = static_cast<std::int64_t>(value);
        } else {
            variant_ = static_cast<std::uint64_t>(value);
        }
    }
    template <std::floating_point T> Value(T value) : variant_(static_cast<double>(value)) {
    }
    Value(std::string value) : variant_(std::move(value)) {
    }
    Value(std::string_view value) : variant_(std::string(value)) {
    }
    Value(const char *value) : variant_(std::string(value)) {
    }
    Value(Bytes value) : variant_(std::move(value)) {
    }
    Value(List value) : variant_(std::move(value)) {
    }
    Value(Map value) : variant_(std::move(value)) {
    }
    Value(Timestamp value) : variant_(value) {
    }
    template <detail::Media T> Value(T value) : variant_(std::make_shared<const T>(std::move(value))) {
    }
    template <typename T>
        requires std::constructible_from<Value, T>
    Value(std::optional<T> value) {
        if (value) *this = Value(std::move(*value));
    }

    /// A list of the given values.
    template <typename... T> static Value list(T &&...values) {
        List items;
        items.reserve(sizeof...(values));
        (items.emplace_back(std::forward<T>(values)), ...);
        return Value(std::move(items));
    }
    static Value map(std::initializer_list<Map::Entry> entries) {
        return Value(Map(entries));
    }

    const Variant &variant() const noexcept {
        return variant_;
    }

    bool is_null() const noexcept {
        return variant_.index() == 0;
    }

    /// The content where it is of this type, else null. Integers are `std::int64_t`, or above 2^63-1 `std::uint64_t`.
    template <typename T> const T *get_if() const noexcept {
        if constexpr (detail::Media<T>) {
            const auto *held = std::get_if<std::shared_ptr<const T>>(&variant_);
            return held ? held->get() : nullptr;
        } else {
            return std::get_if<T>(&variant_);
        }
    }
    template <typename T>
    T *get_if() noexcept
        requires(!detail::Media<T>)
    {
        return std::get_if<T>(&variant_);
    }

    template <typename T> bool is() const noexcept {
        return get_if<T>() != nullptr;
    }

    /// The content, which must be of this type, else `std::invalid_argument` is thrown. Any integer type takes an int
    /// that fits it; float takes a float of its range, rounded.
    template <typename T> decltype(auto) as() const {
        if constexpr (detail::Integer<T>) {
            return integer<T>();
        } else if constexpr (std::same_as<T, float>) {
            const double *found = get_if<double>();
            if (!found) detail::wrong_kind("a float", kind());
            if (std::isfinite(*found) && std::abs(*found) > std::numeric_limits<float>::max())
                detail::wrong_kind("a float of the range that was asked for", kind());
            return static_cast<float>(*found);
        } else {
            const T *found = get_if<T>();
            if (!found) detail::wrong_kind(kind_name<T>(), kind());
            return static_cast<const T &>(*found);
        }
    }

    /// An int or a float as a float.
    double number() const {
        if (const auto *value = get_if<std::int64_t>()) return static_cast<double>(*value);
        if (const auto *value = get_if<std::uint64_t>()) return static_cast<double>(*value);
        return as<double>();
    }

    /// The entry of a map, or the item of a list; throws `std::out_of_range` where there is none.
    const Value &operator[](std::string_view key) const {
        return as<Map>().at(key);
    }
    template <detail::Integer T> const Value &operator[](T index) const {
        return as<List>().at(static_cast<std::size_t>(index));
    }
    /// The entry of a map; null where this is no map or has no such key.
    const Value *find(std::string_view key) const noexcept {
        const Map *map = get_if<Map>();
        return map ? map->find(key) : nullptr;
    }

    /// What it is, with its article: `null`, `an int`, `audio`.
    std::string_view kind() const noexcept {
        static constexpr std::array<std::string_view, 15> names{
            "null",  "a bool",      "an int",   "an int", "a float",   "text",    "bytes", "a list",
            "a map", "a timestamp", "a tensor", "audio",  "a picture", "a table", "a file"};
        return names[variant_.index()];
    }

    /// Compares kinds and contents; floats by their bits, so that NaN equals itself and 0.0 is not -0.0.
    friend bool operator==(const Value &left, const Value &right) {
        if (left.variant_.index() != right.variant_.index()) return false;
        return std::visit(
            [&right]<typename T>(const T &a) {
                const T &b = std::get<T>(right.variant_);
                if constexpr (std::same_as<T, double>) {
                    return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
                } else if constexpr (requires { *a == *b; }) {
                    return *a == *b;
                } else {
                    return a == b;
                }
            },
            left.variant_);
    }

  private:
    template <typename T> T integer() const {
        if (const auto *value = get_if<std::int64_t>(); value && std::in_range<T>(*value))
            return static_cast<T>(*value);
        if (const auto *value = get_if<std::uint64_t>(); value && std::in_range<T>(*value))
            return static_cast<T>(*value);
        detail::wrong_kind("an int of the range that was asked for", kind());
    }

    template <typename T> static std::string_view kind_name() {
        return Value(T()).kind();
    }

    Variant variant_;
};

inline Map::Map(std::initializer_list<Entry> entries) : entries_(entries) {
}
inline bool Map::empty() const noexcept {
    return entries_.empty();
}
inline std::size_t Map::size() const noexcept {
    return entries_.size();
}
inline std::vector<Map::Entry>::const_iterator Map::begin() const noexcept {
    return entries_.begin();
}
inline std::vector<Map::Entry>::const_iterator Map::end() const noexcept {
    return entries_.end();
}
inline std::vector<Map::Entry>::iterator Map::begin() noexcept {
    return entries_.begin();
}
inline std::vector<Map::Entry>::iterator Map::end() noexcept {
    return entries_.end();
}
inline const Value *Map::find(std::string_view key) const noexcept {
    for (const Entry &entry : entries_) {
        if (entry.first == key) return &entry.second;
    }
    return nullptr;
}
inline Value *Map::find(std::string_view key) noexcept {
    return const_cast<Value *>(std::as_const(*this).find(key));
}
inline bool Map::contains(std::string_view key) const noexcept {
    return find(key) != nullptr;
}
inline const Value &Map::at(std::string_view key) const {
    const Value *found = find(key);
    if (!found) throw std::out_of_range("the map has no key \"" + std::string(key) + "\"");
    return *found;
}
inline Value &Map::operator[](std::string_view key) {
    if (Value *found = find(key)) return *found;
    return entries_.emplace_back(std::string(key), Value()).second;
}
inline void Map::append(std::string key, Value value) {
    entries_.emplace_back(std::move(key), std::move(value));
}
inline void Map::reserve(std::size_t count) {
    entries_.reserve(count);
}
inline bool operator==(const Map &left, const Map &right) {
    return left.entries_ == right.entries_;
}

} // namespace remotemedia
