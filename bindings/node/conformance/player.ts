/** Plays the steps of one scenario. */
import {
  Audio,
  ExecutionError,
  ManifestError,
  NodeError,
  Pipeline,
  RemoteMediaError,
  Runtime,
  Tensor,
  fromJson,
  isLent,
  liveObjects,
  whenReleased,
  type Outputs,
  type Packet,
  type Problem,
  type Session,
} from "remotemedia";
import { Behaviours, type Declared } from "./behaviours.js";
import { Mismatch, missing, equal, contained, time, ramp, settled, until } from "./expect.js";
import { canonical } from "./notation.js";
import { same } from "./vectors.js";

export type Step = { do: string; [field: string]: any };

interface Work {
  readonly promise: Promise<Outputs>;
  readonly controller: AbortController;
  isOver: boolean;
}

export class Player {
  /** The error of the last step, until `expect_error`. */
  error: unknown = null;
  private readonly behaviours = new Behaviours();
  private readonly runtimes = new Map<string, Runtime>();
  private readonly pipelines = new Map<string, Pipeline>();
  private readonly works = new Map<string, Work>();
  private readonly sessions = new Map<string, Session>();
  private readonly memories = new Map<string, Uint8Array>();
  private readonly ended = new Map<string, unknown>();
  private result: Outputs | null = null;
  private alive: Record<string, number> = {};

  async begin(): Promise<void> {
    // What earlier cases have left is freed by threads of the collector.
    for (let round = 0; round < 20; round++) {
      await settled();
      if (liveObjects()["memories"] === 0) break;
    }
    // The port of a runtime is made at its first use.
    const runtime = new Runtime().unref().ref();
    this.runtimes.set("", runtime);
    this.alive = liveObjects();
  }

  async step(step: Step): Promise<void> {
    const play = (this as unknown as Record<string, ((step: Step) => unknown) | undefined>)[`do_${step.do}`];
    if (play === undefined) throw new Error(`the step is not known`);
    if (step.do !== "expect_error") this.error = null;
    if (step.do.startsWith("expect_") || step.do === "describe") await play.call(this, step);
    else
      try {
        await play.call(this, step);
      } catch (error) {
        if (error instanceof Mismatch) throw error;
        this.error = error;
      }
  }

  /** Cancels and waits for what is under way, closes everything, and looks for what is left. */
  async end(): Promise<void> {
    await this.closeAll();
    await this.do_expect_live({ do: "expect_live" });
  }

  async abandon(): Promise<void> {
    await Promise.race([this.closeAll(), new Promise((resolve) => setTimeout(resolve, 1000).unref())]).catch(
      () => undefined,
    );
  }

  private async closeAll(): Promise<void> {
    this.behaviours.end();
    for (const work of this.works.values()) {
      work.controller.abort();
      await work.promise.catch(() => undefined);
    }
    for (const session of this.sessions.values()) await session[Symbol.asyncDispose]().catch(() => undefined);
    for (const pipeline of this.pipelines.values()) pipeline.close();
    for (const runtime of this.runtimes.values()) await runtime[Symbol.asyncDispose]();
    for (const held of [this.works, this.sessions, this.pipelines, this.runtimes, this.memories, this.ended])
      held.clear();
    this.result = null;
    this.error = null;
  }

  do_runtime({ as, config }: Step): void {
    this.runtimes.set(as, new Runtime(config));
  }

  do_pipeline({ as, manifest, text, host_nodes, runtime }: Step): void {
    const nodes = Object.entries((host_nodes ?? {}) as Record<string, Declared>).map(
      ([name, declared]) => [name, this.behaviours.definition(name, declared)] as const,
    );
    const options = { exact: true, nodes: Object.fromEntries(nodes), runtime: this.runtimes.get(runtime ?? "")! };
    this.pipelines.set(as, new Pipeline(text ?? manifest, options));
  }

  async do_run(step: Step): Promise<void> {
    this.result = null;
    const work = this.start(step);
    this.result = await work.promise;
  }

  do_submit(step: Step): void {
    this.works.set(step["as"], this.start(step));
  }

