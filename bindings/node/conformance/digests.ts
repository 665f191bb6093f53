/** The cases of digests/: manifests whose outputs have the same SHA-256 in every language. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { MediaFile, Pipeline, toJson, type Manifest, type Value } from "remotemedia";
import type { Case } from "./vectors.js";

interface Digest {
  schema: string;
  version: number;
  manifest: Manifest;
  input: string;
  output: string;
}

export function digestCases(suite: string): Case[] {
  const folder = join(suite, "digests");
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".json")) : [];
  return names
    .sort()
    .map((name): Case => [`digest/${name.slice(0, -5)}`, () => digest(suite, join(folder, name), name.slice(0, -5))]);
}

async function digest(suite: string, path: string, name: string): Promise<void> {
  const { schema, version, manifest, input, output } = JSON.parse(readFileSync(path, "utf8")) as Digest;
  if (schema !== "remotemedia.digest" || version !== 1)
    throw new Error(`${path} has a version that this runner does not know`);
  using pipeline = new Pipeline(manifest, { exact: true });
  const content = new Uint8Array(readFileSync(join(suite, "..", "..", input)));
  const outputs = await pipeline.execute([new MediaFile(content)]);
  const text = toJson(outputs.of<Value>(output), { exact: true });
  console.log(`digest digest/${name} ${createHash("sha256").update(text).digest("hex")}`);
}
