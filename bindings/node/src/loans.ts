/**
 * Objects of this program that native code refers to by numbers: memory that it reads, what functions threw, functions
 * that are nodes. Each stays alive here until a release record names its number.
 */

const loans = new Map<number, unknown>();
let next = 1;

/**
 * Lends objects to a call of the library, under numbers one after the other, of which the call is given the first. One that
 * throws has not reached the library, which then can't release them: they are lent no more.
 */
export function lend<T>(objects: readonly unknown[], call: (first: number) => T): T {
  const first = next;
  next += objects.length;
  for (let index = 0; index < objects.length; index++) loans.set(first + index, objects[index]);
  try {
    return call(first);
  } catch (error) {
    for (let index = 0; index < objects.length; index++) loans.delete(first + index);
    throw error;
  }
}

/** The object with this number; undefined if it was released. */
export function lent(token: number): unknown {
  return loans.get(token);
}

/** Releases what native code does not refer to any more. */
export function release(tokens: Iterable<number>): void {
  for (const token of tokens)
    if (!loans.delete(token))
      process.emitWarning(`the number ${token} was released and is not lent; please report this`, "RemoteMediaWarning");
  if (waiting.length === 0) return;
  for (const each of waiting.splice(0))
    if (isLent(each.memory)) waiting.push(each);
    else each.resolve();
}

/** How many objects are lent. */
export function lentCount(): number {
  return loans.size;
}

/** Whether native code may still read this memory, which then has to stay as it is. */
export function isLent(memory: ArrayBufferLike | ArrayBufferView): boolean {
  const block = ArrayBuffer.isView(memory) ? memory.buffer : memory;
  for (const object of loans.values()) if (object instanceof Uint8Array && object.buffer === block) return true;
  return false;
}

/** Resolves once native code does not read this memory any more. */
export async function whenReleased(memory: ArrayBufferLike | ArrayBufferView): Promise<void> {
  if (isLent(memory)) await new Promise<void>((resolve) => void waiting.push({ memory, resolve }));
}

const waiting: { memory: ArrayBufferLike | ArrayBufferView; resolve: () => void }[] = [];
