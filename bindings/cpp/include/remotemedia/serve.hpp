// SPDX-License-Identifier: MIT OR Apache-2.0
// Serves one call of the runtime to nodes of this program: passes its packets through their functions, and replies. It
// knows calls and replies as docs/abi.md lays them out; the port sends the replies.

#pragma once

#include "host_node.hpp"
#include "outputs.hpp"

#include <cxxabi.h>

#include <typeinfo>

namespace remotemedia::detail {

/// Work of a port: a run or a session.
class Work {
  public:
    virtual ~Work() = default;
    /// The end of the work; after it nothing more is called.
    virtual void completed(Completion completion) = 0;
    /// `RM_EVENT_ROOM` or `RM_EVENT_OUTPUTS`.
    virtual void notify(std::int64_t kind) = 0;
    virtual void skipped(WorkError error) = 0;

    /// The instance of a node at work on this stream. One call at a time is made to a node, so none needs a lock.
    std::shared_ptr<HostInstance> instance(const HostType &type, const std::string &node_id, std::uint64_t epoch) {
        if (!type.is_stateful) return type.make();
        const std::lock_guard lock(instances_mutex_);
        Held &held = instances_[node_id];
        if (!held.instance || held.epoch != epoch) held = {type.make(), epoch};
        return held.instance;
    }

    std::uint64_t token = 0;
    /// No answer of its functions is wanted any more, though its end may not be here yet. Its port guards it.
    bool is_unwanted = false;

  private:
    struct Held {
        std::shared_ptr<HostInstance> instance;
        std::uint64_t epoch = 0;
    };
    std::mutex instances_mutex_;
    std::unordered_map<std::string, Held> instances_;
};

/// One entry of a call: a packet, or an end.
struct CallEntry {
    bool is_end = false;
    HostEnd end;
    HostPacket packet;
};

/// A call that has no last reply yet. Its port guards what changes.
struct OpenCall {
    std::uint64_t id = 0, job = 0, epoch = 0;
    std::vector<std::pair<std::shared_ptr<const HostType>, std::string>> nodes;
    std::vector<CallEntry> entries;
    std::shared_ptr<Work> work;
    bool is_over = false, has_room = true;
    std::stop_source stop;
};

inline CallEntry read_entry(Decoder &decoder) {
    CallEntry entry;
    const std::size_t fields = decoder.open(Head::list, "an entry of a call is a list");
    entry.is_end = fields < 2;
    if (fields > 0) {
        const auto item = static_cast<std::size_t>(decoder.number("the item of an entry is a number"));
        entry.packet.item = item;
        if (entry.is_end) entry.end.item = item;
    }
    if (fields > 1) entry.packet.value = decoder.value();
    for (std::size_t field = 2; field < fields; field++) {
        const Head head = decoder.head();
        if (field == 4)
            entry.packet.port = static_cast<std::size_t>(head.number);
        else if (head.kind != Head::nil)
            (field == 2 ? entry.packet.pts : entry.packet.duration) = static_cast<std::int64_t>(head.number);
    }
    return entry;
}

/// Reads `{"job", "nodes", "entries", "epoch"?}`.
inline std::shared_ptr<OpenCall> read_call(std::uint64_t id, Decoder &decoder, const Loans &loans) {
    auto call = std::make_shared<OpenCall>();
    call->id = id;
    const std::size_t entries = decoder.open(Head::map, "a call is a map");
    for (std::size_t entry = 0; entry < entries; entry++) {
        const std::string_view key = decoder.text();
        if (key == "job") {
            call->job = decoder.number("the job of a call is a number");
        } else if (key == "epoch") {
            call->epoch = decoder.number("the epoch of a call is a number");
        } else if (key == "nodes") {
            const std::size_t count = decoder.open(Head::list, "the nodes of a call are a list");
            for (std::size_t index = 0; index < count; index++) {
                decoder.open(Head::list, "a node of a call is a list");
                const std::uint64_t token = decoder.number("the token of a node is a number");
                call->nodes.emplace_back(loans.find<std::shared_ptr<const HostType>>(token),
                                         std::string(decoder.text()));
            }
        } else if (key == "entries") {
            const std::size_t count = decoder.open(Head::list, "the entries of a call are a list");
            call->entries.reserve(count);
            for (std::size_t index = 0; index < count; index++) call->entries.push_back(read_entry(decoder));
        } else {
            decoder.value();
        }
    }
    return call;
}

/// What a port does for the call that is being served.
class Replier {
  public:
    enum class Room { ready, full, gone };
    virtual ~Replier() = default;
    /// Sends a reply. `next` gets the next call to the same nodes if the port may hand it out, and it is there.
    virtual Room reply(const std::shared_ptr<OpenCall> &call, const Encoder &reply, bool is_final,
                       std::shared_ptr<OpenCall> *next) = 0;
    /// Waits until there is room for more, or the call is over: false.
    virtual bool wait_for_room(OpenCall &call) = 0;
    virtual bool is_over(OpenCall &call) = 0;
    /// What tells a function that its answer is not wanted any more.
    virtual std::stop_token stop_token(OpenCall &call) = 0;
    virtual Loans &loans() = 0;
};

/// What the causes behind an exception say, nearest first.
inline void append_causes(const std::exception &error, std::vector<std::string> &chain) {
    const auto *nested = dynamic_cast<const std::nested_exception *>(&error);
    if (!nested || !nested->nested_ptr() || chain.size() >= 16) return;
    try {
        nested->rethrow_nested();
    } catch (const std::exception &cause) {
        chain.emplace_back(cause.what());
        append_causes(cause, chain);
    } catch (...) {
        chain.emplace_back("an exception that is no std::exception");
    }
}

/// The failure of a function, as a reply carries it.
struct HostFailure {
    std::size_t entry = 0, node = 0;
    std::exception_ptr exception;
    /// It ends the work whatever `on_error` says: a node could not be made.
    bool ends_run = false;

