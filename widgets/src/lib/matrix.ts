// A confusion matrix as geometry: which cells, how strong, how big, in which words. Free of the DOM.
import { count, percent, visible } from "./format";

/** What the Python half gives; see ConfusionMatrix.matrix. */
export interface MatrixData {
  name: string;
  compare: string;
  splits: string[];
  labels: string[];
  order: number[];
  multi_label: boolean;
  /** With single labels: true, predicted, rows in the first, rows in the second; flat. */
  cells: number[];
  n: number;
  /** Whether the cells count entities, whose rows cannot be listed. */
  entities: boolean;
  pairs: { true: string; predicted: string; count: number; share: number }[];
  rows: boolean;
}

/** A cell at its place in the chosen order. */
export interface Cell {
  row: number;
  col: number;
  a: number;
  b: number;
  right: boolean;
}

export interface Totals {
  rows: number[];
  cols: number[];
  /** Predicted by the second one. */
  colsB: number[];
  right: number[];
  rightB: number[];
}

/** The cells at their places, for looking up by place, with the totals. */
export class Matrix {
  readonly k: number;
  readonly cells: Cell[] = [];
  readonly totals: Totals;
  readonly labels: string[];
  readonly compared: boolean;
  private readonly at = new Map<number, Cell>();

  constructor(readonly data: MatrixData) {
    const { order, cells } = data;
    this.k = order.length;
    this.compared = data.compare !== "";
    this.labels = order.map((j) => data.labels[j] ?? "");
    const place = new Map(order.map((j, p) => [j, p]));
    const none = () => new Array<number>(this.k).fill(0);
    this.totals = { rows: none(), cols: none(), colsB: none(), right: none(), rightB: none() };
    for (let c = 0; c + 3 < cells.length; c += 4) {
      const row = place.get(cells[c] as number);
      const col = place.get(cells[c + 1] as number);
      if (row === undefined || col === undefined) continue;
      const cell = { row, col, a: cells[c + 2] as number, b: cells[c + 3] as number, right: row === col };
      this.cells.push(cell);
      this.at.set(row * this.k + col, cell);
      add(this.totals.rows, row, cell.a);
      add(this.totals.cols, col, cell.a);
      add(this.totals.colsB, col, cell.b);
      if (cell.right) {
        add(this.totals.right, row, cell.a);
        add(this.totals.rightB, row, cell.b);
      }
    }
  }

  get(row: number, col: number): Cell {
    return this.at.get(row * this.k + col) ?? { row, col, a: 0, b: 0, right: row === col };
  }

  /** Count or share of the true class; of two runs, the second less the first. */
  value(cell: Cell, values: string): number {
    const counted = this.compared ? cell.b - cell.a : cell.a;
    return values === "shares" ? counted / Math.max(this.totals.rows[cell.row] ?? 0, 1) : counted;
  }
}

function add(list: number[], at: number, n: number): void {
  list[at] = (list[at] ?? 0) + n;
}

/** Steps of the colours. */
export const LEVELS = 8;

export type Hue = "good" | "bad";

/** How a cell is coloured: good and bad each have a scale of their own, so that rare errors show beside many right rows. */
export interface Tint {
  hue: Hue;
  level: number; // 1 … LEVELS
}

/** The tint of each drawn cell. Of two runs, more right rows and fewer wrong ones are good. */
export function tints(matrix: Matrix, values: string, focus: boolean): Map<Cell, Tint> {
  const found: { cell: Cell; hue: Hue; strength: number }[] = [];
  const most: Record<Hue, number> = { good: 0, bad: 0 };
  for (const cell of matrix.cells) {
    if (focus && cell.right) continue;
    const value = matrix.value(cell, values);
    if (value === 0) continue;
    const hue: Hue = matrix.compared ? (cell.right === value > 0 ? "good" : "bad") : cell.right ? "good" : "bad";
    const strength = Math.abs(value);
    if (strength > most[hue]) most[hue] = strength;
    found.push({ cell, hue, strength });
  }
  if (matrix.compared) most.good = most.bad = Math.max(most.good, most.bad);
  // with many classes a few cells are far ahead of the rest: the root keeps the rest visible
  const power = matrix.k > 12 ? 0.6 : 0.85;
  return new Map(
    found.map(({ cell, hue, strength }) => [
      cell,
      { hue, level: Math.max(1, Math.ceil(LEVELS * (strength / (most[hue] || 1)) ** power - 1e-9)) },
    ]),
  );
}

