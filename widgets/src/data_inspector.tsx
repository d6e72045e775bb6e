// Looking at a whole data set: a list over a million rows, beside it what there is to filter by and what is wrong.
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { count, visible } from "./lib/format";
import { Code, Note, Select, useAction, useAsked, useDebounced, useTrait, widget, type BaseTraits } from "./lib/ui";
import { RowDetail } from "./inspector/detail";
import { RowList, useRows } from "./inspector/rows";
import { Classes, Findings, Lengths, range, words } from "./inspector/side";
import type { About, Condition, Door, Facets, Filters, Finding, Job, Near, Order } from "./inspector/types";

export interface Traits extends BaseTraits {
  filters: Filters;
  sort: Order;
  selection: string[];
  selected: number;
  current: string;
  findings: Finding[];
  near: Near;
  about: About;
  jobs: Record<string, Job>;
  revision: number;
  model: string;
}

const TYPING = 60; // milliseconds after the last key
const OPERATORS: readonly (readonly [string, string])[] = [
  ["=", "is"],
  ["!=", "is not"],
  ["contains", "contains"],
  [">", "over"],
  [">=", "at least"],
  ["<", "under"],
  ["<=", "at most"],
  ["in", "is one of"],
  ["missing", "is missing"],
];

const toggled = <Value,>(list: readonly Value[] | undefined, value: Value): Value[] =>
  list?.includes(value) ? list.filter((one) => one !== value) : [...(list ?? []), value];

/** Without the filters that filter nothing. */
const sound = (filters: Filters): Filters =>
  Object.fromEntries(Object.entries(filters).filter(([, value]) => value !== undefined && value !== "" && value !== false && !(Array.isArray(value) && value.length === 0))) as Filters;

