// The bar above the whole loop: its steps with what each one knows, and what to do where something is missing.
import { useState } from "preact/hooks";
import { fixed } from "./lib/format";
import { Button, Code, Empty, Field, Note, Segments, Select, TextInput, useAction, useAsked, useTrait, widget, type BaseTraits } from "./lib/ui";
import type { Bridge } from "./lib/bridge";

interface Traits extends BaseTraits {
  folder: string;
  step: string;
  part: string;
  source: string;
  model: string;
  run: string;
  overview: Step[];
  samples: string[];
  task: string;
  tasks: Task[];
}

interface Task {
  id: string;
  title: string;
  about: string;
  wants: string;
}

interface Step {
  id: string;
  title: string;
  parts: string[];
  note: string;
  state: string;
  /** Why a part is not there. */
  missing: string;
}

type Door = { bridge: Bridge<Traits> };

const PARTS: Record<string, string> = { inspect: "Inspect and repair", label: "Label", confusion: "Confusion matrix", errors: "Errors" };

function App({ bridge }: Door) {
  const [folder] = useTrait(bridge, "folder");
  const [step] = useTrait(bridge, "step");
  const [part] = useTrait(bridge, "part");
  const [source] = useTrait(bridge, "source");
  const [overview] = useTrait(bridge, "overview");
  const [task] = useTrait(bridge, "task");
  const [tasks] = useTrait(bridge, "tasks");
  const choose = useAction((id: string) => bridge.call("choose_task", { task: id }, 120_000));
  const chosen = tasks.find((one) => one.id === task);
  const go = useAction((to: string, which = "") => bridge.call("go", { step: to, part: which }));
  const here = overview.find((s) => s.id === step);
  const waits = (step === "evaluate" || step === "try") && here?.state === "waits";
  const at = overview.findIndex((s) => s.id === step);
  const onKey = (event: KeyboardEvent) => {
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    const next = overview[at + by];
    if (!by || !next) return;
    event.preventDefault();
    const tabs = (event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('[role="tab"]');
    tabs[at + by]?.focus();
    void go.run(next.id);
  };
  return (
    <>
      <div class="lk-head">
        <h3 class="lk-cut">Lab</h3>
        <div class="lab-task">
          <Select label="Task" value={task} options={tasks.map((one) => [one.id, one.title] as const)} onChange={(id) => id && choose.run(id)} />
          <span class="lk-quiet lk-cut" title={chosen?.about}>
            {chosen?.about}
          </span>
        </div>
        <span class="lk-quiet lk-cut lab-folder" title={folder}>
          {folder}
        </span>
      </div>
      {choose.error && <Note kind="error">{choose.error}</Note>}
      <div class="lab-steps" role="tablist" aria-label="Steps" onKeyDown={onKey}>
        {overview.map((s, i) => (
          <button
            key={s.id}
            type="button"
            role="tab"
            aria-selected={s.id === step}
            tabIndex={s.id === step ? 0 : -1}
            class={`lab-step lab-is-${s.state}`}
            onClick={() => go.run(s.id)}
          >
            <span class="lab-number" aria-hidden="true">
              {s.state === "done" || s.state === "completed" ? "✓" : i + 1}
            </span>
            <span class="lab-words">
              <span class="lab-title">{s.title}</span>
              <span class="lab-note lk-cut">{s.note}</span>
            </span>
          </button>
        ))}
      </div>
      {go.error && <Note kind="error">{go.error}</Note>}
      {step === "data" && <Source key={task} bridge={bridge} source={source} wants={chosen?.wants ?? ""} />}
      {step === "train" && !source && (
        <Empty title="Training needs data">
          <Button onClick={() => go.run("data")}>Open data</Button>
        </Empty>
      )}
      {(step === "evaluate" || step === "try") && <Runs bridge={bridge} waits={waits} task={task} train={() => go.run("train")} />}
      {here?.missing && <p class="lk-quiet lab-missing">{here.missing}</p>}
      <div class="lk-foot">
        {here && here.parts.length > 1 && !(step === "data" && !source) && !waits && (
          <Segments
            label={`Parts of ${here.title}`}
            value={part}
            options={here.parts.map((p) => [p, PARTS[p] ?? p] as const)}
            onChange={(p) => go.run(step, p)}
          />
        )}
        <Code bridge={bridge} />
      </div>
    </>
  );
}

function Source({ bridge, source, wants }: Door & { source: string; wants: string }) {
  const [samples] = useTrait(bridge, "samples");
  const [path, setPath] = useState("");
  const [open, setOpen] = useState(false);
  const take = useAction(async (data: string) => {
    await bridge.call("open_data", { data }, 600_000);
    setOpen(false);
    setPath("");
  });
  if (source && !open)
    return (
      <div class="lk-tools lab-source">
        <span class="lk-cut" title={source}>
          {source}
        </span>
        <Button onClick={() => setOpen(true)}>Open other data</Button>
      </div>
    );
  return (
    <div class="lab-open">
      <Field label="Data" help={wants} error={take.error}>
        <TextInput label="Data" placeholder="messages.csv" value={path} onInput={setPath} onEnter={() => path && take.run(path)} invalid={Boolean(take.error)} />
      </Field>
      <div class="lab-actions">
        <Button kind="primary" disabled={!path || take.busy} onClick={() => take.run(path)}>
          {take.busy ? "Reading…" : "Open"}
        </Button>
        <span class="lk-quiet">or a sample:</span>
        {samples.map((name) => (
          <Button key={name} disabled={take.busy} onClick={() => take.run(name)}>
            {name}
          </Button>
        ))}
        {source && (
          <Button kind="ghost" onClick={() => setOpen(false)}>
            Cancel
          </Button>
        )}
      </div>
    </div>
  );
}

interface Finished {
  run: string;
  name: string;
  metrics: Record<string, number>;
}

function Runs({ bridge, waits, task, train }: Door & { waits: boolean; task: string; train(): void }) {
  const [run] = useTrait(bridge, "run");
  const list = useAsked(`${run} ${waits} ${task}`, () => bridge.call<Finished[]>("finished"));
  const use = useAction((directory: string) => bridge.call("use", { run: directory }));
  const found = list.value ?? [];
  const words = (r: Finished) => {
    const [name, value] = Object.entries(r.metrics)[0] ?? ["", undefined];
    return value === undefined ? r.name : `${r.name} (${name.replace("_", " ")} ${fixed(value)})`;
  };
  return (
    <>
      {list.error && <Note kind="error">{list.error}</Note>}
      {use.error && <Note kind="error">{use.error}</Note>}
      {found.length > 0 && (
        <div class="lk-tools lab-source">
          <Select
            label="Run"
            value={found.some((r) => r.run === run) ? run : ""}
            {...(found.some((r) => r.run === run) ? {} : { any: "Choose a finished run" })}
            options={found.map((r) => [r.run, words(r)] as const)}
            onChange={(directory) => directory && use.run(directory)}
          />
        </div>
      )}
      {waits && found.length === 0 && !list.busy && (
        <Empty title="No finished run yet">
          <Button onClick={train}>Train one</Button>
        </Empty>
      )}
    </>
  );
}

export default widget<Traits>("Lab", App);
