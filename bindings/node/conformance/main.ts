/** The runner of the suite: `conformance SUITE [--list] [CASE...]`, as tests/conformance/README.md describes it. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { versions } from "remotemedia";
import { digestCases } from "./digests.js";
import { Skip, scenarioCases } from "./scenarios.js";
import { vectorCases, type Case } from "./vectors.js";

async function main(words: string[]): Promise<number> {
  const [suite, ...rest] = words;
  if (suite === undefined || !existsSync(join(suite, "vectors.json"))) {
    console.error("usage: conformance SUITE [--list] [CASE...]");
    return 2;
  }
  try {
    versions();
  } catch (error) {
    console.error((error as Error).message);
    return 2;
  }
  const folder = resolve(suite);
  const cases: Case[] = [
    ...vectorCases(join(folder, "vectors.json")),
    ...scenarioCases(folder),
    ...digestCases(folder),
  ];
  if (rest.includes("--list")) {
    for (const [name] of cases) console.log(name);
    return 0;
  }
  const names = new Set(rest);
  const unknown = rest.filter((name) => !cases.some(([known]) => known === name));
  if (unknown.length > 0) {
    console.error(`there is no case ${unknown.join(", ")}`);
    return 2;
  }
  let failures = 0;
  for (const [name, run] of cases) {
    if (names.size > 0 && !names.has(name)) continue;
    try {
      await run();
      console.log(`ok ${name}`);
    } catch (error) {
      const sentence = (error instanceof Error ? error.message : String(error)).split("\n").join(" ");
      if (error instanceof Skip) console.log(`skip ${name}: ${sentence}`);
      else {
        failures++;
        console.log(`FAIL ${name}: ${sentence}`);
      }
    }
  }
  return failures === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
