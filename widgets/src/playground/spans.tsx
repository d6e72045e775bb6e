// The playground of a tagger: entities marked in the texts, of two models side by side.
import { useState } from "preact/hooks";
import type { Bridge } from "../lib/bridge";
import { count, visible } from "../lib/format";
import { Marked, Types } from "../lib/marked";
import { missing, type Mark } from "../lib/marks";
import { Button, Note, useAction, useTrait, type BaseTraits } from "../lib/ui";
import { Editor, LONG, type Model, type Result } from "./parts";

export interface Tagged {
  spans: Mark[];
}

type Found = Result<Tagged>;

const typesOf = (models: Model[]): string[] => [...new Set(models.flatMap((model) => model.labels))];
const entities = (n: number): string => `${count(n)} entit${n === 1 ? "y" : "ies"}`;

/** What each model marks; of two models, what only one of them marks has a sign. */
function Sides({ result, models, what }: { result: Found; models: Model[]; what: string }) {
  const labels = typesOf(models);
  const two = result.models.length > 1;
  return (
    <div class="pg-sides">
      {result.models.map((said, m) => {
        const other = result.models[1 - m];
        const alone = new Set(other ? missing(said.spans, other.spans) : []);
        const name = visible(models[m]?.name ?? "");
        const marks = said.spans.map((mark) => (alone.has(mark) ? { ...mark, error: `not so by ${visible(models[1 - m]?.name ?? "the other")}` } : mark));
        return (
          <div key={m} class="pg-side">
            {two && (
              <div class="pg-of lk-quiet">
                {name}
              </div>
            )}
            <Marked text={result.text} marks={marks} labels={labels} name={`${what}, entities found${two ? ` by ${name}` : ""}`} sign="≠" />
            {said.spans.length === 0 && <div class="pg-nothing lk-quiet">No entities found.</div>}
          </div>
        );
      })}
    </div>
  );
}

export function SpanResult({ result, models }: { result: Found; models: Model[] }) {
  const [first, second] = result.models;
  const apart = first && second ? missing(first.spans, second.spans).length + missing(second.spans, first.spans).length : 0;
  return (
    <div class="lk-body pg-found">
      <div class="pg-sum">
        <span>{second ? (apart ? `They differ in ${entities(apart)}, marked ≠.` : `Both mark the same ${entities(first?.spans.length ?? 0)}.`) : entities(first?.spans.length ?? 0)}</span>
        <Types labels={typesOf(models)} marks={result.models.flatMap((said) => said.spans)} />
      </div>
      <Sides result={result} models={models} what="The text" />
    </div>
  );
}

export function SpanLines({ results, models, pin }: { results: Found[]; models: Model[]; pin(result: Found): void }) {
  return (
    <ol class="pg-texts">
      {results.map((result, n) => (
        <li key={n}>
          <Sides result={result} models={models} what={`Line ${n + 1}`} />
          <Button kind="ghost" label={`Pin line ${n + 1}`} onClick={() => pin(result)}>
            Pin
          </Button>
        </li>
      ))}
    </ol>
  );
}

interface Traits extends BaseTraits {
  pins: Found[];
  text: string;
}

export function SpanPins(props: { bridge: Bridge<never>; models: Model[] }) {
  const bridge = props.bridge as unknown as Bridge<Traits>;
  const [pins] = useTrait(bridge, "pins");
  const [editing, setEditing] = useState(-1);
  const act = useAction((name: string, args: Record<string, unknown>) => bridge.call(name, args, LONG));
  if (pins.length === 0) return <div class="pg-hint lk-quiet">Pin a text to keep it; pin variants of it to see what each change does to the entities.</div>;
  return (
    <section class="pg-pins" aria-label="Pinned texts" aria-busy={act.busy}>
      <div class="pg-pinhead">
        <h4>Pinned texts</h4>
        <span class="lk-quiet">{count(pins.length)}</span>
        <Button kind="ghost" onClick={() => void act.run("unpin", {})}>
          Remove all
        </Button>
      </div>
      {act.error && <Note kind="error">{act.error}</Note>}
      <ol class="lk-scroll pg-scroll pg-texts" tabIndex={0} aria-label="What is marked in the pinned texts">
        {pins.map((pin, i) => (
          <li key={i}>
            {editing === i ? (
              <Editor
                text={pin.text}
                done={(text) => {
                  setEditing(-1);
                  if (text !== null && text !== pin.text) void act.run("edit", { i, text });
                }}
              />
            ) : (
              <>
                <Sides result={pin} models={props.models} what={`Pinned text ${i + 1}`} />
                <div class="pg-acts">
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
              </>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}
