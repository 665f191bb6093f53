#!/usr/bin/env node
/**
 * Compiles the addon with the C compiler of the machine, against the headers that belong to this node: no download.
 *
 *     node native/build.mjs [--node-headers FOLDER] [--header FOLDER]
 *
 * A package from the registry has the addon for the platforms that it names; this makes it for another one.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({
  options: { "node-headers": { type: "string" }, header: { type: "string" }, output: { type: "string" } },
});

const nodeHeaders = [
  values["node-headers"],
  join(dirname(process.execPath), "..", "include", "node"),
  "/usr/include/node",
]
  .filter((folder) => folder !== undefined)
  .find(
    (folder) =>
      existsSync(join(folder, "node_api.h")) &&
      [folder, "/usr/include"].some((place) => existsSync(join(place, "uv.h"))),
  );
if (nodeHeaders === undefined) {
  console.error(
    "build.mjs: the headers of node were not found beside it (include/node/node_api.h and uv.h): install them " +
      "(Debian, Ubuntu: apt-get install libnode-dev), or name their folder: --node-headers FOLDER",
  );
  process.exit(1);
}
const header = [values.header, join(here, "..", "..", "..", "include"), here]
  .filter((folder) => folder !== undefined)
  .find((folder) => existsSync(join(folder, "remotemedia.h")));
const output = resolve(
  values.output ?? join(here, "..", "lib", `${process.platform}-${process.arch}`, "remotemedia.node"),
);
mkdirSync(dirname(output), { recursive: true });
const sources = readdirSync(here)
  .filter((name) => name.endsWith(".c"))
  .sort()
  .map((name) => join(here, name));
const compiler = (process.env.CC ?? "cc").split(" ");
// A Worker that ends closes the addon; code of it that still runs must stay where it is.
const link = process.platform === "darwin" ? ["-undefined", "dynamic_lookup"] : ["-Wl,-z,nodelete", "-ldl"];
const flags = (process.env.CFLAGS ?? "").split(" ").filter((flag) => flag !== "");
const words = [
  "-std=gnu11",
  "-O2",
  "-fPIC",
  "-shared",
  "-fvisibility=hidden",
  "-Wall",
  "-Wextra",
  "-Wshadow",
  "-Wstrict-prototypes",
];
// Processes may have the old file mapped: they keep it when the new one is renamed into place.
const fresh = `${output}.${process.pid}`;
try {
  execFileSync(
    compiler[0],
    [...compiler.slice(1), ...words, ...flags, `-I${nodeHeaders}`, `-I${header}`, ...sources, "-o", fresh, ...link],
    { stdio: "inherit" },
  );
} catch (error) {
  console.error(
    `build.mjs: \`${compiler[0]}\` could not compile the addon: ${error.code ?? `exit code ${error.status}`}`,
  );
  process.exit(1);
}
renameSync(fresh, output);
console.log(output);
