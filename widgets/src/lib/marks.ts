// Labelled spans marked in their text. Free of the DOM.
import { percent, visible } from "./format";
import { fromPoints, type Span } from "./spans";

/** A span as the Python half gives it: positions count code points. */
export interface Mark extends Span {
  confidence?: number | null;
  /** What is wrong with it. */
  error?: string;
}

/** A stretch of the text in which nothing begins or ends. */
export interface Stretch {
  text: string;
  /** Places of the marks around it, the longest first. */
  inside: number[];
  /** Places of the marks that end with it. */
  ends: number[];
}

/** Colour of a type, by its place among all types. */
export const hue = (at: number): string => (at < 0 ? "var(--line2)" : `var(--${["blue", "orange", "green", "vermillion", "purple", "sky"][at % 6]})`);

/** The text cut where marks begin or end; the stretches add up to it. Marks may overlap; empty ones are left out. */
export function stretches(text: string, marks: readonly Mark[]): Stretch[] {
  const units = fromPoints(text, marks);
  const kept = units.map((unit, at) => ({ ...unit, at })).filter((unit) => unit.start < unit.end);
  const cuts = [...new Set([0, text.length, ...kept.flatMap((unit) => [unit.start, unit.end])])].sort((a, b) => a - b);
  const waiting = kept.sort((a, b) => a.start - b.start || b.end - a.end);
  let open: typeof waiting = [];
  let next = 0;
  return cuts.slice(1).map((end, i) => {
    const start = cuts[i] ?? 0;
    open = open.filter((unit) => unit.end > start);
    for (let unit = waiting[next]; unit && unit.start <= start; unit = waiting[++next]) open.push(unit);
    const inside = [...open].sort((a, b) => b.end - b.start - (a.end - a.start) || a.start - b.start);
    return {
      text: text.slice(start, end),
      inside: inside.map((unit) => unit.at),
      ends: inside.filter((unit) => unit.end === end).map((unit) => unit.at).reverse(),
    };
  });
}

/** What a mark covers. */
export const covered = (text: string, mark: Span): string => Array.from(text).slice(mark.start, mark.end).join("");

/** A mark and what it covers in words, for screen readers and tooltips. */
export function spoken(words: string, mark: Mark): string {
  const parts = [`${visible(mark.label)}: ${visible(words.length > 120 ? `${words.slice(0, 119)}…` : words)}`];
  if (typeof mark.confidence === "number") parts.push(`confidence ${percent(mark.confidence, 0)}`);
  if (mark.error) parts.push(mark.error);
  return parts.join(", ");
}

/** The last word apart, for it to stay with its tag, unless it is longer than that. */
export function glued(text: string, longest: number): [string, string] {
  let at = text.length;
  while (at > 0 && text.length - at <= longest && !/\s/.test(text[at - 1] ?? " ")) at--;
  return text.length - at <= longest ? [text.slice(0, at), text.slice(at)] : [text, ""];
}

/** Marks of the first that the second does not have, with their boundaries and their type. */
export const missing = (marks: readonly Mark[], others: readonly Mark[]): Mark[] => {
  const key = ({ start, end, label }: Span) => JSON.stringify([start, end, label]);
  const there = new Set(others.map(key));
  return marks.filter((mark) => !there.has(key(mark)));
};
