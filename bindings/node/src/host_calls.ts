/**
 * Serves calls to functions of this program: entries for a chain of nodes in, replies out.
 *
 * A value passes the whole chain. While functions return plainly the call is served on the spot, with one reply; from the
 * first promise or generator on it is served asynchronously, and each value of a generator leaves as a part of the reply.
 */
import { STATUS } from "./constants.js";
import { InvalidArgumentError } from "./errors.js";
import { Emission, type BatchFunction, type Context, type HostNode } from "./host_nodes.js";
import type { Entry, HostRun, Link, Thrown } from "./host_run.js";
import type { OpenCall } from "./port.js";
import { ReplyRows } from "./reply_rows.js";
import { placed, type Place } from "./times.js";

/** A call, from its arrival to its last reply. */
export class HostCall implements OpenCall {
  readonly token: number;
  private isOver = false;
  private readonly rows: ReplyRows;
  private controller: AbortController | null = null;
  private wake: (() => void) | null = null;

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
    this.wake?.();
  }

  cancel(): void {
    this.isOver = true;
    this.controller?.abort();
    this.wake?.();
  }

  /** Serves as long as functions return plainly. */
  run(): void {
    const { entries, chain } = this;
    try {
      const { processMany } = chain[0]!.node;
      if (processMany !== undefined && chain.length === 1) {
        void this.batch(processMany.bind(chain[0]!.node));
        return;
      }
      for (let index = 0; index < entries.length; index++) {
        const entry = entries[index]!;
        if (entry.value === undefined ? !this.endNow(index) : !this.passNow(entry.value, index, 0, entry)) return;
        if (this.isOver) return;
      }
      this.finish(null);
    } catch (error) {
      this.finish(error instanceof Failed ? error : { error, entry: 0, node: 0 });
    }
  }

  /** Serves the call with a function that takes all values between two ends together. */
  private async batch(processMany: BatchFunction): Promise<void> {
    const { entries } = this;
    const link = this.chain[0]!;
    let begin = 0;
    try {
      while (begin < entries.length && !this.isOver) {
        let end = begin;
        while (end < entries.length && entries[end]!.value !== undefined) end++;
        if (end > begin) {
          const contexts = entries.slice(begin, end).map((entry) => this.of.context(this, link, entry, entry));
          let results = processMany(
            entries.slice(begin, end).map((entry) => entry.value),
            contexts,
          );
          if (isPromise(results)) {
            if (this.of.isBlocking) throw blocked();
            results = await results;
          }
          if (results.length !== end - begin)
            throw new TypeError(
              `processMany got ${end - begin} values and returned ${results.length} results; return one for each, undefined for none`,
            );
          for (const [place, result] of results.entries())
            if (result !== undefined) this.add(begin + place, result, entries[begin + place]!);
        }
        begin = end;
        if (begin < entries.length && !this.endNow(begin++)) return;
      }
      this.finish(null);
    } catch (error) {
      this.finish(error instanceof Failed ? error : { error, entry: Math.min(begin, entries.length - 1), node: 0 });
    }
  }

  /**
   * Passes a value on as long as functions return plainly. Returns whether they did; else the rest is on its way.
   *
   * @param at the place of the value
   */
  private passNow(value: unknown, index: number, node: number, at: Place): boolean {
    const { chain } = this;
    const entry = this.entries[index]!;
    for (; node < chain.length; node++) {
      const link = chain[node]!;
      try {
        value = resultOf(link.node, value, this.of.context(this, link, entry, at));
      } catch (error) {
        throw new Failed(error, index, node);
      }
      if (this.isOver) return false;
      if (isPromise(value) || isGenerator(value)) {
        const result = value;
        const source = at;
        if (this.of.isBlocking) return this.collect(result, index, node, source);
        void this.proceed(index, () => this.take(result, index, node, source));
        return false;
      }
      if (value === undefined) return true;
      if (node === chain.length - 1) break;
      at = placeOf(value, at);
      value = bare(value);
    }
    this.add(index, value, at);
    return true;
  }

  private endNow(index: number, from = 0): boolean {
    const entry = this.entries[index]!;
    if (entry.item === null) return true;
    for (let node = from; node < this.chain.length; node++) {
      const result = this.flush(index, node);
      if (result === undefined) continue;
      if (isPromise(result) || isGenerator(result)) {
        if (this.of.isBlocking) this.collect(result, index, node, entry);
        else {
          void this.proceed(index, async () => {
            await this.take(result, index, node, entry);
            await this.end(index, node + 1);
          });
          return false;
        }
      } else if (node === this.chain.length - 1) this.add(index, result, entry);
      else {
        void this.proceed(index, async () => {
          await this.onward(result, index, node, entry);
          await this.end(index, node + 1);
        });
        return false;
      }
    }
    return true;
  }

  /** Takes all values of a generator while the thread is blocked, so that none can leave before the next. */
  private collect(
    result: PromiseLike<unknown> | AsyncIterable<unknown>,
    index: number,
    node: number,
    at: Place,
  ): boolean {
    if (!(Symbol.iterator in result)) throw new Failed(blocked(), index, node);
    try {
      for (const value of result as Iterable<unknown>) {
        if (value === undefined) continue;
        if (node === this.chain.length - 1) this.add(index, value, at);
        else this.passNow(bare(value), index, node + 1, placeOf(value, at));
      }
    } catch (error) {
      throw error instanceof Failed ? error : new Failed(error, index, node);
    }
    return true;
  }

  private flush(index: number, node: number): unknown {
    const link = this.chain[node]!;
    try {
      const entry = this.entries[index]!;
      return link.node.flush?.(this.of.context(this, link, entry, entry));
    } catch (error) {
      throw new Failed(error, index, node);
    }
  }

  /** Serves the rest: first `work` of the entry `index`, then the entries behind it. */
  private async proceed(index: number, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      for (let next = index + 1; next < this.entries.length && !this.isOver; next++) {
        const entry = this.entries[next]!;
        if (entry.value === undefined) await this.end(next, 0);
        else await this.pass(entry.value, next, 0, entry);
      }
      this.finish(null);
    } catch (error) {
      this.finish(error instanceof Failed ? error : { error, entry: index, node: 0 });
    }
  }

  /** Passes a value on, from a node of the chain to its end. */
  private async pass(value: unknown, index: number, node: number, at: Place): Promise<void> {
    const link = this.chain[node]!;
    let result: unknown;
    try {
      result = resultOf(link.node, value, this.of.context(this, link, this.entries[index]!, at));
    } catch (error) {
      throw new Failed(error, index, node);
    }
    await this.take(result, index, node, at);
  }

  /** Takes what a node has returned: all that comes of it passes the nodes behind. */
  private async take(result: unknown, index: number, node: number, at: Place): Promise<void> {
    try {
      if (isPromise(result)) result = await result;
      if (this.isOver) return;
      if (!isGenerator(result)) {
        if (result !== undefined) await this.onward(result, index, node, at);
        return;
      }
      // Leaving the loop early ends the generator, so that its `finally` blocks run.
      for await (const value of result) {
        if (value !== undefined) await this.onward(value, index, node, at);
        if (this.isOver || (this.rows.count > 0 && !(await this.part()))) break;
      }
    } catch (error) {
      throw error instanceof Failed ? error : new Failed(error, index, node);
    }
  }

  /** @param at the place of the packet that the value was made of */
  private async onward(value: unknown, index: number, node: number, at: Place): Promise<void> {
    if (node === this.chain.length - 1) this.add(index, value, at);
    else await this.pass(bare(value), index, node + 1, placeOf(value, at));
  }

  /** The end of an item: each node, from one on, gives what it holds back. */
  private async end(index: number, from: number): Promise<void> {
    const entry = this.entries[index]!;
    if (entry.item === null) return;
    for (let node = from; node < this.chain.length; node++)
      await this.take(this.flush(index, node), index, node, entry);
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

  /** Sends what there is as a part of the reply, and waits for room. Returns whether more is wanted. */
  private async part(): Promise<boolean> {
    const room = new Promise<void>((resolve) => (this.wake = resolve));
    const status = this.send(false, null);
    if (status === STATUS.RM_WOULD_BLOCK) await room;
    else if (status === STATUS.RM_GONE) this.isOver = true;
    this.wake = null;
    return !this.isOver;
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

/** What a node returns for one value. */
function resultOf(node: HostNode, value: unknown, context: Context): unknown {
  if (node.process !== undefined) return node.process(value, context);
  const results = node.processMany!([value], [context]);
  return isPromise(results) ? results.then((each) => each[0]) : results[0];
}

function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

/** An iterator that can be iterated, as generators are; lists, maps and sets are values. */
function isGenerator(value: unknown): value is AsyncIterable<unknown> {
  if (typeof value !== "object" || value === null || typeof (value as { next?: unknown }).next !== "function")
    return false;
  return Symbol.asyncIterator in value || Symbol.iterator in value;
}
