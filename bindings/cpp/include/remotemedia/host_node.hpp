// SPDX-License-Identifier: MIT OR Apache-2.0
// `HostNode`: a function or class of this program as a node type. It knows what a function is called with and how its
// results are taken, and nothing of the runtime.

#pragma once

#include "error.hpp"

#include <chrono>
#include <concepts>
#include <functional>
#include <stop_token>

namespace remotemedia {

/// A packet that reaches a node of this program.
struct HostPacket {
    Value value;
    /// The place in the stream, in nanoseconds.
    std::optional<std::int64_t> pts, duration;
    /// The number of the input that it came from; in a session of the sent packet.
    std::size_t item = 0;
    /// The number of the node's input.
    std::size_t port = 0;
};

/// The end of an item.
struct HostEnd {
    /// The number of the input, as that of its packets. It is there in every call.
    std::optional<std::size_t> item;
};

/// Where and when a value leaves a node. Without times it has its own, or else those of the packet that it was made
/// from.
struct EmitAt {
    std::optional<std::int64_t> pts{}, duration{};
    /// The number of the node's output.
    std::size_t port = 0;
};

namespace detail {

/// What carries the results of a call to its next node, or to the runtime.
class EmitTarget {
  public:
    virtual ~EmitTarget() = default;
    /// Notes which entry a node works on, for its error. Throws `Cancelled` if the answer is not wanted any more.
    virtual void begin(std::size_t entry) = 0;
    virtual void emit(std::size_t node, std::size_t entry, const HostPacket *source, Value value, const EmitAt &at) = 0;
    /// Sends what a node and those behind it have made until now, and waits while there is no room for more.
    virtual void flush(std::size_t node) = 0;
    virtual std::stop_token stop_token() = 0;
};

} // namespace detail

/// Takes the values that a node gives for one packet: none, one or several.
class Emitter {
  public:
    Emitter(detail::EmitTarget &target, std::size_t node, std::size_t entry, const HostPacket *source,
            bool is_streaming)
        : target_(&target), node_(node), entry_(entry), source_(source), is_streaming_(is_streaming) {
    }

    /// Gives a value. Of a node that handles single packets each value leaves at once, and while there is no room the
    /// call waits. It throws `Cancelled` when the answer is not wanted any more: let it pass.
    void operator()(Value value, EmitAt at = {}) {
        target_->emit(node_, entry_, source_, std::move(value), at);
        if (is_streaming_) target_->flush(node_);
    }

    /// Signals that the answer is not wanted any more: the work was cancelled or interrupted. For functions that take
    /// long.
    std::stop_token stop_token() const {
        return target_->stop_token();
    }

  private:
    detail::EmitTarget *target_;
    std::size_t node_, entry_;
    const HostPacket *source_;
    bool is_streaming_;
};

/// Takes the values that a node gives for a batch of packets.
class BatchEmitter {
  public:
    BatchEmitter(detail::EmitTarget &target, std::size_t node, std::span<const std::size_t> entries,
                 std::span<const HostPacket> packets)
        : target_(&target), node_(node), entries_(entries), packets_(packets) {
    }

    /// Gives a value that was made from the packet of this index. Indices don't decrease within a call.
    void operator()(std::size_t index, Value value, EmitAt at = {}) {
        if (index >= packets_.size()) throw std::out_of_range("the batch has no packet of that index");
        target_->emit(node_, entries_[index], &packets_[index], std::move(value), at);
    }

    /// Sends what was given until now, and waits while there is no room for more.
    void flush() {
        target_->flush(node_);
    }

    std::stop_token stop_token() const {
        return target_->stop_token();
    }

