/** The plan of a pipeline: what runs where, and what is joined to what. */

/** The plan of a pipeline; docs/abi.md describes it. */
export interface Plan {
  readonly name: string | null;
  readonly nodes: readonly {
    readonly id: string;
    readonly node_type: string;
    readonly params: Record<string, unknown>;
    readonly runner: string;
    readonly stage: number;
    readonly inserted?: unknown;
    readonly unread?: unknown;
  }[];
  readonly connections: readonly {
    readonly from: string;
    readonly to: string;
    readonly kind: string;
    readonly buffer?: unknown;
  }[];
  readonly inputs: readonly { readonly name: string; readonly to: readonly string[] }[];
  readonly outputs: readonly { readonly name: string; readonly from: string; readonly form?: unknown }[];
}

/** The names of the outputs that what leaves a node may reach. */
export function outputsBehind({ nodes, connections, outputs }: Plan, id: string): Set<string> {
  const isOf = (end: string, node: string): boolean => end === node || end.startsWith(`${node}.`);
  const reached = new Set([id]);
  // Nodes are added while this iterates.
  for (const node of reached)
    for (const { from, to } of connections)
      if (isOf(from, node)) for (const next of nodes) if (isOf(to, next.id)) reached.add(next.id);
  return new Set(outputs.filter(({ from }) => [...reached].some((node) => isOf(from, node))).map(({ name }) => name));
}
