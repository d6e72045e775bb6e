// Between what is typed into the form of a recipe and the values that the Python half checks. Free of the DOM.

export type Value = string | number | boolean | string[];
export type Values = Record<string, Value>;

export interface FormField {
  name: string;
  label: string;
  help: string;
  kind: "number" | "integer" | "text" | "list" | "flags" | "choice" | "switch" | "three";
  choices: string[];
  /** What choices are called, where that is not their name. */
  titles: Record<string, string>;
  suggestions: string[];
  default: Value | null;
  blank: string;
  essential: boolean;
}

export interface FormSection {
  name: string;
  help: string;
  fields: FormField[];
}

/** A number as one would type it: 0.0002 → "2e-4", 0.1 → "0.1". */
export function numberText(value: number): string {
  if (value !== 0 && Math.abs(value) < 0.001) return value.toExponential().replace("e+", "e");
  return String(value);
}

/** The text that stands in a field. A value that a blank field stands for is shown as one. */
export function fieldText(field: FormField, value: Value | undefined): string {
  const now = value ?? field.default;
  if (now === null || (field.blank && same(now, field.default))) return "";
  if (Array.isArray(now)) return now.join(", ");
  return typeof now === "number" ? numberText(now) : String(now);
}

/** What a typed text means: undefined where it is the default. A text that is no number stays one, for the check to say so. */
export function fieldValue(field: FormField, text: string): Value | undefined {
  let value: Value = text;
  if (field.kind === "number" || field.kind === "integer") {
    const plain = text.trim();
    if (plain === "") return undefined;
    const read = Number(plain);
    value = Number.isFinite(read) ? read : plain;
  } else if (field.kind === "list" || field.kind === "flags") {
    value = text.split(",").map((part) => part.trim()).filter(Boolean);
  } else if (field.kind === "switch") value = text === "true";
  else if (field.kind === "three") {
    if (text === "") return undefined;
    value = text === "true";
  }
  return same(value, field.default) ? undefined : value;
}

/** The values with one of them changed; undefined puts it back to its default. */
export function put(values: Values, name: string, value: Value | undefined): Values {
  const next = { ...values };
  if (value === undefined) delete next[name];
  else next[name] = value;
  return next;
}

/** Values alike, whatever the order of their names. */
export function alike(a: Values, b: Values): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => name in b && same(a[name]!, b[name]!));
}

/** A problem as it stands at its field: the name of the field need not be said again. */
export function atField(name: string, problem: string): string {
  const rest = problem.startsWith(`${name} `) ? problem.slice(name.length + 1) : problem;
  return rest.charAt(0).toUpperCase() + rest.slice(1);
}

const same = (a: Value | null, b: Value | null): boolean => JSON.stringify(a) === JSON.stringify(b);
