// SPDX-License-Identifier: MIT OR Apache-2.0
// What calls of the C ABI have in common: documents that go in with their buffer tables, documents that come out,
// failures as exceptions. It knows documents and loans, and no object of the runtime.

#pragma once

#include "encode.hpp"
#include "loans.hpp"

namespace remotemedia::detail {

/// An encoded document as a call takes it: its bytes, and its table under numbers of `loans`. Every number that is
/// passed to a call comes back in a release record, also if the call fails, so one is made for one call alone.
class Argument {
  public:
    Argument(const Encoder &encoder, Loans &loans) : document_(encoder.document()) {
        table_.reserve(encoder.blocks().size());
        for (const SharedBlock &block : encoder.blocks()) {
            rm_buffer buffer{};
            buffer.data = reinterpret_cast<const std::uint8_t *>(block->data);
            buffer.len = block->size;
            buffer.token = loans.lend(block);
            table_.push_back(buffer);
        }
        blocks_ = encoder.blocks();
    }

    const std::uint8_t *data() const noexcept {
        return document_.data();
    }
    std::size_t size() const noexcept {
        return document_.size();
    }
    const rm_buffer *buffers() const noexcept {
        return table_.data();
    }
    std::size_t buffer_count() const noexcept {
        return table_.size();
    }

    /// The block that was lent under a number by this argument; null where it was another one.
    SharedBlock find(std::uint64_t token) const {
        for (std::size_t index = 0; index < table_.size(); index++) {
            if (table_[index].token == token) return blocks_[index];
        }
        return nullptr;
    }

  private:
    std::span<const std::uint8_t> document_;
    std::vector<rm_buffer> table_;
    std::vector<SharedBlock> blocks_;
};

/// The release records of a list of numbers.
inline std::vector<std::uint64_t> read_tokens(Decoder &decoder) {
    std::vector<std::uint64_t> tokens(decoder.open(Head::list, "release records are a list"));
    for (std::uint64_t &token : tokens) token = decoder.number("a release record is a number");
    return tokens;
}

/// A failure as the library describes it: the status and the fields of its detail.
struct Failure {
    Status status;
    std::string message;
    ErrorDetail detail;

    /// Of an entry of a completion, or of the detail of a failed call.
    static Failure read(const Value &map, Loans *loans) {
        Failure failure{static_cast<Status>(int_at(map, "status").value_or(RM_PANIC)),
                        text_at(map, "message").value_or(""), read_detail(map)};
        const auto token = int_at(map, "host_token");
        if (token && loans)
            failure.detail.exception = loans->find<std::exception_ptr>(static_cast<std::uint64_t>(*token));
        return failure;
    }
};

/// Limits for documents that the library has written: it has checked its own.
inline constexpr Limits no_limits{512, SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX};

/// The exception of a failed call; frees the error.
inline std::exception_ptr failure_of(rm_status status, rm_error *error, Loans *loans) {
    const std::unique_ptr<rm_error, decltype(&rm_error_free)> owned(error, rm_error_free);
    const std::uint8_t *data = nullptr;
    std::size_t size = 0;
    rm_error_detail(error, &data, &size);
    Failure failure{static_cast<Status>(status), rm_error_message(error), {}};
    if (size != 0) {
        const Value detail = decode({data, size}, {}, no_limits);
        failure.detail = Failure::read(detail, loans).detail;
        const Value *released = detail.find("released");
        if (const List *tokens = released && loans ? released->get_if<List>() : nullptr) {
            std::vector<std::uint64_t> numbers;
            for (const Value &token : *tokens) numbers.push_back(token.as<std::uint64_t>());
            loans->release(std::move(numbers));
        }
    }
    return make_error(failure.status, failure.message, std::move(failure.detail));
}

/// A call that returns no document: returns its status, or throws its failure.
template <typename Call> rm_status checked(Loans *loans, Call &&call) {
    rm_error *error = nullptr;
    const rm_status status = call(&error);
    if (status < 0) std::rethrow_exception(failure_of(status, error, loans));
    return status;
}

/// Room on the stack for a document that a call returns.
class Answer {
  public:
    Answer() = default;
    Answer(const Answer &) = delete;
    Answer &operator=(const Answer &) = delete;
    ~Answer() {
        forget();
    }

    /// Makes a call that returns a document; returns its status, or throws its failure.
    template <typename Call> rm_status of(Loans *loans, Call &&call) {
        forget();
        out_ = rm_output{};
        out_.data = room_;
        out_.capacity = sizeof room_;
        out_.buffers = table_;
        out_.buffer_capacity = std::size(table_);
        rm_error *error = nullptr;
        const rm_status status = call(&out_, &error);
        if (status < 0) {
            out_ = rm_output{};
            std::rethrow_exception(failure_of(status, error, loans));
        }
        return status;
    }

    bool empty() const noexcept {
        return out_.len == 0 && out_.document == nullptr;
    }

    /// The bytes of the document, for text.
    std::string_view text() {
        view();
        return {reinterpret_cast<const char *>(data_), size_};
    }

    /// A decoder of the document. Takes its memory over: values share it. Numbers of memory are looked up in the
    /// argument of the call first, which needs no `Loans::Reading`.
    Decoder decoder(Loans *loans, const Argument *argument = nullptr) {
        view();
        blocks_.clear();
        blocks_.reserve(count_);
        for (std::size_t index = 0; index < count_; index++) {
            // A handle that belongs to the document is retained, one in the room is taken over.
            rm_buffer buffer = buffers_[index];
            if (buffer.memory == nullptr) {
                SharedBlock block = argument ? argument->find(buffer.token) : nullptr;
                if (!block && loans) block = loans->find<SharedBlock>(buffer.token);
                // Memory of the program that a release record has named before can't be seen; the library forbids it.
                blocks_.push_back(block ? std::move(block) : std::make_shared<const Block>());
                continue;
            }
            if (out_.document != nullptr) {
                rm_memory *retained = nullptr;
                checked(loans, [&](rm_error **error) { return rm_memory_retain(buffer.memory, &retained, error); });
                buffer.memory = retained;
            } else {
                table_[index].memory = nullptr;
            }
            blocks_.push_back(adopt(buffer));
        }
        return Decoder(data_, size_, blocks_, no_limits);
    }

    /// The document as one value.
    Value value(Loans *loans) {
        Decoder found = decoder(loans);
        Value value = found.value();
        found.finish();
        return value;
    }

  private:
    void view() {
        data_ = room_;
        size_ = out_.len;
        buffers_ = table_;
        count_ = out_.buffer_count;
        if (out_.document == nullptr) return;
        checked(nullptr, [this](rm_error **error) {
            return rm_document_view(out_.document, &data_, &size_, &buffers_, &count_, error);
        });
    }

    void forget() {
        for (std::size_t index = 0; index < out_.buffer_count; index++) rm_memory_free(table_[index].memory);
        rm_document_free(out_.document);
        out_ = rm_output{};
    }

    std::uint8_t room_[4096];
    rm_buffer table_[8];
    rm_output out_{};
    const std::uint8_t *data_ = nullptr;
    std::size_t size_ = 0;
    const rm_buffer *buffers_ = nullptr;
    std::size_t count_ = 0;
    std::vector<SharedBlock> blocks_;
};

} // namespace remotemedia::detail
