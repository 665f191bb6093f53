/** Sends frames of 20 ms through one session, and prints the memory of the process on the way, as tests/conformance/README.md describes it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Audio, Pipeline } from "remotemedia";

const TENTHS = 10;

const [suite, given] = process.argv.slice(2);
if (suite === undefined) {
  console.error("usage: frames SUITE [COUNT]");
  process.exit(2);
}
const frames = Number(given ?? 1_000_000);
const pipeline = new Pipeline(readFileSync(join(suite, "bench", "frames.json"), "utf8"));
await using session = pipeline.session();
const reading = (async () => {
  let count = 0;
  for await (const _ of session) count++;
  return count;
})();
const samples = Array.from({ length: 8 }, () => new Float32Array(960).fill(0.25));
const resident: number[] = [];
for (let number = 1; number <= frames; number++) {
  await session.send(new Audio(samples, 48_000));
  if (number === Math.floor((frames * (resident.length + 1)) / TENTHS))
    resident.push(Math.round(process.memoryUsage.rss() / 1024));
}
await session.finish();
const received = await reading;
const { lentCount } = (await import(new URL("../../dist/loans.js", import.meta.url).href)) as { lentCount: () => number };
// What the last frames lent comes back by the port.
for (let tries = 0; lentCount() > 0 && tries < 5000; tries++) await new Promise((resolve) => setTimeout(resolve, 1));
console.log(JSON.stringify({ sent: frames, resident_kib: resident, received, lent: lentCount() }));
