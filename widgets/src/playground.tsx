// A model to play with: probabilities or marked entities while you type, pinned variants, two models side by side.
import { useEffect, useMemo, useState } from "preact/hooks";
import type { Bridge } from "./lib/bridge";
import { count, percent, visible } from "./lib/format";
import { Button, Check, Code, Empty, Note, Segments, useAction, useAsked, useDebounced, useTrait, widget, type BaseTraits } from "./lib/ui";
import { Editor, LONG, tokens, type Model, type Result } from "./playground/parts";
import { SpanLines, SpanPins, SpanResult, type Tagged } from "./playground/spans";

interface Traits extends BaseTraits {
  text: string;
  second: string;
  lines: boolean;
  pins: Result[];
  examples: string[];
  models: Model[];
  paired: boolean;
  spans: boolean;
  state: "idle" | "loading" | "ready";
}

type Door = { bridge: Bridge<Traits> };

const TOP = 8;

function App({ bridge }: Door) {
  const [text, setText] = useTrait(bridge, "text");
  const [second, setSecond] = useTrait(bridge, "second");
  const [lines, setLines] = useTrait(bridge, "lines");
  const [examples] = useTrait(bridge, "examples");
  const [models] = useTrait(bridge, "models");
  const [paired] = useTrait(bridge, "paired");
  const [spans] = useTrait(bridge, "spans");
  const [state] = useTrait(bridge, "state");
  const [typed, setTyped] = useState(text);
  const [typedSecond, setTypedSecond] = useState(second);
  const late = useDebounced(typed, 350);
  const lateSecond = useDebounced(typedSecond, 350);
  useEffect(() => {
    if (late !== bridge.get("text")) setText(late);
  }, [late]);
  useEffect(() => {
    if (lateSecond !== bridge.get("second")) setSecond(lateSecond);
  }, [lateSecond]);
  useEffect(() => setTyped(text), [text]);
  useEffect(() => setTypedSecond(second), [second]);

  const parts = lines ? text.split("\n").filter((line) => line.trim()) : text.trim() ? [text] : [];
  const asked = useAsked(JSON.stringify([parts, second, lines]), () => {
    if (parts.length === 0) return Promise.resolve<Result[]>([]);
    const pairs = lines ? parts.map((line) => line.split("\t")) : [[text, second]];
    return bridge.call<Result[]>("predict", { texts: paired ? pairs.map((p) => p[0] ?? "") : parts, ...(paired ? { seconds: pairs.map((p) => p[1] ?? "") } : {}) }, LONG);
  });
  const pin = useAction((one: string, other: string) => bridge.call("pin", { text: one, second: other }, LONG));
  const now = () => {
    setText(typed);
    if (paired) setSecond(typedSecond);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      now();
    }
  };
  const results = asked.value ?? [];
  const one = results[0];

  return (
    <>
      <div class="lk-head">
        <h3>Playground</h3>
        {models.map((model, m) => (
          <span key={m} class="lk-chip">
            {models.length > 1 && !spans && <i class={`pg-dot pg-m${m}`} aria-hidden="true" />}
            {visible(model.name)}
          </span>
        ))}
      </div>
      <div class={`lk-split ${lines ? "pg-even" : ""}`}>
        <div class="pg-in">
          <textarea
            class="lk-input pg-text"
            rows={6}
            value={typed}
            aria-label={paired ? "First text" : lines ? "Texts, one a line" : "Text"}
            placeholder={lines ? "One text a line" : "Type or paste a text"}
            spellcheck={false}
            onInput={(event) => setTyped(event.currentTarget.value)}
            onKeyDown={onKey}
          />
          {paired && !lines && (
            <textarea
              class="lk-input pg-text"
              rows={3}
              value={typedSecond}
              aria-label="Second text"
              placeholder="Second text"
              spellcheck={false}
              onInput={(event) => setTypedSecond(event.currentTarget.value)}
              onKeyDown={onKey}
            />
          )}
          <div class="pg-tools">
            <Button kind="primary" onClick={now}>
              Predict
            </Button>
            {!lines && (
              <Button disabled={!typed.trim() || pin.busy} onClick={() => void pin.run(typed, typedSecond)}>
                Pin
              </Button>
            )}
            <Check checked={lines} onChange={setLines}>
              Each line is a text
            </Check>
            <span class="lk-quiet pg-tokens">{!lines && one ? tokens(one, spans) : <span class="lk-kbd">Ctrl Enter</span>}</span>
          </div>
          {pin.error && <Note kind="error">{pin.error}</Note>}
          {examples.length > 0 && (
            <div class="pg-examples" role="group" aria-label="Examples">
              {examples.map((example, n) => (
                <button key={n} type="button" class="lk-btn lk-ghost lk-cut" title={visible(example)} onClick={() => setText(example)}>
                  {visible(example)}
                </button>
              ))}
            </div>
          )}
        </div>
        <div class="lk-scroll pg-out" tabIndex={0} role="group" aria-label="What the model says" aria-busy={asked.busy}>
          {asked.error ? (
            <Note kind="error">{asked.error}</Note>
          ) : parts.length === 0 ? (
            <Empty title="No text yet">Type on the left: the {spans ? "entities" : "probabilities"} follow.</Empty>
          ) : !one ? (
            <Empty title={state === "ready" ? "Thinking…" : "Loading the model…"} />
          ) : spans ? (
            lines ? (
              <SpanLines results={results as unknown as Result<Tagged>[]} models={models} pin={(r) => void pin.run(r.text, "")} />
            ) : (
              <SpanResult result={one as unknown as Result<Tagged>} models={models} />
            )
          ) : lines ? (
            <Lines results={results} models={models} pin={(r) => void pin.run(r.text, r.second)} />
          ) : (
            <Bars result={one} models={models} />
          )}
        </div>
      </div>
      {spans ? <SpanPins bridge={bridge as unknown as Bridge<never>} models={models} /> : <Pins bridge={bridge} models={models} />}
      <div class="lk-foot">
        <span aria-live="polite">
          {state === "loading" ? "Loading the model…" : state === "idle" ? "The model is loaded at the first text." : "Model loaded."}
        </span>
        <Code bridge={bridge} />
      </div>
    </>
  );
}

