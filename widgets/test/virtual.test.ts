import { describe, expect, test } from "vitest";
import { CANVAS, START, anchored, binsOf, canvas, drawn, lengthsOf, pages, scrolled, showing, type Scroll, type Sizes } from "../src/lib/virtual";
import { Latest } from "../src/lib/latest";

const few: Sizes = { rows: 1000, row: 28, view: 400 };
const many: Sizes = { rows: 1_000_000, row: 28, view: 400 };
const end = (sizes: Sizes) => sizes.rows * sizes.row - sizes.view;

describe("a list that a browser can hold", () => {
  test("scrolls as it is", () => {
    expect(canvas(few)).toBe(28_000);
    expect(scrolled(START, 5000, few)).toEqual({ top: 5000, shift: 0 });
    expect(anchored({ top: 99_999, shift: 0 }, few)).toEqual({ top: end(few), shift: 0 });
  });
  test("draws what is in the box and some more", () => {
    expect(drawn({ top: 2800, shift: 0 }, few, 10)).toEqual([90, 125]);
    expect(drawn(START, { ...few, rows: 3 })).toEqual([0, 3]);
    expect(drawn({ top: 9999, shift: 0 }, { ...few, rows: 0 })).toEqual([0, 0]);
  });
  test("scrolls no further than needed", () => {
    expect(showing(5, START, few)).toBe(START);
    expect(showing(20, START, few).top).toBe(21 * 28 - 400);
    expect(showing(2, { top: 280, shift: 0 }, few).top).toBe(56);
  });
});

describe("a million rows on a shorter canvas", () => {
  test("the canvas stays below the browsers' limit", () => expect(canvas(many)).toBe(CANVAS));
  test("a wheel moves pixel by pixel, wherever it is", () => {
    for (const top of [0, 1_000_000, 14_000_000, 27_000_000]) {
      const rest = anchored({ top, shift: 0 }, many);
      const next = scrolled(rest, rest.top + rest.shift + 100, many);
      expect(next.top - rest.top).toBeCloseTo(100);
      expect(next.shift).toBeCloseTo(rest.shift);
    }
  });
  test("the thumb goes by share, to both ends", () => {
    expect(scrolled(START, CANVAS - 400, many).top).toBeCloseTo(end(many));
    expect(scrolled({ top: end(many), shift: 0 }, 0, many).top).toBe(0);
    const middle = scrolled(START, (CANVAS - 400) / 2, many);
    expect(drawn(middle, many)[0]).toBeGreaterThan(499_000);
    expect(drawn(middle, many)[1]).toBeLessThan(501_000);
  });
  test("rows are drawn inside the box", () => {
    for (const place of [0, 123_456, 4_000_000, CANVAS - 400]) {
      const now = scrolled({ top: 10_000_000, shift: -7_000_000 }, place, many);
      expect(now.top + now.shift).toBeCloseTo(place);
      const [first, last] = drawn(now, many, 0);
      expect(first * many.row + now.shift).toBeLessThanOrEqual(place + 0.01);
      expect(last * many.row + now.shift).toBeGreaterThanOrEqual(place + many.view - 0.01);
    }
  });
  test("wheeling with rests reaches the first row from below, and the last from above", () => {
    let now: Scroll = anchored({ top: 60_000, shift: 0 }, many);
    for (let i = 0; i < 700 && now.top > 0; i++) {
      now = scrolled(now, Math.max(0, now.top + now.shift - 100), many);
      if (now.top + now.shift === 0 || i % 5 === 0) now = anchored(now, many);
    }
    expect(now.top).toBe(0);
    now = anchored({ top: end(many) - 60_000, shift: 0 }, many);
    for (let i = 0; i < 700 && now.top < end(many); i++) {
      now = scrolled(now, Math.min(CANVAS - 400, now.top + now.shift + 100), many);
      if (i % 5 === 0) now = anchored(now, many);
    }
    expect(now.top).toBeCloseTo(end(many));
  });
  test("every row can be brought into the box", () => {
    for (const row of [0, 1, 333_333, 999_998, 999_999]) {
      const now = showing(row, { top: 14_000_000, shift: -10_000_000 }, many);
      const place = Math.round(now.top + now.shift);
      expect(place).toBeGreaterThanOrEqual(0);
      expect(place).toBeLessThanOrEqual(CANVAS - 400);
      const [first, last] = drawn(scrolled(now, place, many), many, 0);
      expect(first).toBeLessThanOrEqual(row);
      expect(last).toBeGreaterThan(row);
    }
  });
});

test("pages of a stretch", () => {
  expect(pages(0, 100, 100)).toEqual([0]);
  expect(pages(95, 105, 100)).toEqual([0, 1]);
  expect(pages(5, 5, 100)).toEqual([0]);
});

test("bins and lengths are each other's inverse", () => {
  const edges = [0, 10, 20, 30, 40];
  expect(lengthsOf(1, 2, edges)).toEqual([10, 29]);
  expect(lengthsOf(0, 3, edges)).toEqual([null, null]);
  for (const [from, to] of [[0, 0], [1, 3], [2, 2], [0, 3]] as const) expect(binsOf(lengthsOf(from, to, edges), edges)).toEqual([from, to]);
  expect(binsOf([500, null], edges)).toEqual([3, 3]);
});

test("answers come in order, and of questions that wait only the latest is asked", async () => {
  const asked: string[] = [];
  const said: string[] = [];
  const open: (() => void)[] = [];
  const latest = new Latest<string, string>(
    (question) => {
      asked.push(question);
      return new Promise((resolve, reject) => open.push(() => (question === "bad" ? reject(new Error("no")) : resolve(question))));
    },
    (answer) => said.push(answer),
    (error) => said.push(error.message),
  );
  latest.put("a");
  latest.put("b");
  latest.put("c");
  expect(asked).toEqual(["a"]);
  open[0]?.();
  await Promise.resolve().then(() => undefined).then(() => undefined);
  expect(asked).toEqual(["a", "c"]);
  latest.put("bad");
  open[1]?.();
  await new Promise((done) => setTimeout(done));
  open[2]?.();
  await new Promise((done) => setTimeout(done));
  expect(said).toEqual(["a", "c", "no"]);
  expect(latest.busy).toBe(false);
});
