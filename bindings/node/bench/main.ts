/** The five figures of the conformance suite, in nanoseconds for one call, as one JSON map: `bench SUITE`. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Pipeline, Tensor } from "remotemedia";

const LARGE_BYTES = 2_764_800;
const ROUNDS = 5;
const ROUND_MS = 200;

/** The median of the means of some rounds, after one to warm up. */
async function timed(call: () => unknown): Promise<number> {
  const means: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    let count = 0;
    const begun = performance.now();
    let elapsed = 0;
    while (elapsed < ROUND_MS) {
      for (let index = 0; index < 16; index++) {
        const pending = call();
        if (pending instanceof Promise) await pending;
      }
      count += 16;
      elapsed = performance.now() - begun;
    }
    if (round > 0) means.push((elapsed * 1e6) / count);
  }
  return means.sort((a, b) => a - b)[ROUNDS >> 1]!;
}

function check(holds: boolean): void {
  if (!holds) throw new Error("a run has gone wrong");
}

const suite = process.argv[2];
if (suite === undefined) {
  console.error("usage: bench SUITE");
  process.exit(2);
}
const manifest = (name: string): string => readFileSync(join(suite, "bench", name), "utf8");
const { native } = (await import(new URL("../../dist/native.js", import.meta.url).href)) as {
  native: () => { abiVersion(): number };
};
const addon = native();
const three = new Pipeline(manifest("three.json"));
const one = new Pipeline(manifest("one.json"));
const own = new Pipeline(manifest("own.json"), { nodes: { Own: (value) => value } });
const large = new Tensor("uint8", [LARGE_BYTES], new Uint8Array(LARGE_BYTES));
const figures = {
  bare: await timed(() => addon.abiVersion()),
  execute: await timed(() => check(three.executeSync([1, 2, 3]).values.length === 3)),
  submit: await timed(async () => check((await three.execute([1, 2, 3], { background: true })).values.length === 3)),
  large: await timed(() => check(one.executeSync<Tensor>([large]).values[0]!.bytes.length === LARGE_BYTES)),
  node: await timed(() => check(own.executeSync([1]).values.length === 1)),
};
console.log(JSON.stringify(figures));
