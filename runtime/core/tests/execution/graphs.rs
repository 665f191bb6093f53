//! Shapes of graphs: chains, branches, joins, and the order of what comes out.

use remotemedia_core::value::Value;

use super::*;

#[test]
fn a_chain_keeps_every_item_in_order() {
    let runtime = runtime();
    let chain =
        pipeline(&runtime, &[("a", "Pass", ""), ("b", "Worker", ""), ("c", "Pass", "")], &[("a", "b"), ("b", "c")]);
    for start in STARTS {
        assert_eq!(integers_of(&run(&chain, start, integers(0..1000))), (0..1000).collect::<Vec<_>>());
    }
}

#[test]
fn no_inputs_at_all_give_no_outputs() {
    let runtime = runtime();
    let single = pipeline(&runtime, &[("a", "Pass", "")], &[]);
    for start in STARTS {
        assert_eq!(integers_of(&run(&single, start, Vec::new())), Vec::<i64>::new());
    }
}

#[test]
fn entries_receive_every_input_and_sinks_answer_on_their_own() {
    let runtime = runtime();
    let parallel = pipeline(&runtime, &[("a", "Pass", ""), ("b", "Count", ""), ("c", "Pass", "")], &[("a", "c")]);
    for start in STARTS {
        let completion = run(&parallel, start, integers(5..8));
        let sinks: Vec<&str> = completion.sinks.iter().map(|sink| &*sink.sink).collect();
        assert_eq!(sinks, ["b", "c"], "in the order of the manifest");
        assert_eq!(values_of(&completion, 0), [1, 1001, 2001]);
        assert_eq!(values_of(&completion, 1), [5, 6, 7]);
    }
}

