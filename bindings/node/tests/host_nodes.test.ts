/** Functions of this program as nodes: what they may be and return, and what becomes of what they throw. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Audio,
  Graph,
  InvalidArgumentError,
  NodeError,
  Pipeline,
  TimedOutError,
  emit,
  node,
  type BatchFunction,
  type Context,
  type HostNode,
  type Input,
  type Manifest,
  type NodeDefinition,
  type NodeFunction,
  type Value,
} from "remotemedia";
import { ADD, OWN, calculator, deferred } from "./pipelines.js";

/** A pipeline of nodes of this program, one behind the other. */
function chain(nodes: Record<string, NodeDefinition>): Pipeline {
  const types = Object.keys(nodes);
  return new Pipeline(
    {
      version: "v1",
      nodes: types.map((type) => ({ id: type, node_type: type })),
      connections: types.slice(1).map((type, index) => ({ from: types[index]!, to: type })),
    },
    { nodes },
  );
}

test("functions, async functions and generators", async () => {
  const run = async (Own: (value: any, context: Context) => unknown): Promise<unknown[]> =>
    (await new Pipeline(OWN, { nodes: { Own } }).execute([1, 2])).values;
  assert.deepEqual(await run((value) => value * 10), [10, 20]);
  assert.deepEqual(await run(async (value) => value * 10), [10, 20]);
  assert.deepEqual(await run(() => undefined), []);
  assert.deepEqual(await run(() => null), [null, null]);
  assert.deepEqual(await run((value) => [value, value]), [
    [1, 1],
    [2, 2],
  ]);
  assert.deepEqual(
    await run(function* (value) {
      yield value;
      yield -value;
    }),
    [1, -1, 2, -2],
  );
  assert.deepEqual(
    await run(async function* (value) {
      yield value;
      yield undefined;
      yield "end";
    }),
    [1, "end", 2, "end"],
  );
});

test("executeSync passes on what is held back at the end of an item", async () => {
  const sum = (flush: (sum: number) => unknown): NodeDefinition => ({
    create: () => {
      let sum = 0;
      return { process: (value) => void (sum += value), flush: () => flush(sum) };
    },
  });
  const flushes: [flush: (sum: number) => unknown, expected: number[]][] = [
    [(value) => value, [2, 6, 12]],
    [(value) => [value, -value].values(), [2, -2, 6, -6, 12, -12]],
  ];
  for (const [flush, expected] of flushes) {
    const pipeline = chain({ Sum: sum(flush), Double: { process: (value) => value * 2 } });
    assert.deepEqual(pipeline.executeSync([1, 2, 3]).values, expected);
    assert.deepEqual((await pipeline.execute([1, 2, 3])).values, expected);
  }
});

test("executeSync runs what is synchronous, and refuses the rest", () => {
  assert.deepEqual(new Pipeline(OWN, { nodes: { Own: (value) => value + 1 } }).executeSync([1, 2]).values, [2, 3]);
  assert.deepEqual(
    new Pipeline(OWN, {
      nodes: {
        Own: function* (value) {
          yield value;
          yield value;
        },
      },
    }).executeSync([1]).values,
    [1, 1],
  );
  assert.deepEqual(
    new Pipeline(OWN, { nodes: { Own: { processMany: (values) => values } } }).executeSync([1, 2]).values,
    [1, 2],
  );
  const later = { next: async () => ({ value: 1 }), [Symbol.iterator]: () => later };
  for (const Own of [async (value: Value) => value, async function* () {}, () => later])
    assert.throws(() => new Pipeline(OWN, { nodes: { Own } }).executeSync([1]), /use execute/);
});

const thrown: RangeError = new RangeError("too loud", { cause: new Error("behind it") });

const THROWING: Record<string, NodeFunction> = {
  function: () => {
    throw thrown;
  },
  async: async () => {
    await null;
    throw thrown;
  },
  generator: function* () {
    yield 1;
    throw thrown;
  },
  "async generator": async function* () {
    yield 1;
    throw thrown;
  },
};

