/** The examples: what they print, and the service with several clients, a broken upload and one that goes away. */
import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

const EXAMPLES = new URL("../examples/", import.meta.url);
const RECORDINGS = new URL("../../../../examples/", import.meta.url);
const SPEECH = readFileSync(new URL("speech.flac", RECORDINGS));

const path = (of: URL): string => fileURLToPath(of);

test("speech prints the level of each window", () => {
  const words = [
    new URL("speech.js", EXAMPLES),
    new URL("speech.yaml", RECORDINGS),
    new URL("speech.flac", RECORDINGS),
  ].map(path);
  const { stdout, stderr, status } = spawnSync(process.execPath, words, { encoding: "utf8", timeout: 60_000 });
  assert.deepEqual([status, stderr], [0, ""]);
  const lines = stdout.trim().split("\n");
  assert.equal(lines.at(-1), "71 windows of 100 ms");
  assert.match(lines[0]!, /^0\.0 s +-\d+\.\d dBFS$/);
});

let service: ChildProcess;
let address = "";

before(async () => {
  service = spawn(process.execPath, [path(new URL("service.js", EXAMPLES)), "0"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(service.stdout!, "data")) as [Buffer];
  address = /http:\S+/.exec(line.toString())![0];
});

after(async () => {
  service.kill("SIGTERM");
  await once(service, "exit");
  assert.equal(service.exitCode, 0);
});

async function upload(body: Uint8Array): Promise<{ status: number; lines: Record<string, unknown>[] }> {
  const response = await fetch(address, { method: "POST", body: body as never, headers: { connection: "close" } });
  const text = await response.text();
  return {
    status: response.status,
    lines: text
      .trim()
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line)),
  };
}

test("the service cuts uploads of several clients", async () => {
  const replies = await Promise.all([0, 1, 2].map(() => upload(SPEECH)));
  for (const { status, lines } of replies) {
    assert.equal(status, 200);
    assert.deepEqual(
      lines.map(({ start_s, rate }) => [start_s, rate]),
      [[0.322, 16_000]],
    );
  }
});

test("an upload that is no audio is refused with the reason", async () => {
  const { status, lines } = await upload(Buffer.from("this is no audio at all ".repeat(100)));
  assert.equal(status, 422);
  assert.match(String(lines[0]!["error"]), /node 'audiodecode'/);
});

test("a client that goes away leaves nothing behind", async () => {
  const going = request(address, { method: "POST" });
  going.on("error", () => undefined);
  await new Promise<void>((resolve) => void going.write(SPEECH.subarray(0, 20_000), () => resolve()));
  going.destroy();
  assert.equal((await upload(SPEECH)).status, 200);
});
