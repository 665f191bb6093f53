// SPDX-License-Identifier: MIT OR Apache-2.0
// What a case of the conformance suite is, and how it ends otherwise than well.

#pragma once

#include <remotemedia.hpp>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <sstream>

namespace rm = remotemedia;

struct Case {
    std::string name;
    std::function<void()> play;
};

/// The case can't be run in this language; the message says why.
struct Skip : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The case failed; the message says what was expected.
struct Failed : std::runtime_error {
    using std::runtime_error::runtime_error;
};

inline std::string shortened(std::string text) {
    if (text.size() > 200) text = text.substr(0, 197) + "...";
    for (char &each : text) {
        if (each == '\n') each = ' ';
    }
    return text;
}

inline std::string shown(const rm::Value &value) {
    try {
        return shortened(rm::to_json(value));
    } catch (const rm::Error &) {
        return std::string(value.kind());
    }
}

/// Throws `Failed` unless both are equal in kind and value.
inline void same(const rm::Value &expected, const rm::Value &found, const std::string &where) {
    if (!(expected == found)) throw Failed(where + ": expected " + shown(expected) + ", got " + shown(found));
}

inline std::string read_file(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("can't read " + path);
    std::ostringstream content;
    content << file.rdbuf();
    return content.str();
}

std::vector<Case> vector_cases(const std::string &suite);
std::vector<Case> scenario_cases(const std::string &suite);
std::vector<Case> digest_cases(const std::string &suite);
