// SPDX-License-Identifier: MIT OR Apache-2.0
// Media values: tensors, audio, video, tables and files, as views of bytes. It knows their layout in memory, as
// docs/wire.md describes it, and neither documents nor the runtime.

#pragma once

#include "bytes.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <compare>
#include <optional>
#include <string>

namespace remotemedia {

static_assert(std::endian::native == std::endian::little, "samples are little-endian, as in the wire format");

/// A point in time: seconds since 1970-01-01T00:00:00Z, and nanoseconds from 0 to 999,999,999 within the second.
struct Timestamp {
    std::int64_t seconds = 0;
    std::uint32_t nanoseconds = 0;
    auto operator<=>(const Timestamp &) const = default;
};

/// The type of a tensor's elements; the order is that of their names below.
enum class DataType : std::uint8_t {
    boolean,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
    float16,
    bfloat16,
    float32,
    float64,
    complex64,
    complex128,
};

namespace detail {

/// Products of sizes that an address can't hold.
__extension__ typedef __int128 Wide;
__extension__ typedef unsigned __int128 WideUnsigned;

struct DataTypeInfo {
    std::string_view name;
    std::size_t size;
};

inline constexpr std::array<DataTypeInfo, 15> data_types{{{"bool", 1},
                                                          {"int8", 1},
                                                          {"int16", 2},
                                                          {"int32", 4},
                                                          {"int64", 8},
                                                          {"uint8", 1},
                                                          {"uint16", 2},
                                                          {"uint32", 4},
                                                          {"uint64", 8},
                                                          {"float16", 2},
                                                          {"bfloat16", 2},
                                                          {"float32", 4},
                                                          {"float64", 8},
                                                          {"complex64", 8},
                                                          {"complex128", 16}}};

template <typename T> constexpr DataType data_type_of() {
    using U = std::remove_const_t<T>;
    static_assert(std::is_arithmetic_v<U>, "a tensor holds bools, integers and floats of 8 to 64 bits");
    if constexpr (std::is_same_v<U, bool>)
        return DataType::boolean;
    else if constexpr (std::is_floating_point_v<U>) {
        static_assert(sizeof(U) <= 8, "a tensor holds floats of 32 and 64 bits");
        return sizeof(U) == 4 ? DataType::float32 : DataType::float64;
    } else {
        constexpr auto first = static_cast<int>(std::is_signed_v<U> ? DataType::int8 : DataType::uint8);
        return static_cast<DataType>(first + std::countr_zero(sizeof(U)));
    }
}

/// a * b, or nothing where that is more than an address can be.
inline std::optional<std::size_t> product(std::size_t a, std::size_t b) {
    std::size_t result = 0;
    if (__builtin_mul_overflow(a, b, &result)) return std::nullopt;
    return result;
}

} // namespace detail

constexpr std::string_view name_of(DataType type) {
    return detail::data_types[static_cast<std::size_t>(type)].name;
}

constexpr std::size_t size_of(DataType type) {
    return detail::data_types[static_cast<std::size_t>(type)].size;
}

constexpr std::optional<DataType> data_type_named(std::string_view name) {
    for (std::size_t index = 0; index < detail::data_types.size(); index++) {
        if (detail::data_types[index].name == name) return static_cast<DataType>(index);
    }
    return std::nullopt;
}

/// An array with any number of dimensions.
struct Tensor {
    DataType type = DataType::float32;
    std::vector<std::size_t> shape;
    /// The distance in bytes between neighbours of each dimension; empty for C order.
    std::optional<std::vector<std::int64_t>> strides;
    Bytes data;
    /// Where in `data` the element [0, 0, ...] begins, in bytes.
    std::size_t offset = 0;

    /// A tensor over elements in C order, without copying them.
    template <typename T> static Tensor take(std::vector<T> &&elements, std::vector<std::size_t> shape) {
        static_assert(!std::is_same_v<T, bool>, "std::vector<bool> has no contiguous elements; use std::uint8_t");
        return checked(
            {detail::data_type_of<T>(), std::move(shape), std::nullopt, Bytes::take(std::move(elements)), 0});
    }

    /// A tensor with a copy of elements in C order.
    template <typename T> static Tensor copy(std::span<T> elements, std::vector<std::size_t> shape) {
        return checked({detail::data_type_of<T>(), std::move(shape), std::nullopt, Bytes::copy(elements), 0});
    }

    /// A tensor over elements in C order that `owner` keeps alive; see `Bytes::share`.
    template <typename T>
    static Tensor share(std::span<T> elements, std::vector<std::size_t> shape, std::shared_ptr<const void> owner) {
        return checked(
            {detail::data_type_of<T>(), std::move(shape), std::nullopt, Bytes::share(elements, std::move(owner)), 0});
    }

