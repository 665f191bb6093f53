/** `Pipeline`: a compiled manifest, and the ways to run it. */
import { isDeepStrictEqual, types } from "node:util";
import { encode } from "./convert.js";
import { STATUS } from "./constants.js";
import { GoneError, InvalidArgumentError } from "./errors.js";
import { HostRun } from "./host_run.js";
import { HostType, defined, type NodeDefinition, type NodeFunction } from "./host_nodes.js";
import { requireKnown, requireSignal, type Names } from "./known_options.js";
import { lend } from "./loans.js";
import { Graph, GraphNode, type Manifest } from "./manifest.js";
import { native, type PipelineHandle } from "./native.js";
import { completion, type Completion, type Outputs } from "./outputs.js";
import type { Plan } from "./plan.js";
import type { EventPort, Work } from "./port.js";
import { called, failure, made, room, write } from "./rooms.js";
import { Runtime } from "./runtime.js";
import { Session } from "./session.js";
import { controlDocument, type SessionOptions } from "./session_options.js";
import { microseconds } from "./times.js";
import { budgetUs, turn } from "./turns.js";
import { isPlain, type Input, type Value } from "./values.js";

export interface PipelineOptions {
  /** Types of node that this program runs, by the name that the manifest uses. */
  nodes?: Readonly<Record<string, NodeFunction | NodeDefinition>>;
  /**
   * Tells ints from floats: ints are BigInts, numbers are floats, maps are `Map`s, in both directions and for functions of
   * this program. Without it numbers are what JavaScript has: 1.0 is 1, and goes in as the int 1.
   */
  exact?: boolean;
  /** By default `Runtime.default`. */
  runtime?: Runtime;
}

export interface ExecuteOptions {
  /** Cancels the work; what is thrown then is its reason. */
  signal?: AbortSignal;
  /** How long it may take. */
  timeoutMs?: number;
  /** Does no work on this thread, not even what is short: all of it is left to the threads of the runtime. */
  background?: boolean;
}

const OF_PIPELINE: Names<PipelineOptions> = { nodes: true, exact: true, runtime: true };
const OF_EXECUTE: Names<ExecuteOptions> = { signal: true, timeoutMs: true, background: true };
const OF_EXECUTE_SYNC: Names<Pick<ExecuteOptions, "timeoutMs">> = { timeoutMs: true };

/** One input for each item; by their names, in an object or a Map, where the manifest names inputs; none for a graph of sources. */
export type Inputs =
  | Iterable<Input>
  | Readonly<Record<string, Iterable<Input>>>
  | ReadonlyMap<string, Iterable<Input>>
  | null;

/** A pipeline, validated and planned. It may run any number of times, also at the same time. */
export class Pipeline {
  readonly exact: boolean;
  readonly runtime: Runtime;
  private readonly made: PipelineHandle;
  private readonly hasHostNodes: boolean;
  private isClosed = false;
  private knownPlan: Plan | null = null;

  /** @param manifest text in JSON or YAML, an object, or a `Graph` */
  constructor(manifest: string | Manifest | Graph, options: PipelineOptions = {}) {
    requireKnown("Pipeline", options, OF_PIPELINE);
    this.runtime = options.runtime ?? Runtime.default;
    this.exact = options.exact ?? false;
    const types = hostTypes(manifest instanceof Graph ? manifest.definitions : {}, options.nodes ?? {});
    this.hasHostNodes = types.length > 0;
    const make = (settings?: Uint8Array): PipelineHandle | number =>
      native().pipelineNew(this.runtime.handle, source(manifest), settings);
    const declared = (first: number): Record<string, unknown> =>
      Object.fromEntries(types.map((type, index) => [type.name, type.declaration(first + index)]));
    this.made = made(
      this.hasHostNodes ? lend(types, (first) => make(controlDocument({ host_nodes: declared(first) }))) : make(),
    );
  }

