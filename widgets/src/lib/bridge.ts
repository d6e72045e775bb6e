// The door to the Python half: traits for state, calls with an id and a time limit for everything else.
// Nothing here touches the DOM, so that it is tested with a made-up model.

/** What anywidget hands to a widget. */
export interface Model {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  on(event: string, callback: (...args: never[]) => void): void;
  off(event: string, callback: (...args: never[]) => void): void;
  send(content: unknown): void;
}

/** An error that the Python half explained, or that came on the way to it. */
export class CallError extends Error {
  constructor(
    readonly kind: string,
    message: string,
  ) {
    super(message);
  }
}

interface Reply {
  kind: "reply";
  id: string;
  ok: boolean;
  value?: unknown;
  error?: { type: string; message: string };
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: CallError): void;
  timer: ReturnType<typeof setTimeout>;
}

/** Milliseconds after which a call is given up. Commands answer in a fraction of a second unless the kernel is busy. */
export const PATIENCE = 30_000;

/** Traits and commands of one widget, typed by the widget's own interface. */
export class Bridge<Traits extends object> {
  private readonly waiting = new Map<string, Waiting>();
  private readonly onMessage: (content: unknown) => void;
  private count = 0;
  private readonly prefix = Math.random().toString(36).slice(2, 8);

  constructor(readonly model: Model) {
    this.onMessage = (content) => this.receive(content);
    model.on("msg:custom", this.onMessage as (...args: never[]) => void);
  }

  get<Name extends keyof Traits & string>(name: Name): Traits[Name] {
    return this.model.get(name) as Traits[Name];
  }

  set<Name extends keyof Traits & string>(name: Name, value: Traits[Name]): void {
    this.model.set(name, value);
    this.model.save_changes();
  }

  /** Run the callback whenever the trait changes; returns the function that ends it. */
  watch<Name extends keyof Traits & string>(name: Name, callback: (value: Traits[Name]) => void): () => void {
    const told = () => callback(this.get(name));
    this.model.on(`change:${name}`, told);
    return () => this.model.off(`change:${name}`, told);
  }

  /** Call a command of the Python half and wait for its answer. */
  call<Value>(name: string, args: Record<string, unknown> = {}, patience = PATIENCE): Promise<Value> {
    const id = `${this.prefix}-${++this.count}`;
    return new Promise<Value>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(id);
        reject(new CallError("NoAnswer", "The kernel does not answer: it is busy, or it has stopped. Run the cell again if it was restarted."));
      }, patience);
      this.waiting.set(id, { resolve: resolve as (value: unknown) => void, reject, timer });
      try {
        this.model.send({ kind: "call", id, name, args });
      } catch (error) {
        clearTimeout(timer);
        this.waiting.delete(id);
        reject(new CallError("NoKernel", `Nothing reached the kernel: ${error instanceof Error ? error.message : String(error)}`));
      }
    });
  }

  /** Let go of the model; calls without an answer fail. */
  dispose(): void {
    this.model.off("msg:custom", this.onMessage as (...args: never[]) => void);
    for (const { reject, timer } of this.waiting.values()) {
      clearTimeout(timer);
      reject(new CallError("Closed", "The widget was closed."));
    }
    this.waiting.clear();
  }

  private receive(content: unknown): void {
    const reply = content as Partial<Reply> | null;
    if (reply?.kind !== "reply" || typeof reply.id !== "string") return;
    const waiting = this.waiting.get(reply.id);
    if (!waiting) return; // of another view of the same model, or given up
    clearTimeout(waiting.timer);
    this.waiting.delete(reply.id);
    if (reply.ok) waiting.resolve(reply.value);
    else waiting.reject(new CallError(reply.error?.type ?? "Error", reply.error?.message ?? "Unknown error"));
  }
}
