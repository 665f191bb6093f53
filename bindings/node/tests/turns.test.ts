/** Turns of the event loop: after some milliseconds of work on its thread, calls leave the rest to others until it had one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Pipeline } from "remotemedia";
import { PASS } from "./pipelines.js";

type Call = (...given: unknown[]) => number;

const { native } = (await import(new URL("../../dist/native.js", import.meta.url).href)) as {
  native: () => Record<string, Call>;
};

/** The budgets, in microseconds, that calls to a function of the addon get while `work` runs. */
async function budgets(name: string, at: number, work: () => Promise<void>): Promise<unknown[]> {
  const addon = native();
  const call = addon[name]!;
  const given: unknown[] = [];
  addon[name] = (...values) => {
    given.push(values.at(at));
    return call(...values);
  };
  try {
    await work();
  } finally {
    addon[name] = call;
  }
  return given;
}

function busy(milliseconds: number): void {
  for (const end = performance.now() + milliseconds; performance.now() < end; );
}

function aTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test("runs that are submitted in one turn work on its thread for some milliseconds", async () => {
  const pipeline = new Pipeline(PASS);
  await pipeline.execute([0]);
  const given = await budgets("pipelineSubmit", -1, async () => {
    await aTurn();
    const runs = [pipeline.execute([1])];
    busy(9);
    runs.push(pipeline.execute([2]), pipeline.execute([3]));
    const ended = await Promise.all(runs);
    assert.deepEqual(
      ended.map(({ values }) => values),
      [[1], [2], [3]],
    );
    await aTurn();
    await pipeline.execute([4]);
    await pipeline.execute([5], { background: true });
  });
  assert.deepEqual(given, [300, 0, 0, 300, 0]);
});

test("sends in one turn work on its thread for some milliseconds, and an idle loop is not late", async () => {
  const sessions = Array.from({ length: 3 }, () => new Pipeline(PASS).session<number>());
  const given = await budgets("sessionSend", -2, async () => {
    await aTurn();
    busy(9);
    const sent = [sessions[0]!.send(1)];
    busy(9);
    sent.push(sessions[1]!.send(2), sessions[2]!.send(3));
    await Promise.all(sent);
  });
  for (const [index, session] of sessions.entries()) {
    assert.equal((await session.receive())?.value, index + 1);
    await session.finish();
    assert.equal(await session.receive(), undefined);
  }
  assert.deepEqual(given, [300, 0, 0]);
});

test("a receive that waits for a turn brings nothing from before an interruption in this one", async () => {
  await using session = new Pipeline(PASS).session<string>();
  await aTurn();
  assert.ok(session.trySend("old"));
  busy(9);
  const received = session.receive();
  session.interrupt();
  assert.ok(session.trySend("new"));
  assert.equal((await received)?.value, "new");
});
