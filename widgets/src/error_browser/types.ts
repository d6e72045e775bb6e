// What the two halves of the error browser say to one another.
import type { Bridge } from "../lib/bridge";
import type { Mark } from "../lib/marks";
import type { BaseTraits } from "../lib/ui";

export type View = "labels" | "spans" | "answers" | "pairs" | "texts";
export type Include = "wrong" | "unsure" | "all";
export type Order = "errors" | "confidence" | "accuracy";
export type Filters = Record<string, unknown>;

export interface Job {
  state: "running" | "done" | "failed";
  text: string;
  share: number;
  error: string;
}

export interface Traits extends BaseTraits {
  split: string;
  include: Include;
  order: Order;
  view: View;
  filters: Filters;
  selection: string[];
  relabel: string[];
  current: string;
  space: "run" | "base";
  jobs: Record<string, Job>;
}

export type Door = { bridge: Bridge<Traits> };

/** What the rows of every view have. */
export interface Row {
  row_id: string;
  text: string | null;
  right: boolean;
}

export interface Stretch {
  rows: Row[];
  of: number;
  order: string;
  note: string;
}

export interface Choices {
  run: string;
  splits: string[];
  labels: string[];
  slices: Record<string, string[]>;
  counts: Record<Include, number>;
  names: Record<Include, string>;
  called: Record<Include, string>;
  orders: [Order, string][];
  measure: string;
  suspects: number;
  multi_label: boolean;
  kinds: Record<string, number>;
  written?: number;
  training: number | false;
}

/** What the chosen row of every view has. */
export interface Detail {
  row_id: string;
  text: string | null;
  columns: Record<string, string>;
}

export interface Figure {
  name: string;
  value: string;
}

export interface Near {
  row_id: string;
  text: string | null;
  label: string;
  cosine: number;
  spans?: Mark[];
  answers?: string[] | null;
  target?: string | null;
}
