// SPDX-License-Identifier: MIT OR Apache-2.0
// A second translation unit with all headers: both link into one program.

#include <remotemedia.hpp>
#include <remotemedia/nodes.hpp>

remotemedia::Graph levels_of_speech() {
    namespace nodes = remotemedia::nodes;
    return remotemedia::Graph("speech") >> nodes::AudioDecode{} >> nodes::AudioMix{.channels = 1} >>
           nodes::AudioResample{.rate = 16000} >> nodes::AudioLevel{.window_ms = 100};
}
