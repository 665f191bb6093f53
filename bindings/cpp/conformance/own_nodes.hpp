// SPDX-License-Identifier: MIT OR Apache-2.0
// Nodes of the host with the behaviours that the suite defines.

#pragma once

#include "cases.hpp"

#include <atomic>

/// An exception of the suite: one object for each number.
struct Numbered : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// One node type of a scenario: what it has seen, and what it waits for.
class OwnNode : public std::enable_shared_from_this<OwnNode> {
  public:
    OwnNode(rm::Value options, std::shared_ptr<std::vector<std::exception_ptr>> exceptions)
        : options_(std::move(options)), exceptions_(std::move(exceptions)) {
    }

    rm::HostNode node() {
        rm::HostNode made = behaviour(options_["behaviour"].as<std::string>());
        if (const rm::Value *batch = options_.find("batch")) made.batch(batch->as<std::size_t>());
        if (const rm::Value *wait = options_.find("max_wait_ms"))
            made.max_wait(std::chrono::milliseconds(wait->as<int>()));
        if (options_.find("inputs")) made.inputs(names("inputs"));
        if (options_.find("outputs")) made.outputs(names("outputs"));
        return made;
    }

    /// Lets a node that stalls handle so many packets.
    void permit(std::size_t times) {
        {
            const std::lock_guard lock(mutex_);
            permits_ += times;
        }
        changed_.notify_all();
    }

    std::atomic<std::int64_t> called = 0, closed = 0;
    /// Whether a node that stalls was neither replied to nor told that its answer is not wanted.
    std::atomic<bool> is_forgotten = false;

    rm::List sizes() {
        const std::lock_guard lock(mutex_);
        return sizes_;
    }

  private:
    std::vector<std::string> names(std::string_view key) const {
        std::vector<std::string> names;
        for (const rm::Value &name : options_[key].as<rm::List>()) names.push_back(name.as<std::string>());
        return names;
    }

    rm::HostNode behaviour(const std::string &name) {
        auto self = shared_from_this();
        if (name == "echo") return batched();
        if (name == "double") {
            return [self](const rm::HostPacket &packet, rm::Emitter &emit) {
                self->called++;
                emit(packet.value);
                emit(packet.value);
            };
        }
        if (name == "nothing") return [self](const rm::HostPacket &, rm::Emitter &) { self->called++; };
        if (name == "fail" && options_.find("batch")) return failing_batch();
        if (name == "fail") return [self](const rm::Value &value) { return self->fail(value); };
        if (name == "stall") {
            return [self](const rm::HostPacket &packet, rm::Emitter &emit) {
                self->called++;
                self->stall(emit.stop_token());
                emit(packet.value);
            };
        }
        if (name == "stream") {
            return [self](const rm::HostPacket &packet, rm::Emitter &emit) { self->stream(packet.value, emit); };
        }
        if (name == "ends") return ends();
        if (name == "route") {
            const auto count = static_cast<std::int64_t>(options_["outputs"].as<rm::List>().size());
            return [self, count](const rm::HostPacket &packet, rm::Emitter &emit) {
                self->called++;
                emit(packet.value, {.port = static_cast<std::size_t>(packet.value.as<std::int64_t>() % count)});
            };
        }
        if (name == "merge") {
            return [self, inputs = names("inputs")](const rm::HostPacket &packet) {
                self->called++;
                return rm::Value::list(inputs.at(packet.port), packet.value);
            };
        }
        throw Failed("there is no behaviour " + name);
    }

    rm::HostNode batched() {
        return [self = shared_from_this()](std::span<const rm::HostPacket> packets, rm::BatchEmitter &emit) {
            {
                const std::lock_guard lock(self->mutex_);
                self->sizes_.emplace_back(packets.size());
            }
            self->called += static_cast<std::int64_t>(packets.size());
            for (std::size_t index = 0; index < packets.size(); index++) emit(index, packets[index].value);
        };
    }

    rm::HostNode ends() {
        struct Counting {
            std::shared_ptr<OwnNode> own;
            std::int64_t packets = 0;
            rm::Value operator()(const rm::Value &value) {
                own->called++;
                packets++;
                return value;
            }
            void end(const rm::HostEnd &, rm::Emitter &emit) {
                emit(rm::Value::map({{"packets", packets}}));
                packets = 0;
            }
        };
        return rm::HostNode::stateful([self = shared_from_this()] { return Counting{self}; });
    }

    bool fails_at(std::int64_t number) const {
        const rm::Value *at = options_.find("at"), *times = options_.find("times");
        const bool is_at = !at || number == at->as<std::int64_t>() || (failures_ > 0 && times);
        return is_at && (!times || failures_ < times->as<std::int64_t>());
    }

    rm::Value fail(const rm::Value &value) {
        if (fails_at(called++)) {
            failures_++;
            std::rethrow_exception(exceptions_->at(options_["exception"].as<std::size_t>()));
        }
        return value;
    }

    /// A list of several packets fails as a whole, and is not counted then.
    rm::HostNode failing_batch() {
        return [self = shared_from_this()](std::span<const rm::HostPacket> packets, rm::BatchEmitter &emit) {
            const std::int64_t first = self->called;
            for (std::size_t index = 0; packets.size() > 1 && index < packets.size(); index++) {
                if (self->fails_at(first + static_cast<std::int64_t>(index)))
                    std::rethrow_exception(self->exceptions_->at(self->options_["exception"].as<std::size_t>()));
            }
            for (std::size_t index = 0; index < packets.size(); index++) emit(index, self->fail(packets[index].value));
        };
    }

    void stall(const std::stop_token &stop) {
        std::unique_lock lock(mutex_);
        if (!changed_.wait_for(lock, stop, std::chrono::seconds(10), [this] { return permits_ > 0; })) {
            if (stop.stop_requested()) throw std::runtime_error("the answer is not wanted");
            is_forgotten = true;
            throw std::runtime_error("no reply came");
        }
        permits_--;
    }

    void stream(const rm::Value &value, rm::Emitter &emit) {
        called++;
        const rm::Value *parts = options_.find("parts");
        try {
            for (std::int64_t part = 0; !parts || part < parts->as<std::int64_t>(); part++) {
                emit(rm::Value::list(value, part));
            }
        } catch (const rm::Cancelled &) {
            closed++;
            throw;
        }
    }

    const rm::Value options_;
    const std::shared_ptr<std::vector<std::exception_ptr>> exceptions_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::size_t permits_ = 0;
    std::atomic<std::int64_t> failures_ = 0;
    rm::List sizes_;
};
