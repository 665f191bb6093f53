/** Sessions: order, back pressure at both ends, streams of the Web and of Node, flush, interruption, and their ends. */
import assert from "node:assert/strict";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { Duplex, Readable } from "node:stream";
import { pipeline as pipe } from "node:stream/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  Audio,
  Float,
  GoneError,
  Graph,
  NodeError,
  Pipeline,
  RemoteMediaError,
  Runtime,
  isLent,
  node,
  type HostNode,
  type Packet,
  type Session,
  type Value,
} from "remotemedia";
import { ADD, OWN, calculator, deferred } from "./pipelines.js";

const SPEECH = fileURLToPath(new URL("../../../../examples/speech.flac", import.meta.url));
const LISTEN =
  "version: v1\nnodes:\n  - {id: decode, node_type: AudioDecode}\n  - {id: level, node_type: AudioLevel, params: {window_ms: 1000}}\nconnections:\n  - {from: decode, to: level}\n";

async function all<T>(packets: AsyncIterable<Packet<T>>): Promise<T[]> {
  const values: T[] = [];
  for await (const { value } of packets) values.push(value);
  return values;
}

test("packets come in their order, with their places", async () => {
  await using session = new Pipeline(ADD).session<number>();
  const sending = (async () => {
    for (let index = 0; index < 500; index++) await session.send(index, { pts: index / 10, durationNs: 5 });
    await session.finish();
  })();
  const packets: Packet<number>[] = [];
  for await (const packet of session) packets.push(packet);
  await sending;
  assert.deepEqual(
    packets.map(({ value }) => value),
    Array.from({ length: 500 }, (_, index) => index + 5),
  );
  const { pts, ptsNs, durationNs, seq, item, output } = packets[499]!;
  assert.deepEqual([pts, ptsNs, durationNs, seq, item, output], [49.9, 49_900_000_000n, 5n, 499, 499, "add"]);
  await session.closed;
});

test("send waits for room, and what was sent first is taken first", async () => {
  const begun = deferred();
  const gate = deferred();
  // While it waits nothing moves, so that a session that is full stays so.
  const process = async (value: Value): Promise<Value> => {
    begun.resolve();
    await gate.promise;
    return value;
  };
  const held = new Pipeline(OWN, { nodes: { Own: { process } } });
  await using session = held.session<number>({ buffer: { packets: 4 } });
  assert.ok(session.trySend(0));
  await begun.promise;
  let taken = 1;
  while (session.trySend(taken)) taken++;
  assert.ok(taken >= 4 && taken <= 16, `${taken} packets are taken`);
  const done: number[] = [];
  const waiting = [0, 1, 2].map((index) => session.send(100 + index).then(() => void done.push(index)));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(done, []);
  assert.equal(session.trySend(0), false);
  gate.resolve();
  const found: number[] = [];
  for (let index = 0; index < taken + 3; index++) found.push((await session.receive())!.value);
  await Promise.all(waiting);
  assert.deepEqual(done, [0, 1, 2]);
  assert.deepEqual(found, [...Array(taken).keys(), 100, 101, 102]);
  assert.equal(session.tryReceive(), undefined);
  assert.equal(session.hasEnded(), false);
});

test("a send takes its value at the call, also where it waits for room", async () => {
  const gate = deferred();
  const Own = async (value: { n: number; bytes: Uint8Array }): Promise<number[]> => {
    await gate.promise;
    return [value.n, value.bytes[0]!, value.bytes.at(-1)!];
  };
  const pipeline = new Pipeline(OWN, { nodes: { Own: { process: Own, batch: 1 } } });
  for (const size of [4, 20_000]) {
    const session = pipeline.session({ buffer: { packets: 1 } });
    const value = { n: 0, bytes: new Uint8Array(size) };
    const sends = Array.from({ length: 8 }, (_, index) => {
      value.n = index;
      value.bytes.fill(index);
      return session.send(value);
    });
    await assert.rejects(session.send(new Set() as never), /^InvalidDocumentError: value: an object of the class Set/);
    sends.push(session.finish());
    value.bytes.fill(99);
    gate.resolve();
    assert.deepEqual(
      await all(session),
      Array.from({ length: 8 }, (_, index) => [index, index, index]),
    );
    await Promise.all(sends);
    assert.equal(isLent(value.bytes), false);
  }
});