function App({ bridge }: Door) {
  const { want, go, rows, error, need } = useRows(bridge);
  const [about] = useTrait(bridge, "about");
  const [selection] = useTrait(bridge, "selection");
  const [selected] = useTrait(bridge, "selected");
  const [current, setCurrent] = useTrait(bridge, "current");
  const [failed, setFailed] = useState("");
  const [adding, setAdding] = useState(false);
  const filters = want.filters;
  const put = (changes: Partial<Record<keyof Filters, unknown>>) => go({ filters: sound({ ...filters, ...changes } as Filters) });

  // typing stays here until it pauses; what Python or a chip changes comes back into the box
  const [typed, setTyped] = useState(filters.search ?? "");
  const mine = useRef(filters.search ?? "");
  const pause = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const latest = useRef(put);
  latest.current = put;
  const type = (text: string) => {
    setTyped(text);
    clearTimeout(pause.current);
    pause.current = setTimeout(() => {
      mine.current = text;
      latest.current({ search: text });
    }, TYPING);
  };
  const untype = () => {
    clearTimeout(pause.current);
    mine.current = "";
    setTyped("");
  };
  useEffect(() => () => clearTimeout(pause.current), []);
  useEffect(() => {
    const given = filters.search ?? "";
    if (given === mine.current) return;
    mine.current = given;
    setTyped(given);
  }, [filters.search]);
  const clear = () => {
    untype();
    go({ filters: {} });
  };

  // counts follow the rows, which come first
  const calm = useDebounced(rows?.revision ?? -1, 60);
  const facets = useAsked<Facets | undefined>(String(calm), async () => (calm < 0 ? undefined : bridge.call<Facets>("facets")));
  const f = facets.value;
  const act = useAction((name: string) => bridge.call(name));
  const shown = rows?.count ?? about.rows;
  const any = Object.keys(filters).length > 0;

  return (
    <>
      <div class="lk-head di-top">
        <h3>Data</h3>
        <span class="di-headline" aria-live="polite">
          <strong>{count(any ? shown : about.rows)}</strong>
          {any ? ` of ${count(about.rows)} rows` : " rows"}
        </span>
        <Chips filters={filters} put={put} clear={clear} />
      </div>
      <div class="lk-tools" role="search">
        <div class="di-search">
          <input
            class="lk-input"
            {...({ type: "search" } as { type: "search"; list?: never })}
            aria-label={filters.regex ? "Search the texts by a regular expression" : "Search the texts"}
            placeholder={filters.regex ? "Regular expression" : "Search the texts"}
            spellcheck={false}
            value={typed}
            aria-invalid={error ? "true" : undefined}
            onInput={(event) => type(event.currentTarget.value)}
          />
          <button type="button" class="lk-btn di-toggle" aria-pressed={Boolean(filters.regex)} title="Regular expression" aria-label="Regular expression" onClick={() => put({ regex: !filters.regex })}>
            .*
          </button>
          <button type="button" class="lk-btn di-toggle" aria-pressed={Boolean(filters.case)} title="Upper and lower case differ" aria-label="Upper and lower case differ" onClick={() => put({ case: !filters.case })}>
            Aa
          </button>
        </div>
        {(f?.splits.length ?? 0) > 1 && (
          <div class="di-splits" role="group" aria-label="Splits">
            {f?.splits.map(([name, , now]) => (
              <button key={name} type="button" class="lk-btn" aria-pressed={Boolean(filters.splits?.includes(name))} onClick={() => put({ splits: toggled(filters.splits, name) })}>
                {visible(name)} <span class="lk-num di-n">{count(now)}</span>
              </button>
            ))}
          </div>
        )}
        <button type="button" class="lk-btn" aria-expanded={adding} onClick={() => setAdding(!adding)}>
          Filter a column
        </button>
        <SortBy none={filters.similar ? "By similarity" : "File order"} columns={about.columns} sort={want.sort} set={(sort) => go({ sort })} />
      </div>
      {adding && (
        <AddFilter
          bridge={bridge}
          columns={about.columns}
          texts={(about.texts ?? []).map(([name]) => name)}
          add={(condition) => {
            put({ where: [...(filters.where ?? []), condition] });
            setAdding(false);
          }}
        />
      )}
      {error && <Note kind="error">{error}</Note>}
      <div class="di-main">
        <div class="di-left">
          <RowList
            bridge={bridge}
            rows={rows}
            need={need}
            sort={want.sort}
            setSort={(sort) => go({ sort })}
            selection={selection}
            selected={selected}
            current={current}
            setCurrent={setCurrent}
            splits={about.splits.length > 1}
            labels={about.columns.includes("label")}
            texts={about.texts ?? []}
            ratio={about.columns.includes("length_ratio") && about.layout === "pairs"}
            fail={setFailed}
            clear={clear}
          />
          <div class="di-status">
            <span aria-live="polite">{selected ? `${count(selected)} selected` : "No row selected"}</span>
            <button type="button" class="lk-btn lk-ghost di-small" disabled={!rows?.count} onClick={() => act.run("select_all")}>
              Select all {any ? count(shown) : ""}
            </button>
            <button type="button" class="lk-btn lk-ghost di-small" disabled={!selected} onClick={() => act.run("select_none")}>
              Clear selection
            </button>
            {(failed || act.error) && (
              <span class="di-bad" role="alert">
                {failed || act.error}
              </span>
            )}
          </div>
          {current && (
            <RowDetail
              bridge={bridge}
              layout={about.layout}
              labels={about.labels}
              current={current}
              revision={about.undo}
              close={() => setCurrent("")}
              go={setCurrent}
              showSimilar={(id) => {
                untype();
                go({ filters: { similar: id }, sort: [] });
              }}
            />
          )}
        </div>
        <div class="di-side">
          <div class="di-side-in" tabIndex={0} role="group" aria-label="Classes, lengths and findings">
            {facets.error && <Note kind="error">{facets.error}</Note>}
            {f ? (
              <>
                {f.labels.some(([label]) => label !== "") && (
                  <Classes labels={f.labels} chosen={filters.labels ?? []} title={about.facet} toggle={(label) => put({ labels: toggled(filters.labels, label) })} />
                )}
                <Lengths lengths={f.lengths} chosen={filters.length} set={(length) => put({ length })} />
              </>
            ) : (
              <div class="di-part di-wait lk-quiet">Counting…</div>
            )}
            <Findings bridge={bridge} filters={filters} show={(finding) => put({ finding })} />
          </div>
        </div>
      </div>
      <div class="lk-foot">
        <span>{[about.splits.length > 1 ? `${about.splits.length} splits` : "", about.what].filter(Boolean).join(" · ")}</span>
        <Code bridge={bridge} />
      </div>
    </>
  );
}

function SortBy({ none, columns, sort, set }: { none: string; columns: string[]; sort: [string, string][]; set(sort: [string, string][]): void }) {
  const [name, direction] = sort[0] ?? ["", "ascending"];
  return (
    <div class="di-order">
      <Select
        label="Sort by"
        any={none}
        value={name}
        options={columns.map((column) => [column, `By ${visible(column)}`] as const)}
        onChange={(column) => set(column ? [[column, direction]] : [])}
      />
      <button
        type="button"
        class="lk-btn di-toggle"
        disabled={!name}
        aria-label={direction === "ascending" ? "Ascending: sort descending" : "Descending: sort ascending"}
        title={direction === "ascending" ? "Ascending" : "Descending"}
        onClick={() => set([[name, direction === "ascending" ? "descending" : "ascending"]])}
      >
        {direction === "ascending" ? "▲" : "▼"}
      </button>
    </div>
  );
}

