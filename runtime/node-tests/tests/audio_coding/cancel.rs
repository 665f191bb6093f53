//! A decode that is cancelled stops within the chunk that it is at.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use remotemedia_core::exec::{Config, Event, Outcome, Port as EventPort, Runtime, Submission};
use remotemedia_core::manifest::HostNodes;
use remotemedia_core::node::{CancelFlag, Context, Cost, Define, Node, NodeError, Port, Step, documented};
use remotemedia_core::value::{File, Packet, Value};
use schemars::JsonSchema;
use serde::Deserialize;

const PATIENCE: Duration = Duration::from_secs(60);
const HELD_CHUNK: usize = 5;

static CHUNKS: AtomicUsize = AtomicUsize::new(0);
static REACHED: OnceLock<Mutex<Sender<()>>> = OnceLock::new();

documented! {
/// Counts the chunks, and holds one until the run is cancelled.
#[derive(Default)]
struct Tap {
    cancel: CancelFlag,
}
}

#[derive(Deserialize, JsonSchema)]
struct NoParams {}

impl Node for Tap {
    fn initialize(&mut self, context: &Context) -> Result<(), NodeError> {
        self.cancel = context.cancel.clone();
        Ok(())
    }

    fn process(&mut self, _port: usize, packet: Packet) -> Result<Step, NodeError> {
        if CHUNKS.fetch_add(1, Ordering::SeqCst) + 1 == HELD_CHUNK {
            let reached = REACHED.get().expect("the test waits").lock().expect("nobody panics with it");
            reached.send(()).expect("the test waits");
            while !self.cancel.is_cancelled() {
                std::thread::yield_now();
            }
        }
        Ok(Step::emit(packet))
    }
}

impl Define for Tap {
    type Params = NoParams;
    const NAME: &'static str = "Tap";
    const COST: Cost = Cost::Heavy;
    const INPUTS: &'static [Port] = &[Port::AUDIO_IN];
    const OUTPUTS: &'static [Port] = &[Port::AUDIO_OUT];

    fn new(_params: &NoParams) -> Self {
        Tap::default()
    }
}

#[test]
fn nothing_is_decoded_after_the_chunk_at_which_the_cancel_came() {
    let folder = std::env::temp_dir().join(format!("remotemedia-cancel-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("long.wav");
    let mut writer = hound::WavWriter::create(
        &path,
        hound::WavSpec { channels: 1, sample_rate: 8000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int },
    )
    .expect("a file");
    for sample in 0..60 * 8000 {
        writer.write_sample((sample % 100) as i16).expect("written");
    }
    writer.finalize().expect("written");

    let (sender, reached) = channel();
    REACHED.set(Mutex::new(sender)).expect("one test");
    let mut registry = remotemedia_nodes::registry();
    registry.add::<Tap>();
    let runtime = Runtime::new(Config::default(), registry);
    let manifest = r#"{"version": "v1",
        "nodes": [{"id": "decode", "node_type": "AudioDecode", "params": {"chunk_ms": 100}}, {"id": "tap", "node_type": "Tap"}],
        "connections": [{"from": "decode", "to": "tap"}]}"#;
    let pipeline = runtime.compile(manifest.as_bytes(), &HostNodes::new()).expect("a valid manifest");
    let port = EventPort::new(None);
    let inputs = Some(vec![Value::from(File::from_path(path.to_str().expect("UTF-8")))]);
    let work = Submission { token: 1, inputs: inputs.into(), input_bytes: 0, timeout: None, budget: Duration::ZERO };
    pipeline.submit(&port, work).expect("accepted");
    reached.recv_timeout(PATIENCE).expect("the decoder works");
    assert!(port.cancel(1));
    let batch = port.next(Some(PATIENCE));
    let [Event::Completed { completion, .. }] = &batch.events[..] else { panic!("unexpected {batch:?}") };
    assert_eq!(completion.outcome, Outcome::Cancelled);
    assert!(runtime.shut_down(PATIENCE), "the decoder let go");
    assert_eq!(CHUNKS.load(Ordering::SeqCst), HELD_CHUNK, "of 600");

    std::fs::remove_dir_all(&folder).expect("removed");
}
