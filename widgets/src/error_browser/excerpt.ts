// The parts of a long text around what is marked in it. Free of the DOM.
import type { Mark } from "../lib/marks";

const SHORT = 900; // code points up to which a text is shown whole
const AROUND = 220; // on each side of a mark
const GAP = " … ";

export interface Excerpt {
  text: string;
  marks: Mark[];
  /** Whether something was left out. */
  cut: boolean;
}

/** The text around the marks, with an ellipsis for each gap, and the marks moved along; of a short text all of it. */
export function excerpt(text: string, marks: readonly Mark[], around = AROUND, short = SHORT): Excerpt {
  const points = Array.from(text);
  const n = points.length;
  if (n <= short) return { text, marks: [...marks], cut: false };
  const wanted = marks.length ? marks.map(({ start, end }) => [Math.max(0, start - around), Math.min(n, end + around)] as const) : [[0, Math.min(n, short)] as const];
  const windows: [number, number][] = [];
  for (const [start, end] of [...wanted].sort((a, b) => a[0] - b[0])) {
    const last = windows.at(-1);
    if (last && start <= last[1] + GAP.length) last[1] = Math.max(last[1], end);
    else windows.push([start, end]);
  }
  for (const one of windows) {
    // at a space nearby, so that no word is cut in two
    const before = points.slice(one[0], one[0] + 20).findIndex((point) => /\s/.test(point));
    if (one[0] > 0 && before >= 0) one[0] += before + 1;
    const tail = points.slice(one[1] - 20, one[1]).reverse();
    const behind = tail.findIndex((point) => /\s/.test(point));
    if (one[1] < n && behind >= 0) one[1] -= behind + 1;
  }
  let made = "";
  let length = 0;
  const moved: Mark[] = [];
  const shifts: [number, number, number][] = [];
  for (const [start, end] of windows) {
    const lead = start > 0 ? (made ? GAP : GAP.trimStart()) : "";
    made += lead + points.slice(start, end).join("");
    shifts.push([start, end, length + lead.length - start]);
    length += lead.length + end - start;
  }
  if ((windows.at(-1)?.[1] ?? n) < n) made += GAP.trimEnd();
  for (const mark of marks) {
    const shift = shifts.find(([start, end]) => mark.start >= start && mark.end <= end)?.[2] ?? 0;
    moved.push({ ...mark, start: mark.start + shift, end: mark.end + shift });
  }
  return { text: made, marks: moved, cut: windows.length !== 1 || windows[0]?.[0] !== 0 || windows[0]?.[1] !== n };
}
