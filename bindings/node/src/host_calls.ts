/**
 * Serves calls to functions of this program: entries for a chain of nodes in, replies out.
 *
 * A value passes the whole chain; before a node that takes several together it waits until they are as many as its batch, or
 * nothing else comes. While functions return plainly the call is served on the spot, with one reply; a promise suspends
 * the work until it is settled, and each value of a generator leaves as a part of the reply.
 */
import { inspect } from "node:util";
import { STATUS } from "./constants.js";
import { InvalidArgumentError } from "./errors.js";
import { Emission } from "./host_nodes.js";
import type { Entry, HostRun, Link, Thrown } from "./host_run.js";
import type { OpenCall } from "./port.js";
import { ReplyRows } from "./reply_rows.js";
import { placed, type Place } from "./times.js";
import { abandon } from "./unawaited.js";

/** What work waits for: there is room for more of the reply, or none of it is wanted any more. */
const ROOM = Symbol("room");

/** Work on a call. It gives what it waits for. */
type Steps<T = void> = Generator<PromiseLike<unknown> | typeof ROOM, T, unknown>;

/** A value that waits for a node which takes several together. */
interface Held {
  readonly value: unknown;
  readonly index: number;
  readonly at: Place;
}

/** A call, from its arrival to its last reply. */
export class HostCall implements OpenCall {
  readonly token: number;
  private isOver = false;
  private readonly rows: ReplyRows;
  private controller: AbortController | null = null;
  /** The work that waits for room; null if none does. */
  private suspended: Steps | null = null;
  /** When `ask` has asked last, in milliseconds. */
  private asked = 0;
  /** What waits for each node; null until something does. */
  private held: Held[][] | null = null;