test("memory that is lent is not copied where its send waits for room", async () => {
  const gate = deferred();
  const Own = async (value: Value): Promise<Value> => {
    await gate.promise;
    return value;
  };
  const pipeline = new Pipeline(OWN, { nodes: { Own: { process: Own, batch: 1 } } });
  const session = pipeline.session<Uint8Array>({ buffer: { packets: 1 } });
  const sent = Array.from({ length: 8 }, () => new Uint8Array(20_000));
  const sends = [...sent.map((bytes) => session.send(bytes, { lend: true })), session.finish()];
  gate.resolve();
  const found = await all(session);
  await Promise.all(sends);
  assert.deepEqual(
    found.map(({ buffer }) => sent.findIndex((bytes) => bytes.buffer === buffer)),
    [...sent.keys()],
  );
});

test("a body of the Web is piped through", async () => {
  const session = new Pipeline(LISTEN).session();
  const body = Readable.toWeb(createReadStream(SPEECH, { highWaterMark: 5000 })) as ReadableStream<Uint8Array>;
  let count = 0;
  for await (const packet of body.pipeThrough(session)) {
    assert.equal(packet.output, "level");
    count++;
  }
  assert.equal(count, 8);
});

test("a stream of Node is piped through", async () => {
  const session = new Pipeline(LISTEN).session();
  const packets = await createReadStream(SPEECH)
    .pipe(Duplex.fromWeb(session as never, { objectMode: true }))
    .toArray();
  assert.equal(packets.length, 8);
});

test("who cancels the stream cancels the session", async () => {
  const session = new Pipeline(ADD).session();
  await session.send(1);
  await session.readable.cancel();
  await assert.rejects(session.send(2), GoneError);
});

test("who reads gets the error of a source that breaks", async () => {
  const reason = new Error("the upload broke off");
  const breaking = (): ReadableStream<number> => {
    let next = 0;
    return new ReadableStream({ pull: (to) => (next < 3 ? to.enqueue(next++) : to.error(reason)) });
  };
  const pipeline = new Pipeline(ADD);
  const is = (error: unknown): boolean => error === reason;
  await assert.rejects(all(breaking().pipeThrough(pipeline.session<number>())), is);
  const session = pipeline.session<number>();
  const piped = assert.rejects(breaking().pipeTo(session.writable), is);
  await assert.rejects(all(session), is);
  await piped;
  await assert.rejects(session.closed, is);
  await assert.rejects(session.send(1), is);
  const duplex = Duplex.fromWeb(pipeline.session() as never, { objectMode: true });
  await assert.rejects(pipe(Readable.fromWeb(breaking() as never, { objectMode: true }), duplex, all), is);
});

