import { describe, expect, it } from "vitest";
import { Matrix, colSentence, fit, labelRoom, moved, onPaper, paths, picture, rowSentence, sentence, step, strengthOf, tints, written, xml, type MatrixData } from "../src/lib/matrix";

const data = (more: Partial<MatrixData> = {}): MatrixData => ({
  name: "one",
  compare: "",
  splits: [],
  labels: ["cat", "dog", "owl"],
  order: [2, 0, 1],
  multi_label: false,
  entities: false,
  // 8 cats right, 2 taken for dogs; 5 dogs right; 1 owl taken for a cat
  cells: [0, 0, 8, 7, 0, 1, 2, 3, 1, 1, 5, 5, 2, 0, 1, 0, 2, 2, 0, 1],
  n: 16,
  pairs: [],
  rows: true,
  ...more,
});

describe("places and totals", () => {
  it("follow the order", () => {
    const m = new Matrix(data());
    expect(m.labels).toEqual(["owl", "cat", "dog"]);
    expect(m.get(1, 2).a).toBe(2); // cat taken for dog
    expect(m.get(0, 2).a).toBe(0);
    expect(m.totals.rows).toEqual([1, 10, 5]);
    expect(m.totals.cols).toEqual([0, 9, 7]);
    expect(m.totals.right).toEqual([0, 8, 5]);
  });
  it("give shares of the true class, and differences of two", () => {
    const m = new Matrix(data());
    expect(m.value(m.get(1, 2), "shares")).toBeCloseTo(0.2);
    const two = new Matrix(data({ compare: "two" }));
    expect(two.value(two.get(1, 1), "counts")).toBe(-1);
    expect(two.value(two.get(1, 2), "shares")).toBeCloseTo(0.1);
  });
});

describe("colours", () => {
  it("are good on the diagonal and bad elsewhere, each on its own scale", () => {
    const m = new Matrix(data());
    const t = tints(m, "counts", false);
    expect(t.get(m.get(1, 1))).toEqual({ hue: "good", level: 8 });
    expect(t.get(m.get(1, 2))).toEqual({ hue: "bad", level: 8 });
    expect(t.get(m.get(0, 1))?.level).toBeLessThan(8);
    expect(t.has(m.get(0, 0))).toBe(false); // empty
  });
  it("leave the diagonal out with focus", () => {
    const m = new Matrix(data());
    expect([...tints(m, "counts", true).keys()].some((cell) => cell.right)).toBe(false);
  });
  it("of two runs call fewer errors and more right rows good", () => {
    const m = new Matrix(data({ compare: "two" }));
    const t = tints(m, "counts", false);
    expect(t.get(m.get(1, 1))?.hue).toBe("bad"); // one right row less
    expect(t.get(m.get(1, 2))?.hue).toBe("bad"); // one error more
    expect(t.get(m.get(0, 1))?.hue).toBe("good"); // one error less
    expect(t.get(m.get(0, 0))?.hue).toBe("good");
    expect(t.has(m.get(2, 2))).toBe(false); // as before
  });
  it("grow with the level and stay legible", () => {
    for (const hue of ["good", "bad"] as const) {
      const all = Array.from({ length: 8 }, (_, i) => strengthOf(hue, i + 1));
      expect([...all].sort((a, b) => a - b)).toEqual(all);
      const [r, g, b] = [1, 3, 5].map((at) => parseInt(onPaper(hue, 8).slice(at, at + 2), 16) / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
      const light = 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
      expect((light + 0.05) / (0.0056 + 0.05)).toBeGreaterThan(4.5); // #111 on the strongest
    }
  });
});

describe("drawing", () => {
  it("needs a path a tint, not an element a cell", () => {
    const k = 150;
    const cells: number[] = [];
    for (let i = 0; i < k; i++) for (let j = 0; j < k; j++) cells.push(i, j, 1 + ((i * j) % 40), 0);
    const m = new Matrix(data({ labels: Array.from({ length: k }, (_, j) => `c${j}`), order: Array.from({ length: k }, (_, j) => j), cells }));
    const began = performance.now();
    const drawn = paths(tints(m, "counts", false), 12);
    expect(drawn.length).toBeLessThanOrEqual(16);
    expect(performance.now() - began).toBeLessThan(200);
    expect(drawn.map((p) => p.d.split("M").length - 1).reduce((a, b) => a + b)).toBe(k * k);
  });
  it("writes numbers as they are read", () => {
    const m = new Matrix(data());
    expect(written(m, m.get(1, 2), "counts")).toBe("2");
    expect(written(m, m.get(1, 2), "shares")).toBe("20");
    const two = new Matrix(data({ compare: "two" }));
    expect(written(two, two.get(1, 2), "counts")).toBe("+1");
    expect(written(two, two.get(1, 1), "counts")).toBe("−1");
    expect(written(two, two.get(1, 1), "shares")).toBe("−10");
  });
  it("never gets too small to read unless all is asked for", () => {
    expect(fit(8, 900)).toBe(46);
    expect(fit(150, 900)).toBe(12);
    expect(fit(150, 900, true)).toBe(6);
    expect(step(12, 1)).toBe(15);
    expect(step(12, -1)).toBe(10);
    expect(step(46, 1)).toBe(46);
    expect(labelRoom(["a".repeat(400)], 180)).toBe(180);
  });
});

describe("words", () => {
  it("say what a cell, a row and a column hold", () => {
    const m = new Matrix(data());
    expect(sentence(m, 1, 2)).toBe("2 rows, 20.0 % of the true class");
    expect(sentence(m, 0, 1)).toContain("1 row,");
    expect(rowSentence(m, 1)).toBe("10 rows, 8 found (recall 80.0 %)");
    expect(colSentence(m, 2)).toContain("precision 71.4 %");
    expect(colSentence(m, 0)).toContain("precision –");
    expect(sentence(new Matrix(data({ compare: "two" })), 1, 2)).toBe("2 → 3 rows (+1), 20.0 % → 30.0 % of the true class");
  });
});

describe("keys", () => {
  it("move within the matrix", () => {
    expect(moved("ArrowUp", false, 0, 1, 3)).toEqual({ row: 0, col: 1 });
    expect(moved("ArrowRight", true, 0, 0, 3)).toEqual({ row: 0, col: 2 });
    expect(moved("End", true, 0, 0, 3)).toEqual({ row: 2, col: 2 });
    expect(moved("PageDown", false, 0, 0, 30)).toEqual({ row: 10, col: 0 });
    expect(moved("x", false, 0, 0, 3)).toBeNull();
  });
});

describe("the picture", () => {
  it("escapes every label and is whole XML", () => {
    const m = new Matrix(data({ labels: ["<script>alert(1)</script>", 'a"&b', "nul\u0000\u202e\ud800x"] }));
    const { svg } = picture(m, "counts", false);
    expect(svg).not.toContain("<script");
    expect(svg).toContain("&lt;script");
    expect(svg).toContain("a&quot;&amp;b");
    expect(svg).not.toMatch(/[\u0000\u202e\ud800]/);
    expect((svg.match(/<text/g) ?? []).length).toBe((svg.match(/<\/text>/g) ?? []).length);
  });
  it("keeps emoji", () => expect(xml("😀")).toBe("😀"));
});