  async do_wait({ work, session }: Step): Promise<void> {
    this.result = null;
    if (work !== undefined) {
      this.result = await this.work(work).promise;
      return;
    }
    const kept = this.ended.get(session);
    if (kept !== undefined) throw kept;
    await this.session(session).closed;
  }

  do_cancel({ work, session }: Step): void {
    if (work !== undefined) this.work(work).controller.abort();
    else this.session(session).cancel();
  }

  do_session({ pipeline, as, options = {} }: Step): void {
    const { outputs, buffer, deadline_us, packet_deadline_us, clock, trace, ...rest } = options;
    if (Object.keys(rest).length > 0) throw new Mismatch(`the options ${Object.keys(rest).join(", ")} are not known`);
    this.sessions.set(
      as,
      this.pipeline(pipeline).session({
        ...(outputs === undefined ? {} : { outputs }),
        ...(buffer === undefined ? {} : { buffer }),
        ...(deadline_us === undefined ? {} : { deadlineMs: deadline_us / 1000 }),
        ...(packet_deadline_us === undefined ? {} : { packetDeadlineMs: packet_deadline_us / 1000 }),
        ...(clock === undefined ? {} : { clock }),
        ...(trace === undefined ? {} : { trace }),
      }),
    );
  }

  async do_send({ session, packets, taken }: Step): Promise<void> {
    const to = this.session(session);
    let count = 0;
    try {
      for (const { value, pts, duration, to: input } of packets) {
        const options = {
          lend: JSON.stringify(value).includes('"$lent"'),
          ...(pts == null ? {} : { ptsNs: pts }),
          ...(duration == null ? {} : { durationNs: duration }),
          ...(input === undefined ? {} : { to: input }),
        };
        if (taken === undefined) await to.send(this.value(value), options);
        else if (to.trySend(this.value(value), options)) count++;
        else break;
      }
    } catch (error) {
      this.ended.set(session, error);
      throw error;
    }
    if (taken !== undefined && count !== taken)
      throw new Mismatch(`expected ${taken} packets to be taken, ${count} were`);
  }

  async do_receive({ session, rows, output, then }: Step): Promise<void> {
    const from = this.session(session);
    for (const [index, row] of (rows as Step[]).entries()) {
      const packet = await from.receive(output);
      if (packet === undefined) throw new Mismatch(`expected ${rows.length} outputs, there were ${index}`);
      this.compareRow(packet, row);
    }
    if (then === "end") {
      let packet: Packet | undefined;
      try {
        packet = await from.receive(output);
      } catch (error) {
        this.ended.set(session, error);
      }
      if (packet !== undefined) throw new Mismatch(`expected the end, got ${canonical(packet.value)}`);
    } else if (then === "nothing") {
      const packet = from.tryReceive(output);
      if (packet !== undefined || from.hasEnded(output))
        throw new Mismatch(`expected nothing, got ${packet === undefined ? "the end" : canonical(packet.value)}`);
    }
  }

  async do_finish({ session }: Step): Promise<void> {
    await this.session(session).finish();
  }

  async do_control({ session, control }: Step): Promise<void> {
    const of = this.session(session);
    if (control.flush) await of.flush();
    else if (control.interrupt) of.interrupt(control.at === undefined ? {} : { at: control.at });
    else await of.setParams(control.set.node, control.set.params);
  }

  do_reply({ node, times = 1 }: Step): void {
    this.behaviours.of(node).reply(times);
  }

  do_lend({ as, bytes }: Step): void {
    this.memories.set(as, ramp(bytes));
  }

  async do_shutdown({ runtime = "", patience_ms, ends }: Step): Promise<void> {
    const hasEnded = await this.runtimes.get(runtime)!.shutdown(patience_ms);
    if (hasEnded !== ends) throw new Mismatch(`expected ${ends ? "the end within the patience" : "no end yet"}`);
  }

