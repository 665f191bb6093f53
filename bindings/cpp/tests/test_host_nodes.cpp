// SPDX-License-Identifier: MIT OR Apache-2.0
// Nodes of this program: the forms that a function may have, chains, streaming answers, ends, state, and what they
// throw.

#include "check.hpp"

#include <algorithm>
#include <atomic>

namespace {

struct Peculiar : std::runtime_error {
    using std::runtime_error::runtime_error;
};

rm::Graph of(rm::HostNode function) {
    return rm::Graph() >> rm::host_node("Own", std::move(function));
}

/// The values of a run, blocking and by the port.
rm::List both(const rm::Pipeline &pipeline, const rm::List &inputs) {
    rm::List values = pipeline.run(inputs).values();
    CHECK(pipeline.execute(inputs).get().values() == values);
    return values;
}

} // namespace

TEST(host_nodes, a_function_may_take_what_a_value_holds) {
    rm::Runtime runtime;
    CHECK(both({runtime, of([](double x) { return x * 2; })}, {1.5, 2.0}) == (rm::List{3.0, 4.0}));
    CHECK(both({runtime, of([](const std::string &text) { return text + "!"; })}, {"a"}) == rm::List{"a!"});
    CHECK(both({runtime, of([](const rm::Value &value) { return rm::Value::list(value); })}, {1}) ==
          rm::List{rm::Value::list(1)});
    CHECK(both({runtime, of([](const rm::HostPacket &packet) { return packet.item; })}, {7, 7}) == (rm::List{0, 1}));
    const auto even = [](int x) -> std::optional<int> { return x % 2 == 0 ? std::optional(x) : std::nullopt; };
    CHECK(both({runtime, of(even)}, {1, 2, 3, 4}) == (rm::List{2, 4}));
    std::atomic<int> seen = 0;
    CHECK(both({runtime, of([&seen](const rm::Value &) { seen++; })}, {1, 2}).empty());
    CHECK_EQUAL(4, seen.load());
    const rm::Pipeline narrow(runtime, of([](float x) { return x; }));
    constexpr double infinity = std::numeric_limits<double>::infinity();
    CHECK(both(narrow, {0.1, -infinity}) == (rm::List{0.1f, -infinity}));
    for (const double large : {1e300, -1e300}) {
        const auto error = THROWN(rm::HostNodeError, narrow.run({large}));
        CHECK(std::string(error.what()).find("not a float of the range that was asked for") != std::string::npos);
    }
    const rm::Value wrong = "text";
    const rm::Pipeline strict(runtime, of([](double x) { return x; }));
    THROWN(rm::HostNodeError, strict.run({wrong}));
}

TEST(host_nodes, functions_stand_among_built_in_nodes_and_in_chains) {
    rm::Runtime runtime;
    const rm::Node plus{"Calculator", "plus", {{"operation", "add"}, {"operand", 1}}};
    const rm::Graph graph = rm::Graph() >> plus >> rm::host_node("Ten", [](int x) { return x * 10; }) >>
                            rm::host_node("Twice",
                                          [](const rm::HostPacket &packet, rm::Emitter &emit) {
                                              emit(packet.value);
                                              emit(rm::Value::list(packet.value));
                                          }) >>
                            rm::Node{"PassThrough"};
    CHECK(both({runtime, graph}, {1, 2}) == (rm::List{20, rm::Value::list(20), 30, rm::Value::list(30)}));
}

TEST(host_nodes, a_batch_is_handled_together) {
    rm::Runtime runtime;
    std::atomic<std::size_t> most = 0;
    rm::HostNode node = [&most](std::span<const rm::HostPacket> packets, rm::BatchEmitter &emit) {
        most = std::max(most.load(), packets.size());
        for (std::size_t index = 0; index < packets.size(); index++) emit(index, packets[index].value.as<int>() + 1);
    };
    const rm::Pipeline pipeline(runtime, of(std::move(node.batch(8))));
    rm::List inputs, expected;
    for (int number = 0; number < 100; number++) {
        inputs.emplace_back(number);
        expected.emplace_back(number + 1);
    }
    CHECK(both(pipeline, inputs) == expected);
    CHECK(most.load() >= 1 && most.load() <= 8);
}

