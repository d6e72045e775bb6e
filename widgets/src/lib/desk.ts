// What lies before a person who labels: the example, those that follow, and what was decided. A decision takes the next example
// from those at hand at once, and travels by the outbox. Free of the DOM.
import { newId, Outbox, type Answered, type Ask, type Call, type Shelf } from "./pending";
import type { Span } from "./spans";

/** A stretch of the context that answers the question; its start counts code points. */
export interface Answer {
  start: number;
  text: string;
}

export type Value = string | string[] | Span[] | Answer[] | null;

export interface Suggestion {
  value: Value;
  confidence: number | null;
  scores: [string, number][];
}

export interface Example {
  row_id: string;
  place: number;
  split: string;
  /** What the row is recognised by. */
  title: string;
  text: string;
  length: number;
  text_pair: string | null;
  value: Value;
  given: Value;
  decided: boolean;
  skipped: boolean;
  excluded: boolean;
  flag: boolean;
  note: string;
  suggestion: Suggestion | null;
  after: string;
  beside: Record<string, string>;
}

export interface Entry {
  id: string;
  row_id: string;
  field: string;
  value: unknown;
  text: string;
  rows: number;
}

export interface Progress {
  done: number;
  total: number;
  per_hour: number | null;
  left: number | null;
}

export interface Look {
  example: Example | null;
  upcoming: Example[];
  history: Entry[];
  progress: Progress;
}

/** So many examples are kept at hand at least. */
export const LOW = 25;
const GOAL = 40;
const SHOWN = 10;

const EMPTY: Progress = { done: 0, total: 0, per_hour: null, left: null };

export class Desk {
  example: Example | null = null;
  ahead: Example[] = [];
  log: Entry[] = [];
  progress: Progress = EMPTY;
  /** Before the first answer. */
  opening = true;
  /** A call that leads to another example is on its way: keys wait for it. */
  busy = false;
  error = "";
  /** Decisions that an earlier kernel did not save, saved on opening. */
  recovered = 0;
  /** Counts how often everything was looked up anew. */
  looks = 0;
  readonly outbox: Outbox;
  readonly drafts: Map<string, Value>;
  /** Stands for this view towards the Python half. */
  readonly view = newId();
  private refilling = false;
  private spent = false; // nothing more comes
  private dirty = false;
  private since = 0;
  private waiting: (() => void)[] = [];
  private readonly ask: Ask;

  constructor(
    ask: Ask,
    private readonly shelf: Shelf | null,
    private readonly key: string,
    private readonly redraw: () => void,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.ask = (name, args, patience) => ask(name, { ...args, view: this.view }, patience);
    this.outbox = new Outbox(this.ask, shelf, key, (call, answer) => this.answered(call, answer));
    this.drafts = stored(shelf?.getItem(`${key}.drafts`) ?? null);
  }

  /** Save what an earlier view could not, then show where things stand. */
  async open(): Promise<void> {
    if (this.outbox.adopt() > 0) {
      await this.outbox.retry();
      this.recovered = this.outbox.saved;
    }
    await this.lead("look", {});
  }

  /** Whether every row of the queue is decided. */
  get finished(): boolean {
    return !this.opening && this.example === null && this.spent && !this.refilling;
  }

  /** What is marked on an example: what was marked but not saved, else its value, else the suggestion where that is wanted. */
  marked(example: Example, prefill = true): Value {
    const { value, suggestion, decided } = example;
    if (!prefill) return this.drafts.get(example.row_id) ?? value;
    const bare = value === null || (value.length === 0 && !decided);
    return this.drafts.get(example.row_id) ?? (bare ? (suggestion?.value ?? null) : value);
  }

  /** The latest decisions and all that are not saved, the last one first. */
  get entries(): Entry[] {
    const known = new Set(this.log.map((one) => one.id));
    return [...this.outbox.pending.filter((one) => !known.has(one.id)).map(entryOf).reverse(), ...this.log];
  }

  /** Decide about the example, and go on to the next one at once unless `stay`. */
  decide(name: string, args: Record<string, unknown>, shows: string, change: Partial<Example>, stay = false): string {
    const example = this.example;
    if (!example) return "";
    const id = newId();
    const seconds = stay ? {} : { seconds: Math.round(this.now() - this.since) / 1000 };
    const call: Call = {
      id,
      name,
      args: { ...args, ...seconds, row_id: example.row_id, id },
      after: example.after,
      row_id: example.row_id,
      shows,
      text: example.title.slice(0, 80),
    };
    this.log = [entryOf(call), ...this.log].slice(0, 60);
    this.example = { ...example, ...change, after: id };
    if (!stay) {
      this.drop(example.row_id);
      this.next();
    }
    this.outbox.put(call);
    this.redraw();
    return id;
  }

