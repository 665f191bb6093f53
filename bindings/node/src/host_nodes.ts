/**
 * Nodes of one's own: what a function may be, and how the runtime knows of it. host_run.ts reads the calls, host_calls.ts serves them.
 */
import { InvalidArgumentError } from "./errors.js";
import { requireKnown, type Names } from "./known_options.js";
import { nanoseconds, type Place } from "./times.js";
import { abandon } from "./unawaited.js";
import type { Input, Integer } from "./values.js";

/** Where a packet is, for the function that gets it. */
export interface Context {
  readonly nodeId: string;
  readonly nodeType: string;
  /** The params that the manifest gives the node. */
  readonly params: Readonly<Record<string, unknown>>;
  /** The number of the input, in a session that of the sent packet. */
  readonly item: number;
  /** The name of the port that the packet has come to. */
  readonly input: string;
  /** When the packet begins, in seconds. */
  readonly pts: number | null;
  readonly ptsNs: bigint | null;
  readonly duration: number | null;
  readonly durationNs: bigint | null;
  /** Aborted when the result is not wanted any more. */
  readonly signal: AbortSignal;
}

/**
 * What a node does with a value: it returns the value for the next node; `undefined` for none; a promise of these; or as a
 * (async) generator any number of them, each of which leaves before the next is made. What it throws fails the node, and
 * is the `cause` of the error: the same object.
 *
 * Memory of 16 KiB and more that it gives is not copied: leave it unchanged, and return a copy of an array that is filled again.
 */
export type NodeFunction = (value: any, context: Context) => unknown;

/**
 * What a node does with the values that have come together: it returns a list with one result for each, as a `NodeFunction`
 * does, or a promise of it. If it throws for several values it is called again with each alone, so that the error names the
 * one at fault, and what became of the others is kept.
 */
export type BatchFunction = (
  values: any[],
  contexts: Context[],
) => readonly unknown[] | PromiseLike<readonly unknown[]>;

/** A node with state. There is one for each node of each run; an interruption makes it anew. */
export interface HostNode {
  process?: NodeFunction;
  /** In place of `process`, for what costs less for several at once. */
  processMany?: BatchFunction;
  /** Gives what is held back, at the end of an item: as `process`, without a value. */
  flush?(context: Context): unknown;
  /** The run has ended, or was interrupted. */
  close?(): void;
}

export interface NodeOptions {
  /** The most packets in one call, 32 by default. */
  batch?: number;
  /** How long a call with fewer packets waits for more. */
  maxWaitMs?: number;
  /** The names of the inputs, the default one first; `in` by default. */
  inputs?: readonly string[];
  /** The names of the outputs, the default one first; `out` by default. */
  outputs?: readonly string[];
}

/** A type of node that this program runs: a function, or what makes a node with state for each run. */
export type NodeDefinition = NodeOptions &
  (
    | { process: NodeFunction; processMany?: never; create?: never }
    | { processMany: BatchFunction; process?: never; create?: never }
    | { create: () => HostNode; process?: never; processMany?: never }
  );

/** What goes with a value that a function gives. */
export interface EmitOptions {
  /** When it begins, in seconds; by default the time of the value, or of the packet that it is made of. */
  pts?: number | null;
  ptsNs?: Integer | null;
  /** How long it lasts, in seconds. */
  duration?: number | null;
  durationNs?: Integer | null;
  /** The name of the output, by default the first. */
  output?: string;
}

const OF_EMIT: Names<EmitOptions> = { pts: true, ptsNs: true, duration: true, durationNs: true, output: true };

/** A value with a place or an output of its own, as a function may return or yield it. */
export class Emission {
  /** @internal The place that it is given; null for none. */
  readonly place: Place | null;

  constructor(
    readonly value: Input,
    readonly options: EmitOptions,
  ) {
    requireKnown("emit", options, OF_EMIT);
    const pts = nanoseconds("pts", options);
    const duration = nanoseconds("duration", options);
    this.place = pts === null && duration === null ? null : { pts, duration };
  }
}

