/** Ends in the middle of work, in the way that its argument names; tests/conformance/README.md lists them. */
import { Worker } from "node:worker_threads";
import { Pipeline, Runtime } from "remotemedia";
import { RESAMPLE, begin } from "./work.js";

const HOLD_MS = 20_000;

function worker(ending: string): Promise<Worker> {
  const made = new Worker(new URL("./worker.js", import.meta.url), { workerData: ending });
  made.on("error", () => undefined);
  return new Promise((resolve) => made.once("message", () => resolve(made)));
}

const ended = (of: Worker): Promise<number> => new Promise((resolve) => of.once("exit", resolve));

const WAYS: Record<string, () => unknown> = {
  /** The main module ends with everything open. */
  async return() {
    await begin();
    Runtime.default.unref();
  },
  /** While a Worker has work too. */
  async exit() {
    await worker("stay");
    await begin();
    process.exit(3);
  },
  async quick() {
    await begin();
    (process as unknown as { reallyExit(code: number): never }).reallyExit(4);
  },
  async handler() {
    const { native } = await begin();
    process.removeAllListeners("exit");
    process.once("exit", () => {
      new Pipeline({ version: "v1", nodes: [{ id: "pass", node_type: "PassThrough" }] }).executeSync([1, 2, 3]);
      Runtime.default.port.drain();
      native.close();
    });
    process.exit(0);
  },
  async uncaught() {
    await begin();
    setImmediate(() => {
      throw new Error("nothing catches this");
    });
  },
  async signal() {
    await begin();
    process.kill(process.pid, "SIGTERM");
    new Pipeline(RESAMPLE);
    await new Promise((resolve) => setTimeout(resolve, HOLD_MS));
  },
  async worker() {
    const ending = await worker("stay");
    await ending.terminate();
  },
  async worker_exit() {
    const ending = new Worker(new URL("./worker.js", import.meta.url), { workerData: "exit" });
    process.exitCode = (await ended(ending)) === 5 ? 0 : 9;
  },
  async worker_return() {
    const ending = new Worker(new URL("./worker.js", import.meta.url), { workerData: "return" });
    process.exitCode = await ended(ending);
  },
  async worker_throw() {
    const ending = new Worker(new URL("./worker.js", import.meta.url), { workerData: "throw" });
    ending.on("error", () => undefined);
    process.exitCode = (await ended(ending)) === 1 ? 0 : 9;
  },
  async closed() {
    const { finish } = await begin();
    const runtime = Runtime.default;
    finish();
    if (!(await runtime.shutdown(8000))) process.exitCode = 9;
    await runtime[Symbol.asyncDispose]();
  },
};

await WAYS[process.argv[2]!]!();
