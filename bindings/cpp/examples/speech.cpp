// SPDX-License-Identifier: MIT OR Apache-2.0
// How loud is a recording, every 100 ms? Runs the pipeline of a manifest file on one recording:
//
//     speech examples/speech.yaml examples/speech.flac

#include <remotemedia.hpp>

#include <cstdio>
#include <fstream>
#include <sstream>

namespace rm = remotemedia;

int main(int argc, char **argv) {
    if (argc != 3) return std::fprintf(stderr, "usage: speech MANIFEST RECORDING\n"), 2;
    std::ostringstream manifest;
    manifest << std::ifstream(argv[1]).rdbuf();
    try {
        const rm::Pipeline pipeline(manifest.str());
        const rm::Outputs outputs = pipeline.run({rm::File::at(argv[2])});
        const rm::Output &level = outputs["level"];
        for (std::size_t index = 0; index < level.values.size(); index++) {
            std::printf("%6.1f s %7.1f dBFS\n", static_cast<double>(level.pts[index].value_or(0)) / 1e9,
                        level.values[index]["rms_db"].number());
        }
        std::printf("%zu windows of 100 ms\n", level.values.size());
    } catch (const rm::Error &error) {
        std::fprintf(stderr, "%s: %s\n", rm::name_of(error.status()), error.what());
        return 1;
    }
}
