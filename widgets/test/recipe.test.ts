import { describe, expect, test } from "vitest";
import { alike, atField, fieldText, fieldValue, numberText, put, type FormField } from "../src/lib/recipe";

const field = (kind: FormField["kind"], standard: FormField["default"], blank = ""): FormField => ({
  name: "a.b", label: "B", help: "", kind, choices: [], titles: {}, suggestions: [], default: standard, blank, essential: false,
});

describe("what stands in a field", () => {
  test("is the default until something was chosen", () => {
    expect(fieldText(field("number", 0.1), undefined)).toBe("0.1");
    expect(fieldText(field("number", 0.1), 0.5)).toBe("0.5");
    expect(fieldText(field("list", ["length"]), undefined)).toBe("length");
    expect(fieldText(field("list", []), ["a", "b"])).toBe("a, b");
  });

  test("is nothing where a blank field stands for the default", () => {
    expect(fieldText(field("number", 0, "chosen by size"), undefined)).toBe("");
    expect(fieldText(field("number", 0, "chosen by size"), 2e-4)).toBe("2e-4");
    expect(fieldText(field("number", null), undefined)).toBe("");
  });

  test("numbers look as one types them", () => {
    expect([0.0002, 2.5e-5, 1e-8, 0.1, 32, 0, 0.001].map(numberText)).toEqual(["2e-4", "2.5e-5", "1e-8", "0.1", "32", "0", "0.001"]);
  });
});

describe("what a typed text means", () => {
  test("numbers, and what is no number", () => {
    expect(fieldValue(field("number", 0), " 1e-4 ")).toBe(1e-4);
    expect(fieldValue(field("number", 0), "1e-")).toBe("1e-");
    expect(fieldValue(field("integer", 32), "8.5")).toBe(8.5);
    expect(fieldValue(field("integer", 32), "abc")).toBe("abc");
  });

  test("the default, however it is written, is no change", () => {
    expect(fieldValue(field("number", 8), "8.0")).toBeUndefined();
    expect(fieldValue(field("number", 0, "auto"), "")).toBeUndefined();
    expect(fieldValue(field("text", ""), "")).toBeUndefined();
    expect(fieldValue(field("list", ["length"]), " length ,")).toBeUndefined();
    expect(fieldValue(field("three", null), "")).toBeUndefined();
    expect(fieldValue(field("switch", true), "true")).toBeUndefined();
  });

  test("lists, switches, and three-way choices", () => {
    expect(fieldValue(field("list", ["length"]), "")).toEqual([]);
    expect(fieldValue(field("list", []), "a, b,,c")).toEqual(["a", "b", "c"]);
    expect(fieldValue(field("switch", true), "false")).toBe(false);
    expect(fieldValue(field("three", null), "false")).toBe(false);
  });
});

test("values are put and compared by name", () => {
  expect(put({ a: 1 }, "b", [])).toEqual({ a: 1, b: [] });
  expect(put({ a: 1, b: 2 }, "a", undefined)).toEqual({ b: 2 });
  expect(alike({ a: 1, b: ["x"] }, { b: ["x"], a: 1 })).toBe(true);
  expect(alike({ a: 1 }, { a: "1" })).toBe(false);
  expect(alike({ a: 1 }, { b: 1 })).toBe(false);
});

test("a problem does not say the name of its own field", () => {
  expect(atField("seed", "seed must be at least 0.")).toBe("Must be at least 0.");
  expect(atField("data.train", "There is no file.")).toBe("There is no file.");
});