  /** A call after which another example may be shown; keys pressed meanwhile are carried out behind it. */
  async lead(name: string, args: Record<string, unknown>): Promise<void> {
    if (this.busy) {
      this.waiting.push(() => void this.lead(name, args));
      return;
    }
    this.busy = true;
    this.redraw();
    try {
      this.take(await this.ask<Look>(name, args));
      this.error = "";
    } catch (error) {
      this.error = error instanceof Error ? error.message : String(error);
      this.waiting = []; // meant for an example that did not come
    }
    this.opening = false;
    this.busy = false;
    this.redraw();
    if (this.dirty) this.refresh();
    while (!this.busy && this.waiting.length > 0) this.waiting.shift()?.();
  }

  /** Do it now, or when the example that was asked for is there. */
  whenFree(act: () => void): void {
    if (this.busy) this.waiting.push(act);
    else act();
  }

  undo(): void {
    this.whenFree(() => void this.lead("undo", { of: this.log[0]?.id ?? "" }));
  }

  /** To the next or the previous row of the queue. */
  step(by: number): void {
    this.whenFree(() => void this.lead("step", { by, row_id: this.example?.row_id ?? null }));
  }

  /** Something was changed from Python or in another view. */
  refresh(): void {
    if (this.busy || this.outbox.pending.length > 0) {
      this.dirty = true;
      return;
    }
    this.dirty = false;
    void this.lead("look", {});
  }

  /** Ask for the suggestions that are missing. */
  async suggest(): Promise<void> {
    const missing = [this.example, ...this.ahead].filter((one): one is Example => one !== null && one.suggestion === null);
    if (missing.length === 0) return;
    const found = await this.ask<Record<string, Suggestion | null>>("suggest", { row_ids: missing.map((one) => one.row_id) });
    const put = (one: Example): Example => ({ ...one, suggestion: one.suggestion ?? found[one.row_id] ?? null });
    this.example = this.example && put(this.example);
    this.ahead = this.ahead.map(put);
    this.redraw();
  }

  draft(value: Value): void {
    if (!this.example) return;
    this.drafts.set(this.example.row_id, value);
    this.keep();
    this.redraw();
  }

  drop(row_id: string): void {
    if (this.drafts.delete(row_id)) this.keep();
  }

  /** Put the whole of a long text in place of its beginning. */
  async whole(): Promise<void> {
    const row_id = this.example?.row_id;
    const text = await this.ask<string>("whole", { row_id });
    if (this.example?.row_id === row_id) this.example = { ...this.example!, text };
    this.redraw();
  }

  private take(look: Look): void {
    this.looks += 1;
    const away = new Set(this.outbox.pending.map((one) => one.row_id));
    if (look.example?.row_id !== this.example?.row_id || look.example?.after !== this.example?.after) this.since = this.now();
    this.example = look.example;
    this.ahead = look.upcoming.filter((one) => !away.has(one.row_id));
    this.log = look.history;
    this.progress = look.progress;
    this.spent = look.upcoming.length === 0; // there may be fewer than asked for, where they are very long
  }

  private next(): void {
    const from = this.example?.place ?? -1;
    this.example = this.ahead.shift() ?? null;
    this.since = this.now();
    if (this.ahead.length < LOW && !this.spent) void this.refill(from);
  }

  private async refill(from: number): Promise<void> {
    if (this.refilling) return;
    this.refilling = true;
    const last = this.ahead.at(-1) ?? this.example;
    const held = () => [this.example, ...this.ahead, ...this.outbox.pending].filter((one) => one !== null).map((one) => one.row_id);
    try {
      const found = await this.ask<Example[]>("upcoming", { after: last?.place ?? from, n: GOAL, have: held() });
      const known = new Set(held());
      this.ahead.push(...found.filter((one) => !known.has(one.row_id)));
      this.spent = found.length === 0;
      if (this.example === null) {
        this.example = this.ahead.shift() ?? null;
        this.since = this.now();
      }
    } catch {
      // the outbox says that the kernel does not answer; the next decision asks again
    }
    this.refilling = false;
    this.redraw();
  }

  private answered(_: Call, answer: Answered | null): void {
    if (answer) this.progress = answer.progress as Progress;
    if (this.outbox.pending.length === 0 && (this.dirty || (this.example === null && !this.busy && !this.opening))) this.refresh();
    this.log = this.log.slice(0, Math.max(SHOWN, this.outbox.pending.length + SHOWN));
    this.redraw();
  }

  private keep(): void {
    try {
      if (this.drafts.size === 0) this.shelf?.removeItem(`${this.key}.drafts`);
      else this.shelf?.setItem(`${this.key}.drafts`, JSON.stringify([...this.drafts]));
    } catch {
      // a full storage keeps no drafts; they are still in this view
    }
  }
}

function entryOf(call: Call): Entry {
  const { id, row_id, name, shows, text } = call;
  return { id, row_id, field: name, value: name === "flag" ? call.args["on"] : shows, text, rows: 1 };
}

function stored(text: string | null): Map<string, Value> {
  try {
    return new Map(JSON.parse(text ?? "[]") as [string, Value][]);
  } catch {
    return new Map();
  }
}