  private:
    detail::EmitTarget *target_;
    std::size_t node_;
    std::span<const std::size_t> entries_;
    std::span<const HostPacket> packets_;
};

namespace detail {

template <typename T> struct FirstParameter;
template <typename C, typename R, typename A> struct FirstParameter<R (C::*)(A)> {
    using type = std::remove_cvref_t<A>;
};
template <typename C, typename R, typename A> struct FirstParameter<R (C::*)(A) const> {
    using type = std::remove_cvref_t<A>;
};
template <typename C, typename R, typename A> struct FirstParameter<R (C::*)(A) noexcept> {
    using type = std::remove_cvref_t<A>;
};
template <typename C, typename R, typename A> struct FirstParameter<R (C::*)(A) const noexcept> {
    using type = std::remove_cvref_t<A>;
};
template <typename R, typename A> struct FirstParameter<R (*)(A)> {
    using type = std::remove_cvref_t<A>;
};

template <typename F> struct Parameter : FirstParameter<decltype(&F::operator())> {};
template <typename R, typename A> struct Parameter<R (*)(A)> : FirstParameter<R (*)(A)> {};

template <typename F>
concept Batched = std::invocable<F &, std::span<const HostPacket>, BatchEmitter &>;
template <typename F>
concept Emitting = std::invocable<F &, const HostPacket &, Emitter &>;
template <typename F>
concept Ending = requires(F &function, const HostEnd &end, Emitter &emit) { function.end(end, emit); };

/// A function or object at work on one stream.
class HostInstance {
  public:
    virtual ~HostInstance() = default;
    /// Whether it handles several packets together.
    virtual bool is_batched() const = 0;
    virtual void packets(EmitTarget &target, std::size_t node, std::span<const std::size_t> entries,
                         std::span<const HostPacket> packets) = 0;
    virtual void end(EmitTarget &target, std::size_t node, std::size_t entry, const HostEnd &end) = 0;
};

template <typename F> class InstanceOf final : public HostInstance {
  public:
    explicit InstanceOf(F function) : function_(std::move(function)) {
    }

    bool is_batched() const override {
        return Batched<F>;
    }

    void packets(EmitTarget &target, std::size_t node, std::span<const std::size_t> entries,
                 std::span<const HostPacket> packets) override {
        if constexpr (Batched<F>) {
            BatchEmitter emit(target, node, entries, packets);
            function_(packets, emit);
        } else {
            for (std::size_t index = 0; index < packets.size(); index++) {
                target.begin(entries[index]);
                one(target, node, entries[index], packets[index]);
            }
        }
    }

    void end([[maybe_unused]] EmitTarget &target, [[maybe_unused]] std::size_t node, [[maybe_unused]] std::size_t entry,
             [[maybe_unused]] const HostEnd &end) override {
        if constexpr (Ending<F>) {
            Emitter emit(target, node, entry, nullptr, false);
            function_.end(end, emit);
        }
    }

  private:
    void one(EmitTarget &target, std::size_t node, std::size_t entry, const HostPacket &packet) {
        if constexpr (Emitting<F>) {
            Emitter emit(target, node, entry, &packet, true);
            function_(packet, emit);
        } else if constexpr (std::invocable<F &, const HostPacket &>) {
            give(target, node, entry, packet, [&]() -> decltype(auto) { return function_(packet); });
        } else if constexpr (std::invocable<F &, const Value &>) {
            give(target, node, entry, packet, [&]() -> decltype(auto) { return function_(packet.value); });
        } else {
            using Given = typename Parameter<F>::type;
            give(target, node, entry, packet,
                 [&]() -> decltype(auto) { return function_(packet.value.template as<Given>()); });
        }
    }

    template <typename Call>
    static void give(EmitTarget &target, std::size_t node, std::size_t entry, const HostPacket &packet, Call &&call) {
        using Result = std::remove_cvref_t<decltype(call())>;
        if constexpr (std::is_void_v<Result>) {
            call();
        } else if constexpr (requires(Result result) {
                                 result.has_value();
                                 *result;
                             }) {
            if (auto result = call()) target.emit(node, entry, &packet, Value(*std::move(result)), {});
        } else {
            target.emit(node, entry, &packet, Value(call()), {});
        }
    }

    F function_;
};

/// A node type of this program, as the runtime knows it by number.
class HostType {
  public:
    std::function<std::shared_ptr<HostInstance>()> make;
    /// Whether each run has an instance of its own.
    bool is_stateful = false;
    /// How many outputs it has.
    std::size_t outputs = 1;
    /// The most packets that it gets together.
    std::size_t batch = 32;
};

} // namespace detail

/// A function as a node type. It may have one of these forms, where `T` is `Value` or what a value holds, such as
/// `double`, `std::string` or `Audio`:
///
///     R(const T &)                                               gives what it returns; nothing for an empty optional
///     R(const HostPacket &)                                      the same, with the packet's times
///     void(const HostPacket &, Emitter &)                        gives any number of values, each at once
///     void(std::span<const HostPacket>, BatchEmitter &)          handles several packets together
///
/// Of a batch that throws each packet is handled again, alone: the error names the one at fault, and what the others
/// became is kept. What `BatchEmitter::flush` has sent by then is not sent again.
///
/// An object with `void end(const HostEnd &, Emitter &)` as well is called at the end of each item. What a function
/// throws ends the run as a `HostNodeError`, and is its `exception()`.
class HostNode {
  public:
    /// A function that all runs share. Different runs may call it at the same time.
    template <typename F>
        requires(!std::same_as<std::remove_cvref_t<F>, HostNode>)
    HostNode(F &&function) {
        using Function = std::decay_t<F>;
        ends_ = detail::Ending<Function>;
        is_batched_ = detail::Batched<Function>;
        std::shared_ptr<detail::HostInstance> instance =
            std::make_shared<detail::InstanceOf<Function>>(Function(std::forward<F>(function)));
        type_.make = [instance] { return instance; };
    }

