/** The cases of scenarios/: steps, and what must come of them. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { limited } from "./expect.js";
import { Player, type Step } from "./player.js";
import type { Case } from "./vectors.js";

/** A case that this language can't do. */
export class Skip extends Error {}

// prettier-ignore
const FEATURES = new Set([
  "host_nodes", "host_stream", "host_ends", "host_ports", "host_batch", "runtimes", "shutdown", "loans",
  "same_memory", "live", "try_send", "plan", "metrics", "progress", "named_ends", "interrupt_part",
]);

export function scenarioCases(suite: string): Case[] {
  const folder = join(suite, "scenarios");
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".json"));
  return files
    .sort()
    .map((name): Case => [
      `scenario/${relative(folder, join(folder, name)).slice(0, -5)}`,
      () => play(join(folder, name)),
    ]);
}

async function play(path: string): Promise<void> {
  const { schema, version, needs, steps } = JSON.parse(readFileSync(path, "utf8")) as {
    schema: string;
    version: number;
    needs: string[];
    steps: Step[];
  };
  if (schema !== "remotemedia.scenario" || version !== 1)
    throw new Error(`${path} has a version that this runner does not know`);
  const missing = needs.filter((feature) => !FEATURES.has(feature));
  if (missing.length > 0) throw new Skip(`needs ${missing.join(", ")}`);
  let releasedTwice: string | null = null;
  const noteWarning = (warning: Error): void => {
    if (warning.name === "RemoteMediaWarning") releasedTwice = warning.message;
  };
  process.on("warning", noteWarning);
  const player = new Player();
  try {
    await player.begin();
    for (const [index, step] of steps.entries()) {
      const next = steps[index + 1];
      try {
        await limited(player.step(step), `the step`);
      } catch (error) {
        throw new Error(`step ${index + 1} (${step.do}): ${(error as Error).message}`);
      }
      if (player.error !== null && next?.do !== "expect_error")
        throw new Error(`step ${index + 1} (${step.do}): ${String((player.error as Error).message ?? player.error)}`);
    }
    await limited(player.end(), "the end");
    if (releasedTwice !== null) throw new Error(releasedTwice);
  } finally {
    process.off("warning", noteWarning);
    await player.abandon();
  }
}
