// SPDX-License-Identifier: MIT OR Apache-2.0
// The cases `digest`: the outputs of a manifest, read and written again, have the same SHA-256 in every language.

#include "cases.hpp"

#include <algorithm>
#include <filesystem>

namespace {

/// SHA-256 (FIPS 180-4) of a text, in hexadecimal.
std::string sha256(std::string text) {
    static constexpr std::uint32_t constants[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
    std::uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                              0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    const std::uint64_t bits = std::uint64_t{text.size()} * 8;
    text += '\x80';
    text.resize((text.size() + 8 + 63) / 64 * 64 - 8, '\0');
    for (int shift = 56; shift >= 0; shift -= 8) text += static_cast<char>(bits >> shift);
    for (std::size_t start = 0; start < text.size(); start += 64) {
        std::uint32_t words[64];
        for (std::size_t index = 0; index < 16; index++) {
            words[index] = 0;
            for (std::size_t byte = 0; byte < 4; byte++) {
                words[index] = words[index] << 8 | static_cast<unsigned char>(text[start + 4 * index + byte]);
            }
        }
        for (std::size_t index = 16; index < 64; index++) {
            const std::uint32_t a = words[index - 15], b = words[index - 2];
            words[index] = words[index - 16] + (std::rotr(a, 7) ^ std::rotr(a, 18) ^ a >> 3) + words[index - 7] +
                           (std::rotr(b, 17) ^ std::rotr(b, 19) ^ b >> 10);
        }
        auto [a, b, c, d, e, f, g, h] = state;
        for (std::size_t index = 0; index < 64; index++) {
            const std::uint32_t first = h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) +
                                        ((e & f) ^ (~e & g)) + constants[index] + words[index];
            const std::uint32_t second =
                (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
            h = g, g = f, f = e, e = d + first, d = c, c = b, b = a, a = first + second;
        }
        const std::uint32_t added[8] = {a, b, c, d, e, f, g, h};
        for (std::size_t index = 0; index < 8; index++) state[index] += added[index];
    }
    std::string hex;
    for (const std::uint32_t word : state) {
        char digits[9];
        std::snprintf(digits, sizeof digits, "%08x", static_cast<unsigned>(word));
        hex += digits;
    }
    return hex;
}

void play(const std::string &name, const std::string &file, const std::string &root) {
    const rm::Value digest = rm::from_json(read_file(file));
    if (digest["version"].as<int>() != 1) throw Failed("this version is not known");
    rm::Runtime runtime;
    const rm::Pipeline pipeline(runtime, digest["manifest"].as<rm::Map>());
    const rm::Bytes content = rm::Bytes::copy(read_file(root + "/" + digest["input"].as<std::string>()));
    const rm::Outputs outputs = pipeline.run({rm::File::of(content)});
    const rm::List &values = outputs[digest["output"].as<std::string>()].values;
    std::cout << "digest " << name << " " << sha256(rm::to_json(values)) << std::endl;
}

} // namespace

std::vector<Case> digest_cases(const std::string &suite) {
    std::vector<Case> cases;
    const std::filesystem::path folder = std::filesystem::path(suite) / "digests";
    if (!std::filesystem::is_directory(folder)) return cases;
    const std::string root = std::filesystem::canonical(suite).parent_path().parent_path().string();
    for (const auto &entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() != ".json") continue;
        const std::string name = "digest/" + entry.path().stem().string(), file = entry.path().string();
        cases.push_back({name, [=] { play(name, file, root); }});
    }
    std::ranges::sort(cases, {}, &Case::name);
    return cases;
}
