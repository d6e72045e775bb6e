import { describe, expect, it } from "vitest";
import { accepted, answersOf, cut, stretchesOf, untouched } from "../src/labeler/answers";
import { spell } from "../src/labeler/stage";

const TEXT = "👩‍💻 Ada met Byron"; // the first sign has three code points and five UTF-16 units

describe("answers", () => {
  it("count code points, while the browser counts UTF-16 units", () => {
    const at = TEXT.indexOf("Ada");
    const found = accepted(TEXT, [], [at, at + 3]);
    expect(found).toEqual([{ start: 4, text: "Ada" }]);
    expect(stretchesOf(TEXT, found)).toEqual([{ start: at, end: at + 3, label: "" }]);
  });
  it("may overlap, and are taken once", () => {
    const at = TEXT.indexOf("met");
    const both = accepted(TEXT, accepted(TEXT, [], [at, at + 9]), [at + 4, at + 9]);
    expect(both.map((one) => one.text)).toEqual(["met Byron", "Byron"]);
    expect(accepted(TEXT, both, [at + 4, at + 9])).toHaveLength(2);
    expect(untouched(TEXT, both, [at, at + 3]).map((one) => one.text)).toEqual(["Byron"]);
  });
  it("cut the text where one begins or ends", () => {
    const pieces = cut("abcdef", [{ start: 1, end: 4, label: "" }, { start: 2, end: 3, label: "" }], [{ start: 4, end: 6, label: "" }], [0, 2]);
    expect(pieces.map((one) => ["abcdef".slice(one.start, one.end), one.depth, one.proposed, one.selected])).toEqual([
      ["a", 0, false, true],
      ["b", 1, false, true],
      ["c", 2, false, false],
      ["d", 1, false, false],
      ["ef", 0, true, false],
    ]);
  });
  it("tell an empty list from none at all", () => {
    expect(answersOf(null)).toBeNull();
    expect(answersOf([])).toEqual([]);
    expect([null, [], [{ start: 0, text: "<b>" }]].map(spell("answers"))).toEqual(["not known", "no answer", "<b>"]);
    expect(spell("text")(null)).toBe("no text");
  });
});
