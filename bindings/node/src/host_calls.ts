/**
 * Serves calls to functions of this program: entries for a chain of nodes in, replies out.
 *
 * A value passes the whole chain. While functions return plainly the call is served on the spot, with one reply; from the
 * first promise or generator on it is served asynchronously, and each value of a generator leaves as a part of the reply.
 */
import { STATUS } from "./constants.js";
import { InvalidArgumentError } from "./errors.js";
import { Emission, type BatchFunction, type Context, type HostNode } from "./host_nodes.js";
import type { Entry, HostRun, Link, Row, Thrown } from "./host_run.js";
import type { OpenCall } from "./port.js";
import { refused } from "./rooms.js";

/** A call, from its arrival to its last reply. */
export class HostCall implements OpenCall {
  readonly token: number;
  private isOver = false;
  private rows: Row[] = [];
  private controller: AbortController | null = null;
  private wake: (() => void) | null = null;

  constructor(
    private readonly of: HostRun,
    private readonly id: number,
    private readonly chain: readonly Link[],
    private readonly entries: readonly Entry[],
  ) {
    this.token = of.token;
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
    const { processMany } = chain[0]!.node;
    if (processMany !== undefined && chain.length === 1) {
      void this.batch(processMany.bind(chain[0]!.node));
      return;
    }
    try {
      for (let index = 0; index < entries.length; index++) {
        const { value } = entries[index]!;
        if (value === undefined ? !this.endNow(index) : !this.passNow(value, index, 0)) return;
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
          const contexts = entries.slice(begin, end).map((entry) => this.of.context(this, link, entry));
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
          for (const [place, result] of results.entries()) if (result !== undefined) this.add(begin + place, result);
        }
        begin = end;
        if (begin < entries.length && !this.endNow(begin++)) return;
      }
      this.finish(null);
    } catch (error) {
      this.finish(error instanceof Failed ? error : { error, entry: Math.min(begin, entries.length - 1), node: 0 });
    }
  }

  /** Passes a value on as long as functions return plainly. Returns whether they did; else the rest is on its way. */
  private passNow(value: unknown, index: number, node: number): boolean {
    const { chain } = this;
    const entry = this.entries[index]!;
    for (; node < chain.length; node++) {
      const link = chain[node]!;
      try {
        value = resultOf(link.node, value, this.of.context(this, link, entry));
      } catch (error) {
        throw new Failed(error, index, node);
      }
      if (this.isOver) return false;
      if (isPromise(value) || isGenerator(value)) {
        const result = value;
        if (this.of.isBlocking) return this.collect(result, index, node);
        void this.proceed(index, () => this.take(result, index, node));
        return false;
      }
      if (value === undefined) return true;
      if (value instanceof Emission && node < chain.length - 1) value = value.value;
    }
    this.add(index, value);
    return true;
  }

  private endNow(index: number, from = 0): boolean {
    if (this.entries[index]!.item === null) return true;
    for (let node = from; node < this.chain.length; node++) {
      const result = this.flush(index, node);
      if (result === undefined) continue;
      if (isPromise(result) || isGenerator(result)) {
        if (this.of.isBlocking) this.collect(result, index, node);
        else {
          void this.proceed(index, async () => {
            await this.take(result, index, node);
            await this.end(index, node + 1);
          });
          return false;
        }
      } else if (node === this.chain.length - 1) this.add(index, result);
      else {
        void this.proceed(index, async () => {
          await this.onward(result, index, node);
          await this.end(index, node + 1);
        });
        return false;
      }
    }
    return true;
  }

  /** Takes all values of a generator while the thread is blocked, so that none can leave before the next. */
  private collect(result: PromiseLike<unknown> | AsyncIterable<unknown>, index: number, node: number): boolean {
    if (!(Symbol.iterator in result)) throw new Failed(blocked(), index, node);
    try {
      for (const value of result as Iterable<unknown>) {
        if (value === undefined) continue;
        if (node === this.chain.length - 1) this.add(index, value);
        else this.passNow(value instanceof Emission ? value.value : value, index, node + 1);
      }
    } catch (error) {
      throw error instanceof Failed ? error : new Failed(error, index, node);
    }
    return true;
  }

  private flush(index: number, node: number): unknown {
    const link = this.chain[node]!;
    try {
      return link.node.flush?.(this.of.context(this, link, this.entries[index]!));
    } catch (error) {
      throw new Failed(error, index, node);
    }
  }

  /** Serves the rest: first `work` of the entry `index`, then the entries behind it. */
  private async proceed(index: number, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      for (let next = index + 1; next < this.entries.length && !this.isOver; next++) {
        const { value } = this.entries[next]!;
        if (value === undefined) await this.end(next, 0);
        else await this.pass(value, next, 0);
      }
      this.finish(null);
    } catch (error) {
      this.finish(error instanceof Failed ? error : { error, entry: index, node: 0 });
    }
  }

  /** Passes a value on, from a node of the chain to its end. */
  private async pass(value: unknown, index: number, node: number): Promise<void> {
    if (node === this.chain.length) {
      this.add(index, value);
      return;
    }
    const link = this.chain[node]!;
    let result: unknown;
    try {
      result = resultOf(link.node, value, this.of.context(this, link, this.entries[index]!));
    } catch (error) {
      throw new Failed(error, index, node);
    }
    await this.take(result, index, node);
  }

  /** Takes what a node has returned: all that comes of it passes the nodes behind. */
  private async take(result: unknown, index: number, node: number): Promise<void> {
    try {
      if (isPromise(result)) result = await result;
      if (this.isOver) return;
      if (!isGenerator(result)) {
        if (result !== undefined) await this.onward(result, index, node);
        return;
      }
      // Leaving the loop early ends the generator, so that its `finally` blocks run.
      for await (const value of result) {
        if (value !== undefined) await this.onward(value, index, node);
        if (this.isOver || (this.rows.length > 0 && !(await this.part()))) break;
      }
    } catch (error) {
      throw error instanceof Failed ? error : new Failed(error, index, node);
    }
  }

  private async onward(value: unknown, index: number, node: number): Promise<void> {
    if (node === this.chain.length - 1) this.add(index, value);
    else await this.pass(value instanceof Emission ? value.value : value, index, node + 1);
  }

  /** The end of an item: each node, from one on, gives what it holds back. */
  private async end(index: number, from: number): Promise<void> {
    if (this.entries[index]!.item === null) return;
    for (let node = from; node < this.chain.length; node++) await this.take(this.flush(index, node), index, node);
  }

  private add(index: number, value: unknown): void {
    if (!(value instanceof Emission)) {
      this.rows.push([index, value]);
      return;
    }
    const { outputs } = this.chain[this.chain.length - 1]!.type;
    const name = value.options.output;
    const port = name === undefined ? undefined : outputs.indexOf(name);
    if (port === -1)
      throw new Failed(
        new TypeError(`there is no output ${JSON.stringify(name)}; there are: ${outputs.join(", ")}`),
        index,
        this.chain.length - 1,
      );
    if (port === undefined && value.begin === null && value.length === null) this.rows.push([index, value.value]);
    else this.rows.push([index, value.value, value.begin, value.length, port]);
  }

  /** Sends what there is as a part of the reply, and waits for room. Returns whether more is wanted. */
  private async part(): Promise<boolean> {
    const rows = this.rows;
    this.rows = [];
    const room = new Promise<void>((resolve) => (this.wake = resolve));
    const status = this.send(rows, false, null);
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
      this.send(this.rows, true, thrown);
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
    }
  }

  /** Makes a reply; in place of a value that can't cross the failure of its node. */
  private send(rows: readonly Row[], isFinal: boolean, thrown: Thrown | null): number {
    try {
      return this.of.reply(this.id, rows, isFinal, thrown);
    } catch (problem) {
      const node = this.chain.length - 1;
      const error = refused(problem, "the returned value");
      const entry = rows.length > 0 ? rows[rows.length - 1]![0] : 0;
      this.of.port.calls.delete(this.id);
      this.isOver = true;
      try {
        this.of.reply(this.id, [], true, { error, entry, node });
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
