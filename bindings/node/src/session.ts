/**
 * `Session`: a pipeline at work on one stream while this program sends and receives. It is bounded at both ends: `send`
 * waits for room, and reading waits for outputs.
 */
import { inspect } from "node:util";
import { STATUS } from "./constants.js";
import { CancelledError, GoneError, InvalidArgumentError, type NodeError, type RemoteMediaError } from "./errors.js";
import type { Decoder } from "./codec/decode.js";
import type { Encoder } from "./codec/encode.js";
import { requireKnown, requireSignal, type Names } from "./known_options.js";
import { lend, release } from "./loans.js";
import { native, type SessionHandle } from "./native.js";
import { Packet, type Completion } from "./outputs.js";
import type { Pipeline } from "./pipeline.js";
import { outputsBehind } from "./plan.js";
import type { EventPort } from "./port.js";
import { called, done, failure, made, refused, room, type Room } from "./rooms.js";
import {
  controlDocument,
  OF_SEND,
  OF_SESSION,
  settings,
  type Metrics,
  type SendOptions,
  type SessionOptions,
} from "./session_options.js";
import { nanoseconds } from "./times.js";
import { budgetUs, turn } from "./turns.js";
import type { Input, Value } from "./values.js";

/** The most outputs that one call brings. */
const MOST = 256;
/** With so many outputs unread, a send brings no more of them. */
const UNREAD = 64;

/** A session. Iterating gives its packets; `readable` and `writable` are its two ends as Web streams. */
export class Session<T = Value> implements AsyncIterable<Packet<T>> {
  /** The errors after which a node dropped a packet, as the manifest asks for. */
  readonly skipped: NodeError[] = [];
  private readonly opened: SessionHandle;
  private readonly port: EventPort;
  private readonly token: number;
  private readonly names: readonly string[];
  private readonly inputs: readonly string[];
  private readonly chosen: readonly string[];
  /** What has been brought and not read: of all outputs, or by name once they are read so. */
  private arrived: Packet<T>[] = [];
  private split: Map<string, Packet<T>[]> | null = null;
  private readonly roomWaiters: (() => void)[] = [];
  private readonly outputWaiters: (() => void)[] = [];
  private readonly atEnd = new Set<string | null>();
  /** Who sends to each input: one that is full holds up no other. */
  private readonly queues: readonly SendQueue[];
  private readers = 0;
  /** How often all of it was interrupted: what waits from before the last time is not sent any more. */
  private interruptions = 0;
  private end: Completion | null = null;
  private readonly ended: Promise<void>;
  private isClosed = false;
  /** How this program has ended it before its time; null if it has not. */
  private stopped: Stop | null = null;
  private isFinished = false;
  private wasThrown = false;
  private readStream: ReadableStream<Packet<T>> | null = null;
  private writeStream: WritableStream<Input> | null = null;
  private writeController: WritableStreamDefaultController | null = null;

  /** @internal */
  constructor(
    private readonly pipeline: Pipeline,
    options: SessionOptions,
  ) {
    requireKnown("session", options, OF_SESSION);
    const { plan, runtime, exact } = pipeline;
    this.names = plan.outputs.map((output) => output.name);
    this.inputs = plan.inputs.map((input) => input.name);
    this.queues = Array.from({ length: Math.max(1, this.inputs.length) }, () => ({ last: Promise.resolve(), length: 0 }));
    this.chosen = options.outputs ?? this.names;
    this.port = runtime.port;
    this.token = this.port.token();
    const host = pipeline.host(this.port, this.token, false);
    let ended!: () => void;
    this.ended = new Promise((resolve) => (ended = resolve));
    const { signal } = options;
    requireSignal(signal);
    signal?.throwIfAborted();
    this.opened = made(native().sessionNew(pipeline.handle, this.port.handle, this.token, settings(options)));
    const abort = (): void => this.stop({ reason: signal!.reason });
    signal?.addEventListener("abort", abort, { once: true });
    this.port.begin(this.token, {
      exact,
      completed: (end) => {
        this.end = end;
        signal?.removeEventListener("abort", abort);
        host?.close();
        this.wake();
        this.endInput();
        ended();
      },
      ...(host === null ? {} : { call: (id: number, content: Decoder) => host.serve(id, content) }),
      room: () => wakeAll(this.roomWaiters),
      outputs: () => wakeAll(this.outputWaiters),
      skipped: (error) => void this.skipped.push(error as NodeError),
    });
  }

