/** Pipelines that several tests use. */
import type { Manifest, ManifestNode } from "remotemedia";

export function calculator(id: string, operation: string, operand: number): ManifestNode {
  return { id, node_type: "Calculator", params: { operation, operand } };
}

export const ADD: Manifest = { version: "v1", nodes: [calculator("add", "add", 5)] };
export const PASS: Manifest = { version: "v1", nodes: [{ id: "pass", node_type: "PassThrough" }] };
export const OWN: Manifest = { version: "v1", nodes: [{ id: "own", node_type: "Own" }] };

/** A promise and what settles it. */
export function deferred<T = void>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (reason: unknown) => void;
} {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((given, refused) => {
    resolve = given;
    reject = refused;
  });
  return { promise, resolve, reject };
}
