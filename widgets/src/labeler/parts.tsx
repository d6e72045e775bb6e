// What stands around the example: state of saving, notices, the latest decisions, the overview of keys.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Desk, Entry, Value } from "../lib/desk";
import { count, visible } from "../lib/format";
import { ANSWER_HELP, HELP, LABEL_HELP, SPAN_HELP, TABLE_HELP, TEXT_HELP } from "../lib/keys";
import { Button, Note } from "../lib/ui";
import { spell } from "./stage";

const many = (n: number): string => `${count(n)} decision${n === 1 ? "" : "s"}`;

/** How many decisions are saved, on their way, or not saved; always as wide. */
export function SaveState({ desk }: { desk: Desk }) {
  const { saved, pending } = desk.outbox;
  const saving = desk.outbox.count("saving");
  const lost = pending.length - saving;
  const [kind, text] = lost ? ["bad", `${count(lost)} not saved`] : saving ? ["accent", `${count(saving)} saving…`] : saved ? ["good", `${count(saved)} saved`] : ["", "Nothing to save"];
  return <span class={`lk-chip lb-state lk-chip-${kind}`}>{text}</span>;
}

export function Notices({ desk, redraw }: { desk: Desk; redraw(): void }) {
  const { outbox } = desk;
  const refused = outbox.pending.filter((one) => one.state === "refused");
  const unsaved = outbox.count("unsaved");
  const retry = <Button onClick={() => void outbox.retry()}>Retry</Button>;
  return (
    <>
      {desk.error && <Note kind="error">{desk.error}</Note>}
      {refused.length > 0 && (
        <Note kind="error">
          <b>Not saved: {many(refused.length)}.</b> {refused[0]?.error} {retry} <Button onClick={() => (outbox.discard(), desk.refresh(), redraw())}>Discard</Button>
        </Note>
      )}
      {unsaved > 0 && (
        <Note kind="warning">
          <b>Not saved: {many(unsaved)}.</b> The kernel does not answer. It is busy, or it was restarted: then run the cell again. What is not saved is kept in this browser and is sent again. {retry}
        </Note>
      )}
      {desk.recovered > 0 && (
        <Note kind="good" onClose={() => ((desk.recovered = 0), redraw())}>
          Saved now: {many(desk.recovered)} that an earlier kernel could not save.
        </Note>
      )}
      {outbox.overtaken > 0 && (
        <Note kind="warning" onClose={() => ((outbox.overtaken = 0), redraw())}>
          Left out: {many(outbox.overtaken)} not saved in time, on rows that were decided on elsewhere since.
        </Note>
      )}
    </>
  );
}

const STATES = { saving: ["…", "saving…"], unsaved: ["!", "not saved"], refused: ["!", "not saved"], saved: ["✓", "saved"] } as const;

const FIXED: Record<string, string> = { skip: "skipped", exclude: "left out", leave_out: "left out", note: "note" };
const MODES: Record<string, string> = { answers: "answers", target: "text" };

const words = ({ field, value, rows }: Entry): string => {
  const said = FIXED[field] ?? (field === "flag" ? (value ? "flagged" : "flag off") : spell(MODES[field] ?? "")(value as Value));
  return rows > 1 ? `${said} × ${count(rows)}` : said;
};

/** The latest decisions, and all that are not saved; each leads back to its row. */
export function History({ desk, current, go }: { desk: Desk; current: string; go(row_id: string): void }) {
  const states = new Map(desk.outbox.pending.map((one) => [one.id, one.state]));
  const entries = desk.entries.filter((entry, at) => at < 10 || states.has(entry.id));
  return (
    <div class="lb-history" role="group" aria-label="Latest decisions">
      {entries.length === 0 && <span class="lk-quiet">Your latest decisions come here; click one to go back to it.</span>}
      {entries.map((entry) => {
        const state = states.get(entry.id) ?? "saved";
        const [sign, said] = STATES[state];
        const text = visible(entry.text);
        return (
          <button
            key={entry.id}
            type="button"
            class={`lb-entry lb-entry-${state}`}
            data-decision={entry.id}
            data-state={state}
            aria-current={entry.row_id === current ? "true" : undefined}
            aria-label={`${said}: ${words(entry)}, ${text}`}
            title={text}
            onClick={() => go(entry.row_id)}
          >
            <span class="lb-sign">{sign}</span>
            <b class="lk-cut">{words(entry)}</b>
            <span class="lk-cut lk-quiet">{state === "saved" ? text : said}</span>
          </button>
        );
      })}
    </div>
  );
}

export function NoteLine(props: { text: string; save(text: string): void; leave(): void }) {
  const [text, setText] = useState(props.text);
  const input = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => input.current?.focus(), []); // at once: the next key is text already
  return (
    <input
      ref={input}
      class="lk-input"
      type="text"
      aria-label="Note"
      placeholder="Note on this row; Enter saves it"
      value={text}
      onInput={(event) => setText(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === "Enter") props.save(text.trim());
        else if (event.key === "Escape") props.leave();
      }}
    />
  );
}

const OF_MODE: Record<string, typeof HELP> = { spans: [...SPAN_HELP, ...LABEL_HELP], answers: ANSWER_HELP, text: TEXT_HELP };

export function Help(props: { mode: string; table: boolean; close(): void }) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => box.current?.focus(), []);
  return (
    <div class="lb-help" role="dialog" aria-label="Keys" ref={box} tabIndex={-1}>
      {[...(props.table ? TABLE_HELP : (OF_MODE[props.mode] ?? LABEL_HELP)), ...HELP].map(([keys, text]) => (
        <div class="lb-key" key={text}>
          <kbd class="lk-kbd">{keys}</kbd>
          <span>{text}</span>
        </div>
      ))}
      <Button onClick={props.close}>Close</Button>
    </div>
  );
}
