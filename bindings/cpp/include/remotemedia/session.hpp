// SPDX-License-Identifier: MIT OR Apache-2.0
// `Session`: a pipeline at work on one stream, as a range of its outputs, with calls that wait and awaitables. It knows
// the state of sessions and the executor, and no call of the C ABI.

#pragma once

#include "session_state.hpp"

#include <atomic>
#include <iterator>

namespace remotemedia {

struct SessionOptions {
    /// The outputs that are handed out, by default all; those of others are dropped.
    std::vector<std::string> outputs{};
    /// Bounds of the queue at each input and each output: `packets`, `bytes` and `ms` of media time.
    std::optional<std::int64_t> packets{}, bytes{}, ms{};
    /// How long the session may last.
    std::optional<std::chrono::microseconds> deadline{};
    /// A packet, and everything made of it, is dropped once so much time has passed since it was taken.
    std::optional<std::chrono::microseconds> packet_deadline{};
    /// Time is that of the media, for tests.
    bool virtual_clock = false;
    bool trace = false;
    /// How long a `send` may work on the calling thread, which spares light work the way over another one; 0: never.
    std::chrono::microseconds budget{300};
    /// Further options, as docs/abi.md has them.
    Map more{};
};

namespace detail {

inline Value session_options(const SessionOptions &options) {
    Map map = options.more;
    if (!options.outputs.empty()) {
        List names;
        for (const std::string &name : options.outputs) names.emplace_back(name);
        map["outputs"] = std::move(names);
    }
    Map buffer;
    if (options.packets) buffer["packets"] = *options.packets;
    if (options.bytes) buffer["bytes"] = *options.bytes;
    if (options.ms) buffer["ms"] = *options.ms;
    if (!buffer.empty()) map["buffer"] = std::move(buffer);
    if (options.deadline) map["deadline_us"] = options.deadline->count();
    if (options.packet_deadline) map["packet_deadline_us"] = options.packet_deadline->count();
    if (options.virtual_clock) map["clock"] = "virtual";
    if (options.trace) map["trace"] = true;
    return map;
}

/// Repeats an attempt at each event of the session until it is done, and resumes a coroutine then. Once the coroutine
/// is destroyed no attempt is made any more.
class SessionOperation : public std::enable_shared_from_this<SessionOperation> {
  public:
    explicit SessionOperation(std::shared_ptr<SessionState> state) : state_(std::move(state)) {
    }
    virtual ~SessionOperation() = default;

    /// Attempts it; whether it is done, also by a failure.
    bool attempt() {
        seen_ = state_->changes();
        try {
            return try_once(*state_);
        } catch (...) {
            failure_ = std::current_exception();
            return true;
        }
    }

    /// Has the coroutine resumed when it is done; false where it is done already.
    bool suspend(std::coroutine_handle<> handle) {
        const std::lock_guard lock(mutex_);
        handle_ = handle;
        if (arm()) return true;
        handle_ = nullptr;
        return false;
    }
    /// The coroutine is gone, or has what it waited for.
    void forget() {
        is_forgotten_ = true;
        // An attempt that another thread makes ends before.
        const std::lock_guard lock(mutex_);
        handle_ = nullptr;
    }
    void throw_failure() const {
        if (failure_) std::rethrow_exception(failure_);
    }

  protected:
    virtual bool try_once(SessionState &state) = 0;
    /// Undoes what an attempt has done that is not wanted any more.
    virtual void undo(SessionState &state) = 0;

  private:
    /// Waits for the next event; false where an attempt before it has done it.
    bool arm() {
        for (;;) {
            // An event may come, and `advance` wait for the lock, before `when_changed` returns.
            const bool is_armed = state_->when_changed(
                seen_, [self = shared_from_this()] { self->state_->engine().post([self] { self->advance(); }); });
            if (is_armed) return true;
            if (attempt()) return false;
        }
    }

    void advance() {
        std::coroutine_handle<> handle;
        {
            const std::lock_guard lock(mutex_);
            if (is_forgotten_) return;
            if (!attempt() && arm()) return;
            if (is_forgotten_) return undo(*state_);
            handle = std::exchange(handle_, nullptr);
        }
        if (handle) handle.resume();
    }

    const std::shared_ptr<SessionState> state_;
    std::uint64_t seen_ = 0;
    std::exception_ptr failure_;
    std::atomic<bool> is_forgotten_ = false;
    /// Held during an attempt, so that a coroutine is not destroyed in the middle of one.
    std::mutex mutex_;
    std::coroutine_handle<> handle_;
};

class SendOperation final : public SessionOperation {
  public:
    SendOperation(const std::shared_ptr<SessionState> &state, const Value &value, const SendAt &at)
        : SessionOperation(state), since_(state->interruptions()) {
        state->write_packet(document_, value, at);
    }
    void result() const {
    }

