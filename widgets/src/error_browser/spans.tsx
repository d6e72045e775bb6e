// Errors of a tagger: how a row of the list sums them up, and the chosen row with its true and its predicted entities.
import { count, percent, visible } from "../lib/format";
import { Marked, Types } from "../lib/marked";
import { covered, hue, type Mark } from "../lib/marks";
import { Facts, line, NearText, Neighbours } from "./parts";
import type { Detail, Door, Row } from "./types";

interface SpanRow extends Row {
  errors: number;
  kinds: Record<string, number>;
  entities: number;
  confidence: number | null;
}

interface SpanDetail extends Detail {
  text: string;
  true: Mark[];
  predicted: Mark[];
  errors: { kind: string; true: Mark | null; predicted: Mark | null; confidence: number | null }[];
}

const entities = (n: number): string => `${count(n)} entit${n === 1 ? "y" : "ies"}`;
export const SPAN_KINDS: Record<string, string> = {
  missed: "nothing was predicted",
  spurious: "nothing is there",
  boundary: "another stretch",
  type: "another type",
  "type and boundary": "another stretch and another type",
};

/** A row of the list. */
export function SpanLine({ row: given }: { row: Row }) {
  const row = given as SpanRow;
  return (
    <>
      <div class="eb-line">
        <span class="lk-cut eb-text" dir="auto">
          {line(row.text ?? "")}
        </span>
        <span class="lk-num eb-loss">
          {count(row.errors)}
          <span class="lk-sr"> errors</span>
        </span>
      </div>
      <div class="eb-line eb-sub">
        {row.right ? (
          <span class="lk-chip lk-chip-good">{row.entities ? `${entities(row.entities)}, all right` : "no entities, none predicted"}</span>
        ) : (
          Object.entries(row.kinds).map(([kind, n]) => (
            <span key={kind} class="lk-chip lk-chip-bad">
              {n > 1 ? `${count(n)} ` : ""}
              {kind}
            </span>
          ))
        )}
        {row.confidence !== null && row.confidence > 0 && <span class="lk-quiet">{percent(row.confidence, 0)}</span>}
      </div>
    </>
  );
}

/** The chosen row. */
export function SpanOne({ bridge, row: given, labels, training }: Door & { row: Detail; labels: string[]; training: number | false }) {
  const row = given as SpanDetail;
  const marks = [...row.true, ...row.predicted];
  return (
    <div class="lk-body">
      <div class="eb-both">
        {([["True", row.true], ["Predicted", row.predicted]] as const).map(([name, spans]) => (
          <section key={name} aria-label={`${name} entities`}>
            <div class="eb-part">
              <h4>{name}</h4>
              <span class="lk-quiet">{entities(spans.length)}</span>
            </div>
            <Marked text={row.text} marks={spans} labels={labels} name={`Text with its ${name.toLowerCase()} entities`} scrolls />
          </section>
        ))}
      </div>
      <Types labels={labels} marks={marks} />
      <h4 class="eb-what">{row.errors.length ? `${count(row.errors.length)} error${row.errors.length === 1 ? "" : "s"}, marked ✕` : "No errors"}</h4>
      {row.errors.length > 0 && (
        <table class="lk-table eb-errors">
          <thead>
            <tr>
              <th scope="col">Error</th>
              <th scope="col">True</th>
              <th scope="col">Predicted</th>
              <th scope="col" class="lk-num">
                Sure
              </th>
            </tr>
          </thead>
          <tbody>
            {row.errors.map((error, n) => (
              <tr key={n}>
                <td title={SPAN_KINDS[error.kind]}>{error.kind}</td>
                {[error.true, error.predicted].map((span, m) => (
                  <td key={m}>
                    {span ? (
                      <>
                        <span class="lk-text">{visible(covered(row.text, span))}</span>{" "}
                        <span class="eb-type" style={{ "--hue": hue(labels.indexOf(span.label)) }}>
                          {visible(span.label)}
                        </span>
                      </>
                    ) : (
                      <span class="lk-quiet">nothing</span>
                    )}
                  </td>
                ))}
                <td class="lk-num">{error.confidence === null ? "–" : percent(error.confidence, 0)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <Neighbours
        bridge={bridge}
        row={row}
        training={training}
        show={(near) => (near.text === null ? <NearText near={near} /> : <Marked text={near.text} marks={near.spans ?? []} labels={labels} name={`Training row ${visible(near.row_id)}`} />)}
      />
      <Facts row={row} />
    </div>
  );
}
