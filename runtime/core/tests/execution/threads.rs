//! A system that gives no threads: work that needs some is refused and leaves nothing behind, the rest runs.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use remotemedia_core::exec::{SessionOptions, SubmitError, ThreadBody};
use remotemedia_core::manifest::HostNodeType;

use super::nodes::LEDGERS;
use super::*;

static GIVES_THREADS: AtomicBool = AtomicBool::new(false);

fn spawn(name: String, body: ThreadBody) -> io::Result<()> {
    if !GIVES_THREADS.load(Ordering::SeqCst) {
        return Err(io::Error::other("none left"));
    }
    std::thread::Builder::new().name(name).spawn(body).map(drop)
}

#[test]
fn work_without_threads_is_refused_whole_and_accepted_once_there_are_some() {
    let runtime = Runtime::with_threads(Config::default(), super::nodes::registry(), spawn, || ());
    let hosts = [("Mine".to_owned(), HostNodeType::new(1, 1))].into();
    let light = pipeline(&runtime, &[("a", "Pass", "")], &[]);
    let heavy = pipeline(
        &runtime,
        &[("first", "Fail", r#""at": "never", "ledger": 46"#), ("heavy", "Worker", "")],
        &[("first", "heavy")],
    );
    let host = compile(&runtime, &[("mine", "Mine", "")], &[], &hosts);
    let retried = br#"{"version": "v1", "nodes": [{"id": "bad", "node_type": "Fail",
        "params": {"at": "process", "ledger": 47}, "on_error": {"retry": {"times": 1, "backoff_ms": 60000}}}]}"#;
    let retried = runtime.compile(retried, &HostNodes::new()).expect("valid");
    let port = Port::new(None);
    runtime.attach(&port);
    let submit = |graph: &Pipeline, start| graph.submit(&port, submission(1, start, integers(3..4)));

    assert!(matches!(submit(&light, Start::Here), Ok(Submitted::Finished(_))), "it needs none");
    for (name, graph, start) in [
        ("from the beginning", &light, Start::Workers),
        ("for a node that is not light", &heavy, Start::Here),
        ("for the reply", &host, Start::Here),
        ("for the pause before a retry", &retried, Start::Here),
    ] {
        let refused = submit(graph, start).expect_err(name);
        assert_eq!(refused, SubmitError::NoThread { cause: "none left".to_owned() }, "{name}");
        assert!(port.next(Some(Duration::ZERO)).events.is_empty(), "{name}");
    }
    for ledger in [46, 47] {
        let counts = [&LEDGERS[ledger].initialized, &LEDGERS[ledger].cleaned].map(|count| count.load(Ordering::SeqCst));
        assert_eq!(counts[0], counts[1], "what had begun is cleaned up");
    }
    let refused = light.session(&port, 1, &SessionOptions::default()).expect_err("a session needs some");
    assert_eq!(
        refused.to_string(),
        "the system gave no thread: none left; raise its limit on processes (`ulimit -u`, or the `pids` of a container), \
         or end some, and try again"
    );
    GIVES_THREADS.store(true, Ordering::SeqCst);
    for graph in [&heavy, &light] {
        assert_eq!(integers_of(&completed(&port, submit(graph, Start::Workers).expect("accepted"), 1)), [3]);
    }
    assert!(runtime.shut_down(PATIENCE), "no work is left behind");
}
