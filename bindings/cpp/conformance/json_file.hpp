// SPDX-License-Identifier: MIT OR Apache-2.0
// The suite's files as values. The library's reader of JSON has a limit on depth, which documents of the suite exceed.

#pragma once

#include "cases.hpp"

#include <charconv>

class JsonFile {
  public:
    explicit JsonFile(const std::string &path) : text_(read_file(path)) {
    }

    rm::Value value() {
        skip_space();
        switch (peek()) {
        case '{':
            return map();
        case '[':
            return list();
        case '"':
            return string();
        case 't':
            return word("true", true);
        case 'f':
            return word("false", false);
        case 'n':
            return word("null", nullptr);
        default:
            return number();
        }
    }

  private:
    char peek() const {
        if (at_ >= text_.size()) throw std::runtime_error("a file of the suite ends too early");
        return text_[at_];
    }

    void skip_space() {
        while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) at_++;
    }

    bool take(char wanted) {
        skip_space();
        if (peek() != wanted) return false;
        at_++;
        return true;
    }

    void require(char wanted) {
        if (!take(wanted)) throw std::runtime_error(std::string("a file of the suite lacks a ") + wanted);
    }

    rm::Value word(std::string_view word, rm::Value value) {
        if (text_.compare(at_, word.size(), word) != 0)
            throw std::runtime_error("a file of the suite has an unknown word");
        at_ += word.size();
        return value;
    }

    rm::Value map() {
        rm::Map map;
        require('{');
        if (take('}')) return map;
        do {
            skip_space();
            std::string key = string();
            require(':');
            map.append(std::move(key), value());
        } while (take(','));
        require('}');
        return map;
    }

    rm::Value list() {
        rm::List list;
        require('[');
        if (take(']')) return list;
        do list.push_back(value());
        while (take(','));
        require(']');
        return list;
    }

    rm::Value number() {
        const std::size_t end = std::min(text_.find_first_not_of("+-0123456789.eE", at_), text_.size());
        const std::string_view digits = std::string_view(text_).substr(at_, end - at_);
        at_ = end;
        if (digits.find_first_of(".eE") != std::string_view::npos) return std::stod(std::string(digits));
        std::int64_t found = 0;
        const auto [last, error] = std::from_chars(digits.data(), digits.data() + digits.size(), found);
        if (error != std::errc() || last != digits.data() + digits.size()) throw std::runtime_error("no number");
        return found;
    }

    std::uint32_t unit() {
        const std::uint32_t found = static_cast<std::uint32_t>(std::stoul(text_.substr(at_, 4), nullptr, 16));
        at_ += 4;
        return found;
    }

    void append_code(std::string &out) {
        std::uint32_t code = unit();
        if (code >= 0xd800 && code < 0xdc00) {
            at_ += 2;
            code = 0x10000 + ((code - 0xd800) << 10) + (unit() - 0xdc00);
        }
        static constexpr struct {
            std::uint32_t below;
            int more;
            unsigned char first;
        } forms[] = {{0x80, 0, 0}, {0x800, 1, 0xc0}, {0x10000, 2, 0xe0}, {0x110000, 3, 0xf0}};
        for (const auto &form : forms) {
            if (code >= form.below) continue;
            out += static_cast<char>(form.first | code >> (6 * form.more));
            for (int more = form.more; more-- > 0;) out += static_cast<char>(0x80 | (code >> (6 * more) & 0x3f));
            return;
        }
    }

    std::string string() {
        std::string out;
        require('"');
        for (char each = peek(); each != '"'; each = peek()) {
            at_++;
            if (each != '\\') {
                out += each;
                continue;
            }
            const char escape = peek();
            at_++;
            static constexpr std::string_view letters = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
            if (escape == 'u')
                append_code(out);
            else
                out += meanings.at(letters.find(escape));
        }
        at_++;
        return out;
    }

    std::string text_;
    std::size_t at_ = 0;
};
