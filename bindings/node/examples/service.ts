/**
 * An HTTP service that cuts uploads into the segments in which somebody speaks: the body goes in as it arrives, and each
 * segment comes out as one line of JSON as soon as it is known. Memory stays flat, however long an upload is: a session
 * that is full makes the request wait, and a client that reads slowly makes the session wait.
 *
 *     node build/examples/service.js 8080
 *     curl --data-binary @../../examples/speech.flac http://localhost:8080
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { Graph, Pipeline, RemoteMediaError, type Audio } from "remotemedia";
import { audioDecode, speechSegments } from "remotemedia/nodes";

interface Segment {
  start_s: number;
  end_s: number;
  audio: Audio;
}

const listen = new Pipeline(new Graph("uploads").chain(audioDecode(), speechSegments({ max_speech_duration_s: 30 })));

async function cut(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const session = listen.session<Segment>({ signal: gone.signal });
  response.setHeader("content-type", "application/x-ndjson");
  try {
    const body = Readable.toWeb(request) as ReadableStream<Uint8Array>;
    for await (const { value } of body.pipeThrough(session)) {
      const line = { start_s: value.start_s, end_s: value.end_s, rate: value.audio.rate, frames: value.audio.frames };
      if (!response.write(`${JSON.stringify(line)}\n`)) await once(response, "drain", { signal: gone.signal });
    }
  } catch (error) {
    if (gone.signal.aborted) return;
    if (!(error instanceof RemoteMediaError)) throw error;
    if (!response.headersSent) response.statusCode = 422;
    response.write(`${JSON.stringify({ error: error.message })}\n`);
  }
  response.end();
}

const server = createServer((request, response) => {
  cut(request, response).catch((error: unknown) => {
    console.error(error);
    response.destroy();
  });
});
server.listen(Number(process.argv[2] ?? 8080), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.once("SIGTERM", () => server.close());