  async do_close({ pipeline, session, runtime }: Step): Promise<void> {
    if (pipeline !== undefined) {
      this.pipeline(pipeline).close();
      this.pipelines.delete(pipeline);
    } else if (session !== undefined) {
      const closed = this.session(session);
      this.sessions.delete(session);
      await closed[Symbol.asyncDispose]().catch(() => undefined);
    } else {
      const closed = this.runtimes.get(runtime)!;
      this.runtimes.delete(runtime);
      await closed[Symbol.asyncDispose]();
    }
  }

  do_expect_values({ outputs, items, pts, durations, skips, retries }: Step): void {
    const { result } = this;
    const names = result === null ? [] : result.names;
    for (const name of new Set([...names, ...Object.keys(outputs)])) {
      const values = names.includes(name) ? result!.of(name) : [];
      same(canonical(values), canonical(((outputs[name] ?? []) as unknown[]).map((each) => this.value(each))));
    }
    for (const [name, wanted] of Object.entries(items ?? {}))
      equal(
        result!.packets(name).map((packet) => packet.item),
        wanted,
      );
    for (const [name, wanted] of Object.entries(pts ?? {}))
      equal(
        result!.packets(name).map((packet) => time(packet.ptsNs)),
        wanted,
      );
    for (const [name, wanted] of Object.entries(durations ?? {}))
      equal(
        result!.packets(name).map((packet) => time(packet.durationNs)),
        wanted,
      );
    if (skips !== undefined) equal(result!.skips, skips);
    if (retries !== undefined) equal(result!.retries, retries);
  }

  do_expect_error(step: Step): void {
    const { error } = this;
    this.error = null;
    if (error === null) throw new Mismatch(`expected ${step["status"]}, nothing failed`);
    const statuses = ([] as string[]).concat(step["status"]);
    // A signal's reason is what a cancelled call throws.
    const code =
      error instanceof RemoteMediaError
        ? error.code
        : (error as Error).name === "AbortError"
          ? "RM_CANCELLED"
          : String(error);
    if (!statuses.includes(code))
      throw new Mismatch(`expected ${statuses.join(" or ")}, got ${code}: ${(error as Error).message}`);
    const of = error as RemoteMediaError;
    const node = error instanceof NodeError ? error : null;
    const fields: [string, unknown][] = [
      ["message", of.message],
      ["cause", of.reason],
      ["cure", of.cure],
      ["chain", of.chain],
      ["node_id", node?.nodeId],
      ["node_type", node?.nodeType],
      ["item", node?.item],
      ["input", node?.input],
      ["position_ns", node === null ? undefined : time(node.positionNs)],
      ["errors", error instanceof ExecutionError ? error.errors.length : undefined],
    ];
    for (const [name, found] of fields) if (name in step) equal(found, step[name], name);
    for (const part of step["message_has"] ?? [])
      if (!of.message.includes(part)) throw new Mismatch(`the message lacks ${JSON.stringify(part)}: ${of.message}`);
    if ("exception" in step && of.cause !== this.behaviours.exception(step["exception"]))
      throw new Mismatch(`the cause is not the exception that was thrown: ${String(of.cause)}`);
    if ("problems" in step) {
      const problems = error instanceof ManifestError ? error.problems : [];
      equal(problems.length, step["problems"].length, "the number of problems");
      for (const [index, wanted] of (step["problems"] as Record<string, unknown>[]).entries())
        for (const [name, field] of Object.entries(wanted))
          equal(problems[index]![name as keyof Problem] ?? null, field, `problems[${index}].${name}`);
    }
    if ("outputs" in step) {
      this.result = (error as ExecutionError).outputs ?? null;
      this.do_expect_values({ do: "expect_values", outputs: step["outputs"] });
    }
  }

  async do_expect_called({ node, times }: Step): Promise<void> {
    const seen = this.behaviours.of(node);
    await until(() => seen.called >= times);
    equal(seen.called, times);
  }

  do_expect_batches({ node, sizes }: Step): void {
    equal(this.behaviours.of(node).batches, sizes);
  }

  async do_expect_closed({ node, times }: Step): Promise<void> {
    const seen = this.behaviours.of(node);
    await until(() => seen.closed >= times);
    equal(seen.closed, times);
  }