    /// `token` is the number under which the exception is lent.
    void write(Encoder &out, std::uint64_t token) const {
        std::string message = "an exception that is no std::exception";
        std::optional<std::string> type;
        std::vector<std::string> chain;
        try {
            std::rethrow_exception(exception);
        } catch (const std::exception &error) {
            message = error.what();
            type = demangled(typeid(error));
            append_causes(error, chain);
        } catch (...) {
        }
        out.text("error");
        out.map(type ? 7 : 6);
        out.text("entry");
        out.unsigned_integer(entry);
        out.text("node");
        out.unsigned_integer(node);
        out.text("message");
        out.text(readable(message));
        if (type) {
            out.text("type");
            out.text(*type);
        }
        out.text("chain");
        out.list(chain.size());
        for (const std::string &cause : chain) out.text(readable(cause));
        out.text("token");
        out.unsigned_integer(token);
        out.text("ends_run");
        out.boolean(ends_run);
    }

  private:
    /// The text with a question mark for each byte that belongs to no UTF-8 character: such text can't be sent.
    static std::string readable(std::string text) {
        const auto *begin = reinterpret_cast<const unsigned char *>(text.data()), *end = begin + text.size();
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t length = utf8_length(begin + at, end);
            if (length == 0) text[at] = '?';
            at += std::max<std::size_t>(1, length);
        }
        return text;
    }

    static std::string demangled(const std::type_info &type) {
        int status = 0;
        const std::unique_ptr<char, decltype(&std::free)> name(
            abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), std::free);
        return name ? name.get() : type.name();
    }
};

/// One call being served on this thread.
class Serving final : public EmitTarget {
  public:
    Serving(Replier &replier, std::shared_ptr<OpenCall> call) : replier_(replier), call_(std::move(call)) {
        begin_reply();
    }

