// Errors by falling loss, or those of a tagger: a list that fetches what is in sight, and beside it the row with its neighbours in the training data.
import { Fragment } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Kinds, SpanLine, SpanOne, type SpanDetail, type SpanRow } from "./error_browser/spans";
import type { Bridge } from "./lib/bridge";
import { count, fixed, percent, visible } from "./lib/format";
import { Marked } from "./lib/marked";
import type { Mark } from "./lib/marks";
import { Bar, Button, Check, Code, Empty, Note, Segments, Select, TextInput, useAction, useAsked, useDebounced, useTrait, widget, type BaseTraits } from "./lib/ui";

type Filters = Record<string, unknown>;
interface Job {
  state: "running" | "done" | "failed";
  text: string;
  share: number;
  error: string;
}

interface Traits extends BaseTraits {
  split: string;
  include: "wrong" | "unsure" | "all";
  order: "errors" | "confidence";
  spans: boolean;
  filters: Filters;
  selection: string[];
  relabel: string[];
  current: string;
  space: "run" | "base";
  jobs: Record<string, Job>;
}

interface Row {
  row_id: string;
  text: string | null;
  true: string;
  predicted: string;
  confidence: number;
  loss: number;
  right: boolean;
  suspect: boolean;
}

type AnyRow = Row & SpanRow; // of the one kind or of the other, as the trait `spans` says

interface Stretch {
  rows: AnyRow[];
  of: number;
  note: string;
}

interface Choices {
  run: string;
  splits: string[];
  labels: string[];
  slices: Record<string, string[]>;
  counts: Record<"wrong" | "unsure" | "all", number>;
  suspects: number;
  multi_label: boolean;
  kinds: Record<string, number>;
  training: number | false;
}

interface Detail {
  row_id: string;
  text: string | null;
  columns: Record<string, string>;
  true: string[];
  predicted: string[];
  confidence: number | null;
  loss: number | null;
  probabilities: [string, number][];
  more: number;
  suspect: string | null;
}

interface Near {
  row_id: string;
  text: string | null;
  label: string;
  cosine: number;
  spans?: Mark[];
}

type Door = { bridge: Bridge<Traits> };
const px = (n: number): string => `${n}px`;
const NO_KINDS = { missed: 0, spurious: 0, boundary: 0, type: 0, "type and boundary": 0 }; // as long as they are being counted

