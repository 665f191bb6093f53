/**
 * The errors of the library, one class for each status. Their text is the library's; their fields are those of its detail.
 */
import { STATUS, STATUS_NAMES, type StatusName } from "./constants.js";
import type { Outputs } from "./outputs.js";

/** One mistake in a manifest. */
export interface Problem {
  /** The place in the manifest, such as `nodes[2].params.rate`. */
  readonly path: string;
  readonly message: string;
  /** Counted from 1, where the manifest was text. */
  readonly line?: number;
  readonly column?: number;
  readonly expected?: unknown;
  readonly got?: unknown;
  /** What to write instead. */
  readonly suggestion?: string;
}

/** What the library knows of a failure. */
export interface Detail {
  readonly status: number;
  readonly message: string;
  readonly cause?: string;
  readonly cure?: string;
  readonly node_id?: string;
  readonly node_type?: string;
  readonly item?: number;
  readonly input?: string;
  readonly position_ns?: number | bigint;
  readonly chain?: string[];
  readonly host_token?: number;
  readonly problems?: Problem[];
  readonly released?: number[];
}

/** The base of all errors of this package. */
export class RemoteMediaError extends Error {
  /** The name of the status, such as `RM_TIMED_OUT`. */
  readonly code: StatusName | "RM_LIBRARY";
  /** The status; 0 if the error comes from this package alone. */
  readonly status: number;
  /** The sentence without its cure. */
  readonly reason: string | null = null;
  /** What helps. */
  readonly cure: string | null = null;
  /** The causes of the cause, the nearest first. */
  readonly chain: readonly string[] = [];

  constructor(message: string, code: StatusName | "RM_LIBRARY", detail?: Partial<Detail>, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.status = code === "RM_LIBRARY" ? 0 : STATUS[code];
    if (detail !== undefined) {
      this.reason = detail.cause ?? null;
      this.cure = detail.cure ?? null;
      this.chain = detail.chain ?? [];
    }
  }

  override get name(): string {
    return this.constructor.name;
  }
}

/** The shared library or the addon can't be loaded, or has another version than this package needs. */
export class LibraryError extends RemoteMediaError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, "RM_LIBRARY", undefined, options);
  }
}

/** An argument is outside its range. */
export class InvalidArgumentError extends RemoteMediaError {}

/** A manifest is refused. */
export class ManifestError extends RemoteMediaError {
  /** Everything that is wrong with it, the first 100 mistakes. */
  readonly problems: readonly Problem[];

  constructor(message: string, code: StatusName, detail: Partial<Detail> = {}, options?: ErrorOptions) {
    super(message, code, detail, options);
    this.problems = detail.problems ?? [];
  }
}

/** A value can't cross between JavaScript and the runtime; the message names its place. */
export class InvalidDocumentError extends RemoteMediaError {}

/** An execution failed. */
export class ExecutionError extends RemoteMediaError {
  /** What had come out until then; null if nothing is known. */
  outputs: Outputs | null = null;
  /** Every error of a node, in the order in which they happened. */
  errors: readonly NodeError[] = [];
}

/** A node failed. If it is a function of this program, `cause` is what it threw: the same object. */
export class NodeError extends ExecutionError {
  readonly nodeId: string | null;
  readonly nodeType: string | null;
  /** The number of the input, from 0. */
  readonly item: number | null;
  /** The file name of the input. */
  readonly input: string | null;
  /** The place in the media time of the input, in nanoseconds. */
  readonly positionNs: bigint | null;

  constructor(message: string, code: StatusName, detail: Partial<Detail> = {}, options?: ErrorOptions) {
    super(message, code, detail, options);
    this.nodeId = detail.node_id ?? null;
    this.nodeType = detail.node_type ?? null;
    this.item = detail.item ?? null;
    this.input = detail.input ?? null;
    this.positionNs = detail.position_ns === undefined ? null : BigInt(detail.position_ns);
  }
}

/** The work was cancelled, other than by a signal, whose reason is thrown instead. */
export class CancelledError extends RemoteMediaError {
  outputs: Outputs | null = null;
}

/** The work did not end within its timeout. */
export class TimedOutError extends RemoteMediaError {
  outputs: Outputs | null = null;
}

/** The runtime or its port is shut down. */
export class ShutDownError extends RemoteMediaError {
  outputs: Outputs | null = null;
}

/** What is referred to has already ended. */
export class GoneError extends RemoteMediaError {}

/** The pipeline panicked earlier and takes no more work; make it anew. */
export class PoisonedError extends ExecutionError {}

/** A defect in the library; only this execution is lost. Please report it. */
export class PanicError extends ExecutionError {}

/** A handle of the parent process was used after a fork. */
export class ForkedError extends RemoteMediaError {}

/** The system gave no memory, thread or descriptor. */
export class OutOfResourcesError extends RemoteMediaError {}

/** Something is larger than a limit of the runtime. */
export class LimitExceededError extends ExecutionError {}

/** This system or this build can't do it. */
export class UnsupportedError extends RemoteMediaError {}

type ErrorClass = new (
  message: string,
  code: StatusName,
  detail?: Partial<Detail>,
  options?: ErrorOptions,
) => RemoteMediaError;

const CLASSES: Partial<Record<StatusName, ErrorClass>> = {
  RM_INVALID_ARGUMENT: InvalidArgumentError,
  RM_INVALID_MANIFEST: ManifestError,
  RM_INVALID_DOCUMENT: InvalidDocumentError,
  RM_EXECUTION_FAILED: ExecutionError,
  RM_CANCELLED: CancelledError,
  RM_TIMED_OUT: TimedOutError,
  RM_SHUT_DOWN: ShutDownError,
  RM_GONE: GoneError,
  RM_POISONED: PoisonedError,
  RM_PANIC: PanicError,
  RM_FORKED: ForkedError,
  RM_OUT_OF_RESOURCES: OutOfResourcesError,
  RM_LIMIT_EXCEEDED: LimitExceededError,
  RM_UNSUPPORTED: UnsupportedError,
};

/** The error of a status. `thrown` finds the object that a function of this program threw, by its number. */
export function errorOf(detail: Detail, thrown: (token: number) => unknown): RemoteMediaError {
  const code = STATUS_NAMES.get(detail.status) ?? "RM_INVALID_ARGUMENT";
  const token = detail.host_token;
  const options = token === undefined ? undefined : { cause: thrown(token) };
  let kind = CLASSES[code] ?? RemoteMediaError;
  if (kind === ExecutionError && detail.node_id !== undefined) kind = NodeError;
  return new kind(detail.message, code, detail, options);
}