    std::size_t element_count() const {
        std::size_t count = 1;
        for (std::size_t extent : shape) count *= extent;
        return count;
    }

    /// Whether the elements lie one after the other in C order.
    bool is_contiguous() const {
        if (!strides) return true;
        auto expected = static_cast<std::int64_t>(size_of(type));
        for (std::size_t index = shape.size(); index-- > 0;) {
            if (shape[index] == 0) return true;
        }
        for (std::size_t index = shape.size(); index-- > 0;) {
            if (shape[index] != 1 && (*strides)[index] != expected) return false;
            expected *= static_cast<std::int64_t>(shape[index]);
        }
        return true;
    }

    /// The elements in C order, without a copy. Throws `std::logic_error` where the type is another one, where they
    /// are not in C order (`gathered` copies them), or where they are not aligned.
    template <typename T> std::span<const T> elements() const {
        if (detail::data_type_of<T>() != type) {
            throw std::logic_error("the elements are " + std::string(name_of(type)));
        }
        if (!is_contiguous()) throw std::logic_error("the elements are not in C order; take gathered()");
        const std::byte *first = data.data() + offset;
        const std::size_t count = element_count();
        if (count == 0) return {};
        if (reinterpret_cast<std::uintptr_t>(first) % alignof(T) != 0) {
            throw std::logic_error("the elements are not aligned; take gathered()");
        }
        return {reinterpret_cast<const T *>(first), count};
    }

    /// The same tensor in C order, in memory of its own unless it is so already.
    Tensor gathered() const {
        if (is_contiguous() && (reinterpret_cast<std::uintptr_t>(data.data()) + offset) % size_of(type) == 0)
            return *this;
        auto [block, place] = detail::new_block(element_count() * size_of(type));
        const std::size_t size = block->size;
        gather(place);
        return {type, shape, std::nullopt, Bytes(std::move(block), 0, size), 0};
    }

    /// Writes the elements in C order to `place`.
    void gather(std::byte *place) const {
        const std::size_t count = element_count(), size = size_of(type);
        if (count == 0) return;
        if (is_contiguous()) {
            std::memcpy(place, data.data() + offset, count * size);
            return;
        }
        std::vector<std::size_t> index(shape.size(), 0);
        const std::byte *source = data.data() + offset;
        for (std::size_t done = 0; done < count; done++, place += size) {
            std::memcpy(place, source, size);
            for (std::size_t axis = shape.size(); axis-- > 0;) {
                source += (*strides)[axis];
                if (++index[axis] < shape[axis]) break;
                source -= (*strides)[axis] * static_cast<std::int64_t>(shape[axis]);
                index[axis] = 0;
            }
        }
    }

    /// Why the elements do not all lie inside the data; null where they do. Multiplies nothing unchecked.
    const char *problem() const {
        if (shape.size() > 64) return "a tensor has at most 64 dimensions";
        if (strides && strides->size() != shape.size()) return "the strides of a tensor are as many as its sizes";
        for (std::size_t extent : shape) {
            if (extent == 0) return nullptr;
        }
        const char *const outside = "an element of the tensor lies outside its data";
        // The distance of the lowest and of the highest byte from the first element.
        detail::Wide low = 0, high = static_cast<detail::Wide>(size_of(type));
        detail::Wide contiguous = static_cast<detail::Wide>(size_of(type));
        const auto most = static_cast<detail::Wide>(INT64_MAX);
        for (std::size_t axis = shape.size(); axis-- > 0;) {
            const detail::Wide stride = strides ? (*strides)[axis] : contiguous;
            const detail::Wide reach = stride * static_cast<detail::Wide>(shape[axis] - 1);
            (reach < 0 ? low : high) += reach;
            contiguous *= static_cast<detail::Wide>(shape[axis]);
            if (high > most || low < -most || contiguous > most) return outside;
        }
        const auto begin = static_cast<detail::Wide>(offset);
        if (begin + low < 0 || begin + high > static_cast<detail::Wide>(data.size())) return outside;
        return nullptr;
    }

    /// Compares types, shapes and the bits of all elements, whatever their layout.
    friend bool operator==(const Tensor &left, const Tensor &right) {
        if (left.type != right.type || left.shape != right.shape) return false;
        const std::size_t size = left.element_count() * size_of(left.type);
        if (size == 0) return true;
        const Tensor a = left.gathered(), b = right.gathered();
        return std::memcmp(a.data.data() + a.offset, b.data.data() + b.offset, size) == 0;
    }

