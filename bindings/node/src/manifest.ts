/** Manifests: what a pipeline may be made of, as text, as an object, or put together here by `Graph`. */
import { isDeepStrictEqual } from "node:util";
import { InvalidArgumentError } from "./errors.js";
import { OF_NODE, defined, type NodeDefinition, type NodeFunction, type NodeOptions } from "./host_nodes.js";
import { requireKnown, requireObject, type Names } from "./known_options.js";

/** A node of a manifest. */
export interface ManifestNode {
  id: string;
  node_type: string;
  params?: Record<string, unknown>;
  on_error?: string | Record<string, unknown>;
}

/** A pipeline as data; docs/manifest.md has all of it. */
export interface Manifest {
  version: "v1";
  metadata?: Record<string, unknown>;
  nodes: ManifestNode[];
  connections?: { from: string; to: string; [key: string]: unknown }[];
  inputs?: Record<string, string | string[]>;
  outputs?: Record<string, string>;
}

export interface NodeSettings {
  /** Its name in the manifest; by default the type in lower case, with a number where that is taken. */
  id?: string;
  /** What an error of the node means, as the manifest has it: `"skip"`, `"fail"`. */
  onError?: ManifestNode["on_error"];
}

const OF_SETTINGS: Names<NodeSettings> = { id: true, onError: true };
const OF_NODE_CALL = { ...OF_NODE, ...OF_SETTINGS, type: true, params: true } as const;

/** A node that is to be in a graph. The functions of `remotemedia/nodes` make those of the library, `node` one's own. */
export class GraphNode {
  readonly params: Readonly<Record<string, unknown>>;

  constructor(
    readonly type: string,
    params: object,
    readonly settings: NodeSettings,
    /** What it does, if this program runs it. */
    readonly definition: NodeDefinition | null = null,
  ) {
    requireObject(type, params, "param");
    requireKnown(type, settings, OF_SETTINGS, "setting");
    this.params = { ...params };
  }

  /** One of its ports, for `connect`: `node.port("events")`. */
  port(name: string): GraphPort {
    return { node: this, name };
  }
}

/** A port of a node. */
export interface GraphPort {
  readonly node: GraphNode;
  readonly name: string;
}

/** Makes a node of a function, or with `create` one with state. Its type is the function's name unless `type` is given. */
export function node(
  definition: NodeFunction | NodeDefinition,
  options: NodeOptions & NodeSettings & { type?: string; params?: Record<string, unknown> } = {},
): GraphNode {
  requireKnown("node", options, OF_NODE_CALL);
  const { id, onError, type, params, ...rest } = options;
  const name = type ?? (typeof definition === "function" && definition.name !== "" ? definition.name : "host_node");
  const whole = defined(name, definition);
  return new GraphNode(
    name,
    params ?? {},
    { ...(id === undefined ? {} : { id }), ...(onError === undefined ? {} : { onError }) },
    Object.keys(rest).length === 0 ? whole : { ...whole, ...rest },
  );
}

/** A pipeline that is put together: `new Graph().chain(audioDecode(), audioLevel())`. */
export class Graph {
  private readonly nodes: ManifestNode[] = [];
  private readonly connections: NonNullable<Manifest["connections"]> = [];
  private readonly inputs = new Map<string, string[]>();
  private readonly outputs = new Map<string, string>();
  private readonly ids = new Map<GraphNode, string>();
  /** The nodes that this program runs, by their type. */
  readonly definitions: Record<string, NodeDefinition> = Object.create(null) as Record<string, NodeDefinition>;

  constructor(readonly name?: string) {}

  /** Adds nodes that are not there yet, and connects each with the one before. */
  chain(...nodes: (GraphNode | GraphPort)[]): this {
    nodes.forEach((each, index) => (index === 0 ? void this.end(each) : this.connect(nodes[index - 1]!, each)));
    return this;
  }

  /** Connects two nodes, or ports of them. @param options such as `buffer`, as docs/manifest.md has them */
  connect(from: GraphNode | GraphPort, to: GraphNode | GraphPort, options: Record<string, unknown> = {}): this {
    this.connections.push({ from: this.end(from), to: this.end(to), ...options });
    return this;
  }

  /** Names an input of the pipeline: its packets go to these ports. Throws `InvalidArgumentError` for a name that is taken. */
  input(name: string, ...to: (GraphNode | GraphPort)[]): this {
    if (this.inputs.has(name))
      throw new InvalidArgumentError(
        `the graph has the input '${name}' already; give all its nodes in one call: input("${name}", first, second)`,
        "RM_INVALID_ARGUMENT",
      );
    this.inputs.set(
      name,
      to.map((each) => this.end(each)),
    );
    return this;
  }

  /**
   * Names an output of the pipeline. With one named, what is named nowhere and connected to nothing is dropped. Throws
   * `InvalidArgumentError` for a name that is taken.
   */
  output(name: string, from: GraphNode | GraphPort): this {
    if (this.outputs.has(name))
      throw new InvalidArgumentError(
        `the graph has the output '${name}' already; it is of one node, so give this one another name`,
        "RM_INVALID_ARGUMENT",
      );
    this.outputs.set(name, this.end(from));
    return this;
  }

  /** The manifest. */
  toJSON(): Manifest {
    return {
      version: "v1",
      ...(this.name === undefined ? {} : { metadata: { name: this.name } }),
      nodes: this.nodes,
      connections: this.connections,
      ...(this.inputs.size === 0 ? {} : { inputs: Object.fromEntries(this.inputs) }),
      ...(this.outputs.size === 0 ? {} : { outputs: Object.fromEntries(this.outputs) }),
    };
  }

  private end(of: GraphNode | GraphPort): string {
    if (of instanceof GraphNode) return this.add(of);
    if ((of as GraphPort | null | undefined)?.node instanceof GraphNode) return `${this.add(of.node)}.${of.name}`;
    const kind = of === null ? "null" : typeof of;
    const cure = kind === "function" ? "; call it, or write node(function) for one of your own" : "";
    throw new InvalidArgumentError(
      `a graph connects nodes, such as audioLevel(), and their ports, not a value of the type ${kind}${cure}`,
      "RM_INVALID_ARGUMENT",
    );
  }

  private add(added: GraphNode): string {
    const known = this.ids.get(added);
    if (known !== undefined) return known;
    const taken = new Set(this.ids.values());
    let id = added.settings.id ?? added.type.toLowerCase();
    if (added.settings.id === undefined)
      for (let number = 2; taken.has(id); number++) id = `${added.type.toLowerCase()}_${number}`;
    this.ids.set(added, id);
    let type = added.type;
    const { definition } = added;
    if (definition !== null) {
      // Nodes of the same functions and options share a type.
      const isAnother = (): boolean => type in this.definitions && !isDeepStrictEqual(this.definitions[type], definition);
      for (let number = 2; isAnother(); number++) type = `${added.type}_${number}`;
      this.definitions[type] = definition;
    }
    const { onError } = added.settings;
    this.nodes.push({
      id,
      node_type: type,
      ...(Object.keys(added.params).length === 0 ? {} : { params: { ...added.params } }),
      ...(onError === undefined ? {} : { on_error: onError }),
    });
    return id;
  }
}