    /// Serves the call to its last reply. Returns the next call to the same nodes, if it is there and `takes_next`.
    std::shared_ptr<OpenCall> run(bool takes_next) {
        try {
            for (const auto &[type, id] : call_->nodes) {
                if (!type || !call_->work) return nullptr;
                instances_.push_back(call_->work->instance(*type, id, call_->epoch));
                if (instances_.back()->is_batched()) batches_.resize(call_->nodes.size());
            }
            pass_entries();
        } catch (const Unwinding &) {
        } catch (...) {
            // The factory of a stateful node has failed.
            fail({0, instances_.size(), std::current_exception(), true});
        }
        if (is_gone_) return nullptr;
        std::shared_ptr<OpenCall> next;
        std::shared_ptr<OpenCall> *place = takes_next ? &next : nullptr;
        try {
            send(true, place);
        } catch (...) {
            // The library has refused a value: that is a failure of the last node.
            begin_reply();
            fail({entry_, call_->nodes.size() - 1, std::current_exception()});
            send(true, place);
        }
        return next;
    }

    void begin(std::size_t entry) override {
        check_wanted();
        entry_ = entry;
    }

    void emit(std::size_t node, std::size_t entry, const HostPacket *source, Value value, const EmitAt &at) override {
        check_wanted();
        const std::size_t outputs = call_->nodes[node].first->outputs;
        if (at.port >= outputs) {
            entry_ = entry;
            throw std::out_of_range("there is no output " + std::to_string(at.port) + "; the node has " +
                                    std::to_string(outputs) + ", counted from 0");
        }
        if (node >= batches_.size() || !batches_[node].is_called)
            return onward(node, entry, source, std::move(value), at);
        Batch &batch = batches_[node];
        if (batch.repeated > 0) {
            batch.repeated--;
            return;
        }
        batch.given.push_back({entry, source, std::move(value), at});
        if (batch.given.size() == most_rows) pass_given(node);
    }

    void flush(std::size_t node) override {
        if (!batches_.empty()) {
            pass_given(node);
            drain(node + 1);
        }
        send_part();
    }

    std::stop_token stop_token() override {
        return replier_.stop_token(*call_);
    }

  private:
    /// Leaves the functions of a call whose reply is settled.
    struct Unwinding {};

    /// A value that a node has given for several packets together.
    struct Given {
        std::size_t entry;
        const HostPacket *source;
        Value value;
        EmitAt at;
    };

    /// What a node that takes several packets together has to do.
    struct Batch {
        /// The packets that wait for it, and their entries.
        std::vector<std::size_t> entries;
        std::vector<HostPacket> packets;
        /// What its function has given and has not been passed on, while it is called.
        std::vector<Given> given;
        bool is_called = false;
        /// The packet of which values were passed on last, and how many.
        const HostPacket *last = nullptr;
        std::size_t of_last = 0;
        /// So many values of it are given a second time.
        std::size_t repeated = 0;
    };

    static constexpr std::size_t most_rows = 4096, most_bytes = 1 << 20;

    /// Passes a value to the next node, or adds it to the reply.
    void onward(std::size_t node, std::size_t entry, const HostPacket *source, Value value, const EmitAt &at) {
        const HostPacket &of = call_->entries[entry].packet;
        const EmitAt place = placed(at, value, source);
        if (node + 1 < call_->nodes.size()) {
            return pass(node + 1, entry, {std::move(value), place.pts, place.duration, of.item, 0});
        }
        // The runtime knows the time of the entry, but not of what became of it between the nodes.
        const EmitAt known = placed({}, value, &of);
        const bool is_known = place.pts == known.pts && place.duration == known.duration;
        try {
            write(entry, value, is_known ? EmitAt{.port = at.port} : place);
        } catch (...) {
            entry_ = entry;
            throw;
        }
    }

    /// Sends what there is as a part of the reply, and waits while there is no room for more.
    void send_part() {
        if (count_ == 0) return;
        const auto room = send(false, nullptr);
        if (room == Replier::Room::full && !replier_.wait_for_room(*call_)) is_gone_ = true;
        check_wanted();
        begin_reply();
    }