#[test]
fn a_diamond_with_a_branch_that_holds_100_packets_back_completes_in_order() {
    let runtime = runtime();
    let diamond = pipeline(
        &runtime,
        &[
            ("in", "Repeat", r#""times": 500"#),
            ("slow", "Hoard", r#""packets": 100"#),
            ("fast", "Pass", ""),
            ("out", "Pass", ""),
        ],
        &[("in", "slow"), ("in", "fast"), ("slow", "out"), ("fast", "out")],
    );
    for start in STARTS {
        let completion = run(&diamond, start, integers(1..4));
        let expected: Vec<i64> = (1..4).flat_map(|item| std::iter::repeat_n(item, 1000)).collect();
        assert_eq!(integers_of(&completion), expected);
        let items: Vec<u64> = completion.sinks[0].outputs.iter().map(|output| output.item).collect();
        assert_eq!(items, (0..3).flat_map(|item| std::iter::repeat_n(item, 1000)).collect::<Vec<_>>());
    }
}

#[test]
fn a_branch_that_holds_everything_back_until_the_end_completes() {
    let runtime = runtime();
    let diamond = pipeline(
        &runtime,
        &[("in", "Repeat", r#""times": 1000"#), ("all", "Hoard", r#""packets": 5000"#), ("out", "Count", "")],
        &[("in", "all"), ("in", "out"), ("all", "out")],
    );
    for start in STARTS {
        assert_eq!(integers_of(&run(&diamond, start, integers(0..3))), [2000, 3000, 4000]);
    }
}

#[test]
fn branches_come_out_in_the_order_of_the_connections_for_each_item() {
    let runtime = runtime();
    let hosts = HostNodes::new();
    let nodes = [("in", "Pass", ""), ("twice", "Repeat", r#""times": 2"#), ("once", "Worker", ""), ("out", "Pass", "")];
    let first =
        compile(&runtime, &nodes, &[("in", "twice"), ("in", "once"), ("once", "out"), ("twice", "out")], &hosts);
    for start in STARTS {
        let completion = run(&first, start, integers(0..50));
        let expected: Vec<i64> = (0..50).flat_map(|item| [item; 3]).collect();
        assert_eq!(integers_of(&completion), expected);
        let seqs: Vec<u64> = completion.sinks[0].outputs.iter().map(|output| output.seq).collect();
        let mut sorted = seqs.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..150).collect::<Vec<_>>(), "every emission has a number of its own");
    }
}

#[test]
fn paths_through_nested_diamonds_have_one_order() {
    let runtime = runtime();
    // Each item leaves six times: (1 + 2) packets at 'join', each by way of 'c' and of 'd'.
    let graph = pipeline(
        &runtime,
        &[
            ("in", "Pass", ""),
            ("a", "Repeat", r#""times": 1"#),
            ("b", "Repeat", r#""times": 2"#),
            ("join", "Pass", ""),
            ("c", "Worker", ""),
            ("d", "Hoard", r#""packets": 1"#),
            ("out", "Pass", ""),
        ],
        &[
            ("in", "a"),
            ("in", "b"),
            ("a", "join"),
            ("b", "join"),
            ("join", "c"),
            ("join", "d"),
            ("c", "out"),
            ("d", "out"),
        ],
    );
    for start in STARTS {
        let completion = run(&graph, start, integers(0..20));
        assert_eq!(integers_of(&completion), (0..20).flat_map(|item| [item; 6]).collect::<Vec<_>>());
    }
}

#[test]
fn a_source_needs_no_inputs() {
    let runtime = runtime();
    let graph =
        pipeline(&runtime, &[("source", "Source", r#""count": 300"#), ("out", "Worker", "")], &[("source", "out")]);
    for start in STARTS {
        assert_eq!(integers_of(&run_sources(&graph, start)), (0..300).collect::<Vec<_>>());
    }
}

#[test]
fn branches_share_memory_instead_of_copying_it() {
    let runtime = runtime();
    let graph =
        pipeline(&runtime, &[("in", "Pass", ""), ("a", "Pass", ""), ("b", "Worker", "")], &[("in", "a"), ("in", "b")]);
    for start in STARTS {
        let input = Value::bytes(vec![7; 1 << 20]);
        let Value::Bytes(memory) = &input else { unreachable!() };
        let memory = (**memory).clone();
        let completion = run(&graph, start, vec![input]);
        for sink in &completion.sinks {
            let Value::Bytes(output) = &sink.outputs[0].value else { panic!("expected bytes") };
            assert!(output.same_memory(&memory));
        }
    }
}

#[test]
fn many_runs_of_one_pipeline_at_the_same_time_do_not_mix() {
    let runtime = runtime();
    let graph = pipeline(
        &runtime,
        &[("in", "Pass", ""), ("count", "Count", ""), ("slow", "Hoard", r#""packets": 3"#), ("out", "Pass", "")],
        &[("in", "count"), ("in", "slow"), ("count", "out"), ("slow", "out")],
    );
    let completed = run_all(&graph, 200, |token| integers(0..token as i64 % 7), |_, _| ());
    for (token, completion) in completed {
        let values = integers_of(&completion);
        let expected: Vec<i64> = (0..token as i64 % 7).flat_map(|item| [item * 1000 + 1, item]).collect();
        assert_eq!(values, expected);
    }
}

#[test]
fn results_past_the_limit_are_an_error_that_names_the_sink() {
    let config = Config::parse(br#"{"limits": {"output_bytes": 1000000}}"#).expect("a valid config");
    let runtime = Runtime::new(config, nodes::registry());
    let graph = pipeline(&runtime, &[("wide", "Wide", "")], &[]);
    let completion = run(&graph, Start::Here, integers(300_000..300_010));
    assert_eq!(
        message_of(&completion),
        "node 'wide' (Wide): the results grew past the limit of 1000000 bytes. \
         Reduce them in the graph, or raise limits.output_bytes of the runtime."
    );
    assert_eq!(completion.sinks[0].outputs.len(), 0, "what was there until then is not kept");
}

#[test]
fn a_source_beside_a_node_that_takes_inputs_begins_anew_with_each_item() {
    let runtime = runtime();
    let graph = pipeline(
        &runtime,
        &[("source", "Source", r#""count": 5"#), ("in", "Pass", ""), ("n", "Count", "")],
        &[("source", "n"), ("in", "n")],
    );
    for start in STARTS {
        assert_eq!(integers_of(&run(&graph, start, integers(0..3))), [6, 1006, 2006]);
    }
}
