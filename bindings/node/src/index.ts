/** remotemedia for Node: pipelines on native threads, sessions as streams, and functions of one's own as nodes. */
export { Audio, type AudioOptions } from "./audio.js";
export {
  audioFromPcm,
  audioToPcm,
  decode,
  encode,
  fromJson,
  liveObjects,
  toJson,
  versions,
  type CodecOptions,
  type Document,
  type SampleFormat,
} from "./convert.js";
export * from "./errors.js";
export {
  emit,
  Emission,
  type BatchFunction,
  type Context,
  type EmitOptions,
  type HostNode,
  type NodeDefinition,
  type NodeFunction,
  type NodeOptions,
} from "./host_nodes.js";
export { isLent, whenReleased } from "./loans.js";
export {
  Graph,
  GraphNode,
  node,
  type GraphPort,
  type Manifest,
  type ManifestNode,
  type NodeSettings,
} from "./manifest.js";
export { Outputs, Packet } from "./outputs.js";
export { Pipeline, type ExecuteOptions, type Inputs, type PipelineOptions } from "./pipeline.js";
export type { Plan } from "./plan.js";
export { Runtime, type NodeType, type RuntimeOptions } from "./runtime.js";
export { Session } from "./session.js";
export type { Metrics, SendOptions, SessionOptions } from "./session_options.js";
export { Table, type Column } from "./table.js";
export { Tensor, type Dtype, type TensorOptions, type TypedArray } from "./tensor.js";
export { Float, MediaFile, Timestamp, type Input, type Integer, type Value } from "./values.js";
export { Video, type PixelFormat, type Plane, type VideoOptions } from "./video.js";
