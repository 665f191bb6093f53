// SPDX-License-Identifier: MIT OR Apache-2.0
// What the tests share: named tests, checks that say where they failed, and a latch with a bound.

#pragma once

#include <remotemedia.hpp>

#include <fstream>
#include <functional>
#include <iostream>
#include <sstream>

namespace rm = remotemedia;

struct Test {
    std::string area, name;
    std::function<void()> body;
    static std::vector<Test> &all() {
        static std::vector<Test> tests;
        return tests;
    }
};

#define TEST(area, name)                                                                                               \
    static void test_##area##_##name();                                                                                \
    static const bool registered_##area##_##name =                                                                     \
        (Test::all().push_back({#area, #name, test_##area##_##name}), true);                                           \
    static void test_##area##_##name()

[[noreturn]] inline void fail(const char *file, int line, const std::string &what) {
    throw std::logic_error(std::string(file) + ":" + std::to_string(line) + ": " + what);
}

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) fail(__FILE__, __LINE__, #condition);                                                        \
    } while (0)

template <typename T> std::string shown(const T &value) {
    if constexpr (std::convertible_to<T, rm::Value>)
        return rm::to_json(rm::Value(value));
    else if constexpr (requires(std::ostringstream out) { out << value; }) {
        std::ostringstream out;
        out << value;
        return out.str();
    } else {
        return "?";
    }
}

#define CHECK_EQUAL(expected, actual)                                                                                  \
    do {                                                                                                               \
        const auto expected_ = (expected);                                                                             \
        const auto actual_ = (actual);                                                                                 \
        if (!(expected_ == actual_))                                                                                   \
            fail(__FILE__, __LINE__,                                                                                   \
                 std::string(#actual) + ": expected " + shown(expected_) + ", got " + shown(actual_));                 \
    } while (0)

/// Makes a call that must throw this class, and returns what it threw.
template <typename E, typename Call> E thrown(const char *file, int line, Call &&call) {
    try {
        call();
    } catch (const E &error) {
        return error;
    }
    fail(file, line, "nothing was thrown");
}
#define THROWN(type, ...) thrown<type>(__FILE__, __LINE__, [&] { static_cast<void>(__VA_ARGS__); })

inline rm::Value json(std::string_view text) {
    return rm::from_json(text);
}

inline std::string read_file(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("can't read " + path);
    std::ostringstream content;
    content << file.rdbuf();
    return content.str();
}

/// Waits for a condition that another thread makes true; fails after ten seconds.
class Gate {
  public:
    void open() {
        {
            const std::lock_guard lock(mutex_);
            is_open_ = true;
        }
        changed_.notify_all();
    }
    void wait(std::stop_token stop = {}) {
        std::unique_lock lock(mutex_);
        if (!changed_.wait_for(lock, stop, std::chrono::seconds(10), [this] { return is_open_; }) &&
            !stop.stop_requested()) {
            throw std::runtime_error("nothing came within ten seconds");
        }
    }

  private:
    std::mutex mutex_;
    std::condition_variable_any changed_;
    bool is_open_ = false;
};
