//! The nice value that is configured: worker threads have it, spare ones too, and no other thread does.

use std::io;
use std::sync::Mutex;

use remotemedia_core::exec::ThreadBody;
use remotemedia_core::node::{Cost, Define, Node, NodeError, Port as NodePort, Step, documented};
use remotemedia_core::value::{Packet, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use super::nodes::{open, wait_until_reached};
use super::*;

/// The threads that [`spawn_noting`] has started, each with the nice value that it inherited.
static STARTED: Mutex<Vec<(String, i64)>> = Mutex::new(Vec::new());

documented! {
/// Emits the nice value of the thread that it runs on.
pub(crate) struct Nice;
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NiceParams {}

impl Define for Nice {
    type Params = NiceParams;
    const NAME: &'static str = "Nice";
    const COST: Cost = Cost::Light;
    const INPUTS: &'static [NodePort] = &[NodePort::ANY_IN];
    const OUTPUTS: &'static [NodePort] = &[NodePort::ANY_OUT];

    fn new(_params: &NiceParams) -> Self {
        Self
    }
}

impl Node for Nice {
    fn process(&mut self, _port: usize, _packet: Packet) -> Result<Step, NodeError> {
        Ok(Step::emit(Packet::new(Value::Int(nice_of("thread-self")))))
    }
}

/// The nice value of a thread, or of the first thread of a process: the 19th field of its `stat`, see proc_pid_stat(5).
fn nice_of(task: &str) -> i64 {
    let stat = std::fs::read_to_string(format!("/proc/{task}/stat")).expect("Linux has it");
    // The second field is the name of the thread in brackets, which may hold anything.
    let (_, from_the_third) = stat.rsplit_once(") ").expect("a name in brackets");
    from_the_third.split(' ').nth(16).expect("a field for the nice value").parse().expect("a number")
}

/// A runtime of one worker, which is `steps` nicer than this process.
fn nice_runtime(steps: i64) -> Runtime {
    let config = format!(r#"{{"workers": 1, "nice": {steps}}}"#);
    Runtime::new(Config::parse(config.as_bytes()).expect("a valid config"), nodes::registry())
}

fn nice_pipeline(runtime: &Runtime) -> Pipeline {
    pipeline(runtime, &[("nice", "Nice", "")], &[])
}

#[test]
fn workers_have_the_nice_value_that_is_configured() {
    for steps in [0, 7, 19] {
        let runtime = nice_runtime(steps);
        let wanted = (nice_of("self") + steps).min(19);
        assert_eq!(integers_of(&run(&nice_pipeline(&runtime), Start::Workers, integers(0..2))), [wanted; 2]);
    }
}

#[test]
fn the_calling_thread_keeps_its_own() {
    let before = nice_of("thread-self");
    let runtime = nice_runtime(7);
    let nice = nice_pipeline(&runtime);
    for start in [Start::Workers, Start::Here] {
        run(&nice, start, integers(0..1));
    }
    assert_eq!(integers_of(&run(&nice, Start::Here, integers(0..1))), [before]);
    assert_eq!(nice_of("thread-self"), before);
}

#[test]
fn a_spare_thread_is_as_nice_as_the_worker_that_waits() {
    for (gate, is_pipe) in [(36, true), (37, false)] {
        let runtime = nice_runtime(7);
        let params = format!(r#""gate": {gate}, "is_pipe": {is_pipe}"#);
        let mount = pipeline(&runtime, &[("mount", "Mount", &params)], &[]);
        let port = Port::new(None);
        let submitted = mount.submit(&port, submission(1, Start::Workers, integers(0..1))).expect("accepted");
        assert!(matches!(submitted, Submitted::Pending), "nobody has opened the gate");
        wait_until_reached(gate);
        // The only worker waits, so this runs on a thread that it has started.
        let wanted = (nice_of("self") + 7).min(19);
        assert_eq!(integers_of(&run(&nice_pipeline(&runtime), Start::Workers, integers(0..1))), [wanted]);
        open(gate);
        assert_eq!(integers_of(&completion_of(&port, 1)), [0]);
    }
}

#[test]
fn the_timer_inherits_nothing_from_a_worker_that_sets_it() {
    let before = nice_of("thread-self");
    let config = Config::parse(br#"{"workers": 1, "nice": 7}"#).expect("a valid config");
    let runtime = Runtime::with_threads(config, nodes::registry(), spawn_noting, || ());
    let manifest = r#"{"version": "v1", "nodes": [{"id": "trip", "node_type": "Trip", "params": {"at": [0], "times": 1, "ledger": 15},
        "on_error": {"retry": {"times": 1, "backoff_ms": 500}}}]}"#;
    let trip = runtime.compile(manifest.as_bytes(), &HostNodes::new()).unwrap_or_else(|error| panic!("{error}"));
    // Between its tries the worker waits for the timer, which nothing else has used before.
    let completion = run(&trip, Start::Workers, integers(0..1));
    assert_eq!((integers_of(&completion), completion.skip_report.retries), (vec![], 1));
    let started = STARTED.lock().expect("no test panics with it");
    let timer = started.iter().find(|(name, _)| name == "remotemedia-timer").expect("it has fired");
    assert_eq!(timer.1, before);
}

/// Starts a thread that notes its nice value before it begins its work.
fn spawn_noting(name: String, body: ThreadBody) -> io::Result<()> {
    let noting = {
        let name = name.clone();
        move || {
            STARTED.lock().expect("no test panics with it").push((name, nice_of("thread-self")));
            body();
        }
    };
    std::thread::Builder::new().name(name).spawn(noting).map(drop)
}
