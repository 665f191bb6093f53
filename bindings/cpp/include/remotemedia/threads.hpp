// SPDX-License-Identifier: MIT OR Apache-2.0
// Threads of this library. It knows nothing of the runtime.

#pragma once

#include <csignal>
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

} // namespace remotemedia::detail