/** How much colour a level has, in percent; at most so much that dark text can be read on it. */
export const strengthOf = (hue: Hue, level: number): number => Math.round((hue === "good" ? 62 : 84) * (0.1 + (0.9 * (level - 1)) / (LEVELS - 1)));

/** One path for all cells of a tint: thousands of cells are a dozen elements. */
export function paths(tinted: Map<Cell, Tint>, size: number): { hue: Hue; level: number; d: string }[] {
  const gap = size >= 8 ? 1 : 0;
  const side = size - gap;
  const parts = new Map<string, { hue: Hue; level: number; d: string[] }>();
  for (const [cell, { hue, level }] of tinted) {
    const key = hue + level;
    let part = parts.get(key);
    if (!part) parts.set(key, (part = { hue, level, d: [] }));
    part.d.push(`M${cell.col * size} ${cell.row * size}h${side}v${side}h${-side}z`);
  }
  return [...parts.values()].map(({ hue, level, d }) => ({ hue, level, d: d.join("") }));
}

/** What is written into a cell. */
export function written(matrix: Matrix, cell: Cell, values: string): string {
  const value = matrix.value(cell, values);
  if (values !== "shares") return matrix.compared && value > 0 ? `+${value}` : value < 0 ? `−${-value}` : count(value);
  const points = Math.round(100 * value);
  if (matrix.compared) return points > 0 ? `+${points}` : points < 0 ? `−${-points}` : "0";
  return points === 0 ? "<1" : String(points);
}

/** Sizes in pixels that the zoom steps through. */
export const SIZES = [4, 6, 8, 10, 12, 15, 19, 24, 30, 38, 46] as const;
/** Smallest cell whose label can be read beside it. */
export const LEGIBLE = 12;

/** The cell size that fits the room, but not below what can be read (unless whole is asked for). */
export function fit(k: number, room: number, whole = false): number {
  const exact = Math.floor(room / Math.max(k, 1));
  const most = Math.min(46, exact);
  return Math.max(whole ? 2 : LEGIBLE, most);
}

/** The next zoom step up or down. */
export function step(size: number, by: 1 | -1): number {
  const next = by > 0 ? SIZES.find((s) => s > size) : [...SIZES].reverse().find((s) => s < size);
  return next ?? size;
}

/** Room for the labels beside the rows, by the longest of them. */
export function labelRoom(labels: readonly string[], most: number): number {
  const longest = labels.reduce((n, label) => Math.max(n, label.length), 0);
  return Math.round(Math.max(48, Math.min(most, longest * 6.6 + 14)));
}

/** "3 rows", "1 entity" */
export const counted = (data: MatrixData, n: number): string =>
  data.entities ? `${count(n)} entit${n === 1 ? "y" : "ies"}` : `${count(n)} row${n === 1 ? "" : "s"}`;
/** What the cells count. */
export const unit = (data: MatrixData): string => (data.entities ? "entities" : "rows");
const signed = (n: number): string => (n > 0 ? `+${count(n)}` : n < 0 ? `−${count(-n)}` : "±0");

/** A cell in words, for the read-out line and for screen readers. */
export function sentence(matrix: Matrix, row: number, col: number): string {
  const cell = matrix.get(row, col);
  const of = Math.max(matrix.totals.rows[row] ?? 0, 1);
  if (matrix.compared)
    return `${count(cell.a)} → ${count(cell.b)} ${unit(matrix.data)} (${signed(cell.b - cell.a)}), ${percent(cell.a / of)} → ${percent(cell.b / of)} of the true class`;
  return `${counted(matrix.data, cell.a)}, ${percent(cell.a / of)} of the true class`;
}

/** A whole row in words. */
export function rowSentence(matrix: Matrix, row: number): string {
  const { totals } = matrix;
  const of = totals.rows[row] ?? 0;
  const share = (right: number) => percent(right / Math.max(of, 1));
  const found = matrix.compared ? `${count(totals.right[row] ?? 0)} → ${count(totals.rightB[row] ?? 0)} found` : `${count(totals.right[row] ?? 0)} found (recall ${share(totals.right[row] ?? 0)})`;
  return `${counted(matrix.data, of)}, ${found}`;
}

/** A whole column in words. */
export function colSentence(matrix: Matrix, col: number): string {
  const { totals } = matrix;
  const of = totals.cols[col] ?? 0;
  if (matrix.compared) return `predicted ${count(of)} → ${count(totals.colsB[col] ?? 0)} times, ${count(totals.right[col] ?? 0)} → ${count(totals.rightB[col] ?? 0)} right`;
  const right = totals.right[col] ?? 0;
  return `predicted for ${counted(matrix.data, of)}, ${count(right)} right (precision ${of ? percent(right / of) : "–"})`;
}

