// SPDX-License-Identifier: MIT OR Apache-2.0
// The cases of the wire format: documents through the codec of the host, and their JSON twins through the library.

#include "json_file.hpp"
#include "notation.hpp"

#include <algorithm>

namespace {

using Words = std::vector<std::uint8_t>;

Words document_of(const rm::Value &parts) {
    const std::string bytes = notation::bytes(parts);
    return {bytes.begin(), bytes.end()};
}

/// Blocks with memory of their own, aligned to 64 bytes.
std::vector<rm::SharedBlock> blocks_of(const rm::Value &buffers) {
    std::vector<rm::SharedBlock> blocks;
    for (const rm::Value &parts : buffers.as<rm::List>()) {
        const std::string bytes = notation::bytes(parts);
        const std::size_t size = (bytes.size() + 64) / 64 * 64;
        const std::shared_ptr<char> memory(static_cast<char *>(std::aligned_alloc(64, size)), std::free);
        std::memcpy(memory.get(), bytes.data(), bytes.size());
        blocks.push_back(rm::Bytes::share(std::span<const char>(memory.get(), bytes.size()), memory).block());
    }
    return blocks;
}

void check_written(const rm::Document &written, const Words &document, const std::vector<rm::SharedBlock> &blocks) {
    if (written.bytes != document) {
        throw Failed("written: expected " + std::to_string(document.size()) + " bytes, got others, " +
                     std::to_string(written.bytes.size()));
    }
    const auto equal = [](const rm::SharedBlock &a, const rm::SharedBlock &b) {
        return rm::Bytes(a, 0, a->size) == rm::Bytes(b, 0, b->size);
    };
    if (!std::ranges::equal(written.blocks, blocks, equal)) throw Failed("written: the buffers differ");
}

void play_vector(const rm::Value &vector) {
    const rm::Value expected = notation::value(vector["value"]);
    const Words document = document_of(vector["document"]);
    const auto blocks = blocks_of(vector["buffers"]);
    const rm::Value found = rm::decode(document, blocks);
    if (!(expected == found)) throw Failed("read: expected " + shown(expected) + ", got " + shown(found));
    if (!vector["written"].as<bool>()) return;
    check_written(rm::encode(expected), document, blocks);
    check_written(rm::encode(found), document, blocks);
}

void refuse(const std::function<void()> &call) {
    try {
        call();
    } catch (const rm::DocumentError &) {
        return;
    } catch (const rm::LimitExceeded &) {
        return;
    }
    throw Failed("it is accepted");
}

void play_twin(const rm::Value &vector) {
    if (vector["twin"].is_null()) throw Skip("its twin would be too deep");
    const std::string twin = notation::text(vector["twin"]);
    const auto blocks = blocks_of(vector["buffers"]);
    const rm::Value value = rm::decode(document_of(vector["document"]), blocks);
    const std::string found = rm::to_json(value);
    if (found != twin) throw Failed("twin: expected " + shortened(twin) + ", got " + shortened(found));
    if (!vector["written"].as<bool>()) return;
    check_written(rm::encode(rm::from_json(twin)), document_of(vector["document"]), blocks);
}

void play_read_twin(const rm::Value &vector) {
    const rm::Value value = rm::from_json(notation::text(vector["text"]));
    same(notation::value(vector["value"]), value, "read");
    check_written(rm::encode(value), document_of(vector["document"]), blocks_of(vector["buffers"]));
}

void play_refused_twin(const rm::Value &vector) {
    const rm::Value *bytes = vector.find("bytes");
    const std::string text = bytes ? notation::bytes(*bytes) : notation::text(vector["text"]);
    refuse([&] { rm::from_json(text); });
}

} // namespace

std::vector<Case> vector_cases(const std::string &suite) {
    const auto vectors = std::make_shared<const rm::Value>(JsonFile(suite + "/vectors.json").value());
    if ((*vectors)["schema"].as<std::string>() != "remotemedia.vectors" || (*vectors)["version"].as<int>() != 1) {
        throw std::runtime_error("vectors.json has a version that this runner does not know");
    }
    std::vector<Case> cases;
    const auto add = [&](const char *key, const char *kind, std::function<void(const rm::Value &)> play) {
        const rm::Value *entries = vectors->find(key);
        if (!entries) return;
        for (const rm::Value &entry : entries->as<rm::List>()) {
            cases.push_back(
                {std::string(kind) + "/" + entry["name"].as<std::string>(), [vectors, &entry, play] { play(entry); }});
        }
    };
    add("values", "vector", play_vector);
    add("values", "twin", play_twin);
    add("read_twins", "read_twin", play_read_twin);
    add("refused", "refused", [](const rm::Value &vector) {
        const auto blocks = blocks_of(vector["buffers"]);
        refuse([&] { rm::decode(document_of(vector["document"]), blocks); });
    });
    add("unwritable", "unwritable", [](const rm::Value &vector) {
        const rm::Value value = notation::value(vector["value"]);
        refuse([&] { rm::encode(value); });
    });
    add("refused_twins", "refused_twin", play_refused_twin);
    return cases;
}
