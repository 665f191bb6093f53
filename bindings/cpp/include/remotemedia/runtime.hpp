// SPDX-License-Identifier: MIT OR Apache-2.0
// `Runtime` and `Pipeline`: what a program makes first, and how it runs a pipeline on a list of inputs. It knows the
// engine, and leaves sessions to session.hpp.

#pragma once

#include "execution.hpp"
#include "graph.hpp"

#include <algorithm>
#include <cstdlib>

namespace remotemedia {

struct RuntimeOptions {
    /// The number of worker threads; by default that of the cores that the process may use.
    std::optional<unsigned> workers{};
    /// How far the worker threads step back for other threads: 0, which is the default, to 19 steps of the system's
    /// nice value above that of the process. Other than 0 on Linux only.
    std::optional<unsigned> nice{};
    /// The most threads that run functions of this program at the same time. They begin when needed.
    std::size_t threads = 64;
    /// Further entries of the config, as docs/abi.md has them: `{"limits": {...}}`.
    Map config{};
    /// Resumes coroutines and calls continuations; by default the threads of the runtime that run functions do.
    Executor executor{};
    /// How long the destructor waits for work that does not end.
    std::chrono::milliseconds patience{5000};
};

/// Worker threads, and what they know of this program. A program needs one. Its destructor ends all work.
class Runtime {
  public:
    explicit Runtime(RuntimeOptions options = {}) : patience_(detail::bounded(options.patience)) {
        Map config = std::move(options.config);
        if (options.workers) config["workers"] = *options.workers;
        if (options.nice) config["nice"] = *options.nice;
        engine_ = std::make_shared<detail::Engine>(std::move(config), options.threads, std::move(options.executor));
    }
    Runtime(Runtime &&) = default;
    Runtime &operator=(Runtime &&other) noexcept {
        if (this != &other) {
            if (engine_) engine_->close(patience_);
            engine_ = std::move(other.engine_);
            patience_ = other.patience_;
        }
        return *this;
    }
    ~Runtime() {
        if (engine_) engine_->close(patience_);
    }

    /// The runtime of programs that need no options. It is shut down at exit; a forked child gets its own.
    static Runtime &shared() {
        static std::mutex mutex;
        static Runtime *runtime = nullptr;
        const std::lock_guard lock(mutex);
        if (runtime == nullptr || runtime->engine_->is_forked()) {
            const bool is_first = runtime == nullptr;
            // Never freed: threads of the program may use it while it exits.
            runtime = new Runtime;
            if (is_first) {
                std::atexit([] {
                    const std::shared_ptr<detail::Engine> &engine = shared_engine();
                    if (engine && !engine->is_forked()) {
                        try {
                            engine->shut_down(std::chrono::seconds(2));
                        } catch (const std::exception &) {
                            // The process ends anyway.
                        }
                    }
                });
            }
            shared_engine() = runtime->engine_;
        }
        return *runtime;
    }

    /// Ends all work, which fails as `ShutDown`. Returns whether everything has ended within the patience: then nothing
    /// of this program is read or written any more. May be called again.
    bool shut_down(std::chrono::microseconds patience) {
        return engine_->shut_down(patience);
    }

    /// Node types, their params and their docs: `{version, abi, nodes, manifest_schema}`.
    Value describe() const {
        detail::Answer answer;
        answer.of(&engine_->runtime->loans, [this](rm_output *out, rm_error **error) {
            return rm_runtime_describe(engine_->runtime->handle, out, error);
        });
        return answer.value(nullptr);
    }

    /// The number of objects of this program that the runtime has: borrowed memory, functions, exceptions.
    std::size_t lent() const {
        engine_->take_released();
        return engine_->runtime->loans.count();
    }
    /// Whether the runtime still has the memory of these bytes.
    bool has(const Bytes &bytes) const {
        engine_->take_released();
        return engine_->runtime->loans.has(bytes.block());
    }

    const std::shared_ptr<detail::Engine> &engine() const noexcept {
        return engine_;
    }

  private:
    static std::shared_ptr<detail::Engine> &shared_engine() {
        static auto *engine = new std::shared_ptr<detail::Engine>;
        return *engine;
    }

    std::shared_ptr<detail::Engine> engine_;
    std::chrono::microseconds patience_;
};

struct RunOptions {
    /// How long the run may take, 0 or more; it ends as `TimedOut` after it. One below 0 is refused as
    /// `InvalidArgument`.
    std::optional<std::chrono::microseconds> timeout{};
    /// Cancels the run when a stop is requested.
    std::stop_token stop{};
    /// How long `execute` may work on the calling thread, which spares short work the way over another one; 0: never.
    std::chrono::microseconds budget{0};
};

struct SessionOptions;
class Session;

namespace detail {

/// A pipeline's handle. Pipelines that are gone give their functions back.
struct PipelineHandle {
    std::shared_ptr<Engine> engine;
    rm_pipeline *handle = nullptr;
    bool has_functions = false;