/** Gives a value a place in time (in seconds) or another output than the first: `yield emit(value, { output: "events" })`. */
export function emit(value: Input, options: EmitOptions = {}): Emission {
  return new Emission(value, options);
}

/** The most packets in one call, unless a node says otherwise. */
const BATCH = 32;

export const OF_NODE: Names<NodeOptions> = { batch: true, maxWaitMs: true, inputs: true, outputs: true };
const OF_DEFINITION = { process: true, processMany: true, create: true, ...OF_NODE } as const;

/** A definition with one function and known options. Throws `InvalidArgumentError` for others. @param type for the message */
export function defined(type: string, given: NodeFunction | NodeDefinition): NodeDefinition {
  if (typeof given === "function") return { process: given };
  const node = `the node type '${type}'`;
  const refused = (message: string): Error => new InvalidArgumentError(message, "RM_INVALID_ARGUMENT");
  if (typeof given !== "object" || given === null)
    throw refused(`${node} is a function, or an object with process, processMany or create, not ${String(given)}`);
  for (const name of ["flush", "close"])
    if (name in given)
      throw refused(`${node} has no option '${name}'; what has one is made by create: { create: () => ({ process, ${name} }) }`);
  requireKnown(node, given, OF_DEFINITION);
  const functions = (["process", "processMany", "create"] as const).filter((name) => given[name] !== undefined);
  const [name] = functions;
  if (name === undefined) throw refused(`${node} has no function; give it process, processMany or create`);
  if (functions.length > 1) throw refused(`${node} has ${functions.join(" and ")}; give it one of them`);
  const found: unknown = given[name];
  if (typeof found !== "function") throw refused(`${name} of ${node} is a function, not ${String(found)}`);
  return given;
}

/** A definition whose defaults are filled in. */
export class HostType {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly hasState: boolean;
  /** The most values that `processMany` gets at once. */
  readonly batch: number;

  private readonly definition: NodeDefinition;

  constructor(
    readonly name: string,
    given: NodeFunction | NodeDefinition,
  ) {
    const definition = (this.definition = defined(name, given));
    this.inputs = definition.inputs ?? ["in"];
    this.outputs = definition.outputs ?? ["out"];
    this.hasState = definition.create !== undefined;
    this.batch = definition.batch ?? BATCH;
  }

  /** The node of one run; the same one for all where there is no state. */
  create(): HostNode {
    const { create, process, processMany } = this.definition;
    if (create !== undefined) {
      const node: unknown = create();
      if (isNode(node)) return node;
      abandon(node);
      throw new InvalidArgumentError(
        `create of the node type '${this.name}' returns no object with process or processMany; return the node`,
        "RM_INVALID_ARGUMENT",
      );
    }
    return process !== undefined ? { process } : { processMany: processMany! };
  }

  /** What the options of a pipeline have about it. */
  declaration(token: number): Record<string, unknown> {
    const { batch, maxWaitMs, inputs, outputs, processMany } = this.definition;
    const declared: Record<string, unknown> = { token };
    if (batch !== undefined) declared["batch"] = batch;
    // Even a wait of 0 keeps it out of the calls of nodes that take single values: it gets what they have made until then.
    const wait = maxWaitMs ?? (processMany === undefined ? undefined : 0);
    if (wait !== undefined) declared["max_wait_ms"] = wait;
    if (inputs !== undefined) declared["inputs"] = inputs;
    if (outputs !== undefined) declared["outputs"] = outputs;
    if (this.hasState) declared["ends"] = true;
    return declared;
  }
}

function isNode(node: unknown): node is HostNode {
  if (typeof node !== "object" || node === null) return false;
  const { process, processMany } = node as HostNode;
  return typeof process === "function" || typeof processMany === "function";
}
