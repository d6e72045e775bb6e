// One row in full: its text, what the tokenizer makes of it, every column, and rows like it.
import { useState } from "preact/hooks";
import { count, visible } from "../lib/format";
import { Bar, Button, Note, Segments, useAction, useAsked, useTrait } from "../lib/ui";
import type { Detail, Door, Seen } from "./types";

export function RowDetail(props: Door & { current: string; revision: number; close(): void; go(id: string): void; showSimilar(id: string): void }) {
  const { bridge, current } = props;
  const [model] = useTrait(bridge, "model");
  const [jobs] = useTrait(bridge, "jobs");
  const [mode, setMode] = useState<"text" | "tokens">("tokens");
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
            {visible(r.split)} · {r.labels.length ? visible(r.labels.join(", ")) : "no label"} · {count(r.length)} characters
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
              r?.texts.map((one) => (
                <div key={one.name} class="lk-text di-whole">
                  {one.text}
                  {one.cut > 0 && <span class="lk-quiet"> … and {count(one.cut)} more characters</span>}
                </div>
              ))
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

type Ready = Extract<Seen, { ready: true }>;

function Tokens({ seen }: { seen: Ready }) {
  let odd = false;
  const parts = seen.pieces.map(([, text, token, kind], at) => {
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
  });
  return (
    <div class="lk-text di-whole">
      {parts}
      {seen.count > seen.shown && <span class="lk-quiet"> … and {count(seen.count - seen.shown)} more tokens</span>}
    </div>
  );
}

function Reads({ seen }: { seen: Ready }) {
  const read = seen.count - seen.beyond;
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