  private:
    bool try_once(SessionState &state) override {
        const auto found = state.send(document_, since_);
        if (found != SessionState::Result::end) return found == SessionState::Result::done;
        throw Gone(state.farewell());
    }
    void undo(SessionState &) override {
        // What was sent can't be taken back.
    }

    const std::uint64_t since_;
    Encoder document_;
};

class ReceiveOperation final : public SessionOperation {
  public:
    ReceiveOperation(const std::shared_ptr<SessionState> &state, std::int64_t sink)
        : SessionOperation(state), sink_(sink) {
    }
    std::optional<Packet> result() {
        return std::exchange(packet_, std::nullopt);
    }

  private:
    bool try_once(SessionState &state) override {
        const auto found = state.receive(sink_, packet_);
        if (found == SessionState::Result::end) state.throw_failure();
        return found != SessionState::Result::would_block;
    }
    void undo(SessionState &state) override {
        if (packet_) state.give_back(*std::exchange(packet_, std::nullopt));
    }

    std::int64_t sink_;
    std::optional<Packet> packet_;
};

template <typename Operation> class [[nodiscard]] SessionAwaiter {
  public:
    explicit SessionAwaiter(std::shared_ptr<Operation> operation) : operation_(std::move(operation)) {
    }
    SessionAwaiter(SessionAwaiter &&) = default;
    ~SessionAwaiter() {
        if (operation_) operation_->forget();
    }
    bool await_ready() {
        return operation_->attempt();
    }
    bool await_suspend(std::coroutine_handle<> handle) {
        // This object may be gone before `suspend` returns.
        const std::shared_ptr<Operation> operation = operation_;
        return operation->suspend(handle);
    }
    auto await_resume() {
        operation_->throw_failure();
        return operation_->result();
    }

  private:
    std::shared_ptr<Operation> operation_;
};

} // namespace detail

/// Outputs of a session as they come: a range that ends with the session. Each is handed out once.
class PacketRange {
  public:
    PacketRange(std::shared_ptr<detail::SessionState> state, std::int64_t sink)
        : state_(std::move(state)), sink_(sink) {
    }

    /// Waits for an output; nothing once there will never be one again. Throws the failure that ended the session.
    std::optional<Packet> receive(const Wait &options = {}) {
        for (;;) {
            const std::uint64_t seen = state_->changes();
            std::optional<Packet> packet;
            const auto result = state_->receive(sink_, packet);
            if (result == detail::SessionState::Result::done) return packet;
            if (result == detail::SessionState::Result::end) {
                state_->throw_failure();
                return std::nullopt;
            }
            state_->wait(seen, options, "the session had no output");
        }
    }

    /// An output that is there, without waiting.
    std::optional<Packet> try_receive() {
        std::optional<Packet> packet;
        if (state_->receive(sink_, packet) == detail::SessionState::Result::end) state_->throw_failure();
        return packet;
    }

    /// `co_await range.async_receive()`: an output, or nothing at the end.
    auto async_receive() {
        return detail::SessionAwaiter(std::make_shared<detail::ReceiveOperation>(state_, sink_));
    }

    class iterator {
      public:
        using value_type = Packet;
        using difference_type = std::ptrdiff_t;
        using iterator_concept = std::input_iterator_tag;

        iterator() = default;
        explicit iterator(PacketRange *range) : range_(range) {
            ++*this;
        }
        Packet &operator*() const {
            return *packet_;
        }
        Packet *operator->() const {
            return &*packet_;
        }
        iterator &operator++() {
            packet_ = range_->receive();
            return *this;
        }
        void operator++(int) {
            ++*this;
        }
        friend bool operator==(const iterator &left, std::default_sentinel_t) {
            return !left.packet_;
        }

      private:
        PacketRange *range_ = nullptr;
        mutable std::optional<Packet> packet_;
    };

    iterator begin() {
        return iterator(this);
    }
    std::default_sentinel_t end() const noexcept {
        return {};
    }

