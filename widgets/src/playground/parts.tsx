// What the playground of a classifier and that of a tagger share.
import { useState } from "preact/hooks";
import { count } from "../lib/format";

export interface Said {
  labels: string[];
  confidence: number;
  probabilities: number[];
}

export interface Result<Answer = Said> {
  text: string;
  second: string;
  tokens: number;
  limit: number;
  models: Answer[];
}

export interface Model {
  name: string;
  labels: string[];
}

export const LONG = 300_000; // milliseconds that loading a model may take

/** How many tokens, and whether some of them are not read. */
export function tokens(result: Result, windows: boolean): string {
  const said = `${count(result.tokens)} token${result.tokens === 1 ? "" : "s"}`;
  if (result.tokens <= result.limit) return said;
  return windows ? `${said}, read ${count(result.limit)} at a time` : `${said}: cut after ${count(result.limit)}`;
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