/** Probability of a label by name; the second model may have them in another order. */
function lookUp(result: Result, models: Model[]): Map<string, number>[] {
  return models.map((model, m) => new Map(model.labels.map((label, j) => [label, result.models[m]?.probabilities[j] ?? 0])));
}

function allLabels(models: Model[]): string[] {
  return [...new Set(models.flatMap((model) => model.labels))];
}

function Bars({ result, models }: { result: Result; models: Model[] }) {
  const [all, setAll] = useState(false);
  const p = useMemo(() => lookUp(result, models), [result, models]);
  const two = models.length > 1;
  const most = (label: string) => Math.max(...p.map((of) => of.get(label) ?? 0));
  const labels = allLabels(models).sort((a, b) => most(b) - most(a));
  const shown = all ? labels : labels.slice(0, two ? 6 : TOP + 2);
  const decided = result.models.map((said) => said.labels.join(", "));
  return (
    <div class="lk-body">
      {two && (
        <p class={`pg-verdict ${decided[0] === decided[1] ? "" : "pg-differ"}`}>
          {decided[0] === decided[1] ? "Both say " : "They differ: "}
          {decided[0] === decided[1] ? <b class="pg-name">{visible(decided[0] ?? "")}</b> : <DifferingNames models={models} decided={decided} />}
        </p>
      )}
      <ul class="pg-bars">
        {shown.map((label) => (
          <li key={label} class={two ? "pg-two" : ""}>
            <span class={`lk-cut ${result.models.some((said) => said.labels.includes(label)) ? "pg-strong" : ""}`} title={visible(label)}>
              {visible(label)}
            </span>
            <span class="pg-tracks">
              {p.map((of, m) => (
                <span key={m} class="pg-line">
                  <span class="pg-track">
                    <i class={`pg-m${m} ${result.models[m]?.labels.includes(label) ? "" : "pg-faint"}`} style={{ width: `${100 * (of.get(label) ?? 0)}%` }} />
                  </span>
                  <span class="lk-num">{percent(of.get(label) ?? 0)}</span>
                </span>
              ))}
            </span>
            {two && <Change from={p[0]?.get(label) ?? 0} to={p[1]?.get(label) ?? 0} />}
          </li>
        ))}
      </ul>
      {labels.length > shown.length || all ? (
        <Button kind="ghost" onClick={() => setAll(!all)}>
          {all ? "Fewer labels" : `All ${count(labels.length)} labels`}
        </Button>
      ) : null}
    </div>
  );
}

function DifferingNames({ models, decided }: { models: Model[]; decided: string[] }) {
  return (
    <>
      {models.map((model, m) => (
        <span key={m}>
          {m > 0 && ", "}
          <i class={`pg-dot pg-m${m}`} aria-hidden="true" />
          <span class="lk-sr">{visible(model.name)}: </span>
          <b class="pg-name">{visible(decided[m] ?? "") || "nothing"}</b>
        </span>
      ))}
    </>
  );
}

/** A difference of probabilities in points. */
function Change({ from, to }: { from: number; to: number }) {
  const points = Math.round(1000 * (to - from)) / 10;
  return <span class={`lk-num pg-change ${Math.abs(points) < 0.1 ? "lk-quiet" : ""}`}>{points > 0 ? `+${points.toFixed(1)}` : points < 0 ? `−${(-points).toFixed(1)}` : "±0"}</span>;
}

