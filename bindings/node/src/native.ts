/** The addon and the shared library: where they are found, and the functions of the addon. Nothing is loaded before its first use. */
import { createRequire } from "node:module";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ABI } from "./constants.js";
import { LibraryError } from "./errors.js";

declare const kind: unique symbol;

/** What the addon hands out for an object of the library. It is freed when it is collected, if not before. */
export interface Handle<Kind extends string> {
  readonly [kind]: Kind;
}

export type RuntimeHandle = Handle<"runtime">;
export type PipelineHandle = Handle<"pipeline">;
export type PortHandle = Handle<"port">;
export type SessionHandle = Handle<"session">;
export type RoomHandle = Handle<"room">;

/** A document: its bytes, how many of them count, its table, and the token of the table's first entry; 0 lets the library copy. */
type DocumentArguments = [
  bytes: Uint8Array,
  length: number,
  table: readonly Uint8Array[] | undefined,
  firstToken: number,
];

/** The functions of the addon, in C beside this package. Those that make something return a status where they fail. */
export interface Native {
  open(path: string): string | undefined;
  close(handle: RuntimeHandle | PipelineHandle | SessionHandle): void;
  abiVersion(): number;
  version(): string;
  buildInfo(): string;
  takeError(): Uint8Array;
  liveObjects(room: RoomHandle): number;
  roomNew(data: ArrayBuffer, table: ArrayBuffer, facts: ArrayBuffer): RoomHandle;
  roomCopy(room: RoomHandle, data: ArrayBuffer, table: ArrayBuffer): void;
  adopt(table: ArrayBuffer, count: number): (ArrayBuffer | undefined)[];
  runtimeNew(config: Uint8Array | undefined): RuntimeHandle | number;
  runtimeDescribe(room: RoomHandle, runtime: RuntimeHandle): number;
  runtimeReleased(room: RoomHandle, runtime: RuntimeHandle): number;
  runtimeShutdown(runtime: RuntimeHandle, patienceUs: number): number;
  pipelineNew(runtime: RuntimeHandle, manifest: Uint8Array, options: Uint8Array | undefined): PipelineHandle | number;
  pipelineDescribe(room: RoomHandle, pipeline: PipelineHandle): number;
  pipelineExecute(
    room: RoomHandle,
    pipeline: PipelineHandle,
    ...rest: [...DocumentArguments, timeoutUs: number]
  ): number;
  pipelineSubmit(
    room: RoomHandle,
    pipeline: PipelineHandle,
    port: PortHandle,
    token: number,
    ...rest: [...DocumentArguments, timeoutUs: number, budgetUs: number]
  ): number;
  portNew(runtime: RuntimeHandle, onEvents: (() => void) | undefined): PortHandle | number;
  portHold(port: PortHandle, held: boolean): void;
  portClose(port: PortHandle): void;
  portNext(room: RoomHandle, port: PortHandle, timeoutUs: number): number;
  portCancel(port: PortHandle, token: number): number;
  portProgress(room: RoomHandle, port: PortHandle, token: number): number;
  portReply(
    room: RoomHandle,
    port: PortHandle,
    call: number,
    ...rest: [...DocumentArguments, takesNext: boolean]
  ): number;
  portShutdown(port: PortHandle): number;
  sessionNew(
    pipeline: PipelineHandle,
    port: PortHandle,
    token: number,
    options: Uint8Array | undefined,
  ): SessionHandle | number;
  sessionSend(
    room: RoomHandle,
    session: SessionHandle,
    ...rest: [...DocumentArguments, budgetUs: number, mostOutputs: number]
  ): number;
  sessionReceive(room: RoomHandle, session: SessionHandle, output: number, mostOutputs: number): number;
  sessionFinish(session: SessionHandle): number;
  sessionControl(session: SessionHandle, control: Uint8Array): number;
  sessionMetrics(room: RoomHandle, session: SessionHandle): number;
  sessionTrace(room: RoomHandle, session: SessionHandle): number;
  sessionCancel(session: SessionHandle): number;
  audioFromPcm(room: RoomHandle, bytes: Uint8Array, format: Uint8Array, rate: number, channels: number): number;
  audioToPcm(room: RoomHandle, ...rest: [...DocumentArguments, format: Uint8Array]): number;
  documentToJson(room: RoomHandle, ...rest: [...DocumentArguments, flags: number]): number;
  documentFromJson(room: RoomHandle, text: Uint8Array): number;
}

const PLATFORM = `${process.platform}-${process.arch}`;
const LIB = fileURLToPath(new URL("../lib", import.meta.url));
const FILE = process.platform === "darwin" ? "libremotemedia.dylib" : `libremotemedia.so.${ABI.MAJOR}`;

let loaded: Native | null = null;

/** The addon, with the library open. Throws `LibraryError` with the places that were searched. */
export function native(): Native {
  return loaded ?? (loaded = load());
}

function load(): Native {
  const file = join(LIB, PLATFORM, "remotemedia.node");
  if (!existsSync(file))
    throw new LibraryError(
      `the addon of remotemedia is missing: there is no ${file}. This package has none for ${PLATFORM}; ` +
        "compile it with the C compiler of this machine: npx remotemedia-build-addon",
    );
  let addon: Native;
  try {
    addon = createRequire(import.meta.url)(file) as Native;
  } catch (error) {
    throw new LibraryError(`the addon of remotemedia can't be loaded: ${(error as Error).message}`, { cause: error });
  }
  const chosen = process.env["REMOTEMEDIA_LIBRARY"];
  const places = chosen ? [chosen] : [join(LIB, PLATFORM, FILE), join(LIB, FILE), FILE];
  const problems: string[] = [];
  for (const place of places) {
    if (place.includes("/") && !existsSync(place)) {
      problems.push(`${place}: there is no such file`);
      continue;
    }
    const problem = addon.open(place);
    if (problem === undefined) return addon;
    problems.push(problem);
  }
  const cure = chosen
    ? "correct the environment variable REMOTEMEDIA_LIBRARY, or unset it to use the copy of this package"
    : "set the environment variable REMOTEMEDIA_LIBRARY to the path of the shared library";
  throw new LibraryError(
    `the shared library of remotemedia can't be used; ${cure}:\n${problems.map((each) => `  ${each}`).join("\n")}`,
  );
}
