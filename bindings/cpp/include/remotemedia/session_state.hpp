// SPDX-License-Identifier: MIT OR Apache-2.0
// A session's handle and its events: calls that return at once, and the change that a caller waits for after one that
// would block. It knows the C ABI of sessions; session.hpp has what programs use.

#pragma once

#include "runtime.hpp"

#include <atomic>
#include <deque>
#include <shared_mutex>

namespace remotemedia {

/// An output of a session.
struct Packet {
    Value value;
    /// The place in the stream, in nanoseconds.
    std::optional<std::int64_t> pts, duration;
    /// The number of the packet among those of its output.
    std::size_t sequence = 0;
    /// Grows with each flush that the packet lies behind.
    std::size_t stream = 0;
    /// The name of the output.
    std::string output;
    /// The number of the sent packet that it came from.
    std::size_t item = 0;
};

/// Where a packet that is sent belongs. Without times it has those of its value.
struct SendAt {
    std::optional<std::int64_t> pts{}, duration{};
    /// The name of an input of the graph; by default its first one.
    std::string_view input{};
};

/// How long a call may wait. `TimedOut` or `Cancelled` is thrown when it has waited in vain; the session goes on.
struct Wait {
    std::optional<std::chrono::microseconds> timeout{};
    std::stop_token stop{};
};

namespace detail {

class SessionState final : public Work, public std::enable_shared_from_this<SessionState> {
  public:
    enum class Result { done, would_block, end };

    SessionState(std::shared_ptr<PipelineHandle> pipeline, std::shared_ptr<EventPort> port)
        : pipeline_(std::move(pipeline)), port_(std::move(port)) {
    }
    ~SessionState() override {
        rm_session_free(handle_);
    }

    /// Opens it: its events may come at once, so it is registered before.
    void open(const Value &options, std::chrono::microseconds budget) {
        budget_ = budget;
        read_plan(options);
        Encoder document;
        document.value(options, "options");
        token = port_->next_token();
        port_->add(shared_from_this());
        try {
            checked(&loans(), [&](rm_error **error) {
                return rm_session_new(pipeline_->handle, port_->handle(), token, document.document().data(),
                                      document.document().size(), &handle_, error);
            });
        } catch (...) {
            port_->remove(*this);
            throw;
        }
    }

    void completed(Completion completion) override {
        change([&] {
            error_ = std::move(completion.error);
            is_done_ = true;
        });
    }
    void notify(std::int64_t) override {
        change([] {});
    }
    void skipped(WorkError error) override {
        const std::lock_guard lock(mutex_);
        if (skipped_.size() < most_skipped) skipped_.push_back(std::move(error));
    }

    /// Grows with each event. Read it before a call that may block; `wait` and `when_changed` compare it.
    std::uint64_t changes() const {
        const std::lock_guard lock(mutex_);
        return changes_;
    }

    /// Waits for the next event; `in_vain` is what a caller is told whose time is over.
    void wait(std::uint64_t seen, const Wait &options, const char *in_vain) {
        const ServingThreads::Waiting waiting;
        std::unique_lock lock(mutex_);
        const auto has_changed = [&] { return changes_ != seen; };
        if (options.timeout) {
            if (changed_.wait_for(lock, options.stop, bounded(*options.timeout), has_changed)) return;
        } else if (changed_.wait(lock, options.stop, has_changed)) {
            return;
        }
        if (options.stop.stop_requested()) throw Cancelled(Status::cancelled, "the wait was cancelled");
        throw TimedOut(Status::timed_out, std::string(in_vain) + " within the time that the call may wait");
    }

    /// Has a function called at the next event, on the thread of the port; false where one has come already.
    bool when_changed(std::uint64_t seen, std::function<void()> function) {
        const std::lock_guard lock(mutex_);
        if (changes_ != seen) return false;
        waiting_.push_back(std::move(function));
        return true;
    }

    /// Grows with each interruption of all. Read it when a packet comes that is to be sent; `send` compares it.
    std::uint64_t interruptions() const noexcept {
        return interruptions_;
    }

