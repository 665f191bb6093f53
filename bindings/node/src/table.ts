/** `Table`: columns as the Arrow C data interface lays them out. The runtime carries them and does not interpret them. */
import type { Integer } from "./values.js";

/** One column, with the names and meanings of Arrow's schema and array. */
export interface Column {
  readonly name: string;
  /** Arrow's format text, such as `f` for float32. */
  readonly format: string;
  /** 1 dictionary ordered, 2 nullable, 4 map keys sorted. */
  readonly flags: Integer;
  readonly metadata: Uint8Array;
  readonly length: Integer;
  /** -1 if they are not counted. */
  readonly nullCount: Integer;
  readonly offset: Integer;
  /** Null where Arrow has a null pointer. */
  readonly buffers: readonly (Uint8Array | null)[];
  readonly children: readonly Column[];
  readonly dictionary: Column | null;
}

/** Rows in columns; one table is one batch. */
export class Table {
  constructor(
    readonly rows: Integer,
    readonly columns: readonly Column[],
    /** In Arrow's encoding; empty if there is none. */
    readonly metadata: Uint8Array = new Uint8Array(0),
  ) {}
}