/** The place after a key, or null where the key means nothing here. */
export function moved(key: string, ctrl: boolean, row: number, col: number, k: number): { row: number; col: number } | null {
  const last = k - 1;
  const hold = (n: number) => Math.max(0, Math.min(last, n));
  switch (key) {
    case "ArrowUp":
      return { row: ctrl ? 0 : hold(row - 1), col };
    case "ArrowDown":
      return { row: ctrl ? last : hold(row + 1), col };
    case "ArrowLeft":
      return { row, col: ctrl ? 0 : hold(col - 1) };
    case "ArrowRight":
      return { row, col: ctrl ? last : hold(col + 1) };
    case "Home":
      return { row: ctrl ? 0 : row, col: 0 };
    case "End":
      return { row: ctrl ? last : row, col: last };
    case "PageUp":
      return { row: hold(row - 10), col };
    case "PageDown":
      return { row: hold(row + 10), col };
  }
  return null;
}

// -- the picture ---------------------------------------------------------------------------------------------------------------

const INK = { good: [0, 114, 178], bad: [213, 94, 0] } as const;

/** A tint on white paper. */
export function onPaper(hue: Hue, level: number): string {
  const share = strengthOf(hue, level) / 100;
  return `#${INK[hue].map((c) => Math.round(255 + (c - 255) * share).toString(16).padStart(2, "0")).join("")}`;
}

/** Characters that XML 1.0 does not have are left out, the rest is escaped. */
export const xml = (text: string): string =>
  visible(text)
    // eslint-disable-next-line no-control-regex
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "")
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;");

const shortened = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** The whole matrix as an SVG file of its own, dark on white. */
export function picture(matrix: Matrix, values: string, focus: boolean): { svg: string; width: number; height: number } {
  const { k, labels, data } = matrix;
  const size = k <= 12 ? 44 : k <= 40 ? 24 : 12;
  const type = size >= 24 ? 12 : 9;
  const longest = Math.min(32, labels.reduce((n, label) => Math.max(n, label.length), 4));
  const room = Math.round(longest * type * 0.6 + 12);
  const left = room + 24;
  const top = room + 58;
  const side = k * size;
  const width = left + side + 60;
  const height = top + side + 16;
  const out: string[] = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="${type}">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="12" y="20" font-size="14" font-weight="600" fill="#222">${xml(heading(data, values))}</text>`,
    `<text x="${left}" y="42" fill="#555">predicted</text>`,
    `<text transform="translate(16 ${top + 2}) rotate(-90)" text-anchor="end" fill="#555">true</text>`,
    `<rect x="${left - 0.5}" y="${top - 0.5}" width="${side}" height="${side}" fill="#fafafa" stroke="#bbb"/>`,
  ];
  const tinted = tints(matrix, values, focus);
  for (const part of paths(tinted, size)) out.push(`<path transform="translate(${left} ${top})" fill="${onPaper(part.hue, part.level)}" d="${part.d}"/>`);
  labels.forEach((label, p) => {
    const middle = p * size + size / 2;
    const text = xml(shortened(label, 32));
    out.push(
      `<text x="${left - 6}" y="${top + middle}" text-anchor="end" dominant-baseline="central" fill="#222">${text}</text>`,
      `<text transform="translate(${left + middle} ${top - 6}) rotate(-90)" dominant-baseline="central" fill="#222">${text}</text>`,
      `<text x="${left + side + 6}" y="${top + middle}" dominant-baseline="central" fill="#555">${count(matrix.totals.rows[p] ?? 0)}</text>`,
    );
  });
  if (size >= 24)
    for (const cell of tinted.keys())
      out.push(
        `<text x="${left + cell.col * size + size / 2}" y="${top + cell.row * size + size / 2}" text-anchor="middle" dominant-baseline="central" fill="#111">${written(matrix, cell, values)}</text>`,
      );
  out.push("</svg>");
  return { svg: out.join("\n"), width, height };
}

/** What a picture is of. */
export function heading(data: MatrixData, values: string): string {
  const what = values === "shares" ? "shares of the true class, %" : unit(data);
  const of = data.compare ? `${data.compare} less ${data.name || "the first"}` : data.name;
  return `Confusion matrix${of ? `, ${of}` : ""}: ${what}`;
}
