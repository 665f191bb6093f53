// SPDX-License-Identifier: MIT OR Apache-2.0
// Sessions: ranges of outputs, back pressure, flush and interruption, failures, and what ends a wait.

#include "check.hpp"

#include <atomic>
#include <latch>
#include <utility>

namespace {

rm::Graph pass() {
    return rm::Graph() >> rm::Node{"PassThrough", "pass"};
}

const rm::Wait ten_seconds{.timeout = std::chrono::seconds(10)};

} // namespace

TEST(sessions, outputs_are_a_range) {
    rm::Runtime runtime;
    const rm::Pipeline pipeline(runtime, pass());
    rm::Session session = pipeline.session();
    session.send(1, {.pts = 5, .duration = 6});
    session.send(2);
    session.finish();
    rm::List values;
    for (rm::Packet &packet : session) {
        if (values.empty()) CHECK(packet.pts == 5 && packet.duration == 6 && packet.output == "pass");
        CHECK_EQUAL(values.size(), packet.sequence);
        values.push_back(std::move(packet.value));
    }
    CHECK(values == (rm::List{1, 2}));
    session.wait(ten_seconds);
    THROWN(rm::Gone, session.send(3));
    CHECK(!session.cancel());
}

TEST(sessions, send_waits_for_room) {
    // Its first call holds everything up, so that a session that is full stays so.
    std::latch begun(1), gate(1);
    rm::Runtime runtime;
    const rm::Pipeline pipeline(
        runtime,
        rm::Graph() >> rm::host_node("Held", rm::HostNode([&, is_first = true](const rm::Value &value) mutable {
                                         if (std::exchange(is_first, false)) {
                                             begun.count_down();
                                             gate.wait();
                                         }
                                         return value;
                                     })));
    rm::Session session = pipeline.session({.packets = 2});
    CHECK(session.try_send(0));
    begun.wait();
    int taken = 1;
    while (session.try_send(taken)) taken++;
    CHECK(taken >= 2 && taken <= 8);
    const rm::Wait brief{.timeout = std::chrono::milliseconds(20)};
    const auto no_room = THROWN(rm::TimedOut, session.send(taken, {}, brief));
    CHECK(std::string(no_room.what()).starts_with("the session had no room within"));
    const auto no_output = THROWN(rm::TimedOut, session.receive(brief));
    CHECK(std::string(no_output.what()).starts_with("the session had no output within"));
    const auto no_end = THROWN(rm::TimedOut, session.wait(brief));
    CHECK(std::string(no_end.what()).starts_with("the session did not end within"));
    std::stop_source stop;
    stop.request_stop();
    THROWN(rm::Cancelled, session.send(taken, {}, {.stop = stop.get_token()}));
    gate.count_down();
    constexpr int count = 20'000;
    std::jthread sender([&] {
        for (int number = taken; number < count; number++) session.send(number, {}, ten_seconds);
        session.finish();
    });
    int next = 0;
    while (const auto packet = session.receive(ten_seconds)) CHECK(packet->value == rm::Value(next++));
    CHECK_EQUAL(count, next);
}

TEST(sessions, a_flush_ends_a_stream_and_an_interruption_drops_it) {
    struct Count {
        int packets = 0;
        void operator()(const rm::HostPacket &packet, rm::Emitter &emit) {
            packets++;
            emit(packet.value);
        }
        void end(const rm::HostEnd &, rm::Emitter &emit) {
            emit(rm::Value::list(std::exchange(packets, 0)));
        }
    };
    rm::Runtime runtime;
    const rm::Pipeline pipeline(runtime,
                                rm::Graph() >> rm::host_node("Count", rm::HostNode::stateful([] { return Count(); })));
    rm::Session session = pipeline.session();
    session.send("a");
    session.send("b");
    session.flush();
    rm::List values;
    for (int number = 0; number < 3; number++) values.push_back(session.receive(ten_seconds)->value);
    CHECK(values == (rm::List{"a", "b", rm::Value::list(2)}));
    session.send("dropped");
    session.interrupt();
    session.send("c");
    session.finish();
    CHECK(session.receive(ten_seconds)->value == rm::Value("c"));
    // The state is that of the new stream.
    CHECK(session.receive(ten_seconds)->value == rm::Value::list(1));
    CHECK(!session.receive(ten_seconds));
}

TEST(sessions, a_failure_is_thrown_after_the_outputs_before_it) {
    rm::Runtime runtime;
    const rm::Pipeline pipeline(runtime,
                                rm::Graph() >> rm::Node{"Calculator", {}, {{"operation", "add"}, {"operand", 1}}});
    rm::Session session = pipeline.session();
    session.send(1);
    CHECK(session.receive(ten_seconds)->value == rm::Value(2));
    session.send("text");
    const auto error = THROWN(rm::NodeError, session.wait(ten_seconds));
    CHECK_EQUAL("calculator", *error.node_id());
    THROWN(rm::NodeError, session.receive(ten_seconds));
    THROWN(rm::Gone, session.send(2));
}