    void pass_entries() {
        const auto &entries = call_->entries;
        std::vector<std::size_t> numbers;
        std::vector<HostPacket> packets;
        for (std::size_t index = 0; index < entries.size();) {
            if (entries[index].is_end) {
                // The end of all has no number: there is nothing left of an item that a node could give.
                for (std::size_t node = 0; entries[index].end.item && node < instances_.size(); node++) {
                    guarded(node, index, [&] {
                        begin(index);
                        instances_[node]->end(*this, node, index, entries[index].end);
                    });
                    drain(node + 1);
                }
                index++;
                continue;
            }
            numbers.clear();
            packets.clear();
            for (; index < entries.size() && !entries[index].is_end; index++) {
                numbers.push_back(index);
                packets.push_back(std::move(call_->entries[index].packet));
            }
            guarded(0, numbers.front(), [&] {
                if (instances_[0]->is_batched())
                    handle_together(0, numbers, packets);
                else
                    instances_[0]->packets(*this, 0, numbers, packets);
            });
            drain(1);
        }
    }

    /// Passes a packet to a node. Before one that takes several together it waits until they are as many as its batch.
    void pass(std::size_t node, std::size_t entry, HostPacket packet) {
        if (!instances_[node]->is_batched()) {
            guarded(node, entry, [&] { instances_[node]->packets(*this, node, {&entry, 1}, {&packet, 1}); });
            return;
        }
        Batch &batch = batches_[node];
        batch.entries.push_back(entry);
        batch.packets.push_back(std::move(packet));
        if (batch.packets.size() >= call_->nodes[node].first->batch) release(node);
    }

    /// Has the packets handled that wait for a node.
    void release(std::size_t node) {
        const std::vector<std::size_t> entries = std::exchange(batches_[node].entries, {});
        const std::vector<HostPacket> packets = std::exchange(batches_[node].packets, {});
        if (!packets.empty()) guarded(node, entries.front(), [&] { handle_together(node, entries, packets); });
    }

    /// Has all packets handled that wait, for the nodes from one on.
    void drain(std::size_t first) {
        for (std::size_t node = first; node < batches_.size(); node++) release(node);
    }

    /// Has packets handled together. If that throws, they are handled again, each alone: that finds the one at fault,
    /// and keeps what its neighbours became.
    void handle_together(std::size_t node, std::span<const std::size_t> entries, std::span<const HostPacket> packets) {
        Batch &batch = batches_[node];
        batch.last = nullptr;
        std::exception_ptr thrown = call_together(node, entries, packets);
        if (thrown && packets.size() > 1) {
            batch.given.clear();
            // Of a packet whose values were passed on in part the rest is wanted.
            const std::size_t first = batch.last ? static_cast<std::size_t>(batch.last - packets.data()) : 0;
            batch.repeated = batch.last ? batch.of_last : 0;
            thrown = nullptr;
            for (std::size_t index = first; index < packets.size() && !thrown; index++) {
                thrown = call_together(node, entries.subspan(index, 1), packets.subspan(index, 1));
                pass_given(node);
                batch.repeated = 0;
                entry_ = entries[index];
            }
        } else {
            pass_given(node);
        }
        if (thrown) std::rethrow_exception(thrown);
    }

    /// Calls the function of a node with several packets, and returns what it throws.
    std::exception_ptr call_together(std::size_t node, std::span<const std::size_t> entries,
                                     std::span<const HostPacket> packets) {
        check_wanted();
        std::exception_ptr thrown;
        batches_[node].is_called = true;
        try {
            instances_[node]->packets(*this, node, entries, packets);
        } catch (...) {
            thrown = std::current_exception();
        }
        batches_[node].is_called = false;
        // It may have been left, or have caught what it should have let pass.
        if (is_gone_ || failure_) throw Unwinding{};
        return thrown;
    }

    /// Passes on what the function of a node has given until now.
    void pass_given(std::size_t node) {
        Batch &batch = batches_[node];
        for (Given &each : std::exchange(batch.given, {})) {
            batch.of_last = batch.last == each.source ? batch.of_last + 1 : 1;
            batch.last = each.source;
            onward(node, each.entry, each.source, std::move(each.value), each.at);
        }
    }

