/** The cases of vectors.json: documents of the wire format, and their JSON twins. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { decode, encode, fromJson, toJson, type Value } from "remotemedia";
import { bytes, canonical, text, value, type Parts } from "./notation.js";

interface Vectors {
  schema: string;
  version: number;
  values: { name: string; value: any; document: Parts; buffers: Parts[]; written: boolean; twin: Parts | null }[];
  refused: { name: string; document: Parts; buffers: Parts[] }[];
  unwritable: { name: string; value: any }[];
  read_twins: { name: string; text: Parts; document: Parts; buffers: Parts[] }[];
  refused_twins: { name: string; text?: Parts; bytes?: Parts }[];
}

export type Case = [name: string, run: () => unknown];

const EXACT = { exact: true };

export function vectorCases(path: string): Case[] {
  const vectors = JSON.parse(readFileSync(path, "utf8")) as Vectors;
  if (vectors.schema !== "remotemedia.vectors" || vectors.version !== 1)
    throw new Error(`${path} has a version that this runner does not know`);
  return [
    ...vectors.values.map((each): Case => [`vector/${each.name}`, () => vector(each)]),
    // What has no twin is deeper than JSON may be.
    ...vectors.values.filter(({ twin }) => twin !== null).map((each): Case => [`twin/${each.name}`, () => twin(each)]),
    ...vectors.read_twins.map((each): Case => [
      `read_twin/${each.name}`,
      () => same(canonical(fromJson(text(each.text), EXACT)), canonical(read(each))),
    ]),
    ...vectors.refused.map((each): Case => [
      `refused/${each.name}`,
      () => refuses(() => decode({ bytes: bytes(each.document), buffers: each.buffers.map(bytes) }, EXACT)),
    ]),
    ...vectors.unwritable.map((each): Case => [
      `unwritable/${each.name}`,
      () => refuses(() => encode(value(each.value), EXACT)),
    ]),
    ...vectors.refused_twins.map((each): Case => [
      `refused_twin/${each.name}`,
      () => refuses(() => fromJson(each.bytes === undefined ? text(each.text!) : bytes(each.bytes), EXACT)),
    ]),
  ];
}

function vector(each: Vectors["values"][number]): void {
  const wanted = value(each.value);
  same(canonical(read(each)), canonical(wanted));
  if (each.written) written(wanted, each);
}

function twin(each: Vectors["values"][number]): void {
  const json = text(each.twin!);
  same(toJson(read(each), EXACT), json);
  same(canonical(fromJson(json, EXACT)), canonical(read(each)));
}

function read({ document, buffers }: { document: Parts; buffers: Parts[] }): Value {
  return decode({ bytes: bytes(document), buffers: buffers.map(bytes) }, EXACT);
}

/** The document of a value has exactly these bytes and these buffers. */
function written(of: Value, { document, buffers }: { document: Parts; buffers: Parts[] }): void {
  const found = encode(of, EXACT);
  same(hex(found.bytes), hex(bytes(document)));
  assert.equal(found.buffers.length, buffers.length, "the number of buffers");
  for (const [index, buffer] of buffers.entries()) same(hex(found.buffers[index]!), hex(bytes(buffer)));
}

function refuses(call: () => unknown): void {
  let result: unknown;
  try {
    result = call();
  } catch {
    return;
  }
  throw new Error(`expected an error, got ${canonical(result).slice(0, 100)}`);
}

/** Compares texts; a difference is shown with a few characters around it. */
export function same(found: string, wanted: string): void {
  if (found === wanted) return;
  let at = 0;
  while (found[at] === wanted[at]) at++;
  const around = (whole: string): string => whole.slice(Math.max(0, at - 20), at + 60);
  throw new Error(`expected ...${around(wanted)}, got ...${around(found)}`);
}

function hex(data: Uint8Array): string {
  return Buffer.from(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength).toString("hex");
}
