import { describe, expect, it } from "vitest";
import { added, characters, extended, fromPoints, moved, pieces, snap, toPoints, without, words } from "../src/lib/spans";

const text = "Ada met Charles 👩‍💻 in London.";
const at = (part: string): [number, number] => [text.indexOf(part), text.indexOf(part) + part.length];
const cut = (span: { start: number; end: number } | null) => (span ? text.slice(span.start, span.end) : null);

describe("selecting", () => {
  it("takes whole words, and leaves white space out", () => {
    expect(snap(text, 1, 5, true)).toEqual([0, 7]);
    expect(snap(text, 7, 8, true)).toBeNull();
    expect(snap(text, at("ondo")[0], at("ondo")[1], true)).toEqual(at("London"));
  });
  it("takes characters, but never half of one", () => {
    const [start, end] = at("👩‍💻");
    expect(snap(text, start + 1, start + 2, false)).toEqual([start, end]);
    expect(snap(text, 1, 2, false)).toEqual([1, 2]);
  });
  it("goes from word to word, and stops at the ends", () => {
    const all = words(text);
    const first = moved(all, null, 1);
    expect(cut(first)).toBe("Ada");
    expect(cut(moved(all, first, 1))).toBe("met");
    expect(cut(moved(all, first, -1))).toBe("Ada");
    expect(cut(moved(all, null, -1))).toBe(".");
    expect(moved([], null, 1)).toBeNull();
  });
  it("grows and shrinks at its head", () => {
    const all = words(text);
    const two = extended(all, moved(all, null, 1), 1);
    expect(cut(two)).toBe("Ada met");
    expect(cut(extended(all, two, -1))).toBe("Ada");
    const back = extended(all, { start: 8, end: 15, head: "start" }, -1);
    expect(cut(back)).toBe("met Charles");
    expect(cut(extended(all, back, 1))).toBe("Charles");
    expect(cut(extended(characters(text), { start: 0, end: 3, head: "end" }, -1))).toBe("Ad");
  });
});

describe("spans", () => {
  const person = { start: 0, end: 3, label: "person" };
  it("a new one takes the place of those that it overlaps", () => {
    expect(added([person], { start: 0, end: 7, label: "event" })).toEqual([{ start: 0, end: 7, label: "event" }]);
    expect(added([person], { start: 3, end: 7, label: "event" })).toHaveLength(2);
    expect(without([person], [2, 9])).toEqual([]);
    expect(without([person], [3, 9])).toEqual([person]);
  });
  it("cut the text into pieces that add up to it", () => {
    const found = pieces(text.length, [person, { start: 8, end: 15, label: "person" }], [2, 10]);
    expect(found.map((piece) => text.slice(piece.start, piece.end)).join("")).toBe(text);
    expect(found.filter((piece) => piece.selected).map((piece) => text.slice(piece.start, piece.end)).join("")).toBe("a met Ch");
    expect(found.filter((piece) => piece.last).map((piece) => piece.end)).toEqual([3, 15]);
    expect(pieces(0, [], null)).toEqual([]);
  });
  it("are counted in code points in Python, and in UTF-16 units here", () => {
    const [start, end] = at("London");
    const [points] = toPoints(text, [{ start, end, label: "place" }]);
    expect([...text].slice(points!.start, points!.end).join("")).toBe("London");
    expect(fromPoints(text, [points!])).toEqual([{ start, end, label: "place" }]);
  });
  it("hold on a text of 20,000 characters without a space", () => {
    expect(snap("x".repeat(20_000), 5, 6, true)).toEqual([0, 20_000]);
  });
});
