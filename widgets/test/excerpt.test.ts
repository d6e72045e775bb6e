import { describe, expect, it } from "vitest";
import { excerpt } from "../src/error_browser/excerpt";
import { covered, type Mark } from "../src/lib/marks";

const mark = (start: number, end: number): Mark => ({ start, end, label: "true" });
const words = (count: number) => Array.from({ length: count }, (_, i) => `w${i}`).join(" ");

describe("excerpt", () => {
  it("leaves a short text as it is", () => {
    expect(excerpt("short", [mark(0, 2)])).toEqual({ text: "short", marks: [mark(0, 2)], cut: false });
  });
  it("keeps what is around the marks, which still cover the same words", () => {
    const text = `😀 ${words(1000)} 😀`;
    const [near, far] = [text.indexOf("w20 "), text.indexOf("w900")].map((at) => Array.from(text.slice(0, at)).length) as [number, number];
    const made = excerpt(text, [mark(near, near + 3), mark(far, far + 4)], 60, 200);
    expect(made.cut).toBe(true);
    expect(made.marks.map((one) => covered(made.text, one))).toEqual(["w20", "w900"]);
    expect(Array.from(made.text).length).toBeLessThan(300);
    expect(made.text).toContain(" … ");
    expect(made.text.endsWith(" …")).toBe(true);
    for (const word of made.text.replaceAll("…", " ").trim().split(/\s+/)) expect(text).toContain(word === "😀" ? word : ` ${word} `);
  });
  it("joins parts that meet, and shows the beginning where nothing is marked", () => {
    const text = words(1000);
    const one = excerpt(text, [mark(2000, 2004), mark(2050, 2054)], 60, 200);
    expect(one.text.match(/…/g)).toHaveLength(2);
    const none = excerpt(text, [], 60, 200);
    expect(text.startsWith(none.text.replace(" …", ""))).toBe(true);
    expect(none.marks).toEqual([]);
  });
  it("cuts a text without spaces where it must", () => {
    const made = excerpt("漢".repeat(5000), [mark(2500, 2502)], 60, 200);
    expect(made.marks.map((one) => covered(made.text, one))).toEqual(["漢漢"]);
    expect(Array.from(made.text).length).toBe(60 + 2 + 60 + 4);
  });
});
