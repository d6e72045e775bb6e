// Errors of a classifier: a row of the list, and the chosen row with its probabilities.
import { count, fixed, percent, visible } from "../lib/format";
import { Note } from "../lib/ui";
import { BarList, Facts, line, NearText, Neighbours } from "./parts";
import type { Detail, Door, Row } from "./types";

interface LabelRow extends Row {
  true: string;
  predicted: string;
  confidence: number;
  loss: number;
  suspect: boolean;
}

interface LabelDetail extends Detail {
  true: string[];
  predicted: string[];
  confidence: number | null;
  loss: number | null;
  probabilities: [string, number][];
  more: number;
  suspect: string | null;
}

export function LabelLine({ row: given }: { row: Row }) {
  const row = given as LabelRow;
  return (
    <>
      <div class="eb-line">
        <span class="lk-cut eb-text" dir="auto">
          {row.text === null ? `row ${visible(row.row_id)}` : line(row.text)}
        </span>
        <span class="lk-num eb-loss">
          <span class="lk-sr">loss </span>
          {fixed(row.loss, 2)}
        </span>
      </div>
      <div class="eb-line eb-sub">
        <span class="lk-chip">{visible(row.true) || "–"}</span>
        <span aria-hidden="true">→</span>
        <span class="lk-sr">predicted</span>
        <span class={`lk-chip ${row.right ? "lk-chip-good" : "lk-chip-bad"}`}>{visible(row.predicted) || "–"}</span>
        <span class="lk-quiet">{percent(row.confidence, 0)}</span>
        {row.suspect && <span class="lk-chip lk-chip-warn eb-suspect">label?</span>}
      </div>
    </>
  );
}

export function LabelOne({ bridge, row: given, training }: Door & { row: Detail; training: number | false }) {
  const row = given as LabelDetail;
  const bars = row.probabilities.map(([name, share]) => {
    const [is, said] = [row.true.includes(name), row.predicted.includes(name)];
    return { name, share, role: is && said ? "right" : is ? "true" : said ? "predicted" : "" } as const;
  });
  return (
    <div class="lk-body">
      {row.text === null ? (
        <p class="lk-quiet">The text of row {visible(row.row_id)} is not there any more.</p>
      ) : (
        <p class="lk-text eb-whole" dir="auto">
          {row.text}
        </p>
      )}
      {row.suspect && (
        <Note kind="warning">
          Likely label error: the model says <b class="eb-name">{visible(row.suspect)}</b> as firmly as for rows that have that label.
        </Note>
      )}
      <h4>Probabilities</h4>
      <BarList bars={bars} rest={row.more > 0 && `and ${count(row.more)} less probable labels`} />
      <Neighbours
        bridge={bridge}
        row={row}
        training={training}
        show={(near) => (
          <NearText near={near}>
            <span class={`lk-chip ${row.true.includes(near.label) ? "lk-chip-good" : row.predicted.includes(near.label) ? "lk-chip-bad" : ""}`}>{visible(near.label) || "no label"}</span>
          </NearText>
        )}
      />
      <Facts row={row} figures={[{ name: "Loss", value: fixed(row.loss, 3) }]} />
    </div>
  );
}
