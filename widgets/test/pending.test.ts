import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CallError } from "../src/lib/bridge";
import { Desk, LOW, type Example, type Look } from "../src/lib/desk";
import { keysOf, labelOf } from "../src/lib/keys";
import { Outbox, type Ask, type Call, type Shelf } from "../src/lib/pending";

const gone = () => Promise.reject(new CallError("NoAnswer", "The kernel does not answer"));

class Memory implements Shelf {
  readonly items = new Map<string, string>();
  get length() {
    return this.items.size;
  }
  getItem = (key: string) => this.items.get(key) ?? null;
  setItem = (key: string, value: string) => void this.items.set(key, value);
  removeItem = (key: string) => void this.items.delete(key);
  key = (at: number) => [...this.items.keys()][at] ?? null;
}

/** A Python half with a journal; it can be dead, or write without its answer coming through. */
class Kernel {
  journal: string[] = [];
  alive = true;
  deaf = false;
  refuses = "";
  asked: string[] = [];
  readonly ask: Ask = (async (name: string, args: Record<string, unknown>) => {
    this.asked.push(name);
    if (!this.alive) return gone();
    const calls = name === "restore" ? (args["calls"] as Call[]) : [{ id: args["id"] as string }];
    if (this.refuses) throw new CallError("DataError", this.refuses);
    for (const { id } of calls) if (!this.journal.includes(id)) this.journal.push(id);
    if (this.deaf) return gone();
    return { done: calls.map((one) => one.id), overtaken: [], failed: {}, progress: { done: this.journal.length } };
  }) as Ask;
}

const call = (id: string): Call => ({ id, name: "label", args: { id, row_id: id }, after: "", row_id: id, shows: "x", text: "" });
const settle = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("outbox", () => {
  it("counts a decision as saved when the answer is there, not before", async () => {
    const kernel = new Kernel();
    const box = new Outbox(kernel.ask, new Memory(), "p", () => undefined);
    box.put(call("a"));
    expect([box.saved, box.count("saving")]).toEqual([0, 1]);
    await settle();
    expect([box.saved, box.pending.length]).toEqual([1, 0]);
  });

  it("sends again under the same id, so that what was written without an answer is not written twice", async () => {
    const kernel = new Kernel();
    const box = new Outbox(kernel.ask, new Memory(), "p", () => undefined);
    kernel.deaf = true;
    box.put(call("a"));
    await settle();
    expect([box.saved, box.count("unsaved")]).toEqual([0, 1]);
    kernel.deaf = false;
    await vi.advanceTimersByTimeAsync(20_000);
    expect(kernel.journal).toEqual(["a"]);
    expect([box.saved, box.pending.length]).toEqual([1, 0]);
  });

  it("keeps the order: what follows an unsaved decision goes with it", async () => {
    const kernel = new Kernel();
    kernel.alive = false;
    const box = new Outbox(kernel.ask, new Memory(), "p", () => undefined);
    for (const id of "abc") box.put(call(id));
    await settle();
    kernel.alive = true;
    box.put(call("d"));
    await vi.advanceTimersByTimeAsync(20_000);
    expect(kernel.journal).toEqual(["a", "b", "c", "d"]);
  });

  it("leaves unsaved decisions to the next view of the same journal, also over a reload", async () => {
    const [dead, shelf] = [new Kernel(), new Memory()];
    dead.alive = false;
    const old = new Outbox(dead.ask, shelf, "p", () => undefined);
    old.put(call("a"));
    old.put(call("b"));
    await settle();
    old.close();
    const other = new Outbox(new Kernel().ask, shelf, "another journal", () => undefined);
    expect(other.adopt()).toBe(0);
    const kernel = new Kernel();
    const box = new Outbox(kernel.ask, shelf, "p", () => undefined);
    expect(box.adopt()).toBe(2);
    await box.retry();
    expect(kernel.journal).toEqual(["a", "b"]);
    expect(shelf.length).toBe(0);
  });

  it("shows what Python refused, until it is sent again or given up", async () => {
    const kernel = new Kernel();
    kernel.refuses = "the disk is full";
    const box = new Outbox(kernel.ask, new Memory(), "p", () => undefined);
    box.put(call("a"));
    await settle();
    expect(box.pending[0]).toMatchObject({ state: "refused", error: "the disk is full" });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(kernel.asked).toEqual(["label"]);
    kernel.refuses = "";
    await box.retry();
    expect(box.saved).toBe(1);
  });
});

const example = (at: number): Example => ({
  row_id: `r${at}`, place: at, split: "train", title: `text ${at}`, text: `text ${at}`, length: 6, text_pair: null, value: null, given: null,
  decided: false, skipped: false, excluded: false, flag: false, note: "", suggestion: null, after: "", beside: {},
});

