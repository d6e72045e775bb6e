// The recipe as a form: help at every field, checked while typing, the forecast beside it, and the button that trains.
import { useCallback, useEffect, useId, useRef, useState } from "preact/hooks";
import type { Bridge } from "./lib/bridge";
import { diff } from "./lib/diff";
import { Pieces } from "./lib/diff_view";
import { clock, count, megabytes, visible } from "./lib/format";
import { alike, atField, fieldText, fieldValue, put, type FormField, type FormSection, type Value, type Values } from "./lib/recipe";
import { Bar, Button, Check, Code, Empty, Note, Segments, useAction, useAsked, useDebounced, useTrait, widget, type BaseTraits } from "./lib/ui";

interface Forecast {
  problem?: string;
  field?: string;
  rows?: Record<string, number>;
  steps?: number;
  seconds?: number;
  memory_mb?: number;
  trains?: string;
  free_memory_mb?: number;
  fits?: boolean;
  precision?: string;
  cores?: number;
  machine?: string;
  note?: string;
}

interface Progress {
  status?: string;
  name?: string;
  step?: number;
  steps?: number;
  seconds_left?: number | null;
  phase?: string;
  error?: string;
}

interface Standing {
  name?: string;
  title?: string;
  status?: string;
  part?: string;
  done?: number;
  parts?: number;
  step?: number;
  steps?: number;
  error?: string;
  text?: string;
  settings?: Record<string, string>;
  file?: string;
}

interface Procedure {
  name: string;
  title: string;
  help: string;
  fields: FormField[];
  trains: boolean;
}

interface Traits extends BaseTraits {
  values: Values;
  problems: Record<string, string>;
  forecast: Forecast;
  measuring: boolean;
  run: string;
  progress: Progress;
  procedure: string;
  options: Values;
  trainings: number;
  job: string;
  standing: Standing;
  out: string;
}

interface Preview {
  toml: string;
  changes: { sign: " " | "-" | "+"; text: string }[];
}

type Door = { bridge: Bridge<Traits> };

const title = (section: string) => (section ? section.charAt(0).toUpperCase() + section.slice(1) : "Task");

function App({ bridge }: Door) {
  const [values] = useTrait(bridge, "values");
  const task = String(values["task"] ?? "");
  const form = useAsked(`form ${task}`, () => bridge.call<FormSection[]>("form"));
  const [problems] = useTrait(bridge, "problems");
  const [forecast] = useTrait(bridge, "forecast");
  const draft = useDraft(bridge);
  const [open, setOpen] = useState<Record<string, boolean>>({});
  const root = useRef<HTMLDivElement>(null);
  const [wanted, setWanted] = useState("");
  useEffect(() => {
    if (!wanted) return;
    root.current?.parentElement?.querySelector<HTMLElement>(`[data-field="${wanted}"] :is(input, select)`)?.focus();
    setWanted("");
  }, [wanted]);

  const all: Record<string, string> = { ...problems };
  if (forecast.problem && forecast.field && !all[forecast.field]) all[forecast.field] = forecast.problem;
  const sections = form.value ?? [];
  const fields = sections.flatMap((s) => s.fields);
  const essential = fields.filter((f) => f.essential).sort((a, b) => ORDER.indexOf(a.name) - ORDER.indexOf(b.name));
  const goTo = (name: string) => {
    const home = sections.find((s) => s.fields.some((f) => f.name === name && !f.essential));
    if (home) setOpen({ ...open, [home.name]: true });
    setWanted(name);
  };
  const changed = Object.keys(draft.values).length;
  const control = (field: FormField) => (
    <Control key={field.name} field={field} value={draft.values[field.name]} problem={all[field.name] ?? ""} onChange={(v) => draft.put(field.name, v)} />
  );

  return (
    <>
      <div class="lk-head">
        <h3>Training recipe</h3>
        <span class="lk-chip lk-chip-accent">{changed === 1 ? "1 setting changed" : `${changed} settings changed`}</span>
        <Reset bridge={bridge} disabled={changed === 0} />
      </div>
      {form.error && <Note kind="error">{form.error}</Note>}
      {draft.error && <Note kind="error">{draft.error}</Note>}
      {all[""] && <Note kind="error">{all[""]}</Note>}
      <div class="tl-split" ref={root}>
        <div class="tl-form">
          {form.value === undefined && !form.error ? <Empty title="Loading the form…" /> : <div class="tl-fields tl-essential">{essential.map(control)}</div>}
          {sections.map((section) => (
            <Section
              key={section.name}
              section={section}
              values={draft.values}
              problems={all}
              open={Boolean(open[section.name])}
              toggle={() => setOpen({ ...open, [section.name]: !open[section.name] })}
            >
              {control}
            </Section>
          ))}
        </div>
        <div class="tl-side">
          <Cost bridge={bridge} />
          <Recipe bridge={bridge} />
        </div>
      </div>
      <Copies bridge={bridge} values={draft.values} ready={draft.settled} />
      <Launch bridge={bridge} problems={problems} forecast={forecast} fields={fields} goTo={goTo} ready={draft.settled} />
      <div class="lk-foot">
        <OutFolder bridge={bridge} />
        <Code bridge={bridge} />
      </div>
    </>
  );
}

