//! Cancel, timeout and shutdown: everything that was accepted ends in exactly one completion.

use std::sync::atomic::Ordering;

use remotemedia_core::exec::{Outcome, SubmitError};

use super::nodes::{LEDGERS, REPEATED, open, wait_until_reached};
use super::*;

#[test]
fn cancel_completes_at_once_although_a_node_is_in_the_middle_of_a_step() {
    let runtime = runtime();
    let graph = pipeline(
        &runtime,
        &[("ledger", "Fail", r#""at": "never", "ledger": 22"#), ("gate", "Gate", r#""gate": 0"#)],
        &[("ledger", "gate")],
    );
    let port = Port::new(None);
    graph.submit(&port, submission(9, Start::Workers, integers(0..3))).expect("accepted");
    wait_until_reached(0);
    assert!(port.cancel(9));
    let completion = completion_of(&port, 9);
    assert_eq!((completion.outcome, message_of(&completion).as_str()), (Outcome::Cancelled, "the work was cancelled"));
    assert_eq!(LEDGERS[22].cleaned.load(Ordering::SeqCst), 0, "the node still works");
    assert!(!port.cancel(9), "it is over");
    open(0);
    assert!(runtime.shut_down(PATIENCE));
    assert_eq!(LEDGERS[22].cleaned.load(Ordering::SeqCst), 1, "and is cleaned up when it lets go");
}

#[test]
fn cancel_stops_within_one_step() {
    let runtime = runtime();
    let graph = pipeline(
        &runtime,
        &[("many", "Repeat", r#""times": 1000000000000"#), ("count", "Count", "")],
        &[("many", "count")],
    );
    let port = Port::new(None);
    graph.submit(&port, submission(1, Start::Workers, integers(1000..1001))).expect("accepted");
    while REPEATED.load(Ordering::SeqCst) < 1000 {
        std::thread::yield_now();
    }
    assert!(port.cancel(1));
    assert_eq!(completion_of(&port, 1).outcome, Outcome::Cancelled);
    assert!(runtime.shut_down(PATIENCE), "the endless node let go");
    let steps = REPEATED.load(Ordering::SeqCst);
    std::thread::yield_now();
    assert_eq!(REPEATED.load(Ordering::SeqCst), steps);
}

#[test]
fn a_timeout_completes_the_work_and_says_so() {
    let runtime = runtime();
    let graph = pipeline(&runtime, &[("gate", "Gate", r#""gate": 1"#)], &[]);
    let port = Port::new(None);
    let work = Submission { timeout: Some(Duration::from_millis(1)), ..submission(5, Start::Workers, integers(0..1)) };
    graph.submit(&port, work).expect("accepted");
    let completion = completion_of(&port, 5);
    assert_eq!(completion.outcome, Outcome::TimedOut);
    assert_eq!(
        message_of(&completion),
        "the work took longer than its timeout. Allow more time, or give it less to do."
    );
    open(1);
}

#[test]
fn shutdown_completes_everything_wakes_ports_and_refuses_new_work() {
    let runtime = runtime();
    let graph = pipeline(&runtime, &[("gate", "Gate", r#""gate": 2"#)], &[]);
    let idle = Port::new(None);
    runtime.attach(&idle);
    let port = Port::new(None);
    runtime.attach(&port);
    for token in 1..=5 {
        graph.submit(&port, submission(token, Start::Workers, integers(0..1))).expect("accepted");
    }
    wait_until_reached(2);
    let waiting = std::thread::spawn({
        let idle = idle.clone();
        move || idle.next(None).is_closed
    });
    assert!(!runtime.shut_down(Duration::ZERO), "a node still works");
    assert!(waiting.join().expect("no panic"), "a port that waits for ever wakes up");
    let batch = port.next(Some(PATIENCE));
    assert_eq!(batch.events.len(), 5, "one completion each");
    for event in batch.events {
        let Event::Completed { completion, .. } = event else { panic!("unexpected {event:?}") };
        assert_eq!(completion.outcome, Outcome::ShutDown);
    }
    assert!(batch.is_closed);
    open(2);
    assert!(runtime.shut_down(PATIENCE), "now it has let go");
    let refused = graph.submit(&port, submission(9, Start::Here, integers(0..1))).expect_err("shut down");
    assert_eq!(refused, SubmitError::ShutDown);
    assert_eq!(refused.to_string(), "the runtime is shut down; make a new one");
}

#[test]
fn closing_a_port_ends_its_work() {
    let runtime = runtime();
    let graph =
        pipeline(&runtime, &[("many", "Repeat", r#""times": 1000000000000"#), ("n", "Count", "")], &[("many", "n")]);
    let port = Port::new(None);
    graph.submit(&port, submission(1, Start::Workers, integers(0..1))).expect("accepted");
    port.close();
    assert!(port.next(None).is_closed);
    assert!(runtime.shut_down(PATIENCE), "the endless node let go");
    let refused = graph.submit(&port, submission(2, Start::Here, integers(0..1))).expect_err("closed");
    assert_eq!(refused, SubmitError::ShutDown);
}

#[test]
fn a_token_that_is_still_in_use_is_refused() {
    let runtime = runtime();
    let graph = pipeline(&runtime, &[("gate", "Gate", r#""gate": 3"#)], &[]);
    let port = Port::new(None);
    graph.submit(&port, submission(4, Start::Workers, integers(0..1))).expect("accepted");
    let refused = graph.submit(&port, submission(4, Start::Workers, integers(0..1))).expect_err("in use");
    assert_eq!(refused.to_string(), "token 4 belongs to work that is still going on at this port; use another one");
    open(3);
    assert_eq!(integers_of(&completion_of(&port, 4)), [0]);
    let submitted = graph.submit(&port, submission(4, Start::Workers, integers(1..2))).expect("free again");
    assert!(matches!(submitted, Submitted::Pending));
    assert_eq!(integers_of(&completion_of(&port, 4)), [1]);
}

#[test]
fn a_storm_of_cancels_completes_each_piece_of_work_once() {
    let runtime = runtime();
    let graph = pipeline(
        &runtime,
        &[("many", "Repeat", r#""times": 300"#), ("hoard", "Hoard", r#""packets": 10"#), ("n", "Count", "")],
        &[("many", "hoard"), ("many", "n"), ("hoard", "n")],
    );
    let port = Port::new(None);
    for token in 1..=300 {
        graph.submit(&port, submission(token, Start::Workers, integers(0..3))).expect("accepted");
        if token % 2 == 0 {
            port.cancel(token - token % 3);
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 300 {
        let batch = port.next(Some(PATIENCE));
        assert!(!batch.events.is_empty(), "{} completions are missing", 300 - seen.len());
        for event in batch.events {
            let Event::Completed { token, completion } = event else { panic!("unexpected {event:?}") };
            assert!(seen.insert(token), "one completion each");
            match completion.outcome {
                Outcome::Finished => assert_eq!(integers_of(&completion), [600, 1600, 2600]),
                outcome => assert_eq!(outcome, Outcome::Cancelled),
            }
        }
    }
    assert!(runtime.shut_down(PATIENCE));
}
