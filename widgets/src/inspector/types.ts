// What the Python half of the data inspector says.
import type { Bridge } from "../lib/bridge";
import type { Traits } from "../data_inspector";
import type { Span } from "../lib/spans";

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
  layout: "labels" | "spans" | "answers" | "pairs" | "texts";
  /** Name and title of the columns in which the list shows what a row says. */
  texts: [name: string, title: string][];
  /** Every label; their order gives the colours. */
  labels: string[];
  /** What the labels are called. */
  facet: string;
  /** What the rows are, in a few words. */
  what: string;
  steps: { name: string; rows: number; text: string }[];
  undo: number;
}

export type Door = { bridge: Bridge<Traits> };

export interface Row {
  id: string;
  split: string;
  labels: string[];
  length: number;
  ratio: number | null;
  /** What the row says, a cell for each of `About.texts`; null where nothing is known. */
  cells: (string | null)[];
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
  ratio: number | null;
  texts: { name: string; title: string; text: string; cut: number; marks: Span[]; empty: boolean }[];
  /** Of a question; none where the context has none, null where nobody knows. */
  answers: string[] | null;
  turns: { role: string; content: string }[];
  more_turns: number;
  columns: [string, string | null][];
}

export type Seen =
  | { ready: false }
  | { ready: true; model: string; limit: number; reading: "windows" | "prompt" | "end"; pieces: [string, string, string, string][]; count: number; beyond: number; unknown: number; shown: number };