  private:
    static Tensor checked(Tensor tensor) {
        if (const char *problem = tensor.problem()) throw std::invalid_argument(problem);
        return tensor;
    }
};

/// Planar audio: float32 samples, full scale at 1.0, the frames of a channel contiguous.
struct Audio {
    std::uint32_t rate = 0;
    /// The places of the channels, such as `stereo` or `5.1`; nothing where only their number is known.
    std::optional<std::string> layout;
    /// The time of the first frame in nanoseconds.
    std::optional<std::int64_t> pts;
    std::size_t channels = 0;
    std::size_t frames = 0;
    /// The distance in bytes from one channel's first sample to the next one's.
    std::size_t channel_stride = 0;
    Bytes data;
    /// Where in `data` the first sample of the first channel begins, in bytes.
    std::size_t offset = 0;

    /// Takes planar samples over, channel after channel, without copying them.
    static Audio take(std::vector<float> &&samples, std::uint32_t rate, std::size_t channels = 1,
                      std::optional<std::int64_t> pts = {}) {
        const std::size_t count = samples.size();
        return make(Bytes::take(std::move(samples)), count, rate, channels, pts);
    }

    /// Copies planar samples, channel after channel.
    static Audio copy(std::span<const float> samples, std::uint32_t rate, std::size_t channels = 1,
                      std::optional<std::int64_t> pts = {}) {
        return make(Bytes::copy(samples), samples.size(), rate, channels, pts);
    }

    /// Audio over planar samples that `owner` keeps alive; see `Bytes::share`.
    static Audio share(std::span<const float> samples, std::shared_ptr<const void> owner, std::uint32_t rate,
                       std::size_t channels = 1, std::optional<std::int64_t> pts = {}) {
        return make(Bytes::share(samples, std::move(owner)), samples.size(), rate, channels, pts);
    }

    /// The samples of one channel, without a copy.
    std::span<const float> channel(std::size_t number) const {
        if (number >= channels) throw std::out_of_range("the audio has no channel of that number");
        if (frames == 0) return {};
        return {reinterpret_cast<const float *>(data.data() + offset + number * channel_stride), frames};
    }

