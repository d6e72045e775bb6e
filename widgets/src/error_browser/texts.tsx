// Texts that a language model foresees badly: a row of the list, and the chosen row with what was written behind it.
import { Differences, Pieces } from "../lib/diff_view";
import { count, percent } from "../lib/format";
import { Facts, line, NearText, Neighbours } from "./parts";
import type { Detail, Door, Figure, Row } from "./types";

interface TextRow extends Row {
  text: string;
  score: number | null;
  accuracy: number;
  tokens: number;
  written: boolean;
}

interface TextDetail extends Detail {
  text: string;
  target: string | null;
  predicted: string | null;
  tokens: number;
  hits: number;
  figures: Figure[];
}

/** Perplexities are from 1 to anything. */
const rounded = (value: number | null): string => (value === null ? "–" : value >= 1e5 ? value.toExponential(1) : value >= 100 ? count(value) : value.toFixed(1));

export function TextLine({ row: given, measure }: { row: Row; measure: string }) {
  const row = given as TextRow;
  return (
    <>
      <div class="eb-line">
        <span class="lk-cut eb-text" dir="auto">
          {line(row.text)}
        </span>
        <span class="lk-num eb-loss">
          <span class="lk-sr">{measure} </span>
          {rounded(row.score)}
        </span>
      </div>
      <div class="eb-line eb-sub lk-quiet">
        <span>
          {percent(row.accuracy, 0)} of {count(row.tokens)} token{row.tokens === 1 ? "" : "s"} foreseen
        </span>
        {row.written && <span class="lk-chip lk-chip-accent">written text</span>}
      </div>
    </>
  );
}

export function TextOne({ bridge, row: given, training }: Door & { row: Detail; training: number | false }) {
  const row = given as TextDetail;
  const prompted = row.target !== null;
  return (
    <div class="lk-body">
      <section aria-label={prompted ? "Prompt" : "Text"}>
        <h4>{prompted ? "Prompt" : "Text"}</h4>
        <p class="lk-text eb-whole eb-source" dir="auto" tabIndex={0} role="group" aria-label={prompted ? "Prompt in full" : "Text in full"}>
          {row.text}
        </p>
      </section>
      {row.target !== null && row.predicted !== null && (
        <>
          <Differences reference={row.target} predicted={row.predicted} />
          <p class="lk-quiet eb-hint">Marked is what the other text does not have.</p>
        </>
      )}
      {row.target !== null && row.predicted === null && (
        <>
          <h4>Should be</h4>
          <Pieces pieces={[{ text: row.target, same: true }]} which="true" name="What should be written" />
          <p class="lk-quiet eb-hint">The model wrote nothing here: it does so behind some rows only, when a run ends.</p>
        </>
      )}
      {row.target === null && row.predicted !== null && (
        <>
          <h4>Written</h4>
          <Pieces pieces={row.predicted ? [{ text: row.predicted, same: true }] : []} which="said" name="What was written" />
          <p class="lk-quiet eb-hint">What the model writes behind the beginning of this text: there is nothing to compare it with.</p>
        </>
      )}
      <Facts row={row} figures={[...row.figures, { name: "Tokens", value: `${count(row.hits)} of ${count(row.tokens)} foreseen` }]} />
      <Neighbours
        bridge={bridge}
        row={row}
        training={training}
        show={(near) => (
          <NearText near={near}>
            {near.target && (
              <span class="lk-text lk-quiet eb-beside" dir="auto">
                {near.target}
              </span>
            )}
          </NearText>
        )}
      />
    </div>
  );
}