  /** @internal */
  get handle(): PipelineHandle {
    if (this.isClosed) throw new GoneError("the pipeline is closed; make another one", "RM_GONE");
    return this.made;
  }

  /** What runs where, and what the planner has inserted. */
  get plan(): Plan {
    return (this.knownPlan ??= called<Plan>((into) => native().pipelineDescribe(into, this.handle)));
  }

  /** Runs it on inputs, one item each. Memory of 16 KiB and more is lent: leave it unchanged until the promise settles. */
  async execute<T = Value>(inputs: Inputs = null, options: ExecuteOptions = {}): Promise<Outputs<T>> {
    requireKnown("execute", options, OF_EXECUTE);
    const { signal } = options;
    requireSignal(signal);
    signal?.throwIfAborted();
    const { port } = this.runtime;
    const started = this.submit(port, inputs, options.timeoutMs, options.background === true ? 0 : budgetUs(), signal);
    if (typeof started !== "number") {
      const due = turn();
      if (due !== null) await due;
      return settle<T>(started);
    }
    const token = started;
    return new Promise<Outputs<T>>((resolve, reject) => {
      const cancel = (): void => port.cancel(token);
      signal?.addEventListener("abort", cancel, { once: true });
      port.begin(
        token,
        this.work(port, token, false, (end) => {
          signal?.removeEventListener("abort", cancel);
          if (end.error === null) resolve(end.outputs as Outputs<unknown> as Outputs<T>);
          else reject(signal?.aborted && end.error.code === "RM_CANCELLED" ? signal.reason : end.error);
        }),
      );
    });
  }

  /** As `execute`, while this thread waits: for scripts, and for Workers with nothing else to do. */
  executeSync<T = Value>(inputs: Inputs = null, options: Pick<ExecuteOptions, "timeoutMs"> = {}): Outputs<T> {
    requireKnown("executeSync", options, OF_EXECUTE_SYNC);
    if (!this.hasHostNodes) return settle<T>(this.block(inputs, options.timeoutMs));
    const port = this.runtime.waiting;
    const started = this.submit(port, inputs, options.timeoutMs, 0);
    if (typeof started !== "number") return settle<T>(started);
    let end: Completion | null = null;
    port.begin(
      started,
      this.work(port, started, true, (given) => (end = given)),
    );
    while (end === null) port.wait();
    return settle<T>(end);
  }

  /** Opens a session: a stream that is fed and read while it runs. */
  session<T = Value>(options: SessionOptions = {}): Session<T> {
    return new Session<T>(this, options);
  }