const ORDER = ["task", "data.train", "model.name", "optimizer.learning_rate", "budget.epochs", "optimizer.batch_size", "model.max_length", "evaluation.metric", "seed"];

function OutFolder({ bridge }: Door) {
  const [out] = useTrait(bridge, "out");
  return (
    <span class="lk-cut">
      Runs go to <code>{out}</code>
    </span>
  );
}

/** The values as they are typed. They are sent after a pause, one message at a time, and follow the Python half when it changes them. */
function useDraft(bridge: Bridge<Traits>) {
  const [values] = useTrait(bridge, "values");
  const [draft, setDraft] = useState<Values>(values);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const known = useRef<Values>(values); // what the Python half has, as far as it is known here
  const typed = useRef<Values>(values);
  const waiting = useRef(false);
  const show = useCallback((next: Values) => {
    typed.current = next;
    setDraft(next);
  }, []);
  useEffect(() => {
    if (waiting.current || alike(values, known.current)) return;
    known.current = values;
    show(values);
  }, [values]);
  const late = useDebounced(draft, 250);
  useEffect(() => {
    if (busy || alike(late, known.current)) return;
    known.current = late;
    waiting.current = true;
    setBusy(true);
    bridge
      .call("check", { values: late })
      .then(
        () => setError(""),
        (failed: Error) => setError(failed.message),
      )
      .finally(() => {
        waiting.current = false;
        setBusy(false);
        const now = bridge.get("values");
        if (alike(now, late)) return;
        known.current = now;
        if (alike(typed.current, late)) show(now); // nothing was typed meanwhile
      });
  }, [late, busy]);
  return {
    values: draft,
    error,
    settled: !busy && alike(draft, known.current),
    put: (name: string, value: Value | undefined) => show(put(typed.current, name, value)),
  };
}

function Reset({ bridge, disabled }: Door & { disabled: boolean }) {
  const act = useAction(() => bridge.call("reset"));
  return (
    <>
      <Button kind="ghost" disabled={disabled || act.busy} onClick={() => act.run()}>
        Reset
      </Button>
      {act.error && <span class="lk-problem">{act.error}</span>}
    </>
  );
}

// -- the form --------------------------------------------------------------------------------------------------------------------

