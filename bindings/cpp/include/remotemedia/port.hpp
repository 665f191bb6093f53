// SPDX-License-Identifier: MIT OR Apache-2.0
// Ports: how completions, calls and other events of the runtime reach the work that they are for. `EventPort` has what
// all ports share, `InlinePort` is driven by the thread that waits for a run. It knows the C ABI of ports.

#pragma once

#include "serve.hpp"
#include "threads.hpp"

#include <atomic>
#include <condition_variable>
#include <optional>
#include <unordered_set>

namespace remotemedia::detail {

/// The handle of a runtime, with what it was lent. It is freed with the last object that uses it.
struct RuntimeHandle {
    rm_runtime *handle = nullptr;
    Loans loans;

    RuntimeHandle() = default;
    RuntimeHandle(const RuntimeHandle &) = delete;
    RuntimeHandle &operator=(const RuntimeHandle &) = delete;
    ~RuntimeHandle() {
        rm_runtime_free(handle);
    }

    /// Lets go of what was lent without a port, and of the functions of pipelines that are gone.
    void take_released() {
        Answer answer;
        answer.of(&loans, [this](rm_output *out, rm_error **error) { return rm_runtime_released(handle, out, error); });
        if (answer.empty()) return;
        Decoder decoder = answer.decoder(&loans);
        loans.release(read_tokens(decoder));
    }
};

/// An event, with the objects that it names looked up.
struct Event {
    std::int64_t kind = 0;
    /// The token of the work, or the number of the call.
    std::uint64_t number = 0;
    std::optional<Completion> completion;
    std::shared_ptr<OpenCall> call;
    std::optional<WorkError> skipped;
};

class EventPort : public Replier, public std::enable_shared_from_this<EventPort> {
  public:
    explicit EventPort(std::shared_ptr<RuntimeHandle> runtime) : runtime_(std::move(runtime)) {
        checked(&runtime_->loans,
                [this](rm_error **error) { return rm_port_new(runtime_->handle, nullptr, 0, &handle_, error); });
    }
    EventPort(const EventPort &) = delete;
    EventPort &operator=(const EventPort &) = delete;
    ~EventPort() override {
        rm_port_free(handle_);
    }

    rm_port *handle() const noexcept {
        return handle_;
    }
    Loans &loans() override {
        return runtime_->loans;
    }

    /// A number for work that is to be begun.
    std::uint64_t next_token() noexcept {
        return ++last_token_;
    }
    /// Registers work under its token, which its events name.
    void add(const std::shared_ptr<Work> &work) {
        const std::lock_guard lock(mutex_);
        if (is_ended_) throw ShutDown("the runtime is shut down; make another one");
        works_.emplace(work->token, work);
    }
    void remove(const Work &work) {
        const std::lock_guard lock(mutex_);
        works_.erase(work.token);
    }

    /// Cancels work; returns whether it had not ended. Its functions are told by their stop tokens.
    bool cancel(Work &work) {
        rm_error *error = nullptr;
        const rm_status status = rm_port_cancel(handle_, work.token, &error);
        rm_error_free(error);
        stop_functions(work);
        return status >= 0;
    }

    Value progress(const Work &work) {
        Answer answer;
        answer.of(&loans(),
                  [&](rm_output *out, rm_error **error) { return rm_port_progress(handle_, work.token, out, error); });
        return answer.value(&loans());
    }

    Room reply(const std::shared_ptr<OpenCall> &call, const Encoder &reply, bool is_final,
               std::shared_ptr<OpenCall> *next) override {
        {
            const std::lock_guard lock(mutex_);
            if (call->is_over) return Room::gone;
            call->has_room = false;
            if (is_final) calls_.erase(call->id);
            if (next) replies_with_next_++;
        }
        const Argument document(reply, loans());
        // A next call may name memory that was lent.
        std::optional<Loans::Reading> reading;
        if (next) reading.emplace(loans());
        Answer answer;
        rm_status status = RM_GONE;
        try {
            rm_output *place = nullptr;
            status = answer.of(&loans(), [&](rm_output *out, rm_error **error) {
                place = next ? out : nullptr;
                return rm_port_reply(handle_, call->id, document.data(), document.size(), document.buffers(),
                                     document.buffer_count(), place, error);
            });
            if (next && !answer.empty()) *next = read_next(answer);
        } catch (const Gone &) {
        } catch (const ShutDown &) {
        } catch (...) {
            reply_ends(next != nullptr);
            const std::lock_guard lock(mutex_);
            calls_.emplace(call->id, call);
            throw;
        }
        reply_ends(next != nullptr);
        if (status == RM_WOULD_BLOCK) return Room::full;
        if (status == RM_OK) return Room::ready;
        return Room::gone;
    }

