// One row in full: its text, what the tokenizer makes of it, every column, and rows like it.
import { useState } from "preact/hooks";
import { count, visible } from "../lib/format";
import { Bar, Button, Note, Segments, useAction, useAsked, useTrait } from "../lib/ui";
import { Marked } from "../lib/marked";
import type { About, Detail, Door, Seen } from "./types";

export function RowDetail(props: Door & { layout: About["layout"]; labels: string[]; current: string; revision: number; close(): void; go(id: string): void; showSimilar(id: string): void }) {
  const { bridge, current } = props;
  const [model] = useTrait(bridge, "model");
  const [jobs] = useTrait(bridge, "jobs");
  const [mode, setMode] = useState<"text" | "tokens">(props.layout === "labels" ? "tokens" : "text");
  const row = useAsked(`${current} ${props.revision}`, () => bridge.call<Detail>("show", { row_id: current }));
  const loading = jobs["tokenizer"];
  const seen = useAsked(`${current} ${model} ${loading?.state ?? ""} ${props.revision}`, () => bridge.call<Seen>("ask_tokens", { row_id: current }));
  const tokens = seen.value?.ready ? seen.value : null;
  const r = row.value;
  return (
    <section class="di-detail" aria-label={`Row ${current}`}>
      <div class="di-detail-head">
        <strong class="lk-cut">{visible(current)}</strong>
        {r && (
          <span class="lk-quiet lk-cut">
            {[visible(r.split), labelled(props.layout, r), `${count(r.length)} characters`, r.ratio !== null && `the target is ${r.ratio.toFixed(2)} times as long`].filter(Boolean).join(" · ")}
          </span>
        )}
        <span class="di-space" />
        <Segments
          label="How the text is shown"
          value={mode}
          options={[
            ["tokens", "Tokens"],
            ["text", "Text"],
          ]}
          onChange={(next: string) => setMode(next as "text" | "tokens")}
        />
        <button type="button" class="lk-btn lk-ghost" aria-label="Close the row" onClick={props.close}>
          ✕
        </button>
      </div>
      {row.error ? (
        <Note kind="error">{row.error}</Note>
      ) : (
        <div class="di-detail-body">
          <div class="di-full" tabIndex={0} role="group" aria-label="Text">
            {mode === "tokens" && tokens ? (
              <Tokens seen={tokens} />
            ) : (
              r && <Words row={r} layout={props.layout} labels={props.layout === "answers" ? ["answer"] : props.labels} />
            )}
            <div class="di-reads" role="status">
              {seen.error ? (
                <span class="di-bad">{seen.error}</span>
              ) : loading?.state === "failed" ? (
                <span class="di-bad">{loading.error}</span>
              ) : tokens ? (
                <Reads seen={tokens} />
              ) : (
                "Loading the tokenizer…"
              )}
            </div>
          </div>
          <div class="di-beside" tabIndex={0} role="group" aria-label="Columns and similar rows">
            {r && r.columns.length > 0 && (
              <dl class="lk-facts">
                {r.columns.map(([name, value]) => (
                  <>
                    <dt key={`${name} `} class="lk-text">
                      {visible(name)}
                    </dt>
                    <dd key={name} class="lk-text">
                      {value === null ? "–" : value}
                    </dd>
                  </>
                ))}
              </dl>
            )}
            <Similar {...props} />
          </div>
        </div>
      )}
    </section>
  );
}

/** What is known of a row beside its texts. */
function labelled(layout: About["layout"], row: Detail): string {
  if (row.labels.length) return visible(row.labels.join(", "));
  return layout === "pairs" || layout === "texts" ? "" : "no label";
}

/** The texts of a row: side by side where one is to be written from the other, marked where spans or answers stand in them. */
function Words({ row, layout, labels }: { row: Detail; layout: About["layout"]; labels: string[] }) {
  if (row.turns.length)
    return (
      <ol class="di-turns">
        {row.turns.map((turn, at) => (
          <li key={at} class={`di-turn di-is-${["system", "user", "assistant"].includes(turn.role) ? turn.role : "other"}`}>
            <div class="di-role">{visible(turn.role)}</div>
            <div class="lk-text" dir="auto">
              {turn.content || <span class="lk-quiet">empty</span>}
            </div>
          </li>
        ))}
        {row.more_turns > 0 && <li class="lk-quiet">and {count(row.more_turns)} more turns</li>}
      </ol>
    );
  const several = row.texts.length > 1;
  return (
    <div class={layout === "pairs" ? "di-pair" : ""}>
      {row.texts.map((one) => (
        <section key={one.name} class="di-piece" aria-label={one.title}>
          {several && <h4 class="di-name">{one.title}</h4>}
          {one.empty || !one.text ? (
            <div class="lk-quiet di-whole">{one.empty ? "none" : "empty"}</div>
          ) : one.marks.length ? (
            <div class="di-whole">
              <Marked text={one.text} marks={one.marks} labels={labels} name={one.title} />
            </div>
          ) : (
            <div class="lk-text di-whole" dir="auto">
              {one.text}
            </div>
          )}
          {one.cut > 0 && <div class="lk-quiet">… and {count(one.cut)} more characters</div>}
          {layout === "answers" && one.name === "text" && (
            <>
              <h4 class="di-name">{row.answers && row.answers.length > 1 ? "Answers" : "Answer"}</h4>
              {row.answers === null ? (
                <div class="lk-quiet di-whole">not labelled</div>
              ) : row.answers.length === 0 ? (
                <div class="lk-quiet di-whole">The context has no answer.</div>
              ) : (
                <ul class="di-answers">
                  {row.answers.map((answer, at) => (
                    <li key={at} class="lk-text" dir="auto">
                      {answer}
                    </li>
                  ))}
                </ul>
              )}
            </>
          )}
        </section>
      ))}
    </div>
  );
}