function Section(props: {
  section: FormSection;
  values: Values;
  problems: Record<string, string>;
  open: boolean;
  toggle(): void;
  children: (field: FormField) => preact.ComponentChild;
}) {
  const { section, values, problems, open, toggle, children } = props;
  const body = useId();
  const fields = section.fields.filter((f) => !f.essential);
  if (fields.length === 0) return null;
  const changed = fields.filter((f) => f.name in values).length;
  const wrong = fields.filter((f) => problems[f.name]).length;
  return (
    <section class="tl-section" aria-label={title(section.name)}>
      <button type="button" class="tl-fold" aria-expanded={open} aria-controls={body} onClick={toggle}>
        <span class="tl-arrow" aria-hidden="true">
          {open ? "▾" : "▸"}
        </span>
        <b>{title(section.name)}</b>
        <span class="lk-quiet lk-cut tl-about">{section.help}</span>
        {wrong > 0 && <span class="lk-chip lk-chip-bad">{wrong === 1 ? "1 problem" : `${wrong} problems`}</span>}
        {changed > 0 && <span class="lk-chip lk-chip-accent">{changed} changed</span>}
      </button>
      <div id={body} hidden={!open}>
        {open && <div class="tl-fields">{fields.map(children)}</div>}
      </div>
    </section>
  );
}

function Control(props: { field: FormField; value: Value | undefined; problem: string; onChange(value: Value | undefined): void }) {
  const { field, value, problem, onChange } = props;
  const id = useId();
  const [text, setText] = useState(() => fieldText(field, value));
  const mine = fieldValue(field, text);
  // the text is rewritten only where it no longer means the value: "1.0" is left as it is typed
  useEffect(() => {
    if (JSON.stringify(mine) !== JSON.stringify(value)) setText(fieldText(field, value));
  }, [value]);
  const type = (next: string) => {
    setText(next);
    onChange(fieldValue(field, next));
  };
  const changed = value !== undefined;
  const common = {
    id,
    "aria-describedby": `${id}-help${problem ? ` ${id}-problem` : ""}`,
    "aria-invalid": problem ? ("true" as const) : undefined,
  };
  const label = (
    <label for={id} class="lk-label">
      {field.label}
    </label>
  );
  return (
    <div class={`tl-field tl-kind-${field.kind}${changed ? " tl-changed" : ""}`} data-field={field.name}>
      <div class="tl-top">
        {field.kind === "switch" ? (
          <span class="tl-switch">
            <input type="checkbox" {...common} checked={text === "true"} onChange={(event) => type(String(event.currentTarget.checked))} />
            {label}
          </span>
        ) : field.kind === "flags" ? (
          <span class="lk-label" id={id}>
            {field.label}
          </span>
        ) : (
          label
        )}
        {changed && (
          <button type="button" class="tl-undo" aria-label={`Put ${field.label} back to its default`} title="Back to the default" onClick={() => onChange(undefined)}>
            ↺
          </button>
        )}
      </div>
      {field.kind === "switch" ? null : field.kind === "flags" ? (
        <Flags field={field} value={Array.isArray(value) ? value : []} labelledBy={id} onChange={(next) => type(next.join(", "))} />
      ) : field.kind === "choice" || field.kind === "three" ? (
        <select class="lk-input lk-select" {...common} value={text} onChange={(event) => type(event.currentTarget.value)}>
          {options(field).map(([option, said]) => (
            <option key={option} value={option} selected={option === text}>
              {said}
            </option>
          ))}
          {!options(field).some(([option]) => option === text) && <option value={text}>{text}</option>}
        </select>
      ) : (
        <>
          <input
            class="lk-input"
            {...({ type: "text" } as { type: "text"; list?: never })}
            {...(field.suggestions.length ? ({ list: `${id}-list` } as object) : {})}
            {...common}
            inputMode={field.kind === "integer" ? "numeric" : field.kind === "number" ? "decimal" : undefined}
            value={text}
            placeholder={field.blank}
            spellcheck={false}
            autocomplete="off"
            onInput={(event) => type(event.currentTarget.value)}
          />
          {field.suggestions.length > 0 && (
            <datalist id={`${id}-list`}>
              {field.suggestions.map((name) => (
                <option key={name} value={name} />
              ))}
            </datalist>
          )}
        </>
      )}
      {problem && (
        <div class="lk-problem" id={`${id}-problem`} role="alert">
          {atField(field.name, problem)}
        </div>
      )}
      <div class="lk-help" id={`${id}-help`}>
        {field.help}
        {field.kind === "list" ? " Separated by commas." : ""}
      </div>
    </div>
  );
}

