// SPDX-License-Identifier: MIT OR Apache-2.0
// The codec against the vectors of the wire format, and against values that it must refuse.

#include "check.hpp"

namespace {

std::vector<std::uint8_t> from_base64(const std::string &text) {
    const rm::Value bytes = json("{\"$rm\":\"bytes\",\"base64\":\"" + text + "\"}");
    const auto *data = reinterpret_cast<const std::uint8_t *>(bytes.as<rm::Bytes>().data());
    return {data, data + bytes.as<rm::Bytes>().size()};
}

rm::SharedBlock block(const std::vector<std::uint8_t> &bytes) {
    return rm::Bytes::copy(std::span(bytes)).block();
}

const std::string folder = TESTS_ROOT "/tests/vectors/";

} // namespace

TEST(codec, vectors_are_read_and_written) {
    const rm::Value vectors = json(read_file(folder + "vectors.json"));
    int count = 0;
    for (const rm::Value &vector : vectors["vectors"].as<rm::List>()) {
        const std::string name = vector["name"].as<std::string>();
        const std::string document = read_file(folder + vector["msgpack"].as<std::string>());
        const std::string twin = read_file(folder + vector["json"].as<std::string>());
        std::vector<rm::SharedBlock> blocks;
        for (const rm::Value &buffer : vector["buffers"].as<rm::List>()) {
            blocks.push_back(block(from_base64(buffer.as<std::string>())));
        }
        const std::span bytes(reinterpret_cast<const std::uint8_t *>(document.data()), document.size());
        const rm::Value value = rm::decode(bytes, blocks);
        if (!(value == json(twin))) fail(__FILE__, __LINE__, name + ": the document and its twin differ");
        const rm::Document written = rm::encode(value);
        CHECK(rm::decode(written.bytes, written.blocks) == value);
        if (vector["canonical"].as<bool>() && !std::ranges::equal(written.bytes, bytes)) {
            fail(__FILE__, __LINE__, name + ": other bytes are written");
        }
        count++;
    }
    CHECK(count >= 36);
}

TEST(codec, refused_documents_throw) {
    const rm::Value vectors = json(read_file(folder + "vectors.json"));
    for (const rm::Value &vector : vectors["refused"].as<rm::List>()) {
        const auto document = from_base64(vector["base64"].as<std::string>());
        THROWN(rm::DocumentError, rm::decode(document));
    }
}

TEST(codec, every_cut_of_a_document_is_refused) {
    const rm::Value value =
        rm::Value::map({{"audio", rm::Audio::copy(std::vector<float>(40, 0.5f), 8000, 2)},
                        {"tensor", rm::Tensor::take(std::vector<std::int16_t>{1, 2, 3, 4, 5, 6}, {2, 3})},
                        {"list", rm::Value::list(nullptr, true, -129, 1e300, "text", rm::Timestamp{5, 6}, UINT64_MAX)},
                        {"file", rm::File::of(rm::Bytes::copy("content"), "text/plain")}});
    const rm::Document document = rm::encode(value);
    CHECK(rm::decode(document.bytes) == value);
    for (std::size_t size = 0; size < document.bytes.size(); size++) {
        THROWN(rm::DocumentError, rm::decode(std::span(document.bytes).first(size)));
    }
}

TEST(codec, every_changed_byte_is_read_or_refused) {
    const rm::Value value = rm::Value::list(rm::Audio::copy(std::vector<float>(9, 0.5f), 8000, 3),
                                            rm::Tensor::take(std::vector<float>(6), {2, 3}), "text",
                                            rm::Value::map({{"a", rm::Timestamp{1, 2}}}));
    rm::Document document = rm::encode(value);
    int refused = 0;
    for (std::size_t place = 0; place < document.bytes.size(); place++) {
        const std::uint8_t kept = document.bytes[place];
        for (int change = 1; change < 256; change++) {
            document.bytes[place] = static_cast<std::uint8_t>(kept ^ change);
            try {
                rm::encode(rm::decode(document.bytes));
            } catch (const rm::DocumentError &) {
                refused++;
            }
        }
        document.bytes[place] = kept;
    }
    CHECK(refused > 1000);
}

TEST(codec, large_payloads_share_their_block) {
    std::vector<float> samples(10'000);
    for (std::size_t index = 0; index < samples.size(); index++) samples[index] = static_cast<float>(index);
    const rm::Audio whole = rm::Audio::take(std::move(samples), 16000);
    const rm::Document document = rm::encode(rm::Value::list(whole, whole.part(1000, 9000)));
    CHECK_EQUAL(1u, document.blocks.size());
    CHECK(document.blocks[0] == whole.data.block());
    const rm::Value read = rm::decode(document.bytes, document.blocks);
    CHECK(read[1].as<rm::Audio>().channel(0).data() == whole.channel(0).data() + 1000);
    CHECK_EQUAL(62'500'000, *rm::Audio::copy(std::vector<float>(2000), 16000, 1, 0).part(1000, 10).pts);
    // 16,383 bytes are inside the document, 16,384 are not.
    CHECK_EQUAL(0u, rm::encode(rm::Bytes::copy(std::string(16'383, 'x'))).blocks.size());
    CHECK_EQUAL(1u, rm::encode(rm::Bytes::copy(std::string(16'384, 'x'))).blocks.size());
}

TEST(codec, values_that_no_document_has_are_refused) {
    THROWN(rm::DocumentError, rm::encode("\xed\xa0\x80"));
    THROWN(rm::DocumentError, rm::encode("\xc0\x80"));
    rm::Map twice;
    twice.append("key", 1);
    twice.append("key", 2);
    THROWN(rm::DocumentError, rm::encode(twice));
    THROWN(rm::DocumentError, rm::encode(rm::Timestamp{0, 1'000'000'000}));
    rm::Value deep;
    for (int depth = 0; depth < 600; depth++) deep = rm::Value::list(std::move(deep));
    THROWN(rm::DocumentError, rm::encode(deep));
    rm::Tensor outside{rm::DataType::float64, {4}, {}, rm::Bytes::copy("0123456789"), 0};
    THROWN(rm::DocumentError, rm::encode(outside));
    THROWN(rm::DocumentError, rm::encode(rm::File{}));
}

TEST(codec, ints_and_floats_stay_apart) {
    CHECK(!(rm::Value(1) == rm::Value(1.0)));
    CHECK(!(rm::Value(0.0) == rm::Value(-0.0)));
    CHECK(rm::Value(std::uint64_t{5}) == rm::Value(5));
    CHECK_EQUAL(UINT64_MAX, rm::Value(UINT64_MAX).as<std::uint64_t>());
    CHECK_EQUAL(200, rm::Value(200).as<std::uint8_t>());
    THROWN(std::invalid_argument, rm::Value(256).as<std::uint8_t>());
    THROWN(std::invalid_argument, rm::Value(1).as<double>());
    CHECK_EQUAL(1.0, rm::Value(1).number());
}

TEST(codec, limits_are_kept) {
    rm::Value nested = rm::List();
    for (int depth = 1; depth < 128; depth++) nested = rm::Value::list(std::move(nested));
    CHECK(rm::decode(rm::encode(nested).bytes) == nested);
    nested = rm::Value::list(std::move(nested));
    THROWN(rm::DocumentError, rm::decode(rm::encode(nested).bytes));
    CHECK(rm::decode(rm::encode(nested).bytes, {}, {.depth = 129}) == nested);
    THROWN(rm::DocumentError, rm::decode(rm::encode(rm::Value::list(1, 2, 3)).bytes, {}, {.items = 2}));
}
