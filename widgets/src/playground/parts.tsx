// What the playgrounds of all kinds of models share.
import { useState } from "preact/hooks";
import type { ComponentChildren, JSX } from "preact";
import type { Bridge } from "../lib/bridge";
import { count, visible } from "../lib/format";
import { Button, Note, useAction, useTrait, type BaseTraits } from "../lib/ui";

export interface Labelled {
  labels: string[];
  confidence: number;
  probabilities: number[];
}

/** A text with what each model says of it; what that is depends on the view. */
export interface Result<Said = unknown> {
  text: string;
  second: string;
  tokens: number;
  limit: number;
  models: Said[];
  /** What of it was not read; older files do not say. */
  note?: string;
  /** How it was to be written, where not as the recipe says. */
  writing?: Settings;
  /** Where its masks begin and end, in code points. */
  masks?: [number, number][];
}

export interface Model {
  name: string;
  labels: string[];
  /** From how many rows it learnt all it knows; null where it was pretrained. */
  scratch?: number | null;
}

export interface Settings {
  max_new_tokens?: number;
  beams?: number;
  samples?: number;
  temperature?: number;
  top_p?: number;
  seed?: number;
}

export interface Traits extends BaseTraits {
  text: string;
  second: string;
  lines: boolean;
  writing: Settings;
  pins: Result[];
  examples: string[];
  models: Model[];
  view: "labels" | "scores" | "spans" | "answers" | "written" | "masks";
  asks: string;
  paired: boolean;
  usual: Settings;
  mask: string;
  state: "idle" | "loading" | "ready";
}

export const LONG = 300_000; // milliseconds that loading a model, or writing, may take

/** How many tokens, and whether some of them are not read. */
export function tokens(result: Result, view: Traits["view"]): string {
  const said = `${count(result.tokens)} token${result.tokens === 1 ? "" : "s"}`;
  if (result.tokens <= result.limit || view === "written") return said;
  return view === "spans" || view === "answers" ? `${said}, read ${count(result.limit)} at a time` : `${said}: cut after ${count(result.limit)}`;
}

/** The name of a model, with its colour where there are two. */
export function Name({ models, m }: { models: Model[]; m: number }) {
  return (
    <div class="pg-of lk-quiet">
      <i class={`pg-dot pg-m${m}`} aria-hidden="true" />
      {visible(models[m]?.name ?? "")}
    </div>
  );
}

/** A pinned text while it is changed. */
export function Editor({ text, done }: { text: string; done(text: string | null): void }) {
  const [typed, setTyped] = useState(text);
  return (
    <div class="pg-pin">
      <textarea
        class="lk-input"
        rows={3}
        value={typed}
        aria-label="Pinned text"
        ref={(element) => {
          if (element && !element.dataset["seen"]) {
            element.dataset["seen"] = "yes";
            element.focus();
          }
        }}
        onInput={(event) => setTyped(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) done(typed);
          else if (event.key === "Escape") done(null);
          else return;
          event.preventDefault();
        }}
      />
      <div class="pg-acts">
        <button type="button" onClick={() => done(typed)}>
          Save
        </button>
        <button type="button" onClick={() => done(null)}>
          Cancel
        </button>
      </div>
    </div>
  );
}

/** Pinned texts below one another, each with what the models say of it. */
export function PinList(props: { bridge: Bridge<Traits>; hint: string; name: string; children(pin: Result, i: number): JSX.Element }) {
  const { bridge } = props;
  const [pins] = useTrait(bridge, "pins");
  const [editing, setEditing] = useState(-1);
  const act = useAction((name: string, args: Record<string, unknown>) => bridge.call(name, args, LONG));
  if (pins.length === 0) return <div class="pg-hint lk-quiet">{props.hint}</div>;
  const use = (pin: Result) => {
    bridge.set("text", pin.text);
    if (bridge.get("paired")) bridge.set("second", pin.second);
    if (pin.writing) bridge.set("writing", pin.writing);
  };
  return (
    <section class="pg-pins" aria-label="Pinned texts" aria-busy={act.busy}>
      <div class="pg-pinhead">
        <h4>Pinned texts</h4>
        <span class="lk-quiet">{count(pins.length)}</span>
        <Button kind="ghost" onClick={() => void act.run("unpin", {})}>
          Remove all
        </Button>
      </div>
      {act.error && <Note kind="error">{act.error}</Note>}
      <ol class="lk-scroll pg-scroll pg-texts" tabIndex={0} aria-label={props.name}>
        {pins.map((pin, i) => (
          <li key={i}>
            {editing === i ? (
              <Editor
                text={pin.text}
                done={(text) => {
                  setEditing(-1);
                  if (text !== null && text !== pin.text) void act.run("edit", { i, text });
                }}
              />
            ) : (
              <>
                <div class="pg-pinned">
                  {props.children(pin, i)}
                  {pin.note && <div class="pg-cutnote">{pin.note}</div>}
                </div>
                <div class="pg-acts">
                  <button type="button" aria-label={`Edit text ${i + 1}`} onClick={() => setEditing(i)}>
                    Edit
                  </button>
                  <button type="button" aria-label={`Use text ${i + 1} in the text box`} onClick={() => use(pin)}>
                    Use
                  </button>
                  <button type="button" aria-label={`Remove text ${i + 1}`} onClick={() => void act.run("unpin", { i })}>
                    ✕
                  </button>
                </div>
              </>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}

/** Results of several lines below one another, each with a button that pins it. */
export function LineList({ results, pin, children }: { results: Result[]; pin(result: Result): void; children(result: Result, n: number): ComponentChildren }) {
  return (
    <ol class="pg-texts">
      {results.map((result, n) => (
        <li key={n}>
          <div class="pg-pinned">
            {children(result, n)}
            {result.note && <div class="pg-cutnote">{result.note}</div>}
          </div>
          <Button kind="ghost" label={`Pin line ${n + 1}`} onClick={() => pin(result)}>
            Pin
          </Button>
        </li>
      ))}
    </ol>
  );
}
