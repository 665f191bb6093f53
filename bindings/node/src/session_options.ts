/** The options of a session and of a send, and the metrics of a session. */
import { encode } from "./convert.js";
import type { Names } from "./known_options.js";
import { microseconds } from "./times.js";
import type { Input, Integer, Value } from "./values.js";

/** How a session is opened. */
export interface SessionOptions {
  /** The outputs that are handed out, by default all; the others are dropped. */
  outputs?: readonly string[];
  /** Bounds of the queue at each input and output: by default 64 packets, 8 MiB and 5000 ms of media time. */
  buffer?: { packets?: number; bytes?: number; ms?: number };
  /** How long the session may last. */
  deadlineMs?: number;
  /** A packet, and what is made of it, is dropped once this much time has passed since it was sent. */
  packetDeadlineMs?: number;
  /** The clock shows the media time that has arrived, for tests. */
  clock?: "virtual";
  /** Records the steps of the session for `trace`. */
  trace?: boolean;
  /** Cancels the session; what waits is rejected with its reason. */
  signal?: AbortSignal;
}

export interface SendOptions {
  /** When the packet begins, in seconds; by default the time of the value. */
  pts?: number | null;
  ptsNs?: Integer | null;
  /** How long it lasts, in seconds. */
  duration?: number | null;
  durationNs?: Integer | null;
  /** The name of the input, where the manifest names several. */
  to?: string;
  /** Lends memory of 16 KiB and more in place of copying it: leave it unchanged until the session has ended. */
  lend?: boolean;
}

export const OF_SESSION: Names<SessionOptions> = {
  outputs: true,
  buffer: true,
  deadlineMs: true,
  packetDeadlineMs: true,
  clock: true,
  trace: true,
  signal: true,
};

export const OF_SEND: Names<SendOptions> = {
  pts: true,
  ptsNs: true,
  duration: true,
  durationNs: true,
  to: true,
  lend: true,
};

/** What each node has done and waits for; docs/abi.md describes it. */
export interface Metrics {
  readonly sent: number;
  readonly nodes: readonly (Record<string, Value> & { readonly id: string })[];
  readonly edges: readonly Record<string, Value>[];
  readonly lag: Record<string, number>;
  readonly unread: Record<string, number>;
}

/** Options as the library takes them. */
export function settings({ outputs, buffer, deadlineMs, packetDeadlineMs, clock, trace }: SessionOptions): Uint8Array {
  const deadline = microseconds("deadlineMs", deadlineMs);
  const packetDeadline = microseconds("packetDeadlineMs", packetDeadlineMs);
  return controlDocument({
    ...(outputs === undefined ? {} : { outputs }),
    ...(buffer === undefined ? {} : { buffer }),
    ...(deadline === null ? {} : { deadline_us: deadline }),
    ...(packetDeadline === null ? {} : { packet_deadline_us: packetDeadline }),
    ...(clock === undefined ? {} : { clock }),
    ...(trace === undefined ? {} : { trace }),
  });
}

/** A small document. JSON would make null of NaN, and has no BigInt. */
export function controlDocument(document: Record<string, unknown>): Uint8Array {
  return encode(document as Input).bytes;
}