  async do_expect_memory({ memory, is }: Step): Promise<void> {
    const held = this.memories.get(memory)!;
    if (is === "released") await whenReleased(held);
    else if (!isLent(held)) throw new Mismatch(`${memory} is not lent`);
  }

  do_expect_same_memory({ memory, output, index }: Step): void {
    const value = this.result!.of<Tensor>(output)[index]!.bytes;
    const held = this.memories.get(memory)!;
    if (value.buffer !== held.buffer || value.byteOffset !== held.byteOffset) throw new Mismatch("the value is a copy");
  }

  async do_expect_live({ more }: Step): Promise<void> {
    const wanted: Record<string, number> = { ...this.alive };
    if (this.runtimes.size === 0) for (const name of ["runtimes", "ports"]) wanted[name]!--;
    for (const [name, count] of Object.entries((more ?? {}) as Record<string, number>))
      wanted[name] = this.alive[name]! + count;
    const names = more === undefined ? Object.keys(wanted) : Object.keys(more);
    let found = liveObjects();
    await until(
      async () => {
        await settled();
        found = liveObjects();
        return names.every((name) => found[name] === wanted[name]);
      },
      () => `alive are ${JSON.stringify(found)}, expected ${JSON.stringify(wanted)}`,
    );
  }

  do_describe({ pipeline, session, work, has }: Step): void {
    let found: unknown;
    if (pipeline !== undefined) found = this.pipeline(pipeline).plan;
    else if (session !== undefined) found = this.session(session).metrics();
    else found = this.session(work).progress();
    contained(found, has, "it");
  }

  private start({ pipeline, inputs, timeout_ms }: Step): Work {
    const controller = new AbortController();
    const given =
      inputs === undefined
        ? null
        : Array.isArray(inputs)
          ? inputs.map((each) => this.value(each))
          : Object.fromEntries(
              Object.entries(inputs as Record<string, unknown[]>).map(([name, values]) => [
                name,
                values.map((each) => this.value(each)),
              ]),
            );
    const promise = this.pipeline(pipeline).execute(given as never, {
      signal: controller.signal,
      ...(timeout_ms === undefined ? {} : { timeoutMs: timeout_ms }),
    });
    promise.catch(() => undefined);
    return { promise, controller, isOver: false };
  }

  private compareRow(packet: Packet, row: Step): void {
    if ("value" in row) same(canonical(packet.value), canonical(this.value(row["value"])));
    const fields: Record<string, unknown> = {
      pts: time(packet.ptsNs),
      duration: time(packet.durationNs),
      seq: packet.seq,
      stream: packet.stream,
      output: packet.output,
      item: packet.item,
    };
    for (const [name, found] of Object.entries(fields)) if (name in row) equal(found, row[name], name);
  }

  /** A value of a scenario, as pipelines with `exact` take and give it. */
  private value(of: any): any {
    if (typeof of === "number") return Number.isInteger(of) ? BigInt(of) : of;
    if (of === null || typeof of !== "object") return of;
    if (Array.isArray(of)) return of.map((each) => this.value(each));
    if ("$ramp" in of) return ramp(of["$ramp"]);
    if ("$lent" in of) {
      const memory = this.memories.get(of["$lent"])!;
      return new Tensor("uint8", [memory.length], memory);
    }
    if ("$audio" in of) {
      const { rate, channels, frames, pts } = of["$audio"];
      const planes = Array.from({ length: channels as number }, (_, channel) =>
        Float32Array.from({ length: frames }, (_, frame) => ((channel * frames + frame) % 251) / 256),
      );
      return new Audio(planes, rate, { layout: null, ...(pts == null ? {} : { ptsNs: pts }) });
    }
    if ("$rm" in of) return fromJson(JSON.stringify(of), { exact: true });
    return new Map(Object.entries(of).map(([key, each]) => [key.replace(/^\$(?=\$*rm)/, ""), this.value(each)]));
  }

  private pipeline(name: string): Pipeline {
    return this.pipelines.get(name) ?? missing(name);
  }

  private session(name: string): Session {
    return this.sessions.get(name) ?? missing(name);
  }

  private work(name: string): Work {
    return this.works.get(name) ?? missing(name);
  }
}
