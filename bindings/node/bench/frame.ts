/**
 * What each frame of 20 ms costs at the front end of a voice agent: stereo s16 at 48 kHz to mono, to 16 kHz, to Silero VAD.
 * Beside it the same by hand: a loop over `onnxruntime-node` and a resampler in JavaScript. It is run by hand:
 *
 *     npm install --ignore-scripts --prefix /tmp/peer onnxruntime-node
 *     pip download --no-deps silero-vad==6.2.3 && unzip -p silero_vad-*.whl silero_vad/data/silero_vad.onnx > /tmp/peer/vad.onnx
 *     node build/bench/frame.js /tmp/peer
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { Graph, MediaFile, Pipeline, audioFromPcm, audioToPcm, type Audio, type Tensor } from "remotemedia";
import { audioDecode, audioMix, audioResample, vad } from "remotemedia/nodes";
import { fileURLToPath } from "node:url";

const FRAMES = 1000;
const FRAME_BYTES = 960 * 2 * 2;
const WINDOW = 512;
const SPEECH = fileURLToPath(new URL("../../../../examples/speech.flac", import.meta.url));

type Side = (frames: readonly Uint8Array[]) => Promise<number[]>;

/** Speech, as interleaved stereo s16 at 48 kHz, over and over. */
async function input(): Promise<Uint8Array[]> {
  const graph = new Graph().chain(audioDecode(), audioResample({ rate: 48_000 }));
  const pieces = (await new Pipeline(graph).execute<Audio>([new MediaFile(SPEECH)])).values.map((audio) =>
    audioToPcm(audio, "s16"),
  );
  const mono = Buffer.concat(pieces);
  const samples = new Int16Array(mono.buffer, mono.byteOffset, mono.length / 2);
  return Array.from({ length: FRAMES }, (_, frame) => {
    const stereo = new Int16Array(FRAME_BYTES / 2);
    for (let index = 0; index < 960; index++)
      stereo[2 * index] = stereo[2 * index + 1] = samples[(frame * 960 + index) % samples.length]!;
    return new Uint8Array(stereo.buffer);
  });
}

const front = new Pipeline(
  new Graph("front end").chain(audioMix({ channels: 1 }), audioResample({ rate: 16_000 }), vad()),
);

const ours: Side = async (frames) => {
  await using session = front.session<{ probabilities: Tensor }>();
  const found: number[] = [];
  const take = (): void => {
    for (let packet = session.tryReceive(); packet !== undefined; packet = session.tryReceive())
      found.push(...(packet.value.probabilities.data as Float32Array));
  };
  for (const frame of frames) {
    await session.send(audioFromPcm(frame, { format: "s16", rate: 48_000, channels: 2 }));
    take();
  }
  await session.finish();
  for await (const { value } of session) found.push(...(value.probabilities.data as Float32Array));
  return found;
};

/** A windowed sinc of 96 taps for a third of the rate. */
const TAPS = Float32Array.from({ length: 96 }, (_, index) => {
  const at = (index - 47.5) / 3;
  return (
    ((Math.sin(Math.PI * at * 0.92) / (Math.PI * at)) *
      (0.42 -
        0.5 * Math.cos((2 * Math.PI * (index + 0.5)) / 96) +
        0.08 * Math.cos((4 * Math.PI * (index + 0.5)) / 96))) /
    3
  );
});

async function byHand(folder: string): Promise<Side> {
  const ort = createRequire(join(folder, "package.json"))("onnxruntime-node");
  const model = await ort.InferenceSession.create(join(folder, "vad.onnx"), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  });
  const rate = new ort.Tensor("int64", BigInt64Array.of(16_000n), []);
  return async (frames) => {
    let state = new ort.Tensor("float32", new Float32Array(256), [2, 1, 128]);
    const line = new Float32Array(96 + 960);
    const window = new Float32Array(64 + WINDOW);
    let filled = 0;
    const found: number[] = [];
    for (const frame of frames) {
      const stereo = new Int16Array(frame.buffer as ArrayBuffer, frame.byteOffset, FRAME_BYTES / 2);
      line.copyWithin(0, 960);
      for (let index = 0; index < 960; index++)
        line[96 + index] = (stereo[2 * index]! + stereo[2 * index + 1]!) / 65_536;
      for (let index = 0; index < 960; index += 3) {
        let sum = 0;
        for (let tap = 0; tap < 96; tap++) sum += line[index + tap + 3]! * TAPS[tap]!;
        window[64 + filled++] = sum;
        if (filled < WINDOW) continue;
        const result = await model.run({
          input: new ort.Tensor("float32", window.slice(), [1, 64 + WINDOW]),
          state,
          sr: rate,
        });
        state = result.stateN;
        found.push(result.output.data[0]);
        window.copyWithin(0, WINDOW);
        filled = 0;
      }
    }
    return found;
  };
}

interface Round {
  us: number;
  cpu: number;
  share: number;
}

/** One pass over all frames: what a frame has taken, of the clock and of processors. */
async function round(side: Side, frames: readonly Uint8Array[]): Promise<Round> {
  const cpu = process.cpuUsage();
  const begun = performance.now();
  const found = await side(frames);
  const us = ((performance.now() - begun) * 1000) / frames.length;
  const { user, system } = process.cpuUsage(cpu);
  return { us, cpu: (user + system) / frames.length, share: found.filter((each) => each > 0.5).length / found.length };
}

function median(of: readonly number[]): number {
  return [...of].sort((a, b) => a - b)[of.length >> 1]!;
}

const frames = await input();
const folder = process.argv[2];
const sides = new Map<string, Side>([["remotemedia", ours]]);
if (folder !== undefined) sides.set("onnxruntime-node by hand", await byHand(folder));
const rounds = new Map([...sides.keys()].map((name): [string, Round[]] => [name, []]));
for (const side of sides.values()) await round(side, frames);
// In turns, so that what else the machine does strikes both alike.
for (let turn = 0; turn < 9; turn++) for (const [name, side] of sides) rounds.get(name)!.push(await round(side, frames));
for (const [name, all] of rounds) {
  const [us, cpu] = [median(all.map((each) => each.us)), median(all.map((each) => each.cpu))];
  console.log(`${name}: ${us.toFixed(1)} us for each frame, ${cpu.toFixed(1)} us of processors, ${(all[0]!.share * 100).toFixed(1)} % speech`);
}
if (rounds.size === 2) {
  const [mine, theirs] = [...rounds.values()].map((all) => median(all.map((each) => each.us)));
  console.log(`${(theirs! / mine!).toFixed(2)} times`);
}