function Chips({ filters, put, clear }: { filters: Filters; put(changes: Partial<Record<keyof Filters, unknown>>): void; clear(): void }) {
  const chips: [key: string, text: string, remove: () => void][] = [];
  for (const label of filters.labels ?? []) chips.push([`l${label}`, label || "no label", () => put({ labels: toggled(filters.labels, label) })]);
  if (filters.length) chips.push(["length", `${range(filters.length)} characters`, () => put({ length: undefined })]);
  if (filters.finding) chips.push(["finding", words(filters.finding), () => put({ finding: undefined })]);
  if (filters.similar) chips.push(["similar", `like ${filters.similar}`, () => put({ similar: undefined })]);
  if (filters.rows !== undefined) chips.push(["rows", `${count(filters.rows)} chosen rows`, () => put({ rows: undefined })]);
  for (const column of filters.columns ?? []) chips.push([`c${column}`, `search in ${column}`, () => put({ columns: toggled(filters.columns, column) })]);
  (filters.where ?? []).forEach((one, at) => chips.push([`w${at}`, inWords(one), () => put({ where: (filters.where ?? []).filter((_, i) => i !== at) })]));
  const any = chips.length > 0 || Boolean(filters.search) || Boolean(filters.splits?.length);
  if (!any) return null;
  return (
    <div class="di-chips" role="group" aria-label="Filters">
      {chips.map(([key, text, remove]) => (
        <span key={key} class="di-chip">
          <span class="lk-cut">{visible(text)}</span>
          <button type="button" aria-label={`Remove the filter ${text}`} onClick={remove}>
            ✕
          </button>
        </span>
      ))}
      <button type="button" class="lk-btn lk-ghost di-small" onClick={clear}>
        Clear filters
      </button>
    </div>
  );
}

function inWords([column, operator, value]: Condition): string {
  const said = OPERATORS.find(([name]) => name === operator)?.[1] ?? operator;
  if (operator === "missing") return `${column} is ${value ? "" : "not "}missing`;
  return `${column} ${said} ${Array.isArray(value) ? value.join(", ") : String(value)}`;
}

function AddFilter({ bridge, columns, texts, add }: Door & { columns: string[]; texts: string[]; add(condition: Condition): void }) {
  const id = useId();
  const own = columns.filter((name) => !["row_id", "split", "label", "length", "length_ratio", "messages", "spans", ...texts].includes(name));
  const [column, setColumn] = useState(own[0] ?? (columns.includes("label") ? "label" : "length"));
  const [operator, setOperator] = useState("=");
  const [value, setValue] = useState("");
  const choices = useAsked(column, async () => (["row_id", "messages", "spans", "answers", ...texts].includes(column) ? [] : bridge.call<[unknown, number][]>("values", { column })));
  const ready = operator === "missing" || value !== "";
  const done = () => {
    if (!ready) return;
    const listed = value.split(",").map((one) => one.trim());
    add([column, operator, operator === "missing" ? true : operator === "in" ? listed : value]);
  };
  return (
    <form
      class="di-add"
      aria-label="Filter a column"
      onSubmit={(event) => {
        event.preventDefault();
        done();
      }}
    >
      <Select label="Column" value={column} options={columns.map((name) => [name, visible(name)] as const)} onChange={setColumn} />
      <Select label="Comparison" value={operator} options={OPERATORS} onChange={setOperator} />
      {operator !== "missing" && (
        <>
          <input class="lk-input" aria-label="Value" placeholder={operator === "in" ? "Values, with commas" : "Value"} value={value} list={`${id}-values`} spellcheck={false} onInput={(event) => setValue(event.currentTarget.value)} />
          <datalist id={`${id}-values`}>
            {(choices.value ?? [])
              .filter(([one]) => one !== null && typeof one !== "object")
              .map(([one, n]) => (
                <option key={String(one)} value={String(one)}>
                  {count(n)} rows
                </option>
              ))}
          </datalist>
        </>
      )}
      <button type="submit" class="lk-btn" disabled={!ready}>
        Add
      </button>
      {choices.error && <span class="di-bad">{choices.error}</span>}
    </form>
  );
}

export default widget<Traits>("Data inspector", App);