function App({ bridge }: Door) {
  const [split, setSplit] = useTrait(bridge, "split");
  const [include, setInclude] = useTrait(bridge, "include");
  const [filters, setFilters] = useTrait(bridge, "filters");
  const [selection] = useTrait(bridge, "selection");
  const [relabel] = useTrait(bridge, "relabel");
  const [spans] = useTrait(bridge, "spans");
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
            ["wrong", `Wrong${choices ? ` ${count(choices.counts.wrong)}` : ""}`],
            ["unsure", "Unsure"],
            ["all", "All"],
          ]}
          onChange={setInclude}
        />
        {choices && choices.splits.length > 1 && <Select label="Split" value={split} options={choices.splits} onChange={setSplit} />}
        <TextInput type="search" label="Search the texts" placeholder="Search the texts" value={typed} onInput={setTyped} />
        {spans ? (
          <Select label="Type of entity" any="Any type" value={text("type")} options={(choices?.labels ?? []).map((label) => [label, visible(label)] as const)} onChange={(v) => void set.run({ type: v })} />
        ) : (
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
        {spans ? (
          include !== "unsure" && (
            <Select
              label="Order"
              value={order}
              options={[
                ["errors", "Most errors first"],
                ["confidence", "Surest errors first"],
              ]}
              onChange={(v) => setOrder(v as Traits["order"])}
            />
          )
        ) : (
          <Check checked={Boolean(filters["suspects"])} onChange={(v) => void set.run({ suspects: v })}>
            Likely label errors
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
      {spans && (
        <div class="lk-tools">
          <Kinds
            counts={choices?.kinds ?? NO_KINDS}
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
        <List bridge={bridge} filtered={filtered} clear={clear} />
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

// -- the list ------------------------------------------------------------------------------------------------------------------

const HEIGHT = 54;
const FETCH = 50;

function List({ bridge, filtered, clear }: Door & { filtered: boolean; clear(): void }) {
  const [split] = useTrait(bridge, "split");
  const [spans] = useTrait(bridge, "spans");
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
  const kept = useRef<{ key: string; pages: Map<number, AnyRow[]>; head: Stretch }>({ key: "", pages: new Map(), head: { rows: [], of: 0, note: "" } });
  const room = 460;
  const first = Math.floor(top / HEIGHT / FETCH);
  const last = Math.floor((top + room) / HEIGHT / FETCH);

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
  const rowAt = (at: number): AnyRow | undefined => kept.current.pages.get(Math.floor(at / FETCH))?.[at % FETCH];
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
    e.scrollTop = Math.min(at * HEIGHT, Math.max(e.scrollTop, (at + 1) * HEIGHT - e.clientHeight));
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

  const begin = Math.max(0, Math.floor(top / HEIGHT) - 3);
  const end = Math.min(of, begin + Math.ceil(room / HEIGHT) + 7);
  const seen = [];
  for (let at = begin; at < end; at++) seen.push(at);
  if (now >= 0 && now < of && (now < begin || now >= end)) seen.push(now); // what aria-activedescendant names must be there

  return (
    <div class="eb-left">
      <div class="eb-count lk-quiet" aria-live="polite">
        {asked.value ? `${count(of)} row${of === 1 ? "" : "s"}, ${include === "unsure" ? "least sure first" : !spans ? "highest loss first" : order === "errors" ? "most errors first" : "surest errors first"}` : "Reading the data of the run…"}
        {selection.length > 0 && ` · ${count(selection.length)} marked`}
        <span class="eb-head" aria-hidden="true">{spans ? "errors" : "loss"}</span>
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
            <Empty title={filtered ? "No row passes these filters" : include === "wrong" ? "No wrong row" : "No rows"}>
              {filtered ? `Among the ${include === "all" ? "" : `${include} `}rows there is none.` : "Every row of this split is right."}
            </Empty>
          </div>
        ) : (
          <div class="eb-tall" role="presentation" style={{ height: px(of * HEIGHT) }}>
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
                  style={{ top: px(at * HEIGHT), height: px(HEIGHT) }}
                  onClick={(event) => void act.run(at, event.shiftKey ? "range" : event.ctrlKey || event.metaKey ? "add" : "only")}
                >
                  {row && spans && <SpanLine row={row} />}
                  {row && !spans && (
                    <>
                      <div class="eb-line">
                        <span class="lk-cut eb-text">{row.text === null ? `row ${visible(row.row_id)}` : visible(row.text.replace(/\s+/g, " "))}</span>
                        <span class="lk-num eb-loss">
                          <span class="lk-sr">loss </span>
                          {fixed(row.loss, 2)}
                        </span>
                      </div>
                      <div class="eb-line eb-sub">
                        <span class="lk-chip">{visible(row.true) || "–"}</span>
                        <span aria-hidden="true">→</span>
                        <span class="lk-sr">predicted</span>
                        <span class={`lk-chip ${row.right ? "lk-chip-good" : "lk-chip-bad"}`}>{visible(row.predicted) || "–"}</span>
                        <span class="lk-quiet">{percent(row.confidence, 0)}</span>
                        {row.suspect && <span class="lk-chip lk-chip-warn eb-suspect">label?</span>}
                      </div>
                    </>
                  )}
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
  const [spans] = useTrait(bridge, "spans");
  const [current] = useTrait(bridge, "current");
  const [split] = useTrait(bridge, "split");
  const asked = useAsked(`${split} ${current}`, () => (current ? bridge.call<Detail | SpanDetail>("row", { row_id: current }) : Promise.resolve(null)));
  const row = asked.value;
  return (
    <div class="lk-scroll eb-one" tabIndex={0} role="group" aria-label="The row in full">
      {asked.error ? (
        <Note kind="error">{asked.error}</Note>
      ) : !row ? (
        <Empty title={asked.busy ? "Loading…" : "No row chosen"} />
      ) : spans ? (
        <SpanOne row={row as SpanDetail} labels={labels}>
          <Neighbours bridge={bridge} row={row} training={training} labels={labels} />
          <Facts row={row} />
        </SpanOne>
      ) : (
        <Full bridge={bridge} row={row as Detail} training={training} />
      )}
    </div>
  );
}

function Full({ bridge, row, training }: Door & { row: Detail; training: number | false }) {
  return (
    <div class="lk-body">
      {row.text === null ? <p class="lk-quiet">The text of row {visible(row.row_id)} is not there any more.</p> : <p class="lk-text eb-whole">{row.text}</p>}
      {row.suspect && (
        <Note kind="warning">
          Likely label error: the model says <b class="eb-name">{visible(row.suspect)}</b> as firmly as for rows that have that label.
        </Note>
      )}
      <h4>Probabilities</h4>
      <Bars row={row} />
      <Neighbours bridge={bridge} row={row} training={training} />
      <Facts row={row} loss={row.loss} />
    </div>
  );
}

function Facts({ row, loss }: { row: Pick<Detail, "row_id" | "columns">; loss?: number | null }) {
  return (
    <dl class="lk-facts">
      <dt>Row</dt>
      <dd>{visible(row.row_id)}</dd>
      {loss !== undefined && (
        <>
          <dt>Loss</dt>
          <dd>{fixed(loss, 3)}</dd>
        </>
      )}
      {Object.entries(row.columns).map(([name, value]) => (
        <Fragment key={name}>
          <dt>{visible(name)}</dt>
          <dd class="lk-text">{value}</dd>
        </Fragment>
      ))}
    </dl>
  );
}

function Bars({ row }: { row: Detail }) {
  return (
    <ul class="eb-bars">
      {row.probabilities.map(([label, p]) => {
        const [is, said] = [row.true.includes(label), row.predicted.includes(label)];
        return (
          <li key={label}>
            <span class={`lk-cut ${is || said ? "eb-strong" : ""}`} title={visible(label)}>
              {visible(label)}
            </span>
            <span class="eb-track">
              <i class={is ? "eb-true" : said ? "eb-said" : ""} style={{ width: `${100 * p}%` }} />
            </span>
            <span class="lk-num">{percent(p)}</span>
            <span class="eb-role lk-quiet">{is && said ? "right" : is ? "true" : said ? "predicted" : ""}</span>
          </li>
        );
      })}
      {row.more > 0 && <li class="lk-quiet eb-more">and {count(row.more)} less probable labels</li>}
    </ul>
  );
}

function Neighbours({ bridge, row, training, labels }: Door & { row: Detail | SpanDetail; training: number | false; labels?: string[] }) {
  const [has, said] = labels ? [[], []] : [(row as Detail).true, (row as Detail).predicted];
  const [space, setSpace] = useTrait(bridge, "space");
  const [split] = useTrait(bridge, "split");
  const [jobs] = useTrait(bridge, "jobs");
  const job = jobs[`${split} ${space}`];
  const ready = job?.state === "done";
  const asked = useAsked(JSON.stringify([row.row_id, split, space, ready]), () => (ready ? bridge.call<Near[]>("neighbours", { row_id: row.row_id }) : Promise.resolve(null)));
  const prepare = useAction(() => bridge.call("prepare"));
  const error = prepare.error || asked.error || (job?.state === "failed" ? job.error : "");
  return (
    <div class="eb-near">
      <div class="eb-line">
        <h4>Nearest in the training data</h4>
        <Segments
          label="Whose embeddings"
          value={space}
          options={[
            ["run", "This model"],
            ["base", "Base model"],
          ]}
          onChange={setSpace}
        />
      </div>
      {error && <Note kind="error">{error}</Note>}
      {training === false ? (
        <p class="lk-quiet">The run's data is gone, so that nothing can be compared.</p>
      ) : job?.state === "running" ? (
        <div class="eb-wait">
          <Bar share={job.share} label="Embedding" />
          <span class="lk-quiet">Embedding the training texts: {job.text}</span>
        </div>
      ) : !ready ? (
        <div class="eb-wait">
          <Button disabled={prepare.busy} onClick={() => void prepare.run()}>
            Find neighbours
          </Button>
          <span class="lk-quiet">Embeds {count(training)} training texts once.</span>
        </div>
      ) : (
        <ol class="eb-neighbours" aria-busy={asked.busy}>
          {(asked.value ?? []).map((near) => (
            <li key={near.row_id}>
              <span class="lk-num eb-cosine">{fixed(near.cosine, 2)}</span>
              <span class="eb-neighbour">
                {labels && near.text !== null ? (
                  <Marked text={near.text} marks={near.spans ?? []} labels={labels} name={`Training row ${visible(near.row_id)}`} />
                ) : (
                  <>
                    <span class="lk-text">{near.text ?? `row ${visible(near.row_id)}`}</span>
                    <span class={`lk-chip ${has.includes(near.label) ? "lk-chip-good" : said.includes(near.label) ? "lk-chip-bad" : ""}`}>{visible(near.label) || "no label"}</span>
                  </>
                )}
              </span>
            </li>
          ))}
        </ol>
      )}
    </div>
  );
}

export default widget<Traits>("Error browser", App);
