// Texts written from texts: a row of the list, and the chosen row with the differences to its reference.
import { useMemo } from "preact/hooks";
import { Differences } from "../lib/diff_view";
import { count, fixed, percent } from "../lib/format";
import { Facts, line, NearText, Neighbours } from "./parts";
import type { Detail, Door, Figure, Row } from "./types";

interface PairRow extends Row {
  text: string;
  target: string;
  predicted: string;
  score: number | null;
  confidence: number | null;
}

interface PairDetail extends Detail {
  text: string;
  target: string;
  predicted: string;
  confidence: number | null;
  right: boolean;
  words: [number, number, number];
  figures: Figure[];
}

export function PairLine({ row: given, measure }: { row: Row; measure: string }) {
  const row = given as PairRow;
  return (
    <>
      <div class="eb-line">
        <span class="lk-cut eb-text" dir="auto">
          {line(row.text)}
        </span>
        <span class="lk-num eb-loss">
          <span class="lk-sr">{measure} </span>
          {fixed(row.score, (row.score ?? 0) > 1 ? 1 : 2)}
        </span>
      </div>
      {([["should be", row.target], ["written", row.predicted]] as const).map(([name, text]) => (
        <div key={name} class="eb-line eb-sub eb-two">
          <span class="lk-quiet eb-what-is">{name}</span>
          {text ? (
            <span class="lk-cut eb-text" dir="auto">
              {line(text)}
            </span>
          ) : (
            <span class="lk-quiet">nothing</span>
          )}
        </div>
      ))}
    </>
  );
}

export function PairOne({ bridge, row: given, training }: Door & { row: Detail; training: number | false }) {
  const row = given as PairDetail;
  const figures = useMemo(() => {
    const [source, wanted, said] = row.words.map(count);
    const words = { name: "Words", value: `${said} written, ${wanted} in the reference, ${source} in the source` };
    return [...row.figures, words, { name: "Sure", value: row.confidence === null ? "–" : percent(row.confidence, 0) }];
  }, [row]);
  return (
    <div class="lk-body">
      <section aria-label="Source">
        <h4>Source</h4>
        <p class="lk-text eb-whole eb-source" dir="auto" tabIndex={0} role="group" aria-label="Source text">
          {row.text}
        </p>
      </section>
      <Differences reference={row.target} predicted={row.predicted} />
      <p class="lk-quiet eb-hint">{row.right ? "Written exactly like the reference." : "Marked is what the other text does not have."}</p>
      <Facts row={row} figures={figures} />
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
