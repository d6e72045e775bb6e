import { describe, expect, test } from "vitest";
import { extent, figure, nearest, path, scale, stepped, tickText, ticks, widened, wholeTicks, type Point } from "../src/lib/chart";

describe("ranges", () => {
  test("leave out what is no number", () => {
    expect(extent([3, NaN, -1, Infinity])).toEqual([-1, 3]);
    expect(extent([])).toEqual([0, 1]);
  });

  test("get room on both sides, but never beyond their bounds", () => {
    expect(widened([0, 10], 0.1)).toEqual([-1, 11]);
    expect(widened([0, 1], 0.1, 0, 1)).toEqual([0, 1]);
    expect(widened([0.9, 1], 0.5, 0, 1)).toEqual([expect.closeTo(0.85), 1]);
    const [low, high] = widened([2, 2]);
    expect(low).toBeLessThan(2);
    expect(high).toBeGreaterThan(2);
    expect(widened([0, 0])).toEqual([-0.5, 0.5]);
  });
});

describe("ticks", () => {
  test("are round and inside the range", () => {
    expect(ticks([0, 100], 4)).toEqual([0, 20, 40, 60, 80, 100]);
    expect(ticks([0.1, 0.93], 4)).toEqual([0.2, 0.4, 0.6, 0.8]);
    expect(ticks([0, 1], 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(ticks([-2, 2], 4)).toEqual([-2, -1, 0, 1, 2]);
    expect(ticks([0, 2e-4], 2)).toEqual([0, 1e-4, 2e-4]);
  });

  test("do not drift, and are never negative zero", () => {
    for (const tick of ticks([-0.3, 0.3], 6)) {
      expect(String(tick).length).toBeLessThan(6);
      expect(Object.is(tick, -0)).toBe(false);
    }
  });

  test("hold where the range is a point or no range", () => {
    expect(ticks([5, 5])).toEqual([5]);
    expect(ticks([Infinity, -Infinity])).toEqual([]);
  });

  test("of counts are whole", () => {
    expect(wholeTicks([0, 2], 6)).toEqual([0, 1, 2]);
  });

  test("read well", () => {
    expect(ticks([0, 1], 5).map((t, _, all) => tickText(t, all))).toEqual(["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
    expect(tickText(12000, [0, 12000])).toBe("12,000");
    expect([0, 1e-4, 2e-4].map((t, _, all) => tickText(t, all))).toEqual(["0", "1e-4", "2e-4"]);
    expect(tickText(2.5e6, [0, 2.5e6])).toBe("2.5e6");
  });
});

describe("drawing", () => {
  const x = scale([0, 10], [100, 200]);
  const y = scale([0, 1], [50, 0]);

  test("a scale puts the ends at the ends", () => {
    expect([x(0), x(5), x(10)]).toEqual([100, 150, 200]);
    expect([y(0), y(1)]).toEqual([50, 0]);
    expect(scale([3, 3], [0, 9])(3)).toBe(0);
  });

  test("a path breaks at what is no number", () => {
    const points: Point[] = [[0, 0], [5, NaN], [10, 1]];
    expect(path(points, x, y)).toBe("M100 50M200 0");
    expect(path([[0, 0], [10, 1]], x, y)).toBe("M100 50L200 0");
    expect(path([], x, y)).toBe("");
  });
});

describe("the cursor", () => {
  const points: Point[] = [[1, 0], [4, 0], [10, 0]];

  test("finds the nearest point", () => {
    expect([-5, 2, 3, 6.9, 7.1, 99].map((at) => nearest(points, at))).toEqual([0, 0, 1, 1, 2, 2]);
    expect(nearest([], 3)).toBe(-1);
  });

  test("goes from point to point and stays within", () => {
    expect(stepped(points, null, 1)).toBe(1);
    expect(stepped(points, null, -1)).toBe(10);
    expect(stepped(points, 4, 1)).toBe(10);
    expect(stepped(points, 10, 1)).toBe(10);
    expect(stepped(points, 4, -5)).toBe(1);
    expect(stepped([], 4, 1)).toBe(null);
  });
});

test("figures are as long as they must be", () => {
  expect([0, 0.12345, 12.3456, 2083.4, 0.0001, 1.2e7].map(figure)).toEqual(["0", "0.123", "12.346", "2083.4", "1.00e-4", "1.20e+7"]);
});