function options(field: FormField): [string, string][] {
  if (field.kind === "three") return [["", field.blank || "open"], ["true", "yes"], ["false", "no"]];
  const named = field.choices.map((choice): [string, string] => [choice, field.titles[choice] ?? choice]);
  return field.blank ? [["", field.blank], ...named] : named;
}

function Flags(props: { field: FormField; value: string[]; labelledBy: string; onChange(value: string[]): void }) {
  const { field, value, labelledBy, onChange } = props;
  return (
    <div class="tl-flags" role="group" aria-labelledby={labelledBy}>
      {field.choices.map((name) => (
        <Check key={name} checked={value.includes(name)} onChange={(on) => onChange(field.choices.filter((n) => (n === name ? on : value.includes(n))))}>
          {name.replaceAll("_", " ")}
        </Check>
      ))}
    </div>
  );
}

// -- beside it -------------------------------------------------------------------------------------------------------------------

/** Whether something is wrong with the recipe, and not only with what is to be done with it. */
const inRecipe = (problems: Record<string, string>) => Object.keys(problems).some((name) => !name.startsWith("job."));

function Cost({ bridge }: Door) {
  const [forecast] = useTrait(bridge, "forecast");
  const [measuring] = useTrait(bridge, "measuring");
  const [problems] = useTrait(bridge, "problems");
  const wrong = inRecipe(problems);
  const last = useRef<Forecast>({});
  if (!forecast.problem && forecast.steps !== undefined) last.current = forecast;
  const f = last.current;
  const stale = Boolean(forecast.problem) || measuring || wrong;
  const rows = Object.entries(f.rows ?? {});
  return (
    <section class="tl-card" aria-label="Forecast" aria-busy={measuring}>
      <div class="tl-card-head">
        <h4>Forecast for this machine</h4>
        <span class="lk-quiet tl-state" role="status">
          {wrong ? "before the problem" : measuring ? "working it out…" : forecast.problem ? "before the problem" : ""}
        </span>
      </div>
      <dl class={`tl-cost${stale ? " tl-stale" : ""}`}>
        <div>
          <dt>Time</dt>
          <dd>{f.seconds !== undefined && f.seconds < 1 ? "under 1 s" : clock(f.seconds)}</dd>
        </div>
        <div>
          <dt>Memory</dt>
          <dd>{f.memory_mb === undefined ? "–" : megabytes(f.memory_mb)}</dd>
        </div>
        <div>
          <dt>Precision</dt>
          <dd>{f.precision ?? "–"}</dd>
        </div>
        <div>
          <dt>Steps</dt>
          <dd>{f.steps === undefined ? "–" : count(f.steps)}</dd>
        </div>
      </dl>
      <p class="lk-quiet tl-rows">
        {rows.length > 0 ? rows.map(([split, n]) => `${count(n)} ${split}`).join(" · ") + " rows" : "\u00a0"}
        {f.free_memory_mb !== undefined && ` · ${megabytes(f.free_memory_mb)} of memory free`}
      </p>
      {f.trains && <p class="lk-quiet tl-rows">Trained: {f.trains}</p>}
      {f.fits === false && <Note kind="warning">That is more memory than is free. Smaller batches, shorter texts or a smaller model need less.</Note>}
      {f.note && <p class="lk-quiet tl-rows">{f.note}</p>}
      {forecast.problem && !forecast.field && <Note kind="error">{forecast.problem}</Note>}
    </section>
  );
}

