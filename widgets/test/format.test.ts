import { expect, test } from "vitest";
import { clock, count, fixed, megabytes, percent, short, visible } from "../src/lib/format";

test("numbers as people read them", () => {
  expect(count(1234567)).toBe("1,234,567");
  expect(percent(0.1234)).toBe("12.3 %");
  expect(percent(Number.NaN)).toBe("–");
  expect(fixed(null)).toBe("–");
  expect(fixed(0.5, 2)).toBe("0.50");
  expect([clock(45), clock(600), clock(9000), clock(undefined)]).toEqual(["45 s", "10 min", "2.5 h", "–"]);
  expect([megabytes(350), megabytes(2400)]).toEqual(["350 MB", "2.4 GB"]);
  expect([short(12), short(1234), short(56789), short(1.5e6)]).toEqual(["12", "1.2 k", "57 k", "1.5 M"]);
});

test("characters that turn or hide text are shown, not obeyed", () => {
  expect(visible("pay\u202eelbisivni")).toBe("pay␦elbisivni");
  expect(visible("a\u200bb\u0000c")).toBe("a·b␦c");
  expect(visible("naïve 👩‍👩‍👧 Ελλ")).toBe("naïve 👩‍👩‍👧 Ελλ");
});
