/**
 * Objects of this program that native code refers to by numbers: memory that it reads, what functions threw, functions
 * that are nodes. Each stays alive here until a release record names its number.
 */

const loans = new Map<number, unknown>();
let next = 1;

/** Lends objects, under numbers one after the other. Returns the first. */
export function lend(objects: readonly unknown[]): number {
  const first = next;
  next += objects.length;
  for (let index = 0; index < objects.length; index++) loans.set(first + index, objects[index]);
  return first;
}

/** The object with this number; undefined if it was released. */
export function lent(token: number): unknown {
  return loans.get(token);
}

/** Whether native code still refers to one of the numbers from `first` on. */
export function isLent(first: number, count: number): boolean {
  for (let token = first; token < first + count; token++) if (loans.has(token)) return true;
  return false;
}

/** Releases what native code does not refer to any more. */
export function release(tokens: Iterable<number>): void {
  for (const token of tokens) {
    const object = loans.get(token);
    if (!loans.delete(token)) strays.push(token);
    for (const watcher of watchers) watcher(token, object);
  }
}

/** How many objects are lent. */
export function lentCount(): number {
  return loans.size;
}

/** Numbers that were released twice or never lent, which is a defect of the library: tests look here. */
export const strays: number[] = [];

/** Called for each release: for tests of what is released when. */
export const watchers = new Set<(token: number, object: unknown) => void>();
