//! Cancel, timeout and shutdown: everything that was accepted ends in exactly one completion.

use std::sync::atomic::Ordering;

use remotemedia_core::exec::{Outcome, SessionOptions, SubmitError};
use remotemedia_core::manifest::HostNodeType;

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
    let mut timeout = Duration::from_millis(1);
    let message = loop {
        let work = Submission { timeout: Some(timeout), ..submission(5, Start::Workers, integers(0..1)) };
        graph.submit(&port, work).expect("accepted");
        let completion = completion_of(&port, 5);
        assert_eq!(completion.outcome, Outcome::TimedOut);
        let message = message_of(&completion);
        // On a busy machine no worker may have come to the node by then.
        if !message.contains("no node is at work") {
            break message;
        }
        timeout *= 4;
        assert!(timeout < PATIENCE, "{message}");
    };
    let (cause, seconds) = message.split_once(" for ").expect("it says for how long");
    let expected = format!("timed out after {} s: node 'gate' (Gate) has worked on input 0", timeout.as_secs_f64());
    assert_eq!(cause, expected);
    assert!(seconds.ends_with(" s. Allow more time, or give it less to do."), "{seconds}");
    open(1);
}

#[test]
fn no_time_at_all_is_over_before_a_node_works() {
    let runtime = runtime();
    let graph = pipeline(&runtime, &[("ledger", "Fail", r#""at": "never", "ledger": 39"#)], &[]);
    let port = Port::new(None);
    let options = SessionOptions { deadline: Some(Duration::ZERO), ..SessionOptions::default() };
    let expected = "timed out after 0 s: no time was left when it began. Allow more time, or give it less to do.";
    for _ in 0..200 {
        for start in STARTS {
            let work = Submission { timeout: Some(Duration::ZERO), ..submission(5, start, integers(0..3)) };
            let completion = completed(&port, graph.submit(&port, work).expect("accepted"), 5);
            assert_eq!((completion.outcome, message_of(&completion).as_str()), (Outcome::TimedOut, expected));
        }
        let session = graph.session(&port, 5, &options).expect("accepted");
        let completion = completion_of(&port, 5);
        assert_eq!((completion.outcome, message_of(&completion).as_str()), (Outcome::TimedOut, expected));
        drop(session);
    }
    assert!(runtime.shut_down(PATIENCE));
    let ledger = &LEDGERS[39];
    assert_eq!([&ledger.initialized, &ledger.cleaned].map(|count| count.load(Ordering::SeqCst)), [0, 0]);
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
    let again = graph.submit(&port, submission(4, Start::Workers, integers(1..2))).expect("free again");
    assert_eq!(integers_of(&completed(&port, again, 4)), [1]);
}

#[test]
fn a_storm_of_cancels_completes_each_piece_of_work_once() {
    let runtime = runtime();
    let graph = pipeline(
        &runtime,
        &[("many", "Repeat", r#""times": 300"#), ("hoard", "Hoard", r#""packets": 10"#), ("n", "Count", "")],
        &[("many", "hoard"), ("many", "n"), ("hoard", "n")],
    );
    let cancel = |port: &Port, token| {
        if token % 2 == 0 {
            port.cancel(token - token % 3);
        }
    };
    let completed = run_all(&graph, 300, |_| integers(0..3), cancel);
    for completion in completed.values() {
        match completion.outcome {
            Outcome::Finished => assert_eq!(integers_of(completion), [600, 1600, 2600]),
            outcome => assert_eq!(outcome, Outcome::Cancelled),
        }
    }
    assert!(runtime.shut_down(PATIENCE));
}

#[test]
fn a_failed_run_that_waits_for_a_stuck_node_still_obeys_cancel_timeout_and_shutdown() {
    let ends: [fn(&Runtime, &Port); 2] = [
        |_, port| assert!(port.cancel(1), "its completion is still to come"),
        |runtime, _| assert!(!runtime.shut_down(Duration::ZERO), "a node still works"),
    ];
    for (first, end) in (16..).step_by(3).zip(ends) {
        let (work, delay, gate) = (first, first + 1, first + 2);
        let runtime = runtime();
        let graph = pipeline(
            &runtime,
            &[
                ("in", "Pass", ""),
                ("stuck", "Stubborn", &format!(r#""work": {work}, "gate": {gate}"#)),
                ("delay", "Gate", &format!(r#""gate": {delay}"#)),
                ("bad", "Fail", r#""at": "process", "ledger": 23"#),
            ],
            &[("in", "stuck"), ("in", "delay"), ("delay", "bad")],
        );
        let port = Port::new(None);
        runtime.attach(&port);
        graph.submit(&port, submission(1, Start::Workers, integers(3..4))).expect("accepted");
        wait_until_reached(work);
        open(delay);
        wait_until_reached(gate);
        end(&runtime, &port);
        let completion = completion_of(&port, 1);
        assert_eq!(completion.outcome, Outcome::Failed, "the first reason stays");
        assert_eq!(message_of(&completion), "node 'bad' (Fail), input 0: it was told to fail. Tell it not to.");
        open(gate);
        assert!(runtime.shut_down(PATIENCE), "now it has let go");
    }
}

#[test]
fn a_timeout_ends_work_on_the_callers_thread_too() {
    let runtime = runtime();
    let graph = pipeline(
        &runtime,
        &[("many", "Repeat", r#""times": 1000000000000"#), ("count", "Count", "")],
        &[("many", "count")],
    );
    let port = Port::new(None);
    let work = Submission {
        timeout: Some(Duration::from_millis(1)),
        budget: Duration::MAX,
        ..submission(1, Start::Here, integers(0..1))
    };
    let submitted = graph.submit(&port, work).expect("accepted");
    assert_eq!(completed(&port, submitted, 1).outcome, Outcome::TimedOut);
}

/// Else a shutdown of the port's runtime would neither end the work nor wait for it.
#[test]
fn a_port_takes_no_work_of_another_runtime() {
    let (mine, other) = (runtime(), runtime());
    let port = Port::new(None);
    other.attach(&port);
    let graph = pipeline(&mine, &[("a", "Pass", "")], &[]);
    let expected = "the port belongs to another runtime than the pipeline; make both with the same one: events of a \
                    pipeline come to a port of its own runtime";
    for start in STARTS {
        let refused = graph.submit(&port, submission(1, start, integers(0..1))).expect_err("a port of another");
        assert_eq!(refused.to_string(), expected);
    }
    let refused = graph.session(&port, 1, &SessionOptions::default()).expect_err("a port of another");
    assert_eq!(refused.to_string(), expected);
    let its_own = pipeline(&other, &[("a", "Pass", "")], &[]);
    its_own.submit(&port, submission(1, Start::Here, integers(0..1))).expect("a port of its own");
}

/// Work may end at the very time of a shutdown: its completion comes before the port's end all the same.
#[test]
fn a_completion_that_meets_a_shutdown_is_not_lost() {
    for round in 0..400 {
        let runtime = runtime();
        let graph = pipeline(&runtime, &[("a", "Worker", "")], &[]);
        let port = Port::new(None);
        runtime.attach(&port);
        let submitted = graph.submit(&port, submission(1, Start::Workers, integers(0..1))).expect("accepted");
        // More and more time for the work to come to its end.
        (0..round * 100).for_each(|_| std::hint::spin_loop());
        runtime.shut_down(Duration::ZERO);
        let completion = completed(&port, submitted, 1);
        assert!(matches!(completion.outcome, Outcome::Finished | Outcome::ShutDown), "round {round}");
        assert!(port.next(Some(Duration::ZERO)).is_closed);
    }
}

#[test]
fn a_shutdown_may_have_patience_without_end() {
    let runtime = runtime();
    let graph = pipeline(&runtime, &[("a", "Worker", "")], &[]);
    assert_eq!(integers_of(&run(&graph, Start::Workers, integers(0..1))), [0]);
    assert!(runtime.shut_down(Duration::MAX));
}

#[test]
fn a_port_that_is_dropped_with_an_open_call_leaves_no_node_behind() {
    let runtime = runtime();
    let hosts = [("host".to_owned(), HostNodeType::new(1, 1))].into();
    let graph = compile(
        &runtime,
        &[("ledger", "Fail", r#""at": "never", "ledger": 24"#), ("host", "host", "")],
        &[("ledger", "host")],
        &hosts,
    );
    let port = Port::new(None);
    graph.submit(&port, submission(1, Start::Here, integers(0..200))).expect("accepted");
    assert!(matches!(port.next(Some(PATIENCE)).events[..], [Event::Call(_)]));
    drop(port);
    assert!(runtime.shut_down(PATIENCE));
    let balance = |count: &std::sync::atomic::AtomicI64| count.load(Ordering::SeqCst);
    assert_eq!((balance(&LEDGERS[24].initialized), balance(&LEDGERS[24].cleaned)), (1, 1));
}

#[test]
fn work_with_long_steps_lets_others_have_their_turn() {
    let runtime = Runtime::new(Config::parse(br#"{"workers": 1}"#).expect("a valid config"), nodes::registry());
    let slow = pipeline(&runtime, &[("slow", "Slow", r#""gate": 6"#)], &[]);
    let quick = pipeline(&runtime, &[("quick", "Worker", "")], &[]);
    let port = Port::new(None);
    slow.submit(&port, submission(1, Start::Workers, integers(0..4))).expect("accepted");
    wait_until_reached(6);
    quick.submit(&port, submission(2, Start::Workers, integers(0..1))).expect("accepted");
    open(6);
    let mut order = Vec::new();
    while order.len() < 2 {
        let batch = port.next(Some(PATIENCE));
        assert!(!batch.events.is_empty(), "nothing came after {order:?}");
        for event in batch.events {
            let Event::Completed { token, .. } = event else { panic!("unexpected {event:?}") };
            order.push(token);
        }
    }
    assert_eq!(order, [2, 1], "a time slice ends with the first step that uses it up");
}