function Recipe({ bridge }: Door) {
  const [values] = useTrait(bridge, "values");
  const [problems] = useTrait(bridge, "problems");
  const wrong = inRecipe(problems);
  const [which, setWhich] = useState<"changes" | "toml">("changes");
  const preview = useAsked(JSON.stringify([values, problems]), () => bridge.call<Preview>("preview"));
  const p = preview.value;
  return (
    <section class="tl-card tl-recipe" aria-label="Recipe">
      <div class="tl-card-head">
        <h4>Recipe{wrong ? " before the problem" : ""}</h4>
        <Segments label="What is shown of the recipe" value={which} options={[["changes", "Changes"], ["toml", "Whole file"]] as const} onChange={(next) => setWhich(next)} />
      </div>
      {preview.error && <Note kind="error">{preview.error}</Note>}
      <pre class={`tl-toml${wrong ? " tl-stale" : ""}`} tabIndex={0} aria-label={which === "changes" ? "Settings that differ from the defaults" : "The recipe file"}>
        {which === "toml"
          ? p?.toml
          : p && p.changes.length === 0
            ? "All settings are the defaults."
            : p?.changes.map((line, at) => (
                <span key={at} class={line.sign === "+" ? "tl-add" : line.sign === "-" ? "tl-cut" : "tl-name"}>
                  {line.sign === " " ? "" : `${line.sign} `}
                  {visible(line.text)}
                  {"\n"}
                </span>
              ))}
      </pre>
    </section>
  );
}

// -- changed copies ---------------------------------------------------------------------------------------------------------------

interface Copy {
  method: string;
  before: string;
  after: string;
}

