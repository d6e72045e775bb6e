import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Bridge, CallError, type Model } from "../src/lib/bridge";

interface Traits {
  value: string;
}

class FakeModel implements Model {
  state: Record<string, unknown> = { value: "a" };
  sent: { kind: string; id: string; name: string; args: unknown }[] = [];
  private readonly handlers = new Map<string, Set<(...args: unknown[]) => void>>();
  saved = 0;

  get(name: string) {
    return this.state[name];
  }
  set(name: string, value: unknown) {
    this.state[name] = value;
    this.fire(`change:${name}`);
  }
  save_changes() {
    this.saved++;
  }
  on(event: string, callback: (...args: never[]) => void) {
    if (!this.handlers.has(event)) this.handlers.set(event, new Set());
    this.handlers.get(event)!.add(callback as (...args: unknown[]) => void);
  }
  off(event: string, callback: (...args: never[]) => void) {
    this.handlers.get(event)?.delete(callback as (...args: unknown[]) => void);
  }
  send(content: unknown) {
    this.sent.push(content as (typeof this.sent)[number]);
  }
  fire(event: string, ...args: unknown[]) {
    for (const callback of [...(this.handlers.get(event) ?? [])]) callback(...args);
  }
  listeners() {
    return [...this.handlers.values()].reduce((sum, set) => sum + set.size, 0);
  }
}

let model: FakeModel;
let bridge: Bridge<Traits>;
beforeEach(() => {
  vi.useFakeTimers();
  model = new FakeModel();
  bridge = new Bridge<Traits>(model);
});
afterEach(() => vi.useRealTimers());

test("an answer reaches the call with its id, whatever the order", async () => {
  const one = bridge.call("first", { n: 1 });
  const two = bridge.call("second");
  const [a, b] = model.sent;
  expect(a).toMatchObject({ kind: "call", name: "first", args: { n: 1 } });
  expect(a!.id).not.toBe(b!.id);
  model.fire("msg:custom", { kind: "reply", id: b!.id, ok: true, value: "two" });
  model.fire("msg:custom", { kind: "reply", id: a!.id, ok: true, value: "one" });
  expect(await one).toBe("one");
  expect(await two).toBe("two");
});

test("an error in the answer is raised with its kind", async () => {
  const call = bridge.call("broken");
  model.fire("msg:custom", { kind: "reply", id: model.sent[0]!.id, ok: false, error: { type: "DataError", message: "no such column" } });
  await expect(call).rejects.toMatchObject({ kind: "DataError", message: "no such column" });
});

test("a kernel that does not answer is said in words, and its late answer does no harm", async () => {
  const call = bridge.call("slow", {}, 1000);
  const failed = expect(call).rejects.toBeInstanceOf(CallError);
  vi.advanceTimersByTime(1001);
  await failed;
  model.fire("msg:custom", { kind: "reply", id: model.sent[0]!.id, ok: true, value: 1 });
});

test("a kernel that is gone is said at once", async () => {
  model.send = () => {
    throw new Error("comm is closed");
  };
  await expect(bridge.call("any")).rejects.toMatchObject({ kind: "NoKernel" });
});

test("messages of other kinds, and answers to other views, are passed over", () => {
  for (const content of [null, "text", { kind: "event" }, { kind: "reply", id: "unknown", ok: true }]) model.fire("msg:custom", content);
});

test("traits are watched until told otherwise, and set on both sides", () => {
  const seen: string[] = [];
  const end = bridge.watch("value", (value) => seen.push(value));
  bridge.set("value", "b");
  end();
  bridge.set("value", "c");
  expect(seen).toEqual(["b"]);
  expect(model.saved).toBe(2);
});

test("closing lets go of the model and ends what waits", async () => {
  const call = bridge.call("never");
  const failed = expect(call).rejects.toMatchObject({ kind: "Closed" });
  bridge.dispose();
  await failed;
  expect(model.listeners()).toBe(0);
});