    bool wait_for_room(OpenCall &call) override {
        wait([&call] { return call.has_room || call.is_over; });
        const std::lock_guard lock(mutex_);
        return !call.is_over;
    }

    bool is_over(OpenCall &call) override {
        const std::lock_guard lock(mutex_);
        return call.is_over;
    }

    std::stop_token stop_token(OpenCall &call) override {
        return call.stop.get_token();
    }

  protected:
    /// Waits until a condition holds, which is checked with the lock.
    virtual void wait(const std::function<bool()> &condition) = 0;
    /// Has a call served.
    virtual void serve(std::shared_ptr<OpenCall> call) = 0;

    /// Takes the events that are there, and waits for the first one. Returns false once no more will come.
    bool fetch(std::int64_t timeout_us, std::deque<Event> &events) {
        Answer answer;
        const rm_status status = answer.of(
            &loans(), [&](rm_output *out, rm_error **error) { return rm_port_next(handle_, timeout_us, out, error); });
        if (!answer.empty()) {
            Decoder decoder = answer.decoder(&loans());
            std::vector<std::uint64_t> released;
            const std::size_t count = decoder.open(Head::list, "events are a list");
            for (std::size_t index = 0; index < count; index++) read_event(decoder, events, released);
            loans().release(std::move(released));
        }
        return status != RM_END;
    }

    void dispatch(Event event) {
        switch (event.kind) {
        case RM_EVENT_COMPLETED:
            complete(event.number, std::move(*event.completion));
            break;
        case RM_EVENT_CALL:
            if (open_call(event.call)) serve(std::move(event.call));
            break;
        case RM_EVENT_ROOM:
        case RM_EVENT_OUTPUTS:
            if (const auto work = find(event.number)) work->notify(event.kind);
            break;
        case RM_EVENT_REPLY_ROOM:
        case RM_EVENT_CALL_OVER:
            change_call(event.number, event.kind == RM_EVENT_CALL_OVER);
            break;
        case RM_EVENT_SKIPPED:
            if (const auto work = find(event.number)) work->skipped(std::move(*event.skipped));
            break;
        default:
            break;
        }
    }

    /// Ends all work: no more events come.
    void end() {
        std::vector<std::shared_ptr<Work>> works;
        {
            const std::lock_guard lock(mutex_);
            is_ended_ = true;
            for (auto &entry : works_) works.push_back(std::move(entry.second));
            works_.clear();
        }
        stop_calls([](const OpenCall &) { return true; });
        for (const auto &work : works) {
            work->completed(
                {{}, std::make_exception_ptr(ShutDown("the runtime was shut down while the work went on"))});
        }
    }

    /// Ends the calls of work, those too whose events have not been handled yet.
    void stop_functions(Work &work) {
        {
            const std::lock_guard lock(mutex_);
            work.is_unwanted = true;
        }
        stop_calls([&work](const OpenCall &call) { return call.job == work.token; });
    }

    /// Serves a call and those that come with its replies.
    void serve_now(std::shared_ptr<OpenCall> call) {
        for (int in_a_row = 0; call; in_a_row++) {
            try {
                call = Serving(*this, call).run(in_a_row < most_in_a_row);
            } catch (const Error &) {
                // The call ends with its work; no reply reaches it.
                return;
            }
        }
    }

    /// Registers a call; returns whether an answer is wanted.
    bool open_call(const std::shared_ptr<OpenCall> &call) {
        const std::lock_guard lock(mutex_);
        const auto work = works_.find(call->job);
        if (work == works_.end() || work->second->is_unwanted) return false;
        // Its end may have come by another thread before the reply that brought it returned.
        if (over_early_.contains(call->id)) return false;
        call->work = work->second;
        calls_.emplace(call->id, call);
        return true;
    }

    std::shared_ptr<RuntimeHandle> runtime_;
    std::mutex mutex_;
    std::condition_variable changed_;

