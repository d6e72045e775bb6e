// Stretches of a text: words, selections and labelled spans. Free of the DOM.
// Positions here count UTF-16 units, as the browser does; Python counts code points, and `toPoints` and `fromPoints` go between.

export interface Span {
  start: number;
  end: number;
  label: string;
}

/** A selected stretch, and the end that moves. */
export interface Selected {
  start: number;
  end: number;
  head: "start" | "end";
}

export type Stretch = readonly [start: number, end: number];

/** Words and single marks, without white space. */
export function words(text: string): Stretch[] {
  const found: Stretch[] = [];
  for (const { segment, index } of new Intl.Segmenter(undefined, { granularity: "word" }).segment(text)) {
    if (segment.trim()) found.push([index, index + segment.length]);
  }
  return found;
}

/** Where what is read as one character ends: 0, then the end of each. */
export function edges(text: string): number[] {
  const found = [0];
  for (const { segment, index } of new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text)) found.push(index + segment.length);
  return found;
}

/** The words that a stretch touches, or the characters with `whole` false; null where it holds nothing but white space. */
export function snap(text: string, start: number, end: number, whole: boolean): Stretch | null {
  if (whole) {
    const touched = words(text).filter(([from, to]) => from < end && to > start);
    const first = touched[0];
    const last = touched[touched.length - 1];
    return first && last ? [first[0], last[1]] : null;
  }
  const marks = edges(text);
  const from = marks.filter((mark) => mark <= start).at(-1) ?? 0;
  const to = marks.find((mark) => mark >= end) ?? text.length;
  return from < to && text.slice(from, to).trim() ? [from, to] : null;
}

/** The next word from a selection, or from the edge of the text where there is none. */
export function moved(all: readonly Stretch[], selected: Selected | null, step: 1 | -1): Selected | null {
  const next = !selected
    ? step > 0
      ? all[0]
      : all.at(-1)
    : step > 0
      ? (all.find(([start]) => start >= selected.end) ?? all.at(-1))
      : (all.filter(([, end]) => end <= selected.start).at(-1) ?? all[0]);
  return next ? { start: next[0], end: next[1], head: step > 0 ? "end" : "start" } : null;
}

/** The selection with its head moved on by one of the stretches (words, or characters). */
export function extended(all: readonly Stretch[], selected: Selected | null, step: 1 | -1): Selected | null {
  if (!selected) return moved(all, null, step);
  const { start, end, head } = selected;
  const inside = all.filter(([from, to]) => from >= start && to <= end);
  if (step > 0) {
    if (head === "end" || inside.length <= 1) {
      const next = all.find(([from]) => from >= end);
      return { start, end: next ? next[1] : end, head: "end" };
    }
    const second = inside[1];
    return { start: second ? second[0] : start, end, head };
  }
  if (head === "start" || inside.length <= 1) {
    const next = all.filter(([, to]) => to <= start).at(-1);
    return { start: next ? next[0] : start, end, head: "start" };
  }
  const last = inside.at(-2);
  return { start, end: last ? last[1] : end, head };
}

/** Each thing that is read as one character. */
export const characters = (text: string): Stretch[] => {
  const marks = edges(text);
  return marks.slice(1).map((end, at) => [marks[at] ?? 0, end] as const);
};

/** Spans with one more; those that it overlaps give way. */
export function added(spans: readonly Span[], span: Span): Span[] {
  return [...spans.filter((one) => one.end <= span.start || one.start >= span.end), span].sort((a, b) => a.start - b.start);
}

/** Spans without those that a stretch touches. */
export const without = (spans: readonly Span[], stretch: Stretch): Span[] =>
  spans.filter((one) => one.end <= stretch[0] || one.start >= stretch[1]);

export interface Piece {
  start: number;
  end: number;
  /** Place of the span that it belongs to, -1 for none. */
  span: number;
  /** Whether the span ends with it. */
  last: boolean;
  selected: boolean;
}

/** The text cut where a span or the selection begins or ends. */
export function pieces(length: number, spans: readonly Span[], selected: Stretch | null): Piece[] {
  const cuts = new Set([0, length]);
  for (const { start, end } of spans) cuts.add(Math.min(start, length)).add(Math.min(end, length));
  if (selected) cuts.add(selected[0]).add(selected[1]);
  const at = [...cuts].sort((a, b) => a - b);
  return at.slice(1).map((end, i) => {
    const start = at[i] ?? 0;
    const span = spans.findIndex((one) => one.start <= start && one.end >= end);
    return {
      start,
      end,
      span,
      last: span >= 0 && spans[span]?.end === end,
      selected: selected !== null && selected[0] <= start && selected[1] >= end,
    };
  });
}

/** UTF-16 positions → code points. */
export function toPoints(text: string, spans: readonly Span[]): Span[] {
  const point = counter(text);
  return spans.map((span) => ({ ...span, start: point(span.start), end: point(span.end) }));
}

/** Code points → UTF-16 positions. */
export function fromPoints(text: string, spans: readonly Span[]): Span[] {
  const units = [0];
  for (const character of text) units.push((units.at(-1) ?? 0) + character.length);
  const unit = (point: number) => units[Math.max(0, Math.min(point, units.length - 1))] ?? 0;
  return spans.map((span) => ({ ...span, start: unit(span.start), end: unit(span.end) }));
}

function counter(text: string): (unit: number) => number {
  const at = new Map<number, number>([[0, 0]]);
  let unit = 0;
  let point = 0;
  for (const character of text) at.set((unit += character.length), ++point);
  return (asked) => at.get(asked) ?? at.get(asked - 1) ?? point;
}