    /// A function with state: `make` returns a new one for each run, and after each interruption of a session.
    template <typename Make> static HostNode stateful(Make make) {
        using Function = std::decay_t<std::invoke_result_t<Make &>>;
        HostNode node;
        node.ends_ = detail::Ending<Function>;
        node.is_batched_ = detail::Batched<Function>;
        node.type_.is_stateful = true;
        node.type_.make = [make = std::move(make)]() mutable -> std::shared_ptr<detail::HostInstance> {
            return std::make_shared<detail::InstanceOf<Function>>(make());
        };
        return node;
    }

    /// The most packets in one call, 32 by default.
    HostNode &batch(std::size_t packets) {
        batch_ = packets;
        type_.batch = std::max<std::size_t>(1, packets);
        return *this;
    }
    /// Lets a call with fewer packets wait so long for more.
    HostNode &max_wait(std::chrono::milliseconds time) {
        max_wait_ = time;
        return *this;
    }
    /// The names of its inputs and outputs, the default one first; without them `in` and `out`.
    HostNode &inputs(std::vector<std::string> names) {
        inputs_ = std::move(names);
        return *this;
    }
    HostNode &outputs(std::vector<std::string> names) {
        outputs_ = std::move(names);
        type_.outputs = std::max<std::size_t>(1, outputs_.size());
        return *this;
    }

    const detail::HostType &type() const noexcept {
        return type_;
    }

    /// Its entry in the options of a pipeline.
    Value options(std::uint64_t token) const {
        Map map{{"token", token}};
        if (batch_) map["batch"] = *batch_;
        // Even a wait of 0 keeps a batch out of the calls of nodes that take single packets: it gets what they have
        // made until then.
        if (max_wait_ || is_batched_) map["max_wait_ms"] = max_wait_.value_or(std::chrono::milliseconds(0)).count();
        if (ends_) map["ends"] = true;
        const auto names = [](const std::vector<std::string> &ports) {
            List list;
            for (const std::string &port : ports) list.emplace_back(port);
            return list;
        };
        if (!inputs_.empty()) map["inputs"] = names(inputs_);
        if (!outputs_.empty()) map["outputs"] = names(outputs_);
        return map;
    }

  private:
    HostNode() = default;

    detail::HostType type_;
    std::optional<std::size_t> batch_;
    std::optional<std::chrono::milliseconds> max_wait_;
    bool ends_ = false, is_batched_ = false;
    std::vector<std::string> inputs_, outputs_;
};

} // namespace remotemedia
