// SPDX-License-Identifier: MIT OR Apache-2.0
// Values as JSON text and back, by the library: docs/wire.md has the twin of each kind. Counts of what is alive, for
// tests.

#pragma once

#include "calls.hpp"

namespace remotemedia {

/// The JSON twin of a value, on one line.
inline std::string to_json(const Value &value) {
    detail::Encoder document;
    document.value(value, "value");
    // The library reads the blocks during the call only, so nothing is lent.
    std::vector<rm_buffer> table;
    for (const SharedBlock &block : document.blocks()) {
        rm_buffer buffer{};
        buffer.data = reinterpret_cast<const std::uint8_t *>(block->data);
        buffer.len = block->size;
        table.push_back(buffer);
    }
    detail::Answer answer;
    answer.of(nullptr, [&](rm_output *out, rm_error **error) {
        return rm_document_to_json(document.document().data(), document.document().size(), table.data(), table.size(),
                                   0, out, error);
    });
    return std::string(answer.text());
}

/// The value of a JSON text. Ints and floats are told apart: `1` and `1.0`.
inline Value from_json(std::string_view text) {
    detail::Answer answer;
    answer.of(nullptr, [&](rm_output *out, rm_error **error) {
        return rm_document_from_json(reinterpret_cast<const std::uint8_t *>(text.data()), text.size(), nullptr, 0, out,
                                     error);
    });
    return answer.value(nullptr);
}

/// How many objects of each kind are alive in this process: `{"runtimes", "ports", "pipelines", ...}`.
inline Value live_objects() {
    detail::Answer answer;
    answer.of(nullptr, [](rm_output *out, rm_error **error) { return rm_live_objects(out, error); });
    return answer.value(nullptr);
}

} // namespace remotemedia
