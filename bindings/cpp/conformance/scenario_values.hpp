// SPDX-License-Identifier: MIT OR Apache-2.0
// Values of scenarios: JSON twins with objects that stand for what is large, and the errors that steps expect.

#pragma once

#include "cases.hpp"

/// Memory of the host, by the names that a scenario gives it.
using Lent = std::map<std::string, rm::Bytes>;

inline rm::Bytes ramp(std::size_t size) {
    std::vector<std::uint8_t> bytes(size);
    for (std::size_t index = 0; index < size; index++) bytes[index] = static_cast<std::uint8_t>(index % 251);
    return rm::Bytes::take(std::move(bytes));
}

inline rm::Value ramp_audio(const rm::Value &header) {
    const auto channels = header["channels"].as<std::size_t>(), frames = header["frames"].as<std::size_t>();
    std::vector<float> samples(channels * frames);
    for (std::size_t index = 0; index < samples.size(); index++) samples[index] = static_cast<float>(index % 251) / 256;
    rm::Audio audio = rm::Audio::take(std::move(samples), header["rate"].as<std::uint32_t>(), channels);
    audio.layout.reset();
    const rm::Value *pts = header.find("pts");
    if (pts && !pts->is_null()) audio.pts = pts->as<std::int64_t>();
    return audio;
}

/// A key of a map without the mark that its twin has.
inline std::string plain_key(const std::string &key) {
    const std::size_t dollars = key.find_first_not_of('$');
    return dollars != 0 && dollars != std::string::npos && key.compare(dollars, 2, "rm") == 0 ? key.substr(1) : key;
}

/// The value of a tagged object, which the library reads.
inline rm::Value tagged(const rm::Value &object) {
    // As an ordinary map its tag is written with one more mark.
    std::string text = rm::to_json(object);
    for (std::size_t place = 0; (place = text.find("\"$$rm\":", place)) != std::string::npos;) text.erase(place + 1, 1);
    return rm::from_json(text);
}

/// A value with its large parts in place.
inline rm::Value built(const rm::Value &written, const Lent &lent) {
    if (const auto *list = written.get_if<rm::List>()) {
        rm::List found;
        for (const rm::Value &item : *list) found.push_back(built(item, lent));
        return found;
    }
    const auto *map = written.get_if<rm::Map>();
    if (!map) return written;
    if (map->size() == 1) {
        const auto &[key, value] = *map->begin();
        if (key == "$ramp") return ramp(value.as<std::size_t>());
        if (key == "$audio") return ramp_audio(value);
        if (key == "$lent") return lent.at(value.as<std::string>());
    }
    if (map->contains("$rm")) return tagged(written);
    rm::Map found;
    for (const auto &[key, value] : *map) found.append(plain_key(key), built(value, lent));
    return found;
}

/// Throws `Failed` unless `part` is contained in `whole`, as the suite's README says.
inline void contained(const rm::Value &part, const rm::Value &whole, const std::string &where) {
    const auto *map = part.get_if<rm::Map>();
    if (map && whole.is<rm::Map>()) {
        for (const auto &[key, value] : *map) {
            const rm::Value *found = whole.find(key);
            if (!found) throw Failed(where + ": there is no \"" + key + "\"");
            contained(value, *found, where + "." + key);
        }
        return;
    }
    const auto *list = part.get_if<rm::List>();
    if (list && whole.is<rm::List>()) {
        same(list->size(), whole.as<rm::List>().size(), "number of " + where);
        for (std::size_t index = 0; index < list->size(); index++) {
            contained((*list)[index], whole[index], where + "[" + std::to_string(index) + "]");
        }
        return;
    }
    same(part, whole, where);
}

inline rm::Value list_of(const std::vector<std::string> &texts) {
    rm::List list;
    for (const std::string &text : texts) list.emplace_back(text);
    return list;
}

/// Compares the fields of an error that a step expects, but for its outputs.
inline void check_error(const rm::Error &error, const rm::Map &expected,
                        const std::vector<std::exception_ptr> &exceptions) {
    const rm::ErrorDetail &detail = error.detail();
    const rm::Map found{{"message", error.what()},       {"cause", detail.cause},
                        {"cure", detail.cure},           {"node_id", detail.node_id},
                        {"node_type", detail.node_type}, {"item", detail.item},
                        {"input", detail.input},         {"position_ns", detail.position_ns},
                        {"chain", list_of(detail.chain)}};
    for (const auto &[key, value] : expected) {
        if (key == "outputs") continue;
        if (key == "status") {
            const rm::Value status = rm::name_of(error.status());
            const auto *several = value.get_if<rm::List>();
            const bool is_one = several && std::ranges::find(*several, status) != several->end();
            if (!is_one) same(several ? several->front() : value, status, "status (" + std::string(error.what()) + ")");
        } else if (key == "message_has") {
            for (const rm::Value &part : value.as<rm::List>()) {
                if (std::string_view(error.what()).find(part.as<std::string>()) == std::string_view::npos) {
                    throw Failed("the message lacks " + shown(part) + ": " + error.what());
                }
            }
        } else if (key == "exception") {
            if (error.exception() != exceptions.at(value.as<std::size_t>())) throw Failed("it is another exception");
        } else if (key == "errors") {
            const auto *work = dynamic_cast<const rm::WorkError *>(&error);
            same(value, work ? work->others().size() + 1 : 0, "errors");
        } else if (key == "problems") {
            same(value.as<rm::List>().size(), error.problems().size(), "problems");
            for (std::size_t index = 0; index < error.problems().size(); index++) {
                const rm::Problem &problem = error.problems()[index];
                const rm::Map fields{{"path", problem.path},
                                     {"message", problem.message},
                                     {"line", problem.line},
                                     {"column", problem.column},
                                     {"expected", problem.expected},
                                     {"got", problem.got},
                                     {"suggestion", problem.suggestion}};
                for (const auto &[field, wanted] : value[index].as<rm::Map>()) {
                    same(wanted, fields.at(field), "problems[" + std::to_string(index) + "]." + field);
                }
            }
        } else {
            same(value, found.at(key), key);
        }
    }
}
