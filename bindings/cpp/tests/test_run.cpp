// SPDX-License-Identifier: MIT OR Apache-2.0
// Runs: their outputs and errors, memory that is lent and comes back, cancelling and timeouts.

#include "check.hpp"

#include <remotemedia/nodes.hpp>

namespace {

rm::Node calculator(const char *operation, rm::Value operand) {
    return {"Calculator", {}, {{"operation", operation}, {"operand", std::move(operand)}}};
}

rm::Graph add_five() {
    return rm::Graph("add five") >> calculator("add", 5);
}

} // namespace

TEST(run, outputs_are_values_in_the_order_of_the_inputs) {
    rm::Runtime runtime;
    const rm::Pipeline pipeline(runtime, add_five());
    const rm::Outputs outputs = pipeline.run({1, 2.5, rm::Value::list(1, 2)});
    CHECK(outputs.values() == (rm::List{6, 7.5, rm::Value::list(6, 7)}));
    CHECK(outputs["calculator"].items == (std::vector<std::size_t>{0, 1, 2}));
    THROWN(std::out_of_range, outputs["other"]);
}

TEST(run, the_nice_value_of_workers_is_checked) {
    const auto error = THROWN(rm::InvalidArgument, rm::Runtime({.nice = 20}));
    CHECK_EQUAL("config: nice: expected 0 to 19, got 20", std::string(error.what()));
}

TEST(run, a_manifest_may_be_text_or_a_map) {
    rm::Runtime runtime;
    const rm::Pipeline text(runtime, "version: v1\nnodes:\n  - id: a\n    node_type: Calculator\n"
                                     "    params: {operation: add, operand: 5}\n");
    CHECK(text.run({1}).values() == rm::List{6});
    const rm::Pipeline map(runtime, add_five().manifest());
    CHECK(map.run({1}).values() == rm::List{6});
    CHECK_EQUAL("add five", map.describe()["name"].as<std::string>());
}

TEST(run, problems_of_a_manifest_have_their_places) {
    rm::Runtime runtime;
    const auto error =
        THROWN(rm::ManifestError, rm::Pipeline(runtime, "version: v1\nnodes:\n  - id: a\n    node_type: Nope\n"));
    CHECK(error.status() == rm::Status::invalid_manifest);
    CHECK_EQUAL(1u, error.problems().size());
    CHECK_EQUAL("nodes[0].node_type", error.problems()[0].path);
    CHECK_EQUAL(4, *error.problems()[0].line);
    CHECK_EQUAL(16, *error.problems()[0].column);
}

TEST(run, an_error_of_a_node_has_its_fields) {
    rm::Runtime runtime;
    const rm::Pipeline pipeline(runtime, rm::Graph() >> calculator("divide", 2));
    const auto error = THROWN(rm::NodeError, pipeline.run({1, "text"}));
    CHECK_EQUAL("calculator", *error.node_id());
    CHECK_EQUAL("Calculator", *error.node_type());
    CHECK_EQUAL(1, *error.detail().item);
    CHECK(error.detail().cause && error.detail().cure);
    CHECK_EQUAL(rm::Value::list(0.5), rm::Value((*error.outputs())["calculator"].values));
    CHECK(!error.exception());
    const auto same = THROWN(rm::NodeError, pipeline.execute({1, "text"}).get());
    CHECK_EQUAL(std::string(error.what()), std::string(same.what()));
}

TEST(run, a_value_that_cant_cross_is_named_by_its_place) {
    rm::Runtime runtime;
    const rm::Pipeline pipeline(runtime, add_five());
    const auto refused = [&](const rm::Value &value) {
        const auto error = THROWN(rm::DocumentError, pipeline.run({1, value}));
        const auto same = THROWN(rm::DocumentError, pipeline.execute({1, value}));
        CHECK_EQUAL(std::string(error.what()), std::string(same.what()));
        const std::string what = error.what();
        return what.substr(0, what.find(';'));
    };
    CHECK_EQUAL("inputs[1].meta[\"a b\"][1]: text is not UTF-8",
                refused(rm::Map{{"meta", rm::Map{{"a b", rm::List{"ok", "\xff"}}}}}));
    CHECK_EQUAL("inputs[1].a: the key \"\\xc3(\" is not UTF-8", refused(rm::Map{{"a", rm::Map{{"\xc3(", 1}}}}));
    rm::Map twice;
    twice.append("key", 1);
    twice.append("key", 2);
    CHECK_EQUAL("inputs[1][0]: the key \"key\" appears twice", refused(rm::Value::list(twice)));
    CHECK_EQUAL("inputs[1].path: text is not UTF-8", refused(rm::File::at("\xff")));
    rm::Table table;
    table.columns.resize(2);
    table.columns[1].name = "\xff";
    CHECK_EQUAL("inputs[1].columns[1].name: text is not UTF-8", refused(table));
    const auto sent = THROWN(rm::DocumentError, pipeline.session().send(rm::Value::list(1, "\xff")));
    CHECK(std::string(sent.what()).starts_with("value[1]: text is not UTF-8;"));
    const rm::Pipeline broken(
        runtime, rm::Graph() >> rm::host_node("Broken", [](const rm::Value &) { return rm::Value::list(1, "\xff"); }));
    const auto returned = THROWN(rm::HostNodeError, broken.run({1}));
    CHECK(std::string(returned.what()).find("the returned value[1]: text is not UTF-8;") != std::string::npos);
}

