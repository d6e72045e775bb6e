// Errors, the worst first: a list that fetches what is in sight, and beside it the chosen row with its neighbours in the training data.
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ANSWER_KINDS, AnswerLine, AnswerOne } from "./error_browser/answers";
import { LabelLine, LabelOne } from "./error_browser/labels";
import { PairLine, PairOne } from "./error_browser/pairs";
import { SPAN_KINDS, SpanLine, SpanOne } from "./error_browser/spans";
import { TextLine, TextOne } from "./error_browser/texts";
import type { Choices, Detail, Door, Filters, Order, Row, Stretch, Traits, View } from "./error_browser/types";
import { count, visible } from "./lib/format";
import { Button, Check, Code, Empty, Note, Segments, Select, TextInput, useAction, useAsked, useDebounced, useTrait, widget } from "./lib/ui";

interface Look {
  Line(props: { row: Row; measure: string }): JSX.Element;
  One(props: Door & { row: Detail; labels: string[]; training: number | false }): JSX.Element;
  /** Of a row of the list, in pixels. */
  height: number;
  /** Kinds of errors → what they are. */
  kinds?: Record<string, string>;
}

const LOOKS: Record<View, Look> = {
  labels: { Line: LabelLine, One: LabelOne, height: 54 },
  spans: { Line: SpanLine, One: SpanOne, height: 54, kinds: SPAN_KINDS },
  answers: { Line: AnswerLine, One: AnswerOne, height: 54, kinds: ANSWER_KINDS },
  pairs: { Line: PairLine, One: PairOne, height: 70 },
  texts: { Line: TextLine, One: TextOne, height: 54 },
};
const px = (n: number): string => `${n}px`;