  private get handle(): SessionHandle {
    if (this.isClosed) throw new GoneError("the session is closed; open another one", "RM_GONE");
    return this.opened;
  }

  /** Resolves once the session has ended; rejects with what ended it before its time. */
  get closed(): Promise<void> {
    return this.ended.then(() => {
      if (this.end?.error) this.throwFailure(this.end.error);
    });
  }

  /** Sends a value as it is now, and waits until it is taken, or dropped by an interruption of all. */
  async send(value: Input, options: SendOptions = NO_OPTIONS): Promise<void> {
    const queue = this.senders(options);
    const packet = this.offer(value, options, queue);
    if (packet === null) {
      const due = turn();
      if (due !== null) await due;
      return;
    }
    queue.length++;
    const since = this.interruptions;
    const mine = queue.last.then(() => this.sendLater(packet, since)).finally(() => queue.length--);
    queue.last = mine.catch(() => undefined);
    return mine;
  }

  /** Sends a value if there is room for it at once. Returns whether it was taken. */
  trySend(value: Input, options: SendOptions = NO_OPTIONS): boolean {
    if (this.senders(options).length > 0) return false;
    const used = room(this.pipeline.exact);
    try {
      this.packet(used.encoder, value, options);
      return this.take(used, used.encoder, options.lend === true);
    } finally {
      used.free();
    }
  }

  /** The next packet, of all outputs or of one; undefined after the last. Throws what ended the session. */
  async receive(output?: string): Promise<Packet<T> | undefined> {
    this.readers++;
    try {
      // Before anything is taken: an interruption or a cancel in this turn drops it.
      const due = turn();
      if (due !== null) await due;
      for (;;) {
        const found = this.tryReceive(output);
        if (found !== undefined) return found;
        if (this.hasEnded(output)) {
          // Outputs that are read one by one may end one after the other.
          if (this.split === null) await this.ended;
          else this.drain();
          this.throwFailure();
          return undefined;
        }
        await this.wait(this.outputWaiters);
      }
    } finally {
      this.readers--;
    }
  }

  /** The next packet if there is one now. After undefined `hasEnded` is false if another may come. */
  tryReceive(output?: string): Packet<T> | undefined {
    const queue = this.unread(output);
    if (queue.length > 0) return queue.shift();
    if (this.stopped !== null) {
      this.atEnd.add(output ?? null);
      return undefined;
    }
    const used = room(this.pipeline.exact);
    try {
      const place = output === undefined ? -1 : this.chosen.indexOf(output);
      const status = done(native().sessionReceive(used.handle, this.handle, place, MOST));
      // Where there are no outputs, memory may come back all the same.
      const decoder = used.read();
      const fields = decoder.list();
      this.rows(decoder, queue);
      if (fields > 1) release(decoder.plain() as number[]);
      if (status === STATUS.RM_END) this.atEnd.add(output ?? null);
    } finally {
      used.free();
    }
    return queue.shift();
  }