    /// Sends a document of one packet. If all was interrupted since, it is dropped, and that is done.
    Result send(const Encoder &packet, std::uint64_t since) {
        std::shared_lock sending = lock_sending();
        if (interruptions_ != since) return Result::done;
        const Argument document(packet, loans());
        const Loans::Reading reading(loans());
        Answer answer;
        rm_status status = RM_OK;
        try {
            status = answer.of(&loans(), [&](rm_output *out, rm_error **error) {
                return rm_session_send(handle_, document.data(), document.size(), document.buffers(),
                                       document.buffer_count(), budget_.count(), 0, out, error);
            });
        } catch (const Gone &) {
            return has_ended() ? Result::end : Result::would_block;
        }
        sending.unlock();
        Decoder decoder = answer.decoder(&loans(), &document);
        const std::size_t fields = decoder.open(Head::list, "what was taken is a list");
        decoder.number("what was taken is a number");
        decoder.value();
        if (fields > 2) loans().release(read_tokens(decoder));
        return status == RM_OK ? Result::done : Result::would_block;
    }

    Result receive(std::int64_t sink, std::optional<Packet> &packet) {
        if ((packet = take_back(sink))) return Result::done;
        const Loans::Reading reading(loans());
        Answer answer;
        const rm_status status = answer.of(&loans(), [&](rm_output *out, rm_error **error) {
            return rm_session_receive(handle_, sink, 1, out, error);
        });
        // Where there are no outputs, memory may come back all the same.
        Decoder decoder = answer.decoder(&loans());
        const std::size_t fields = decoder.open(Head::list, "what was received is a list");
        if (decoder.open(Head::list, "outputs are a list") > 0) packet = read_packet(decoder);
        if (fields > 1) loans().release(read_tokens(decoder));
        if (status == RM_END) return has_ended() ? Result::end : Result::would_block;
        return packet ? Result::done : Result::would_block;
    }

    /// Gives a packet back that was received and is not wanted: the next call that may have it receives it.
    void give_back(Packet packet) {
        change([&] { given_back_.push_back(std::move(packet)); });
    }

    void finish() {
        checked(&loans(), [&](rm_error **error) { return rm_session_finish(handle_, error); });
    }
    void control(const Value &control) {
        if (control != Value::map({{"interrupt", true}})) return pass_on(control);
        const std::lock_guard turn(turn_);
        const std::lock_guard sending(sending_);
        interruptions_++;
        pass_on(control);
        const std::lock_guard lock(mutex_);
        given_back_.clear();
    }
    bool cancel() {
        if (handle_ == nullptr) return false;
        rm_error *error = nullptr;
        const rm_status status = rm_session_cancel(handle_, &error);
        rm_error_free(error);
        port_->cancel(*this);
        return status >= 0;
    }
    Value metrics() const {
        return ask(rm_session_metrics);
    }
    Value trace() const {
        return ask(rm_session_trace);
    }
    Value progress() const {
        return port_->progress(*this);
    }

    bool has_ended() const {
        const std::lock_guard lock(mutex_);
        return is_done_;
    }
    /// Throws what ended the session, if it failed or was cancelled.
    void throw_failure() const {
        const std::lock_guard lock(mutex_);
        if (error_) std::rethrow_exception(error_);
    }
    /// Why it takes no more packets.
    std::string farewell() const {
        const std::lock_guard lock(mutex_);
        if (!error_) return "the session has ended; call pipeline.session() for another one";
        try {
            std::rethrow_exception(error_);
        } catch (const std::exception &error) {
            return std::string("the session has ended: ") + error.what();
        }
    }
    std::vector<WorkError> skipped_errors() const {
        const std::lock_guard lock(mutex_);
        return skipped_;
    }

    /// The place of an output among those that are handed out.
    std::int64_t sink(std::string_view name) const {
        for (std::size_t index = 0; index < chosen_.size(); index++) {
            if (chosen_[index] == name) return static_cast<std::int64_t>(index);
        }
        throw std::out_of_range("the session has no output \"" + std::string(name) + "\"");
    }
    const std::vector<std::string> &output_names() const noexcept {
        return chosen_;
    }

    /// Writes the document of one packet: `[[value, pts?, duration?, input?]]`.
    void write_packet(Encoder &document, const Value &value, const SendAt &at) const {
        document.list(1);
        document.list(!at.input.empty() ? 4 : at.pts || at.duration ? 3 : 1);
        document.value(value, "value");
        if (at.input.empty() && !at.pts && !at.duration) return;
        document.optional_time(at.pts);
        document.optional_time(at.duration);
        if (at.input.empty()) return;
        for (std::size_t index = 0; index < inputs_.size(); index++) {
            if (inputs_[index] == at.input) return document.unsigned_integer(index);
        }
        throw std::out_of_range("the pipeline has no input \"" + std::string(at.input) + "\"");
    }

