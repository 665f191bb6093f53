// SPDX-License-Identifier: MIT OR Apache-2.0
// Threads of this library, and `Alarm`: a time that one of them waits for. It knows nothing of the runtime.

#pragma once

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace remotemedia::detail {

/// Starts a thread that no signal interrupts: signals belong to the threads of the program.
template <typename Function> std::thread start_thread(Function &&function) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread thread;
    try {
        thread = std::thread(std::forward<Function>(function));
    } catch (...) {
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        throw;
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
}

/// Calls a function at a time, unless it is destroyed before; destroying it waits for a call that has begun.
class Alarm {
  public:
    Alarm(std::chrono::steady_clock::time_point time, std::function<void()> ring)
        : time_(time), ring_(std::move(ring)), thread_(start_thread([this] { wait(); })) {
    }
    Alarm(const Alarm &) = delete;
    Alarm &operator=(const Alarm &) = delete;
    ~Alarm() {
        {
            const std::lock_guard lock(mutex_);
            is_off_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }

  private:
    void wait() {
        {
            std::unique_lock lock(mutex_);
            if (changed_.wait_until(lock, time_, [this] { return is_off_; })) return;
        }
        ring_();
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    bool is_off_ = false;
    const std::chrono::steady_clock::time_point time_;
    const std::function<void()> ring_;
    std::thread thread_;
};

} // namespace remotemedia::detail