TEST(host_nodes, a_batch_that_throws_is_handled_again_packet_by_packet) {
    rm::Runtime runtime;
    const auto pipeline = [&runtime](auto function, const std::string &on_error) {
        rm::HostNode node = function;
        node.batch(8);
        return rm::Pipeline(runtime, "version: v1\nnodes:\n  - {id: own, node_type: Own, on_error: " + on_error + "}\n",
                            {{"Own", node}});
    };
    const auto has_three = [](std::span<const rm::HostPacket> packets) {
        return std::any_of(packets.begin(), packets.end(), [](const auto &each) { return each.value == rm::Value(3); });
    };
    // One throws before it gives anything, one in the middle, and one when parts have left already.
    const auto before = [has_three](std::span<const rm::HostPacket> packets, rm::BatchEmitter &emit) {
        if (has_three(packets)) throw Peculiar("no 3");
        for (std::size_t index = 0; index < packets.size(); index++) emit(index, packets[index].value);
    };
    const auto within = [](std::span<const rm::HostPacket> packets, rm::BatchEmitter &emit) {
        for (std::size_t index = 0; index < packets.size(); index++) {
            if (packets[index].value == rm::Value(3)) throw Peculiar("no 3");
            emit(index, packets[index].value);
        }
    };
    const auto sent = [](std::span<const rm::HostPacket> packets, rm::BatchEmitter &emit) {
        for (std::size_t index = 0; index < packets.size(); index++) {
            if (packets[index].value == rm::Value(3)) throw Peculiar("no 3");
            emit(index, packets[index].value);
            // The first packet has a value that has left, and one that has not.
            if (index == 0 && packets.size() > 1) emit.flush();
            emit(index, "and");
        }
    };
    const auto check = [&](auto function, const rm::List &passing, const rm::List &first) {
        const rm::Pipeline skipping = pipeline(function, "skip"), failing = pipeline(function, "fail");
        const rm::Outputs runs[] = {skipping.run({1, 2, 3, 4, 5}), skipping.execute({1, 2, 3, 4, 5}).get()};
        for (const rm::Outputs &outputs : runs) {
            CHECK(outputs.values() == passing);
            CHECK_EQUAL(1u, outputs.skips());
            CHECK_EQUAL(2, *outputs.skipped().front().detail().item);
        }
        const auto error = THROWN(rm::HostNodeError, failing.run({1, 2, 3, 4, 5}));
        CHECK_EQUAL(2, *error.detail().item);
        CHECK((*error.outputs())["own"].values == first);
    };
    check(before, {1, 2, 4, 5}, {1, 2});
    check(within, {1, 2, 4, 5}, {1, 2});
    check(sent, {1, "and", 2, "and", 4, "and", 5, "and"}, {1, "and", 2, "and"});
    // One that throws while each of its packets passes is no error.
    const auto together = [](std::span<const rm::HostPacket> packets, rm::BatchEmitter &emit) {
        if (packets.size() > 1) throw Peculiar("one at a time");
        emit(0, packets[0].value);
    };
    CHECK(both(pipeline(together, "fail"), {1, 2, 3}) == (rm::List{1, 2, 3}));
}

