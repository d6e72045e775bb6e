// Many rows at once: a page of the queue, selected with the mouse or the keyboard, labelled at one stroke.
import { useEffect, useRef, useState } from "preact/hooks";
import { newId } from "../lib/pending";
import { Button, Check, Empty, Note, Select, useAction, useAsked } from "../lib/ui";
import { count, percent, visible } from "../lib/format";
import type { Example, Value } from "../lib/desk";

const SIZE = 25;

interface Page {
  rows: Example[];
  count: number;
  offset: number;
}

export type Ask = <Value>(name: string, args?: Record<string, unknown>) => Promise<Value>;

export interface TableHandle {
  label(label: string): void;
  accept(): void;
  key(event: KeyboardEvent): boolean;
}

export function Table(props: {
  ask: Ask;
  labels: string[];
  suggests: boolean;
  single: boolean;
  /** What is decided, and how a value of it is read. */
  what: string;
  words(value: Value): string;
  turn: string;
  handle: { current: TableHandle | null };
  /** Put the focus where keys go. */
  leave(): void;
  open(row_id: string): void;
  changed(): void;
}) {
  const { words } = props;
  const [offset, setOffset] = useState(0);
  const [undecided, setUndecided] = useState(false);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [cursor, setCursor] = useState(0);
  const [anchor, setAnchor] = useState(0);
  const [threshold, setThreshold] = useState("90");
  const body = useRef<HTMLDivElement>(null);
  const page = useAsked(`${offset} ${undecided} ${props.turn}`, () => props.ask<Page>("page", { offset, size: SIZE, undecided }));
  const sure = Math.min(100, Math.max(0, Number(threshold) || 0)) / 100;
  const above = useAsked(`${sure} ${props.suggests} ${props.turn}`, async () => (props.suggests ? props.ask<number>("count_above", { threshold: sure }) : 0));
  const rows = page.value?.rows ?? [];
  const total = page.value?.count ?? 0;
  const ids = chosen.size > 0 ? [...chosen] : rows[cursor] ? [rows[cursor].row_id] : [];
  // the same id until it worked: a stroke that is sent twice is written once
  const id = useRef(newId());
  const act = useAction(async (name: string, args: Record<string, unknown>) => {
    props.leave(); // the button is disabled meanwhile
    await props.ask(name, { ...args, id: id.current });
    id.current = newId();
    setChosen(new Set());
    props.changed();
  });
  const label = (name: string) => void act.run("bulk", { row_ids: ids, label: props.single ? name : [name] });
  const accept = () => void act.run("accept_many", { row_ids: ids });

  useEffect(() => setCursor((at) => Math.min(at, Math.max(0, rows.length - 1))), [rows.length]);
  useEffect(() => {
    body.current?.querySelector(`[data-at="${cursor}"]`)?.scrollIntoView({ block: "nearest" });
  }, [cursor]);

  const toggle = (at: number, range: boolean) => {
    const row = rows[at];
    if (!row) return;
    const next = new Set(chosen);
    if (range) for (let i = Math.min(anchor, at); i <= Math.max(anchor, at); i++) next.add(rows[i]?.row_id ?? row.row_id);
    else if (!next.delete(row.row_id)) next.add(row.row_id);
    setChosen(next);
    setCursor(at);
    if (!range) setAnchor(at);
  };
  const move = (step: number, range: boolean) => {
    const at = Math.max(0, Math.min(rows.length - 1, cursor + step));
    if (range) {
      const next = new Set(chosen);
      for (const i of [cursor, at]) if (rows[i]) next.add(rows[i].row_id);
      setChosen(next);
    } else setAnchor(at);
    setCursor(at);
  };
  const turn = (step: number) => setOffset(Math.max(0, Math.min(Math.floor(Math.max(0, total - 1) / SIZE) * SIZE, offset + step * SIZE)));
  props.handle.current = {
    label,
    accept,
    key(event) {
      const { key, shiftKey } = event;
      if (key === "ArrowDown" || key === "ArrowUp") move(key === "ArrowDown" ? 1 : -1, shiftKey);
      else if (key === "PageDown" || key === "PageUp") turn(key === "PageDown" ? 1 : -1);
      else if (key === " " || key === "x") toggle(cursor, shiftKey);
      else if (key === "Escape") setChosen(new Set());
      else if (key === "a" && (event.ctrlKey || event.metaKey)) setChosen(new Set(rows.map((row) => row.row_id)));
      else if (key === "a" || key === "Enter") accept();
      else return false;
      return true;
    },
  };

  const all = rows.length > 0 && rows.every((row) => chosen.has(row.row_id));
  return (
    <>
      <div class="lk-tools lb-bulk">
        <span class="lb-chosen">{chosen.size > 0 ? `${count(chosen.size)} selected` : "Row under the cursor"}</span>
        {props.labels.length > 0 && <Select label="Label for the selected rows" any="Set label…" value="" options={props.labels.map((name) => [name, visible(name)] as const)} onChange={(name) => name && label(name)} />}
        {props.suggests && (
          <>
            <Button disabled={act.busy} onClick={accept}>
              Accept suggestions <kbd class="lk-kbd">A</kbd>
            </Button>
            <span class="lb-all">
              <Button disabled={act.busy || !above.value} onClick={() => void act.run("accept_many", { threshold: sure })}>
                Accept all {above.value === undefined ? "" : `${count(above.value)} `}from
              </Button>
              <input class="lk-input lb-threshold" type="number" min={0} max={100} step={1} aria-label="Least confidence in percent" value={threshold} onInput={(event) => setThreshold(event.currentTarget.value)} />
              <span>%</span>
            </span>
          </>
        )}
        <Check checked={undecided} onChange={(on) => (setUndecided(on), setOffset(0))}>
          Undecided only
        </Check>
      </div>
      {act.error && <Note kind="error" onClose={act.clear}>{act.error}</Note>}
      {page.error && <Note kind="error">{page.error}</Note>}
      <div class="lk-scroll lb-page" ref={body} tabIndex={0} role="region" aria-label="Rows of the queue">
        {page.value && rows.length === 0 ? (
          <Empty title={undecided ? "Every row of this queue is decided" : "This queue has no rows"} />
        ) : (
          <table class="lk-table lb-table">
            <thead>
              <tr>
                <th scope="col">
                  <input type="checkbox" aria-label="Select the page" checked={all} onChange={() => setChosen(new Set(all ? [] : rows.map((row) => row.row_id)))} />
                </th>
                <th scope="col">Text</th>
                <th scope="col">{props.what}</th>
                {props.suggests && <th scope="col">Suggestion</th>}
              </tr>
            </thead>
            <tbody>
              {rows.map((row, at) => (
                <tr
                  key={row.row_id}
                  data-at={at}
                  data-row={row.row_id}
                  class={at === cursor ? "lb-cursor" : undefined}
                  aria-selected={chosen.has(row.row_id)}
                  onClick={(event) => {
                    if (event.target instanceof HTMLButtonElement) return;
                    if (event.shiftKey) window.getSelection()?.removeAllRanges();
                    toggle(at, event.shiftKey);
                  }}
                >
                  <td>
                    <input type="checkbox" tabIndex={-1} aria-label={`Select ${visible(row.row_id)}`} checked={chosen.has(row.row_id)} />
                  </td>
                  <td>
                    <button type="button" tabIndex={-1} class="lb-open" title="Show this example" onClick={() => props.open(row.row_id)}>
                      {visible(row.title) || "(no text)"}
                    </button>
                  </td>
                  <td>
                    <span class={`lk-chip${row.decided ? " lk-chip-accent" : ""}`}>
                      {row.decided ? "✓ " : ""}
                      {words(row.value)}
                    </span>
                    {row.skipped && " skipped"}
                    {row.excluded && " left out"}
                    {row.flag && " ⚑"}
                  </td>
                  {props.suggests && (
                    <td>
                      {row.suggestion && (
                        <>
                          <span class={`lk-chip${words(row.suggestion.value) === words(row.value) ? "" : " lk-chip-warn"}`}>{words(row.suggestion.value)}</span>
                          {row.suggestion.confidence !== null && ` ${percent(row.suggestion.confidence, 0)}`}
                        </>
                      )}
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </div>
      <div class="lb-pager">
        <Button disabled={offset === 0} onClick={() => turn(-1)}>
          ‹ Previous
        </Button>
        <span aria-live="polite">
          {total === 0 ? "0 rows" : `${count((page.value?.offset ?? 0) + 1)}–${count((page.value?.offset ?? 0) + rows.length)} of ${count(total)}`}
        </span>
        <Button disabled={offset + SIZE >= total} onClick={() => turn(1)}>
          Next ›
        </Button>
      </div>
    </>
  );
}
