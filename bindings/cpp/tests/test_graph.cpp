// SPDX-License-Identifier: MIT OR Apache-2.0
// Graphs built in code, with the generated node types.

#include "check.hpp"

#include <remotemedia/nodes.hpp>

rm::Graph levels_of_speech();

TEST(graph, node_types_have_their_params) {
    const rm::Value manifest = levels_of_speech().manifest();
    CHECK_EQUAL(json(R"({"id":"audioresample","node_type":"AudioResample","params":{"rate":16000}})"),
                manifest["nodes"][2]);
    CHECK_EQUAL(json(R"({"from":"audiomix","to":"audioresample"})"), manifest["connections"][1]);
    const rm::Value plain = (rm::Graph() >> rm::nodes::AudioDecode{.id = "mine"}).manifest();
    CHECK_EQUAL(json(R"([{"id":"mine","node_type":"AudioDecode"}])"), plain["nodes"]);
}

TEST(graph, a_recording_is_run) {
    rm::Runtime runtime;
    const rm::Pipeline pipeline(runtime, levels_of_speech());
    const rm::Outputs outputs = pipeline.run({rm::File::at(TESTS_ROOT "/examples/speech.flac")});
    CHECK_EQUAL(71u, outputs.values().size());
    CHECK(outputs["audiolevel"].pts[70] == 7'000'000'000);
    CHECK(outputs.values()[0]["rms_db"].is<double>());
}

TEST(graph, equal_types_get_ids_of_their_own) {
    const rm::Graph graph = rm::Graph() >> rm::nodes::AudioDecode{} >> rm::nodes::AudioMix{.channels = 1} >>
                            rm::nodes::AudioMix{.channels = 2};
    CHECK_EQUAL("audiomix2", graph.manifest().at("nodes")[2]["id"].as<std::string>());
}

TEST(graph, options_of_a_connection_are_a_map) {
    rm::Graph graph;
    graph.connect("a", "b", rm::Map{{"delay_ms", 20}});
    CHECK_EQUAL(20, graph.manifest().at("connections")[0]["delay_ms"].as<int>());
    THROWN(std::invalid_argument, graph.connect("a", "b", 20));
}

TEST(graph, two_inputs_or_outputs_of_one_name_are_refused) {
    rm::Graph graph;
    graph.input("a", rm::List{"one", "two"}).input("b", "one").output("a", "two");
    const auto refused = THROWN(std::invalid_argument, graph.input("a", "three"));
    CHECK_EQUAL("two inputs are called 'a'; name all that an input leads to in one call of `input`",
                std::string(refused.what()));
    THROWN(std::invalid_argument, graph.output("a", "two"));
    CHECK_EQUAL(json(R"(["one","two"])"), graph.manifest().at("inputs")["a"]);
}

TEST(graph, two_functions_of_one_type_are_two_types) {
    const auto times = [](double factor) {
        return rm::host_node("Times", [factor](const double &value) { return value * factor; });
    };
    const rm::Node shared = times(7);
    const rm::Graph graph = rm::Graph() >> times(2) >> times(5) >> shared >> shared;
    rm::Runtime runtime;
    CHECK(rm::Pipeline(runtime, graph).run({1.0}).values() == rm::List{490.0});
    const rm::Value nodes = graph.manifest().at("nodes");
    CHECK_EQUAL("Times_3", nodes[3]["node_type"].as<std::string>());
    CHECK_EQUAL(3u, graph.functions().size());
}

TEST(graph, every_node_type_is_known_to_the_library) {
    rm::Runtime runtime;
    const rm::Value described = runtime.describe();
    std::size_t count = 0;
    for (const rm::Value &node : described["nodes"].as<rm::List>()) count += node.find("alias_of") == nullptr;
    CHECK_EQUAL(count, rm::nodes::count);
}
