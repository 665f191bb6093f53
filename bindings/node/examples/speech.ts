/**
 * How loud is a recording, every 100 ms? Runs the pipeline of a manifest file on one recording:
 *
 *     node build/examples/speech.js ../../examples/speech.yaml ../../examples/speech.flac
 */
import { readFileSync } from "node:fs";
import { MediaFile, Pipeline } from "remotemedia";

const [manifest, recording] = process.argv.slice(2);
if (manifest === undefined || recording === undefined) {
  console.error("usage: speech MANIFEST RECORDING");
  process.exit(2);
}
const pipeline = new Pipeline(readFileSync(manifest, "utf8"));
const levels = (await pipeline.execute<{ rms_db: number }>([new MediaFile(recording)])).packets();
for (const { pts, value } of levels)
  console.log(`${pts!.toFixed(1).padStart(6)} s ${value.rms_db.toFixed(1).padStart(7)} dBFS`);
console.log(`${levels.length} windows of 100 ms`);