    /// The same audio without the frames before `first` and after `first + count`, in the same memory and at its time.
    Audio part(std::size_t first, std::size_t count) const {
        if (first > frames || count > frames - first)
            throw std::out_of_range("the part reaches past the end of the audio");
        Audio found = *this;
        found.frames = count;
        found.offset += first * sizeof(float);
        if (pts) {
            found.pts = *pts + static_cast<std::int64_t>(static_cast<detail::Wide>(first) * 1'000'000'000 / rate);
        }
        return found;
    }

    /// The duration, to the nearest nanosecond.
    std::int64_t duration() const {
        return static_cast<std::int64_t>((static_cast<detail::Wide>(frames) * 1'000'000'000 + rate / 2) / rate);
    }

    /// Why this is no audio; null where it is.
    const char *problem() const {
        if (rate == 0) return "the rate of audio is 1 or more";
        if (channels < 1 || channels > 1024) return "audio has 1 to 1024 channels";
        if (frames == 0) return nullptr;
        const char *const outside = "a channel of the audio lies outside its data";
        const auto row = detail::product(frames, sizeof(float));
        const auto last = detail::product(channel_stride, channels - 1);
        if (!row || !last) return outside;
        const auto reach = static_cast<detail::WideUnsigned>(*row) + *last + offset;
        return reach > data.size() ? outside : nullptr;
    }

    /// Compares headers and the bits of all samples, whatever their layout in memory.
    friend bool operator==(const Audio &left, const Audio &right) {
        if (left.rate != right.rate || left.layout != right.layout || left.pts != right.pts ||
            left.channels != right.channels || left.frames != right.frames) {
            return false;
        }
        for (std::size_t number = 0; number < left.channels && left.frames != 0; number++) {
            const auto a = left.channel(number), b = right.channel(number);
            if (std::memcmp(a.data(), b.data(), a.size_bytes()) != 0) return false;
        }
        return true;
    }

  private:
    static Audio make(Bytes data, std::size_t count, std::uint32_t rate, std::size_t channels,
                      std::optional<std::int64_t> pts) {
        if (channels == 0 || count % channels != 0) {
            throw std::invalid_argument("planar samples are as many in each channel; pass the number of channels");
        }
        Audio audio{rate, {}, pts, channels, count / channels, count / channels * sizeof(float), std::move(data), 0};
        if (channels <= 2) audio.layout = channels == 1 ? "mono" : "stereo";
        if (const char *problem = audio.problem()) throw std::invalid_argument(problem);
        return audio;
    }
};

enum class PixelFormat : std::uint8_t { gray, rgb24, rgba, yuv420p, nv12 };

namespace detail {

inline constexpr std::array<std::string_view, 5> pixel_formats{"gray", "rgb24", "rgba", "yuv420p", "nv12"};

} // namespace detail

constexpr std::string_view name_of(PixelFormat format) {
    return detail::pixel_formats[static_cast<std::size_t>(format)];
}

constexpr std::optional<PixelFormat> pixel_format_named(std::string_view name) {
    for (std::size_t index = 0; index < detail::pixel_formats.size(); index++) {
        if (detail::pixel_formats[index] == name) return static_cast<PixelFormat>(index);
    }
    return std::nullopt;
}

/// A picture.
struct Video {
    struct Plane {
        /// The rows, without the gap behind the last one.
        Bytes data;
        /// The distance in bytes from one row to the next.
        std::size_t stride = 0;
    };

    /// The rows of a plane, and the bytes of one.
    struct Size {
        std::size_t rows, row_bytes;
    };

    PixelFormat format = PixelFormat::gray;
    std::uint32_t width = 0, height = 0;
    std::optional<std::int64_t> pts;
    std::vector<Plane> planes;

    /// The sizes of the planes that a picture of this format has.
    static std::vector<Size> sizes(PixelFormat format, std::uint32_t width, std::uint32_t height) {
        const std::size_t w = width, h = height, half_w = (w + 1) / 2, half_h = (h + 1) / 2;
        switch (format) {
        case PixelFormat::gray:
            return {{h, w}};
        case PixelFormat::rgb24:
            return {{h, 3 * w}};
        case PixelFormat::rgba:
            return {{h, 4 * w}};
        case PixelFormat::yuv420p:
            return {{h, w}, {half_h, half_w}, {half_h, half_w}};
        case PixelFormat::nv12:
            return {{h, w}, {half_h, 2 * half_w}};
        }
        return {};
    }

    /// The bytes of a plane from its first to its last pixel; nothing where that is more than an address can be.
    static std::optional<std::size_t> extent(Size size, std::size_t stride) {
        if (size.rows == 0 || size.row_bytes == 0) return 0;
        const auto before = detail::product(size.rows - 1, stride);
        std::size_t result = 0;
        if (!before || __builtin_add_overflow(*before, size.row_bytes, &result)) return std::nullopt;
        return result;
    }

    friend bool operator==(const Video &left, const Video &right) {
        if (left.format != right.format || left.width != right.width || left.height != right.height ||
            left.pts != right.pts || left.planes.size() != right.planes.size()) {
            return false;
        }
        const auto sizes = Video::sizes(left.format, left.width, left.height);
        for (std::size_t number = 0; number < left.planes.size() && number < sizes.size(); number++) {
            const Plane &a = left.planes[number], &b = right.planes[number];
            for (std::size_t row = 0; row < sizes[number].rows && sizes[number].row_bytes != 0; row++) {
                if (std::memcmp(a.data.data() + row * a.stride, b.data.data() + row * b.stride,
                                sizes[number].row_bytes) != 0) {
                    return false;
                }
            }
        }
        return true;
    }
};

/// A column of a table: an array of the Arrow C data interface with its schema.
struct Column {
    std::string name, format;
    std::int64_t flags = 0;
    Bytes metadata;
    std::size_t length = 0;
    std::int64_t null_count = -1;
    std::size_t offset = 0;
    /// Nothing where Arrow has a null pointer.
    std::vector<std::optional<Bytes>> buffers;
    std::vector<Column> children;
    /// The values of a dictionary-encoded type; null for other types.
    std::shared_ptr<const Column> dictionary;

    friend bool operator==(const Column &left, const Column &right) {
        const bool equal_dictionaries = left.dictionary && right.dictionary ? *left.dictionary == *right.dictionary
                                                                            : !left.dictionary && !right.dictionary;
        return equal_dictionaries && left.name == right.name && left.format == right.format &&
               left.flags == right.flags && left.metadata == right.metadata && left.length == right.length &&
               left.null_count == right.null_count && left.offset == right.offset && left.buffers == right.buffers &&
               left.children == right.children;
    }
};

/// Columns of Arrow, carried as they are.
struct Table {
    std::size_t rows = 0;
    Bytes metadata;
    std::vector<Column> columns;
    bool operator==(const Table &) const = default;
};

/// A file by its path, on the machine of the runtime, or by its content.
struct File {
    std::optional<std::string> path;
    std::optional<Bytes> content;
    /// Such as `audio/flac`.
    std::optional<std::string> mime;
    bool operator==(const File &) const = default;

    static File at(std::string path) {
        return {std::move(path), {}, {}};
    }
    static File of(Bytes content, std::optional<std::string> mime = {}) {
        return {{}, std::move(content), std::move(mime)};
    }
};

} // namespace remotemedia
