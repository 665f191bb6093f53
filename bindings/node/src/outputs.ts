/** What comes out of a pipeline: packets, and the outputs of an execution, with the errors that it let pass. */
import type { Decoder } from "./codec/decode.js";
import { STATUS } from "./constants.js";
import {
  ExecutionError,
  InvalidArgumentError,
  errorOf,
  type Detail,
  type NodeError,
  type RemoteMediaError,
} from "./errors.js";
import { lent, release } from "./loans.js";
import type { Integer, Value } from "./values.js";

/** A value with its place in the stream. */
export class Packet<T = Value> {
  constructor(
    readonly value: T,
    private readonly begin: Integer | null,
    private readonly length: Integer | null,
    /** Counts the packets of its output. */
    readonly seq: number,
    /** The number of the input that it came from: in a session the number of the sent packet. */
    readonly item: number,
    /** The name of its output. */
    readonly output: string,
    /** Counts the streams of a session, which `flush` ends. */
    readonly stream: number = 0,
  ) {}

  /** When it begins, in seconds; null if it has no place in time. */
  get pts(): number | null {
    return this.begin === null ? null : Number(this.begin) / 1e9;
  }

  /** When it begins, in nanoseconds. */
  get ptsNs(): bigint | null {
    return this.begin === null ? null : BigInt(this.begin);
  }

  /** How long it lasts, in seconds. */
  get duration(): number | null {
    return this.length === null ? null : Number(this.length) / 1e9;
  }

  get durationNs(): bigint | null {
    return this.length === null ? null : BigInt(this.length);
  }
}

interface Columns {
  values: Value[];
  items: number[];
  pts: (Integer | null)[] | null;
  durations: (Integer | null)[] | null;
  seqs: number[] | null;
}

/** The outputs of one execution, in the order of the inputs. Iterating gives the values of its only output. */
export class Outputs<T = Value> implements Iterable<T> {
  /** The errors after which a packet was dropped, as the manifest asks for: the first 100. */
  readonly skipped: readonly NodeError[];
  /** How many packets were dropped so. */
  readonly skips: number;
  /** After how many errors a node tried again. */
  readonly retries: number;

  /** @internal */
  constructor(
    private readonly columns: ReadonlyMap<string, Columns>,
    skipped: readonly NodeError[],
    skips: number,
    retries: number,
  ) {
    this.skipped = skipped;
    this.skips = skips;
    this.retries = retries;
  }

  /** The names of the outputs. */
  get names(): string[] {
    return [...this.columns.keys()];
  }

  /** The values of the only output. With several, ask for one: `of(name)`. */
  get values(): T[] {
    return this.column(undefined)[1].values as T[];
  }

  /** The values of an output. */
  of<U = T>(name: string): U[] {
    return this.column(name)[1].values as U[];
  }

  /** The values with their places, of the only output or the one of this name. */
  packets(name?: string): Packet<T>[] {
    const [output, { values, items, pts, durations, seqs }] = this.column(name);
    return values.map(
      (value, index) =>
        new Packet(
          value as T,
          pts?.[index] ?? null,
          durations?.[index] ?? null,
          seqs?.[index] ?? index,
          items[index]!,
          output,
        ),
    );
  }

  /** The values that came of one input. */
  ofItem(item: number, name?: string): T[] {
    const { values, items } = this.column(name)[1];
    return values.filter((_, index) => items[index] === item) as T[];
  }

  [Symbol.iterator](): Iterator<T> {
    return this.values[Symbol.iterator]();
  }

  private column(name: string | undefined): [string, Columns] {
    const names = [...this.columns.keys()];
    const wanted = name ?? (names.length === 1 ? names[0] : undefined);
    const found = wanted === undefined ? undefined : this.columns.get(wanted);
    if (found !== undefined) return [wanted!, found];
    const there = names.map((each) => JSON.stringify(each)).join(", ");
    throw new InvalidArgumentError(
      name === undefined
        ? `there are ${names.length} outputs: ${there}; ask for one by its name: outputs.of(${JSON.stringify(names[0] ?? "")})`
        : `there is no output ${JSON.stringify(name)}; there are: ${there}`,
      "RM_INVALID_ARGUMENT",
    );
  }
}

/** The end of a piece of work. */
export interface Completion {
  readonly outputs: Outputs;
  /** Why it failed; null if it did not. */
  readonly error: RemoteMediaError | null;
}

/** Reads a completion, with its values exact or not, and releases what it names. */
export function completion(decoder: Decoder, exact: boolean): Completion {
  let status = 0;
  let skips = 0;
  let retries = 0;
  let columns = new Map<string, Columns>();
  let errors: Detail[] = [];
  let skipped: Detail[] = [];
  let released: number[] = [];
  for (let left = decoder.mapHead(); left > 0; left--) {
    switch (decoder.string()) {
      case "status":
        status = decoder.int() as number;
        break;
      case "outputs":
        columns = outputColumns(decoder, exact);
        break;
      case "errors":
        errors = decoder.plain() as unknown as Detail[];
        break;
      case "skipped":
        skipped = decoder.plain() as unknown as Detail[];
        break;
      case "skips":
        skips = decoder.int() as number;
        break;
      case "retries":
        retries = decoder.int() as number;
        break;
      case "released":
        released = decoder.plain() as number[];
        break;
      default:
        decoder.plain();
    }
  }
  const outputs = new Outputs(columns, skipped.length === 0 ? [] : skipped.map(nodeError), skips, retries);
  const error = status === STATUS.RM_OK ? null : errorOfCompletion(status, errors, outputs);
  if (released.length > 0) release(released);
  return { outputs, error };
}

/** The error of a node from its detail. */
export function nodeError(detail: Detail): NodeError {
  return errorOf(detail, lent) as NodeError;
}

function errorOfCompletion(status: number, details: Detail[], outputs: Outputs): RemoteMediaError {
  const nodes = details.filter((detail) => detail.node_id !== undefined).map(nodeError);
  const first = details[0];
  let error: RemoteMediaError;
  if (nodes.length > 0 && status === STATUS.RM_EXECUTION_FAILED) error = nodes[0]!;
  else error = errorOf({ ...first, status, message: first?.message ?? "the work has failed" }, lent);
  if (error instanceof ExecutionError) error.errors = nodes;
  if ("outputs" in error) error.outputs = outputs;
  return error;
}

function outputColumns(decoder: Decoder, exact: boolean): Map<string, Columns> {
  const outputs = new Map<string, Columns>();
  for (let left = decoder.mapHead(); left > 0; left--) {
    const name = decoder.string()!;
    const columns: Columns = { values: [], items: [], pts: null, durations: null, seqs: null };
    for (let entries = decoder.mapHead(); entries > 0; entries--) {
      const key = decoder.string();
      if (key === "values") {
        decoder.exact = exact;
        columns.values = decoder.value() as Value[];
        decoder.exact = false;
      } else {
        const column = decoder.value();
        if (key === "items") columns.items = column as number[];
        else if (key === "pts") columns.pts = column as (Integer | null)[];
        else if (key === "durations") columns.durations = column as (Integer | null)[];
        else if (key === "seqs") columns.seqs = column as number[];
      }
    }
    outputs.set(name, columns);
  }
  return outputs;
}