  /** Iterates over the packets of one output. Read all that are chosen: a full one holds up the others. */
  output(name: string): AsyncIterableIterator<Packet<T>> {
    this.unread(name);
    return this.iterate(name);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Packet<T>> {
    return this.iterate();
  }

  /** Ends the input. What was sent is processed and flushed; readers get all of it, then the end. */
  async finish(): Promise<void> {
    if (this.isFinished) return;
    this.isFinished = true;
    await this.inTurn(() => {
      if (this.stopped !== null) return;
      const status = native().sessionFinish(this.handle);
      if (status < STATUS.RM_OK) this.refuse(failure());
    });
  }

  /** Ends the stream after what was sent: nodes emit what they hold back. Another stream may begin. */
  async flush(): Promise<void> {
    await this.inTurn(() => this.control(controlDocument({ flush: true })));
  }

  /**
   * Drops what was sent and not read, also what waits to be sent, and makes nodes anew.
   *
   * @param options.at only what waits before this node or behind it; what waits to be sent goes on waiting
   */
  interrupt(options: { at?: string } = {}): void {
    requireKnown("interrupt", options, OF_INTERRUPT);
    const status = native().sessionControl(this.handle, controlDocument({ interrupt: true, ...options }));
    if (status < STATUS.RM_OK) {
      const error = failure();
      if (!(error instanceof GoneError)) throw error;
    }
    if (options.at === undefined) this.interruptions++;
    // What has been brought here and not read is dropped as well.
    const dropped = options.at === undefined ? null : outputsBehind(this.pipeline.plan, options.at);
    const isKept = ({ output }: Packet<T>): boolean => dropped !== null && !dropped.has(output);
    this.arrived = this.arrived.filter(isKept);
    for (const [name, queue] of this.split ?? []) this.split!.set(name, queue.filter(isKept));
  }

  /** Changes params of a node that may change while it runs: what is sent afterwards, or still held back, meets the new values. */
  async setParams(node: string, params: Record<string, unknown>): Promise<void> {
    if (typeof node !== "string" || typeof params !== "object" || params === null)
      throw new InvalidArgumentError(
        "setParams takes the id of a node and an object: setParams(node, { param: value })",
        "RM_INVALID_ARGUMENT",
      );
    const document = controlDocument({ set: { node, params } });
    await this.inTurn(() => this.control(document));
  }

  /** Ends the session now and drops what is under way. */
  cancel(): void {
    this.stop({});
  }

  /** What each node has done and waits for, and how late this loop is. */
  metrics(): Metrics {
    return called((into) => native().sessionMetrics(into, this.handle));
  }

  /** What was recorded since the last call, if the session was opened with `trace`. */
  trace(): { records: Value[][]; lost: number } {
    return called((into) => native().sessionTrace(into, this.handle));
  }

  /** How many packets the first nodes have taken, and how much media time has come out. Null after the end. */
  progress(): { items: number; media_ns?: number } | null {
    if (this.end !== null) return null;
    return called((into) => native().portProgress(into, this.port.handle, this.token));
  }

  /** The outputs as a stream. Its reader sets the pace. */
  get readable(): ReadableStream<Packet<T>> {
    return (this.readStream ??= new ReadableStream<Packet<T>>(
      {
        pull: async (controller) => {
          const packet = await this.receive();
          if (packet === undefined) controller.close();
          else controller.enqueue(packet);
        },
        cancel: () => this.cancel(),
      },
      { highWaterMark: 0 },
    ));
  }

  /**
   * The input as a stream of values. Closing it finishes the session. Aborting it, as a source does that breaks while it is
   * piped, ends the session now, as does a value that can't cross: what reads and waits is rejected with the reason. The end
   * of the session before that of the input is an error of the stream, so that a pipe ends and cancels its source.
   */
  get writable(): WritableStream<Input> {
    if (this.writeStream !== null) return this.writeStream;
    // How often all was interrupted when each value was written: the stream has a queue of its own.
    const written: number[] = [];
    return (this.writeStream = new WritableStream<Input>(
      {
        // At once, where `abort` would wait for a write that waits for room.
        start: (controller) => {
          this.writeController = controller;
          // The types of Node leave it out.
          const { signal } = controller as typeof controller & { readonly signal: AbortSignal };
          const abort = (): void => {
            // The stream is ending by itself, and Node 20 to 24 fail if that is asked for meanwhile.
            this.writeController = null;
            this.abort(signal.reason);
          };
          signal.addEventListener("abort", abort, { once: true });
          if (this.stopped !== null || this.end !== null) this.endInput();
        },
        write: async (value) => {
          if (written.shift() !== this.interruptions) return;
          try {
            await this.send(value);
          } catch (error) {
            // The stream is broken now and is never closed: without an end readers would wait for ever.
            if (!this.isFinished) this.abort(error);
            throw error;
          }
        },
        close: () => this.finish(),
      },
      {
        size: () => {
          written.push(this.interruptions);
          return 1;
        },
      },
    ));
  }

  /** Cancels what is under way and waits for the end. Throws the failure of the pipeline if it was not seen before. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.cancel();
    await this.ended;
    this.isClosed = true;
    native().close(this.opened);
    const failed = this.end?.error ?? null;
    if (failed !== null && !(failed instanceof CancelledError) && !this.wasThrown) throw failed;
  }

  /** Whether no packet comes any more, of all outputs or of one: what the last read of it has found. */
  hasEnded(output?: string): boolean {
    return this.atEnd.has(output ?? null);
  }

  /** Acts behind all that was called before, at once if none of it waits for room, and before all that is called after. */
  private async inTurn(act: () => void): Promise<void> {
    if (this.queues.every(({ length }) => length === 0)) return act();
    for (const queue of this.queues) queue.length++;
    const mine = Promise.all(this.queues.map(({ last }) => last))
      .then(act)
      .finally(() => {
        for (const queue of this.queues) queue.length--;
      });
    const last = mine.catch(() => undefined);
    for (const queue of this.queues) queue.last = last;
    return mine;
  }

  /** Sends a packet if none waits before it and there is room at once. Returns null, or the packet, which then waits. */
  private offer(value: Input, options: SendOptions, queue: SendQueue): PacketDocument | null {
    const used = room(this.pipeline.exact);
    const { encoder } = used;
    const isLent = options.lend === true;
    try {
      this.packet(encoder, value, options);
      if (queue.length === 0 && this.take(used, encoder, isLent)) return null;
      const { bytes, length, table } = encoder;
      // What is not lent may change once the call has returned. The copy is the session's own, and may be lent.
      return { bytes: bytes.slice(0, length), length, table: table.map((block) => (isLent ? block : new Uint8Array(block))) };
    } finally {
      used.free();
    }
  }

  /** Sends a packet once there is room, unless all was interrupted since. */
  private async sendLater(packet: PacketDocument, since: number): Promise<void> {
    while (this.interruptions === since) {
      const used = room();
      try {
        if (this.take(used, packet, true)) return;
      } finally {
        used.free();
      }
      await this.wait(this.roomWaiters);
    }
  }

  /** Sends an encoded packet if there is room. Outputs may come along. */
  private take(used: Room, { bytes, length, table }: PacketDocument, isLent: boolean): boolean {
    this.requireGoing();
    const isRead = this.split === null && this.arrived.length < UNREAD && this.readers > 0;
    const send = (first: number): number =>
      native().sessionSend(
        used.handle,
        this.handle,
        bytes,
        length,
        table.length === 0 ? undefined : table,
        first,
        budgetUs(),
        isRead ? MOST : 0,
      );
    const status = isLent && table.length > 0 ? lend(table, send) : send(0);
    if (status < STATUS.RM_OK) this.refuse(failure());
    const decoder = used.read();
    const fields = decoder.list();
    const taken = decoder.int();
    const before = this.arrived.length;
    this.rows(decoder, this.arrived);
    if (fields > 2) release(decoder.plain() as number[]);
    if (this.arrived.length > before) wakeAll(this.outputWaiters);
    return taken === 1;
  }

  private requireGoing(): void {
    if (this.stopped !== null) this.throwFailure(new GoneError(CANCELLED, "RM_GONE"));
  }

  /** The number of the input that a packet is sent to. */
  private input({ to }: SendOptions): number {
    const input = to === undefined ? 0 : this.inputs.indexOf(to);
    if (input >= 0) return input;
    const given = JSON.stringify(String(to));
    throw new InvalidArgumentError(
      this.inputs.some((name) => name !== "")
        ? `there is no input ${given}; there are: ${this.inputs.map((name) => JSON.stringify(name)).join(", ")}`
        : `this pipeline names no inputs; leave out to: ${given}`,
      "RM_INVALID_ARGUMENT",
    );
  }

  /** Who sends to the input that options name. Throws for options that are none. */
  private senders(options: SendOptions): SendQueue {
    if (options !== NO_OPTIONS) requireKnown("send", options, OF_SEND);
    return this.queues[this.input(options)]!;
  }

  /** Writes the document of one packet. */
  private packet(encoder: Encoder, value: Input, options: SendOptions): void {
    this.requireGoing();
    encoder.whole = options.lend === true;
    encoder.byte(0x91);
    const begin = nanoseconds("pts", options);
    const length = nanoseconds("duration", options);
    const input = this.input(options);
    const fields = input > 0 ? 4 : length !== null ? 3 : begin !== null ? 2 : 1;
    encoder.byte(0x90 | fields);
    try {
      encoder.value(value);
    } catch (problem) {
      throw refused(problem, "value");
    }
    if (fields > 1) begin === null ? encoder.nil() : encoder.int(begin);
    if (fields > 2) length === null ? encoder.nil() : encoder.int(length);
    if (fields > 3) encoder.int(input);
  }

  /** Reads rows `[value, pts, duration, seq, stream, output, item]`. */
  private rows(decoder: Decoder, into: Packet<T>[]): void {
    const { exact } = this.pipeline;
    for (let left = decoder.list(); left > 0; left--) {
      decoder.list();
      decoder.exact = exact;
      const value = decoder.value() as T;
      decoder.exact = false;
      const begin = decoder.nil() ? null : decoder.int();
      const length = decoder.nil() ? null : decoder.int();
      const seq = decoder.int() as number;
      const stream = decoder.int() as number;
      const output = decoder.int() as number;
      const item = decoder.nil() ? -1 : (decoder.int() as number);
      into.push(new Packet<T>(value, begin, length, seq, item, this.names[output]!, stream));
    }
  }

  /** The packets that were brought and not read, of all outputs or of one. */
  private unread(output: string | undefined): Packet<T>[] {
    if (output === undefined) {
      if (this.split !== null)
        throw new InvalidArgumentError(
          "the outputs of this session are read one by one: receive(name)",
          "RM_INVALID_ARGUMENT",
        );
      return this.arrived;
    }
    if (!this.chosen.includes(output))
      throw new InvalidArgumentError(
        `there is no output ${typeof output === "string" ? JSON.stringify(output) : inspect(output)}; there are: ${this.chosen.map((name) => JSON.stringify(name)).join(", ")}`,
        "RM_INVALID_ARGUMENT",
      );
    if (this.split === null) {
      this.split = new Map(this.chosen.map((name) => [name, []]));
      for (const packet of this.arrived) this.split.get(packet.output)?.push(packet);
      this.arrived = [];
    }
    let queue = this.split.get(output);
    if (queue === undefined) this.split.set(output, (queue = []));
    return queue;
  }

  private async *iterate(output?: string): AsyncGenerator<Packet<T>, void, undefined> {
    for (;;) {
      const packet = await this.receive(output);
      if (packet === undefined) return;
      yield packet;
    }
  }

  private control(document: Uint8Array): void {
    const status = native().sessionControl(this.handle, document);
    if (status < STATUS.RM_OK) this.refuse(failure());
  }

  /** Throws why a call was refused: of a session that has ended, what ended it. */
  private refuse(error: RemoteMediaError): never {
    if (error instanceof GoneError) {
      this.drain();
      this.throwFailure(error);
    }
    throw error;
  }

  /** Handles the events that are there, as far as its end: other work may have many before it. */
  private drain(): void {
    while (this.port.drain() && this.end === null);
  }

  /** The source of the input has ended before its end. What has failed before that stays the failure. */
  private abort(reason: unknown): void {
    if (this.end?.error) return;
    this.stop({ reason: reason ?? new CancelledError("the input of the session was aborted", "RM_CANCELLED") });
  }

  private stop(how: Stop): void {
    if (this.stopped !== null) return;
    this.stopped = how;
    this.arrived = [];
    this.split?.clear();
    native().sessionCancel(this.handle);
    this.wake();
    this.endInput();
  }

  /** Ends the input as a stream, unless it has ended: a source that is silent writes nothing that could be refused. */
  private endInput(): void {
    if (this.writeController === null) return;
    const message = this.stopped === null ? "the session has ended" : CANCELLED;
    const { reason } = this.failed ?? { reason: new GoneError(message, "RM_GONE") };
    this.writeController.error(reason);
  }

  /** What has ended it before its time, as those who read, send and wait get it; null if nothing has, or `cancel`. */
  private get failed(): Required<Stop> | null {
    if (this.stopped !== null) return "reason" in this.stopped ? { reason: this.stopped.reason } : null;
    const failed = this.end?.error ?? null;
    return failed === null ? null : { reason: failed };
  }

  private throwFailure(otherwise?: RemoteMediaError): void {
    const { failed } = this;
    if (failed !== null) {
      if (this.stopped === null) this.wasThrown = true;
      throw failed.reason;
    }
    if (otherwise !== undefined) throw otherwise;
  }

  private wait(waiters: (() => void)[]): Promise<void> {
    return new Promise((resolve) => waiters.push(resolve));
  }

  private wake(): void {
    wakeAll(this.roomWaiters);
    wakeAll(this.outputWaiters);
  }
}

/** An end before its time: with a reason, which those who read, send and wait get, or by `cancel`, where readers see the end. */
interface Stop {
  readonly reason?: unknown;
}

/** The document of a packet, and the memory that it refers to. */
interface PacketDocument {
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly table: readonly Uint8Array[];
}

/** What waits at an input: sends for room, and what is to happen behind them. */
interface SendQueue {
  /** Settles once all of that is done. */
  last: Promise<void>;
  length: number;
}

const CANCELLED = "the session was cancelled";
const NO_OPTIONS: SendOptions = {};
const OF_INTERRUPT: Names<{ at?: string }> = { at: true };

function wakeAll(waiters: (() => void)[]): void {
  for (const wake of waiters.splice(0)) wake();
}
