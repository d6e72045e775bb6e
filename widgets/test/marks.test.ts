import type { ComponentChild, VNode } from "preact";
import { describe, expect, it, vi } from "vitest";

// the component is called as a function here: no browser is needed to see what it would put into the page
vi.mock("preact/hooks", () => ({ useState: (value: unknown) => [value, () => undefined] }));

import { Marked, Types } from "../src/lib/marked";
import { covered, glued, hue, missing, spoken, stretches, type Mark } from "../src/lib/marks";

const mark = (start: number, end: number, label = "person", more: Partial<Mark> = {}): Mark => ({ start, end, label, ...more });

/** Each stretch as its text with the labels around it, and those that end behind it. */
const cut = (text: string, marks: Mark[]) =>
  stretches(text, marks).map((one) => `${one.text}|${one.inside.map((at) => marks[at]!.label)}|${one.ends.map((at) => marks[at]!.label)}`);

describe("stretches", () => {
  it("are one without marks, and none without a text", () => {
    expect(cut("hello", [])).toEqual(["hello||"]);
    expect(stretches("", [])).toEqual([]);
    expect(stretches("", [mark(0, 0)])).toEqual([]);
  });
  it("hold marks at both edges and all over", () => {
    expect(cut("Ada in Oslo", [mark(0, 3), mark(7, 11, "place")])).toEqual(["Ada|person|person", " in ||", "Oslo|place|place"]);
    expect(cut("Ada", [mark(0, 3)])).toEqual(["Ada|person|person"]);
  });
  it("keep marks apart that touch, also of one type", () => {
    expect(cut("AdaBob", [mark(0, 3), mark(3, 6)])).toEqual(["Ada|person|person", "Bob|person|person"]);
  });
  it("hold marks that overlap, lie inside one another, or are equal", () => {
    expect(cut("New York Bank", [mark(0, 8, "place"), mark(4, 13, "org")])).toEqual(["New |place|", "York|org,place|place", " Bank|org|org"]);
    expect(cut("New York Bank", [mark(0, 8, "place"), mark(0, 13, "org")])).toEqual(["New York|org,place|place", " Bank|org|org"]);
    expect(cut("Ada", [mark(0, 3, "person"), mark(0, 3, "place")])).toEqual(["Ada|person,place|place,person"]);
  });
  it("count as Python does: by code points, not by UTF-16 units", () => {
    const text = "🚆 Zoë 李 😀👩‍🔬 Oslo 😀";
    const at = [...text].join("").length; // units
    expect(at).toBeGreaterThan([...text].length);
    const points = Array.from(text);
    const start = points.indexOf("O");
    expect(cut(text, [mark(2, 5), mark(start, start + 4, "place")]).filter((one) => one.endsWith("person") || one.endsWith("place"))).toEqual([
      "Zoë|person|person",
      "Oslo|place|place",
    ]);
    expect(cut(text, [mark(0, 1)])[0]).toBe("🚆|person|person");
    expect(cut(text, [mark(points.length - 1, points.length)]).at(-1)).toBe("😀|person|person");
    expect(covered(text, mark(0, 5))).toBe("🚆 Zoë");
  });
  it("add up to the text, whatever the marks", () => {
    const text = "a😀b\u200bc\n😀 d";
    for (let start = -1; start < 12; start++)
      for (let end = -1; end < 12; end++) {
        const found = stretches(text, [mark(start, end), mark(1, 4, "place"), mark(2, 2)]);
        expect(found.map((one) => one.text).join("")).toBe(text);
        expect(found.every((one) => one.text !== "")).toBe(true);
      }
  });
  it("are quick with thousands of marks", () => {
    const marks = Array.from({ length: 5000 }, (_, n) => mark(4 * n, 4 * n + 3));
    const begun = performance.now();
    expect(stretches("Ada ".repeat(5000), marks)).toHaveLength(10_000);
    expect(performance.now() - begun).toBeLessThan(500);
  });
});

