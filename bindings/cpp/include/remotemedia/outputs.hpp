// SPDX-License-Identifier: MIT OR Apache-2.0
// What work gives: the outputs of a run, and how a completion is read. It knows completions as docs/abi.md lays them
// out.

#pragma once

#include "calls.hpp"

namespace remotemedia {

/// What came out of one output of a pipeline: columns with an entry for each value, in the order of item, path and
/// emission.
struct Output {
    std::string name;
    List values;
    /// The number of the input that each value came from, from 0.
    std::vector<std::size_t> items;
    /// Times in nanoseconds; empty columns where no value has any.
    std::vector<std::optional<std::int64_t>> pts, durations;
    /// The order in which the values came out; empty where it is the order here.
    std::vector<std::size_t> sequence;
};

/// The outputs of a run, in the order of the plan.
class Outputs {
  public:
    Outputs() = default;
    Outputs(std::vector<Output> outputs, std::vector<WorkError> skipped, std::size_t skips, std::size_t retries)
        : outputs_(std::move(outputs)), skipped_(std::move(skipped)), skips_(skips), retries_(retries) {
    }

    bool empty() const noexcept {
        return outputs_.empty();
    }
    std::size_t size() const noexcept {
        return outputs_.size();
    }
    auto begin() const noexcept {
        return outputs_.begin();
    }
    auto end() const noexcept {
        return outputs_.end();
    }

    /// The output of a name; null where nothing came out of it.
    const Output *find(std::string_view name) const noexcept {
        for (const Output &output : outputs_) {
            if (output.name == name) return &output;
        }
        return nullptr;
    }
    /// The output of a name; throws `std::out_of_range` where there is none.
    const Output &operator[](std::string_view name) const & {
        const Output *found = find(name);
        if (!found) throw std::out_of_range("the pipeline has no output \"" + std::string(name) + "\"");
        return *found;
    }
    /// Of a temporary, such as `pipeline.run(inputs)["level"]`, which would be gone before the output is read.
    Output operator[](std::string_view name) && {
        return std::as_const(*this)[name];
    }
    /// The values of a pipeline with one output; throws `std::logic_error` where it has several.
    const List &values() const & {
        static const List none;
        if (outputs_.size() > 1)
            throw std::logic_error("the pipeline has several outputs; name one: outputs[\"name\"]");
        return outputs_.empty() ? none : outputs_.front().values;
    }
    /// Of a temporary, such as `for (const rm::Value &value : pipeline.run(inputs).values())`.
    List values() && {
        return std::as_const(*this).values();
    }

    /// The errors after which a packet was dropped, as the manifest allows: the first 100, and the first of each node.
    const std::vector<WorkError> &skipped() const noexcept {
        return skipped_;
    }
    /// How many packets were dropped so, and how often a node tried again.
    std::size_t skips() const noexcept {
        return skips_;
    }
    std::size_t retries() const noexcept {
        return retries_;
    }

  private:
    std::vector<Output> outputs_;
    std::vector<WorkError> skipped_;
    std::size_t skips_ = 0, retries_ = 0;
};

namespace detail {

/// How a piece of work has ended.
struct Completion {
    Outputs outputs;
    /// Null where it succeeded.
    std::exception_ptr error;
};

inline void read_times(Decoder &decoder, std::vector<std::optional<std::int64_t>> &times) {
    times.resize(decoder.open(Head::list, "times are a list"));
    for (auto &time : times) {
        const Head head = decoder.head();
        if (head.kind != Head::nil) time = static_cast<std::int64_t>(head.number);
    }
}

inline void read_numbers(Decoder &decoder, std::vector<std::size_t> &numbers) {
    numbers.resize(decoder.open(Head::list, "numbers are a list"));
    for (auto &number : numbers) number = static_cast<std::size_t>(decoder.number("an entry is no number"));
}

inline Output read_output(Decoder &decoder) {
    Output output{std::string(decoder.text()), {}, {}, {}, {}, {}};
    const std::size_t columns = decoder.open(Head::map, "an output is a map of columns");
    for (std::size_t index = 0; index < columns; index++) {
        const std::string_view key = decoder.text();
        if (key == "values") {
            const std::size_t count = decoder.open(Head::list, "values are a list");
            output.values.reserve(count);
            for (std::size_t value = 0; value < count; value++) output.values.push_back(decoder.value());
        } else if (key == "items") {
            read_numbers(decoder, output.items);
        } else if (key == "pts") {
            read_times(decoder, output.pts);
        } else if (key == "durations") {
            read_times(decoder, output.durations);
        } else if (key == "seqs") {
            read_numbers(decoder, output.sequence);
        } else {
            decoder.value();
        }
    }
    return output;
}

/// The error of a node, without those after it.
inline WorkError node_error(Failure failure) {
    return WorkError(failure.status, failure.message, std::move(failure.detail));
}

/// Reads a completion. Its release records are appended to `released`; release them once all of the document is read.
inline Completion read_completion(Decoder &decoder, Loans &loans, std::vector<std::uint64_t> &released) {
    std::vector<Output> outputs;
    std::vector<WorkError> skipped;
    std::size_t skips = 0, retries = 0;
    auto status = static_cast<Status>(RM_OK);
    std::vector<Failure> failures;
    const std::size_t entries = decoder.open(Head::map, "a completion is a map");
    for (std::size_t entry = 0; entry < entries; entry++) {
        const std::string_view key = decoder.text();
        if (key == "status") {
            status = static_cast<Status>(decoder.head().number);
        } else if (key == "outputs") {
            const std::size_t count = decoder.open(Head::map, "outputs are a map");
            for (std::size_t index = 0; index < count; index++) {
                outputs.push_back(read_output(decoder));
            }
        } else if (key == "errors" || key == "skipped") {
            const std::size_t count = decoder.open(Head::list, "errors are a list");
            for (std::size_t index = 0; index < count; index++) {
                Failure failure = Failure::read(decoder.value(), &loans);
                if (key == "errors")
                    failures.push_back(std::move(failure));
                else
                    skipped.push_back(node_error(std::move(failure)));
            }
        } else if (key == "skips") {
            skips = static_cast<std::size_t>(decoder.number("skips is a number"));
        } else if (key == "retries") {
            retries = static_cast<std::size_t>(decoder.number("retries is a number"));
        } else if (key == "released") {
            const auto tokens = read_tokens(decoder);
            released.insert(released.end(), tokens.begin(), tokens.end());
        } else {
            decoder.value();
        }
    }
    Outputs found(std::move(outputs), std::move(skipped), skips, retries);
    if (static_cast<rm_status>(status) >= 0) return {std::move(found), nullptr};
    Failure first{status, name_of(status), {}};
    if (!failures.empty()) {
        first.message = failures.front().message;
        first.detail = std::move(failures.front().detail);
    }
    std::vector<WorkError> others;
    for (std::size_t index = 1; index < failures.size(); index++)
        others.push_back(node_error(std::move(failures[index])));
    return {{},
            make_error(status, first.message, std::move(first.detail), std::move(others),
                       std::make_shared<const Outputs>(std::move(found)))};
}

} // namespace detail
} // namespace remotemedia