function Lines({ results, models, pin }: { results: Result[]; models: Model[]; pin(result: Result): void }) {
  return (
    <table class="lk-table">
      <thead>
        <tr>
          <th scope="col">Text</th>
          {models.map((model, m) => (
            <th key={m} scope="col" colSpan={2}>
              {models.length > 1 ? visible(model.name) : "Predicted"}
            </th>
          ))}
          <th scope="col">
            <span class="lk-sr">Pin</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {results.map((result, n) => {
          const differ = new Set(result.models.map((said) => said.labels.join("\n"))).size > 1;
          return (
            <tr key={n}>
              <td class="pg-cell">
                <div class="lk-text pg-cut3">{result.text}</div>
                {result.second && <div class="lk-text pg-cut3 lk-quiet">{result.second}</div>}
              </td>
              {result.models.map((said, m) => [
                <td key={`l${m}`}>
                  <span class={`lk-chip ${differ ? "lk-chip-warn" : ""}`}>{visible(said.labels.join(", ")) || "none"}</span>
                </td>,
                <td key={`c${m}`} class="lk-num">
                  {percent(said.confidence, 0)}
                </td>,
              ])}
              <td>
                <Button kind="ghost" label={`Pin line ${n + 1}`} onClick={() => pin(result)}>
                  Pin
                </Button>
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

// -- pins ----------------------------------------------------------------------------------------------------------------------

function Pins({ bridge, models }: Door & { models: Model[] }) {
  const [pins] = useTrait(bridge, "pins");
  const [which, setWhich] = useState("0");
  const [reference, setReference] = useState(0);
  const [editing, setEditing] = useState(-1);
  const act = useAction((name: string, args: Record<string, unknown>) => bridge.call(name, args, LONG));
  const m = Math.min(Number(which), models.length - 1);
  const held = Math.min(reference, Math.max(0, pins.length - 1));
  const p = useMemo(() => pins.map((pin) => lookUp(pin, models)[m] ?? new Map<string, number>()), [pins, models, m]);
  const labels = useMemo(() => {
    const all = models[m]?.labels ?? [];
    const most = (label: string) => Math.max(0, ...p.map((of) => of.get(label) ?? 0));
    return [...all].sort((a, b) => most(b) - most(a)).slice(0, TOP);
  }, [p, models, m]);
  if (pins.length === 0)
    return <div class="pg-hint lk-quiet">Pin a text to keep it; pin variants of it to see what each change does to the probabilities.</div>;
  return (
    <section class="pg-pins" aria-label="Pinned texts">
      <div class="pg-pinhead">
        <h4>Pinned texts</h4>
        <span class="lk-quiet">points of difference from the marked one</span>
        {models.length > 1 && (
          <Segments label="Model" value={which} options={models.map((model, n) => [String(n), visible(model.name)] as const)} onChange={setWhich} />
        )}
        <Button kind="ghost" onClick={() => void act.run("unpin", {})}>
          Remove all
        </Button>
      </div>
      {act.error && <Note kind="error">{act.error}</Note>}
      <div class="lk-scroll pg-scroll" tabIndex={0} role="group" aria-label="Probabilities of the pinned texts">
        <table class="lk-table pg-table">
          <thead>
            <tr>
              <th scope="col">
                <span class="lk-sr">Label</span>
              </th>
              {pins.map((pin, i) => (
                <th key={i} scope="col" class={i === held ? "pg-held" : ""}>
                  {editing === i ? (
                    <Editor
                      text={pin.text}
                      done={(text) => {
                        setEditing(-1);
                        if (text !== null && text !== pin.text) void act.run("edit", { i, text });
                      }}
                    />
                  ) : (
                    <div class="pg-pin">
                      <div class="lk-text pg-cut3" title={visible(pin.text)}>
                        {pin.text}
                      </div>
                      {pin.second && <div class="lk-text pg-cut3 lk-quiet">{pin.second}</div>}
                      <div class="pg-acts">
                        <button type="button" aria-pressed={i === held} aria-label={`Compare with text ${i + 1}`} onClick={() => setReference(i)}>
                          {i === held ? "● marked" : "○ mark"}
                        </button>
                        <button type="button" aria-label={`Edit text ${i + 1}`} onClick={() => setEditing(i)}>
                          Edit
                        </button>
                        <button type="button" aria-label={`Use text ${i + 1} in the text box`} onClick={() => bridge.set("text", pin.text)}>
                          Use
                        </button>
                        <button type="button" aria-label={`Remove text ${i + 1}`} onClick={() => void act.run("unpin", { i })}>
                          ✕
                        </button>
                      </div>
                    </div>
                  )}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {labels.map((label) => (
              <tr key={label}>
                <th scope="row" class="lk-cut">
                  {visible(label)}
                </th>
                {pins.map((pin, i) => {
                  const share = p[i]?.get(label) ?? 0;
                  const chosen = pin.models[m]?.labels.includes(label) ?? false;
                  return (
                    <td key={i} class={i === held ? "pg-held" : ""}>
                      <span class="pg-line">
                        <span class="pg-track">
                          <i class={`pg-m${m} ${chosen ? "" : "pg-faint"}`} style={{ width: `${100 * share}%` }} />
                        </span>
                        <span class={`lk-num ${chosen ? "pg-strong" : ""}`}>{percent(share)}</span>
                        {i !== held ? <Change from={p[held]?.get(label) ?? 0} to={share} /> : <span class="pg-change" />}
                      </span>
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

export default widget<Traits>("Playground", App);
