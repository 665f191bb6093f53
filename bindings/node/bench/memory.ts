/** Resident memory while 10^6 frames of 20 ms go through a session, one line for each tenth: `node build/bench/memory.js [FRAMES]`. */
import { Audio, Graph, Pipeline } from "remotemedia";
import { audioLevel, audioResample } from "remotemedia/nodes";

const frames = Number(process.argv[2] ?? 1_000_000);
const pipeline = new Pipeline(new Graph("meter").chain(audioResample({ rate: 16_000 }), audioLevel({ window_ms: 20 })));
await using session = pipeline.session();
const reading = (async () => {
  let count = 0;
  for await (const _ of session) count++;
  return count;
})();
const resident = (): string =>
  `${(process.memoryUsage.rss() / 2 ** 20).toFixed(1)} MiB resident, ${(process.memoryUsage().external / 2 ** 20).toFixed(1)} MiB outside the heap`;
const samples = new Float32Array(960).fill(0.25);
const begun = performance.now();
for (let frame = 0; frame < frames; frame++) {
  await session.send(new Audio(samples, 48_000));
  if ((frame + 1) % (frames / 10) === 0) console.log(`${frame + 1} frames: ${resident()}`);
}
await session.finish();
const count = await reading;
console.log(
  `${count} levels, ${(((performance.now() - begun) * 1000) / frames).toFixed(1)} us for each frame; ${resident()}`,
);
