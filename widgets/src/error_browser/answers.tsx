// Errors of a model that answers questions: a row of the list, and the chosen row with both answers in their context.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { fixed, percent } from "../lib/format";
import { Marked } from "../lib/marked";
import type { Mark } from "../lib/marks";
import { Button } from "../lib/ui";
import { excerpt } from "./excerpt";
import { BarList, Facts, line, NearText, Neighbours } from "./parts";
import type { Detail, Door, Row } from "./types";

interface AnswerRow extends Row {
  text: string;
  gold: string[];
  predicted: string | null;
  kind: string;
  f1: number;
  confidence: number | null;
}

interface Placed {
  start: number;
  end: number;
  text: string;
  stands: boolean;
}

interface AnswerDetail extends Detail {
  text: string;
  context: string;
  gold: Placed[];
  predicted: Placed | null;
  kind: string;
  f1: number;
  confidence: number | null;
  right: boolean;
  alternatives: (Placed & { probability: number | null })[];
  none: number | null;
}

export const ANSWER_KINDS: Record<string, string> = {
  "no answer given": "the context holds an answer, and nothing was answered",
  "answer where there is none": "the context holds no answer, and something was answered",
  boundary: "more or less than a true answer",
  elsewhere: "another place in the context",
};

const HUES = ["true", "", "", "predicted"]; // blue and vermillion, as the bars have them
const NONE = "no answer";

export function AnswerLine({ row: given }: { row: Row }) {
  const row = given as AnswerRow;
  return (
    <>
      <div class="eb-line">
        <span class="lk-cut eb-text" dir="auto">
          {line(row.text)}
        </span>
        <span class="lk-num eb-loss">
          <span class="lk-sr">F1 </span>
          {fixed(row.f1, 2)}
        </span>
      </div>
      <div class="eb-line eb-sub">
        <span class={`lk-chip eb-kind ${row.right ? "lk-chip-good" : "lk-chip-bad"}`}>{row.kind || "right"}</span>
        <Said text={row.gold[0] ?? null} />
        {!row.right && (
          <>
            <span aria-hidden="true">→</span>
            <span class="lk-sr">predicted</span>
            <Said text={row.predicted} />
          </>
        )}
        {row.confidence !== null && <span class="lk-quiet eb-sure">{percent(row.confidence, 0)}</span>}
      </div>
    </>
  );
}

function Said({ text }: { text: string | null }) {
  return text === null ? (
    <span class="lk-quiet eb-none-said">{NONE}</span>
  ) : (
    <span class="lk-cut" dir="auto">
      {line(text)}
    </span>
  );
}

export function AnswerOne({ bridge, row: given, training }: Door & { row: Detail; training: number | false }) {
  const row = given as AnswerDetail;
  const others = [...new Set(row.gold.map((one) => one.text))].slice(1);
  const bars = row.alternatives
    .filter((one) => one.probability !== null)
    .map((one) => {
      const said = row.predicted?.start === one.start && row.predicted.text === one.text;
      const is = row.gold.some((gold) => gold.text === one.text);
      return { name: one.text, share: one.probability as number, role: is && said ? "right" : is ? "true" : said ? "predicted" : "" } as const;
    });
  const silent = row.predicted === null;
  const rest = row.none === null ? [] : [{ name: NONE, share: row.none, role: row.gold.length === 0 ? (silent ? "right" : "true") : silent ? "predicted" : "" } as const];
  const every = [...bars, ...rest].sort((a, b) => b.share - a.share);
  return (
    <div class="lk-body">
      <p class="lk-text eb-whole" dir="auto">
        {row.text}
      </p>
      <div class="eb-sides">
        <Side name="True" which="true" text={row.gold[0]?.text ?? null} none="The context holds no answer.">
          {others.length > 0 && <div class="lk-quiet">also right: {others.map(line).join("; ")}</div>}
          {row.gold[0] && !row.gold[0].stands && <div class="lk-quiet">not in the context where the data says</div>}
        </Side>
        <Side name="Predicted" which="said" text={row.predicted?.text ?? null} none="The model answers nothing.">
          <div class="eb-line eb-sub">
            <span class={`lk-chip eb-kind ${row.right ? "lk-chip-good" : "lk-chip-bad"}`} title={ANSWER_KINDS[row.kind]}>
              {row.kind || "right"}
            </span>
            <span class="lk-quiet">F1 {fixed(row.f1, 2)}</span>
            {row.confidence !== null && <span class="lk-quiet">{percent(row.confidence, 0)}</span>}
          </div>
        </Side>
      </div>
      <Context row={row} key={row.row_id} />
      <h4>Likeliest answers</h4>
      {every.length ? <BarList bars={every} /> : <p class="lk-quiet">The context holds no stretch that could be one.</p>}
      <Neighbours
        bridge={bridge}
        row={row}
        training={training}
        show={(near) => (
          <NearText near={near}>
            {near.answers && (
              <span class="lk-quiet lk-cut eb-beside" dir="auto">
                {near.answers.length ? near.answers.map(line).join("; ") : NONE}
              </span>
            )}
          </NearText>
        )}
      />
      <Facts row={row} />
    </div>
  );
}

function Side({ name, which, text, none, children }: { name: string; which: string; text: string | null; none: string; children: preact.ComponentChildren }) {
  return (
    <section class={`eb-side eb-side-${which}`} aria-label={`${name} answer`}>
      <h4>{name}</h4>
      {text === null ? (
        <p class="lk-quiet">{none}</p>
      ) : (
        <p class="lk-text" dir="auto">
          {text}
        </p>
      )}
      {children}
    </section>
  );
}

/** The context with both answers in their places; of a long one the parts around them, and all of it when asked. */
function Context({ row }: { row: AnswerDetail }) {
  const [whole, setWhole] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const marks = useMemo(() => {
    const found: Mark[] = [];
    const gold = row.gold.find((one) => one.stands);
    if (gold) found.push({ start: gold.start, end: gold.end, label: "true" });
    if (row.predicted?.stands) found.push({ start: row.predicted.start, end: row.predicted.end, label: "predicted", error: row.kind });
    return found;
  }, [row]);
  const short = useMemo(() => excerpt(row.context, marks), [row.context, marks]);
  const shown = whole ? { text: row.context, marks } : short;
  useEffect(() => {
    const inner = box.current?.querySelector<HTMLElement>(".lk-marked");
    const first = inner?.querySelector<HTMLElement>(".lk-mark");
    if (!inner || !first) return;
    const lines = parseFloat(getComputedStyle(inner).lineHeight) || 24;
    const above = inner.scrollTop + first.getBoundingClientRect().top - inner.getBoundingClientRect().top;
    inner.scrollTop = lines * Math.max(0, Math.floor(above / lines) - 1); // with a line above it, and no line cut in two
  }, [shown.text]);
  return (
    <section class="eb-both eb-context" aria-label="Context" ref={box}>
      <div class="eb-part">
        <h4>Context</h4>
        {short.cut && (
          <Button kind="ghost" pressed={whole} onClick={() => setWhole(!whole)}>
            Whole context
          </Button>
        )}
      </div>
      <Marked text={shown.text} marks={shown.marks} labels={HUES} name="Context with the answers" scrolls />
    </section>
  );
}
