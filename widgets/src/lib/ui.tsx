// Building blocks that every widget uses: mounting, traits as state, calls as state, and small controls.
import { Component, render, type ComponentChildren, type JSX } from "preact";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Bridge, type Model } from "./bridge";

/** Traits that every widget has. */
export interface BaseTraits {
  error: string;
  code: string;
}

class Boundary extends Component<{ children: ComponentChildren }, { failed: string }> {
  override state = { failed: "" };
  override componentDidCatch(error: unknown): void {
    this.setState({ failed: error instanceof Error ? error.message : String(error) });
  }
  override render() {
    return this.state.failed ? <Note kind="error">This view failed: {this.state.failed}. Run the cell again.</Note> : this.props.children;
  }
}

/** The object that anywidget wants from a browser half. */
export function widget<Traits extends BaseTraits>(name: string, App: (props: { bridge: Bridge<Traits> }) => JSX.Element) {
  return {
    default: {
      render({ model, el }: { model: Model; el: HTMLElement }): () => void {
        const bridge = new Bridge<Traits>(model);
        el.classList.add("labkit");
        // JupyterLab would take single keys for notebook commands: "x" would cut the cell. It looks for this attribute from
        // the focused element upwards, but only as far as its shortcut's selector matches: at the element itself.
        const keepKeys = ({ target }: Event) => (target as HTMLElement).setAttribute("data-lm-suppress-shortcuts", "true");
        el.addEventListener("focusin", keepKeys);
        el.setAttribute("role", "region");
        el.setAttribute("aria-label", name);
        render(
          <Boundary>
            <Raised bridge={bridge} />
            <App bridge={bridge} />
          </Boundary>,
          el,
        );
        return () => {
          el.removeEventListener("focusin", keepKeys);
          render(null, el);
          bridge.dispose();
        };
      },
    },
  }.default;
}

function Raised<Traits extends BaseTraits>({ bridge }: { bridge: Bridge<Traits> }) {
  const [error] = useTrait(bridge, "error");
  return error ? <Note kind="error">{error as string}</Note> : null;
}

/** A trait as state: the present value, and a function that sets it on both sides. */
export function useTrait<Traits extends object, Name extends keyof Traits & string>(
  bridge: Bridge<Traits>,
  name: Name,
): [Traits[Name], (value: Traits[Name]) => void] {
  const [value, setValue] = useState<Traits[Name]>(() => bridge.get(name));
  useLayoutEffect(() => {
    setValue(() => bridge.get(name));
    return bridge.watch(name, (next) => setValue(() => next));
  }, [bridge, name]);
  const set = useCallback((next: Traits[Name]) => bridge.set(name, next), [bridge, name]);
  return [value, set];
}

export interface Asked<Value> {
  value: Value | undefined;
  error: string;
  busy: boolean;
  again(): void;
}

/** Ask the Python half whenever the key changes. The last answer stays until the next one is there: no layout jump. */
export function useAsked<Value>(key: string, ask: () => Promise<Value>): Asked<Value> {
  const [state, setState] = useState<{ value: Value | undefined; error: string; busy: boolean }>({ value: undefined, error: "", busy: true });
  const [turn, setTurn] = useState(0);
  const latest = useRef(ask);
  latest.current = ask;
  useEffect(() => {
    let stale = false;
    setState((old) => ({ ...old, busy: true }));
    latest.current().then(
      (value) => stale || setState({ value, error: "", busy: false }),
      (error: Error) => stale || setState((old) => ({ ...old, error: error.message, busy: false })),
    );
    return () => {
      stale = true;
    };
  }, [key, turn]);
  return { ...state, again: useCallback(() => setTurn((n) => n + 1), []) };
}

/** Something a button does: busy while it lasts, and its error for showing beside the button. */
export function useAction<Args extends unknown[]>(act: (...args: Args) => Promise<unknown>) {
  const [state, setState] = useState({ busy: false, error: "" });
  const latest = useRef(act);
  latest.current = act;
  const run = useCallback(async (...args: Args) => {
    setState({ busy: true, error: "" });
    try {
      await latest.current(...args);
      setState({ busy: false, error: "" });
    } catch (error) {
      setState({ busy: false, error: error instanceof Error ? error.message : String(error) });
    }
  }, []);
  return { ...state, run, clear: () => setState({ busy: false, error: "" }) };
}

/** A value that follows another one after a pause, so that half-typed text stays in the browser. */
export function useDebounced<Value>(value: Value, milliseconds = 150): Value {
  const [late, setLate] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setLate(() => value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return late;
}

/** Width of an element in pixels, for charts. */
export function useWidth<E extends HTMLElement>(): [{ current: E | null }, number] {
  const ref = useRef<E>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    setWidth(element.clientWidth);
    return () => observer.disconnect();
  }, []);
  return [ref, width];
}

// -- controls ------------------------------------------------------------------------------------------------------------------

export function Button(props: {
  children: ComponentChildren;
  onClick(): void;
  kind?: "primary" | "plain" | "ghost" | "danger";
  disabled?: boolean;
  pressed?: boolean;
  label?: string;
  title?: string;
}) {
  const { children, onClick, kind = "plain", disabled = false, pressed, label, title } = props;
  return (
    <button type="button" class={`lk-btn lk-${kind}`} disabled={disabled} aria-pressed={pressed} aria-label={label} title={title} onClick={onClick}>
      {children}
    </button>
  );
}