TEST(host_nodes, values_that_functions_give_come_together_before_a_batch) {
    rm::Runtime runtime;
    std::vector<std::size_t> sizes;
    std::mutex mutex;
    rm::HostNode many = [&](std::span<const rm::HostPacket> packets, rm::BatchEmitter &emit) {
        {
            const std::lock_guard lock(mutex);
            sizes.push_back(packets.size());
        }
        for (std::size_t index = 0; index < packets.size(); index++) emit(index, packets[index].value);
    };
    rm::HostNode same = [](const rm::Value &value) { return value; };
    rm::HostNode failing = [](int x) {
        if (x == 3) throw Peculiar("no 3");
        return x;
    };
    rm::HostNode endless = [](const rm::HostPacket &, rm::Emitter &emit) {
        for (int number = 0;; number++) emit(number);
    };
    rm::List inputs;
    for (int number = 0; number < 16; number++) inputs.emplace_back(number);
    // Nodes that wait alike share a call; without a wait of its own a function shares none with a batch.
    for (const bool shares : {true, false}) {
        for (rm::HostNode *node : {&many, &same, &failing, &endless}) {
            node->batch(8);
            if (shares) node->max_wait(std::chrono::milliseconds(0));
        }
        for (const rm::HostNode &first : {same, many}) {
            sizes.clear();
            const rm::Graph graph = rm::Graph() >> rm::host_node("First", first) >> rm::host_node("Many", many) >>
                                    rm::host_node("Last", same);
            CHECK(both({runtime, graph}, inputs) == inputs);
            for (const std::size_t size : sizes) CHECK(size > 1 && size <= 8);
        }
        sizes.clear();
        rm::Session session =
            rm::Pipeline(runtime, rm::Graph() >> rm::host_node("Endless", endless) >> rm::host_node("Many", many))
                .session({.packets = 4});
        session.send(0);
        for (int number = 0; number < 100; number++) {
            CHECK(session.receive({.timeout = std::chrono::seconds(10)})->value == rm::Value(number));
        }
        session.cancel();
        {
            const std::lock_guard lock(mutex);
            for (const std::size_t size : sizes) CHECK(size <= 8);
        }
        if (!shares) break;
        // What came before a failure in front of the batch leaves.
        const rm::Pipeline pipeline(runtime,
                                    rm::Graph() >> rm::host_node("First", failing) >> rm::host_node("Many", many));
        const auto error = THROWN(rm::HostNodeError, pipeline.run(inputs));
        CHECK_EQUAL("first", *error.node_id());
        CHECK_EQUAL(3, *error.detail().item);
        CHECK(error.outputs()->values() == (rm::List{0, 1, 2}));
    }
}

TEST(host_nodes, what_is_held_back_comes_before_a_batch_in_its_place) {
    struct Sum {
        int sum = 0;
        int operator()(int x) {
            return sum += x;
        }
        void end(const rm::HostEnd &, rm::Emitter &emit) {
            emit(rm::Value::list(sum));
        }
    };
    rm::Runtime runtime;
    rm::HostNode sum = rm::HostNode::stateful([] { return Sum(); });
    rm::HostNode many = [](std::span<const rm::HostPacket> packets, rm::BatchEmitter &emit) {
        for (std::size_t index = 0; index < packets.size(); index++) emit(index, packets[index].value);
    };
    sum.max_wait(std::chrono::milliseconds(0));
    const rm::Graph graph = rm::Graph() >> rm::host_node("Sum", sum) >> rm::host_node("Many", many);
    CHECK(both({runtime, graph}, {1, 2}) == (rm::List{1, rm::Value::list(1), 3, rm::Value::list(3)}));
}

TEST(host_nodes, functions_that_wait_for_runs_and_sessions_leave_threads_to_them) {
    rm::Runtime runtime({.threads = 2});
    const rm::Pipeline inner(runtime, of([](int x) { return x + 1; }));
    const auto run = [&inner](int x) { return inner.execute({x}).get().values()[0]; };
    const auto converse = [&inner](int x) {
        rm::Session session = inner.session();
        session.send(x);
        session.finish();
        return session.receive()->value;
    };
    const auto wait = [&inner](int x) {
        const rm::Execution execution = inner.execute({x});
        while (!execution.wait_for(std::chrono::seconds(1))) {
        }
        return x + 1;
    };
    for (const rm::HostNode &node : {rm::HostNode(run), rm::HostNode(converse), rm::HostNode(wait)}) {
        const rm::Pipeline outer(runtime, of(node));
        for (int round = 0; round < 10; round++) {
            std::vector<rm::Execution> runs;
            for (int number = 0; number < 16; number++) runs.push_back(outer.execute({number}));
            for (int number = 0; number < 16; number++) {
                rm::Execution &each = runs[static_cast<std::size_t>(number)];
                CHECK(each.wait_for(std::chrono::seconds(10)));
                CHECK(each.get().values() == rm::List{number + 1});
            }
        }
    }
}

