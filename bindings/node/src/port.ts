/**
 * `EventPort`: where work is submitted, and where its completions and the calls to functions of this program arrive.
 *
 * The runtime never calls into JavaScript: it queues events, and the loop notices when some are there. The port keeps the
 * loop alive as long as something is under way.
 */
import type { Decoder } from "./codec/decode.js";
import { EVENT, STATUS } from "./constants.js";
import type { Detail, RemoteMediaError } from "./errors.js";
import { release } from "./loans.js";
import { native, type PortHandle, type RuntimeHandle } from "./native.js";
import { completion, nodeError, type Completion } from "./outputs.js";
import { done, failure, made, room } from "./rooms.js";
import { turned } from "./turns.js";

/** What was submitted to a port and has not ended. */
export interface Work {
  /** How its values are read. */
  readonly exact: boolean;
  completed(end: Completion): void;
  /** A call to functions of this program; null if there are none. */
  call?(call: number, content: Decoder): void;
  room?(): void;
  outputs?(): void;
  skipped?(error: RemoteMediaError, isFirst: boolean): void;
}

/** A call to functions of this program whose last reply has not been made. */
export interface OpenCall {
  readonly token: number;
  /** There is room for more of the reply. */
  resume(): void;
  /** The reply is not wanted any more. */
  cancel(): void;
}

/** The most batches of events that are handled before the loop gets to do something else. */
const BATCHES = 16;

let nextToken = 1;

/** Ports with work under way: those who wait for it may be referred to by nothing else. */
const busy = new Set<EventPort>();

export class EventPort {
  readonly handle: PortHandle;
  readonly calls = new Map<number, OpenCall>();
  private readonly works = new Map<number, Work>();
  private isHeld = false;
  private mayHold = true;
  private isOver = false;

  /** @param isWatched whether the loop announces its events; else only `wait` hands them out. */
  constructor(
    // A runtime that is collected ends its work.
    readonly runtime: RuntimeHandle,
    private readonly isWatched = true,
  ) {
    // The addon refers to the callback; with it alone an unused port can be collected.
    const self = new WeakRef(this);
    this.handle = made(native().portNew(runtime, isWatched ? () => self.deref()?.announced() : undefined));
  }

  /** A number for work that is about to begin. */
  token(): number {
    return nextToken++;
  }

  begin(token: number, work: Work): void {
    this.works.set(token, work);
    this.hold();
  }

  /** Whether work that is under way keeps the loop alive. */
  keepAlive(wanted: boolean): void {
    this.mayHold = wanted;
    this.hold();
  }

  cancel(token: number): void {
    // Work that has ended is none that could be cancelled.
    native().portCancel(this.handle, token);
  }

  /** The loop has found events. */
  announced(): void {
    turned();
    this.drain();
  }

  /** Handles events that are there. Returns whether there may be more. */
  drain(): boolean {
    for (let batch = 0; batch < BATCHES; batch++) if (!this.next(0)) return false;
    return true;
  }

  /** Waits for events and handles them. */
  wait(timeoutUs = -1): void {
    this.next(timeoutUs);
  }

  /** Ends what is under way; its completions still come. */
  shutdown(): void {
    done(native().portShutdown(this.handle));
  }

  /** Frees it. What has not ended is cancelled. */
  close(): void {
    if (this.isOver) return;
    this.isOver = true;
    native().portClose(this.handle);
  }

  /** Handles one batch. Returns whether there was one, and there may be another. */
  private next(timeoutUs: number): boolean {
    if (this.isOver) return false;
    const used = room();
    try {
      const status = native().portNext(used.handle, this.handle, timeoutUs);
      if (status < STATUS.RM_OK) throw failure();
      const decoder = used.read();
      const count = decoder.list();
      for (let index = 0; index < count; index++) this.event(decoder);
      return count > 0 && status === STATUS.RM_OK;
    } finally {
      used.free();
    }
  }

  private event(decoder: Decoder): void {
    let fields = decoder.list() - 1;
    const kind = decoder.int();
    if (kind === EVENT.RELEASED) {
      release(decoder.plain() as number[]);
      return;
    }
    if (fields === 0) return;
    const token = decoder.int() as number;
    const work = this.works.get(token);
    switch (kind) {
      case EVENT.COMPLETED: {
        const end = completion(decoder, work?.exact ?? false);
        this.works.delete(token);
        this.hold();
        for (const [id, call] of this.calls) if (call.token === token) this.over(id);
        work?.completed(end);
        return;
      }
      case EVENT.CALL:
        this.call(token, decoder);
        return;
      case EVENT.ROOM:
        work?.room?.();
        return;
      case EVENT.OUTPUTS:
        work?.outputs?.();
        return;
      case EVENT.REPLY_ROOM:
        this.calls.get(token)?.resume();
        return;
      case EVENT.CALL_OVER:
        this.over(token);
        return;
      case EVENT.SKIPPED: {
        const detail = decoder.plain() as unknown as Detail;
        const isFirst = decoder.plain() === true;
        work?.skipped?.(nodeError(detail), isFirst);
        return;
      }
      default:
        for (fields--; fields > 0; fields--) decoder.plain();
    }
  }

  private call(id: number, decoder: Decoder): void {
    // The job is the first entry of the content.
    const begin = decoder.at;
    let job = 0;
    if (decoder.mapHead() > 0 && decoder.string() === "job") job = decoder.int() as number;
    decoder.at = begin;
    const work = this.works.get(job);
    if (work?.call !== undefined) work.call(id, decoder);
    else decoder.plain();
  }

  private over(id: number): void {
    const call = this.calls.get(id);
    this.calls.delete(id);
    call?.cancel();
  }

  /** Keeps the loop alive while something is under way. */
  private hold(): void {
    if (this.works.size > 0) busy.add(this);
    else busy.delete(this);
    const isHeld = this.mayHold && this.works.size > 0;
    if (isHeld === this.isHeld || !this.isWatched) return;
    this.isHeld = isHeld;
    native().portHold(this.handle, isHeld);
  }
}
