// Decisions on their way to the journal. Each has an id made here, so that it can be sent again and is written once; until it
// is known to be on the disk it is kept in the browser's storage, where the widget of the next kernel finds it.
import { CallError } from "./bridge";

/** A command of the Python half that decides something, with what a person is shown of it. */
export interface Call {
  id: string;
  name: string;
  args: Record<string, unknown>;
  /** Id of the last line about the row that the person had seen. */
  after: string;
  row_id: string;
  /** The decision in words, and the beginning of the text. */
  shows: string;
  text: string;
}

export interface Pending extends Call {
  /** On its way; without an answer; refused by the Python half. */
  state: "saving" | "unsaved" | "refused";
  error: string;
}

export interface Answered {
  progress: unknown;
}

interface Restored extends Answered {
  done: string[];
  overtaken: string[];
  failed: Record<string, string>;
}

export type Ask = <Value>(name: string, args: Record<string, unknown>, patience?: number) => Promise<Value>;

/** What of the browser's storage is used. */
export type Shelf = Pick<Storage, "getItem" | "setItem" | "removeItem" | "key" | "length">;

const PATIENCE = 5_000; // milliseconds until a decision without an answer is shown as not saved
const PAUSES = [2_000, 4_000, 8_000, 15_000];

export const newId = (): string => {
  const bytes = crypto.getRandomValues(new Uint8Array(9));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
};

export class Outbox {
  /** In the order in which they were made. */
  pending: Pending[] = [];
  /** Decisions known to be on the disk since this view was opened. */
  saved = 0;
  /** Decisions left out because somebody had decided on the row meanwhile. */
  overtaken = 0;
  private retrying = false;
  private fails = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private closed = false;
  private readonly key: string;

  constructor(
    private readonly ask: Ask,
    private readonly shelf: Shelf | null,
    private readonly prefix: string,
    private readonly told: (call: Call, answer: Answered | null) => void,
  ) {
    this.key = `${prefix} ${newId()}`;
  }

  count(state: Pending["state"]): number {
    return this.pending.filter((one) => one.state === state).length;
  }

  /** Send a decision. */
  put(call: Call): void {
    const behind = this.pending.some((one) => one.state === "unsaved");
    const one: Pending = { ...call, state: behind ? "unsaved" : "saving", error: "" };
    this.pending.push(one);
    this.keep();
    if (behind) void this.retry();
    else void this.send(one);
  }

  /** Take over what earlier views of this journal could not save. Returns how many there are. */
  adopt(): number {
    const before = this.pending.length;
    for (const key of this.others()) {
      for (const call of read(this.shelf?.getItem(key) ?? null)) {
        if (!this.pending.some((one) => one.id === call.id)) this.pending.push({ ...call, state: "unsaved", error: "" });
      }
      this.keep();
      this.shelf?.removeItem(key);
    }
    return this.pending.length - before;
  }

  /** Send again what has no answer, under the same ids. */
  async retry(): Promise<void> {
    clearTimeout(this.timer);
    const calls = this.pending.filter((one) => one.state !== "saving");
    if (this.retrying || this.closed || calls.length === 0) return;
    this.retrying = true;
    try {
      const sent = calls.map(({ id, name, args, after }) => ({ id, name, args, after }));
      const answer = await this.ask<Restored>("restore", { calls: sent }, PATIENCE);
      this.fails = 0;
      for (const call of calls) {
        const refused = answer.failed[call.id];
        if (refused !== undefined) Object.assign(call, { state: "refused", error: refused });
        else if (answer.overtaken.includes(call.id)) this.overtaken += 1;
        else this.saved += 1;
      }
      this.pending = this.pending.filter((one) => !calls.includes(one) || one.state === "refused");
      this.keep();
      for (const call of calls) if (call.state !== "refused") this.told(call, answer);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      for (const call of calls) call.error = message;
      this.later();
    } finally {
      this.retrying = false;
    }
    const last = calls[calls.length - 1];
    if (last) this.told(last, null);
    if (this.fails === 0 && this.pending.some((one) => one.state === "unsaved")) void this.retry(); // made meanwhile
  }

  /** Give up what was refused. */
  discard(): void {
    this.pending = this.pending.filter((one) => one.state !== "refused");
    this.keep();
  }

  /** Stop sending; what is not saved stays in the storage. */
  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  private async send(one: Pending): Promise<void> {
    try {
      const answer = await this.ask<Answered>(one.name, one.args, PATIENCE);
      this.pending = this.pending.filter((other) => other !== one);
      this.saved += 1;
      this.keep();
      this.told(one, answer);
    } catch (error) {
      const lost = error instanceof CallError && ["NoAnswer", "NoKernel", "Closed"].includes(error.kind);
      Object.assign(one, { state: lost ? "unsaved" : "refused", error: error instanceof Error ? error.message : String(error) });
      if (lost) this.later();
      this.told(one, null);
    }
  }

  private later(): void {
    clearTimeout(this.timer);
    if (this.closed) return;
    const pause = PAUSES[Math.min(this.fails, PAUSES.length - 1)];
    this.fails += 1;
    this.timer = setTimeout(() => void this.retry(), pause);
  }

  private keep(): void {
    try {
      if (this.pending.length === 0) this.shelf?.removeItem(this.key);
      else this.shelf?.setItem(this.key, JSON.stringify(this.pending.map(({ state: _, error: __, ...call }) => call)));
    } catch {
      // a full or forbidden storage: the decisions are still in this view, and shown as not saved
    }
  }

  private others(): string[] {
    const found: string[] = [];
    for (let at = 0; at < (this.shelf?.length ?? 0); at++) {
      const key = this.shelf?.key(at);
      if (key?.startsWith(`${this.prefix} `) && key !== this.key) found.push(key);
    }
    return found;
  }
}

function read(stored: string | null): Call[] {
  try {
    const found: unknown = JSON.parse(stored ?? "[]");
    return Array.isArray(found) ? found.filter((one: Partial<Call> | null) => typeof one?.id === "string" && typeof one.name === "string") : [];
  } catch {
    return [];
  }
}