test("who reads gets the error of a piped value that can't cross", async () => {
  const source = new ReadableStream<number>({
    start(to) {
      for (const value of [1, 2, new Set([1]) as never, 3]) to.enqueue(value);
    },
  });
  const session = new Pipeline(ADD).session<number>();
  const refused = /^InvalidDocumentError: value: an object of the class Set can't cross/;
  await assert.rejects(all(source.pipeThrough(session)), refused);
  await assert.rejects(session.closed, refused);
  const written = new Pipeline(ADD).session();
  await assert.rejects(written.writable.getWriter().write(undefined as never), /undefined can't cross/);
  await assert.rejects(written.receive(), /undefined can't cross/);
  const finished = new Pipeline(ADD).session<number>();
  await finished.send(1);
  await finished.finish();
  await assert.rejects(finished.writable.getWriter().write(2), /the session (was finished before|has ended)/);
  assert.deepEqual(await all(finished), [6]);
});

test("a pipe ends with the session, and its source is cancelled, though that gives nothing more", async () => {
  const failing = new Pipeline(OWN, {
    nodes: {
      Own: (value) => {
        if (value === 1) throw new Error("no one");
        return value;
      },
    },
  });
  const ways: [message: RegExp, end: (session: Session) => unknown][] = [
    [/^GoneError: the session was cancelled/, (session) => session.cancel()],
    [/^GoneError: the session was cancelled/, (session) => session.readable.cancel()],
    [
      /^GoneError: the session was cancelled/,
      async (session) => {
        for await (const _ of session.readable) break;
      },
    ],
    [/^GoneError: the session was cancelled/, (session) => session[Symbol.asyncDispose]()],
    [/^GoneError: the session has ended/, async (session) => (await session.finish(), await all(session))],
    [/^NodeError: .*no one/, (session) => assert.rejects(session.send(1).then(() => all(session)), NodeError)],
  ];
  for (const [message, end] of ways) {
    const cancelled = deferred<unknown>();
    const start = (to: ReadableStreamDefaultController<number>): void => [0, 2].forEach((value) => to.enqueue(value));
    const source = new ReadableStream<number>({ start, cancel: cancelled.resolve });
    const session = failing.session();
    const piped = assert.rejects(source.pipeTo(session.writable), message);
    assert.equal((await session.receive())!.value, 0);
    await end(session);
    await piped;
    assert.match(String(await cancelled.promise), message);
    await assert.rejects(session.writable.getWriter().closed, message);
  }
  // The stream of a session that is over already has ended too; one that was closed has no error.
  const over = new Pipeline(ADD).session();
  over.cancel();
  await assert.rejects(over.writable.getWriter().closed, GoneError);
  const finished = new Pipeline(ADD).session<number>();
  const writer = finished.writable.getWriter();
  const closed = Promise.all([writer.write(1), writer.close(), writer.closed]);
  assert.deepEqual(await all(finished), [6]);
  await closed;
});

test("an abort of the input ends also a send that waits for room", async () => {
  const pipeline = new Pipeline(OWN, { nodes: { Own: () => new Promise(() => undefined) } });
  const session = pipeline.session({ buffer: { packets: 1 } });
  while (session.trySend(0));
  const writer = session.writable.getWriter();
  await writer.ready;
  const writing = assert.rejects(writer.write(1), { name: "AbortError" });
  await new Promise((resolve) => setImmediate(resolve));
  await Promise.all([writer.abort(), writing]);
  await assert.rejects(session.receive(), { name: "AbortError" });
  const failed = new Pipeline(ADD).session();
  const { writable } = failed;
  await failed.send("x");
  await failed.closed.catch(() => undefined);
  await writable.abort(new Error("late"));
  await assert.rejects(failed.receive(), NodeError);
});

class Count implements HostNode {
  private count = 0;

  process(value: Value): Value {
    this.count++;
    return value;
  }

  flush(): Value {
    return { count: this.count };
  }
}

test("a flush brings out what nodes hold back; an interruption makes them anew", async () => {
  await using session = new Pipeline(OWN, { nodes: { Own: { create: () => new Count() } } }).session();
  await session.send("a");
  await session.flush();
  assert.equal((await session.receive())!.value, "a");
  assert.deepEqual((await session.receive())!.value, { count: 1 });
  await session.send("b");
  assert.equal((await session.receive())!.value, "b");
  session.interrupt();
  await session.send("c");
  await session.finish();
  assert.deepEqual(await all(session), ["c", { count: 1 }]);
});

test("an interruption of all drops also what waits to be sent, one of a part does not", async () => {
  for (const at of [undefined, "own"]) {
    const begun = deferred();
    const process = async (value: Value): Promise<Value> => {
      begun.resolve();
      await (value === "first" ? new Promise(() => {}) : null);
      return value;
    };
    const held = new Pipeline(OWN, { nodes: { Own: { process } } });
    await using session = held.session({ buffer: { packets: 1 } });
    assert.ok(session.trySend("first"));
    await begun.promise;
    while (session.trySend("taken"));
    const writer = session.writable.getWriter();
    // One waits for room, one for its turn, and what is written in the queue of the stream.
    const sent = [session.send(1), session.send(2), writer.write(3), writer.write(4), session.flush()];
    session.interrupt(at === undefined ? {} : { at });
    sent.push(session.send("new"), writer.write("newer"), writer.close());
    assert.deepEqual(await all(session), at === undefined ? ["new", "newer"] : [1, 2, "new", 3, 4, "newer"]);
    await Promise.all(sent);
  }
});

test("live params change between what was sent before and after", async () => {
  const gain = new Pipeline({ version: "v1", nodes: [{ id: "gain", node_type: "AudioGain", params: { gain_db: 0 } }] });
  await using session = gain.session<Audio>();
  const audio = new Audio(new Float32Array(8000).fill(0.5), 8000);
  await session.send(audio);
  await session.setParams("gain", { gain_db: -20 });
  await session.send(audio);
  await session.finish();
  const last = (await all(session)).map((each) => each.channel(0).at(-1)!);
  assert.equal(last[0], 0.5);
  assert.ok(last.at(-1)! < 0.5);
  await assert.rejects(session.setParams("none", { x: 1 }));
});

test("calls that are not awaited act in their order, also behind sends that wait for room", async () => {
  const counted = new Pipeline(
    {
      version: "v1",
      nodes: [calculator("sum", "add", 0), { id: "own", node_type: "Own" }],
      connections: [{ from: "sum", to: "own" }],
    },
    { nodes: { Own: { create: () => new Count() } } },
  );
  for (const many of [1, 40]) {
    await using session = counted.session<number>({ buffer: { packets: 2 } });
    const numbers = Array.from({ length: many }, (_, index) => index);
    const calls = numbers.map((number) => session.send(number));
    calls.push(session.flush(), session.send(0), session.setParams("sum", { operand: 1000 }), session.send(1));
    calls.push(session.finish());
    const late = assert.rejects(session.send(2), RemoteMediaError);
    assert.deepEqual(await all(session), [...numbers, { count: many }, 0, 1001, { count: many + 2 }]);
    await Promise.all(calls);
    await late;
  }
});

test("a failure ends it, for those who read, send and wait", async () => {
  const session = new Pipeline(ADD).session();
  await session.send(1);
  await session.send("x").catch(() => undefined);
  assert.equal((await session.receive())!.value, 6);
  const isIt = (error: unknown): boolean => error instanceof NodeError && error.nodeId === "add" && error.item === 1;
  await assert.rejects(session.receive(), isIt);
  await assert.rejects(session.send(2), isIt);
  await assert.rejects(session.closed, isIt);
  await session[Symbol.asyncDispose]();
});

test("a failure is thrown also where the ends of much other work come before it", async () => {
  await using runtime = new Runtime({ workers: 1 });
  const pipeline = new Pipeline(ADD, { runtime });
  const session = pipeline.session();
  const runs = Array.from({ length: 5000 }, (_, index) => pipeline.execute([index], { background: true }));
  session.trySend("x");
  assert.throws(() => {
    for (;;) session.trySend(1);
  }, NodeError);
  await Promise.all(runs);
  await session[Symbol.asyncDispose]();
});

test("a failure that was not seen is thrown at the end of the block", async () => {
  const session = new Pipeline(ADD).session();
  const closed = session.closed.catch(() => undefined);
  await session.send("x").catch(() => undefined);
  await closed;
  await session[Symbol.asyncDispose]().catch((error: unknown) => assert.ok(error instanceof NodeError));
});

test("a signal ends it with its reason", async () => {
  const controller = new AbortController();
  const session = new Pipeline(ADD).session({ signal: controller.signal });
  const waiting = session.receive();
  const reason = new Error("enough");
  controller.abort(reason);
  await assert.rejects(waiting, (error) => error === reason);
  await assert.rejects(session.send(1), (error) => error === reason);
});

test("several outputs are read one by one", async () => {
  const two = new Pipeline({
    version: "v1",
    nodes: [calculator("in", "add", 0), calculator("one", "add", 1), calculator("two", "add", 2)],
    connections: [
      { from: "in", to: "one" },
      { from: "in", to: "two" },
    ],
  });
  await using session = two.session<number>();
  for (const value of [10, 20]) await session.send(value);
  await session.finish();
  assert.deepEqual(await Promise.all([all(session.output("one")), all(session.output("two"))]), [
    [11, 21],
    [12, 22],
  ]);
  const missing: [unknown, string][] = [
    ["three", '"three"'],
    [5n, "5n"],
    [Symbol("one"), "Symbol(one)"],
    [null, "null"],
  ];
  for (const [name, told] of missing)
    assert.throws(() => session.output(name as string), {
      name: "InvalidArgumentError",
      message: `there is no output ${told}; there are: "one", "two"`,
    });
});

test("inputs and outputs have names", async () => {
  const [near, far] = [
    node((value: number) => value + 1, { type: "near" }),
    node((value: number) => value + 100, { type: "far" }),
  ];
  const graph = new Graph().input("microphone", near).input("reference", far).output("near", near).output("far", far);
  const pipeline = new Pipeline(graph);
  const outputs = await pipeline.execute<number>({ microphone: [1, 2], reference: [3, 4] });
  assert.deepEqual(
    [outputs.of("near"), outputs.of("far")],
    [
      [2, 3],
      [103, 104],
    ],
  );
  const named = new Map([
    ["reference", [3]],
    ["microphone", [1]],
  ]);
  assert.deepEqual((await pipeline.execute(named)).of("far"), [103]);
  await assert.rejects(pipeline.execute({ speaker: [1] }), /'speaker'/);
  await using session = pipeline.session<number>({ outputs: ["far"] });
  await session.send(1, { to: "microphone" });
  await session.send(2, { to: "reference" });
  await session.finish();
  assert.deepEqual(await all(session), [102]);
  await assert.rejects(
    session.send(1, { to: "speaker" }),
    /there is no input "speaker"; there are: "microphone", "reference"/,
  );
});

test("sessions that wait take no thread of libuv's pool", async () => {
  const sessions = Array.from({ length: 8 }, () => new Pipeline(ADD).session());
  const waiting = sessions.map((session) => session.receive());
  assert.ok((await Promise.all([0, 1, 2, 3].map(() => readFile(SPEECH)))).every((bytes) => bytes.length > 0));
  for (const session of sessions) session.cancel();
  assert.deepEqual(await Promise.all(waiting), new Array(8).fill(undefined));
});

test("metrics, progress and trace", async () => {
  await using session = new Pipeline(ADD).session<number>({ trace: true });
  await session.send(1);
  assert.equal((await session.receive())!.value, 6);
  assert.equal(session.metrics().sent, 1);
  assert.equal(session.metrics().nodes[0]!.id, "add");
  assert.equal(session.progress()!.items, 1);
  assert.ok(Array.isArray(session.trace().records));
});

test("a session that waits for a function lets the loop run", async () => {
  const reply = deferred();
  await using session = new Pipeline(OWN, { nodes: { Own: async (value) => (await reply.promise, value) } }).session();
  await session.send(1);
  const waiting = session.receive();
  await new Promise((resolve) => setTimeout(resolve, 1));
  reply.resolve();
  assert.equal((await waiting)!.value, 1);
});

test("an input that is full holds up no other", async () => {
  const count = 300;
  await using session = new Pipeline(
    "version: v1\nnodes:\n  - {id: sum, node_type: AudioSum}\ninputs:\n  a: sum.in0\n  b: sum.in1\n",
  ).session<Audio>();
  const send = async (to: string): Promise<void> => {
    for (let index = 0; index < count; index++) await session.send(new Audio(new Float32Array(160), 8000), { to });
  };
  let frames = 0;
  const reading = (async () => {
    for await (const { value } of session) frames += value.frames;
  })();
  // The node takes no more of one input than of the other: there is room for more once the other one has as much.
  const first = send("a");
  const inputs = (): { waiting: number }[] => (session.metrics() as unknown as { inputs: { waiting: number }[] }).inputs;
  while (inputs()[0]!.waiting < 64) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(session.trySend(new Audio(new Float32Array(160), 8000), { to: "a" }), false);
  await Promise.all([first, send("b")]);
  await session.finish();
  await reading;
  assert.equal(frames, count * 160);
});

test("params and options are what was given, whatever JSON makes of them", async () => {
  const set = async (operand: unknown): Promise<Value> => {
    await using session = new Pipeline(
      { version: "v1", nodes: [calculator("sum", "add", 0)] },
      { exact: true },
    ).session();
    await session.setParams("sum", { operand });
    await session.send(1n);
    await session.finish();
    return (await session.receive())!.value;
  };
  assert.equal(await set(9_007_199_254_740_993n), 9_007_199_254_740_994n);
  assert.equal(await set(new Float(2)), 3);
  await assert.rejects(set(NaN), /operand: expected a finite number, got NaN/);
  const pipeline = new Pipeline(ADD);
  assert.throws(() => pipeline.session({ buffer: { packets: NaN } }), /expected a finite number/);
  assert.throws(() => new Runtime({ workers: NaN }), /workers: expected a finite number, got NaN/);
});

test("what is closed says so", async () => {
  const pipeline = new Pipeline(ADD);
  const session = pipeline.session();
  await session[Symbol.asyncDispose]();
  assert.throws(() => session.metrics(), { name: "GoneError", message: "the session is closed; open another one" });
  await assert.rejects(session.flush(), GoneError);
  pipeline.close();
  const closed = { name: "GoneError", message: "the pipeline is closed; make another one" };
  await assert.rejects(pipeline.execute([1]), closed);
  assert.throws(() => pipeline.executeSync([1]), closed);
  assert.throws(() => pipeline.session(), closed);
});
