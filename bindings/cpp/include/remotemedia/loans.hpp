// SPDX-License-Identifier: MIT OR Apache-2.0
// `Loans`: what the runtime knows of this program by number, until a release record names it: borrowed memory,
// exceptions, and functions that are nodes. It knows nothing of calls.

#pragma once

#include "decode.hpp"

#include <deque>
#include <mutex>
#include <unordered_map>

namespace remotemedia::detail {

class HostType;

/// The loans of one runtime. Any thread may use it.
class Loans {
  public:
    using Loan = std::variant<SharedBlock, std::exception_ptr, std::shared_ptr<const HostType>>;

    /// Keeps an object under a new number until the runtime has released it.
    std::uint64_t lend(Loan loan) {
        const std::lock_guard lock(mutex_);
        const std::uint64_t token = ++last_token_;
        lent_.emplace(token, std::move(loan));
        return token;
    }

    /// The object of a number; null where it is of another kind or was released.
    template <typename T> T find(std::uint64_t token) const {
        const std::lock_guard lock(mutex_);
        const auto found = lent_.find(token);
        const T *held = found == lent_.end() ? nullptr : std::get_if<T>(&found->second);
        return held ? *held : T();
    }

    /// Lets go of what the runtime has released, as soon as no document is being read that was there before: another
    /// thread may still have to look up the number in one.
    void release(std::vector<std::uint64_t> tokens) {
        if (tokens.empty()) return;
        // Destructors of lent objects run without the lock.
        std::vector<Loan> freed;
        const std::lock_guard lock(mutex_);
        released_.push_back({++clock_, std::move(tokens)});
        sweep(freed);
    }

    std::size_t count() const {
        const std::lock_guard lock(mutex_);
        return lent_.size();
    }

    /// Whether the runtime still has a block.
    bool has(const SharedBlock &block) const {
        const std::lock_guard lock(mutex_);
        for (const auto &entry : lent_) {
            const auto *held = std::get_if<SharedBlock>(&entry.second);
            if (held && *held == block) return true;
        }
        return false;
    }

    /// The time from before a call that returns a document until the document is read.
    class Reading {
      public:
        explicit Reading(Loans &loans) : loans_(loans) {
            const std::lock_guard lock(loans_.mutex_);
            begun_ = ++loans_.clock_;
            loans_.readings_.push_back(begun_);
        }
        Reading(const Reading &) = delete;
        Reading &operator=(const Reading &) = delete;
        ~Reading() {
            std::vector<Loan> freed;
            {
                const std::lock_guard lock(loans_.mutex_);
                std::erase(loans_.readings_, begun_);
                loans_.sweep(freed);
            }
        }

      private:
        Loans &loans_;
        std::uint64_t begun_;
    };

  private:
    struct Released {
        std::uint64_t time;
        std::vector<std::uint64_t> tokens;
    };

    void sweep(std::vector<Loan> &freed) {
        // Readings begin in the order of the clock, so the first one is the oldest.
        while (!released_.empty() && (readings_.empty() || released_.front().time < readings_.front())) {
            for (const std::uint64_t token : released_.front().tokens) {
                const auto found = lent_.find(token);
                if (found == lent_.end()) continue;
                freed.push_back(std::move(found->second));
                lent_.erase(found);
            }
            released_.pop_front();
        }
    }

    mutable std::mutex mutex_;
    std::unordered_map<std::uint64_t, Loan> lent_;
    std::uint64_t last_token_ = 0, clock_ = 0;
    std::vector<std::uint64_t> readings_;
    std::deque<Released> released_;
};

} // namespace remotemedia::detail
