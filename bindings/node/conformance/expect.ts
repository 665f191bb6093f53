/** Comparison and bounded waiting for the steps of scenarios. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

export const LIMIT_MS = 10_000;

setFlagsFromString("--expose_gc");
const collect = runInNewContext("gc") as () => void;

/** What a step found is not what it expects. */
export class Mismatch extends Error {}

export function missing(name: string): never {
  throw new Mismatch(`there is no ${name}`);
}

export function equal(found: unknown, wanted: unknown, what = "it"): void {
  if (JSON.stringify(found) !== JSON.stringify(wanted))
    throw new Mismatch(`${what}: expected ${JSON.stringify(wanted)}, got ${JSON.stringify(found)}`);
}

export function contained(found: any, wanted: any, place: string): void {
  if (Array.isArray(wanted)) {
    equal(found?.length, wanted.length, `the length of ${place}`);
    wanted.forEach((each, index) => contained(found[index], each, `${place}[${index}]`));
  } else if (wanted !== null && typeof wanted === "object") {
    for (const [name, each] of Object.entries(wanted)) contained(found?.[name], each, `${place}.${name}`);
  } else equal(found, wanted, place);
}

export function time(ns: bigint | null): number | null {
  return ns === null ? null : Number(ns);
}

export function ramp(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, index) => index % 251);
}

/** Lets the collector and what it frees come to an end. */
export async function settled(): Promise<void> {
  for (let round = 0; round < 2; round++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export async function until(
  isSo: () => boolean | Promise<boolean>,
  complaint: () => string = () => "it did not come",
): Promise<void> {
  const end = performance.now() + LIMIT_MS / 2;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Mismatch(complaint());
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export async function limited<T>(work: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${LIMIT_MS / 1000} s`)), LIMIT_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
