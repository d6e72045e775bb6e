// The playground of a classifier: probabilities as bars, pinned variants in a table, of two models side by side.
import { useMemo, useState } from "preact/hooks";
import type { Bridge } from "../lib/bridge";
import { count, percent, visible } from "../lib/format";
import { Button, Note, Segments, useAction, useTrait } from "../lib/ui";
import { Editor, LONG, type Labelled, type Model, type Result as Any, type Traits } from "./parts";

type Result = Any<Labelled>;

const TOP = 8;

/** Probability of a label by name; the second model may have them in another order. */
function lookUp(result: Result, models: Model[]): Map<string, number>[] {
  return models.map((model, m) => new Map(model.labels.map((label, j) => [label, result.models[m]?.probabilities[j] ?? 0])));
}

function allLabels(models: Model[]): string[] {
  return [...new Set(models.flatMap((model) => model.labels))];
}

export function Bars({ result, models }: { result: Result; models: Model[] }) {
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

export function Lines({ results, models, pin }: { results: Result[]; models: Model[]; pin(result: Result): void }) {
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

export function Pins({ bridge, models }: { bridge: Bridge<Traits>; models: Model[] }) {
  const [every] = useTrait(bridge, "pins");
  const pins = every as Result[];
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