describe("desk", () => {
  const open = async (total: number) => {
    const written: string[] = [];
    let free: (() => void) | null = null;
    const state = { slow: false, written, undone: [] as unknown[], let: () => free?.() };
    const ask = (async (name: string, args: Record<string, unknown>) => {
      const rest = Array.from({ length: total }, (_, at) => example(at)).filter((one) => !written.includes(one.row_id));
      const progress = { done: written.length, total, per_hour: null, left: null };
      if (name === "upcoming") return rest.filter((one) => one.place > Number(args["after"]) && !(args["have"] as string[]).includes(one.row_id)).slice(0, 40);
      if (name === "undo") {
        if (state.slow) await new Promise<void>((resolve) => (free = resolve));
        rest.unshift(example(Number(written.pop()?.slice(1))));
        state.undone.push(args["of"]);
      }
      if (name === "label") return written.push(String(args["row_id"])), { progress };
      const look: Look = { example: rest[0] ?? null, upcoming: rest.slice(1, 41), history: written.map((row_id) => ({ id: row_id, row_id, field: "label", value: "x", text: "", rows: 1 })).reverse(), progress };
      return look;
    }) as Ask;
    const desk = new Desk(ask, new Memory(), "p", () => undefined, () => 0);
    await desk.open();
    return { desk, state };
  };

  it("shows the next example at once and keeps enough at hand", async () => {
    const { desk, state } = await open(200);
    for (let at = 0; at < 199; at++) {
      expect(desk.example?.row_id).toBe(`r${at}`);
      desk.decide("label", { label: "x" }, "x", {});
      expect(desk.example?.row_id).toBe(`r${at + 1}`);
      await settle();
      if (at < 150) expect(desk.ahead.length).toBeGreaterThanOrEqual(LOW - 1);
    }
    desk.decide("label", { label: "x" }, "x", {});
    await settle();
    expect(desk.finished).toBe(true);
    expect(new Set(state.written).size).toBe(200);
  });

  it("carries out keys that were pressed while an example was on its way behind it", async () => {
    const { desk, state } = await open(5);
    desk.decide("label", { label: "x" }, "x", {});
    await settle();
    state.slow = true;
    desk.undo();
    desk.whenFree(() => void desk.decide("label", { label: "y" }, "y", {}));
    await settle();
    expect(state.written).toEqual(["r0"]);
    state.let();
    await settle();
    expect(state.written).toEqual(["r0"]);
    expect(desk.log[0]).toMatchObject({ row_id: "r0", value: "y" });
  });

  it("undoes as often as the key was pressed, each time the latest decision", async () => {
    const { desk, state } = await open(5);
    for (let n = 0; n < 3; n++) desk.decide("label", { label: "x" }, "x", {});
    await settle();
    expect(state.written).toHaveLength(3);
    for (let n = 0; n < 2; n++) desk.undo();
    await settle();
    expect(state.written).toEqual(["r0"]);
    expect(state.undone).toHaveLength(new Set(state.undone).size);
  });

  it("keeps what is marked but not saved, example by example", async () => {
    const { desk } = await open(3);
    desk.draft(["a"]);
    expect(desk.drafts.get("r0")).toEqual(["a"]);
    desk.decide("label", { label: ["a"] }, "a", {});
    expect(desk.drafts.size).toBe(0);
  });
});

describe("keys", () => {
  it("are digits, then letters without another meaning, then Shift with a digit", () => {
    const keys = keysOf(50);
    expect(keys.slice(0, 11)).toEqual([..."1234567890", "b"]);
    expect(keys.filter((key) => "nfsuagtx".includes(key) && key)).toEqual([]);
    expect(new Set(keys.filter(Boolean)).size).toBe(keys.filter(Boolean).length);
    expect(keys.at(-1)).toBe("");
  });
  it("find their label, on keyboards with digits behind Shift, too", () => {
    const keys = keysOf(50);
    expect(labelOf({ key: "2", code: "Digit2", shiftKey: false }, keys)).toBe(1);
    expect(labelOf({ key: "2", code: "Digit2", shiftKey: true }, keys)).toBe(1);
    expect(labelOf({ key: "@", code: "Digit2", shiftKey: true }, keys)).toBe(keys.indexOf("⇧2"));
    expect(labelOf({ key: "B", code: "KeyB", shiftKey: true }, keys)).toBe(-1);
    expect(labelOf({ key: "F2", code: "F2", shiftKey: false }, keys)).toBe(-1);
  });
});