function App({ bridge }: Door) {
  const [split, setSplit] = useTrait(bridge, "split");
  const [include, setInclude] = useTrait(bridge, "include");
  const [filters, setFilters] = useTrait(bridge, "filters");
  const [selection] = useTrait(bridge, "selection");
  const [relabel] = useTrait(bridge, "relabel");
  const [view] = useTrait(bridge, "view");
  const [order, setOrder] = useTrait(bridge, "order");
  const [typed, setTyped] = useState(String(filters["search"] ?? ""));
  const search = useDebounced(typed, 200);
  const set = useAction((changes: Filters) => bridge.call("filter", changes));
  const hand = useAction(() => bridge.call("hand_over"));
  const asked = useAsked(split, () => bridge.call<Choices>("choices", {}, 300_000));
  const choices = asked.value;

  useEffect(() => {
    if (search !== String(bridge.get("filters")["search"] ?? "")) void set.run({ search });
  }, [search]);
  useEffect(() => {
    const given = String(filters["search"] ?? "");
    if (given !== search) setTyped(given);
  }, [filters]);

  const text = (name: string) => String(filters[name] ?? "");
  const slice = (filters["slice"] as [string, string] | undefined) ?? ["", ""];
  const [column, setColumn] = useState(slice[0]);
  useEffect(() => {
    if (slice[0]) setColumn(slice[0]);
  }, [slice[0]]);
  const given = filters["rows"] as string[] | undefined;
  const extra = (["found", "missed", "false_alarm"] as const).filter((kind) => text(kind));
  const filtered = Object.keys(filters).length > 0;
  const kinds = LOOKS[view].kinds;
  const clear = () => {
    setTyped("");
    setFilters({});
  };

  return (
    <>
      <div class="lk-head">
        <h3>Errors</h3>
        {choices && <span class="lk-chip">{visible(choices.run)}</span>}
      </div>
      <div class="lk-tools" role="search">
        <Segments
          label="Rows"
          value={include}
          options={[
            ["wrong", choices ? `${choices.names.wrong} ${count(choices.counts.wrong)}` : "Wrong"],
            ["unsure", choices?.names.unsure ?? "Unsure"],
            ["all", choices?.names.all ?? "All"],
          ]}
          onChange={setInclude}
        />
        {choices && choices.splits.length > 1 && <Select label="Split" value={split} options={choices.splits} onChange={setSplit} />}
        <TextInput type="search" label="Search the texts" placeholder="Search the texts" value={typed} onInput={setTyped} />
        {view === "spans" && (
          <Select label="Type of entity" any="Any type" value={text("type")} options={(choices?.labels ?? []).map((label) => [label, visible(label)] as const)} onChange={(v) => void set.run({ type: v })} />
        )}
        {view === "labels" && (
          <>
            <Select label="True label" any="Any true label" value={text("true")} options={choices?.labels ?? []} onChange={(v) => void set.run({ true: v })} />
            <Select label="Predicted label" any="Any prediction" value={text("predicted")} options={choices?.labels ?? []} onChange={(v) => void set.run({ predicted: v })} />
          </>
        )}
        {choices && Object.keys(choices.slices).length > 0 && (
          <>
            <Select
              label="Column to slice by"
              any="No slice"
              value={column}
              options={Object.keys(choices.slices).map((name) => [name, name === "length" ? "Length (words)" : visible(name)] as const)}
              onChange={(v) => {
                setColumn(v);
                if (slice[0]) void set.run({ slice: "" });
              }}
            />
            {column && (
              <Select
                label={`Slice of ${column}`}
                any="Any value"
                value={slice[0] === column ? slice[1] : ""}
                options={(choices.slices[column] ?? []).map((value) => [value, visible(value)] as const)}
                onChange={(v) => void set.run({ slice: v ? [column, v] : "" })}
              />
            )}
          </>
        )}
        {choices && choices.orders.length > 1 && (include !== "unsure" || view === "texts") && <Select label="Order" value={order} options={choices.orders} onChange={(v) => setOrder(v as Order)} />}
        {view === "labels" && (
          <Check checked={Boolean(filters["suspects"])} onChange={(v) => void set.run({ suspects: v })}>
            Likely label errors
          </Check>
        )}
        {Boolean(choices?.written) && (
          <Check checked={Boolean(filters["written"])} onChange={(v) => void set.run({ written: v })}>
            With written text
          </Check>
        )}
        {given && <Away text={`${count(given.length)} given row${given.length === 1 ? "" : "s"}`} away={() => void set.run({ rows: [] })} />}
        {extra.map((kind) => (
          <Away key={kind} text={`${kind.replace("_", " ")}: ${visible(text(kind))}`} away={() => void set.run({ [kind]: "" })} />
        ))}
        {filtered && (
          <Button kind="ghost" onClick={clear}>
            Clear filters
          </Button>
        )}
      </div>
      {kinds && (
        <div class="lk-tools">
          <Kinds
            counts={choices?.kinds ?? Object.fromEntries(Object.keys(kinds).map((kind) => [kind, 0]))}
            said={kinds}
            value={text("kind")}
            choose={(kind) => {
              if (kind && include === "unsure") setInclude("wrong");
              void set.run({ kind });
            }}
          />
        </div>
      )}
      {(asked.error || set.error) && <Note kind="error">{asked.error || set.error}</Note>}
      <div class="lk-split eb-split">
        <List bridge={bridge} choices={choices} filtered={filtered} clear={clear} />
        <One bridge={bridge} training={choices?.training ?? false} labels={choices?.labels ?? []} />
      </div>
      {hand.error && <Note kind="error">{hand.error}</Note>}
      <div class="lk-foot">
        <Button kind="primary" disabled={selection.length === 0 || hand.busy} onClick={() => void hand.run()}>
          {selection.length ? `Relabel ${count(selection.length)} row${selection.length === 1 ? "" : "s"}` : "Relabel"}
        </Button>
        <span aria-live="polite">
          {relabel.length > 0 ? (
            <>
              {count(relabel.length)} row{relabel.length === 1 ? "" : "s"} handed over: <code>labeler.queue = errors.relabel</code>
            </>
          ) : (
            "Mark rows with a click, Shift, Ctrl or the space bar."
          )}
        </span>
        <Code bridge={bridge} />
      </div>
    </>
  );
}

function Away({ text, away }: { text: string; away(): void }) {
  return (
    <span class="lk-chip lk-chip-accent eb-away">
      {text}
      <button type="button" aria-label={`Take away: ${text}`} onClick={away}>
        ✕
      </button>
    </span>
  );
}

