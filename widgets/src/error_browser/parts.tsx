// What the chosen row has in every view: its neighbours in the training data, and its facts.
import { Fragment, type ComponentChildren } from "preact";
import { count, fixed, visible } from "../lib/format";
import { Bar, Button, Note, Segments, useAction, useAsked, useTrait } from "../lib/ui";
import type { Detail, Door, Figure, Near } from "./types";

/** A text for one line: the beginning of it, without line breaks. */
export const line = (text: string): string => visible(text.slice(0, 400).replace(/\s+/g, " "));

export function Facts({ row, figures = [] }: { row: Detail; figures?: Figure[] }) {
  return (
    <dl class="lk-facts">
      <dt>Row</dt>
      <dd>{visible(row.row_id)}</dd>
      {figures.map(({ name, value }) => (
        <Fragment key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </Fragment>
      ))}
      {Object.entries(row.columns).map(([name, value]) => (
        <Fragment key={name}>
          <dt>{visible(name)}</dt>
          <dd class="lk-text" dir="auto">
            {value}
          </dd>
        </Fragment>
      ))}
    </dl>
  );
}

export interface Bars {
  name: string;
  share: number;
  role: "" | "true" | "predicted" | "right";
}

/** Probabilities as bars. */
export function BarList({ bars, rest }: { bars: readonly Bars[]; rest?: ComponentChildren }) {
  return (
    <ul class="eb-bars">
      {bars.map(({ name, share, role }, n) => (
        <li key={n}>
          <span class={`lk-cut ${role ? "eb-strong" : ""}`} title={visible(name)} dir="auto">
            {visible(name)}
          </span>
          <span class="eb-track">
            <i class={role === "predicted" ? "eb-said" : role ? "eb-true" : ""} style={{ width: `${100 * share}%` }} />
          </span>
          <span class="lk-num">{(100 * share).toFixed(1)} %</span>
          <span class="eb-role lk-quiet">{role}</span>
        </li>
      ))}
      {rest && <li class="lk-quiet eb-more">{rest}</li>}
    </ul>
  );
}

/** The nearest training rows, each shown by the view. */
export function Neighbours({ bridge, row, training, show }: Door & { row: Detail; training: number | false; show(near: Near): ComponentChildren }) {
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
              <span class="eb-neighbour">{show(near)}</span>
            </li>
          ))}
        </ol>
      )}
    </div>
  );
}

/** The text of a neighbour, and what belongs to it below. */
export function NearText({ near, children }: { near: Near; children?: ComponentChildren }) {
  return (
    <>
      <span class="lk-text" dir="auto">
        {near.text ?? `row ${visible(near.row_id)}`}
      </span>
      {children}
    </>
  );
}
