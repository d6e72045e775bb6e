// The playground of a tagger: entities marked in the texts, of two models side by side.
import type { Bridge } from "../lib/bridge";
import { count, visible } from "../lib/format";
import { Marked, Types } from "../lib/marked";
import { missing, type Mark } from "../lib/marks";
import { LineList, PinList, type Model, type Result, type Traits } from "./parts";

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

export function SpanResult({ result: given, models }: { result: Result; models: Model[] }) {
  const result = given as Found;
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

export function SpanLines({ results, models, pin }: { results: Result[]; models: Model[]; pin(result: Result): void }) {
  return (
    <LineList results={results} pin={pin}>
      {(result, n) => <Sides result={result as Found} models={models} what={`Line ${n + 1}`} />}
    </LineList>
  );
}

export function SpanPins({ bridge, models }: { bridge: Bridge<Traits>; models: Model[] }) {
  return (
    <PinList
      bridge={bridge}
      hint="Pin a text to keep it; pin variants of it to see what each change does to the entities."
      name="What is marked in the pinned texts"
    >
      {(pin, i) => <Sides result={pin as Found} models={models} what={`Pinned text ${i + 1}`} />}
    </PinList>
  );
}