    PipelineHandle() = default;
    PipelineHandle(const PipelineHandle &) = delete;
    PipelineHandle &operator=(const PipelineHandle &) = delete;
    ~PipelineHandle() {
        rm_pipeline_free(handle);
        if (!has_functions || engine->is_forked()) return;
        try {
            engine->take_released();
        } catch (const std::exception &) {
            // They are given back with the runtime then.
        }
    }
};

} // namespace detail

/// A validated graph, ready to run any number of times, by several threads at once.
class Pipeline {
  public:
    using Functions = std::map<std::string, HostNode>;

    /// Of a manifest as YAML or JSON text, with the functions that are nodes in it by their types.
    explicit Pipeline(std::string_view manifest, const Functions &functions = {})
        : Pipeline(Runtime::shared(), manifest, functions) {
    }
    explicit Pipeline(const Graph &graph) : Pipeline(Runtime::shared(), graph) {
    }
    Pipeline(Runtime &runtime, std::string_view manifest, const Functions &functions = {}) {
        compile(runtime, {reinterpret_cast<const std::uint8_t *>(manifest.data()), manifest.size()}, functions);
    }
    Pipeline(Runtime &runtime, const Graph &graph) : Pipeline(runtime, graph.manifest(), graph.functions()) {
    }
    /// Of a manifest as a map.
    Pipeline(Runtime &runtime, const Map &manifest, const Functions &functions = {}) {
        detail::Encoder document;
        document.value(Value(manifest), "manifest");
        compile(runtime, document.document(), functions);
    }
    Pipeline(Pipeline &&) = default;
    Pipeline &operator=(Pipeline &&) = default;

    /// Runs and waits. Functions run on this thread: one that takes long heeds its stop token, which tells it of the
    /// timeout and of a failure elsewhere too, or the call ends when it returns; it gets no other item then. `inputs`
    /// are a list with one entry for each item, a map of such lists for a graph with named inputs, or null for a graph
    /// that has only sources.
    Outputs run(const Value &inputs, const RunOptions &options = {}) const {
        detail::Encoder document;
        document.value(inputs, "inputs");
        return run_document(document, options);
    }
    Outputs run(const List &inputs, const RunOptions &options = {}) const {
        detail::Encoder document;
        document.value(inputs, "inputs");
        return run_document(document, options);
    }
    Outputs run(std::initializer_list<Value> inputs, const RunOptions &options = {}) const {
        return run(List(inputs), options);
    }
    Outputs run(const RunOptions &options = {}) const {
        return run(Value(), options);
    }

    /// Begins a run: `co_await pipeline.execute(inputs)`, or `pipeline.execute(inputs).get()`. Functions run on threads
    /// of the runtime.
    Execution execute(const Value &inputs, const RunOptions &options = {}) const {
        detail::Encoder document;
        document.value(inputs, "inputs");
        return submit(document, options);
    }
    Execution execute(std::initializer_list<Value> inputs, const RunOptions &options = {}) const {
        return execute(Value(List(inputs)), options);
    }

    /// Opens a session: packets go in while results come out.
    Session session() const;
    Session session(const SessionOptions &options) const;

    /// The plan: nodes with their stages, connections, inputs and outputs.
    Value describe() const {
        detail::Answer answer;
        answer.of(&handle_->engine->runtime->loans, [this](rm_output *out, rm_error **error) {
            return rm_pipeline_describe(handle_->handle, out, error);
        });
        return answer.value(nullptr);
    }

  private:
    void compile(Runtime &runtime, std::span<const std::uint8_t> manifest, const Functions &functions) {
        handle_ = std::make_shared<detail::PipelineHandle>();
        handle_->engine = runtime.engine();
        handle_->has_functions = !functions.empty();
        detail::Loans &loans = handle_->engine->runtime->loans;
        detail::Encoder options;
        if (!functions.empty()) {
            Map types;
            for (const auto &[name, function] : functions) {
                const auto token = loans.lend(std::make_shared<const detail::HostType>(function.type()));
                types.append(name, function.options(token));
            }
            options.value(Value::map({{"host_nodes", std::move(types)}}), "options");
        }
        detail::checked(&loans, [&](rm_error **error) {
            return rm_pipeline_new(handle_->engine->runtime->handle, manifest.data(), manifest.size(),
                                   options.document().data(), options.document().size(), &handle_->handle, error);
        });
    }

