// SPDX-License-Identifier: MIT OR Apache-2.0
// `Execution`: a run that was begun, as a future and as an awaitable. It knows completions and the engine.

#pragma once

#include "engine.hpp"

#include <coroutine>
#include <future>

namespace remotemedia {

namespace detail {

/// A coroutine that waits, which its frame may outlive: nothing is resumed after `forget`.
class Resumption {
  public:
    explicit Resumption(std::coroutine_handle<> handle) : handle_(handle) {
    }
    void resume() {
        std::coroutine_handle<> handle;
        {
            const std::lock_guard lock(mutex_);
            handle = std::exchange(handle_, nullptr);
        }
        if (handle) handle.resume();
    }
    void forget() {
        const std::lock_guard lock(mutex_);
        handle_ = nullptr;
    }

  private:
    std::mutex mutex_;
    std::coroutine_handle<> handle_;
};

/// A run and its completion.
class Run final : public Work {
  public:
    using StopCallback = std::stop_callback<std::function<void()>>;

    void completed(Completion completion) override {
        std::vector<std::function<void()>> continuations;
        // It is destroyed without the lock, since that waits for a call of it.
        std::unique_ptr<StopCallback> stop;
        {
            // The completion is here before anybody is woken.
            const std::lock_guard lock(mutex_);
            completion_ = std::move(completion);
            is_done_ = true;
            continuations.swap(continuations_);
            stop.swap(stop_);
        }
        done_.notify_all();
        for (auto &continuation : continuations) continuation();
    }
    void notify(std::int64_t) override {
    }
    void skipped(WorkError) override {
    }

    bool is_done() const {
        const std::lock_guard lock(mutex_);
        return is_done_;
    }
    template <typename Time> bool wait_until(Time deadline) const {
        if (is_done()) return true;
        const ServingThreads::Waiting waiting;
        std::unique_lock lock(mutex_);
        return done_.wait_until(lock, deadline, [this] { return is_done_; });
    }
    void wait() const {
        if (is_done()) return;
        const ServingThreads::Waiting waiting;
        std::unique_lock lock(mutex_);
        done_.wait(lock, [this] { return is_done_; });
    }

    /// Keeps what is called at a stop until the run is done, in place of what was kept before.
    void keep(std::unique_ptr<StopCallback> stop) {
        const std::lock_guard lock(mutex_);
        if (!is_done_) stop.swap(stop_);
    }

    /// Has a function called when the run is done, on the thread that completes it; now if it is done: false.
    bool then(std::function<void()> continuation) {
        const std::lock_guard lock(mutex_);
        if (is_done_) return false;
        continuations_.push_back(std::move(continuation));
        return true;
    }

    /// The outputs, or the failure thrown. Once.
    Outputs take() {
        const std::lock_guard lock(mutex_);
        if (completion_.error) std::rethrow_exception(completion_.error);
        return std::move(completion_.outputs);
    }

    Completion take_completion() {
        const std::lock_guard lock(mutex_);
        return std::move(completion_);
    }

  private:
    mutable std::mutex mutex_;
    mutable std::condition_variable done_;
    bool is_done_ = false;
    std::unique_ptr<StopCallback> stop_;
    Completion completion_;
    std::vector<std::function<void()>> continuations_;
};

} // namespace detail

/// A run that was begun. Destroying it cancels the run, unless it is done or `detach` was called. `co_await` it, or
/// call `get`; a failure is thrown there.
class [[nodiscard]] Execution {
  public:
    Execution(std::shared_ptr<detail::Engine> engine, std::shared_ptr<detail::EventPort> port,
              std::shared_ptr<detail::Run> run)
        : engine_(std::move(engine)), port_(std::move(port)), run_(std::move(run)) {
    }
    Execution(Execution &&) = default;
    Execution &operator=(Execution &&other) {
        if (this != &other) {
            drop();
            engine_ = std::move(other.engine_);
            port_ = std::move(other.port_);
            run_ = std::move(other.run_);
        }
        return *this;
    }
    ~Execution() {
        drop();
    }

    /// Waits for the outputs, or throws the failure. Once.
    Outputs get() {
        run_->wait();
        return run_->take();
    }
    bool is_ready() const {
        return run_->is_done();
    }
    void wait() const {
        run_->wait();
    }
    /// Waits so long; returns whether the run is done.
    template <typename Rep, typename Period> bool wait_for(std::chrono::duration<Rep, Period> time) const {
        return run_->wait_until(std::chrono::steady_clock::now() + detail::bounded(time));
    }

    /// Cancels the run, which then ends as `Cancelled`; returns false where it has ended already.
    bool cancel() {
        return port_->cancel(*run_);
    }

    /// Cancels the run when a stop is requested, also once this object has given it up.
    void cancel_on(const std::stop_token &token) {
        const std::weak_ptr<detail::EventPort> port = port_;
        const std::weak_ptr<detail::Run> run = run_;
        run_->keep(std::make_unique<detail::Run::StopCallback>(token, [port, run] {
            const auto found = port.lock();
            const auto meant = run.lock();
            if (found && meant) found->cancel(*meant);
        }));
    }

    /// How far the run is: `{items, media_ns?}`. Throws `Gone` where it has ended.
    Value progress() const {
        return port_->progress(*run_);
    }

    /// Lets the run go on without this object.
    void detach() {
        run_.reset();
    }

    /// Calls a function when the run is done, by the executor of the runtime. At once where it is done.
    void then(std::function<void()> function) {
        auto post = [engine = engine_, function] { engine->post(function); };
        if (!run_->then(post)) post();
    }

    /// The result as a `std::future`. The run goes on without this object.
    std::future<Outputs> future() && {
        auto promise = std::make_shared<std::promise<Outputs>>();
        auto result = promise->get_future();
        auto fulfil = [promise, run = run_.get(), keep = run_] {
            try {
                promise->set_value(run->take());
            } catch (...) {
                promise->set_exception(std::current_exception());
            }
        };
        if (!run_->then(fulfil)) fulfil();
        detach();
        return result;
    }

    class Awaiter {
      public:
        explicit Awaiter(Execution &execution) : execution_(execution) {
        }
        Awaiter(const Awaiter &) = delete;
        Awaiter &operator=(const Awaiter &) = delete;
        ~Awaiter() {
            if (resumption_) resumption_->forget();
        }
        bool await_ready() const {
            return execution_.is_ready();
        }
        bool await_suspend(std::coroutine_handle<> handle) {
            resumption_ = std::make_shared<detail::Resumption>(handle);
            // The coroutine may be resumed, and this object be gone, before `then` returns.
            return execution_.run_->then([engine = execution_.engine_, resumption = resumption_] {
                engine->post([resumption] { resumption->resume(); });
            });
        }
        Outputs await_resume() {
            return execution_.run_->take();
        }

      private:
        Execution &execution_;
        std::shared_ptr<detail::Resumption> resumption_;
    };

    Awaiter operator co_await() & {
        return Awaiter(*this);
    }
    Awaiter operator co_await() && {
        return Awaiter(*this);
    }

  private:
    void drop() {
        if (run_ && !run_->is_done()) port_->cancel(*run_);
        run_.reset();
    }

    std::shared_ptr<detail::Engine> engine_;
    std::shared_ptr<detail::EventPort> port_;
    std::shared_ptr<detail::Run> run_;
};

} // namespace remotemedia