for (const [kind, Own] of Object.entries(THROWING)) {
  test(`what a node throws is the cause, the same object: ${kind}`, async () => {
    const pipeline = new Pipeline(
      {
        version: "v1",
        nodes: [calculator("add", "add", 1), { id: "own", node_type: "Own" }],
        connections: [{ from: "add", to: "own" }],
      },
      { nodes: { Own } },
    );
    await assert.rejects(pipeline.execute([1]), (error: Error) => {
      assert.ok(error instanceof NodeError);
      assert.equal(error.cause, thrown);
      assert.deepEqual([error.nodeId, error.nodeType, error.item], ["own", "Own", 0]);
      assert.match(error.message, /RangeError: too loud/);
      assert.deepEqual(error.chain, ["Error: behind it"]);
      return true;
    });
  });
}

test("anything may be thrown", async () => {
  for (const object of ["text", null, undefined, { a: 1 }]) {
    const pipeline = new Pipeline(OWN, {
      nodes: {
        Own: () => {
          throw object;
        },
      },
    });
    await assert.rejects(pipeline.execute([1]), (error: Error) => error instanceof NodeError && error.cause === object);
  }
});

test("a result that can't cross fails the node", async () => {
  const pipeline = new Pipeline(OWN, { nodes: { Own: (value) => (value === 2 ? { at: [Symbol("x")] } : value) } });
  await assert.rejects(pipeline.execute([1, 2]), /the returned value\.at\[0\]: a symbol can't cross/);
});

test("the context has the place of the packet", async () => {
  const seen: Context[] = [];
  const pipeline = new Pipeline(
    { version: "v1", nodes: [{ id: "own", node_type: "Own", params: { factor: 3 } }] },
    { nodes: { Own: (value, context) => (seen.push(context), value) } },
  );
  await pipeline.execute([new Audio(new Float32Array(80), 8000, { ptsNs: 1_000_000_000 })]);
  const { nodeId, nodeType, params, item, input, pts, duration } = seen[0]!;
  assert.deepEqual(
    { nodeId, nodeType, params, item, input, pts, duration },
    { nodeId: "own", nodeType: "Own", params: { factor: 3 }, item: 0, input: "in", pts: 1, duration: 0.01 },
  );
});

test("several inputs and outputs, and times of one's own", async () => {
  const pipeline = new Pipeline(
    {
      version: "v1",
      nodes: [
        { id: "split", node_type: "Split" },
        calculator("even", "add", 0),
        calculator("odd", "add", 0),
        { id: "join", node_type: "Join" },
      ],
      connections: [
        { from: "split.even", to: "even" },
        { from: "split.odd", to: "odd" },
        { from: "even", to: "join.left" },
        { from: "odd", to: "join.right" },
      ],
    },
    {
      nodes: {
        Split: {
          outputs: ["even", "odd"],
          process: (value) => emit(value, { output: value % 2 === 0 ? "even" : "odd", pts: value }),
        },
        Join: { inputs: ["left", "right"], process: (value, { input, pts }) => [input, value, pts] },
      },
    },
  );
  assert.deepEqual((await pipeline.execute([1, 2])).values, [
    ["right", 1, 1],
    ["left", 2, 2],
  ]);
});

test("a generator waits for room, and is ended when it is not wanted any more", async () => {
  let made = 0;
  const ended = deferred();
  const pipeline = new Pipeline(OWN, {
    nodes: {
      Own: async function* () {
        try {
          for (;;) yield made++;
        } finally {
          ended.resolve();
        }
      },
    },
  });
  const session = pipeline.session({ buffer: { packets: 4 } });
  await session.send(0);
  for (let index = 0; index < 20; index++) assert.equal((await session.receive())!.value, index);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(made < 200, `${made} values are made for 20 that are read`);
  await session[Symbol.asyncDispose]();
  await ended.promise;
});

test("values that come together are served together", async () => {
  const sizes: number[] = [];
  const pipeline = new Pipeline(OWN, {
    nodes: {
      Own: { batch: 4, processMany: async (values) => (sizes.push(values.length), values.map((value) => value * 2)) },
    },
  });
  assert.deepEqual((await pipeline.execute([1, 2, 3, 4, 5])).values, [2, 4, 6, 8, 10]);
  assert.ok(sizes.every((size) => size <= 4));
  assert.equal(
    sizes.reduce((sum, size) => sum + size),
    5,
  );
});

test("a batch that throws is given again value by value", async () => {
  const check = (values: number[]): number[] => {
    if (values.includes(3)) throw thrown;
    return values;
  };
  const own = (processMany: BatchFunction, onError: string): Pipeline =>
    new Pipeline(JSON.stringify({ version: "v1", nodes: [{ id: "own", node_type: "Own", on_error: onError }] }), {
      nodes: { Own: { batch: 8, processMany } },
    });
  for (const processMany of [check, async (values: number[]) => check(values)]) {
    const outputs = await own(processMany, "skip").execute([1, 2, 3, 4, 5]);
    assert.deepEqual(outputs.values, [1, 2, 4, 5]);
    assert.deepEqual([outputs.skips, outputs.skipped.map(({ item }) => item)], [1, [2]]);
    await assert.rejects(own(processMany, "fail").execute([1, 2, 3, 4, 5]), (error: Error) => {
      assert.ok(error instanceof NodeError);
      assert.deepEqual([error.cause, error.item, error.outputs!.values], [thrown, 2, [1, 2]]);
      return true;
    });
  }
  assert.deepEqual(own(check, "skip").executeSync([1, 2, 3, 4, 5]).values, [1, 2, 4, 5]);
  // One that throws while each of its values passes is no error.
  const together: BatchFunction = (values) => {
    if (values.length > 1) throw thrown;
    return values;
  };
  assert.deepEqual((await own(together, "fail").execute([1, 2, 3])).values, [1, 2, 3]);
  const short = own((values) => values.slice(1), "fail").execute([1, 2]);
  await assert.rejects(short, /processMany got 2 values and returned 1 results; return one for each/);
});

test("each result of a batch may be what a function returns", async () => {
  const own = (each: NodeFunction): Pipeline =>
    new Pipeline(OWN, {
      nodes: {
        Own: { processMany: (values, contexts) => values.map((value, index) => each(value, contexts[index]!)) },
      },
    });
  assert.deepEqual((await own(async (value) => value * 2).execute([1, 2, 3])).values, [2, 4, 6]);
  const twice: NodeFunction = function* (value) {
    yield value;
    yield -value;
  };
  assert.deepEqual((await own(twice).execute([1, 2])).values, [1, -1, 2, -2]);
  assert.deepEqual(own(twice).executeSync([1, 2]).values, [1, -1, 2, -2]);
  // Of several that fail the first is reported; the others are no unhandled rejections, which would end this test.
  const failing = own(async (value) => {
    if (value > 1) throw thrown;
    return value;
  });
  await assert.rejects(failing.execute([1, 2, 3]), (error: Error) => {
    assert.ok(error instanceof NodeError);
    assert.deepEqual([error.cause, error.item, error.outputs!.values], [thrown, 1, [1]]);
    return true;
  });
  await new Promise((resolve) => setImmediate(resolve));
});

/** Keeps the thread for some milliseconds. */
function work(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** A node that notes how many values it gets at once: as a function, or made for each run. */
function noting(sizes: number[]): NodeDefinition[] {
  const processMany: BatchFunction = (values) => (sizes.push(values.length), values);
  return [
    { processMany, batch: 8 },
    { create: () => ({ processMany }), batch: 8 },
  ];
}

test("the `then` of a result of a batch is called once, with what it calls", async () => {
  const called: number[] = [];
  // A query of a data base is one: it is made by each call of its `then`.
  const lazy = (value: number): PromiseLike<number> => ({
    then(resolve) {
      called.push(value);
      resolve!(value * 10);
      return undefined as never;
    },
  });
  const nodes: Record<string, NodeDefinition> = { Own: { processMany: (values: number[]) => values.map(lazy) } };
  assert.deepEqual((await new Pipeline(OWN, { nodes }).execute([1, 2, 3])).values, [10, 20, 30]);
  assert.deepEqual(called, [1, 2, 3]);
});

test("values that functions give come together before a batch", async () => {
  const sizes: number[] = [];
  const numbers = Array.from({ length: 16 }, (_, index) => index);
  for (const First of [
    { process: (value: number) => value, batch: 8 },
    { process: (value: number) => (work(1), value), batch: 8 },
    { process: async (value: number) => value, batch: 8 },
    { processMany: (values: number[]) => values, batch: 8 },
  ]) {
    for (const Many of noting(sizes)) {
      const pipeline = chain({ First, Many, Last: { process: (value) => value + 1, batch: 8 } });
      assert.deepEqual(
        (await pipeline.execute(numbers)).values,
        numbers.map((number) => number + 1),
      );
      // Ends of items count among the entries of a call.
      assert.ok(
        sizes.every((size) => size > 1 && size <= 8),
        `${sizes}`,
      );
      sizes.length = 0;
    }
  }
  // In one call, what came before a failure in front of the batch leaves.
  const First = {
    batch: 8,
    process: (value: number) => {
      if (value === 3) throw thrown;
      return value;
    },
  };
  const [, Many] = noting(sizes);
  await assert.rejects(chain({ First, Many: Many! }).execute(numbers), (error: Error) => {
    assert.ok(error instanceof NodeError);
    assert.deepEqual([error.nodeId, error.item, error.outputs!.values], ["First", 3, [0, 1, 2]]);
    return true;
  });
});

test("a limit of time ends a batch of functions that keep the thread, between two of them", async () => {
  const items = Array.from({ length: 20 }, (_, index) => index);
  let calls = 0;
  const process = (value: Value): Value => (calls++, work(20), value);
  // Several together are refused, and come again one by one.
  const processMany: BatchFunction = (values) => {
    if (values.length > 1) throw thrown;
    return values.map(process);
  };
  for (const Own of [{ process }, { processMany }]) {
    const pipeline = new Pipeline(OWN, { nodes: { Own } });
    for (const run of [() => pipeline.execute(items, { timeoutMs: 5 }), async () => pipeline.executeSync(items, { timeoutMs: 5 })]) {
      calls = 0;
      await assert.rejects(run(), TimedOutError);
      assert.ok(calls < items.length, `${calls} calls`);
    }
  }
});

test("what ends a run ends a generator that keeps the thread", async () => {
  let isRunOut = false;
  const counting = (given: (number: number) => unknown): NodeFunction =>
    function* () {
      const end = performance.now() + 10_000;
      for (let number = 0; performance.now() < end; number++) yield given(number);
      isRunOut = true;
    };
  const Behind = (value: number): number => {
    if (value === 99) throw thrown;
    return value;
  };
  const [number, nothing] = [counting((number) => number), counting(() => undefined)];
  const manifest = (...types: string[]): Manifest => ({
    version: "v1",
    nodes: [{ id: "a", node_type: types[0]! }, calculator("b", "add", 0), { id: "c", node_type: types[1]! }],
    connections: [
      { from: "a", to: "b" },
      { from: "b", to: "c" },
    ],
  });
  const failing = new Pipeline(manifest("Counting", "Behind"), { nodes: { Counting: number, Behind } });
  for (const [pipeline, options, error] of [
    [new Pipeline(OWN, { nodes: { Own: number } }), { timeoutMs: 20 }, TimedOutError],
    [new Pipeline(OWN, { nodes: { Own: nothing } }), { timeoutMs: 20 }, TimedOutError],
    [failing, {}, NodeError],
  ] as const) {
    await assert.rejects(pipeline.execute([1], options), error);
    assert.equal(isRunOut, false);
    assert.throws(() => pipeline.executeSync([1], options), error);
    assert.equal(isRunOut, false);
  }
});

test("a generator waits for room while executeSync blocks the thread", () => {
  const count = 2000;
  let [made, taken, most] = [0, 0, 0];
  const pipeline = new Pipeline(
    {
      version: "v1",
      nodes: [{ id: "a", node_type: "Counting" }, calculator("b", "add", 0), { id: "c", node_type: "Taking" }],
      connections: [
        { from: "a", to: "b" },
        { from: "b", to: "c" },
      ],
    },
    {
      nodes: {
        *Counting() {
          for (; made < count; most = Math.max(most, made - taken)) yield made++;
        },
        Taking: (value) => (taken++, value),
      },
    },
  );
  assert.deepEqual(pipeline.executeSync([1]).values, [...Array(count).keys()]);
  assert.ok(most < 1000, `${most} values are made for none that is taken`);
});

test("what is held back comes before a batch in its place", async () => {
  const sizes: number[] = [];
  for (const Many of noting(sizes)) {
    const sum = (): HostNode => {
      let sum = 0;
      return { process: (value) => (sum += value), flush: () => ({ sum }) };
    };
    const pipeline = chain({ Sum: { create: sum, batch: 8 }, Many, Last: { process: (value) => value, batch: 8 } });
    const expected = [1, { sum: 1 }, 3, { sum: 3 }];
    assert.deepEqual((await pipeline.execute([1, 2])).values, expected);
    assert.deepEqual(pipeline.executeSync([1, 2]).values, expected);
  }
});

test("an endless stream before a batch is delivered, and not collected", async () => {
  const streams: NodeFunction[] = [
    function* () {
      for (let number = 0; ; number++) yield number;
    },
    async function* () {
      for (let number = 0; ; number++) yield number;
    },
  ];
  const sizes: number[] = [];
  for (const stream of streams) {
    for (const Many of noting(sizes)) {
      const pipeline = chain({ Stream: { process: stream, batch: 8 }, Many });
      await using session = pipeline.session<number>({ buffer: { packets: 4 } });
      await session.send(0);
      for (let number = 0; number < 100; number++) assert.equal((await session.receive())!.value, number);
      assert.ok(sizes.every((size) => size <= 8));
    }
  }
});

test("state belongs to one run, and is closed with it", async () => {
  let open = 0;
  const pipeline = new Pipeline(OWN, {
    nodes: {
      Own: {
        create: () => {
          let sum = 0;
          open++;
          return { process: (value) => (sum += value), flush: () => ({ sum }), close: () => void open-- };
        },
      },
    },
  });
  const [first, second] = await Promise.all([pipeline.execute([1, 2]), pipeline.execute([10])]);
  assert.deepEqual(first.values, [1, { sum: 1 }, 3, { sum: 3 }]);
  assert.deepEqual(second.values, [10, { sum: 10 }]);
  assert.equal(open, 0);
});

test("what is not waited for is rejected without an end of the program", async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  const warnings: string[] = [];
  const warn = ({ message }: Error): void => void warnings.push(message);
  process.on("unhandledRejection", note);
  process.on("warning", warn);
  try {
    const lost = (): Promise<never> => Promise.reject(new Error("lost"));
    const blocked: NodeDefinition[] = [
      { process: lost },
      { processMany: lost },
      { processMany: (values) => values.map(lost) },
      {
        process: function* () {
          yield lost();
        },
      },
      { create: () => ({ process: (value) => value, flush: lost }) },
    ];
    for (const Own of blocked)
      assert.throws(() => new Pipeline(OWN, { nodes: { Own } }).executeSync([1, 2]), /an asynchronous function can't run while/);
    const miscounted = new Pipeline(OWN, { nodes: { Own: { processMany: () => [lost()] } } });
    await assert.rejects(miscounted.execute([1, 2]), /processMany got 2 values and returned 1 results/);
    const unmade = new Pipeline(OWN, { nodes: { Own: { create: lost as never } } });
    await assert.rejects(unmade.execute([1]), /create of the node type 'Own' returns no object/);
    const close = async (): Promise<void> => {
      throw new Error("not closed");
    };
    const unclosed = new Pipeline(OWN, { nodes: { Own: { create: () => ({ process: (value) => value, close }) } } });
    assert.deepEqual((await unclosed.execute([1])).values, [1]);
    // Two turns: rejections are looked for behind the first one, warnings are given in the next.
    for (let turns = 0; turns < 2; turns++) await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off("unhandledRejection", note);
    process.off("warning", warn);
  }
  assert.deepEqual(unhandled, []);
  assert.deepEqual(warnings, ["the node own threw when it was closed: Error: not closed"]);
});

test("a pipeline that is closed lets its runs end", async () => {
  const add: NodeFunction = (value: number, { params }) => value + (params["by"] as number);
  const manifest: Manifest = { version: "v1", nodes: [{ id: "own", node_type: "Own", params: { by: 5 } }] };
  for (const Own of [add, { create: () => ({ process: add }) }]) {
    const pipeline = new Pipeline(manifest, { nodes: { Own } });
    const running = pipeline.execute([1, 2], { background: true });
    pipeline.close();
    assert.deepEqual((await running).values, [6, 7]);
  }
});

test("a graph is put together of nodes and functions", async () => {
  const double = node((value: number) => value * 2, { type: "double" });
  const graph = new Graph("numbers").chain(
    node(function plus(value: number) {
      return value + 1;
    }),
    double,
  );
  assert.deepEqual(graph.toJSON(), {
    version: "v1",
    metadata: { name: "numbers" },
    nodes: [
      { id: "plus", node_type: "plus" },
      { id: "double", node_type: "double" },
    ],
    connections: [{ from: "plus", to: "double" }],
  });
  assert.deepEqual((await new Pipeline(graph).execute([1, 2])).values, [4, 6]);
});

test("a graph refuses a second meaning of a name", async () => {
  const refused = (message: RegExp): object => ({ constructor: InvalidArgumentError, message });
  const first = node((value: Value) => value, { type: "First" });
  const second = node((value: Value) => value, { type: "Second" });
  const graph = new Graph().input("in", first).output("out", first);
  assert.throws(() => graph.input("in", second), refused(/^the graph has the input 'in' already; give all its nodes in one/));
  assert.throws(() => graph.output("out", second), refused(/^the graph has the output 'out' already; it is of one node, so /));
  const shout = node(function Shout() {
    return "of the graph";
  });
  const nodes = { Shout: () => "of the options" };
  assert.throws(() => new Pipeline(new Graph().chain(shout), { nodes }), refused(/^the graph has a node type 'Shout' of its/));
  const own = (): string => "of both";
  const outputs = ["out"];
  for (const [inGraph, inOptions] of [
    [node(own, { type: "Own" }), own],
    [node({ process: own }, { type: "Own" }), own],
    [node(own, { type: "Own", outputs: ["out"] }), { process: own, outputs }],
  ] as const) {
    const both = new Pipeline(new Graph().chain(inGraph), { nodes: { Own: inOptions } });
    assert.deepEqual((await both.execute([1])).values, ["of both"]);
  }
  for (const Own of [{ processMany: own as never }, { process: own, batch: 4 }, { create: () => ({ process: own }) }])
    assert.throws(() => new Pipeline(new Graph().chain(node(own, { type: "Own" })), { nodes: { Own } }), refused(/^the graph has a /));
  const types = new Graph().chain(node(own), node(own), node(own, { batch: 4 }), node(own, { batch: 4 })).toJSON().nodes;
  assert.deepEqual(types.map((each) => each.node_type), ["own", "own", "own_2", "own_2"]);
});

test("a name in a graph may be one that JavaScript has in every object", async () => {
  for (const name of ["__proto__", "constructor"]) {
    const graph = new Graph().input(name, node((value: number) => value + 1, { type: name, id: "plus" }));
    assert.equal(graph.toJSON().nodes[0]!.node_type, name);
    const pipeline = new Pipeline(graph);
    assert.deepEqual(pipeline.plan.inputs.map((input) => input.name), [name]);
    assert.deepEqual((await pipeline.execute(new Map([[name, [1]]]))).values, [2]);
  }
});

test("many runs at once", async () => {
  const pipeline = new Pipeline(OWN, { nodes: { Own: async (value) => value + 1 } });
  const runs = await Promise.all(Array.from({ length: 50 }, (_, index) => pipeline.execute([index])));
  assert.deepEqual(
    runs.map((outputs) => outputs.values[0]),
    Array.from({ length: 50 }, (_, index) => index + 1),
  );
  assert.deepEqual((await new Pipeline(ADD).execute([1])).values, [6]);
});

test("a result that can't cross loses no other", async () => {
  const functions: NodeFunction[] = [
    (value) => (value === 2 ? "\ud83d" : value),
    async (value) => (value === 2 ? "\ud83d" : value),
    function* (value) {
      yield value === 2 ? "\ud83d" : value;
    },
  ];
  const manifest = (onError: string): string =>
    JSON.stringify({ version: "v1", nodes: [{ id: "own", node_type: "Own", on_error: onError }] });
  for (const Own of functions) {
    await assert.rejects(new Pipeline(manifest("fail"), { nodes: { Own } }).execute([1, 2, 3]), (error: Error) => {
      assert.ok(error instanceof NodeError);
      assert.deepEqual([error.item, error.outputs!.values], [1, [1]]);
      return true;
    });
    const outputs = await new Pipeline(manifest("skip"), { nodes: { Own } }).execute([1, 2, 3, 4, 5]);
    assert.deepEqual([outputs.values, outputs.skips], [[1, 3, 4, 5], 1]);
  }
});

test("functions next to each other keep the times that they give", async () => {
  const samples = new Float32Array(100);
  const cases: [value: Input, at: Parameters<typeof emit>[1], expected: [number, number]][] = [
    [1, { pts: 5, duration: 1 }, [5e9, 1e9]],
    [1, { pts: 5 }, [5e9, 2e9]],
    [1, { durationNs: 7n }, [3e9, 7]],
    [new Audio(samples, 44_100, { ptsNs: 5e9 }), {}, [5e9, 2_267_574]],
    [new Audio(samples, 44_100), {}, [3e9, 2_267_574]],
    [1, { pts: null, ptsNs: null, duration: null, durationNs: null }, [3e9, 2e9]],
  ];
  const lasts: NodeFunction[] = [
    () => "text",
    async () => "text",
    function* () {
      yield "text";
    },
  ];
  for (const [value, at, [pts, duration]] of cases) {
    for (const last of lasts) {
      // With a native node between them the runtime does it.
      for (const between of [[], ["PassThrough"]]) {
        const seen: (bigint | null)[] = [];
        const types = ["At", ...between, "Last"];
        const pipeline = new Pipeline(
          {
            version: "v1",
            nodes: types.map((type) => ({ id: type, node_type: type })),
            connections: types.slice(1).map((type, index) => ({ from: types[index]!, to: type })),
          },
          {
            nodes: {
              At: () => emit(value, at),
              Last: (given, context) => (seen.push(context.ptsNs, context.durationNs), last(given, context)),
            },
          },
        );
        await using session = pipeline.session();
        await session.send(0, { pts: 3, duration: 2 });
        await session.finish();
        const { ptsNs, durationNs } = (await session.receive())!;
        assert.deepEqual([ptsNs, durationNs], [BigInt(pts), BigInt(duration)]);
        assert.deepEqual(seen, [BigInt(pts), BigInt(duration)]);
      }
    }
  }
});

test("a time that is none is refused", async () => {
  const wrong = [{ ptsNs: NaN }, { ptsNs: 1.5 }, { ptsNs: 1e30 }, { ptsNs: "5" }, { ptsNs: 1n << 63n }, { pts: "5" }];
  for (const at of wrong) {
    const pipeline = new Pipeline(OWN, { nodes: { Own: (value) => emit(value, at as { ptsNs: number }) } });
    await assert.rejects(pipeline.execute([1]), /RangeError: pts(Ns)? must be a /);
    await using session = new Pipeline(ADD).session();
    await assert.rejects(session.send(1, at as { ptsNs: number }), /^RangeError: pts(Ns)? must be a /);
  }
  const unknown = new Pipeline(OWN, { nodes: { Own: (value, { pts, duration }) => emit(value, { pts, duration }) } });
  assert.deepEqual((await unknown.execute([1])).packets()[0]!.pts, null);
});

test("a definition that would do less than it says is refused when the pipeline is made", async () => {
  const process = (value: Value): Value => value;
  const type = "the node type 'Own'";
  for (const [given, message] of [
    [{ proces: process }, `${type} has no option 'proces'; it has ${OPTIONS}`],
    [{ process, bacth: 4 }, `${type} has no option 'bacth'; it has ${OPTIONS}`],
    [{ batch: 4 }, `${type} has no function; give it process, processMany or create`],
    [{ process, processMany: process }, `${type} has process and processMany; give it one of them`],
    [{ process: 5 }, `process of ${type} is a function, not 5`],
    [null, `${type} is a function, or an object with process, processMany or create, not null`],
    [
      { process, flush: process },
      `${type} has no option 'flush'; what has one is made by create: { create: () => ({ process, flush }) }`,
    ],
  ] as [NodeDefinition, string][]) {
    const refused = { constructor: InvalidArgumentError, message };
    assert.throws(() => new Pipeline(OWN, { nodes: { Own: given } }), refused);
    assert.throws(() => node(given, { type: "Own" }), refused);
  }
  assert.throws(() => node(process, { bacth: 4 } as never), /^InvalidArgumentError: node has no option 'bacth'; it has /);
  const events = node({ process: (value) => emit(value, { output: "events" }) }, { outputs: ["out", "events"] });
  const graph = new Graph().output("events", events.port("events"));
  assert.deepEqual((await new Pipeline(graph).execute([1])).of("events"), [1]);
  const misspelt = new Pipeline(OWN, { nodes: { Own: (value) => emit(value, { port: "events" } as never) } });
  await assert.rejects(misspelt.execute([1]), /emit has no option 'port'; it has pts, ptsNs, duration, durationNs, output/);
});

const OPTIONS = "process, processMany, create, batch, maxWaitMs, inputs, outputs";

/** An error whose property throws. */
function broken(property: string): Error {
  return Object.defineProperty(new Error("x"), property, {
    get() {
      throw new Error("inner");
    },
  });
}

test("an iterator of one's own is taken as by a loop of JavaScript", async () => {
  const of = (next: () => unknown): object => ({ next, [Symbol.iterator]: () => of(next) });
  const run = async (next: () => unknown): Promise<unknown[]> =>
    (await new Pipeline(OWN, { nodes: { Own: () => of(next) } }).execute([1])).values;
  for (const next of [() => 5, async () => null])
    await assert.rejects(run(next), /TypeError: next\(\) of the iterator returned (5|null); return \{ value \}/);
  const results = [{ value: 1 }, { value: 2, done: 0 }, { value: 3, done: 1 }];
  assert.deepEqual(await run(() => results.shift()), [1, 2]);
});

test("mistakes of a function fail its node, and nothing else", async () => {
  const errors = [
    Object.assign(new Error("x"), { name: 5 }),
    Object.assign(new Error("x"), { name: Symbol("name") }),
    broken("name"),
    broken("message"),
    broken("cause"),
    new Proxy(new Error("x"), {
      get() {
        throw new Error("inner");
      },
    }),
  ];
  for (const error of errors) {
    const definitions: NodeDefinition[] = [
      {
        process: () => {
          throw error;
        },
      },
      {
        create: () => {
          throw error;
        },
      },
    ];
    for (const Own of definitions)
      await assert.rejects(new Pipeline(OWN, { nodes: { Own } }).execute([1]), (found: Error) => {
        assert.ok(found instanceof NodeError);
        assert.equal(found.cause, error);
        return true;
      });
  }
  const skips = JSON.stringify({ version: "v1", nodes: [{ id: "own", node_type: "Own", on_error: "skip" }] });
  for (const made of [undefined, null, 5, {}]) {
    const Own: NodeDefinition = { create: () => made as unknown as HostNode };
    // What can't be made is made for no packet: there is nothing to skip.
    for (const manifest of [OWN, skips]) {
      const pipeline = new Pipeline(manifest, { nodes: { Own } });
      await assert.rejects(pipeline.execute([1, 2]), /create of the node type 'Own' returns no/);
    }
  }
});
