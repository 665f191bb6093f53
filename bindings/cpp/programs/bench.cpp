// SPDX-License-Identifier: MIT OR Apache-2.0
// The five figures of tests/conformance/README.md: `bench SUITE` prints one JSON map, nanoseconds of one call.

#include <remotemedia.hpp>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>

namespace rm = remotemedia;

namespace {

using Clock = std::chrono::steady_clock;

/// Calls a function for at least so long; returns the mean time of one call in nanoseconds.
template <typename Function> double mean(Function &&function, std::chrono::milliseconds time) {
    const auto begun = Clock::now();
    std::size_t calls = 0;
    auto now = begun;
    for (std::size_t more = 1; now - begun < time; more = std::min<std::size_t>(more * 2, 10'000)) {
        for (std::size_t call = 0; call < more; call++) function();
        calls += more;
        now = Clock::now();
    }
    return std::chrono::duration<double, std::nano>(now - begun).count() / static_cast<double>(calls);
}

template <typename Function> double measure(Function &&function) {
    mean(function, std::chrono::milliseconds(200));
    double rounds[5];
    for (double &round : rounds) round = mean(function, std::chrono::milliseconds(200));
    std::ranges::sort(rounds);
    return rounds[2];
}

std::string manifest(const std::string &suite, const char *name) {
    std::ostringstream text;
    text << std::ifstream(suite + "/bench/" + name).rdbuf();
    return text.str();
}

void require(bool condition) {
    if (!condition) throw std::runtime_error("a result is wrong");
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 2) return std::fprintf(stderr, "usage: bench SUITE\n"), 2;
    const std::string suite = argv[1];
    rm::Runtime runtime;
    const rm::Pipeline three(runtime, manifest(suite, "three.json")), one(runtime, manifest(suite, "one.json"));
    const rm::Pipeline own(runtime, manifest(suite, "own.json"),
                           {{"Own", [](const rm::Value &value) { return value; }}});
    const rm::List numbers{1, 2, 3};
    const rm::Value numbers_as_value = numbers;
    const rm::Bytes picture = rm::Bytes::take(std::vector<std::uint8_t>(2'764'800));
    volatile std::uint32_t version = 0;
    const double bare = measure([&] { version = rm_abi_version(); });
    const double execute = measure([&] { require(three.run(numbers).values().size() == 3); });
    const double submit = measure([&] { require(three.execute(numbers_as_value).get().values().size() == 3); });
    const double large = measure([&] {
        const rm::Outputs outputs = one.run({picture});
        require(outputs.values()[0].as<rm::Bytes>().data() == picture.data());
    });
    const double node = measure([&] { require(own.run({1}).values().size() == 1); });
    std::printf("{\"bare\": %.1f, \"execute\": %.1f, \"submit\": %.1f, \"large\": %.1f, \"node\": %.1f}\n", bare,
                execute, submit, large, node);
}
