/** Runs each way to exit a hundred times, or as often as asked: `node build/exits/stress.js [TIMES] [WAY...]`. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const EXPECTED: Record<string, number | string> = {
  return: 0,
  exit: 3,
  quick: 4,
  handler: 0,
  uncaught: 1,
  signal: "SIGTERM",
  worker: 0,
  worker_exit: 0,
  worker_return: 0,
  worker_throw: 0,
  closed: 0,
};
const LIMIT_MS = 20_000;

interface Ending {
  status: number | string;
  stderr: string;
}

function once(way: string): Promise<Ending> {
  const program = spawn(process.execPath, [fileURLToPath(new URL("./exits.js", import.meta.url)), way], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  program.stderr.on("data", (text) => (stderr += text));
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    program.kill("SIGKILL");
  }, LIMIT_MS);
  return new Promise((resolve) =>
    program.once("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ status: isLate ? "hang" : (code ?? signal ?? "unknown"), stderr });
    }),
  );
}

const [times = "100", ...ways] = process.argv.slice(2);
let failures = 0;
for (const way of ways.length > 0 ? ways : Object.keys(EXPECTED)) {
  const wrong = new Map<string, number>();
  for (let run = 0; run < Number(times); run++) {
    const { status, stderr } = await once(way);
    const isSilent = stderr === "" || way === "uncaught";
    if (status === EXPECTED[way] && isSilent) continue;
    const what = `${status}${isSilent ? "" : `: ${stderr.trim().slice(0, 300)}`}`;
    wrong.set(what, (wrong.get(what) ?? 0) + 1);
  }
  const bad = [...wrong.values()].reduce((sum, count) => sum + count, 0);
  failures += bad;
  console.log(
    `${way}: ${times} exits, ${bad} wrong${[...wrong].map(([what, count]) => `\n  ${count} x ${what}`).join("")}`,
  );
}
process.exitCode = failures === 0 ? 0 : 1;
