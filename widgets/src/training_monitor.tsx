// A run as it goes: curves, progress, log, diagnosis, and at the end the scores beside the baselines.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Bridge } from "./lib/bridge";
import type { Point } from "./lib/chart";
import { LineChart, type Series } from "./lib/chart_view";
import { clock, count, fixed, megabytes, short, visible } from "./lib/format";
import { Bar, Button, Code, Empty, Note, Select, useAction, useAsked, useTrait, widget, type BaseTraits } from "./lib/ui";

interface State {
  name: string;
  model: string;
  data: string;
  seed: number;
  rows: Record<string, number>;
  precision: string;
  learning_rate: number;
  batch_size: number;
  step: number;
  steps: number;
  epoch: number;
  epochs: number;
  seconds_left: number | null;
  elapsed: number;
  tokens_per_second: number | null;
  memory_mb: number | null;
  phase: string;
  stopping: boolean;
  error: string;
  resumable: boolean;
}

interface Curves {
  steps: number;
  epochs: number;
  training: Point[];
  smooth: Point[];
  validation: Point[];
  metric: Point[];
  rate: Point[];
  best: number | null;
  chosen: string;
  title: string;
  higher: boolean;
  /** The best that the metric can be; null where it has no such end. */
  top: number | null;
  digits: number;
  choices: [string, string][];
}

interface Finding {
  kind: string;
  severity: "serious" | "warning" | "note" | "good";
  text: string;
  advice: string;
  changes: Record<string, unknown>;
}

interface Score {
  name: string;
  title: string;
  value: number;
  higher: boolean;
  /** The end of its scale; null where it cannot be drawn from 0 to a best value. */
  top: number | null;
  digits: number;
  low: number | null;
  high: number | null;
  baselines: (number | null)[];
}

interface Results {
  error?: string;
  split?: string;
  n?: number;
  confidence?: number;
  rows?: Score[];
  baselines?: string[];
  sentences?: string[];
  notes?: string[];
}

interface Traits extends BaseTraits {
  directory: string;
  folder: string;
  status: string;
  metric: string;
  state: Partial<State>;
  curves: Partial<Curves>;
  findings: Finding[];
  results: Results;
  log: string;
  suggested: Record<string, unknown>;
}

interface Row {
  directory: string;
  name: string;
  status: string;
  model: string;
  data: string;
  step: number;
  steps: number;
  score: string;
  started: number | null;
  problem: string;
}

type Door = { bridge: Bridge<Traits> };

const CHIPS: Record<string, string> = {
  running: "lk-chip-accent",
  completed: "lk-chip-good",
  stopped: "lk-chip-warn",
  interrupted: "lk-chip-warn",
  failed: "lk-chip-bad",
};

const Pill = ({ status }: { status: string }) => <span class={`lk-chip tm-pill ${CHIPS[status] ?? ""}`}>{status}</span>;

function App({ bridge }: Door) {
  const [directory] = useTrait(bridge, "directory");
  return (
    <>
      {directory ? <Watched key={directory} bridge={bridge} /> : <Runs bridge={bridge} />}
      <div class="lk-foot">
        <Where bridge={bridge} />
        <Code bridge={bridge} />
      </div>
    </>
  );
}

function Where({ bridge }: Door) {
  const [directory] = useTrait(bridge, "directory");
  const [folder] = useTrait(bridge, "folder");
  return <span class="lk-cut tm-where" title={directory || folder}>{directory || folder}</span>;
}

// -- the list of runs ------------------------------------------------------------------------------------------------------------