/** What augmentation would make of some rows, beside them, before it is used. */
function Copies({ bridge, values, ready }: Door & { values: Values; ready: boolean }) {
  const methods = (values["data.augment"] as string[] | undefined) ?? [];
  const asked = JSON.stringify(Object.entries(values).filter(([name]) => name.startsWith("data.")));
  const [shown, setShown] = useState<{ asked: string; rows: Copy[] }>();
  const show = useAction(async () => setShown({ asked, rows: await bridge.call<Copy[]>("augmented", {}, 120_000) }));
  if (methods.length === 0) return null;
  const stale = shown !== undefined && shown.asked !== asked;
  return (
    <section class="tl-copies" aria-label="Changed copies">
      <div class="tl-card-head">
        <h4>Changed copies of training rows</h4>
        <Button disabled={!ready || show.busy} onClick={() => show.run()}>
          {show.busy ? "Making them…" : shown ? "Show anew" : "Show examples"}
        </Button>
      </div>
      {show.error && (
        <Note kind="error" onClose={show.clear}>
          {show.error}
        </Note>
      )}
      {shown && shown.rows.length === 0 && <Empty title="No row has a word that could be changed." />}
      {shown && shown.rows.length > 0 && (
        <table class={`tl-pairs${stale ? " tl-stale" : ""}`}>
          <thead>
            <tr>
              <th scope="col">Way</th>
              <th scope="col">Training row</th>
              <th scope="col">Changed copy</th>
            </tr>
          </thead>
          <tbody>
            {shown.rows.map((row, n) => {
              const [before, after] = diff(row.before, row.after);
              return (
                <tr key={n}>
                  <td>{row.method}</td>
                  <td>
                    <Pieces pieces={before} which="true" name="Training row" />
                  </td>
                  <td>
                    <Pieces pieces={after} which="said" name="Changed copy" />
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
    </section>
  );
}

// -- the buttons -----------------------------------------------------------------------------------------------------------------

function Launch(props: Door & { problems: Record<string, string>; forecast: Forecast; fields: FormField[]; goTo(name: string): void; ready: boolean }) {
  const { bridge, problems, forecast, fields, goTo, ready } = props;
  const [name, setName] = useTrait(bridge, "procedure");
  const [options, setOptions] = useTrait(bridge, "options");
  const known = useAsked("procedures", () => bridge.call<Procedure[]>("procedures"));
  const launch = useAction(() => bridge.call("launch", {}, 120_000));
  const [filing, setFiling] = useState(false);
  const select = useId();
  const all = known.value ?? [];
  const procedure = all.find((p) => p.name === name);
  const found: Record<string, string> = { ...problems };
  // what cannot be trained may still be adapted to, or judged without a training
  if (procedure?.trains !== false && forecast.problem && forecast.field && !found[forecast.field]) found[forecast.field] = forecast.problem;
  const own = procedure?.fields ?? [];
  const wrong = [...fields, ...own].filter((f) => found[f.name]);
  const once = name === "train";
  return (
    <div class="tl-launch">
      <div class="tl-what">
        <label for={select} class="lk-label">
          What to run
        </label>
        <select
          id={select}
          class="lk-input lk-select"
          value={name}
          onChange={(event) => {
            setOptions({}); // those of another procedure would be wrong for this one
            setName(event.currentTarget.value);
          }}
        >
          {all.length === 0 && <option value={name}>…</option>}
          {all.map((p) => (
            <option key={p.name} value={p.name} selected={p.name === name}>
              {p.title}
            </option>
          ))}
        </select>
        <span class="lk-quiet tl-says">{procedure?.help}</span>
      </div>
      {known.error && <Note kind="error">{known.error}</Note>}
      {own.length > 0 && (
        <div class="tl-fields tl-options">
          {own.map((field) => {
            const option = field.name.replace("job.", "");
            return <Control key={`${name} ${field.name}`} field={field} value={options[option]} problem={found[field.name] ?? ""} onChange={(v) => setOptions(put(bridge.get("options"), option, v))} />;
          })}
        </div>
      )}
      <div class="tl-buttons">
        <Button kind="primary" disabled={launch.busy || !ready || wrong.length > 0} onClick={() => launch.run()}>
          {launch.busy ? "Starting…" : once ? "Launch training" : `Launch ${(procedure?.title ?? name).toLowerCase()}`}
        </Button>
        <Button pressed={filing} onClick={() => setFiling(!filing)}>
          Save recipe…
        </Button>
        {!once && <Trainings bridge={bridge} />}
        {wrong.length > 0 && (
          <span class="lk-problem tl-wrong">
            {wrong.length === 1 ? "1 problem:" : `${wrong.length} problems:`}
            {wrong.map((f) => (
              <button key={f.name} type="button" class="tl-jump" onClick={() => goTo(f.name)}>
                {f.label}
              </button>
            ))}
          </span>
        )}
      </div>
      {filing && <RecipeFile bridge={bridge} />}
      {launch.error && (
        <Note kind="error" onClose={launch.clear}>
          {launch.error}
        </Note>
      )}
      {once ? <RunLine bridge={bridge} /> : <JobLine bridge={bridge} />}
    </div>
  );
}

/** How many trainings that makes, and how long they take together as far as the forecast knows one. */
function Trainings({ bridge }: Door) {
  const [trainings] = useTrait(bridge, "trainings");
  const [forecast] = useTrait(bridge, "forecast");
  if (trainings < 2) return null;
  const seconds = forecast.problem ? undefined : forecast.seconds;
  return (
    <span class="lk-quiet">
      {count(trainings)} trainings{seconds === undefined ? "" : `, about ${clock(seconds * trainings)} in all`}
    </span>
  );
}

function RecipeFile({ bridge }: Door) {
  const [path, setPath] = useState("recipe.toml");
  const [replace, setReplace] = useState(false);
  const [said, setSaid] = useState("");
  const save = useAction(async () => setSaid(`Saved in ${await bridge.call<string>("save", { path, replace })}`));
  const load = useAction(async () => {
    await bridge.call("load", { path });
    setSaid(`Loaded ${path}`);
  });
  const error = save.error || load.error;
  const begin = (act: { run(): void }, other: { clear(): void }) => {
    setSaid("");
    other.clear();
    act.run();
  };
  return (
    <div class="tl-file">
      <input class="lk-input" {...({ type: "text" } as { type: "text"; list?: never })} aria-label="File name" value={path} spellcheck={false} onInput={(event) => setPath(event.currentTarget.value)} onKeyDown={(event) => event.key === "Enter" && begin(save, load)} />
      <Button disabled={!path || save.busy} onClick={() => begin(save, load)}>
        Save
      </Button>
      <Button disabled={!path || load.busy} onClick={() => begin(load, save)}>
        Load
      </Button>
      <Check checked={replace} onChange={setReplace}>
        Replace a file that is there
      </Check>
      <span class={error ? "lk-problem" : "lk-quiet"} role={error ? "alert" : "status"}>
        {error || said}
      </span>
    </div>
  );
}

const CHIPS: Record<string, string> = { running: "lk-chip-accent", completed: "lk-chip-good", failed: "lk-chip-bad" };

function RunLine({ bridge }: Door) {
  const [run] = useTrait(bridge, "run");
  const [progress] = useTrait(bridge, "progress");
  if (!run) return null;
  const { status = "", step = 0, steps = 0, phase = "" } = progress;
  const running = status === "running";
  return (
    <div class="tl-run">
      <div class="tl-run-line">
        <b class="lk-cut">{visible(progress.name ?? run)}</b>
        <span class={`lk-chip ${CHIPS[status] ?? "lk-chip-warn"}`}>{status}</span>
        <span class="lk-quiet" aria-live="polite">
          {steps > 0 ? `step ${count(step)} of ${count(steps)}` : phase}
          {running && progress.seconds_left != null ? ` · ${clock(progress.seconds_left)} left` : ""}
        </span>
      </div>
      <Bar share={steps ? step / steps : 0} label="Training steps done" />
      {progress.error && <Note kind={status === "failed" ? "error" : "warning"}>{progress.error}</Note>}
      <div class="lk-quiet tl-watch">
        It is a process of its own and goes on without this kernel. Watch it: <code class="lk-text">TrainingMonitor({JSON.stringify(run)})</code>
      </div>
    </div>
  );
}

/** The job that was launched: where it stands, what came of it, and what can be done with that. */
function JobLine({ bridge }: Door) {
  const [job] = useTrait(bridge, "job");
  const [standing] = useTrait(bridge, "standing");
  const stop = useAction(() => bridge.call("stop_job"));
  const resume = useAction(() => bridge.call("resume_job", {}, 60_000));
  const take = useAction(() => bridge.call("take"));
  if (!job || !standing.name) return null;
  const { status = "", part = "", done = 0, parts = 1, step = 0, steps = 0, text = "", settings = {} } = standing;
  const running = status === "running";
  const complete = status === "completed";
  const found = Object.entries(settings);
  const error = stop.error || resume.error || take.error;
  return (
    <div class="tl-run">
      <div class="tl-run-line">
        <b class="lk-cut">{visible(standing.name)}</b>
        <span class={`lk-chip ${CHIPS[status] ?? "lk-chip-warn"}`}>{status}</span>
        <span class="lk-quiet" aria-live="polite">
          {complete ? "" : [part, steps > 0 ? `step ${count(step)} of ${count(steps)}` : ""].filter(Boolean).join(" · ") || (running ? "preparing" : "")}
        </span>
        <span class="tl-run-buttons">
          {running && (
            <Button disabled={stop.busy} onClick={() => stop.run()}>
              Stop
            </Button>
          )}
          {!running && !complete && (
            <Button disabled={resume.busy} onClick={() => resume.run()}>
              Go on
            </Button>
          )}
          {found.length > 0 && (
            <Button disabled={take.busy} onClick={() => take.run()}>
              Put into the recipe
            </Button>
          )}
        </span>
      </div>
      <Bar share={complete ? 1 : (done + (steps ? step / steps : 0)) / Math.max(parts, 1)} label="Of the job done" />
      {standing.error && <Note kind={status === "failed" ? "error" : "warning"}>{standing.error}</Note>}
      {error && <Note kind="error">{error}</Note>}
      {text && (
        <pre class="tl-answer" tabIndex={0} aria-label="What came of it">
          {visible(text)}
        </pre>
      )}
      {running && <div class="lk-quiet tl-watch">It is a process of its own and goes on without this kernel.</div>}
      {standing.file && (
        <div class="lk-quiet tl-watch">
          Written to <code class="lk-text">{visible(standing.file)}</code>
        </div>
      )}
    </div>
  );
}

export default widget<Traits>("Training launcher", App);
