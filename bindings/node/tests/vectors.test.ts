/** The codec: every document of tests/vectors is read, written again byte for byte, and every refused one is refused. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { InvalidDocumentError, decode, encode, fromJson } from "remotemedia";

const FOLDER = new URL("../../../../tests/vectors/", import.meta.url);

interface Vectors {
  vectors: { name: string; msgpack: string; json: string; canonical: boolean; buffers: string[] }[];
  refused: { name: string; base64: string }[];
}

const { vectors, refused } = JSON.parse(readFileSync(new URL("vectors.json", FOLDER), "utf8")) as Vectors;

for (const vector of vectors) {
  test(`vector ${vector.name}`, () => {
    const bytes = readFileSync(new URL(vector.msgpack, FOLDER));
    const buffers = vector.buffers.map((each) => new Uint8Array(Buffer.from(each, "base64")));
    const value = decode({ bytes, buffers }, { exact: true });
    const written = encode(value, { exact: true });
    if (vector.canonical) {
      assert.deepEqual(Buffer.from(written.bytes), bytes);
      assert.deepEqual(written.buffers.map(Buffer.from), buffers.map(Buffer.from));
    }
    const twin = fromJson(readFileSync(new URL(vector.json, FOLDER)), { exact: true });
    assert.deepEqual(encode(twin, { exact: true }), written);
  });
}

for (const { name, base64 } of refused) {
  test(`refused ${name}`, () => {
    assert.throws(() => decode({ bytes: new Uint8Array(Buffer.from(base64, "base64")) }), InvalidDocumentError);
  });
}
