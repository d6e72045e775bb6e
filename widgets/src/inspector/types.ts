// What the Python half of the data inspector says.
import type { Bridge } from "../lib/bridge";
import type { Traits } from "../data_inspector";

export type Length = [number | null, number | null];
export type Condition = [column: string, operator: string, value: string | number | boolean | string[]];
export type Order = [column: string, direction: string][];

export interface Filters {
  search?: string;
  regex?: boolean;
  case?: boolean;
  columns?: string[];
  labels?: string[];
  splits?: string[];
  length?: Length;
  where?: Condition[];
  finding?: string;
  similar?: string;
  rows?: number;
}

export interface Finding {
  name: string;
  severity: "error" | "warning" | "info";
  count: number;
  unit: string;
  text: string;
  call: string;
  repair: string;
  safe: boolean;
  rows: number;
  of: number;
}

export interface Job {
  state: "running" | "done" | "failed";
  text: string;
  share: number;
  error: string;
}

export interface Near {
  row_id?: string;
  n?: number;
  rows?: { row_id: string; score: number; text: string; split: string; labels: string[] }[];
}

export interface About {
  rows: number;
  splits: string[];
  columns: string[];
  classes: number;
  several: boolean;
  steps: { name: string; rows: number; text: string }[];
  undo: number;
}

export type Door = { bridge: Bridge<Traits> };

export interface Row {
  id: string;
  split: string;
  labels: string[];
  length: number;
  text: string;
  extra: (string | null)[];
  selected: boolean;
  score: number | null;
}

/** A stretch of the rows in view. */
export interface Look {
  revision: number;
  count: number;
  offset: number;
  extra: string[];
  rows: Row[];
}

/** [value, rows in all, rows under the other filters] */
export type Counted = [string, number, number];

export interface Facets {
  revision: number;
  labels: Counted[];
  splits: Counted[];
  lengths: { every: number[]; counts: number[]; edges: number[]; median: number; p95: number; max: number };
}

export interface Detail {
  id: string;
  split: string;
  labels: string[];
  length: number;
  texts: { name: string; text: string; cut: number }[];
  columns: [string, string | null][];
}

export type Seen =
  | { ready: false }
  | { ready: true; model: string; limit: number; pieces: [string, string, string, string][]; count: number; beyond: number; unknown: number; shown: number };
