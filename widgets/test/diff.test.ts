import { describe, expect, it } from "vitest";
import { diff, words, type Piece } from "../src/lib/diff";

const shown = (pieces: Piece[]) => pieces.map((piece) => (piece.same ? piece.text : `[${piece.text}]`)).join("");
const both = (a: string, b: string) => diff(a, b).map(shown);

describe("words", () => {
  it("add up to the text", () => {
    for (const text of ["", " ", "a  b\n", "It's 3.5 €!", "漢字かな", "नमस्ते दुनिया.", "👩‍👩‍👧 ok", "e\u0301a", "\u0301x"]) expect(words(text).join("")).toBe(text);
  });
  it("keep marks and joined signs together, and Chinese characters apart", () => {
    expect(words("नमस्ते, x_1")).toEqual(["नमस्ते", ",", " ", "x_1"]);
    expect(words("漢字ab")).toEqual(["漢", "字", "ab"]);
    expect(words("👩‍👩‍👧 e\u0301")).toEqual(["👩‍👩‍👧", " ", "e\u0301"]);
  });
});

describe("diff", () => {
  it("marks what only one text has", () => {
    expect(both("the red car stops", "the blue car stops now")).toEqual(["the [red] car stops", "the [blue] car stops[ now]"]);
    expect(both("a, b", "a b")).toEqual(["a[,] b", "a b"]);
  });
  it("takes a changed phrase as one piece", () => {
    expect(both("we go home today", "we walk back today")).toEqual(["we [go home] today", "we [walk back] today"]);
  });
  it("knows equal, empty and wholly different texts", () => {
    expect(diff("same text", "same text")).toEqual([[{ text: "same text", same: true }], [{ text: "same text", same: true }]]);
    expect(diff("", "")).toEqual([[], []]);
    expect(both("", "all new")).toEqual(["", "[all new]"]);
    expect(both("one two", "three")).toEqual(["[one two]", "[three]"]);
  });
  it("tells apart what differs in white space or case only, in any script", () => {
    expect(both("a b", "a  b")).toEqual(["a[ ]b", "a[  ]b"]);
    expect(both("A b", "a b")).toEqual(["[A] b", "[a] b"]);
    expect(both("שלום עולם", "שלום לך")).toEqual(["שלום [עולם]", "שלום [לך]"]);
  });
  it("stays quick with long texts, whose common ends it finds", () => {
    const long = (word: string) => `begin ${Array.from({ length: 4000 }, (_, i) => `${word}${i % 7}`).join(" ")} end`;
    const [first, second] = diff(long("x"), long("y"));
    expect([first[0], first.at(-1)]).toEqual([{ text: "begin ", same: true }, { text: " end", same: true }]);
    expect(second).toHaveLength(3);
  });
});