  /**
   * Frees it; what is under way continues. A pipeline that is not used any more is freed by the collector as well, unless a
   * function of its nodes refers to it: the runtime refers to the functions.
   */
  close(): void {
    this.isClosed = true;
    native().close(this.made);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** @internal The functions of this program in one run. */
  host(port: EventPort, token: number, isBlocking: boolean): HostRun | null {
    if (!this.hasHostNodes) return null;
    return new HostRun(port, token, this.exact, this.plan, isBlocking);
  }

  private work(port: EventPort, token: number, isBlocking: boolean, completed: (end: Completion) => void): Work {
    const host = this.host(port, token, isBlocking);
    return {
      exact: this.exact,
      completed(end) {
        host?.close();
        completed(end);
      },
      ...(host === null ? {} : { call: (id, content) => host.serve(id, content) }),
    };
  }

  /** Submits work. Returns its end, if it has come already, else its token. */
  private submit(
    port: EventPort,
    inputs: Inputs,
    timeoutMs: number | undefined,
    budgetUs: number,
    signal?: AbortSignal,
  ): Completion | number {
    const used = room(this.exact);
    try {
      const { encoder } = used;
      write(encoder, listed(inputs), "inputs");
      // Iterables and getters of the inputs are code of the program, which may have aborted it.
      signal?.throwIfAborted();
      const token = port.token();
      const status = used.lend((first) =>
        native().pipelineSubmit(
          used.handle,
          this.handle,
          port.handle,
          token,
          encoder.bytes,
          encoder.length,
          used.given,
          first,
          microseconds("timeoutMs", timeoutMs) ?? -1,
          budgetUs,
        ),
      );
      if (status < STATUS.RM_OK) throw failure();
      return status === STATUS.RM_PENDING ? token : completion(used.read(), this.exact);
    } finally {
      used.free();
    }
  }

  private block(inputs: Inputs, timeoutMs: number | undefined): Completion {
    const used = room(this.exact);
    try {
      const { encoder } = used;
      write(encoder, listed(inputs), "inputs");
      const status = used.lend((first) =>
        native().pipelineExecute(
          used.handle,
          this.handle,
          encoder.bytes,
          encoder.length,
          used.given,
          first,
          microseconds("timeoutMs", timeoutMs) ?? -1,
        ),
      );
      if (status < STATUS.RM_OK) throw failure();
      return completion(used.read(), this.exact);
    } finally {
      used.free();
      this.runtime.released();
    }
  }
}

/** The types of node that this program runs: those of a graph and those of the options, where none may stand for another. */
function hostTypes(ofGraph: Graph["definitions"], given: NonNullable<PipelineOptions["nodes"]>): HostType[] {
  const types = Object.entries(ofGraph).map(([name, definition]) => new HostType(name, definition));
  for (const [name, definition] of Object.entries(given)) {
    if (!Object.hasOwn(ofGraph, name)) types.push(new HostType(name, definition));
    else if (!isDeepStrictEqual(ofGraph[name], defined(name, definition)))
      throw new InvalidArgumentError(
        `the graph has a node type '${name}' of its own, and the option nodes another one; ` +
          'give one of them another name: node(function, { type: "Other" })',
        "RM_INVALID_ARGUMENT",
      );
  }
  return types;
}

/** A manifest as the library takes it: text as it is, objects as a document, whose problems have no lines. */
function source(manifest: string | Manifest | Graph): Uint8Array {
  if (typeof manifest === "string") return Buffer.from(manifest);
  const given: unknown = manifest;
  if (typeof given !== "object" || given === null || Array.isArray(given) || given instanceof GraphNode)
    throw new InvalidArgumentError(
      "a manifest is text, an object or a Graph; of nodes it is made by new Graph().chain(first, second)",
      "RM_INVALID_ARGUMENT",
    );
  return encode((manifest instanceof Graph ? manifest.toJSON() : manifest) as unknown as Input).bytes;
}

function settle<T>(end: Completion): Outputs<T> {
  if (end.error !== null) throw end.error;
  return end.outputs as Outputs<unknown> as Outputs<T>;
}

/** Inputs as a value: lists in place of other iterables, by their names where they have some. */
function listed(inputs: Inputs): unknown {
  if (inputs === null) return null;
  const list = listOf(inputs);
  if (list !== null) return list;
  const given: unknown = inputs;
  const named = types.isMap(given) ? given : typeof given === "object" && isPlain(given!) ? Object.entries(given!) : null;
  if (named === null)
    throw new InvalidArgumentError(
      "inputs are a list with one value for each item: execute([value])",
      "RM_INVALID_ARGUMENT",
    );
  const lists = new Map<unknown, readonly unknown[]>();
  for (const [name, values] of named) {
    const list = listOf(values);
    if (list === null)
      throw new InvalidArgumentError(
        `the input '${String(name)}' is a list with one value for each item: execute({ ${String(name)}: [value] })`,
        "RM_INVALID_ARGUMENT",
      );
    lists.set(name, list);
  }
  return lists;
}

/** The values of a list or of another iterable; null for what is one value: text, an array of numbers, a map. */
function listOf(given: unknown): readonly unknown[] | null {
  if (Array.isArray(given)) return given;
  if (typeof given !== "object" || given === null || ArrayBuffer.isView(given) || types.isMap(given)) return null;
  return Symbol.iterator in given ? [...(given as Iterable<unknown>)] : null;
}
