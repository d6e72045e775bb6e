// Numbers and texts as people read them. Free of the DOM.

/** 1234567 → "1,234,567" */
export const count = (n: number): string => Math.round(n).toLocaleString("en-US");

/** 0.1234 → "12.3 %" */
export const percent = (share: number, digits = 1): string => (Number.isFinite(share) ? `${(100 * share).toFixed(digits)} %` : "–");

/** A figure with so many digits behind the point; "–" where there is none. */
export const fixed = (value: number | null | undefined, digits = 3): string =>
  value === null || value === undefined || !Number.isFinite(value) ? "–" : value.toFixed(digits);

/** Seconds → "45 s", "12 min", "2.5 h" */
export function clock(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

/** Megabytes → "350 MB", "2.4 GB" */
export const megabytes = (mb: number): string => (mb < 1000 ? `${Math.round(mb)} MB` : `${(mb / 1000).toFixed(1)} GB`);

/** Thousands shortened: 1234 → "1.2 k" */
export function short(n: number): string {
  if (n < 1000) return String(Math.round(n * 10) / 10);
  if (n < 1e6) return `${(n / 1000).toFixed(n < 1e4 ? 1 : 0)} k`;
  return `${(n / 1e6).toFixed(n < 1e7 ? 1 : 0)} M`;
}

const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** Text of a data set for one line: invisible and direction-turning characters are shown as ␣-like marks, never obeyed. */
export const visible = (text: string): string => text.replace(CONTROLS, (c) => (c === "\u200b" || c === "\ufeff" ? "·" : "␦"));