    /// Calls a function, and notes what it throws as its failure.
    template <typename Call> void guarded(std::size_t node, std::size_t entry, Call &&call) {
        entry_ = entry;
        try {
            call();
        } catch (const Unwinding &) {
            throw;
        } catch (...) {
            if (!is_gone_ && !failure_) {
                HostFailure failure{entry_, node, std::current_exception()};
                // What waits for the nodes behind came before: it leaves, or fails itself.
                try {
                    drain(node + 1);
                } catch (const Unwinding &) {
                }
                if (!is_gone_ && !failure_) fail(std::move(failure));
            }
        }
        // A function may have caught what it should have let pass.
        if (is_gone_ || failure_) throw Unwinding{};
    }

    void fail(HostFailure failure) {
        failure_ = std::move(failure);
    }

    void check_wanted() {
        if (!is_gone_ && replier_.is_over(*call_)) is_gone_ = true;
        if (is_gone_) throw Cancelled(Status::cancelled, "the answer of this call is not wanted any more");
    }

    /// When a packet is that a node makes of another one: as the node says, else as its value does, else as the other
    /// one is. It is the rule of the runtime for outputs of a call.
    static EmitAt placed(EmitAt at, const Value &value, const HostPacket *source) {
        std::optional<std::int64_t> pts, duration;
        if (const Audio *audio = value.get_if<Audio>()) {
            pts = audio->pts;
            if (audio->rate > 0) duration = audio->duration();
        } else if (const Video *video = value.get_if<Video>()) {
            pts = video->pts;
        }
        if (!pts && source) pts = source->pts;
        if (!duration && source) duration = source->duration;
        if (!at.pts) at.pts = pts;
        if (!at.duration) at.duration = duration;
        return at;
    }

    void begin_reply() {
        reply_.rewind(0, 0);
        reply_.map(2);
        reply_.text("outputs");
        rows_ = reply_.counted_list();
        count_ = 0;
    }

    void write(std::size_t entry, const Value &value, const EmitAt &at) {
        const std::size_t size = reply_.document().size(), blocks = reply_.blocks().size();
        const bool has_times = at.pts || at.duration || at.port != 0;
        try {
            reply_.list(at.port != 0 ? 5 : has_times ? 4 : 2);
            reply_.unsigned_integer(entry);
            reply_.value(value, "the returned value");
            if (has_times) {
                reply_.optional_time(at.pts);
                reply_.optional_time(at.duration);
            }
            if (at.port != 0) reply_.unsigned_integer(at.port);
        } catch (...) {
            reply_.rewind(size, blocks);
            throw;
        }
        count_++;
        if (count_ == most_rows || reply_.document().size() >= most_bytes) send_part();
    }

    Replier::Room send(bool is_final, std::shared_ptr<OpenCall> *next) {
        reply_.set_count(rows_, count_);
        reply_.text("final");
        reply_.boolean(is_final);
        std::vector<std::uint64_t> lent;
        Replier::Room room;
        try {
            if (is_final && failure_) {
                lent.push_back(replier_.loans().lend(failure_->exception));
                reply_.set_entries(0, 3);
                failure_->write(reply_, lent.front());
            }
            room = replier_.reply(call_, reply_, is_final, next);
        } catch (...) {
            replier_.loans().release(std::move(lent));
            begin_reply();
            throw;
        }
        if (room == Replier::Room::gone) {
            is_gone_ = true;
            // The runtime may never have heard of it: no record names it then.
            replier_.loans().release(std::move(lent));
        }
        return room;
    }

    Replier &replier_;
    std::shared_ptr<OpenCall> call_;
    std::vector<std::shared_ptr<HostInstance>> instances_;
    /// One for each node where any takes several packets together, else none.
    std::vector<Batch> batches_;
    Encoder reply_;
    std::size_t rows_ = 0, count_ = 0, entry_ = 0;
    std::optional<HostFailure> failure_;
    bool is_gone_ = false;
};

} // namespace remotemedia::detail
