/** The code of README.md runs as it stands, one block after the other, with what it takes for granted put before it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const HERE = new URL("../../", import.meta.url);

test("the code of the README", () => {
  const blocks = [...readFileSync(new URL("README.md", HERE), "utf8").matchAll(/^```js\n(.*?)^```$/gms)].map(
    (found) => found[1]!,
  );
  assert.equal(blocks.length, 3);
  const [first, second, third] = blocks;
  const whole = `
import { createReadStream } from "node:fs";
${first}
const microphone = createReadStream("examples/speech.flac");
${second}
async function* speak(text, { signal }) {
  signal.throwIfAborted();
  yield* text.split(" ");
}
{
${third}
console.log((await pipeline.execute(["one two"])).values.join());
}
`;
  const program = new URL("build/readme.mjs", HERE);
  writeFileSync(program, whole);
  const { stdout, stderr, status } = spawnSync(process.execPath, [fileURLToPath(program)], {
    encoding: "utf8",
    cwd: fileURLToPath(new URL("../../", HERE)),
    timeout: 60_000,
  });
  assert.deepEqual([status, stderr], [0, ""]);
  const lines = stdout.trim().split("\n");
  assert.match(lines[0]!, /^0 s -\d+\.\d dBFS$/);
  assert.match(lines[8]!, /^0 \{/);
  assert.equal(lines.at(-1), "ONE,TWO");
});