function Runs({ bridge }: Door) {
  const [folder, setFolder] = useTrait(bridge, "folder");
  const list = useAsked(folder, () => bridge.call<Row[]>("runs"));
  const attach = useAction((directory: string) => bridge.call("attach", { directory }));
  const rows = list.value;
  return (
    <>
      <div class="lk-head">
        <h3>Runs</h3>
        <Button onClick={list.again} disabled={list.busy}>
          Refresh
        </Button>
      </div>
      {list.error && <Note kind="error">{list.error}</Note>}
      {attach.error && <Note kind="error">{attach.error}</Note>}
      {rows === undefined ? (
        <Empty title="Looking for runs…" />
      ) : rows.length === 0 ? (
        <Empty title={`No runs in ${folder} yet`}>
          Start one with TrainingLauncher, or with “labkit train”, and press Refresh. Runs of another folder: monitor.folder = "…".
          {folder !== "runs" && <Button onClick={() => setFolder("runs")}>Look in runs</Button>}
        </Empty>
      ) : (
        <div class="lk-scroll tm-runs">
          <table class="lk-table">
            <thead>
              <tr>
                <th scope="col">Run</th>
                <th scope="col">Status</th>
                <th scope="col" class="lk-num">
                  Steps
                </th>
                <th scope="col" class="lk-num">
                  Score
                </th>
                <th scope="col" class="tm-wide">
                  Started
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={row.directory} class="tm-run" onClick={() => attach.run(row.directory)}>
                  <td>
                    <button type="button" class="tm-name lk-text">
                      {visible(row.name)}
                    </button>
                    <div class="lk-quiet tm-sub lk-text">{row.problem ? row.problem : visible(`${row.model} on ${row.data}`)}</div>
                  </td>
                  <td>
                    <Pill status={row.problem ? "damaged" : row.status} />
                  </td>
                  <td class="lk-num">{row.steps ? (row.step === row.steps ? count(row.steps) : `${count(row.step)} of ${count(row.steps)}`) : "–"}</td>
                  <td class="lk-num">{row.score || "–"}</td>
                  <td class="tm-wide lk-quiet">{row.started ? new Date(row.started * 1000).toLocaleString() : "–"}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

// -- one run ---------------------------------------------------------------------------------------------------------------------

function Watched({ bridge }: Door) {
  const [status] = useTrait(bridge, "status");
  const [state] = useTrait(bridge, "state");
  const [findings] = useTrait(bridge, "findings");
  const [results] = useTrait(bridge, "results");
  const act = useAction((name: string) => bridge.call(name, name === "attach" ? { directory: "" } : {}));
  useEffect(() => {
    // another process may have taken the run up since the kernel looked
    bridge.call("refresh").catch(() => undefined);
  }, [bridge]);
  return (
    <>
      <div class="lk-head">
        <h3 class="lk-cut">{visible(state.name ?? "")}</h3>
        <Pill status={state.stopping && status === "running" ? "stopping" : status} />
        {status === "running" && (
          <Button disabled={act.busy || Boolean(state.stopping)} onClick={() => act.run("stop")} title="Save a checkpoint and stop after the current step">
            Stop and save
          </Button>
        )}
        {state.resumable && (
          <Button kind="primary" disabled={act.busy} onClick={() => act.run("resume")} title="Go on from the last checkpoint">
            Resume
          </Button>
        )}
        <Button kind="ghost" onClick={() => act.run("attach")}>
          All runs
        </Button>
      </div>
      {act.error && (
        <Note kind="error" onClose={act.clear}>
          {act.error}
        </Note>
      )}
      <Progress status={status} state={state} />
      {state.error && <Note kind={status === "failed" ? "error" : "warning"}>{state.error}</Note>}
      {results.error && <Note kind="error">{results.error}</Note>}
      {results.rows && <Scores results={results} />}
      <Charts bridge={bridge} />
      {findings.length > 0 && <Diagnosis bridge={bridge} findings={findings} />}
      <Log bridge={bridge} />
    </>
  );
}

function Progress({ status, state }: { status: string; state: Partial<State> }) {
  const { step = 0, steps = 0, epoch = 0, epochs = 0 } = state;
  const share = steps ? step / steps : 0;
  const running = status === "running";
  const phase = running ? (state.stopping ? "Stopping: a checkpoint is being saved." : state.phase) : "";
  const said = [state.model, state.data && `on ${state.data}`, state.rows?.["train"] && `${count(state.rows["train"])} training rows`, state.precision, `seed ${state.seed ?? 0}`];
  return (
    <div class="tm-progress">
      <div class="tm-said">
        <span class="lk-cut">{said.filter(Boolean).join(" · ")}</span>
        <span class="tm-phase" role="status">
          {phase}
        </span>
      </div>
      <Bar share={share} label="Training steps done" />
      <dl class="tm-facts">
        <Fact name="Step" value={count(step)} of={steps ? count(steps) : ""} />
        <Fact name="Epoch" value={epoch.toFixed(1)} of={epochs ? String(epochs) : ""} />
        <Fact name={running ? "Time left" : "Time taken"} value={running ? clock(state.seconds_left) : clock(state.elapsed)} />
        <Fact name="Tokens per second" value={state.tokens_per_second ? short(Math.round(state.tokens_per_second)) : "–"} />
        <Fact name="Memory" value={state.memory_mb ? megabytes(state.memory_mb) : "–"} />
      </dl>
    </div>
  );
}

function Fact(props: { name: string; value: string; of?: string }) {
  return (
    <div>
      <dt>{props.name}</dt>
      <dd>
        {props.value}
        {props.of && <span class="lk-quiet"> / {props.of}</span>}
      </dd>
    </div>
  );
}

function Charts({ bridge }: Door) {
  const [curves] = useTrait(bridge, "curves");
  const [, setMetric] = useTrait(bridge, "metric");
  const [cursor, setCursor] = useState<number | null>(null);
  const c = curves;
  const steps = Math.max(1, c.steps ?? 1);
  const where = (step: number) => {
    const epoch = c.epochs && c.steps ? ` · epoch ${((step / c.steps) * c.epochs).toFixed(1)}` : "";
    return `step ${count(step)}${epoch}`;
  };
  const smooth = c.smooth ?? [];
  const loss: Series[] = [
    { name: "each step", points: c.training ?? [], colour: "var(--sky)", faint: true },
    { name: "training", points: smooth, colour: "var(--blue)" },
    { name: "validation", points: c.validation ?? [], colour: "var(--vermillion)", dots: true },
  ];
  const chosen = c.chosen ?? "";
  const best = c.best ?? null;
  const bestPoint = (c.metric ?? []).find((p) => p[0] === best);
  const shared = { range: [0, steps] as const, cursor, onCursor: setCursor, where };
  const mark = best === null ? null : { x: best, text: bestPoint ? `best ${fixed(bestPoint[1], c.digits)}` : "best" };
  return (
    <div class="tm-charts">
      <LineChart {...shared} title="Loss" series={loss} height={190} bounds={[0, Infinity]} mark={best === null ? null : { x: best, text: "" }} />
      <LineChart
        {...shared}
        title="Validation"
        series={[{ name: `${c.title || "Metric"}${c.higher === false ? ", lower is better" : ""}`, points: c.metric ?? [], colour: "var(--green)", dots: true }]}
        height={190}
        bounds={[0, c.top ?? Infinity]}
        mark={mark}
      >
        {(c.choices?.length ?? 0) > 1 && (
          <div class="tm-metric">
            <Select label="Metric shown" value={chosen} options={c.choices ?? []} onChange={setMetric} />
          </div>
        )}
      </LineChart>
      <LineChart
        {...shared}
        title="Learning rate"
        series={[{ name: "Learning rate", points: c.rate ?? [], colour: "var(--purple)", format: (v) => (v ? v.toExponential(1).replace(".0e", "e") : "0") }]}
        height={190}
        bounds={[0, Infinity]}
      />
    </div>
  );
}

const SIGNS: Record<Finding["severity"], string> = { serious: "✕", warning: "!", note: "i", good: "✓" };
const SEVERITY: Record<Finding["severity"], string> = { serious: "Serious", warning: "Warning", note: "Note", good: "Good" };

function Diagnosis({ bridge, findings }: Door & { findings: Finding[] }) {
  const [suggested] = useTrait(bridge, "suggested");
  const put = useAction((kind: string) => bridge.call("try_it", { kind }));
  const taken = JSON.stringify(suggested);
  return (
    <section class="tm-part" aria-label="Diagnosis">
      <h4>Diagnosis</h4>
      <ul class="tm-findings">
        {findings.map((found) => {
          const changes = Object.entries(found.changes);
          const chosen = changes.length > 0 && JSON.stringify(found.changes) === taken;
          return (
            <li key={found.kind} class={`tm-finding tm-${found.severity}`}>
              <span class="tm-sign" role="img" aria-label={SEVERITY[found.severity]}>
                {SIGNS[found.severity]}
              </span>
              <div class="tm-words">
                <div>{found.text}</div>
                {found.advice && <div class="lk-quiet">{found.advice}</div>}
                {changes.length > 0 && (
                  <div class="tm-changes">
                    {changes.map(([name, value]) => (
                      <code key={name}>
                        {name} = {JSON.stringify(value)}
                      </code>
                    ))}
                  </div>
                )}
              </div>
              {changes.length > 0 && (
                <Button pressed={chosen} disabled={put.busy} onClick={() => put.run(found.kind)} label={`Try it: ${found.kind}`}>
                  {chosen ? "Chosen" : "Try it"}
                </Button>
              )}
            </li>
          );
        })}
      </ul>
      {put.error && <Note kind="error">{put.error}</Note>}
      {Object.keys(suggested).length > 0 && (
        <p class="lk-quiet tm-next" role="status">
          Kept in <code>monitor.suggested</code>. A launcher takes it: <code>launcher.set(**monitor.suggested)</code>
        </p>
      )}
    </section>
  );
}

function Scores({ results }: { results: Results }) {
  const rows = results.rows ?? [];
  const others = results.baselines ?? [];
  return (
    <section class="tm-part" aria-label="Final scores">
      <h4>
        Scores on {count(results.n ?? 0)} rows of the {results.split} split
      </h4>
      <div class="lk-scroll" tabIndex={0} role="group" aria-label="Table of scores">
        <table class="lk-table tm-scores">
          <thead>
            <tr>
              <th scope="col">
                <span class="lk-sr">Metric</span>
              </th>
              <th scope="col" class="lk-num">
                Model
              </th>
              <th scope="col">{Math.round(100 * (results.confidence ?? 0.95))} % interval</th>
              {others.map((name) => (
                <th scope="col" key={name} class="lk-num">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.name}>
                <th scope="row">
                  {row.title}
                  {!row.higher && <span class="lk-quiet tm-lower"> lower is better</span>}
                </th>
                <td class="lk-num">
                  <b>{fixed(row.value, row.digits)}</b>
                </td>
                <td>
                  <Interval row={row} others={others} />
                </td>
                {row.baselines.map((value, at) => (
                  <td key={at} class="lk-num">
                    {fixed(value, row.digits)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <ul class="lk-list tm-sentences">
        {[...(results.sentences ?? []), ...(results.notes ?? [])].map((said) => (
          <li key={said} class="lk-text">
            {said}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** A figure with its interval on a line from 0 to the best there can be, baselines as ticks; figures without an end as text only. */
function Interval({ row, others }: { row: Score; others: string[] }) {
  if (row.low === null || row.high === null) return <span class="lk-quiet">–</span>;
  const text = `${fixed(row.low, row.digits)} – ${fixed(row.high, row.digits)}`;
  const at = (value: number) => 2 + (116 * Math.max(0, Math.min(row.top ?? 1, value))) / (row.top ?? 1);
  return (
    <span class="tm-interval">
      <span class="tm-span">{text}</span>
      {row.top !== null && (
        <svg width="120" height="14" class="tm-range" role="img" aria-label={`${row.title} between ${text}${others.map((n, i) => (row.baselines[i] == null ? "" : `, ${n} ${fixed(row.baselines[i], row.digits)}`)).join("")}`}>
          <line class="tm-axis" x1="2" x2="118" y1="7" y2="7" />
          {row.baselines.map((value, i) => value !== null && <line key={i} class="tm-other" x1={at(value)} x2={at(value)} y1="2" y2="12" />)}
          <line class="tm-reach" x1={at(row.low)} x2={at(row.high)} y1="7" y2="7" />
          <circle class="tm-dot" cx={at(row.value)} cy="7" r="3.5" />
        </svg>
      )}
    </span>
  );
}

function Log({ bridge }: Door) {
  const [log] = useTrait(bridge, "log");
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLPreElement>(null);
  useEffect(() => {
    const pre = box.current;
    // follow the end, unless the person has scrolled up
    if (pre && pre.scrollHeight - pre.scrollTop - pre.clientHeight < 80) pre.scrollTop = pre.scrollHeight;
  }, [log, open]);
  const lines = log.split("\n");
  return (
    <section class="tm-part tm-log" aria-label="Log">
      <button type="button" class="lk-btn lk-ghost tm-fold" aria-expanded={open} onClick={() => setOpen(!open)}>
        <span aria-hidden="true">{open ? "▾" : "▸"}</span> Log
      </button>
      {!open && <span class="lk-cut lk-quiet tm-last">{visible(lines[lines.length - 1] ?? "")}</span>}
      {open && (
        <pre ref={box} class="lk-text tm-lines" tabIndex={0} role="log" aria-label="Log of the run">
          {log}
        </pre>
      )}
    </section>
  );
}

export default widget<Traits>("Training monitor", App);