TEST(run, memory_is_lent_and_comes_back_as_itself) {
    rm::Runtime runtime;
    const rm::Pipeline pipeline(runtime, rm::Graph() >> rm::Node{"PassThrough", {}, {}});
    auto owner = std::make_shared<std::vector<std::uint8_t>>(2'764'800, std::uint8_t{7});
    const rm::Bytes lent = rm::Bytes::share(std::span<const std::uint8_t>(*owner), owner);
    for (int round = 0; round < 3; round++) {
        const rm::Outputs outputs = round == 0 ? pipeline.run({lent}) : pipeline.execute({lent}).get();
        CHECK(outputs.values()[0].as<rm::Bytes>().data() == lent.data());
    }
    // A part of it names the same block.
    const rm::Bytes part = lent.part(1000, 100'000);
    const rm::Outputs outputs = pipeline.run({part, lent});
    CHECK(outputs.values()[0].as<rm::Bytes>().data() == lent.data() + 1000);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (runtime.has(lent) && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    CHECK(!runtime.has(lent));
    CHECK_EQUAL(0u, runtime.lent());
}

TEST(run, memory_of_the_runtime_outlives_it) {
    rm::Value value;
    {
        rm::Runtime runtime;
        const rm::Pipeline pipeline(runtime, rm::Graph() >> rm::Node{"AudioResample", {}, {{"rate", 16000}}});
        value = pipeline.run({rm::Audio::take(std::vector<float>(48'000, 0.5f), 48'000)}).values()[0];
    }
    const rm::Audio &audio = value.as<rm::Audio>();
    CHECK_EQUAL(16'000u, audio.rate);
    float last = 0;
    for (const float sample : audio.channel(0)) last = sample;
    CHECK(last == last);
}

TEST(run, a_timeout_and_a_stop_end_a_run) {
    rm::Runtime runtime;
    Gate entered;
    // How often nothing told the function, which shows in no error: that of the timeout is there already.
    std::atomic<int> untold = 0;
    const auto wait_for_stop = [&untold](const rm::HostPacket &, rm::Emitter &emit) {
        try {
            Gate never;
            never.wait(emit.stop_token());
        } catch (const std::runtime_error &) {
            untold++;
        }
    };
    const rm::Graph graph = rm::Graph() >> rm::host_node("Wait", [&](const rm::HostPacket &packet, rm::Emitter &emit) {
                                entered.open();
                                wait_for_stop(packet, emit);
                            });
    const rm::Pipeline pipeline(runtime, graph);
    THROWN(rm::TimedOut, pipeline.execute({1}, {.timeout = std::chrono::milliseconds(20)}).get());
    std::stop_source stop;
    rm::Execution execution = pipeline.execute({1}, {.stop = stop.get_token()});
    entered.wait();
    stop.request_stop();
    THROWN(rm::Cancelled, execution.get());
    CHECK(!execution.cancel());
    // The blocking call: this thread runs the function, which is told of the timeout all the same.
    THROWN(rm::TimedOut, pipeline.run({1}, {.timeout = std::chrono::milliseconds(20)}));
    THROWN(rm::TimedOut, pipeline.run({1, 2}, {.timeout = std::chrono::microseconds(0)}));
    const rm::Pipeline quick(runtime,
                             rm::Graph() >> rm::host_node("Look", [](const rm::Value &value) { return value; }));
    CHECK_EQUAL(1u, quick.run({1}, {.timeout = std::chrono::microseconds::max()}).values().size());
    // Another thread stops it while a function is at work.
    std::stop_source other;
    Gate begun;
    const rm::Pipeline blocking(
        runtime, rm::Graph() >> rm::host_node("Wait", [&](const rm::HostPacket &packet, rm::Emitter &emit) {
                     begun.open();
                     wait_for_stop(packet, emit);
                 }));
    std::jthread stopper([&] {
        begun.wait();
        other.request_stop();
    });
    THROWN(rm::Cancelled, blocking.run({1}, {.stop = other.get_token()}));
    // The stop comes before the event of the call is handled: the function must not begin to wait for it.
    for (int round = 0; round < 100; round++) {
        THROWN(rm::Cancelled, blocking.run({1}, {.stop = other.get_token()}));
    }
    CHECK_EQUAL(0, untold.load());
    // Native work that is short would be done before a stop reaches it.
    const rm::Pipeline native(runtime, add_five());
    THROWN(rm::Cancelled, native.run({1}, {.stop = other.get_token()}));
    rm::Execution begun_stopped =
        native.execute({1}, {.stop = other.get_token(), .budget = std::chrono::milliseconds(10)});
    THROWN(rm::Cancelled, begun_stopped.get());
}

TEST(run, a_limit_that_has_passed_ends_the_work_between_two_items) {
    rm::Runtime runtime;
    constexpr std::chrono::milliseconds limit(20);
    std::atomic<int> calls = 0;
    const auto outlast = [&] {
        calls++;
        std::this_thread::sleep_for(limit);
    };
    struct Ending {
        std::function<void()> outlast;
        void operator()(const rm::Value &) {
            outlast();
        }
        void end(const rm::HostEnd &, rm::Emitter &) {
            outlast();
        }
    };
    // Functions that give a value, that give none, that have ends, and one that gets its batch again after it threw.
    for (const rm::HostNode &function :
         {rm::HostNode([&](const rm::Value &value) {
              outlast();
              return value;
          }),
          rm::HostNode([&](const rm::Value &) { outlast(); }), rm::HostNode::stateful([&] { return Ending{outlast}; }),
          rm::HostNode([&](std::span<const rm::HostPacket>, rm::BatchEmitter &) {
              outlast();
              throw std::runtime_error("not together");
          })}) {
        calls = 0;
        const rm::Pipeline pipeline(runtime, rm::Graph() >> rm::host_node("Late", function));
        THROWN(rm::TimedOut, pipeline.run({1, 2, 3, 4}, {.timeout = limit}));
        CHECK(calls <= 1);
    }
    // Functions of `execute` run elsewhere, and the end of their call comes as an event.
    auto others = std::make_shared<std::atomic<int>>(0);
    {
        const rm::Pipeline waiting(
            runtime, rm::Graph() >> rm::host_node("Wait", [others](const rm::HostPacket &, rm::Emitter &emit) {
                         ++*others;
                         Gate never;
                         never.wait(emit.stop_token());
                     }));
        THROWN(rm::TimedOut, waiting.execute({1, 2, 3, 4}, {.timeout = limit}).get());
    }
    // The function is given back once its thread is done with the call. No event comes of that: `lent` asks.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    const auto is_back = [&] { return runtime.lent() == 0 && others.use_count() == 1; };
    while (!is_back() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    CHECK(is_back());
    CHECK(*others <= 1);
}

TEST(run, an_end_that_comes_while_a_function_of_a_blocking_run_works_reaches_it) {
    std::atomic<int> calls = 0, untold = 0;
    Gate entered;
    const rm::HostNode waiting = [&](const rm::HostPacket &, rm::Emitter &emit) {
        calls++;
        entered.open();
        try {
            Gate never;
            never.wait(emit.stop_token());
        } catch (const std::runtime_error &) {
            untold++;
        }
    };
    {
        // Another branch fails while the function waits.
        rm::Runtime runtime;
        rm::Graph graph = rm::Graph() >> rm::Node{"PassThrough", "in"} >> rm::Node{"LoudnessNormalize"} >>
                          rm::Node{"AudioConcat"} >> rm::Node{"MelSpectrogram"} >> calculator("divide", 0);
        graph.connect("in", graph.add(rm::host_node("Wait", waiting)));
        const rm::Audio sound = rm::Audio::take(std::vector<float>(20 * 48'000, 0.1f), 48'000);
        const auto error = THROWN(rm::NodeError, rm::Pipeline(runtime, graph).run({sound}));
        CHECK_EQUAL("calculator", *error.node_id());
    }
    {
        rm::Runtime runtime;
        const rm::Pipeline pipeline(runtime, rm::Graph() >> rm::host_node("Wait", waiting));
        std::jthread closer([&] {
            entered.wait();
            runtime.shut_down(std::chrono::seconds(0));
        });
        THROWN(rm::ShutDown, pipeline.run({1}));
    }
    CHECK_EQUAL(0, untold.load());
    {
        rm::Runtime runtime;
        calls = 0;
        const rm::Pipeline pipeline(runtime, rm::Graph() >> rm::host_node("Close", [&](const rm::Value &value) {
                                                 calls++;
                                                 std::jthread([&] { runtime.shut_down(std::chrono::seconds(0)); });
                                                 std::this_thread::sleep_for(std::chrono::milliseconds(5));
                                                 return value;
                                             }));
        THROWN(rm::ShutDown, pipeline.run({1, 2, 3, 4}));
        CHECK_EQUAL(1, calls.load());
    }
}

TEST(run, the_longest_times_to_wait_are_no_times_in_the_past) {
    rm::Runtime runtime({.patience = std::chrono::milliseconds::max()});
    Gate entered, released;
    const rm::Pipeline pipeline(runtime, rm::Graph() >> rm::host_node("Wait", [&](const rm::Value &value) {
                                             entered.open();
                                             released.wait();
                                             return value;
                                         }));
    rm::Execution execution = pipeline.execute({1});
    entered.wait();
    CHECK(!execution.wait_for(std::chrono::hours::min()));
    std::jthread release([&] { released.open(); });
    CHECK(execution.wait_for(std::chrono::hours::max()));
    CHECK(runtime.shut_down(std::chrono::microseconds::max()));
}

TEST(run, memory_that_is_released_after_a_blocking_run_is_given_back) {
    rm::Runtime runtime;
    const rm::Pipeline pipeline(runtime, rm::Graph() >> rm::nodes::AudioResample{.rate = 16000});
    auto owner = std::make_shared<std::vector<float>>(20'000'000, 0.5f);
    for (int round = 0; round < 10; round++) {
        const rm::Audio audio = rm::Audio::share(*owner, owner, 48000);
        // Its end does not wait for the node, which still reads.
        THROWN(rm::TimedOut, pipeline.run({audio}, {.timeout = std::chrono::milliseconds(20)}));
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (runtime.has(audio.data) && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
        CHECK(!runtime.has(audio.data));
        CHECK_EQUAL(0u, runtime.lent());
    }
}

TEST(run, limits_of_time_are_not_negative) {
    rm::Runtime runtime;
    const rm::Bytes bytes = rm::Bytes::copy(std::string(100'000, 'x'));
    const rm::Pipeline native(runtime, rm::Graph() >> rm::Node{"PassThrough"});
    const rm::Pipeline function(runtime,
                                rm::Graph() >> rm::host_node("Same", [](const rm::Value &value) { return value; }));
    for (const std::chrono::microseconds limit : {std::chrono::microseconds(-1), std::chrono::microseconds::min()}) {
        for (const rm::Pipeline *pipeline : {&native, &function}) {
            const auto error = THROWN(rm::InvalidArgument, pipeline->run({bytes}, {.timeout = limit}));
            CHECK_EQUAL("timeout: expected 0 microseconds or more, got " + std::to_string(limit.count()),
                        std::string(error.what()));
            THROWN(rm::InvalidArgument, pipeline->execute({bytes}, {.timeout = limit}));
        }
        THROWN(rm::InvalidArgument, native.session({.deadline = limit}));
        THROWN(rm::InvalidArgument, native.session({.packet_deadline = limit}));
    }
    CHECK(!runtime.has(bytes));
}

TEST(run, a_run_that_nobody_waits_for_is_cancelled) {
    rm::Runtime runtime;
    auto stopped = std::make_shared<Gate>();
    auto entered = std::make_shared<Gate>();
    const rm::Pipeline pipeline(runtime,
                                rm::Graph() >> rm::host_node("Wait", [=](const rm::HostPacket &, rm::Emitter &emit) {
                                    entered->open();
                                    Gate never;
                                    never.wait(emit.stop_token());
                                    stopped->open();
                                }));
    {
        rm::Execution execution = pipeline.execute({1});
        entered->wait();
    }
    stopped->wait();
}

TEST(run, a_runtime_that_is_shut_down_refuses_work) {
    rm::Runtime runtime;
    const rm::Pipeline pipeline(runtime, add_five());
    CHECK(pipeline.execute({1}).get().values() == rm::List{6});
    CHECK(runtime.shut_down(std::chrono::seconds(5)));
    THROWN(rm::ShutDown, pipeline.run({1}));
    THROWN(rm::ShutDown, pipeline.execute({1}));
}

TEST(run, nothing_stays_alive) {
    const rm::Value before = rm::live_objects();
    {
        rm::Runtime runtime;
        const rm::Pipeline pipeline(runtime, add_five());
        std::vector<rm::Execution> executions;
        for (int number = 0; number < 100; number++) executions.push_back(pipeline.execute({number, number}));
        for (int number = 0; number < 100; number++) {
            CHECK(executions[static_cast<std::size_t>(number)].get().values() == (rm::List{number + 5, number + 5}));
        }
    }
    CHECK_EQUAL(before, rm::live_objects());
}

TEST(run, the_values_of_a_temporary_outlive_it) {
    rm::Runtime runtime;
    const rm::Pipeline pipeline(runtime, rm::Graph() >> rm::Node{"PassThrough"});
    rm::List found;
    for (const rm::Value &value : pipeline.run({"one", "two"}).values()) found.push_back(value);
    for (const rm::Value &value : pipeline.run({"three"})["passthrough"].values) found.push_back(value);
    CHECK(found == (rm::List{"one", "two", "three"}));
}