type Ready = Extract<Seen, { ready: true }>;

function Tokens({ seen }: { seen: Ready }) {
  let odd = false;
  const begins = new Map<string, number>();
  seen.pieces.forEach(([column], at) => column && !begins.has(column) && begins.set(column, at));
  const breaks = new Set([...begins.values()].slice(1)); // each further text begins on a line of its own
  const piece = (text: string, token: string, kind: string, at: number) => {
    if (kind === "gap") return text;
    if (kind === "special" || (kind === "beyond" && !text))
      return (
        <span key={at} class={`di-special${kind === "beyond" ? " di-beyond" : ""}`}>
          {visible(token)}
        </span>
      );
    odd = !odd;
    return (
      <span key={at} class={`di-token di-${kind}${odd ? " di-odd" : ""}`} title={kind === "unknown" ? `${token}: not in the vocabulary` : token}>
        {text || visible(token)}
      </span>
    );
  };
  const parts = seen.pieces.map(([, text, token, kind], at) => (breaks.has(at) ? [<br key={`b${at}`} />, piece(text, token, kind, at)] : piece(text, token, kind, at)));
  return (
    <div class="lk-text di-whole">
      {parts}
      {seen.count > seen.shown && <span class="lk-quiet"> … and {count(seen.count - seen.shown)} more tokens</span>}
    </div>
  );
}

function Reads({ seen }: { seen: Ready }) {
  const read = seen.count - seen.beyond;
  if (seen.reading !== "end" && seen.count > seen.limit)
    return (
      <>
        {`${count(seen.count)} tokens: ${visible(seen.model)} reads ${count(seen.limit)} at a time`}
        {seen.reading === "windows" ? ", so that it is read in several windows, and nothing is lost" : ", so that the beginning of the prompt is left out"}
        {seen.unknown ? ` · ${count(seen.unknown)} unknown` : ""}
      </>
    );
  return (
    <>
      {visible(seen.model)} reads {seen.beyond ? <strong>{`${count(read)} of ${count(seen.count)} tokens`}</strong> : `all ${count(seen.count)} tokens`}
      {seen.beyond ? ": what is grey is cut off" : ""}
      {seen.unknown ? ` · ${count(seen.unknown)} unknown` : ""}
    </>
  );
}

function Similar({ bridge, current, go, showSimilar }: Door & { current: string; go(id: string): void; showSimilar(id: string): void }) {
  const [near] = useTrait(bridge, "near");
  const [jobs] = useTrait(bridge, "jobs");
  const find = useAction(() => bridge.call("start_similar", { row_id: current }));
  const job = jobs["similar"];
  const running = job?.state === "running";
  const own = near.row_id === current;
  return (
    <div class="di-similar">
      <div class="di-title">
        <h4>Similar rows</h4>
        {own ? (
          <button type="button" class="lk-btn di-small" onClick={() => showSimilar(current)}>
            Show in the list
          </button>
        ) : (
          <Button onClick={find.run} disabled={running || find.busy}>
            Find similar
          </Button>
        )}
      </div>
      {running && (
        <div role="status">
          <div class="lk-quiet">Embedding the texts: {job.text}</div>
          <Bar share={job.share} label="Embedding" />
        </div>
      )}
      {find.error && <Note kind="error">{find.error}</Note>}
      {job?.state === "failed" && !running && <Note kind="error">{job.error}</Note>}
      {own && (
        <ol class="di-near">
          {(near.rows ?? []).map((one) => (
            <li key={one.row_id}>
              <button type="button" class="di-near-row" onClick={() => go(one.row_id)} title={`Show ${one.row_id}`}>
                <span class="lk-num lk-quiet">{one.score.toFixed(2)}</span>
                <span class="lk-chip">{one.labels.length ? visible(one.labels.join(", ")) : "–"}</span>
                <span class="lk-cut">{visible(one.text)}</span>
              </button>
            </li>
          ))}
        </ol>
      )}
    </div>
  );
}
