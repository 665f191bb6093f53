// SPDX-License-Identifier: MIT OR Apache-2.0
// Memory that values share: blocks with an owner, and views of their parts. It knows the handle of the runtime's
// memory, so that a view of it keeps the handle, and nothing else of the runtime.

#pragma once

#include <remotemedia.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <stdexcept>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace remotemedia {

/// A block of memory together with what owns it. The runtime borrows whole blocks; values refer to parts of them.
struct Block {
    const std::byte *data = nullptr;
    std::size_t size = 0;
    /// Keeps the memory alive; empty where its lifetime is the caller's business.
    std::shared_ptr<const void> owner;
    /// Whether this program may write to it.
    bool is_writable = false;
};

using SharedBlock = std::shared_ptr<const Block>;

namespace detail {

/// A block of `size` bytes on the heap, aligned to 16 bytes, and where to write them.
inline std::pair<SharedBlock, std::byte *> new_block(std::size_t size) {
    auto memory = std::make_shared_for_overwrite<std::byte[]>(size == 0 ? 1 : size);
    std::byte *place = memory.get();
    return {std::make_shared<const Block>(Block{place, size, std::move(memory), true}), place};
}

/// A block over memory of the runtime, whose handle it frees with the last view.
inline SharedBlock adopt(const rm_buffer &buffer) {
    struct Adopted : Block {
        rm_memory *memory = nullptr;
        Adopted() = default;
        Adopted(const Adopted &) = delete;
        Adopted &operator=(const Adopted &) = delete;
        ~Adopted() {
            rm_memory_discard(memory);
        }
    };
    auto block = std::make_shared<Adopted>();
    block->data = reinterpret_cast<const std::byte *>(buffer.data);
    block->size = buffer.len;
    block->is_writable = (buffer.flags & RM_BUFFER_WRITABLE) != 0;
    block->memory = buffer.memory;
    return block;
}

} // namespace detail

/// A view of bytes that keeps their block alive. Copies share the memory; no method copies it but `copy`.
class Bytes {
  public:
    Bytes() = default;

    /// A part of a block, which must lie inside it.
    Bytes(SharedBlock block, std::size_t offset, std::size_t size)
        : block_(std::move(block)), data_(block_->data + offset), size_(size) {
        if (offset > block_->size || size > block_->size - offset) {
            throw std::out_of_range("the part of a block reaches past its end");
        }
    }

    /// A copy of any contiguous range of plain elements.
    template <typename T>
        requires std::is_trivially_copyable_v<T>
    static Bytes copy(std::span<T> elements) {
        auto [block, place] = detail::new_block(elements.size_bytes());
        if (!elements.empty()) std::memcpy(place, elements.data(), elements.size_bytes());
        return Bytes(std::move(block), 0, elements.size_bytes());
    }

    static Bytes copy(std::string_view text) {
        return copy(std::span(text.data(), text.size()));
    }

    /// A view of memory that `owner` keeps alive. It is lent to the runtime as it is, and `owner` is kept until the
    /// runtime has released it; until then the bytes must not change.
    template <typename T>
        requires std::is_trivially_copyable_v<T>
    static Bytes share(std::span<T> elements, std::shared_ptr<const void> owner) {
        const auto *place = reinterpret_cast<const std::byte *>(elements.data());
        auto block =
            std::make_shared<const Block>(Block{place, elements.size_bytes(), std::move(owner), !std::is_const_v<T>});
        return Bytes(std::move(block), 0, elements.size_bytes());
    }

    /// Takes a vector over without copying its elements.
    template <typename T>
        requires std::is_trivially_copyable_v<T>
    static Bytes take(std::vector<T> &&elements) {
        auto owner = std::make_shared<std::vector<T>>(std::move(elements));
        return share(std::span<T>(*owner), owner);
    }

    const std::byte *data() const noexcept {
        return data_;
    }
    std::size_t size() const noexcept {
        return size_;
    }
    bool empty() const noexcept {
        return size_ == 0;
    }
    std::span<const std::byte> span() const noexcept {
        return {data_, size_};
    }
    std::string_view text() const noexcept {
        return {reinterpret_cast<const char *>(data_), size_};
    }

    /// A part of these bytes, in the same block.
    Bytes part(std::size_t offset, std::size_t size) const {
        if (offset > size_ || size > size_ - offset)
            throw std::out_of_range("the part reaches past the end of the bytes");
        Bytes found = *this;
        found.data_ += offset;
        found.size_ = size;
        return found;
    }

    /// Whether nothing else shares the memory by right, so that `writable` may be used.
    bool is_writable() const noexcept {
        return block_ && block_->is_writable;
    }

    /// The bytes for writing, where the memory is this program's own and not lent. Throws `std::logic_error` where it
    /// is shared with the runtime.
    std::span<std::byte> writable() {
        if (size_ != 0 && !is_writable()) throw std::logic_error("this memory is shared and must not change; copy it");
        return {const_cast<std::byte *>(data_), size_};
    }

    /// The block that these bytes lie in; null for empty bytes without one.
    const SharedBlock &block() const noexcept {
        return block_;
    }

    /// The place of the first byte in its block.
    std::size_t offset() const noexcept {
        return block_ ? static_cast<std::size_t>(data_ - block_->data) : 0;
    }

    /// Compares contents.
    friend bool operator==(const Bytes &left, const Bytes &right) noexcept {
        return left.size_ == right.size_ && (left.size_ == 0 || std::memcmp(left.data_, right.data_, left.size_) == 0);
    }

  private:
    SharedBlock block_;
    const std::byte *data_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace remotemedia
