//! Initialize and cleanup, whatever happens between them, and how failures read.

use std::sync::atomic::Ordering;

use remotemedia_core::exec::Outcome;

use super::nodes::LEDGERS;
use super::*;

fn balance(ledger: usize) -> (i64, i64) {
    (LEDGERS[ledger].initialized.load(Ordering::SeqCst), LEDGERS[ledger].cleaned.load(Ordering::SeqCst))
}

/// Three nodes of which the middle one fails in a given way; every case has ledgers of its own.
fn failing(at: &str, panics: bool, ledger: usize, start: Start) -> (Completion, [(i64, i64); 3]) {
    let runtime = runtime();
    let [first, middle, last] = [ledger, ledger + 1, ledger + 2];
    let graph = pipeline(
        &runtime,
        &[
            ("first", "Fail", &format!(r#""at": "never", "ledger": {first}"#)),
            ("middle", "Fail", &format!(r#""at": "{at}", "panics": {panics}, "ledger": {middle}"#)),
            ("last", "Fail", &format!(r#""at": "never", "ledger": {last}"#)),
        ],
        &[("first", "middle"), ("middle", "last")],
    );
    let completion = run(&graph, start, integers(0..6));
    (completion, [balance(first), balance(middle), balance(last)])
}

#[test]
fn a_failure_in_process_names_node_type_item_cause_and_cure_and_keeps_earlier_outputs() {
    let (completion, ledgers) = failing("process", false, 0, Start::Here);
    assert_eq!(completion.outcome, Outcome::Failed);
    assert_eq!(message_of(&completion), "node 'middle' (Fail), input 3: it was told to fail. Tell it not to.");
    assert_eq!(values_of(&completion, 0), [0, 1, 2]);
    assert_eq!(ledgers, [(1, 1); 3]);
}

#[test]
fn a_failure_in_initialize_cleans_up_only_what_was_initialized() {
    let (completion, ledgers) = failing("initialize", false, 3, Start::Workers);
    assert_eq!(message_of(&completion), "node 'middle' (Fail), input 0: it was told to fail. Tell it not to.");
    assert_eq!(ledgers, [(1, 1), (0, 0), (0, 0)]);
}

#[test]
fn a_failure_in_flush_names_the_item_that_ended() {
    let (completion, ledgers) = failing("flush", false, 6, Start::Workers);
    assert_eq!(message_of(&completion), "node 'middle' (Fail), input 0: it was told to fail. Tell it not to.");
    assert_eq!(ledgers, [(1, 1); 3]);
}

#[test]
fn a_panic_becomes_a_failure_and_every_node_is_cleaned_up() {
    let (completion, ledgers) = failing("process", true, 9, Start::Workers);
    assert_eq!(completion.outcome, Outcome::Panicked);
    assert_eq!(
        message_of(&completion),
        "node 'middle' (Fail), input 3: the node panicked: it was told to panic. \
         This is a defect of the node, not of your input; please report it."
    );
    assert_eq!(ledgers, [(1, 1); 3]);
}

#[test]
fn a_panic_in_cleanup_keeps_no_other_node_from_it() {
    let (completion, ledgers) = failing("cleanup", true, 12, Start::Here);
    assert_eq!(completion.outcome, Outcome::Panicked);
    assert_eq!(ledgers, [(1, 1); 3]);
}

#[test]
fn nodes_are_cleaned_up_once_after_success() {
    for (ledger, start) in [(15, Start::Here), (18, Start::Workers)] {
        let (completion, ledgers) = failing("never", false, ledger, start);
        assert_eq!(integers_of(&completion), [0, 1, 2, 3, 4, 5]);
        assert_eq!(ledgers, [(1, 1); 3]);
    }
}

#[test]
fn a_pipeline_is_not_used_again_after_a_panic_but_others_are() {
    let runtime = runtime();
    let graph = pipeline(&runtime, &[("bad", "Fail", r#""at": "process", "panics": true, "ledger": 21"#)], &[]);
    assert_eq!(run(&graph, Start::Here, integers(3..4)).outcome, Outcome::Panicked);
    let port = Port::new(None);
    let refused = graph.submit(&port, submission(1, Start::Here, integers(0..1))).expect_err("poisoned");
    assert_eq!(
        refused.to_string(),
        "a node of pipeline 'test' panicked before, so it is not used again; make the pipeline anew"
    );
    let other = pipeline(&runtime, &[("good", "Pass", "")], &[]);
    assert_eq!(integers_of(&run(&other, Start::Workers, integers(0..1))), [0]);
}

#[test]
fn a_node_that_panics_before_it_exists_or_as_it_is_dropped_is_a_failure_like_any() {
    for in_drop in [false, true] {
        for start in STARTS {
            let runtime = runtime();
            let graph = pipeline(&runtime, &[("bad", "Stillborn", &format!(r#""in_drop": {in_drop}"#))], &[]);
            let completion = run(&graph, start, integers(0..1));
            assert_eq!(completion.outcome, Outcome::Panicked);
            let expected = "node 'bad' (Stillborn), input 0: the node panicked: it was told to panic. \
                            This is a defect of the node, not of your input; please report it.";
            assert_eq!(message_of(&completion), expected);
            assert!(runtime.shut_down(PATIENCE), "no worker is lost");
        }
    }
}
