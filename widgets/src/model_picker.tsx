// Choosing a base model: a list that filters and sorts, and beside it what is known about the chosen one.
import { useState } from "preact/hooks";
import { clock, megabytes } from "./lib/format";
import { Button, Check, Code, Empty, Note, Segments, Select, TextInput, useAction, useAsked, useDebounced, useTrait, widget, type BaseTraits } from "./lib/ui";
import type { Bridge } from "./lib/bridge";

interface Traits extends BaseTraits {
  value: string;
  filters: Record<string, string | boolean>;
  sort: string;
}

interface Row {
  name: string;
  family: string;
  parameters_m: number;
  disk_mb: number;
  seconds: number;
  memory_mb: number;
  precision: string;
  licence: string;
  untrained: boolean;
  offline: boolean;
  fits: boolean;
}

interface List {
  rows: Row[];
  of: number;
  choices: Record<"family" | "language" | "licence" | "domain", string[]> & { task: [string, string][] };
  data: string;
}

interface Card extends Partial<Row> {
  name: string;
  free: boolean;
  loadable?: boolean;
  hub_id?: string;
  architecture?: string;
  max_tokens?: number;
  languages?: string[];
  objective?: string;
  strengths?: string;
  weaknesses?: string;
  paper?: string;
  source?: string;
  reasons?: string[];
  /** Name and title of the sizes that there are of it. */
  sizes?: [string, string][];
  why_not?: string;
}

type Door = { bridge: Bridge<Traits> };

function App({ bridge }: Door) {
  const [value] = useTrait(bridge, "value");
  const [filters, setFilters] = useTrait(bridge, "filters");
  const [sort, setSort] = useTrait(bridge, "sort");
  const [typed, setTyped] = useState(String(filters["search"] ?? ""));
  const search = useDebounced(typed);
  const list = useAsked(JSON.stringify([filters, sort, search]), async () => {
    if (search !== String(bridge.get("filters")["search"] ?? "")) await bridge.call("filter", { search });
    return bridge.call<List>("rows");
  });
  const choose = useAction((name: string) => bridge.call("select", { name }));
  const put = (name: string, next: string | boolean) => setFilters({ ...bridge.get("filters"), [name]: next });
  const text = (name: string) => String(filters[name] ?? "");
  const choices = list.value?.choices;

  return (
    <>
      <div class="lk-head">
        <h3>Base model</h3>
        <span class="lk-chip lk-chip-accent">{value}</span>
      </div>
      <div class="lk-tools" role="search">
        <TextInput type="search" label="Search models" placeholder="Search models" value={typed} onInput={setTyped} />
        <Select label="Task" value={text("task")} options={choices?.task ?? [[text("task"), text("task")] as const]} onChange={(v) => put("task", v)} />
        <Select label="Family" any="Any family" value={text("family")} options={choices?.family ?? []} onChange={(v) => put("family", v)} />
        <Select label="Language" any="Any language" value={text("language")} options={choices?.language ?? []} onChange={(v) => put("language", v)} />
        <Select label="Licence" any="Any licence" value={text("licence")} options={choices?.licence ?? []} onChange={(v) => put("licence", v)} />
        <Select label="Domain" any="Any domain" value={text("domain")} options={choices?.domain ?? []} onChange={(v) => put("domain", v)} />
        <Check checked={Boolean(filters["offline"])} onChange={(v) => put("offline", v)}>
          On this machine
        </Check>
        <Check checked={Boolean(filters["fits"])} onChange={(v) => put("fits", v)}>
          Fits in memory
        </Check>
      </div>
      {list.error && <Note kind="error">{list.error}</Note>}
      <div class="lk-split">
        <div class="lk-scroll mp-list" tabIndex={0} role="group" aria-label="Models">
          {list.value && list.value.rows.length === 0 ? (
            <Empty title="No model passes these filters">
              <Button
                onClick={() => {
                  setTyped("");
                  setFilters({ task: text("task") });
                }}
              >
                Clear filters
              </Button>
            </Empty>
          ) : (
            <ModelTable rows={list.value?.rows ?? []} value={value} sort={sort} setSort={setSort} choose={choose.run} />
          )}
        </div>
        <div class="lk-scroll mp-list" tabIndex={0} role="group" aria-label="About the chosen model">
          <Detail bridge={bridge} value={value} task={text("task")} language={text("language")} choose={choose.run} />
        </div>
      </div>
      <Free choose={choose.run} error={choose.error} busy={choose.busy} />
      <div class="lk-foot">
        <span aria-live="polite">
          {list.value ? `${list.value.rows.length} of ${list.value.of} models · forecast for ${list.value.data}` : "Measuring this machine…"}
        </span>
        <Code bridge={bridge} />
      </div>
    </>
  );
}

const COLUMNS: readonly (readonly [string, string, string])[] = [
  ["name", "Model", ""],
  ["size", "Parameters", "lk-num"],
  ["time", "Training here", "lk-num"],
  ["", "Memory", "lk-num"],
  ["", "", ""],
];