describe("marks", () => {
  it("are said with their text, confidence and error", () => {
    expect(spoken("Ada", mark(2, 5, "person", { confidence: 0.934, error: "boundary" }))).toBe("person: Ada, confidence 93 %, boundary");
    expect(spoken("Ada", mark(0, 3))).toBe("person: Ada");
    expect(spoken("x".repeat(999), mark(0, 999)).length).toBeLessThan(140);
  });
  it("of one model that the other does not have", () => {
    const both = [mark(0, 3), mark(4, 6, "place")];
    expect(missing(both, [mark(0, 3, "person", { confidence: 0.2 }), mark(4, 7, "place")])).toEqual([both[1]]);
    expect(missing(both, both)).toEqual([]);
  });
  it("keep their last word with the type behind it, unless it is long", () => {
    expect(glued("New York", 20)).toEqual(["New ", "York"]);
    expect(glued("Oslo", 20)).toEqual(["", "Oslo"]);
    expect(glued("a " + "x".repeat(21), 20)[1]).toBe("");
    expect(glued("New York", 0)).toEqual(["New York", ""]);
    expect(glued("ends with a space ", 20)[1]).toBe("");
  });
  it("of an unknown type have a colour, too", () => {
    expect(hue(0)).toBe(hue(6));
    expect(hue(-1)).toContain("--line2");
  });
});

// -- what the component puts into the page -------------------------------------------------------------------------------------

const children = (node: ComponentChild): ComponentChild[] => {
  if (Array.isArray(node)) return node.flatMap(children);
  return node === null || node === undefined || typeof node === "boolean" ? [] : [node];
};
const props = (node: ComponentChild) => (node as VNode<Record<string, unknown>>).props;
const words = (node: ComponentChild): string =>
  children(node)
    .map((one) => (typeof one === "object" ? words(props(one)["children"] as ComponentChild) : String(one)))
    .join("");
function all(node: ComponentChild, type: string): VNode[] {
  return children(node).flatMap((one) => {
    if (typeof one !== "object") return [];
    const inner = all(props(one)["children"] as ComponentChild, type);
    return (one as VNode).type === type ? [one as VNode, ...inner] : inner;
  });
}

describe("Marked", () => {
  const text = "<img src=x> 😀 Ada\u202e in Oslo";
  const marks = [mark(14, 17, "person", { confidence: 0.8 }), mark(22, 26, "<b>", { error: "spurious" })];
  const made = Marked({ text, marks, labels: ["person", "<b>"], name: "Text" });
  const tags = all(made, "span").filter((one) => props(one)["role"] === "img");
  it("writes the type behind each mark and says the rest", () => {
    expect(all(made, "mark").map(words)).toEqual(["Adaperson80 %", "Oslo✕ <b>"]);
    expect(tags.map((tag) => props(tag)["aria-label"])).toEqual(["person: Ada, confidence 80 %", "<b>: Oslo, spurious"]);
  });
  it("has one tab stop", () => {
    expect(tags.map((tag) => props(tag)["tabIndex"])).toEqual([0, -1]);
  });
  it("holds hostile text as text, and shows what would turn the line around", () => {
    expect(words(made)).toContain("<img src=x> 😀 Ada");
    expect(words(made)).not.toContain("\u202e");
    expect(JSON.stringify(made, (key, value) => (key === "__" || key.startsWith("_") ? undefined : (value as unknown)))).not.toContain("dangerously");
  });
  it("names all types, or of many those that occur", () => {
    const many = Array.from({ length: 20 }, (_, n) => `type ${n}`);
    expect(all(Types({ labels: ["a", "b"], marks: [] }), "span").map(words)).toEqual(["a", "b"]);
    expect(all(Types({ labels: many, marks: [mark(0, 1, "type 7")] }), "span").map(words)).toEqual(["type 7"]);
  });
});
