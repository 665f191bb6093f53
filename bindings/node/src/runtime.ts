/** `Runtime`: the native part with its threads. Each environment (the main thread, each Worker) has one of its own. */
import { encode } from "./convert.js";
import { called, done, made, room } from "./rooms.js";
import { native, type RuntimeHandle } from "./native.js";
import { STATUS } from "./constants.js";
import { lentCount, release } from "./loans.js";
import { EventPort } from "./port.js";
import { microseconds } from "./times.js";
import type { Input } from "./values.js";

export interface RuntimeOptions {
  /** The number of worker threads; by default that of the cores that the process may use. */
  workers?: number;
  /**
   * How far the worker threads step back for other threads, such as that of the event loop: 0, which is the default, to 19 steps of
   * the system's nice value above that of the process. Other than 0 on Linux only.
   */
  nice?: number;
  limits?: {
    /** Bounds the memory that the results of one execution keep alive. */
    output_bytes?: number;
    depth?: number;
    items?: number;
    document_bytes?: number;
    buffers?: number;
    extent_bytes?: number;
  };
}

/** What a runtime knows of a node type. */
export interface NodeType {
  readonly name: string;
  readonly summary: string;
  readonly doc: string;
  readonly inputs: readonly { readonly name: string; readonly summary: string }[];
  readonly outputs: readonly { readonly name: string; readonly summary: string }[];
  /** A JSON Schema. */
  readonly params: Record<string, unknown>;
  readonly live?: readonly string[];
  readonly alias_of?: string;
}

/** Native threads that run pipelines. Most programs need none of their own: pipelines use `Runtime.default`. */
export class Runtime {
  /** @internal */
  readonly handle: RuntimeHandle;
  private eventPort: EventPort | null = null;
  private syncPort: EventPort | null = null;

  constructor(options?: RuntimeOptions) {
    const config = options === undefined ? undefined : encode(options as Input).bytes;
    this.handle = made(native().runtimeNew(config));
  }

  /** The runtime of this thread, made at its first use. */
  static get default(): Runtime {
    return (shared ??= new Runtime());
  }

  /** The node types that it knows, and the schema of manifests. */
  describe(): { version: string; abi: string; nodes: NodeType[]; manifest_schema: Record<string, unknown> } {
    return called((into) => native().runtimeDescribe(into, this.handle));
  }

  /**
   * Ends all work with an error, and waits until nothing works any more and no lent memory is read.
   *
   * @param timeoutMs by default as long as it takes
   * @returns whether that was so in time
   */
  async shutdown(timeoutMs = Infinity): Promise<boolean> {
    const limit = microseconds("timeoutMs", timeoutMs);
    const until = limit === null ? Infinity : performance.now() + limit / 1000;
    for (;;) {
      const status = done(native().runtimeShutdown(this.handle, 0));
      const isMore = this.eventPort?.drain() ?? false;
      this.released();
      if (status === STATUS.RM_OK && !isMore) return true;
      if (performance.now() >= until) return false;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  /** Lets the program end while work is under way, which is then abandoned. */
  unref(): this {
    this.port.keepAlive(false);
    return this;
  }

  /** Undoes `unref`: work keeps the program alive until it ends. */
  ref(): this {
    this.port.keepAlive(true);
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
    this.eventPort?.close();
    this.syncPort?.close();
    if (shared === this) shared = null;
    native().close(this.handle);
  }

  /** @internal The port that the loop watches. */
  get port(): EventPort {
    return (this.eventPort ??= new EventPort(this.handle));
  }

  /** @internal The port at which blocking calls wait. */
  get waiting(): EventPort {
    return (this.syncPort ??= new EventPort(this.handle, false));
  }

  /** @internal Fetches the release records of what was lent without a port. */
  released(): void {
    if (lentCount() === 0) return;
    const used = room();
    try {
      if (done(native().runtimeReleased(used.handle, this.handle)) === STATUS.RM_OK) release(used.plain<number[]>());
    } finally {
      used.free();
    }
  }
}

let shared: Runtime | null = null;
