/**
 * `HostRun`: the functions of this program in one run of a pipeline. It reads calls and writes replies; host_calls.ts
 * calls the functions.
 */
import type { Decoder } from "./codec/decode.js";
import { STATUS } from "./constants.js";
import { HostCall } from "./host_calls.js";
import type { Context, HostNode, HostType } from "./host_nodes.js";
import { lend, lent } from "./loans.js";
import { native } from "./native.js";
import type { Plan } from "./plan.js";
import type { EventPort } from "./port.js";
import { ReplyRows } from "./reply_rows.js";
import { failure, room } from "./rooms.js";
import type { Place } from "./times.js";
import { abandon } from "./unawaited.js";
import type { Value } from "./values.js";

/** `[item, value, pts, duration, port]`; without a value the end of an item, without an item the end of all. */
export interface Entry extends Place {
  readonly item: number | null;
  readonly value: Value | undefined;
  readonly port: number;
}

export interface Thrown {
  readonly error: unknown;
  readonly entry: number;
  readonly node: number;
  /** Whether it ends the work whatever `on_error` says: a node could not be made. */
  readonly endsRun?: boolean;
}

export interface Link {
  readonly type: HostType;
  readonly id: string;
  readonly node: HostNode;
}

/** The nodes of one run of a pipeline that this program runs. */
export class HostRun {
  private readonly nodes = new Map<string, { node: HostNode; epoch: number }>();

  constructor(
    readonly port: EventPort,
    readonly token: number,
    readonly exact: boolean,
    /** It outlives the pipeline, which may be closed before the run ends. */
    private readonly plan: Plan,
    /** Whether the thread waits for the run, so that nothing asynchronous can happen. */
    readonly isBlocking: boolean,
  ) {}

  /** Serves a call whose content the decoder reads next. */
  serve(id: number, decoder: Decoder): void {
    let chain: [number, string][] = [];
    let entries: Entry[] = [];
    let epoch = 0;
    for (let left = decoder.mapHead(); left > 0; left--) {
      const key = decoder.string();
      if (key === "nodes") chain = decoder.plain() as unknown as [number, string][];
      else if (key === "entries") entries = this.entries(decoder);
      else if (key === "epoch") epoch = decoder.int() as number;
      else decoder.plain();
    }
    const links: Link[] = [];
    try {
      for (const [token, nodeId] of chain) {
        const type = lent(token) as HostType;
        links.push({ type, id: nodeId, node: this.node(type, nodeId, epoch) });
      }
    } catch (error) {
      this.reply(id, new ReplyRows(this.exact), true, { error, entry: 0, node: links.length, endsRun: true });
      return;
    }
    const call = new HostCall(this, id, links, entries);
    this.port.calls.set(id, call);
    call.run();
  }

  /** The run has ended. */
  close(): void {
    for (const [id, { node }] of this.nodes) closeNode(id, node);
    this.nodes.clear();
  }

  /** @param at the place of the packet, which is another one than that of the entry behind nodes that give one */
  context(call: HostCall, link: Link, entry: Entry, at: Place): Context {
    return {
      nodeId: link.id,
      nodeType: link.type.name,
      params: this.plan.nodes.find(({ id }) => id === link.id)?.params ?? {},
      item: entry.item ?? -1,
      input: link.type.inputs[entry.port] ?? link.type.inputs[0]!,
      pts: at.pts === null ? null : Number(at.pts) / 1e9,
      ptsNs: at.pts === null ? null : BigInt(at.pts),
      duration: at.duration === null ? null : Number(at.duration) / 1e9,
      durationNs: at.duration === null ? null : BigInt(at.duration),
      get signal() {
        return call.signal;
      },
    };
  }

  private node(type: HostType, id: string, epoch: number): HostNode {
    const known = this.nodes.get(id);
    if (known !== undefined && (known.epoch === epoch || !type.hasState)) return known.node;
    if (known !== undefined) closeNode(id, known.node);
    const node = type.create();
    this.nodes.set(id, { node, epoch });
    return node;
  }

  private entries(decoder: Decoder): Entry[] {
    const count = decoder.list();
    const entries = new Array<Entry>(count);
    for (let index = 0; index < count; index++) {
      const fields = decoder.list();
      const item = fields > 0 ? (decoder.int() as number) : null;
      let value: Value | undefined;
      if (fields > 1) {
        decoder.exact = this.exact;
        value = decoder.value();
        decoder.exact = false;
      }
      const pts = fields > 2 && !decoder.nil() ? decoder.int() : null;
      const duration = fields > 3 && !decoder.nil() ? decoder.int() : null;
      const port = fields > 4 ? (decoder.int() as number) : 0;
      entries[index] = { item, value, pts, duration, port };
    }
    return entries;
  }

  /** Makes a reply of these rows, which are gone then. Returns its status. */
  reply(id: number, rows: ReplyRows, isFinal: boolean, thrown: Thrown | null): number {
    const used = room();
    const { encoder } = used;
    try {
      encoder.mapHead(thrown === null ? 2 : 3);
      encoder.text("outputs");
      rows.moveTo(encoder);
      encoder.text("final");
      encoder.byte(isFinal ? 0xc3 : 0xc2);
      const call = (first: number): number =>
        native().portReply(
          used.handle,
          this.port.handle,
          id,
          encoder.bytes,
          encoder.length,
          used.given,
          first,
          false,
        );
      const status =
        thrown === null
          ? used.lend(call)
          : lend([thrown.error], (token) => {
              encoder.text("error");
              encoder.value(described(thrown, token));
              return used.lend(call);
            });
      if (status >= STATUS.RM_OK) return status;
      const error = failure();
      if (status === STATUS.RM_GONE || status === STATUS.RM_SHUT_DOWN) return STATUS.RM_GONE;
      throw error;
    } finally {
      used.free();
    }
  }
}

/** What a reply has about what was thrown, which is lent under this number. */
function described({ error, entry, node, endsRun }: Thrown, token: number): Record<string, unknown> {
  return { entry, node, ...describe(error), chain: behind(error), token, ends_run: endsRun === true };
}

/** Nothing waits for what this throws, so it becomes a warning. */
function closeNode(id: string, node: HostNode): void {
  const failed = (error: unknown): void =>
    process.emitWarning(`the node ${id} threw when it was closed: ${text(error)}`, "RemoteMediaWarning");
  try {
    abandon(node.close?.(), failed);
  } catch (error) {
    failed(error);
  }
}

/** What an error says of itself. Its properties are the program's own, and may be anything, or throw. */
function describe(error: unknown): { type: string; message: string } {
  try {
    if (error instanceof Error) return { type: text(error.name), message: text(error.message) };
    return { type: error === null ? "null" : typeof error, message: text(error) };
  } catch {
    return { type: "Error", message: UNREADABLE };
  }
}

function behind(error: unknown): string[] {
  const chain: string[] = [];
  try {
    let cause: unknown = error instanceof Error ? error.cause : undefined;
    for (; cause !== undefined && chain.length < 16; cause = cause instanceof Error ? cause.cause : undefined) {
      const { type, message } = describe(cause);
      chain.push(message === "" ? type : `${type}: ${message}`);
    }
  } catch {
    // The rest of them can't be read.
  }
  return chain;
}

const LONGEST = 2000;
const UNREADABLE = "its message can't be made";

function text(value: unknown): string {
  let written: string;
  try {
    written = String(value).toWellFormed();
  } catch {
    return UNREADABLE;
  }
  return written.length <= LONGEST
    ? written
    : `${written.slice(0, LONGEST).toWellFormed()}... (${written.length - LONGEST} more characters)`;
}