  private:
    /// After so many calls that came with replies the next one comes as an event, behind the events before it.
    static constexpr int most_in_a_row = 8;

    void read_event(Decoder &decoder, std::deque<Event> &events, std::vector<std::uint64_t> &released) {
        const std::size_t fields = decoder.open(Head::list, "an event is a list");
        Event event;
        event.kind = static_cast<std::int64_t>(decoder.number("the kind of an event is a number"));
        std::size_t read = 1;
        if (event.kind == RM_EVENT_RELEASED) {
            const auto tokens = read_tokens(decoder);
            released.insert(released.end(), tokens.begin(), tokens.end());
            read++;
        } else if (fields > 1) {
            event.number = decoder.number("an event names its work or call by a number");
            read++;
            if (event.kind == RM_EVENT_COMPLETED) {
                event.completion = read_completion(decoder, loans(), released);
                read++;
            } else if (event.kind == RM_EVENT_CALL) {
                event.call = read_call(event.number, decoder, loans());
                read++;
            } else if (event.kind == RM_EVENT_SKIPPED) {
                event.skipped = node_error(Failure::read(decoder.value(), &loans()));
                read++;
            }
        }
        for (; read < fields; read++) decoder.value();
        if (event.kind != RM_EVENT_RELEASED) events.push_back(std::move(event));
    }

    std::shared_ptr<OpenCall> read_next(Answer &answer) {
        Decoder decoder = answer.decoder(&loans());
        const std::size_t fields = decoder.open(Head::list, "a next call is a list");
        const std::uint64_t id = decoder.number("a call is a number");
        auto call = read_call(id, decoder, loans());
        if (fields > 2) loans().release(read_tokens(decoder));
        return open_call(call) ? call : nullptr;
    }

    void change_call(std::uint64_t id, bool is_over) {
        if (is_over) {
            stop_calls([id](const OpenCall &call) { return call.id == id; });
            const std::lock_guard lock(mutex_);
            if (replies_with_next_ > 0) over_early_.insert(id);
            return;
        }
        const std::lock_guard lock(mutex_);
        const auto call = calls_.find(id);
        if (call == calls_.end()) return;
        call->second->has_room = true;
        changed_.notify_all();
    }

    void reply_ends(bool had_next) {
        if (!had_next) return;
        const std::lock_guard lock(mutex_);
        if (--replies_with_next_ == 0) over_early_.clear();
    }

    /// Ends calls: their replies are not wanted any more.
    template <typename Predicate> void stop_calls(Predicate &&is_meant) {
        // Callbacks of stop tokens run without the lock.
        std::vector<std::shared_ptr<OpenCall>> stopped;
        {
            const std::lock_guard lock(mutex_);
            for (auto call = calls_.begin(); call != calls_.end();) {
                if (!is_meant(*call->second)) {
                    ++call;
                    continue;
                }
                call->second->is_over = true;
                stopped.push_back(std::move(call->second));
                call = calls_.erase(call);
            }
            changed_.notify_all();
        }
        for (const auto &call : stopped) call->stop.request_stop();
    }

    std::shared_ptr<Work> find(std::uint64_t token) {
        const std::lock_guard lock(mutex_);
        const auto found = works_.find(token);
        return found == works_.end() ? nullptr : found->second;
    }

    void complete(std::uint64_t token, Completion completion) {
        std::shared_ptr<Work> work;
        {
            const std::lock_guard lock(mutex_);
            const auto found = works_.find(token);
            if (found == works_.end()) return;
            work = std::move(found->second);
            works_.erase(found);
        }
        stop_calls([token](const OpenCall &call) { return call.job == token; });
        work->completed(std::move(completion));
    }

    rm_port *handle_ = nullptr;
    std::unordered_map<std::uint64_t, std::shared_ptr<Work>> works_;
    std::unordered_map<std::uint64_t, std::shared_ptr<OpenCall>> calls_;
    std::unordered_set<std::uint64_t> over_early_;
    std::size_t replies_with_next_ = 0;
    std::atomic<std::uint64_t> last_token_ = 0;
    bool is_ended_ = false;
};

/// A port that one thread at a time drives, while it waits for its run. It serves the calls itself.
class InlinePort final : public EventPort {
  public:
    using EventPort::EventPort;

    /// Handles events until the work is done.
    void drive(const std::function<bool()> &is_done) {
        while (!is_done()) step();
    }