    static std::int64_t microseconds(const std::optional<std::chrono::microseconds> &timeout) {
        if (!timeout) return -1;
        if (timeout->count() < 0)
            throw InvalidArgument("timeout: expected 0 microseconds or more, got " + std::to_string(timeout->count()));
        return timeout->count();
    }

    /// Runs on a port of this thread's own, which knows what had come out before a failure.
    Outputs run_document(const detail::Encoder &document, const RunOptions &options) const {
        struct Lease {
            detail::Engine &engine;
            std::shared_ptr<detail::InlinePort> port;
            ~Lease() {
                engine.give_back(std::move(port));
            }
        } lease{*handle_->engine, handle_->engine->acquire()};
        if (!handle_->has_functions && !options.stop.stop_possible()) {
            // Nothing can happen before the call returns, so short work needs no entry at the port.
            const std::uint64_t token = lease.port->next_token();
            if (auto completion = begin(*lease.port, token, document, options.timeout, inline_budget)) {
                return settle(*lease.port, std::move(*completion));
            }
            auto run = std::make_shared<detail::Run>();
            run->token = token;
            lease.port->add(run);
            lease.port->drive([&] { return run->is_done(); });
            return settle(*lease.port, run->take_completion());
        }
        auto run = std::make_shared<detail::Run>();
        const auto begun = std::chrono::steady_clock::now();
        begin(*lease.port, run, document, options, inline_budget);
        {
            const std::stop_callback stop(options.stop, [&] { lease.port->cancel(*run); });
            std::optional<std::chrono::steady_clock::time_point> deadline;
            if (options.timeout) deadline = begun + detail::bounded(*options.timeout);
            lease.port->drive([&] { return run->is_done(); }, *run, deadline);
        }
        return settle(*lease.port, run->take_completion());
    }

    Outputs settle(detail::InlinePort &port, detail::Completion completion) const {
        if (handle_->engine->runtime->loans.count() != 0) port.drain();
        if (completion.error) std::rethrow_exception(completion.error);
        return std::move(completion.outputs);
    }

    Execution submit(const detail::Encoder &document, const RunOptions &options) const {
        auto port = handle_->engine->port();
        auto run = std::make_shared<detail::Run>();
        Execution execution(handle_->engine, port, run);
        begin(*port, run, document, options, options.budget);
        if (options.stop.stop_possible()) execution.cancel_on(options.stop);
        return execution;
    }

    void begin(detail::EventPort &port, const std::shared_ptr<detail::Run> &run, const detail::Encoder &document,
               const RunOptions &options, std::chrono::microseconds budget) const {
        run->token = port.next_token();
        if (options.stop.stop_requested()) {
            // Short work would be done before a stop can reach it.
            run->completed(
                {{}, std::make_exception_ptr(Cancelled(Status::cancelled, "the run was stopped before it began"))});
            return;
        }
        // Its events may come before the call that begins it returns.
        port.add(run);
        try {
            auto completion = begin(port, run->token, document, options.timeout, budget);
            if (!completion) return;
            port.remove(*run);
            run->completed(std::move(*completion));
        } catch (...) {
            port.remove(*run);
            throw;
        }
    }

    /// Submits work; returns its completion if it was done at once.
    std::optional<detail::Completion> begin(detail::EventPort &port, std::uint64_t token,
                                            const detail::Encoder &document,
                                            const std::optional<std::chrono::microseconds> &timeout,
                                            std::chrono::microseconds budget) const {
        detail::Loans &loans = handle_->engine->runtime->loans;
        // Nothing is lent to a call that is refused here.
        const std::int64_t limit = microseconds(timeout);
        const detail::Argument inputs(document, loans);
        detail::Answer answer;
        const rm_status status = answer.of(&loans, [&](rm_output *out, rm_error **error) {
            return rm_pipeline_submit(handle_->handle, port.handle(), token, inputs.data(), inputs.size(),
                                      inputs.buffers(), inputs.buffer_count(), limit, budget.count(), out, error);
        });
        if (status == RM_PENDING) return std::nullopt;
        detail::Decoder decoder = answer.decoder(&loans, &inputs);
        std::vector<std::uint64_t> released;
        detail::Completion completion = detail::read_completion(decoder, loans, released);
        loans.release(std::move(released));
        return completion;
    }

    /// A thread that waits anyway may as well do the work itself.
    static constexpr std::chrono::microseconds inline_budget{10'000};

    std::shared_ptr<detail::PipelineHandle> handle_;
};

} // namespace remotemedia
