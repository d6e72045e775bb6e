// Scales, ticks and paths of small line charts. Free of the DOM.

export type Point = readonly [number, number];

/** The smallest and the largest of the numbers; [0, 1] where there are none. */
export function extent(values: readonly number[]): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : [0, 1];
}

/** A range widened by a share on both sides; a single value gets room around it. `floor` and `ceiling` are never passed by widening. */
export function widened([low, high]: readonly [number, number], share = 0.05, floor = -Infinity, ceiling = Infinity): [number, number] {
  const room = high > low ? (high - low) * share : Math.abs(high) * share || 0.5;
  return [low >= floor ? Math.max(floor, low - room) : low - room, high <= ceiling ? Math.min(ceiling, high + room) : high + room];
}

/** Round numbers within a range: about `wanted` of them, a 1, 2 or 5 apart. */
export function ticks([low, high]: readonly [number, number], wanted = 4): number[] {
  if (!(high > low) || wanted < 1) return Number.isFinite(low) ? [low] : [];
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const over = rough / power;
  const step = power * (over >= Math.sqrt(50) ? 10 : over >= Math.sqrt(10) ? 5 : over >= Math.SQRT2 ? 2 : 1);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  // counted in whole steps: adding up a step of 0.1 drifts
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)) + 0);
}

/** Ticks that are whole numbers, for counts. */
export const wholeTicks = (range: readonly [number, number], wanted = 4): number[] => ticks(range, wanted).filter(Number.isInteger);

/** A tick as text: as many digits as the distance to its neighbour asks for; very small and large ones with a power of ten. */
export function tickText(value: number, all: readonly number[]): string {
  if (value === 0) return "0";
  const size = Math.max(...all.map(Math.abs));
  if (size < 0.001 || size >= 1e6) return value.toExponential(1).replace(".0e", "e").replace("e+", "e");
  const gap = all.length > 1 ? Math.abs(all[1]! - all[0]!) : Math.abs(value);
  const digits = Math.max(0, Math.min(6, -Math.floor(Math.log10(gap) + 1e-9)));
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** A function that puts a value of the range at its place between two ends. */
export function scale([low, high]: readonly [number, number], [start, end]: readonly [number, number]): (value: number) => number {
  const span = high - low || 1;
  return (value) => start + ((value - low) / span) * (end - start);
}

/** An SVG path through the points; it breaks where a value is not finite. */
export function path(points: readonly Point[], x: (v: number) => number, y: (v: number) => number): string {
  let d = "";
  let drawing = false;
  for (const [px, py] of points) {
    if (!Number.isFinite(py)) {
      drawing = false;
      continue;
    }
    d += `${drawing ? "L" : "M"}${round(x(px))} ${round(y(py))}`;
    drawing = true;
  }
  return d;
}

/** Place of the point whose x is nearest; -1 where there are none. Points are in the order of x. */
export function nearest(points: readonly Point[], x: number): number {
  let low = 0;
  let high = points.length - 1;
  if (high < 0) return -1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (points[middle]![0] <= x) low = middle;
    else high = middle;
  }
  return Math.abs(points[low]![0] - x) <= Math.abs(points[high]![0] - x) ? low : high;
}

/** The x that lies a number of places further along the points, from the one nearest to `from`. */
export function stepped(points: readonly Point[], from: number | null, by: number): number | null {
  if (points.length === 0) return null;
  if (from === null) return points[by < 0 ? points.length - 1 : 0]![0];
  const at = Math.max(0, Math.min(points.length - 1, nearest(points, from) + by));
  return points[at]![0];
}

/** A figure for reading: three digits behind the point, four significant ones where it is small or large. */
export function figure(value: number): string {
  const size = Math.abs(value);
  if (value === 0) return "0";
  if (size < 0.001 || size >= 1e5) return value.toExponential(2);
  return size < 100 ? value.toFixed(3) : value.toFixed(1);
}

const round = (v: number): number => Math.round(v * 10) / 10;
