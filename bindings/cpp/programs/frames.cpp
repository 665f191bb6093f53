// SPDX-License-Identifier: MIT OR Apache-2.0
// Sends frames of 20 ms through one session, and prints the memory of the process on the way: `frames SUITE [COUNT]`,
// as tests/conformance/README.md describes it.

#include <remotemedia.hpp>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include <unistd.h>

namespace rm = remotemedia;

namespace {

constexpr long tenths = 10;

long resident_kib() {
    long pages = 0;
    long resident = 0;
    std::ifstream("/proc/self/statm") >> pages >> resident;
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

std::string content(const std::string &path) {
    const std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

} // namespace

int main(int argc, char **argv) {
    if (argc < 2 || argc > 3) {
        std::fprintf(stderr, "frames SUITE [COUNT]\n");
        return 2;
    }
    const long frames = argc == 3 ? std::atol(argv[2]) : 1'000'000;
    rm::Runtime runtime;
    const rm::Pipeline pipeline(runtime, content(std::string(argv[1]) + "/bench/frames.json"));
    rm::Session session = pipeline.session();
    std::vector<long> resident;
    std::jthread sender([&] {
        for (long number = 1; number <= frames; number++) {
            session.send(rm::Audio::take(std::vector<float>(std::size_t{8} * 960, 0.25f), 48000, 8));
            if (number == frames * (static_cast<long>(resident.size()) + 1) / tenths)
                resident.push_back(resident_kib());
        }
        session.finish();
    });
    long received = 0;
    for ([[maybe_unused]] const rm::Packet &packet : session) received++;
    sender.join();
    // What the last frames lent comes back by the port.
    for (int tries = 0; runtime.lent() > 0 && tries < 5000; tries++) usleep(1000);
    std::printf("{\"sent\": %ld, \"resident_kib\": [", frames);
    for (std::size_t index = 0; index < resident.size(); index++)
        std::printf("%s%ld", index == 0 ? "" : ", ", resident[index]);
    std::printf("], \"received\": %ld, \"lent\": %zu}\n", received, runtime.lent());
}
