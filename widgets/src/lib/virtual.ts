// A list of any length in a scrolling box: which rows to draw, and where. Free of the DOM.
//
// Browsers end an element at about 16 million pixels, so a long list lies on a shorter canvas. Small moves of the scroll bar
// (wheel, keys) stay exact to the pixel; large ones (a dragged thumb) go by share; and when the list rests, the bar is put where
// its share says, so that neither end of the bar is reached before the end of the list.

/** Pixels that a canvas is high at most. */
export const CANVAS = 8_000_000;

export interface Sizes {
  /** Rows of the list. */
  rows: number;
  /** Pixels of a row. */
  row: number;
  /** Pixels of the box that show rows. */
  view: number;
}

export interface Scroll {
  /** Pixels of the list above the box, as if no browser had a limit. */
  top: number;
  /** Where the list's pixel 0 lies on the canvas. */
  shift: number;
}

export const START: Scroll = { top: 0, shift: 0 };

/** Height of the canvas in pixels. */
export const canvas = (sizes: Sizes): number => Math.min(sizes.rows * sizes.row, CANVAS);

const span = (sizes: Sizes): number => Math.max(0, sizes.rows * sizes.row - sizes.view);
const track = (sizes: Sizes): number => Math.max(0, canvas(sizes) - sizes.view);
const within = (value: number, most: number): number => Math.max(0, Math.min(most, value));

/** After the box was scrolled to a place on its canvas. */
export function scrolled(before: Scroll, scrollTop: number, sizes: Sizes): Scroll {
  const whole = span(sizes);
  if (whole <= track(sizes)) return { top: scrollTop, shift: 0 };
  const moved = scrollTop - (before.top + before.shift);
  const top = Math.abs(moved) <= sizes.view ? within(before.top + moved, whole) : (scrollTop / track(sizes)) * whole;
  return { top, shift: scrollTop - top };
}

/** The same rows, with the scroll bar where their share of the list says; `top + shift` is the place to scroll to. */
export function anchored(scroll: Scroll, sizes: Sizes): Scroll {
  const whole = span(sizes);
  const top = within(scroll.top, whole);
  if (whole <= track(sizes)) return { top, shift: 0 };
  // near an end there must be room for as many pixels as the list still has, or a wheel would only creep towards it
  const room = 8 * sizes.view;
  const share = Math.max((top / whole) * track(sizes), Math.min(top, room));
  const place = Math.round(Math.min(share, track(sizes) - Math.min(whole - top, room)));
  return { top, shift: place - top };
}

/** As little as possible scrolled so that a row is wholly in the box. */
export function showing(index: number, scroll: Scroll, sizes: Sizes): Scroll {
  const above = index * sizes.row;
  if (above < scroll.top) return anchored({ top: above, shift: 0 }, sizes);
  if (above + sizes.row > scroll.top + sizes.view) return anchored({ top: above + sizes.row - sizes.view, shift: 0 }, sizes);
  return scroll;
}

/** First row to draw, and the one behind the last: those in the box and some more on both sides. */
export function drawn(scroll: Scroll, sizes: Sizes, more = 12): [number, number] {
  const first = Math.floor(scroll.top / sizes.row) - more;
  const last = Math.ceil((scroll.top + sizes.view) / sizes.row) + more;
  return [Math.max(0, Math.min(first, sizes.rows)), Math.max(0, Math.min(last, sizes.rows))];
}

/** Pages that hold the rows from `first` to before `last`. */
export function pages(first: number, last: number, size: number): number[] {
  const found: number[] = [];
  for (let page = Math.floor(first / size); page * size < last; page++) found.push(page);
  return found;
}

/** Lengths of text that the bins `from` to `to` of a histogram stand for; null: no limit. The last bin has all longer ones. */
export function lengthsOf(from: number, to: number, edges: readonly number[]): [number | null, number | null] {
  const low = edges[from] ?? 0;
  return [low > 0 ? low : null, to >= edges.length - 2 ? null : (edges[to + 1] ?? 0) - 1];
}

/** The bins that a range of lengths touches: the other way round. */
export function binsOf(length: readonly [number | null, number | null], edges: readonly number[]): [number, number] {
  const last = edges.length - 2;
  const at = (value: number): number => {
    let bin = 0;
    while (bin < last && (edges[bin + 1] ?? Infinity) <= value) bin++;
    return bin;
  };
  return [length[0] === null ? 0 : at(length[0]), length[1] === null ? last : at(length[1])];
}