TEST(host_nodes, streaming_answers_wait_for_room) {
    rm::Runtime runtime;
    const rm::Node pass{"PassThrough"};
    const rm::Graph graph = rm::Graph() >> rm::host_node("Same", [](int x) { return x; }) >>
                            rm::host_node("Count",
                                          [](const rm::HostPacket &packet, rm::Emitter &emit) {
                                              for (int number = 0; number < packet.value.as<int>(); number++)
                                                  emit(number);
                                          }) >>
                            pass >> rm::host_node("Last", [](int x) { return x; });
    const rm::Pipeline pipeline(runtime, graph);
    const rm::List values = both(pipeline, {3000});
    CHECK_EQUAL(3000u, values.size());
    for (int number = 0; number < 3000; number++) CHECK(values[static_cast<std::size_t>(number)] == rm::Value(number));
}

TEST(host_nodes, an_exception_comes_back_as_the_same_object) {
    rm::Runtime runtime;
    const std::exception_ptr own = std::make_exception_ptr(Peculiar("my own"));
    const rm::Pipeline pipeline(runtime, of([own](const rm::Value &value) -> rm::Value {
                                    if (value == rm::Value(2)) std::rethrow_exception(own);
                                    return value;
                                }));
    for (const bool is_blocking : {true, false}) {
        const auto error =
            THROWN(rm::HostNodeError, is_blocking ? pipeline.run({1, 2}) : pipeline.execute({1, 2}).get());
        CHECK(error.exception() == own);
        CHECK(error.nested_ptr() == own);
        CHECK_EQUAL("own", *error.node_id());
        CHECK_EQUAL(1, *error.detail().item);
        CHECK(std::string(error.what()).find("Peculiar: my own") != std::string::npos);
        const auto nested = THROWN(Peculiar, std::rethrow_if_nested(error));
        CHECK_EQUAL(std::string("my own"), std::string(nested.what()));
        CHECK((*error.outputs())["own"].values == rm::List{1});
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    // The function itself stays lent.
    while (runtime.lent() > 1 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    CHECK_EQUAL(1u, runtime.lent());
}

TEST(host_nodes, causes_and_strange_exceptions_are_told) {
    rm::Runtime runtime;
    const rm::Pipeline nested(runtime, of([](const rm::Value &) -> rm::Value {
                                  try {
                                      throw std::runtime_error("the disk is full");
                                  } catch (...) {
                                      std::throw_with_nested(Peculiar("can't save"));
                                  }
                              }));
    const auto error = THROWN(rm::HostNodeError, nested.run({1}));
    CHECK(!error.detail().chain.empty() && error.detail().chain.back() == "the disk is full");
    const rm::Pipeline strange(runtime, of([](const rm::Value &) -> rm::Value { throw 5; }));
    const auto other = THROWN(rm::HostNodeError, strange.run({1}));
    CHECK_EQUAL(5, THROWN(int, std::rethrow_exception(other.exception())));
    // Text that is no UTF-8 can't cross, and is shown.
    const rm::Pipeline bytes(runtime, of([](const rm::Value &) -> rm::Value { throw std::runtime_error("caf\xe9"); }));
    CHECK(std::string(THROWN(rm::HostNodeError, bytes.run({1})).what()).find("caf?") != std::string::npos);
    const rm::Pipeline mixed(
        runtime, of([](const rm::Value &) -> rm::Value { throw std::runtime_error("caf\xc3\xa9 \xe9\xc3\xa9\xc3"); }));
    CHECK(std::string(THROWN(rm::HostNodeError, mixed.run({1})).what()).find("caf\xc3\xa9 ?\xc3\xa9?") !=
          std::string::npos);
    // Of a parser that quotes its input; the time that it takes grows with its length and no faster.
    const rm::Pipeline quoting(
        runtime, of([](const rm::Value &) -> rm::Value { throw std::runtime_error(std::string(4'000'000, '\xe9')); }));
    CHECK(std::string(THROWN(rm::HostNodeError, quoting.run({1})).what()).find("????") != std::string::npos);
    // A value that no document has is a failure of the function that gave it.
    const rm::Pipeline broken(runtime, of([](const rm::Value &) { return rm::Value("\xff"); }));
    CHECK_EQUAL("own", *THROWN(rm::HostNodeError, broken.run({1})).node_id());
}

TEST(host_nodes, state_belongs_to_a_run_and_ends_are_seen) {
    struct Sum {
        int sum = 0;
        void operator()(const rm::HostPacket &packet, rm::Emitter &) {
            sum += packet.value.as<int>();
        }
        void end(const rm::HostEnd &end, rm::Emitter &emit) {
            emit(rm::Value::list(*end.item, sum));
        }
    };
    rm::Runtime runtime;
    const rm::Pipeline pipeline(runtime, of(rm::HostNode::stateful([] { return Sum(); })));
    const auto list = [](int item, int sum) { return rm::Value::list(item, sum); };
    CHECK(both(pipeline, {1, 2, 3}) == (rm::List{list(0, 1), list(1, 3), list(2, 6)}));
    CHECK(both(pipeline, {5}) == rm::List{list(0, 5)});
}

TEST(host_nodes, a_node_that_can_not_be_made_ends_the_work_whatever_errors_mean) {
    struct Never {
        Never() {
            throw Peculiar("not today");
        }
        int operator()(int x) {
            return x;
        }
    };
    rm::Runtime runtime;
    const rm::Pipeline skipping(runtime, "version: v1\nnodes:\n  - {id: own, node_type: Own, on_error: skip}\n",
                                {{"Own", rm::HostNode::stateful([] { return Never(); })}});
    const auto error = THROWN(rm::HostNodeError, skipping.run({1, 2}));
    CHECK(std::string(error.what()).find("not today") != std::string::npos);
}

TEST(host_nodes, functions_are_given_back_with_their_pipeline) {
    rm::Runtime runtime;
    auto owned = std::make_shared<int>(5);
    std::weak_ptr<int> watched = owned;
    {
        const rm::Pipeline pipeline(runtime, of([owned](int x) { return x + *owned; }));
        owned.reset();
        CHECK(both(pipeline, {1}) == rm::List{6});
        CHECK(!watched.expired());
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    const auto is_back = [&] { return runtime.lent() == 0 && watched.expired(); };
    // The thread of the port destroys it after it has left the count.
    while (!is_back() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    CHECK(is_back());
}

TEST(host_nodes, an_exception_that_comes_after_the_end_of_its_run_is_not_kept) {
    rm::Runtime runtime;
    std::weak_ptr<int> watched;
    std::atomic<bool> has_thrown = false;
    const auto throwing = [&](const rm::HostPacket &, rm::Emitter &emit) {
        Gate never;
        never.wait(emit.stop_token());
        auto owned = std::make_shared<int>(5);
        watched = owned;
        has_thrown = true;
        throw owned;
    };
    for (const bool is_inline : {false, true}) {
        has_thrown = false;
        const rm::Pipeline pipeline(runtime, rm::Graph() >> rm::host_node("Late", throwing));
        const rm::RunOptions options{.timeout = std::chrono::milliseconds(20)};
        THROWN(rm::TimedOut, is_inline ? pipeline.run({1}, options) : pipeline.execute({1}, options).get());
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        // The function of the pipeline itself is lent too.
        const auto is_back = [&] { return has_thrown && runtime.lent() == 1 && watched.expired(); };
        while (!is_back() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
        CHECK(is_back());
    }
}

TEST(host_nodes, a_function_may_run_a_pipeline_itself) {
    rm::Runtime runtime;
    const rm::Pipeline inner(runtime, of([](int x) { return x + 1; }));
    const rm::Pipeline outer(runtime, of([&inner](int x) { return inner.run({x}).values()[0]; }));
    CHECK(both(outer, {1, 2, 3}) == (rm::List{2, 3, 4}));
}

TEST(host_nodes, large_values_cross_without_copies) {
    rm::Runtime runtime;
    std::atomic<const std::byte *> seen = nullptr;
    const rm::Pipeline pipeline(runtime, of([&seen](const rm::Bytes &bytes) {
                                    seen = bytes.data();
                                    return bytes;
                                }));
    const rm::Bytes bytes = rm::Bytes::copy(std::string(1'000'000, 'x'));
    const rm::Outputs outputs = pipeline.run({bytes});
    CHECK(seen.load() == bytes.data());
    CHECK(outputs.values()[0].as<rm::Bytes>().data() == bytes.data());
}

TEST(host_nodes, a_value_that_can_not_leave_loses_no_other) {
    rm::Runtime runtime;
    const auto port = [](const rm::HostPacket &packet) { return packet.value == rm::Value(2) ? 7u : 0u; };
    rm::HostNode wrong_port = [port](std::span<const rm::HostPacket> packets, rm::BatchEmitter &emit) {
        for (std::size_t index = 0; index < packets.size(); index++)
            emit(index, packets[index].value, {.port = port(packets[index])});
    };
    rm::HostNode wrong_text = [](std::span<const rm::HostPacket> packets, rm::BatchEmitter &emit) {
        for (std::size_t index = 0; index < packets.size(); index++)
            emit(index, packets[index].value == rm::Value(2) ? rm::Value("\xff") : packets[index].value);
    };
    for (const rm::HostNode &node : {wrong_port, wrong_text}) {
        const rm::Pipeline failing(runtime, "version: v1\nnodes:\n  - {id: own, node_type: Own}\n", {{"Own", node}});
        const auto error = THROWN(rm::HostNodeError, failing.run({1, 2, 3}));
        CHECK_EQUAL(1, *error.detail().item);
        CHECK((*error.outputs())["own"].values == rm::List{1});
        const rm::Pipeline skipping(runtime, "version: v1\nnodes:\n  - {id: own, node_type: Own, on_error: skip}\n",
                                    {{"Own", node}});
        const rm::Outputs outputs = skipping.run({1, 2, 3, 4, 5});
        CHECK(outputs.values() == (rm::List{1, 3, 4, 5}));
        CHECK_EQUAL(1u, outputs.skips());
    }
    rm::HostNode single = [](const rm::HostPacket &packet, rm::Emitter &emit) { emit(packet.value, {.port = 2}); };
    single.outputs({"out", "events"});
    const auto error = THROWN(rm::HostNodeError, rm::Pipeline(runtime, of(single)).run({1}));
    CHECK(std::string(error.what()).find("there is no output 2; the node has 2, counted from 0") != std::string::npos);
}

TEST(host_nodes, functions_next_to_each_other_keep_the_times_that_they_give) {
    constexpr std::int64_t second = 1'000'000'000;
    rm::Runtime runtime;
    const rm::Audio silence = rm::Audio::take(std::vector<float>(100), 44'100);
    rm::Audio sound = silence;
    sound.pts = 5 * second;
    struct Case {
        rm::Value value;
        rm::EmitAt at;
        std::int64_t pts, duration;
    };
    const std::vector<Case> cases{
        {1, {.pts = 5 * second, .duration = second}, 5 * second, second},
        {1, {.pts = 5 * second}, 5 * second, 2 * second},
        {1, {.duration = second}, 3 * second, second},
        {sound, {}, 5 * second, 2'267'574},
        {silence, {}, 3 * second, 2'267'574},
        {1, {}, 3 * second, 2 * second},
    };
    for (const Case &each : cases) {
        std::vector<std::int64_t> seen;
        const rm::Node at =
            rm::host_node("At", [&each](const rm::HostPacket &, rm::Emitter &emit) { emit(each.value, each.at); });
        const rm::Node last = rm::host_node("Last", [&seen](const rm::HostPacket &packet) {
            seen = {packet.pts.value_or(0), packet.duration.value_or(0)};
            return "text";
        });
        const std::vector<std::int64_t> expected{each.pts, each.duration};
        // With a native node between them the runtime does it.
        for (const rm::Graph &graph :
             {rm::Graph() >> at >> last, rm::Graph() >> at >> rm::Node{"PassThrough"} >> last}) {
            rm::Session session = rm::Pipeline(runtime, graph).session();
            session.send(0, {.pts = 3 * second, .duration = 2 * second});
            session.finish();
            const rm::Packet found = *session.receive();
            CHECK((std::vector{found.pts.value_or(0), found.duration.value_or(0)} == expected));
            CHECK(seen == expected);
        }
    }
}
