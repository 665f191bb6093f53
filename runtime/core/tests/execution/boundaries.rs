//! Items: each is a stream of its own, and what belongs to it never leaks into the next.

use super::*;

#[test]
fn state_of_an_item_ends_with_it_and_state_of_the_run_survives() {
    let runtime = runtime();
    let graph =
        pipeline(&runtime, &[("three", "Repeat", r#""times": 3"#), ("count", "Count", "")], &[("three", "count")]);
    for start in STARTS {
        assert_eq!(integers_of(&run(&graph, start, integers(0..4))), [3, 1003, 2003, 3003]);
        assert_eq!(integers_of(&run(&graph, start, integers(0..2))), [3, 1003], "a run starts afresh");
    }
}

#[test]
fn what_a_node_holds_back_comes_out_before_the_next_item_begins() {
    let runtime = runtime();
    let graph = pipeline(
        &runtime,
        &[("a", "Hoard", r#""packets": 10"#), ("b", "Hoard", r#""packets": 10"#), ("count", "Count", "")],
        &[("a", "b"), ("b", "count")],
    );
    for start in STARTS {
        assert_eq!(integers_of(&run(&graph, start, integers(0..5))), [1, 1001, 2001, 3001, 4001]);
    }
}

#[test]
fn a_join_waits_for_the_end_of_an_item_on_every_edge() {
    let runtime = runtime();
    let graph = pipeline(
        &runtime,
        &[
            ("in", "Pass", ""),
            ("many", "Repeat", r#""times": 200"#),
            ("hoard", "Hoard", r#""packets": 150"#),
            ("count", "Count", ""),
        ],
        &[("in", "many"), ("many", "hoard"), ("in", "count"), ("hoard", "count")],
    );
    for start in STARTS {
        let expected: Vec<i64> = (0..30).map(|item| item * 1000 + 201).collect();
        assert_eq!(integers_of(&run(&graph, start, integers(0..30))), expected);
    }
}

#[test]
fn outputs_name_the_item_that_they_come_from() {
    let runtime = runtime();
    let graph = pipeline(&runtime, &[("twice", "Repeat", r#""times": 2"#)], &[]);
    let completion = run(&graph, Start::Here, integers(10..13));
    let items: Vec<u64> = completion.sinks[0].outputs.iter().map(|output| output.item).collect();
    assert_eq!(items, [0, 0, 1, 1, 2, 2]);
}
