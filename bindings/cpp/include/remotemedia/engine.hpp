// SPDX-License-Identifier: MIT OR Apache-2.0
// `Engine`: what stands behind a `Runtime`: its handle, the port with its driver thread for asynchronous work, ports
// for threads that wait, and the threads that run functions. It decides what happens on which thread, and how all ends.

#pragma once

#include "port.hpp"

#include <atomic>
#include <optional>
#include <thread>

#include <poll.h>
#include <unistd.h>

namespace remotemedia {

/// Runs a function soon, on a thread of its choice.
using Executor = std::function<void(std::function<void()>)>;

namespace detail {

/// Threads for functions that may block. They begin when needed; one that waits for room, a run or a session does not
/// count, and of those that are too many after its wait one ends.
class ServingThreads : public std::enable_shared_from_this<ServingThreads> {
  public:
    /// At most so many that are at work.
    explicit ServingThreads(std::size_t most) : most_(std::max<std::size_t>(most, 1)) {
    }

    void post(std::function<void()> task) {
        bool needs_thread = false;
        {
            const std::lock_guard lock(mutex_);
            tasks_.push_back(std::move(task));
            needs_thread = idle_ < tasks_.size() && has_place();
            if (needs_thread) threads_++;
        }
        changed_.notify_one();
        if (!needs_thread) return;
        try {
            start_thread([self = shared_from_this()] { self->run(); }).detach();
        } catch (...) {
            const std::lock_guard lock(mutex_);
            // The threads that are there do it, if any.
            if (--threads_ == 0) throw;
        }
    }

    /// The time in which a thread of the pool waits for something that another one may have to do.
    class Blocked {
      public:
        explicit Blocked(ServingThreads &threads) : threads_(threads) {
            const std::lock_guard lock(threads_.mutex_);
            threads_.blocked_++;
            // What waits in the queue may be what this thread waits for.
            needs_thread_ = threads_.idle_ < threads_.tasks_.size() && threads_.has_place();
            if (needs_thread_) threads_.threads_++;
        }
        Blocked(const Blocked &) = delete;
        Blocked &operator=(const Blocked &) = delete;
        ~Blocked() {
            const std::lock_guard lock(threads_.mutex_);
            threads_.blocked_--;
        }
        void replace() {
            if (needs_thread_) start_thread([self = threads_.shared_from_this()] { self->run(); }).detach();
        }

      private:
        ServingThreads &threads_;
        bool needs_thread_ = false;
    };

    /// The same for a wait on any thread: one that belongs to no pool is not noted.
    class Waiting {
      public:
        Waiting() {
            ServingThreads *threads = current();
            if (!threads) return;
            blocked_.emplace(*threads);
            blocked_->replace();
        }

      private:
        std::optional<Blocked> blocked_;
    };

    /// Ends the threads once nothing is left to do; waits so long for that.
    bool close(std::chrono::microseconds patience) {
        std::unique_lock lock(mutex_);
        is_closed_ = true;
        changed_.notify_all();
        const std::size_t own = current() == this ? 1 : 0;
        return ended_.wait_for(lock, patience, [&] { return threads_ == own; });
    }

  private:
    bool has_place() const {
        return threads_ - blocked_ < most_;
    }

    static ServingThreads *&current() {
        static thread_local ServingThreads *pool = nullptr;
        return pool;
    }

    void run() {
        current() = this;
        std::unique_lock lock(mutex_);
        while (threads_ - blocked_ <= most_) {
            idle_++;
            changed_.wait(lock, [this] { return !tasks_.empty() || is_closed_; });
            idle_--;
            if (tasks_.empty()) break;
            std::function<void()> task = std::move(tasks_.front());
            tasks_.pop_front();
            lock.unlock();
            task();
            task = nullptr;
            lock.lock();
        }
        threads_--;
        ended_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable changed_, ended_;
    std::deque<std::function<void()>> tasks_;
    std::size_t idle_ = 0, threads_ = 0, blocked_ = 0;
    const std::size_t most_;
    bool is_closed_ = false;
};

/// A port with a thread of its own that waits for events. Functions run on serving threads.
class BackgroundPort final : public EventPort {
  public:
    BackgroundPort(std::shared_ptr<RuntimeHandle> runtime, std::shared_ptr<ServingThreads> threads)
        : EventPort(std::move(runtime)), threads_(std::move(threads)) {
        checked(&loans(), [this](rm_error **error) { return rm_port_fd(handle(), &descriptor_, error); });
    }