  constructor(
    private readonly of: HostRun,
    private readonly id: number,
    private readonly chain: readonly Link[],
    private readonly entries: readonly Entry[],
  ) {
    this.token = of.token;
    this.rows = new ReplyRows(of.exact);
  }

  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    if (this.isOver) this.controller.abort();
    return this.controller.signal;
  }

  resume(): void {
    const steps = this.suspended;
    this.suspended = null;
    if (steps !== null) this.work(steps, () => steps.next());
  }

  cancel(): void {
    this.isOver = true;
    this.controller?.abort();
    this.resume();
  }

  /** Serves the call, on the spot as far as that goes. */
  run(): void {
    const steps = this.serve();
    this.work(steps, () => steps.next());
  }

  /** Works until something has to be waited for, and again once that is there. */
  private work(steps: Steps, resume: () => ReturnType<Steps["next"]>): void {
    let step: ReturnType<Steps["next"]>;
    try {
      step = resume();
    } catch (error) {
      this.finish(error instanceof Failed ? error : { error, entry: 0, node: 0 });
      return;
    }
    if (step.done === true) {
      this.finish(null);
      return;
    }
    if (step.value === ROOM) {
      this.suspended = steps;
      return;
    }
    void Promise.resolve(step.value).then(
      (value) => this.work(steps, () => steps.next(value)),
      (error: unknown) => this.work(steps, () => steps.throw(error)),
    );
  }

  private *serve(): Steps {
    const { entries } = this;
    if (entries.length > 1) this.asked = Date.now();
    try {
      for (let index = 0; index < entries.length; index++) {
        if (index > 0) this.ask();
        if (this.isOver) break;
        const entry = entries[index]!;
        if (entry.value !== undefined) {
          const rest = this.pass(entry.value, index, 0, entry);
          if (rest !== null) yield* rest;
        } else if (entry.item !== null) yield* this.end(index);
      }
      yield* this.drain(0);
    } catch (error) {
      // What waits came before what failed: it leaves, or fails itself.
      yield* this.drain(0);
      throw error;
    }
  }

  /**
   * Passes a value on as long as functions return plainly. Returns what else is to be done for it, if anything is.
   *
   * @param at the place of the value
   */
  private pass(value: unknown, index: number, node: number, at: Place): Steps | null {
    const { chain } = this;
    const entry = this.entries[index]!;
    for (; node < chain.length; node++) {
      const link = chain[node]!;
      if (link.node.processMany !== undefined) return this.hold({ value, index, at }, node);
      try {
        value = link.node.process!(value, this.of.context(this, link, entry, at));
      } catch (error) {
        throw new Failed(error, index, node);
      }
      if (this.isOver) {
        abandon(value);
        return null;
      }
      if (isPromise(value) || isGenerator(value)) return this.take(value, index, node, at);
      if (value === undefined) return null;
      if (node === chain.length - 1) break;
      at = placeOf(value, at);
      value = bare(value);
    }
    this.add(index, value, at);
    return null;
  }

  /** Lets a value wait for a node that takes several together. Returns what is to be done if they are enough now. */
  private hold(value: Held, node: number): Steps | null {
    this.held ??= this.chain.map(() => []);
    const held = this.held[node]!;
    held.push(value);
    return held.length < this.chain[node]!.type.batch ? null : this.batch(node);
  }

  /** Serves all that waits, for the nodes from one on. */
  private *drain(from: number): Steps {
    for (let node = from; this.held !== null && node < this.chain.length && !this.isOver; node++)
      yield* this.batch(node);
  }

  /** Calls the function of a node with what waits for it, and passes on what it has made of that. */
  private *batch(node: number): Steps {
    const held = this.held![node]!;
    if (held.length === 0) return;
    this.held![node] = [];
    const [given, failed] = yield* this.together(held, node);
    // Each `then` is called once, for that may do the work, and before the first result is waited for: together they take less.
    const results = given.map((result) => (isPromise(result) ? Promise.resolve(result) : result));
    // One that is not waited for, since one before it fails, is no unhandled rejection.
    for (const result of results) abandon(result);
    for (const [place, { index, at }] of held.entries()) {
      if (this.isOver || place >= results.length) break;
      const result = results[place];
      if (isPromise(result) || isGenerator(result)) yield* this.take(result, index, node, at);
      else if (result !== undefined) {
        const rest = this.onward(result, index, node, at);
        if (rest !== null) yield* rest;
      }
    }
    if (failed !== null) throw failed;
  }

  /** The results of a node for values together: those before the one that it fails at, and that failure. */
  private *together(held: readonly Held[], node: number): Steps<[results: readonly unknown[], Failed | null]> {
    try {
      return [yield* this.call(held, node), null];
    } catch (error) {
      if (error instanceof Failed) return [[], error];
      if (held.length === 1) return [[], new Failed(error, held[0]!.index, node)];
    }
    // It gets its values again, each in a list of its own: that finds the one at fault, and keeps the others.
    const results: unknown[] = [];
    for (const each of held) {
      this.ask();
      if (this.isOver) break;
      try {
        results.push((yield* this.call([each], node))[0]);
      } catch (error) {
        return [results, error instanceof Failed ? error : new Failed(error, each.index, node)];
      }
    }
    return [results, null];
  }

  /** Calls the function of a node with several values. Throws `Failed` for what is no failure of a value. */
  private *call(held: readonly Held[], node: number): Steps<readonly unknown[]> {
    const link = this.chain[node]!;
    let results = link.node.processMany!(
      held.map(({ value }) => value),
      held.map(({ index, at }) => this.of.context(this, link, this.entries[index]!, at)),
    );
    if (isPromise(results)) {
      if (this.of.isBlocking) {
        abandon(results);
        throw new Failed(blocked(), held[0]!.index, node);
      }
      results = (yield results) as readonly unknown[];
    }
    // TypeScript is not all that checks what a program returns.
    const given = results as readonly unknown[] | null | undefined;
    if (given?.length === held.length) return given;
    if (Array.isArray(given)) for (const result of given) abandon(result);
    const problem = `processMany got ${held.length} values and returned ${given?.length ?? "no"} results`;
    throw new Failed(new TypeError(`${problem}; return one for each, undefined for none`), held[0]!.index, node);
  }

  /** The end of an item: each node gives what it holds back, once all that came before it has passed. */
  private *end(index: number): Steps {
    if (this.chain.every(({ node }) => node.flush === undefined)) return;
    yield* this.drain(0);
    const entry = this.entries[index]!;
    for (let node = 0; node < this.chain.length && !this.isOver; node++) {
      const link = this.chain[node]!;
      let result: unknown;
      try {
        result = link.node.flush?.(this.of.context(this, link, entry, entry));
      } catch (error) {
        throw new Failed(error, index, node);
      }
      if (result === undefined) continue;
      yield* this.take(result, index, node, entry);
      yield* this.drain(node + 1);
    }
  }

  /** Takes what a node has returned: all that comes of it passes the nodes behind. */
  private *take(result: unknown, index: number, node: number, at: Place): Steps {
    try {
      if (isPromise(result)) result = yield* this.settled(result);
      if (this.isOver) return;
      if (isGenerator(result)) yield* this.takeEach(result, index, node, at);
      else if (result !== undefined) {
        const rest = this.onward(result, index, node, at);
        if (rest !== null) yield* rest;
      }
    } catch (error) {
      throw error instanceof Failed ? error : new Failed(error, index, node);
    }
  }

  /** Takes the values of a generator, each once the one before has passed the nodes behind and left. */
  private *takeEach(
    values: AsyncIterable<unknown> | Iterable<unknown>,
    index: number,
    node: number,
    at: Place,
  ): Steps {
    const isAsync = Symbol.asyncIterator in values;
    if (isAsync && this.of.isBlocking) throw blocked();
    const iterator = isAsync ? values[Symbol.asyncIterator]() : values[Symbol.iterator]();
    for (;;) {
      let step = iterator.next();
      if (isPromise(step)) step = (yield* this.settled(step)) as IteratorResult<unknown>;
      if (typeof step !== "object" || step === null)
        throw new TypeError(`next() of the iterator returned ${inspect(step)}; return { value } or { done: true }`);
      if (step.done) return;
      let isWanted: boolean;
      try {
        const value: unknown = isPromise(step.value) ? yield* this.settled(step.value) : step.value;
        const rest = value === undefined ? null : this.onward(value, index, node, at);
        if (rest !== null) yield* rest;
        yield* this.drain(node + 1);
        if (this.rows.count > 0) yield* this.part();
        else this.ask();
        isWanted = !this.isOver;
      } catch (error) {
        try {
          yield* this.leave(iterator);
        } catch {
          // What failed before is what is reported.
        }
        throw error;
      }
      if (!isWanted) {
        yield* this.leave(iterator);
        return;
      }
    }
  }

  /** Ends a generator, so that its `finally` blocks run. */
  private *leave(iterator: AsyncIterator<unknown> | Iterator<unknown>): Steps {
    const ended = iterator.return?.();
    if (isPromise(ended)) yield* this.settled(ended);
  }

  /** What a promise is settled with. Throws what it is rejected with. */
  private *settled(promise: PromiseLike<unknown>): Steps<unknown> {
    if (this.of.isBlocking) {
      abandon(promise);
      throw blocked();
    }
    return yield promise;
  }

  /**
   * Passes on what a node has given. Returns what else is to be done for it, if anything is.
   *
   * @param at the place of the packet that the value was made of
   */
  private onward(value: unknown, index: number, node: number, at: Place): Steps | null {
    if (node < this.chain.length - 1) return this.pass(bare(value), index, node + 1, placeOf(value, at));
    this.add(index, value, at);
    return null;
  }

  /** Adds a value of the last node to the reply. @param at the place of the packet that it was made of */
  private add(index: number, value: unknown, at: Place): void {
    const node = this.chain.length - 1;
    try {
      let port = 0;
      if (value instanceof Emission && value.options.output !== undefined) {
        const { outputs } = this.chain[node]!.type;
        const name = value.options.output;
        port = outputs.indexOf(name);
        if (port < 0)
          throw new TypeError(`there is no output ${JSON.stringify(name)}; there are: ${outputs.join(", ")}`);
      }
      // The runtime knows the time of the entry, but not of what became of it between the nodes.
      const entry = this.entries[index]!;
      const made = placeOf(value, at);
      const known = made === entry ? entry : placed(bare(value), null, entry);
      const isKnown = made.pts === known.pts && made.duration === known.duration;
      this.rows.add(index, bare(value), isKnown ? null : made, port);
    } catch (error) {
      throw new Failed(error, index, node);
    }
  }

  /**
   * Asks, once in a millisecond, whether the reply is still wanted. While functions keep the thread no event can tell that a
   * limit of time has passed; a part of the reply that is empty can. What they have given stays together for a batch behind.
   */
  private ask(): void {
    const now = Date.now();
    if (now === this.asked) return;
    this.asked = now;
    const status = this.of.reply(this.id, new ReplyRows(this.of.exact), false, null);
    if (status === STATUS.RM_GONE) this.isOver = true;
  }

  /** Sends what there is as a part of the reply, and waits for room. */
  private *part(): Steps {
    const status = this.send(false, null);
    if (status === STATUS.RM_WOULD_BLOCK) yield ROOM;
    else if (status === STATUS.RM_GONE) this.isOver = true;
  }

  private finish(thrown: Thrown | null): void {
    if (this.isOver) return;
    this.of.port.calls.delete(this.id);
    this.isOver = true;
    try {
      this.send(true, thrown);
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
    }
  }

  /** Makes a reply; in place of one that the library refuses the failure of its node. */
  private send(isFinal: boolean, thrown: Thrown | null): number {
    const { rows } = this;
    const { entry } = rows;
    try {
      return this.of.reply(this.id, rows, isFinal, thrown);
    } catch (error) {
      const node = this.chain.length - 1;
      this.of.port.calls.delete(this.id);
      this.isOver = true;
      try {
        this.of.reply(this.id, rows, true, { error, entry, node });
      } catch (second) {
        process.emitWarning(
          `a call of the node ${this.chain[node]!.id} could not be replied to: ${String(second)}`,
          "RemoteMediaWarning",
        );
      }
      throw new Failed(error, entry, node);
    }
  }
}

/** What a function threw, and where in the call. */
class Failed {
  constructor(
    readonly error: unknown,
    readonly entry: number,
    readonly node: number,
  ) {}
}

/** A result without what was given with it. */
function bare(result: unknown): unknown {
  return result instanceof Emission ? result.value : result;
}

/** The place of what a node gives for a packet at `source`. */
function placeOf(result: unknown, source: Place): Place {
  return result instanceof Emission ? placed(result.value, result.place, source) : placed(result, null, source);
}

function blocked(): InvalidArgumentError {
  return new InvalidArgumentError(
    "an asynchronous function can't run while executeSync blocks its thread; use execute",
    "RM_INVALID_ARGUMENT",
  );
}

function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

/** An iterator that can be iterated, as generators are; lists, maps and sets are values. */
function isGenerator(value: unknown): value is AsyncIterable<unknown> | Iterable<unknown> {
  if (typeof value !== "object" || value === null || typeof (value as { next?: unknown }).next !== "function")
    return false;
  return Symbol.asyncIterator in value || Symbol.iterator in value;
}
