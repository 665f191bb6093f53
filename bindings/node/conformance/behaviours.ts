/** The nodes of the host that scenarios ask for, and what is counted about them. */
import { emit, type Context, type HostNode, type NodeDefinition } from "remotemedia";

export interface Declared {
  behaviour: string;
  exception?: number;
  at?: number;
  times?: number;
  parts?: number;
  batch?: number;
  max_wait_ms?: number;
  inputs?: string[];
  outputs?: string[];
}

/** What one node has seen. */
class Seen {
  called = 0;
  closed = 0;
  readonly batches: number[] = [];
  private permits = 0;
  private readonly waiting: (() => void)[] = [];

  /** Waits for a step `reply`. */
  stall(): Promise<void> {
    if (this.permits > 0) {
      this.permits--;
      return Promise.resolve();
    }
    return new Promise((resolve) => void this.waiting.push(resolve));
  }

  reply(times: number): void {
    for (; times > 0; times--) {
      const next = this.waiting.shift();
      if (next === undefined) this.permits++;
      else next();
    }
  }
}

/** The nodes of one scenario. */
export class Behaviours {
  private readonly seen = new Map<string, Seen>();
  private readonly exceptions = new Map<number, Error>();

  of(node: string): Seen {
    let seen = this.seen.get(node);
    if (seen === undefined) this.seen.set(node, (seen = new Seen()));
    return seen;
  }

  /** Exception number n: one object for each number. */
  exception(number: number): Error {
    let error = this.exceptions.get(number);
    if (error === undefined) this.exceptions.set(number, (error = new Error(`exception ${number}`)));
    return error;
  }

  /** Lets everything go that stalls. */
  end(): void {
    for (const seen of this.seen.values()) seen.reply(1000);
  }

  definition(name: string, declared: Declared): NodeDefinition {
    const { batch, max_wait_ms: maxWaitMs, inputs, outputs } = declared;
    const options = {
      ...(batch === undefined ? {} : { batch }),
      ...(maxWaitMs === undefined ? {} : { maxWaitMs }),
      ...(inputs === undefined ? {} : { inputs }),
      ...(outputs === undefined ? {} : { outputs }),
    };
    const seen = this.of(name);
    if (declared.behaviour === "ends") return { ...options, create: () => new Ends(seen) };
    if (declared.behaviour === "echo")
      return {
        ...options,
        processMany: (values) => {
          seen.called += values.length;
          seen.batches.push(values.length);
          return values;
        },
      };
    if (declared.behaviour === "fail" && batch !== undefined) {
      const failing = new Failing(declared);
      return {
        ...options,
        processMany: (values) => {
          const fails = values.some((_, index) => failing.isAt(seen.called + index));
          // A list of several packets is not counted when it fails.
          if (!fails || values.length === 1) seen.called += values.length;
          if (!fails) return values;
          if (values.length === 1) failing.left--;
          throw this.exception(declared.exception ?? 0);
        },
      };
    }
    const act = this.action(declared, seen);
    return {
      ...options,
      process: (value, context) => {
        const number = seen.called++;
        return act(value, number, context);
      },
    };
  }

  private action(declared: Declared, seen: Seen): (value: any, number: number, context: Context) => unknown {
    switch (declared.behaviour) {
      case "double":
        return (value) => [value, value][Symbol.iterator]();
      case "nothing":
        return () => undefined;
      case "fail": {
        const failing = new Failing(declared);
        return (value, number) => {
          if (failing.isAt(number)) {
            failing.left--;
            throw this.exception(declared.exception ?? 0);
          }
          return value;
        };
      }
      case "stall":
        return async (value) => {
          await seen.stall();
          return value;
        };
      case "stream":
        return (value) => stream(value, declared.parts ?? Infinity, seen);
      case "route":
        return (value: bigint) => {
          const outputs = declared.outputs!;
          return emit(value, { output: outputs[Number(value) % outputs.length]! });
        };
      case "merge":
        return (value, _, context) => [context.input, value];
      default:
        throw new Error(`the behaviour ${declared.behaviour} is not known`);
    }
  }
}

/** At which packets a node fails. */
class Failing {
  left: number;

  constructor(private readonly declared: Declared) {
    this.left = declared.times ?? Infinity;
  }

  isAt(number: number): boolean {
    const { at, times } = this.declared;
    return this.left > 0 && (at === undefined || number === at || (number >= at && times !== undefined));
  }
}

async function* stream(value: any, parts: number, seen: Seen): AsyncGenerator<unknown> {
  let isDone = false;
  try {
    for (let part = 0; part < parts; part++) yield [value, BigInt(part)];
    isDone = true;
  } finally {
    if (!isDone) seen.closed++;
  }
}

class Ends implements HostNode {
  private packets = 0;

  constructor(private readonly seen: Seen) {}

  process(value: unknown): unknown {
    this.seen.called++;
    this.packets++;
    return value;
  }

  flush(): unknown {
    const packets = BigInt(this.packets);
    this.packets = 0;
    return new Map([["packets", packets]]);
  }
}
