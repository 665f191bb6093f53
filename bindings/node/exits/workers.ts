/** Starts four Workers and terminates them while native nodes have their memory, again and again: `node build/exits/workers.js [TIMES]`. */
import { Worker } from "node:worker_threads";
import { liveObjects } from "remotemedia";

const times = Number(process.argv[2] ?? 100);
const begun = performance.now();
let longest = 0;
for (let round = 0; round < times; round++) {
  const workers = [0, 1, 2, 3].map(() => new Worker(new URL("./worker.js", import.meta.url), { workerData: "stay" }));
  await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once("message", resolve))));
  const ending = performance.now();
  await Promise.all(workers.map((worker) => worker.terminate()));
  longest = Math.max(longest, performance.now() - ending);
}
const { host_buffers, runtimes, ports, pipelines, sessions, runs } = liveObjects();
console.log(
  `${times} times four Workers terminated in ${((performance.now() - begun) / 1000).toFixed(1)} s, the slowest in ${longest.toFixed(0)} ms`,
);
console.log(`left: ${JSON.stringify({ host_buffers, runtimes, ports, pipelines, sessions, runs })}`);