/** Which kind of error; one at a time, a second click takes it back. */
function Kinds({ counts, said, value, choose }: { counts: Record<string, number>; said: Record<string, string>; value: string; choose(kind: string): void }) {
  return (
    <div class="eb-kinds" role="group" aria-label="Kind of error">
      {Object.entries(counts).map(([kind, n]) => (
        <button
          key={kind}
          type="button"
          class="lk-btn"
          title={said[kind]}
          aria-pressed={value === kind}
          disabled={n === 0 && value !== kind}
          onClick={() => choose(value === kind ? "" : kind)}
        >
          {kind} <span class="lk-num">{count(n)}</span>
        </button>
      ))}
    </div>
  );
}

// -- the list ------------------------------------------------------------------------------------------------------------------

const FETCH = 50;

function List({ bridge, choices, filtered, clear }: Door & { choices: Choices | undefined; filtered: boolean; clear(): void }) {
  const [split] = useTrait(bridge, "split");
  const [view] = useTrait(bridge, "view");
  const [order] = useTrait(bridge, "order");
  const [include, setInclude] = useTrait(bridge, "include");
  const [filters] = useTrait(bridge, "filters");
  const [selection, setSelection] = useTrait(bridge, "selection");
  const [current, setCurrent] = useTrait(bridge, "current");
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [anchor, setAnchor] = useState(0);
  const [id] = useState(() => `eb-${Math.random().toString(36).slice(2)}`); // several lists may be on one page
  const key = JSON.stringify([split, include, order, filters]);
  const kept = useRef<{ key: string; pages: Map<number, Row[]>; head: Stretch }>({ key: "", pages: new Map(), head: { rows: [], of: 0, order: "", note: "" } });
  const { Line, height } = LOOKS[view];
  const room = 460;
  const first = Math.floor(top / height / FETCH);
  const last = Math.floor((top + room) / height / FETCH);

  const asked = useAsked<Stretch>(`${key} ${first} ${last}`, async () => {
    if (kept.current.key !== key) {
      const head = await bridge.call<Stretch>("rows", { start: 0, count: FETCH }, 300_000);
      kept.current = { key, pages: new Map([[0, head.rows]]), head };
      if (box.current) box.current.scrollTop = 0;
      return head;
    }
    for (let page = first; page <= last; page++)
      if (!kept.current.pages.has(page)) {
        kept.current.pages.set(page, (await bridge.call<Stretch>("rows", { start: page * FETCH, count: FETCH })).rows);
      }
    return kept.current.head;
  });
  const of = asked.value?.of ?? 0;
  const rowAt = (at: number): Row | undefined => kept.current.pages.get(Math.floor(at / FETCH))?.[at % FETCH];
  const marked = useMemo(() => new Set(selection), [selection]);
  const placeOf = (row_id: string): number => {
    for (const [page, rows] of kept.current.pages) {
      const at = rows.findIndex((row) => row.row_id === row_id);
      if (at >= 0) return page * FETCH + at;
    }
    return -1;
  };
  const now = placeOf(current);

  const act = useAction(async (at: number, way: "only" | "add" | "range" | "move" | "all") => {
    if (way === "all") {
      setSelection(await bridge.call<string[]>("ids"));
      return;
    }
    const row = rowAt(at) ?? (await bridge.call<Stretch>("rows", { start: at, count: 1 })).rows[0];
    if (!row) return;
    setCurrent(row.row_id);
    if (way === "range") {
      setSelection(await bridge.call<string[]>("ids", { start: Math.min(anchor, at), stop: Math.max(anchor, at) + 1 }));
      return;
    }
    setAnchor(at);
    if (way === "only") setSelection([row.row_id]);
    else if (way === "add") setSelection(marked.has(row.row_id) ? selection.filter((id) => id !== row.row_id) : [...selection, row.row_id]);
  });

  const reveal = (at: number) => {
    const e = box.current;
    if (!e) return;
    e.scrollTop = Math.min(at * height, Math.max(e.scrollTop, (at + 1) * height - e.clientHeight));
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.altKey || event.metaKey || of === 0) return;
    const from = Math.max(0, now);
    const steps: Record<string, number> = { ArrowDown: from + 1, ArrowUp: from - 1, PageDown: from + 8, PageUp: from - 8, Home: 0, End: of - 1 };
    const to = steps[event.key];
    if (to !== undefined) {
      const at = Math.max(0, Math.min(of - 1, to));
      reveal(at);
      void act.run(at, event.shiftKey ? "range" : event.ctrlKey ? "move" : "only");
    } else if (event.key === " ") void act.run(from, event.shiftKey ? "range" : "add");
    else if (event.key === "a" && event.ctrlKey) void act.run(0, "all");
    else if (event.key === "Escape") setSelection([]);
    else return;
    event.preventDefault();
  };

  const begin = Math.max(0, Math.floor(top / height) - 3);
  const end = Math.min(of, begin + Math.ceil(room / height) + 7);
  const seen = [];
  for (let at = begin; at < end; at++) seen.push(at);
  if (now >= 0 && now < of && (now < begin || now >= end)) seen.push(now); // what aria-activedescendant names must be there

  return (
    <div class="eb-left">
      <div class="eb-count lk-quiet" aria-live="polite">
        {asked.value ? `${count(of)} row${of === 1 ? "" : "s"}, ${asked.value.order}` : "Reading the data of the run…"}
        {selection.length > 0 && ` · ${count(selection.length)} marked`}
        <span class="eb-head" aria-hidden="true">{choices?.measure}</span>
      </div>
      {(asked.error || act.error) && <Note kind="error">{asked.error || act.error}</Note>}
      {asked.value?.note && <Note kind="warning">{asked.value.note}</Note>}
      <div
        class="lk-scroll eb-list"
        ref={box}
        role="listbox"
        tabIndex={0}
        aria-label="Rows"
        aria-multiselectable="true"
        aria-busy={asked.busy}
        aria-activedescendant={now >= 0 ? `${id}-row-${now}` : undefined}
        onScroll={(event) => setTop(event.currentTarget.scrollTop)}
        onKeyDown={onKey}
      >
        {asked.value && of === 0 ? (
          <div role="option" aria-selected="false" aria-disabled="true">
            <Empty title={filtered ? "No row passes these filters" : `No ${choices?.called[include] ?? "rows"}`}>
              {filtered ? `Among the ${choices?.called[include] ?? "rows"} there is none.` : include === "wrong" ? "Every row of this split is right." : include === "unsure" ? "No row of this split is wholly right." : ""}
            </Empty>
          </div>
        ) : (
          <div class="eb-tall" role="presentation" style={{ height: px(of * height) }}>
            {seen.map((at) => {
              const row = rowAt(at);
              return (
                <div
                  key={at}
                  id={`${id}-row-${at}`}
                  role="option"
                  aria-selected={row ? marked.has(row.row_id) : false}
                  aria-posinset={at + 1}
                  aria-setsize={of}
                  class={`eb-row ${row?.row_id === current ? "eb-now" : ""}`}
                  style={{ top: px(at * height), height: px(height) }}
                  onClick={(event) => void act.run(at, event.shiftKey ? "range" : event.ctrlKey || event.metaKey ? "add" : "only")}
                >
                  {row && <Line row={row} measure={choices?.measure ?? ""} />}
                </div>
              );
            })}
          </div>
        )}
      </div>
      {asked.value && of === 0 && (
        <div class="eb-none">
          {filtered && <Button onClick={clear}>Clear filters</Button>}
          {include !== "all" && <Button onClick={() => setInclude("all")}>Show right rows, too</Button>}
        </div>
      )}
    </div>
  );
}

// -- one row -------------------------------------------------------------------------------------------------------------------

function One({ bridge, training, labels }: Door & { training: number | false; labels: string[] }) {
  const [view] = useTrait(bridge, "view");
  const [current] = useTrait(bridge, "current");
  const [split] = useTrait(bridge, "split");
  const asked = useAsked(`${split} ${current}`, () => (current ? bridge.call<Detail>("row", { row_id: current }) : Promise.resolve(null)));
  const row = asked.value;
  const { One: Full } = LOOKS[view];
  return (
    <div class="lk-scroll eb-one" tabIndex={0} role="group" aria-label="The row in full">
      {asked.error ? (
        <Note kind="error">{asked.error}</Note>
      ) : !row ? (
        <Empty title={asked.busy ? "Loading…" : "No row chosen"} />
      ) : (
        <Full bridge={bridge} row={row} labels={labels} training={training} />
      )}
    </div>
  );
}

export default widget<Traits>("Error browser", App);
