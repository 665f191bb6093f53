// SPDX-License-Identifier: MIT OR Apache-2.0
// A live session: one thread sends 20 ms of a tone at a time, and another one prints how loud it is. The tone stops
// after a second, which a function of this program notices.

#include <remotemedia.hpp>
#include <remotemedia/nodes.hpp>

#include <cmath>
#include <cstdio>
#include <numbers>
#include <thread>

namespace rm = remotemedia;
namespace nodes = remotemedia::nodes;

/// Gives `loud` or `quiet` where the level changes from one to the other.
struct Changes {
    std::string before;
    std::optional<std::string> operator()(const rm::Value &level) {
        const rm::Value &rms = level["rms_db"];
        const std::string now = !rms.is_null() && rms.number() > -40 ? "loud" : "quiet";
        if (now == before) return std::nullopt;
        return before = now;
    }
};

int main() {
    constexpr int rate = 16000, frames = rate / 50;
    rm::Runtime runtime;
    const rm::Graph graph = rm::Graph("live") >> nodes::AudioLevel{.window_ms = 100} >>
                            rm::host_node("Changes", rm::HostNode::stateful([] { return Changes(); }));
    const rm::Pipeline pipeline(runtime, graph);
    rm::Session session = pipeline.session();
    std::jthread microphone([&session] {
        for (int number = 0; number < 100; number++) {
            std::vector<float> samples(frames);
            for (int frame = 0; frame < frames && number < 50; frame++) {
                const double time = static_cast<double>(number * frames + frame) / rate;
                samples[static_cast<std::size_t>(frame)] =
                    static_cast<float>(0.5 * std::sin(2 * std::numbers::pi * 440 * time));
            }
            session.send(rm::Audio::take(std::move(samples), rate), {.pts = number * 20'000'000LL});
        }
        session.finish();
    });
    for (const rm::Packet &packet : session) {
        std::printf("%.1f s %s\n", static_cast<double>(packet.pts.value_or(0)) / 1e9,
                    packet.value.as<std::string>().c_str());
    }
}