    /// The same for a run with functions. While one is at work it is told of the deadline, and of an end of the run.
    void drive(const std::function<bool()> &is_done, Work &run,
               std::optional<std::chrono::steady_clock::time_point> deadline) {
        struct Leave {
            InlinePort &port;
            ~Leave() {
                port.end_watch();
                port.run_ = nullptr;
            }
        } leave{*this};
        run_ = &run;
        deadline_ = deadline;
        looked_ = std::chrono::steady_clock::now();
        drive(is_done);
    }

    /// Takes release records that are there.
    void drain() {
        read(0);
    }

    bool is_over(OpenCall &call) override {
        // Nothing else looks while a function that does not ask is called for one item after the other.
        const auto now = std::chrono::steady_clock::now();
        if (run_ && deadline_ && now >= *deadline_) stop_functions(*run_);
        if (!watcher_.joinable() && now - looked_ >= most_blind) {
            looked_ = now;
            read(0);
        }
        return EventPort::is_over(call);
    }

    std::stop_token stop_token(OpenCall &call) override {
        // Only functions that ask to be told need a thread that reads events beside them.
        if (run_ && !watcher_.joinable()) {
            is_watched_ = true;
            watcher_ = start_thread([this] { watch(); });
        }
        return EventPort::stop_token(call);
    }

  private:
    void wait(const std::function<bool()> &condition) override {
        const auto holds = [&] {
            const std::lock_guard lock(mutex_);
            return condition();
        };
        while (!holds()) step();
    }

    void serve(std::shared_ptr<OpenCall> call) override {
        serve_now(std::move(call));
    }

    /// Handles one event. A function that waits for room comes here again, so events wait in a queue of the port.
    void step() {
        std::unique_lock lock(mutex_);
        if (watcher_.joinable()) {
            changed_.wait(lock, [this] { return !events_.empty() || has_ended_; });
        } else if (events_.empty()) {
            lock.unlock();
            read(-1);
            lock.lock();
        }
        if (events_.empty()) {
            const bool is_end = has_ended_;
            lock.unlock();
            if (is_end) end();
            return;
        }
        Event event = std::move(events_.front());
        events_.pop_front();
        lock.unlock();
        // Its call was opened when it was read.
        if (event.kind == RM_EVENT_CALL)
            serve(std::move(event.call));
        else
            dispatch(std::move(event));
    }

    /// Reads events into the queue, waiting so long for the first. Ends of calls don't wait there: this thread may be
    /// at work for one of them.
    void read(std::int64_t timeout_us) {
        std::deque<Event> events;
        bool more = false;
        {
            const Loans::Reading reading(loans());
            more = fetch(timeout_us, events);
        }
        for (Event &event : events) {
            if (event.kind == RM_EVENT_CALL && !open_call(event.call)) continue;
            if (event.kind == RM_EVENT_CALL_OVER) {
                dispatch(std::move(event));
                continue;
            }
            const std::lock_guard lock(mutex_);
            events_.push_back(std::move(event));
        }
        const std::lock_guard lock(mutex_);
        if (!more) has_ended_ = true;
        changed_.notify_all();
    }

    /// Reads events, until the watch is ended, and stops functions at the deadline.
    void watch() {
        bool is_late = !deadline_;
        while (is_watched_) {
            std::int64_t timeout_us = -1;
            if (!is_late) {
                const auto rest = *deadline_ - std::chrono::steady_clock::now();
                timeout_us = std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::microseconds>(rest).count());
                if (timeout_us == 0) {
                    is_late = true;
                    stop_functions(*run_);
                    continue;
                }
            }
            read(timeout_us);
            const std::lock_guard lock(mutex_);
            if (has_ended_) return;
        }
    }

    void end_watch() {
        if (!watcher_.joinable()) return;
        is_watched_ = false;
        rm_port_wake(handle(), nullptr);
        watcher_.join();
    }

    /// Between quick items an end may wait so long: each look costs about as much as such an item.
    static constexpr std::chrono::milliseconds most_blind{1};

    std::deque<Event> events_;
    bool has_ended_ = false;
    Work *run_ = nullptr;
    std::chrono::steady_clock::time_point looked_;
    std::optional<std::chrono::steady_clock::time_point> deadline_;
    std::thread watcher_;
    std::atomic<bool> is_watched_ = false;
};

} // namespace remotemedia::detail
