/** A Worker that has work under way and reports so, until it is terminated or ends in the way that its data names. */
import { parentPort, workerData } from "node:worker_threads";
import { Runtime } from "remotemedia";
import { begin } from "./work.js";

await begin();
parentPort!.postMessage("working");
if (workerData === "exit") process.exit(5);
if (workerData === "return") Runtime.default.unref();
if (workerData === "throw") throw new Error("the Worker fails");