    ~BackgroundPort() override {
        if (driver_.joinable()) driver_.detach();
    }

    /// Starts the thread, which uses this object until `wait_for_end` has returned true.
    void start() {
        driver_ = start_thread([this] { run(); });
    }

    /// Waits so long until no event comes any more, which is after the runtime or the port was shut down.
    bool wait_for_end(std::chrono::microseconds patience) {
        if (driver_.get_id() == std::this_thread::get_id()) return false;
        std::unique_lock lock(mutex_);
        if (!changed_.wait_for(lock, patience, [this] { return has_ended_; })) return false;
        if (std::exchange(is_joined_, true)) return true;
        lock.unlock();
        driver_.join();
        return true;
    }

  private:
    void run() {
        std::deque<Event> events;
        for (bool more = true; more;) {
            {
                // Another thread may release what these events name, as soon as they are here.
                const Loans::Reading reading(loans());
                more = fetch(0, events);
            }
            if (events.empty() && more) {
                pollfd waiting{static_cast<int>(descriptor_), POLLIN, 0};
                poll(&waiting, 1, -1);
            }
            for (; !events.empty(); events.pop_front()) dispatch(std::move(events.front()));
        }
        end();
        const std::lock_guard lock(mutex_);
        has_ended_ = true;
        changed_.notify_all();
    }

    void wait(const std::function<bool()> &condition) override {
        ServingThreads::Blocked blocked(*threads_);
        blocked.replace();
        std::unique_lock lock(mutex_);
        changed_.wait(lock, condition);
    }

    void serve(std::shared_ptr<OpenCall> call) override {
        auto self = std::static_pointer_cast<BackgroundPort>(shared_from_this());
        threads_->post([self, call = std::move(call)] { self->serve_now(call); });
    }

    std::shared_ptr<ServingThreads> threads_;
    std::intptr_t descriptor_ = -1;
    std::thread driver_;
    bool has_ended_ = false, is_joined_ = false;
};

/// How long to wait, no longer than a year: added to the time now it must not overflow.
template <typename Rep, typename Period> std::chrono::microseconds bounded(std::chrono::duration<Rep, Period> time) {
    constexpr std::chrono::hours longest(24 * 365);
    const std::chrono::duration<double> seconds = time;
    if (seconds >= longest) return longest;
    return seconds.count() > 0 ? std::chrono::duration_cast<std::chrono::microseconds>(time)
                               : std::chrono::microseconds(0);
}

class Engine {
  public:
    Engine(const Value &config, std::size_t most_threads, Executor executor)
        : runtime(std::make_shared<RuntimeHandle>()), threads(std::make_shared<ServingThreads>(most_threads)),
          executor_(std::move(executor)) {
        check_version();
        Encoder document;
        document.value(config, "config");
        checked(nullptr, [&](rm_error **error) {
            return rm_runtime_new(document.document().data(), document.document().size(), &runtime->handle, error);
        });
    }

    /// Throws where the library is of another version than the header.
    static void check_version() {
        const std::uint32_t found = rm_abi_version();
        constexpr std::uint32_t oldest = RM_ABI_MAJOR << 16 | RM_ABI_MINOR;
        if (found >> 16 == RM_ABI_MAJOR && found >= oldest) return;
        throw Unsupported("libremotemedia " + std::string(rm_version()) + " has the ABI " +
                          std::to_string(found >> 16) + "." + std::to_string(found & 0xffff) +
                          ", this program was compiled for " + std::to_string(RM_ABI_MAJOR) + "." +
                          std::to_string(RM_ABI_MINOR) +
                          ": install the library that belongs to the header, or compile the program anew");
    }

