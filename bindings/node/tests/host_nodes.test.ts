/** Functions of this program as nodes: what they may be and return, and what becomes of what they throw. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Audio, Graph, NodeError, Pipeline, emit, node, type Context, type NodeFunction } from "remotemedia";
import { ADD, OWN, calculator, deferred } from "./pipelines.js";

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
  assert.throws(() => new Pipeline(OWN, { nodes: { Own: async (value) => value } }).executeSync([1]), /use execute/);
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

test("many runs at once", async () => {
  const pipeline = new Pipeline(OWN, { nodes: { Own: async (value) => value + 1 } });
  const runs = await Promise.all(Array.from({ length: 50 }, (_, index) => pipeline.execute([index])));
  assert.deepEqual(
    runs.map((outputs) => outputs.values[0]),
    Array.from({ length: 50 }, (_, index) => index + 1),
  );
  assert.deepEqual((await new Pipeline(ADD).execute([1])).values, [6]);
});
