// SPDX-License-Identifier: MIT OR Apache-2.0
// Coroutines, executors, futures and Asio.

#include "check.hpp"

#include <atomic>
#include <coroutine>
#include <utility>

#ifdef TESTS_ASIO
#include <remotemedia/asio.hpp>

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#endif

namespace {

/// A coroutine that begins at once and is waited for with `get`.
template <typename T> class Task {
  public:
    struct promise_type {
        std::promise<T> result;
        Task get_return_object() {
            return Task(result.get_future());
        }
        std::suspend_never initial_suspend() noexcept {
            return {};
        }
        std::suspend_never final_suspend() noexcept {
            return {};
        }
        void return_value(T value) {
            result.set_value(std::move(value));
        }
        void unhandled_exception() {
            result.set_exception(std::current_exception());
        }
    };
    explicit Task(std::future<T> result) : result_(std::move(result)) {
    }
    T get() {
        if (result_.wait_for(std::chrono::seconds(10)) != std::future_status::ready) {
            throw std::runtime_error("the coroutine does not end");
        }
        return result_.get();
    }

  private:
    std::future<T> result_;
};

/// A coroutine that its owner destroys.
class Owned {
  public:
    struct promise_type {
        Owned get_return_object() {
            return Owned(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        std::suspend_never initial_suspend() noexcept {
            return {};
        }
        std::suspend_always final_suspend() noexcept {
            return {};
        }
        void return_void() {
        }
        void unhandled_exception() {
            std::terminate();
        }
    };
    Owned(Owned &&other) : handle_(std::exchange(other.handle_, nullptr)) {
    }
    ~Owned() {
        if (handle_) handle_.destroy();
    }

  private:
    explicit Owned(std::coroutine_handle<promise_type> handle) : handle_(handle) {
    }
    std::coroutine_handle<promise_type> handle_;
};

Owned receive_one(rm::Session &session, std::atomic<int> &received) {
    co_await session.async_receive();
    received++;
}

Owned send_one(rm::Session &session, int number) {
    co_await session.async_send(number);
}

Task<int> send_number(rm::Session &session, int number) {
    co_await session.async_send(number);
    co_return number;
}

rm::Graph add(int operand) {
    return rm::Graph() >> rm::Node{"Calculator", {}, {{"operation", "add"}, {"operand", operand}}};
}

Task<rm::List> run_often(const rm::Pipeline &pipeline, int times) {
    rm::List values;
    for (int number = 0; number < times; number++) {
        const rm::Outputs outputs = co_await pipeline.execute(rm::Value::list(number));
        values.push_back(outputs.values()[0]);
    }
    co_return values;
}

Task<int> converse(rm::Session &session, int count) {
    for (int number = 0; number < count; number++) co_await session.async_send(number);
    session.finish();
    co_return count;
}

Task<int> listen(rm::Session &session) {
    int received = 0;
    while (const std::optional<rm::Packet> packet = co_await session.async_receive()) {
        if (!(packet->value == rm::Value(received + 1))) co_return -1;
        received++;
    }
    co_return received;
}

Task<std::string> fail(const rm::Pipeline &pipeline) {
    try {
        co_await pipeline.execute(rm::Value::list("text"));
    } catch (const rm::NodeError &error) {
        co_return *error.node_id();
    }
    co_return "nothing";
}

} // namespace

TEST(async, a_run_is_awaited) {
    rm::Runtime runtime;
    const rm::Pipeline pipeline(runtime, add(5));
    const rm::List values = run_often(pipeline, 200).get();
    CHECK_EQUAL(200u, values.size());
    CHECK(values[199] == rm::Value(204));
    CHECK_EQUAL(std::string("calculator"), fail(pipeline).get());
}

TEST(async, a_session_is_awaited_at_both_ends) {
    rm::Runtime runtime;
    const rm::Pipeline pipeline(runtime, add(1));
    rm::Session session = pipeline.session({.packets = 4});
    Task<int> sending = converse(session, 2000), receiving = listen(session);
    CHECK_EQUAL(2000, sending.get());
    CHECK_EQUAL(2000, receiving.get());
}

TEST(async, the_executor_resumes) {
    std::atomic<int> resumed = 0;
    rm::Runtime runtime({.executor = [&resumed](std::function<void()> function) {
        resumed++;
        function();
    }});
    const rm::Pipeline pipeline(runtime, add(5));
    CHECK_EQUAL(10u, run_often(pipeline, 10).get().size());
    CHECK(resumed.load() > 0);
}

TEST(async, a_future_takes_a_run_over) {
    rm::Runtime runtime;
    const rm::Pipeline pipeline(runtime, add(5));
    std::future<rm::Outputs> future = pipeline.execute({1}).future();
    CHECK(future.get().values() == rm::List{6});
    THROWN(rm::NodeError, pipeline.execute({"text"}).future().get());
    // Work that is done within the budget never leaves this thread.
    CHECK(pipeline.execute({2}, {.budget = std::chrono::seconds(1)}).get().values() == rm::List{7});
}

TEST(async, a_coroutine_that_was_destroyed_neither_receives_nor_sends) {
    // What an event calls is called when the test says so, by this thread.
    std::mutex mutex;
    std::vector<std::function<void()>> posted;
    const auto run_posted = [&] {
        std::vector<std::function<void()>> functions;
        {
            const std::lock_guard lock(mutex);
            functions.swap(posted);
        }
        for (const auto &function : functions) function();
    };
    rm::Runtime runtime({.executor = [&](std::function<void()> function) {
        const std::lock_guard lock(mutex);
        posted.push_back(std::move(function));
    }});
    const rm::Pipeline pipeline(runtime, add(0));
    std::atomic<int> received = 0;
    for (const bool is_called_before : {false, true}) {
        rm::Session session = pipeline.session();
        std::optional<Owned> waiting = receive_one(session, received);
        if (!is_called_before) waiting.reset();
        for (int number = 1; number <= 3; number++) session.send(number);
        session.finish();
        session.wait();
        waiting.reset();
        run_posted();
        rm::List values;
        for (const rm::Packet &packet : session) values.push_back(packet.value);
        CHECK(values == (rm::List{1, 2, 3}));
    }
    CHECK_EQUAL(0, received.load());
    rm::Session session = pipeline.session({.packets = 1});
    int taken = 0;
    while (session.try_send(taken)) taken++;
    {
        const Owned waiting = send_one(session, 1000);
    }
    std::size_t count = 0;
    std::jthread finishing([&] { session.finish(); });
    finishing.join();
    for (const rm::Packet &packet : session) {
        run_posted();
        CHECK(packet.value == rm::Value(static_cast<int>(count++)));
    }
    CHECK_EQUAL(static_cast<std::size_t>(taken), count);
}

TEST(async, an_interruption_of_all_drops_what_waits_to_be_sent) {
    for (const std::string at : {"", "held"}) {
        Gate begun, open;
        rm::Runtime runtime;
        const rm::Pipeline pipeline(runtime, rm::Graph() >> rm::host_node("Held", [&](const rm::Value &value) {
                                                 begun.open();
                                                 open.wait();
                                                 return value;
                                             }));
        rm::Session session = pipeline.session({.packets = 1});
        session.send(0);
        begun.wait();
        while (session.try_send(1)) {
        }
        Task<int> first = send_number(session, 2), second = send_number(session, 3);
        session.interrupt(at);
        open.open();
        std::jthread sender([&] {
            first.get();
            second.get();
            session.send(4);
            session.finish();
        });
        std::vector<std::int64_t> found;
        for (const rm::Packet &packet : session) found.push_back(packet.value.as<std::int64_t>());
        std::ranges::sort(found);
        CHECK(found == (at.empty() ? std::vector<std::int64_t>{4} : std::vector<std::int64_t>{2, 3, 4}));
    }
}

TEST(async, a_stop_reaches_a_run_that_was_given_up) {
    rm::Runtime runtime;
    Gate begun, ended;
    std::atomic<int> stopped = 0;
    const rm::Pipeline pipeline(runtime,
                                rm::Graph() >> rm::host_node("Wait", [&](const rm::HostPacket &, rm::Emitter &emit) {
                                    begun.open();
                                    Gate never;
                                    never.wait(emit.stop_token());
                                    stopped++;
                                }));
    std::stop_source first, second;
    std::future<rm::Outputs> future = pipeline.execute({1}, {.stop = first.get_token()}).future();
    begun.wait();
    first.request_stop();
    CHECK(future.wait_for(std::chrono::seconds(10)) == std::future_status::ready);
    THROWN(rm::Cancelled, future.get());
    {
        rm::Execution execution = pipeline.execute({1}, {.stop = second.get_token()});
        execution.then([&ended] { ended.open(); });
        execution.detach();
    }
    second.request_stop();
    ended.wait();
    // A run that is done is not reached any more, nor kept.
    std::stop_source third;
    const rm::Pipeline adding(runtime, add(5));
    CHECK(adding.execute({1}, {.stop = third.get_token()}).future().get().values() == rm::List{6});
    third.request_stop();
}

TEST(async, a_coroutine_that_is_shut_down_ends) {
    auto runtime = std::make_unique<rm::Runtime>();
    const rm::Pipeline pipeline(*runtime, add(5));
    rm::Session session = pipeline.session();
    Task<int> receiving = listen(session);
    runtime.reset();
    THROWN(rm::ShutDown, receiving.get());
}

#ifdef TESTS_ASIO
TEST(async, asio_runs_a_pipeline_with_any_token) {
    rm::Runtime runtime;
    const rm::Pipeline pipeline(runtime, add(5));
    asio::io_context context;
    const auto thread = std::this_thread::get_id();
    bool is_here = false;
    rm::async_run(context.get_executor(), pipeline, rm::Value::list(1),
                  [&](std::exception_ptr error, rm::Outputs outputs) {
                      is_here = !error && outputs.values() == rm::List{6} && std::this_thread::get_id() == thread;
                  });
    rm::List values;
    asio::co_spawn(
        context,
        [&]() -> asio::awaitable<void> {
            const rm::Outputs outputs =
                co_await rm::async_run(context.get_executor(), pipeline, rm::Value::list(2), asio::use_awaitable);
            values = outputs.values();
        },
        [](std::exception_ptr error) {
            if (error) std::rethrow_exception(error);
        });
    auto future = rm::async_run(context.get_executor(), pipeline, rm::Value::list("text"), asio::use_future);
    context.run();
    CHECK(is_here);
    CHECK(values == rm::List{7});
    THROWN(rm::NodeError, future.get());
}
#endif
