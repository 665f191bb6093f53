/** Several Workers at once, Workers that are terminated in the middle of work, and the ways in which a program ends. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { liveObjects } from "remotemedia";

const PROGRAM = fileURLToPath(new URL("../exits/worker.js", import.meta.url));

test("four Workers are terminated while native nodes have their memory", { timeout: 60_000 }, async () => {
  const workers = [0, 1, 2, 3].map(() => new Worker(PROGRAM, { workerData: "stay" }));
  await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once("message", resolve))));
  assert.deepEqual(await Promise.all(workers.map((worker) => worker.terminate())), [1, 1, 1, 1]);
});

test("a Worker that ends before it has taken over a result leaves no memory", { timeout: 60_000 }, async () => {
  // It ends in the constructor by which the table of the result is read.
  const code = `
    import("remotemedia").then(async ({ Audio, Pipeline }) => {
      const pipeline = new Pipeline({ version: "v1", nodes: [{ id: "gain", node_type: "AudioGain", params: { gain_db: 6 } }] });
      globalThis.Uint32Array = class { constructor() { process.exit(7); } };
      pipeline.executeSync([new Audio(new Float32Array(48_000), 48_000)]);
    });`;
  const before = liveObjects();
  const worker = new Worker(code, { eval: true });
  const [status] = await once(worker, "exit");
  assert.equal(status, 7);
  assert.deepEqual(liveObjects(), before);
});

for (const [way, status] of Object.entries({
  return: 0,
  exit: 3,
  handler: 0,
  worker_exit: 0,
  worker_return: 0,
  worker_throw: 0,
  closed: 0,
})) {
  test(`a program ends in the middle of work: ${way}`, { timeout: 60_000 }, () => {
    const { status: found, stderr } = spawnSync(
      process.execPath,
      [fileURLToPath(new URL("../exits/exits.js", import.meta.url)), way],
      { encoding: "utf8", timeout: 30_000 },
    );
    assert.deepEqual([found, stderr], [status, ""]);
  });
}

test("a library that can't be used is named, with the cure", () => {
  const code =
    'import("remotemedia").then(({ versions }) => versions()).catch((error) => console.log(error.name, error.message))';
  const { stdout } = spawnSync(process.execPath, ["-e", code], {
    encoding: "utf8",
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    env: { ...process.env, REMOTEMEDIA_LIBRARY: "/no/such/libremotemedia.so" },
  });
  assert.match(
    stdout,
    /^LibraryError the shared library of remotemedia can't be used; correct the environment variable REMOTEMEDIA_LIBRARY/,
  );
  assert.match(stdout, /\/no\/such\/libremotemedia\.so: there is no such file/);
});