  private:
    std::shared_ptr<detail::SessionState> state_;
    std::int64_t sink_;
};

/// A pipeline at work on one stream: `send` packets, and read the outputs, from any threads. Its queues are bounded:
/// `send` waits while there is no room, so read beside it. Destroying a session cancels it if it has not ended.
class Session {
  public:
    explicit Session(std::shared_ptr<detail::SessionState> state) : state_(std::move(state)), all_(state_, -1) {
    }
    Session(Session &&) = default;
    Session &operator=(Session &&other) {
        if (this != &other) {
            drop();
            state_ = std::move(other.state_);
            all_ = std::move(other.all_);
        }
        return *this;
    }
    ~Session() {
        drop();
    }

    /// Sends a packet, and waits while there is no room; an interruption of all drops it then, as if it was sent.
    /// Throws `Gone` where the session has ended; `wait` says why.
    void send(const Value &value, const SendAt &at = {}, const Wait &options = {}) {
        detail::SendOperation packet(state_, value, at);
        for (;;) {
            const std::uint64_t seen = state_->changes();
            if (packet.attempt()) return packet.throw_failure();
            state_->wait(seen, options, "the session had no room");
        }
    }
    /// Sends a packet if there is room.
    bool try_send(const Value &value, const SendAt &at = {}) {
        detail::SendOperation packet(state_, value, at);
        const bool is_done = packet.attempt();
        packet.throw_failure();
        return is_done;
    }
    /// `co_await session.async_send(value)`.
    auto async_send(const Value &value, const SendAt &at = {}) {
        return detail::SessionAwaiter(std::make_shared<detail::SendOperation>(state_, value, at));
    }

    /// Waits for an output of any kind; nothing once there will never be one again.
    std::optional<Packet> receive(const Wait &options = {}) {
        return all_.receive(options);
    }
    std::optional<Packet> try_receive() {
        return all_.try_receive();
    }
    auto async_receive() {
        return all_.async_receive();
    }
    /// `for (Packet &packet : session)`: the outputs in the order in which they came, to the end of the session.
    PacketRange::iterator begin() {
        return all_.begin();
    }
    std::default_sentinel_t end() const noexcept {
        return {};
    }

    /// The outputs of one name alone. Outputs that are not read hold the graph up.
    PacketRange output(std::string_view name) const {
        return PacketRange(state_, state_->sink(name));
    }
    const std::vector<std::string> &output_names() const noexcept {
        return state_->output_names();
    }

    /// Sends no more: what was sent comes out, tails included, then the session ends.
    void finish() {
        state_->finish();
    }
    /// Ends the stream behind what was sent, so that what nodes hold back comes out; another stream may begin.
    void flush() {
        state_->control(Value::map({{"flush", true}}));
    }
    /// Drops what was sent and not received, also what waits to be sent, and lets nodes begin anew; of a node `at` and
    /// those behind it alone, while what waits to be sent goes on waiting.
    void interrupt(std::string_view at = {}) {
        Map control{{"interrupt", true}};
        if (!at.empty()) control["at"] = at;
        state_->control(std::move(control));
    }
    /// Changes live params of a node, behind what was sent.
    void set_params(std::string_view node, Map params) {
        state_->control(Value::map({{"set", Map{{"node", node}, {"params", std::move(params)}}}}));
    }
    /// Sends a control document, as docs/abi.md has it.
    void control(const Value &document) {
        state_->control(document);
    }
    /// Ends the session now; false where it has ended already.
    bool cancel() {
        return state_->cancel();
    }

    /// Waits for the end, and throws what ended it unless it was finished. Outputs that were not received can still be.
    void wait(const Wait &options = {}) {
        for (;;) {
            const std::uint64_t seen = state_->changes();
            if (state_->has_ended()) return state_->throw_failure();
            state_->wait(seen, options, "the session did not end");
        }
    }

    /// What each node has done until now, and what waits where; see docs/abi.md.
    Value metrics() const {
        return state_->metrics();
    }
    /// What a session with `trace` has recorded since the last call.
    Value trace() const {
        return state_->trace();
    }
    Value progress() const {
        return state_->progress();
    }
    /// The errors after which packets were dropped, the first 100.
    std::vector<WorkError> skipped() const {
        return state_->skipped_errors();
    }

  private:
    void drop() {
        if (state_ && !state_->has_ended()) state_->cancel();
        state_.reset();
    }

    std::shared_ptr<detail::SessionState> state_;
    PacketRange all_;
};

inline Session Pipeline::session(const SessionOptions &options) const {
    auto state = std::make_shared<detail::SessionState>(handle_, handle_->engine->port());
    state->open(detail::session_options(options), options.budget);
    return Session(std::move(state));
}

inline Session Pipeline::session() const {
    return session(SessionOptions{});
}

} // namespace remotemedia
