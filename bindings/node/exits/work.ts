/** Work that is under way when a program or a Worker ends: lent memory in native nodes, a session, a call of a function. */
import { Audio, Pipeline, type Manifest } from "remotemedia";

export const RESAMPLE: Manifest = {
  version: "v1",
  nodes: [{ id: "resample", node_type: "AudioResample", params: { rate: 44_100 } }],
};
const OWN: Manifest = { version: "v1", nodes: [{ id: "own", node_type: "Own" }] };

/** Begins it. Resolves once a function of this program has been called and native nodes have the lent memory. */
export async function begin(): Promise<{ native: Pipeline; finish: () => void }> {
  const native = new Pipeline(RESAMPLE);
  const settle = (promise: Promise<unknown>): void => void promise.catch(() => undefined);
  for (let run = 0; run < 10; run++) {
    const audio = new Audio(new Float32Array(480_000).fill(0.25), 48_000);
    settle(native.execute([audio, audio]));
  }
  const session = native.session({ buffer: { packets: 2 } });
  for (let packet = 0; packet < 8; packet++)
    settle(session.send(new Audio(new Float32Array(48_000), 48_000), { lend: true }));
  let finish!: () => void;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  await new Promise<void>((called) => {
    const own = new Pipeline(OWN, {
      nodes: {
        Own: async (value) => {
          called();
          await finished;
          return value;
        },
      },
    });
    settle(own.execute([1]));
  });
  return { native, finish };
}