    /// The port of asynchronous work; its thread begins with it.
    std::shared_ptr<BackgroundPort> port() {
        const std::lock_guard lock(mutex_);
        if (!port_) {
            port_ = std::make_shared<BackgroundPort>(runtime, threads);
            port_->start();
        }
        return port_;
    }

    /// A port for the calling thread alone, until it is given back.
    std::shared_ptr<InlinePort> acquire() {
        {
            const std::lock_guard lock(mutex_);
            if (!idle_.empty()) {
                auto port = std::move(idle_.back());
                idle_.pop_back();
                return port;
            }
        }
        return std::make_shared<InlinePort>(runtime);
    }
    void give_back(std::shared_ptr<InlinePort> port) {
        const std::lock_guard lock(mutex_);
        if (!is_closed_) idle_.push_back(std::move(port));
    }

    /// Lets go of all that the runtime has released. What a run had lent may be released after the run, at a port that
    /// waits for its next one.
    void take_released() {
        runtime->take_released();
        std::size_t left = 0;
        {
            const std::lock_guard lock(mutex_);
            left = idle_.size();
        }
        // One at a time: a thread that finds no idle port makes one.
        for (; left > 0; left--) {
            std::shared_ptr<InlinePort> port;
            {
                const std::lock_guard lock(mutex_);
                if (idle_.empty()) return;
                port = std::move(idle_.front());
                idle_.erase(idle_.begin());
            }
            port->drain();
            give_back(std::move(port));
        }
    }

    /// Runs a continuation where the program wants it.
    void post(std::function<void()> function) {
        if (executor_)
            executor_(std::move(function));
        else
            threads->post(std::move(function));
    }

    bool is_forked() const noexcept {
        return getpid() != process_;
    }

    /// Ends all work; returns whether everything has ended within the patience.
    bool shut_down(std::chrono::microseconds most) {
        const std::chrono::microseconds patience = bounded(most);
        const auto deadline = std::chrono::steady_clock::now() + patience;
        const auto left = [&] {
            const auto rest = deadline - std::chrono::steady_clock::now();
            return std::max(std::chrono::microseconds(0), std::chrono::duration_cast<std::chrono::microseconds>(rest));
        };
        const bool has_ended = checked(&runtime->loans, [&](rm_error **error) {
                                   return rm_runtime_shutdown(runtime->handle, patience.count(), error);
                               }) == RM_OK;
        std::shared_ptr<BackgroundPort> port;
        {
            const std::lock_guard lock(mutex_);
            port = port_;
            idle_.clear();
            is_closed_ = true;
        }
        const bool is_drained = !port || port->wait_for_end(left());
        return has_ended && is_drained;
    }

    /// Ends all as a destructor does. Memory that native work has not let go of is never freed then.
    void close(std::chrono::microseconds patience) noexcept {
        if (is_forked()) {
            // No thread of this engine lives in a child, and its locks may be held for ever.
            new std::shared_ptr<RuntimeHandle>(runtime);
            new std::shared_ptr<ServingThreads>(threads);
            new std::shared_ptr<BackgroundPort>(port_);
            return;
        }
        try {
            const bool has_ended = shut_down(patience);
            threads->close(std::chrono::milliseconds(100));
            const std::lock_guard lock(mutex_);
            if (!has_ended) {
                new std::shared_ptr<RuntimeHandle>(runtime);
                new std::shared_ptr<BackgroundPort>(port_);
            }
            port_.reset();
        } catch (...) {
            // The loader has unloaded what it needs: nothing is left to end.
        }
    }

    const std::shared_ptr<RuntimeHandle> runtime;
    const std::shared_ptr<ServingThreads> threads;

  private:
    Executor executor_;
    std::mutex mutex_;
    std::shared_ptr<BackgroundPort> port_;
    std::vector<std::shared_ptr<InlinePort>> idle_;
    bool is_closed_ = false;
    const pid_t process_ = getpid();
};

} // namespace detail
} // namespace remotemedia
