// SPDX-License-Identifier: MIT OR Apache-2.0
// Sends many frames of 20 ms through a session and prints the resident memory: `frames [COUNT]`. It must stay flat.

#include <remotemedia.hpp>
#include <remotemedia/nodes.hpp>

#include <cstdio>
#include <cstdlib>
#include <thread>

#include <unistd.h>

namespace rm = remotemedia;

static long resident_kib() {
    long pages = 0, resident = 0;
    if (std::FILE *file = std::fopen("/proc/self/statm", "r")) {
        if (std::fscanf(file, "%ld %ld", &pages, &resident) != 2) resident = 0;
        std::fclose(file);
    }
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

int main(int argc, char **argv) {
    const long count = argc > 1 ? std::atol(argv[1]) : 1'000'000;
    rm::Runtime runtime;
    const rm::Pipeline pipeline(runtime, rm::Graph("frames") >> rm::nodes::AudioResample{.rate = 8000});
    rm::Session session = pipeline.session();
    std::jthread sender([&] {
        for (long number = 0; number < count; number++) {
            session.send(rm::Audio::take(std::vector<float>(320, 0.25f), 16000), {.pts = number * 20'000'000});
        }
        session.finish();
    });
    const auto begun = std::chrono::steady_clock::now();
    long received = 0;
    for (const rm::Packet &packet : session) {
        received += packet.value.is<rm::Audio>();
        if (received % std::max(1L, count / 5) == 0) {
            std::printf("%ld frames, %ld KiB resident, %zu lent\n", received, resident_kib(), runtime.lent());
        }
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    std::printf("%ld frames in %.1f s, %.0f a second\n", received, seconds, static_cast<double>(received) / seconds);
}