function ModelTable(props: { rows: Row[]; value: string; sort: string; setSort(sort: string): void; choose(name: string): void }) {
  const { rows, value, sort, setSort, choose } = props;
  const onKey = (event: KeyboardEvent, at: number) => {
    const step = { ArrowDown: 1, ArrowUp: -1, Home: -at, End: rows.length - 1 - at }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(rows.length - 1, at + step));
    const row = rows[next];
    if (!row) return;
    choose(row.name);
    const body = (event.currentTarget as HTMLElement).closest("tbody");
    body?.querySelectorAll<HTMLElement>("tr button")[next]?.focus();
  };
  return (
    <table class="lk-table mp-table">
      <thead>
        <tr>
          {COLUMNS.map(([key, title, kind], at) => (
            <th key={at} class={kind} scope="col" aria-sort={key && sort === key ? "ascending" : undefined}>
              {key ? (
                <button type="button" class="mp-sort" onClick={() => setSort(sort === key ? "recommended" : key)}>
                  {title}
                  {sort === key ? " ▴" : ""}
                </button>
              ) : (
                title || <span class="lk-sr">State</span>
              )}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row, at) => (
          <tr key={row.name} aria-selected={is(row, value)} onClick={() => choose(row.name)}>
            <td>
              <button type="button" class="mp-name" aria-pressed={is(row, value)} onKeyDown={(event) => onKey(event, at)}>
                {row.name}
              </button>
              <div class="lk-quiet mp-sub">
                {row.untrained ? "made from your texts" : `${row.family} · ${row.licence}`}
              </div>
            </td>
            <td class="lk-num">
              {row.untrained ? "≤ " : ""}
              {row.parameters_m < 10 ? row.parameters_m.toFixed(1) : Math.round(row.parameters_m)} M
            </td>
            <td class="lk-num">{clock(row.seconds)}</td>
            <td class="lk-num">{megabytes(row.memory_mb)}</td>
            <td class="mp-state">
              {row.untrained ? <span class="lk-chip lk-chip-warn">untrained</span> : row.offline ? <span class="lk-chip lk-chip-good">here</span> : null}
              {row.fits ? null : <span class="lk-chip lk-chip-warn">too big</span>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Whether a row is the chosen model; the sizes of a starter share a row. */
const is = (row: Row, value: string): boolean => row.name === value || (row.untrained && value === `${row.name}-tiny`);

function Detail({ bridge, value, task, language, choose }: Door & { value: string; task: string; language: string; choose(name: string): void }) {
  const card = useAsked(JSON.stringify([value, task, language]), () => bridge.call<Card>("card", { name: value }));
  const c = card.value;
  if (card.error) return <Note kind="error">{card.error}</Note>;
  if (!c) return <Empty title="Loading…" />;
  if (c.free)
    return (
      <div class="lk-body">
        <h3 class="lk-text">{c.name}</h3>
        {c.why_not && <Note kind="warning">{c.why_not}</Note>}
        <p class="lk-quiet">A model of your own choice, outside the catalogue: nothing is known about it before it is loaded.</p>
      </div>
    );
  return (
    <div class="lk-body">
      <h3>{c.name}</h3>
      <p class="lk-quiet">{c.architecture}</p>
      {c.why_not && <Note kind="warning">{c.why_not}</Note>}
      {c.untrained && <Starter card={c} value={value} choose={choose} />}
      {c.loadable === false && <Note kind="warning">This model publishes no safetensors weights, so that labkit does not load it.</Note>}
      <dl class="lk-facts">
        {c.seconds !== undefined && (
          <>
            <dt>Training here</dt>
            <dd>
              about {clock(c.seconds)} in {c.precision}
            </dd>
            <dt>Memory</dt>
            <dd>
              about {megabytes(c.memory_mb ?? 0)}
              {c.fits ? "" : ", more than is free"}
            </dd>
          </>
        )}
        <dt>Download</dt>
        <dd>{c.untrained ? "none: made on this machine" : c.offline ? "none: on this machine" : megabytes(c.disk_mb ?? 0)}</dd>
        <dt>Longest input</dt>
        <dd>{c.max_tokens ? `${c.max_tokens} tokens` : "no fixed limit"}</dd>
        {!c.untrained && (
          <>
            <dt>Languages</dt>
            <dd>{(c.languages ?? []).join(", ")}</dd>
            <dt>Licence</dt>
            <dd>{c.licence}</dd>
            <dt>Pretrained by</dt>
            <dd>{c.objective}</dd>
          </>
        )}
      </dl>
      {!c.untrained && (
        <>
          <h4>Good at</h4>
          <p>{c.strengths}</p>
          <h4>Watch out for</h4>
          <p>{c.weaknesses}</p>
        </>
      )}
      {c.reasons && c.reasons.length > 0 && (
        <>
          <h4>Why it stands here</h4>
          <ul class="lk-list">
            {c.reasons.slice(0, -1).map((reason) => (
              <li key={reason}>{reason}</li>
            ))}
          </ul>
        </>
      )}
      {c.paper && (
        <>
          <h4>Paper</h4>
          <p class="lk-text">{c.paper}</p>
        </>
      )}
    </div>
  );
}

/** What an untrained model is and is not, and how large it is to be. */
function Starter({ card, value, choose }: { card: Card; value: string; choose(name: string): void }) {
  return (
    <>
      <Note kind="warning">{card.weaknesses}</Note>
      <div class="mp-sizes">
        <Segments label="Size" value={value} options={card.sizes ?? []} onChange={choose} />
        <span class="lk-quiet">up to {(card.parameters_m ?? 0).toFixed(1)} M parameters</span>
      </div>
      <p>{card.strengths} Its tokenizer is trained on the texts of your training rows when training starts.</p>
    </>
  );
}

function Free(props: { choose(name: string): void; error: string; busy: boolean }) {
  const [name, setName] = useState("");
  return (
    <>
      <div class="lk-tools mp-free">
        <TextInput
          label="Hub id or folder"
          placeholder="Or a hub id (owner/name) or a folder"
          value={name}
          onInput={setName}
          onEnter={() => name && props.choose(name)}
          invalid={Boolean(props.error)}
        />
        <Button disabled={!name || props.busy} onClick={() => props.choose(name)}>
          Use it
        </Button>
      </div>
      {props.error && <Note kind="error">{props.error}</Note>}
    </>
  );
}

export default widget<Traits>("Model picker", App);