    Engine &engine() const noexcept {
        return *pipeline_->engine;
    }

  private:
    static constexpr std::size_t most_skipped = 100;

    Loans &loans() const noexcept {
        return pipeline_->engine->runtime->loans;
    }

    void pass_on(const Value &control) {
        Encoder document;
        document.value(control, "control");
        checked(&loans(), [&](rm_error **error) {
            return rm_session_control(handle_, document.document().data(), document.document().size(), error);
        });
    }

    std::shared_lock<std::shared_mutex> lock_sending() {
        const std::lock_guard turn(turn_);
        return std::shared_lock(sending_);
    }

    std::optional<Packet> take_back(std::int64_t sink) {
        const std::lock_guard lock(mutex_);
        const auto is_meant = [&](const Packet &packet) {
            return sink < 0 || packet.output == chosen_[static_cast<std::size_t>(sink)];
        };
        const auto found = std::find_if(given_back_.begin(), given_back_.end(), is_meant);
        if (found == given_back_.end()) return std::nullopt;
        Packet packet = std::move(*found);
        given_back_.erase(found);
        return packet;
    }

    template <typename Change> void change(Change &&apply) {
        std::vector<std::function<void()>> waiting;
        {
            const std::lock_guard lock(mutex_);
            apply();
            changes_++;
            waiting.swap(waiting_);
        }
        changed_.notify_all();
        for (const auto &function : waiting) function();
    }

    /// Names of inputs and outputs, in the order of their numbers.
    void read_plan(const Value &options) {
        Answer answer;
        answer.of(&loans(), [this](rm_output *out, rm_error **error) {
            return rm_pipeline_describe(pipeline_->handle, out, error);
        });
        const Value plan = answer.value(nullptr);
        const auto names = [&plan](std::string_view key) {
            std::vector<std::string> names;
            const Value *entries = plan.find(key);
            if (const List *list = entries ? entries->get_if<List>() : nullptr) {
                for (const Value &entry : *list) names.push_back(text_at(entry, "name").value_or(""));
            }
            return names;
        };
        inputs_ = names("inputs");
        outputs_ = names("outputs");
        chosen_ = outputs_;
        const Value *chosen = options.find("outputs");
        if (const List *list = chosen ? chosen->get_if<List>() : nullptr) {
            chosen_.clear();
            for (const Value &name : *list) chosen_.push_back(name.as<std::string>());
        }
    }

    Packet read_packet(Decoder &decoder) const {
        if (decoder.open(Head::list, "an output is a row") != 7) decoder.fail("an output is a row of 7 fields");
        Packet packet;
        packet.value = decoder.value();
        for (auto *time : {&packet.pts, &packet.duration}) {
            const Head head = decoder.head();
            if (head.kind != Head::nil) *time = static_cast<std::int64_t>(head.number);
        }
        packet.sequence = static_cast<std::size_t>(decoder.number("the number of an output is a number"));
        packet.stream = static_cast<std::size_t>(decoder.number("the stream of an output is a number"));
        const auto number = static_cast<std::size_t>(decoder.number("an output is named by its number"));
        if (number < outputs_.size()) packet.output = outputs_[number];
        packet.item = static_cast<std::size_t>(decoder.number("the item of an output is a number"));
        return packet;
    }

    template <typename Call> Value ask(Call call) const {
        const Loans::Reading reading(loans());
        Answer answer;
        answer.of(&loans(), [&](rm_output *out, rm_error **error) { return call(handle_, out, error); });
        return answer.value(&loans());
    }

    const std::shared_ptr<PipelineHandle> pipeline_;
    const std::shared_ptr<EventPort> port_;
    rm_session *handle_ = nullptr;
    std::chrono::microseconds budget_{0};
    std::vector<std::string> inputs_, outputs_, chosen_;
    /// Held shared while a packet is sent, and alone by an interruption of all, which `turn_` lets in before others.
    std::shared_mutex sending_;
    std::mutex turn_;
    std::atomic<std::uint64_t> interruptions_ = 0;
    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    std::uint64_t changes_ = 0;
    bool is_done_ = false;
    std::exception_ptr error_;
    std::vector<WorkError> skipped_;
    std::vector<std::function<void()>> waiting_;
    std::deque<Packet> given_back_;
};

} // namespace detail
} // namespace remotemedia