TEST(sessions, live_params_and_metrics) {
    rm::Runtime runtime;
    const rm::Pipeline pipeline(runtime,
                                rm::Graph() >> rm::Node{"Calculator", "sum", {{"operation", "add"}, {"operand", 1}}});
    rm::Session session = pipeline.session();
    session.send(1);
    session.set_params("sum", {{"operand", 10}});
    session.send(1);
    CHECK(session.receive(ten_seconds)->value == rm::Value(2));
    CHECK(session.receive(ten_seconds)->value == rm::Value(11));
    CHECK_EQUAL(2, session.metrics()["sent"].as<int>());
    CHECK_EQUAL("sum", session.metrics()["nodes"][0]["id"].as<std::string>());
}

TEST(sessions, several_outputs_are_read_one_by_one) {
    rm::Runtime runtime;
    rm::Graph graph;
    graph.add(rm::Node{"PassThrough", "a"});
    graph.add(rm::Node{"Calculator", "b", {{"operation", "add"}, {"operand", 1}}});
    const rm::Pipeline pipeline(runtime, graph);
    rm::Session session = pipeline.session();
    CHECK_EQUAL(2u, session.output_names().size());
    for (int number = 0; number < 10; number++) session.send(number);
    session.finish();
    rm::List left, right;
    for (rm::PacketRange range = session.output("b"); rm::Packet &packet : range) right.push_back(packet.value);
    for (rm::PacketRange range = session.output("a"); rm::Packet &packet : range) left.push_back(packet.value);
    CHECK_EQUAL(10u, left.size());
    CHECK(right[9] == rm::Value(10));
    THROWN(std::out_of_range, session.output("c"));
}

TEST(sessions, destroying_a_session_stops_its_functions) {
    rm::Runtime runtime;
    auto entered = std::make_shared<Gate>(), stopped = std::make_shared<Gate>();
    const rm::Pipeline pipeline(runtime,
                                rm::Graph() >> rm::host_node("Wait", [=](const rm::HostPacket &, rm::Emitter &emit) {
                                    entered->open();
                                    Gate never;
                                    never.wait(emit.stop_token());
                                    stopped->open();
                                }));
    {
        rm::Session session = pipeline.session();
        session.send(1);
        entered->wait();
    }
    stopped->wait();
}

TEST(sessions, lent_memory_is_released_while_it_runs) {
    rm::Runtime runtime;
    const rm::Pipeline pipeline(runtime, pass());
    rm::Session session = pipeline.session();
    const std::string content(100'000, 'x');
    std::size_t most = 0;
    for (int number = 0; number < 500; number++) {
        const rm::Bytes bytes = rm::Bytes::copy(content);
        session.send(bytes, {}, ten_seconds);
        const auto packet = session.receive(ten_seconds);
        CHECK(packet->value.as<rm::Bytes>().data() == bytes.data());
        most = std::max(most, runtime.lent());
    }
    CHECK(most < 100);
}

TEST(sessions, many_threads_send_and_receive) {
    rm::Runtime runtime;
    const rm::Pipeline pipeline(runtime, pass());
    rm::Session session = pipeline.session({.packets = 8});
    std::atomic<std::int64_t> sum = 0, received = 0;
    {
        std::vector<std::jthread> threads;
        for (int thread = 0; thread < 4; thread++) {
            threads.emplace_back([&] {
                while (const auto packet = session.receive(ten_seconds)) {
                    sum += packet->value.as<std::int64_t>();
                    received++;
                }
            });
        }
        {
            std::vector<std::jthread> senders;
            for (int thread = 0; thread < 4; thread++) {
                senders.emplace_back([&] {
                    for (int number = 1; number <= 1000; number++) session.send(number, {}, ten_seconds);
                });
            }
        }
        session.finish();
    }
    CHECK_EQUAL(4000, received.load());
    CHECK_EQUAL(4 * 500'500, sum.load());
}

TEST(sessions, a_wait_may_be_as_long_as_a_number_has_it) {
    rm::Runtime runtime;
    rm::Session session = rm::Pipeline(runtime, rm::Graph() >> rm::Node{"PassThrough"}).session();
    // Each round begins to wait before its value comes, unless a thread is slow.
    for (int round = 0; round < 50; round++) {
        std::atomic<bool> is_waiting = false;
        const std::jthread sender([&] {
            is_waiting.wait(false);
            std::this_thread::yield();
            session.send(round);
        });
        is_waiting = true;
        is_waiting.notify_one();
        const auto packet = session.receive({.timeout = std::chrono::microseconds::max()});
        CHECK(packet && packet->value == rm::Value(round));
    }
    THROWN(rm::TimedOut, session.receive({.timeout = std::chrono::microseconds::min()}));
}
