/** Executions: values there and back, errors with all that is known of them, cancellation, and memory that is lent. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  Audio,
  Float,
  Graph,
  InvalidArgumentError,
  InvalidDocumentError,
  ManifestError,
  MediaFile,
  NodeError,
  Pipeline,
  Runtime,
  Table,
  Tensor,
  TimedOutError,
  Timestamp,
  Video,
  audioFromPcm,
  audioToPcm,
  encode,
  fromJson,
  isLent,
  liveObjects,
  toJson,
  versions,
  whenReleased,
  type Input,
  type TensorOptions,
  type Value,
} from "remotemedia";
import { audioLevel } from "remotemedia/nodes";
import { ADD, OWN, PASS, calculator, deferred } from "./pipelines.js";

test("values pass in the order of the inputs", async () => {
  const pipeline = new Pipeline(ADD);
  const outputs = await pipeline.execute([1, 2.5, [3, 4]]);
  assert.deepEqual(outputs.values, [6, 7.5, [8, 9]]);
  assert.deepEqual([...outputs], outputs.of("add"));
  assert.deepEqual(outputs.ofItem(2), [[8, 9]]);
  assert.deepEqual(
    outputs.packets().map(({ item, seq, output }) => [item, seq, output]),
    [
      [0, 0, "add"],
      [1, 1, "add"],
      [2, 2, "add"],
    ],
  );
  assert.deepEqual(pipeline.executeSync([1]).values, [6]);
  assert.throws(() => outputs.of("missing"), /there is no output "missing"; there are: "add"/);
});

test("every kind of value comes back as it went in", async () => {
  const pipeline = new Pipeline(PASS);
  const audio = new Audio([new Float32Array([0.5, -0.5]), new Float32Array([1, -1])], 8000, { ptsNs: 5_000_000_000 });
  const values = [
    null,
    true,
    -7,
    2 ** 40,
    2n ** 63n,
    1.5,
    NaN,
    -Infinity,
    "grüße \u{1F399}",
    "",
    new Uint8Array([1, 2, 3]),
    [],
    [1, [2]],
    { a: 1, b: { c: null } },
    new Timestamp(-1, 5),
    new MediaFile("/tmp/a.wav", "audio/wav"),
    new MediaFile(new Uint8Array([7]), null),
    audio,
    new Tensor("float32", [2, 2], new Float32Array([1, 2, 3, 4])),
    new Video("gray", 2, 1, [{ data: new Uint8Array([1, 2]), stride: 2 }]),
  ];
  const found = (await pipeline.execute(values)).values;
  assert.deepEqual(found.slice(0, 14), values.slice(0, 14));
  for (const [index, value] of values.entries()) assert.equal(toJson(found[index]!), toJson(value), `value ${index}`);
  assert.equal((found[17] as Audio).pts, 5);
  assert.deepEqual([...(found[18] as Tensor).data], [1, 2, 3, 4]);
});

test("without exact 1.0 is 1; with it ints are BigInts and maps keep their order", async () => {
  const loose = new Pipeline(PASS);
  assert.deepEqual((await loose.execute([new Float(1), -0, { 2: "b", 1: "a" }])).values, [1, -0, { 1: "a", 2: "b" }]);
  const exact = new Pipeline(PASS, { exact: true });
  const map = new Map<string, number | bigint>([
    ["2", 1],
    ["1", 1n],
    ["__proto__", 2n ** 60n],
  ]);
  const [one, float, found] = (await exact.execute([1n, 1, map])).values;
  assert.equal(one, 1n);
  assert.equal(float, 1);
  assert.deepEqual([...(found as Map<string, unknown>)], [...map]);
});

test("a value that can't cross is refused with its place", async () => {
  const pipeline = new Pipeline(PASS);
  await assert.rejects(pipeline.execute([1, { gain: [() => 1] } as never]), (error: Error) => {
    assert.ok(error instanceof InvalidDocumentError);
    assert.match(error.message, /^inputs\[1\]\.gain\[0\]: a function can't cross; give /);
    assert.equal(error.code, "RM_INVALID_DOCUMENT");
    return true;
  });
  await assert.rejects(
    pipeline.execute([2n ** 64n]),
    /inputs\[0\]: the integer 18446744073709551616 does not fit 64 bits/,
  );
  await assert.rejects(pipeline.execute(["\ud800"]), /inputs\[0\]: text has half of a surrogate pair/);
  const loop: unknown[] = [];
  loop.push(loop);
  await assert.rejects(pipeline.execute([loop as never]), /nested deeper than 128, or contain themselves/);
  await assert.rejects(pipeline.execute("text" as never), InvalidArgumentError);
  assert.deepEqual((await pipeline.execute([undefined, 1].slice(1) as never)).values, [1]);
});

test("entries that change while they are read are refused", () => {
  const refused = (path: string): object => ({
    constructor: InvalidDocumentError,
    message: `value${path}: its entries changed while they were read; give a plain copy of it`,
  });
  // By a first read of a property it is counted, by a second one written.
  let reads = 0;
  const first = {
    get a() {
      return reads++ % 2 === 0 ? 1 : undefined;
    },
    b: 2,
  };
  assert.throws(() => toJson([[first as never, "c"], 3]), refused("[0][0]"));
  reads = 1;
  assert.throws(() => toJson([[first as never, "c"], 3]), refused("[0][0]"));
  const map = new Map<string, Input>([["b", 2]]);
  map.set("a", {
    get x() {
      map.set("c", 3);
      return 1;
    },
  });
  assert.throws(() => toJson({ map }), refused(".map"));
  class Wrong extends Map<string, Input> {
    override get size(): number {
      return 5;
    }
  }
  assert.throws(() => toJson(new Wrong([["a", 1]])), refused(""));
});

test("a typed array is a tensor of its elements, whatever class or realm it is of", async () => {
  class Samples extends Float32Array {}
  const samples = [1, -2.5];
  const clamped = new Uint8ClampedArray([1, 300]);
  const of = (source: string): never => runInNewContext(source) as never;
  const given = [new Samples(samples), of("new Float32Array([1, -2.5])"), clamped, new Float32Array(samples)];
  const expected = [["float32", samples], ["float32", samples], ["uint8", [1, 255]], ["float32", samples]];
  if ("Float16Array" in globalThis) {
    given.push(of("new Float16Array([1, -2.5])"));
    expected.push(["float16", [0x3c00, 0xc100]]);
  }
  const found = (await new Pipeline(PASS).execute<Tensor>(given)).values;
  assert.deepEqual(
    found.map(({ dtype, data }) => [dtype, [...data]]),
    expected,
  );
  assert.deepEqual(Tensor.from(new Uint8Array([7])).dtype, "uint8");
  const others = "[new Uint8Array([1]), new ArrayBuffer(1), new Map([['a', 1]]), { a: [1] }, new Date(5)]";
  const bytes = new DataView(new Uint8Array([3, 4]).buffer, 1);
  const shared = Buffer.from(new SharedArrayBuffer(20_000));
  assert.equal(
    toJson([...of(others), bytes] as never),
    toJson([new Uint8Array([1]), new Uint8Array(1), { a: 1 }, { a: [1] }, new Date(5), new Uint8Array([4])]),
  );
  assert.ok(!(encode(shared).buffers[0]!.buffer instanceof SharedArrayBuffer));
  assert.equal(new Audio(of("new Float32Array(2000)"), 8000).channels, 1);
});

test("a value whose memory has become shorter is refused", async () => {
  const pipeline = new Pipeline(PASS);
  const made = (size: number): ArrayBuffer => new ArrayBuffer(size, { maxByteLength: size });
  const short = (make: (memory: ArrayBuffer) => Tensor | Audio, size = 64): Tensor | Audio => {
    const memory = made(size);
    const value = make(memory);
    memory.resize(8);
    return value;
  };
  const tensors = [
    short((memory) => new Tensor("uint8", [64], new Uint8Array(memory))),
    short((memory) => new Tensor("int16", [8, 4], new Uint8Array(memory), { strides: [2, 16] })),
    short((memory) => new Tensor("uint8", [20_000], new Uint8Array(memory)), 20_000),
  ];
  const reach = /^InvalidDocumentError: inputs\[0\]\[1\]: the array reaches from byte 0 to byte \d+, the data has 8 bytes; make /;
  for (const tensor of tensors) await assert.rejects(pipeline.execute([[1, tensor]]), reach);
  assert.throws(() => (tensors[1] as Tensor).data, /^RangeError: the array reaches from byte 0 to byte 64, the data has 8 /);
  for (const frames of [16, 5000]) {
    const audio = short((memory) => new Audio([new Float32Array(frames), new Float32Array(memory)], 8000), frames * 4);
    const unequal = new RegExp(`^InvalidDocumentError: inputs\\[0\\]: the channels have ${frames} and 2 frames; make them equal$`);
    await assert.rejects(pipeline.execute([audio]), unequal);
  }
  // What may get shorter meanwhile is not lent.
  const memory = made(20_000);
  const running = pipeline.execute<Uint8Array>([new Uint8Array(memory).fill(7)], { background: true });
  assert.equal(isLent(new Uint8Array(memory)), false);
  memory.resize(8);
  assert.deepEqual((await running).values[0], new Uint8Array(20_000).fill(7));
});

test("a value whose memory grows while it is read keeps one length", async () => {
  const pipeline = new Pipeline(PASS);
  const column = { name: "a", format: "C", flags: 0, metadata: new Uint8Array(0), length: 0, nullCount: 0, offset: 0 };
  // As if another thread let it grow after each look at its length.
  const growing = <View extends Uint8Array | Float32Array>(view: View, names = ["length", "byteLength"]): View => {
    const prototype: object = Object.getPrototypeOf(Object.getPrototypeOf(view)) as object;
    for (const name of names)
      Object.defineProperty(view, name, {
        get: (): number => {
          const found = Reflect.get(prototype, name, view) as number;
          (view.buffer as SharedArrayBuffer).grow(view.buffer.byteLength + 4);
          return found;
        },
      });
    return view;
  };
  const kinds: Record<string, (memory: SharedArrayBuffer) => Input> = {
    bytes: (memory) => growing(new Uint8Array(memory)) as never,
    file: (memory) => new MediaFile(growing(new Uint8Array(memory))),
    audio: (memory) => new Audio(growing(new Float32Array(memory), ["byteLength"]) as never, 8000),
    metadata: (memory) => new Table(0, [], growing(new Uint8Array(memory))),
    table: (memory) =>
      new Table(0, [{ ...column, buffers: [null, growing(new Uint8Array(memory))], children: [], dictionary: null }]),
  };
  for (const size of [64, 60_000])
    for (const [kind, make] of Object.entries(kinds)) {
      const memory = new SharedArrayBuffer(size, { maxByteLength: size + 400 });
      const { values } = await pipeline.execute<Value[]>([[make(memory), "end"]]);
      assert.deepEqual([values[0]!.length, values[0]![1]], [2, "end"], `${kind} of ${size}`);
    }
});

test("a value whose memory is gone is refused with its place", async () => {
  const pipeline = new Pipeline(PASS);
  const column = { name: "a", format: "C", flags: 0, metadata: new Uint8Array(0), length: 0, nullCount: 0, offset: 0 };
  const kinds: Record<string, (view: Uint8Array<ArrayBuffer>) => Input> = {
    bytes: (view) => view,
    buffer: ({ buffer, byteOffset, length }) => Buffer.from(buffer, byteOffset, length),
    view: ({ buffer, byteOffset, length }) => new DataView(buffer, byteOffset, length),
    array: ({ buffer, byteOffset, length }) => new Float32Array(buffer, byteOffset, length / 4),
    tensor: (view) => new Tensor("uint8", [view.length], view),
    "empty tensor": (view) => new Tensor("uint8", [0, 1], view),
    audio: ({ buffer, byteOffset, length }) => new Audio(new Float32Array(buffer, byteOffset, length / 4), 8000),
    video: (view) => new Video("gray", view.length, 1, [{ data: view, stride: view.length }]),
    file: (view) => new MediaFile(view),
    table: (view) => new Table(0, [{ ...column, buffers: [null, view], children: [], dictionary: null }]),
    metadata: (view) => new Table(0, [], view),
  };
  const lose: Record<string, (memory: ArrayBuffer) => void> = {
    transferred: (memory) => void structuredClone(memory, { transfer: [memory] }),
    shorter: (memory) => memory.resize(memory.byteLength / 2),
    empty: (memory) => memory.resize(0),
  };
  const problem = "its ArrayBuffer was transferred or made shorter, and the bytes are gone; give a copy made before that";
  const refused = { constructor: InvalidDocumentError, message: `inputs[0].a[1]: ${problem}` };
  for (const [how, act] of Object.entries(lose))
    for (const size of [64, 65_536])
      for (const [kind, make] of Object.entries(kinds)) {
        const memory = new ArrayBuffer(size, { maxByteLength: size });
        const value = make(new Uint8Array(memory, size / 4, size / 2));
        act(memory);
        await assert.rejects(pipeline.execute([{ a: [0, value] }]), refused, `${kind} ${how}`);
      }
  const memory = new ArrayBuffer(64, { maxByteLength: 64 });
  const [bytes, floats, none] = [new Uint8Array(memory, 8, 8), new Float32Array(memory, 8, 8), new Uint8Array(memory, 0, 0)];
  memory.resize(8);
  for (const make of [() => new Tensor("uint8", [0], bytes), () => Tensor.from(floats), () => new Audio(floats, 8000)])
    assert.throws(make, { constructor: RangeError, message: problem });
  // What is empty and inside is a value, and so is an ArrayBuffer that is shorter.
  assert.equal(toJson([none, memory]), toJson([new Uint8Array(0), new Uint8Array(8)]));
  structuredClone(memory, { transfer: [memory] });
  assert.throws(() => toJson([memory]), { constructor: InvalidDocumentError, message: `value[0]: ${problem}` });
});

test("elements of an array of numbers are not taken for bytes", () => {
  const numbers = new Float32Array([1.5, 2]) as never;
  assert.throws(() => new MediaFile(numbers), /a MediaFile is made from a path, a URL of a file or a Uint8Array/);
  assert.throws(() => new Video("gray", 2, 1, [{ data: numbers, stride: 2 }]), /the data of plane 0 is a Uint8Array/);
  const column = { name: "a", format: "f", flags: 0, metadata: new Uint8Array(0), length: 2, nullCount: 0, offset: 0 };
  const table = new Table(2, [{ ...column, buffers: [null, numbers], children: [], dictionary: null }]);
  assert.throws(() => toJson(table), {
    constructor: InvalidDocumentError,
    message: 'value: a buffer of the column "a" is no Uint8Array; give its bytes',
  });
});

test("a place in time or in memory that no integer holds is refused where it is given", () => {
  const times = "ptsNs must be a whole number of nanoseconds within 64 bits, beyond 2^53 a BigInt, got";
  const plane = { data: new Uint8Array(1), stride: 1 };
  for (const [ptsNs, got] of [
    [NaN, "NaN"],
    [1.5, "1.5"],
    [2 ** 60, "1152921504606847000"],
    [-Infinity, "-Infinity"],
    ["7", "'7'"],
    [true, "true"],
    [1n << 63n, "9223372036854775808n"],
  ] as [number, string][]) {
    const refused = { name: "RangeError", message: `${times} ${got}` };
    assert.throws(() => new Audio(new Float32Array(1), 8000, { ptsNs }), refused);
    assert.throws(() => new Video("gray", 1, 1, [plane], { ptsNs }), refused);
  }
  assert.equal(new Audio(new Float32Array(1), 8000, { ptsNs: -(1n << 63n) }).ptsNs, -(1n << 63n));
  const tensor = (options: TensorOptions): Tensor => new Tensor("uint8", [2], new Uint8Array(8), options);
  assert.throws(() => tensor({ strides: [2.5] }), /each of the strides is a whole number of bytes, not 2\.5/);
  assert.throws(() => tensor({ offset: 1.5 }), /the offset is a whole number of bytes, not 1\.5/);
  const table = new Table(1.5, []);
  assert.throws(() => toJson(table), /value: rows of the table must be a whole number, beyond 2\^53 a BigInt, got 1\.5/);
  const pcm = new Uint8Array(4);
  assert.throws(() => audioFromPcm(pcm, { format: "s16", rate: 2 ** 32 + 8000 }), /rate must be a whole number from 1/);
});

test("a file is named by a URL of this machine alone", () => {
  const path = (url: string): string | null => new MediaFile(new URL(url)).path;
  assert.equal(path("file:///tmp/caf%C3%A9.flac"), "/tmp/café.flac");
  assert.equal(path("file://localhost/tmp/a"), "/tmp/a");
  for (const [url, message] of [
    [
      "file://examples/a.flac",
      "'file://examples/a.flac' names a file of the machine 'examples'; a path needs no file:// before it: 'examples/a.flac'",
    ],
    ["file:///tmp/a%2fb", "'file:///tmp/a%2fb' has a slash within a name; write / in place of %2F"],
    [
      "file:///tmp/caf%E9",
      "'file:///tmp/caf%E9' names a file whose name is not UTF-8; give what is in it, as a Uint8Array",
    ],
    ["https://a.org/b", "a file's URL begins with file:, not https:"],
  ] as const)
    assert.throws(() => path(url), { name: "TypeError", message });
});

test("a manifest's mistakes come together, with line and column", () => {
  const text =
    "version: v1\nnodes:\n  - id: a\n    node_type: Calculatr\n  - id: b\n    node_type: AudioResample\n    params: {rate: 1}\n";
  assert.throws(
    () => new Pipeline(text),
    (error: Error) => {
      assert.ok(error instanceof ManifestError);
      assert.deepEqual(
        error.problems.map(({ path, line }) => [path, line]),
        [
          ["nodes[0].node_type", 4],
          ["nodes[1].params.rate", 7],
        ],
      );
      assert.match(error.problems[0]!.suggestion!, /Calculator/);
      return true;
    },
  );
});

test("a node that fails is named, with input, cause and cure, and what came before is there", async () => {
  const pipeline = new Pipeline(ADD);
  await assert.rejects(pipeline.execute([1, "two", 3]), (error: Error) => {
    assert.ok(error instanceof NodeError);
    assert.deepEqual([error.nodeId, error.nodeType, error.item, error.status], ["add", "Calculator", 1, -4]);
    assert.equal(error.cure, "Send a number.");
    assert.match(error.reason!, /^expected int/);
    assert.deepEqual(error.outputs!.values, [6]);
    assert.equal(error.errors.length, 1);
    assert.equal(error.name, "NodeError");
    return true;
  });
});

test("a signal cancels, and its reason is thrown", async () => {
  const called = deferred<AbortSignal>();
  const pipeline = new Pipeline(OWN, {
    nodes: { Own: (_, { signal }) => (called.resolve(signal), new Promise(() => undefined)) },
  });
  const controller = new AbortController();
  const reason = new Error("enough");
  const running = pipeline.execute([1], { signal: controller.signal });
  const signal = await called.promise;
  controller.abort(reason);
  await assert.rejects(running, (error) => error === reason);
  assert.ok(signal.aborted);
  await assert.rejects(pipeline.execute([1], { signal: controller.signal }), (error) => error === reason);
});

test("a signal that is aborted while the inputs are read cancels", async () => {
  const calls: Value[] = [];
  const pipeline = new Pipeline(OWN, { nodes: { Own: (value) => (calls.push(value), value) } });
  const reason = new Error("enough");
  const given: ((controller: AbortController) => Iterable<Input>)[] = [
    function* (controller) {
      controller.abort(reason);
      yield 1;
    },
    (controller) => [
      {
        get value() {
          controller.abort(reason);
          return 1;
        },
      },
    ],
  ];
  for (const background of [false, true])
    for (const inputs of given) {
      const controller = new AbortController();
      const running = pipeline.execute(inputs(controller), { signal: controller.signal, background });
      await assert.rejects(running, (error) => error === reason);
    }
  assert.deepEqual(calls, []);
});

test("a timeout ends the work", async () => {
  const pipeline = new Pipeline(OWN, { nodes: { Own: () => new Promise(() => undefined) } });
  await assert.rejects(pipeline.execute([1], { timeoutMs: 5 }), TimedOutError);
  assert.throws(() => new Pipeline(ADD).executeSync([1], { timeoutMs: -1 }), InvalidArgumentError);
});

test("a limit of time is a number of milliseconds, none where it is centuries", async () => {
  const pipeline = new Pipeline(ADD);
  for (const wrong of [-1, NaN, null, true, "5"] as number[]) {
    const refused = (name: string): object => ({
      constructor: InvalidArgumentError,
      message: `${name} is a number of milliseconds of 0 or more, not ${inspect(wrong)}`,
    });
    await assert.rejects(pipeline.execute([1], { timeoutMs: wrong }), refused("timeoutMs"));
    assert.throws(() => pipeline.executeSync([1], { timeoutMs: wrong }), refused("timeoutMs"));
    assert.throws(() => pipeline.session({ deadlineMs: wrong }), refused("deadlineMs"));
    assert.throws(() => pipeline.session({ packetDeadlineMs: wrong }), refused("packetDeadlineMs"));
    await assert.rejects(pipeline.runtime.shutdown(wrong), refused("timeoutMs"));
  }
  await pipeline.session({ deadlineMs: -0, packetDeadlineMs: -0 })[Symbol.asyncDispose]().catch(() => undefined);
  for (const long of [2 ** 53, 1e300, Infinity]) {
    assert.deepEqual((await pipeline.execute([1], { timeoutMs: long })).values, [6]);
    await using session = pipeline.session({ deadlineMs: long, packetDeadlineMs: long });
    await session.send(1);
    assert.equal((await session.receive())!.value, 6);
  }
});

test("memory is lent, comes back as itself, and is released", async () => {
  const pipeline = new Pipeline(PASS);
  const samples = new Float32Array(700_000).fill(0.25);
  const given = new Audio(samples, 48_000);
  const audio = (await pipeline.execute<Audio>([given])).values[0]!;
  assert.equal(audio.channel(0).buffer, samples.buffer);
  await whenReleased(samples);
  assert.equal(isLent(samples), false);
  const sync = pipeline.executeSync<Audio>([given]).values[0]!;
  assert.equal(sync.channel(0).buffer, samples.buffer);
  await whenReleased(samples);
});

test("what a call refuses is lent no more", async () => {
  const samples = new Float32Array(8000);
  const pipeline = new Pipeline(PASS);
  const timeoutMs = -1;
  await assert.rejects(pipeline.execute([samples], { timeoutMs }), /timeoutMs is a number of milliseconds of 0 or more/);
  assert.throws(() => pipeline.executeSync([samples], { timeoutMs }), InvalidArgumentError);
  await using session = pipeline.session();
  await assert.rejects(session.send(samples, { lend: true, ptsNs: 1.5 }), RangeError);
  assert.ok(!isLent(samples));
  await whenReleased(samples);
  setFlagsFromString("--expose_gc");
  const collect = runInNewContext("gc") as () => void;
  const refused = [5, { ...OWN, nodes: [{ id: "own", node_type: "Nope" }] }, OWN].map((manifest, index) => {
    const own = { process: (value: Value) => value, outputs: [index === 2 ? "\ud800" : "out"] };
    assert.throws(() => new Pipeline(manifest as never, { nodes: { Own: own } }));
    return new WeakRef(own);
  });
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  assert.deepEqual(
    refused.map((each) => each.deref()),
    [undefined, undefined, undefined],
  );
});

test("memory that a session has been lent is lent until it comes out", async () => {
  await using session = new Pipeline(PASS).session<Uint8Array>();
  const [bytes, copied] = [new Uint8Array(100_000), new Uint8Array(100_000)];
  await session.send(bytes, { lend: true });
  await session.send(copied);
  assert.ok(isLent(bytes));
  assert.ok(!isLent(copied));
  assert.equal((await session.receive())!.value.buffer, bytes.buffer);
  assert.notEqual((await session.receive())!.value.buffer, copied.buffer);
  await whenReleased(bytes);
});

test("slices of one ArrayBuffer share it", async () => {
  const block = new Uint8Array(80_000).map((_, index) => index % 251);
  const [first, second] = (
    await new Pipeline(PASS).execute<Uint8Array>([block.subarray(100, 30_000), block.subarray(40_001)])
  ).values;
  assert.deepEqual(first, block.subarray(100, 30_000));
  assert.equal(second!.buffer, block.buffer);
  assert.equal(second!.byteOffset, 40_001);
});

test("large results are views of the runtime's memory", async () => {
  const resample = new Pipeline({
    version: "v1",
    nodes: [{ id: "r", node_type: "AudioResample", params: { rate: 24_000 } }],
  });
  const outputs = await resample.execute<Audio>([new Audio(new Float32Array(96_000).fill(0.5), 48_000)]);
  const frames = outputs.values.reduce((sum, audio) => sum + audio.frames, 0);
  assert.equal(frames, 48_000);
});

test("results that are not used any more stay within 64 MiB without a turn of the loop", () => {
  const gain = new Pipeline({
    version: "v1",
    nodes: [{ id: "gain", node_type: "AudioGain", params: { gain_db: -6 } }],
  });
  const audio = new Audio(new Float32Array(1 << 20).fill(0.5), 48_000);
  for (let run = 0; run < 40; run++) {
    const results = gain.executeSync<Audio>([audio]).values;
    assert.equal(
      results.reduce((sum, each) => sum + each.frames, 0),
      1 << 20,
    );
    // Each has 65,536 frames, so 256 of them are 64 MiB.
    for (const result of results) assert.ok(Math.abs(result.channel(0).at(-1)! - 0.2506) < 0.001);
    assert.ok(liveObjects()["memories"]! <= 260);
  }
});

test("PCM, JSON twins, versions", () => {
  const audio = audioFromPcm(new Uint8Array([0, 0x40, 0, 0xc0]), { format: "s16", rate: 8000 });
  assert.deepEqual([...audio.channel(0)], [0.5, -0.5]);
  assert.deepEqual(audioToPcm(audio, "s16"), new Uint8Array([0, 0x40, 0, 0xc0]));
  assert.equal(toJson({ a: [1, 1.5] }), '{"a":[1,1.5]}');
  assert.deepEqual(fromJson('{"a":[1,1.5]}'), { a: [1, 1.5] });
  assert.throws(() => fromJson("[1,"), InvalidDocumentError);
  assert.match(versions().abi, /^\d+\.\d+$/);
});

test("a graph of sources runs once without inputs; other graphs need some", async () => {
  const tone = new Pipeline({
    version: "v1",
    nodes: [{ id: "tone", node_type: "ToneSource", params: { duration_s: 0.01, rate: 8000 } }],
  });
  for (const inputs of [null, []]) {
    const audio = (await tone.execute<Audio>(inputs)).values;
    assert.equal(
      audio.reduce((sum, each) => sum + each.frames, 0),
      80,
    );
  }
  await assert.rejects(new Pipeline(ADD).execute(), InvalidArgumentError);
  assert.deepEqual((await new Pipeline(ADD).execute([])).values, []);
});

test("the plan and the catalog", () => {
  const plan = new Pipeline({
    version: "v1",
    nodes: [calculator("a", "add", 1), calculator("b", "add", 2)],
    connections: [{ from: "a", to: "b" }],
  }).plan;
  assert.deepEqual(
    plan.nodes.map((node) => node.id),
    ["a", "b"],
  );
  assert.ok(Runtime.default.describe().nodes.some((type) => type.name === "AudioResample"));
});

test("what is awaited is not collected", async () => {
  setFlagsFromString("--expose_gc");
  const collect = runInNewContext("gc") as () => void;
  // It waits in the runtime alone, for its second try.
  const node = { ...calculator("add", "add", 5), on_error: { retry: { times: 1, backoff_ms: 100 } } };
  const start = (): Promise<unknown> =>
    new Pipeline({ version: "v1", nodes: [node] }, { runtime: new Runtime() }).execute(["x"]);
  const rejected = assert.rejects(start(), NodeError);
  for (let round = 0; round < 4; round++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  await rejected;
});

test("the nice value of workers is checked", () => {
  const message = "config: nice: expected 0 to 19, got 20";
  assert.throws(() => new Runtime({ nice: 20 }), { constructor: InvalidArgumentError, message });
});

test("an option that is none is refused where it is given", async () => {
  const pipeline = new Pipeline(ADD);
  const refused = (message: string): object => ({ constructor: InvalidArgumentError, message });
  await assert.rejects(
    pipeline.execute([1], { timeout: 5 } as never),
    refused("execute has no option 'timeout'; it has signal, timeoutMs, background"),
  );
  assert.throws(
    () => pipeline.executeSync([1], { background: true } as never),
    refused("executeSync has no option 'background'; it has timeoutMs"),
  );
  assert.throws(
    () => new Pipeline(ADD, { node: {} } as never),
    refused("Pipeline has no option 'node'; it has nodes, exact, runtime"),
  );
  const names = "outputs, buffer, deadlineMs, packetDeadlineMs, clock, trace, signal";
  assert.throws(
    () => pipeline.session({ deadline: 5 } as never),
    refused(`session has no option 'deadline'; it has ${names}`),
  );
  assert.throws(() => pipeline.session(null as never), refused("session takes options as an object, not null"));
  assert.throws(() => pipeline.session("a" as never), refused("session takes options as an object, not a"));
  const signal = {} as never;
  const noSignal = refused("signal is an AbortSignal, such as that of an AbortController, not {}");
  assert.throws(() => pipeline.session({ signal }), noSignal);
  await assert.rejects(pipeline.execute([1], { signal }), noSignal);
  await using session = pipeline.session();
  await assert.rejects(
    session.send(1, { input: "in" } as never),
    refused("send has no option 'input'; it has pts, ptsNs, duration, durationNs, to, lend"),
  );
  assert.throws(() => session.trySend(1, 5 as never), refused("send takes options as an object, not 5"));
  await assert.rejects(session.send(1, null as never), refused("send takes options as an object, not null"));
  await assert.rejects(session.send(1, { to: "x" }), refused('this pipeline names no inputs; leave out to: "x"'));
  const samples = new Float32Array(1);
  assert.throws(
    () => new Audio(samples, 8000, { pts: 1 } as never),
    refused("Audio has no option 'pts'; it has layout, ptsNs"),
  );
  assert.throws(
    () => new Video("gray", 0, 0, [{ data: new Uint8Array(0), stride: 0 }], { pts: 1 } as never),
    refused("Video has no option 'pts'; it has ptsNs"),
  );
  assert.throws(
    () => new Tensor("float32", [1], samples, { stride: [4] } as never),
    refused("Tensor has no option 'stride'; it has strides, offset"),
  );
  assert.throws(() => toJson(1, { exakt: true } as never), refused("toJson has no option 'exakt'; it has exact"));
  assert.throws(
    () => audioFromPcm(new Uint8Array(2), { format: "s16", rate: 8000, chanels: 2 } as never),
    refused("audioFromPcm has no option 'chanels'; it has format, rate, channels"),
  );
  assert.throws(
    () => audioLevel({}, { name: "level" } as never),
    refused("AudioLevel has no setting 'name'; it has id, onError"),
  );
  assert.throws(() => audioLevel(5 as never), refused("AudioLevel takes params as an object, not 5"));
  await session.send(1, { pts: 0.5, lend: true });
  await session.finish();
  assert.equal((await session.receive())?.value, 6);
});

test("what is no graph, manifest or list of inputs is told at the call", async () => {
  const refused = (message: string | RegExp): object => ({ constructor: InvalidArgumentError, message });
  const graph = "a graph connects nodes, such as audioLevel(), and their ports, not a value of the type";
  for (const [given, kind] of [
    [audioLevel, "function; call it, or write node(function) for one of your own"],
    ["AudioLevel", "string"],
    [null, "null"],
    [undefined, "undefined"],
    [{ node_type: "Echo" }, "object"],
    [[audioLevel()], "object"],
  ])
    assert.throws(() => new Graph().chain(given as never), refused(`${graph} ${String(kind)}`));
  const manifest = "a manifest is text, an object or a Graph; of nodes it is made by new Graph().chain(first, second)";
  for (const given of [undefined, null, 5, audioLevel(), [audioLevel()]])
    assert.throws(() => new Pipeline(given as never), refused(manifest));
  const pipeline = new Pipeline(ADD);
  const inputs = "inputs are a list with one value for each item: execute([value])";
  const file = new MediaFile("/tmp/a.flac");
  const media = [file, new Audio(new Float32Array(1), 8000), new Timestamp(5), new Float(1), new Date(5), new ArrayBuffer(1)];
  for (const given of [5, "text", true, new Float32Array(3), () => 1, Promise.resolve([1]), ...media])
    await assert.rejects(pipeline.execute(given as never), refused(inputs));
  const named = "the input 'mic' is a list with one value for each item: execute({ mic: [value] })";
  for (const given of [5, "text", {}, new Float32Array(3), file, new Map([["a", 1]])]) {
    assert.throws(() => pipeline.executeSync({ mic: given } as never), refused(named));
    assert.throws(() => pipeline.executeSync(new Map([["mic", given]]) as never), refused(named));
  }
  await using session = pipeline.session();
  assert.throws(() => session.interrupt("add" as never), refused("interrupt takes options as an object, not add"));
  const set = "setParams takes the id of a node and an object: setParams(node, { param: value })";
  await assert.rejects(session.setParams(audioLevel() as never, { a: 1 }), refused(set));
  await assert.rejects(session.setParams("add", undefined as never), refused(set));
  assert.throws(() => new MediaFile(undefined as never), /a MediaFile is made from a path, a URL of a file or a Uint8Array/);
});

test("a runtime of one's own ends with its block", async () => {
  const before = liveObjects()["runtimes"]!;
  {
    await using runtime = new Runtime({ workers: 1 });
    using pipeline = new Pipeline(ADD, { runtime });
    assert.deepEqual((await pipeline.execute([1])).values, [6]);
    assert.equal(liveObjects()["runtimes"], before + 1);
  }
  assert.equal(liveObjects()["runtimes"], before);
});

test("the end of a runtime hands out all ends, however many there are", async () => {
  const runtime = new Runtime({ workers: 1 });
  const pipeline = new Pipeline(PASS, { runtime });
  let ended = 0;
  for (let count = 0; count < 10_000; count++)
    pipeline.execute([count], { background: true }).then(
      () => ended++,
      () => ended++,
    );
  await runtime[Symbol.asyncDispose]();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(ended, 10_000);
});