/** A labelled control; the help stands below it, an error in its place. */
export function Field(props: { label: string; help?: string; error?: string; children: ComponentChildren }) {
  return (
    <label class="lk-field">
      <span class="lk-label">{props.label}</span>
      {props.children}
      {props.error ? (
        <span class="lk-problem" role="alert">
          {props.error}
        </span>
      ) : props.help ? (
        <span class="lk-help">{props.help}</span>
      ) : null}
    </label>
  );
}

export function TextInput(props: {
  value: string;
  onInput(value: string): void;
  label: string;
  placeholder?: string;
  onEnter?(): void;
  type?: "text" | "search" | "number";
  invalid?: boolean;
}) {
  return (
    <input
      class="lk-input"
      {...({ type: props.type ?? "text" } as { type: "text"; list?: never })}
      value={props.value}
      aria-label={props.label}
      aria-invalid={props.invalid ? "true" : undefined}
      placeholder={props.placeholder}
      spellcheck={false}
      onInput={(event) => props.onInput(event.currentTarget.value)}
      onKeyDown={(event) => event.key === "Enter" && props.onEnter?.()}
    />
  );
}

/** A drop-down; options are values, or pairs of value and text. */
export function Select(props: {
  value: string;
  options: readonly (string | readonly [string, string])[];
  onChange(value: string): void;
  label: string;
  any?: string;
}) {
  return (
    <select class="lk-input lk-select" value={props.value} aria-label={props.label} onChange={(event) => props.onChange(event.currentTarget.value)}>
      {props.any !== undefined && <option value="">{props.any}</option>}
      {props.options.map((option) => {
        const [value, text] = typeof option === "string" ? [option, option] : option;
        return (
          <option key={value} value={value} selected={value === props.value}>
            {text}
          </option>
        );
      })}
    </select>
  );
}

/** A row of choices of which one holds. */
export function Segments<Value extends string>(props: {
  value: Value;
  options: readonly (readonly [Value, string])[];
  onChange(value: Value): void;
  label: string;
}) {
  return (
    <div class="lk-segments" role="radiogroup" aria-label={props.label}>
      {props.options.map(([value, text], at) => (
        <button
          key={value}
          type="button"
          role="radio"
          aria-checked={value === props.value}
          tabIndex={value === props.value ? 0 : -1}
          onClick={() => props.onChange(value)}
          onKeyDown={(event) => {
            const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
            const next = props.options[(at + step + props.options.length) % props.options.length];
            if (!step || !next) return;
            event.preventDefault();
            props.onChange(next[0]);
            const buttons = event.currentTarget.parentElement?.querySelectorAll("button");
            buttons?.[(at + step + props.options.length) % props.options.length]?.focus();
          }}
        >
          {text}
        </button>
      ))}
    </div>
  );
}

export function Check(props: { checked: boolean; onChange(checked: boolean): void; children: ComponentChildren }) {
  return (
    <label class="lk-check">
      <input type="checkbox" checked={props.checked} onChange={(event) => props.onChange(event.currentTarget.checked)} />
      <span>{props.children}</span>
    </label>
  );
}

/** A message where the person is looking. */
export function Note(props: { kind: "error" | "warning" | "info" | "good"; children: ComponentChildren; onClose?(): void }) {
  return (
    <div class={`lk-note lk-note-${props.kind}`} role={props.kind === "error" ? "alert" : "status"}>
      <div class="lk-note-text">{props.children}</div>
      {props.onClose && (
        <button type="button" class="lk-btn lk-ghost" aria-label="Close message" onClick={props.onClose}>
          ✕
        </button>
      )}
    </div>
  );
}

/** What stands where there is nothing to show: why, and what to do. */
export function Empty(props: { title: string; children?: ComponentChildren }) {
  return (
    <div class="lk-empty">
      <strong>{props.title}</strong>
      {props.children && <div>{props.children}</div>}
    </div>
  );
}

/** Progress of something: a share from 0 to 1. */
export function Bar(props: { share: number; label: string }) {
  const share = Math.max(0, Math.min(1, props.share || 0));
  return (
    <div class="lk-bar" role="progressbar" aria-label={props.label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(share * 100)}>
      <div style={{ width: `${share * 100}%` }} />
    </div>
  );
}

/** The Python cell equal to what was clicked, behind a button. */
export function Code<Traits extends BaseTraits>({ bridge }: { bridge: Bridge<Traits> }) {
  const [code] = useTrait(bridge, "code");
  const [open, setOpen] = useState(false);
  const [copied, setCopied] = useState(false);
  const copy = () => {
    const done = () => {
      setCopied(true);
      setTimeout(() => setCopied(false), 1500);
    };
    // a page without the clipboard's permission still lets the text be selected
    navigator.clipboard?.writeText(code as string).then(done, () => setCopied(false));
  };
  return (
    <div class="lk-code">
      <button type="button" class="lk-btn lk-ghost" aria-expanded={open} onClick={() => setOpen(!open)}>
        {open ? "Hide code" : "Show code"}
      </button>
      {open && (
        <div class="lk-code-body">
          <pre tabIndex={0} aria-label="Python code">
            {code as string}
          </pre>
          <Button onClick={copy}>{copied ? "Copied" : "Copy"}</Button>
        </div>
      )}
    </div>
  );
}
