// The playground of a model that answers questions: the answer marked in its context, and what else it could be.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Bridge } from "../lib/bridge";
import { percent, visible } from "../lib/format";
import { stretches, type Mark } from "../lib/marks";
import { Button } from "../lib/ui";
import { Name, PinList, type Model, type Result, type Traits } from "./parts";

interface Place {
  start: number;
  end: number;
  text: string;
}

interface Answered {
  answer: Place | null;
  confidence: number;
  alternatives: (Place & { confidence: number })[];
  /** Probability of "no answer"; null where the model never says so. */
  none: number | null;
  gap: number | null;
  threshold: number | null;
}

type Found = Result<Answered>;
type Looked = { place: Place; m: number } | null;

const NONE = "no answer";
const AROUND = 160; // characters of a context on each side of a pinned answer

/** The context with the answers marked; it scrolls to what is looked at, else to the first answer. */
function Passage({ text, answers, look, name }: { text: string; answers: (Place | null)[]; look: Looked; name: string }) {
  const box = useRef<HTMLDivElement>(null);
  const marks = useMemo(() => {
    const found: Mark[] = answers.flatMap((place, m) => (place ? [{ start: place.start, end: place.end, label: `${m}` }] : []));
    if (look) found.push({ start: look.place.start, end: look.place.end, label: "look" });
    return found;
  }, [answers, look]);
  const parts = useMemo(() => stretches(text, marks), [text, marks]);
  const first = answers.find((place) => place);
  useEffect(() => {
    const outer = box.current;
    const mark = outer?.querySelector<HTMLElement>(look ? ".pg-look" : ".pg-answer");
    if (!outer || !mark) return;
    const at = mark.getBoundingClientRect();
    const frame = outer.getBoundingClientRect();
    if (at.top < frame.top || at.bottom > frame.bottom) outer.scrollTop += at.top - frame.top - outer.clientHeight / 3;
  }, [text, look, first?.start, first?.end]);
  return (
    <div class="lk-text pg-passage" dir="auto" ref={box} tabIndex={0} role="group" aria-label={name}>
      {parts.map((part, n) => {
        const inside = part.inside.map((at) => marks[at]?.label ?? "");
        if (!inside.length) return visible(part.text);
        const by = inside.filter((label) => label !== "look");
        const classes = [by.length ? "pg-answer" : "", by.length > 1 ? "pg-both" : by[0] ? `pg-by${by[0]}` : "", inside.includes("look") ? "pg-look" : ""];
        return (
          <mark key={n} class={classes.join(" ")}>
            {visible(part.text)}
          </mark>
        );
      })}
    </div>
  );
}

/** The answer in a line, or that there is none. */
function Said({ said }: { said: Answered }) {
  return (
    <>
      {said.answer ? (
        <b class="pg-name" dir="auto">
          {visible(said.answer.text)}
        </b>
      ) : (
        <b>No answer</b>
      )}{" "}
      <span class="lk-quiet">{percent(said.confidence, 0)}</span>
    </>
  );
}

const signed = (n: number): string => (Math.abs(n) < 0.05 ? "0.0" : `${n > 0 ? "+" : "−"}${Math.abs(n).toFixed(1)}`);

/** What decides whether a model says "no answer". */
function Silence({ said }: { said: Answered }) {
  if (said.threshold === null) return <p class="pg-why lk-quiet">It never says “no answer”: no training row was without one.</p>;
  if (said.gap === null) return <p class="pg-why lk-quiet">The context holds no stretch that could be one.</p>;
  return (
    <p class="pg-why lk-quiet">
      “No answer” scores {signed(said.gap)} against the best stretch; this model says it above {signed(said.threshold)}.
    </p>
  );
}

/** The best stretches and "no answer", as bars; what has the focus or the pointer is marked in the context. */
function Alternatives({ said, m, look, name }: { said: Answered; m: number; look(found: Looked): void; name: string }) {
  const rows: { place: Place | null; share: number }[] = said.alternatives.map((place) => ({ place, share: place.confidence }));
  if (said.none !== null) rows.push({ place: null, share: said.none });
  rows.sort((a, b) => b.share - a.share);
  const is = (place: Place | null) => (place ? said.answer?.start === place.start && said.answer.end === place.end : said.answer === null);
  return (
    <ol class="pg-others" aria-label={name} onMouseLeave={() => look(null)}>
      {rows.map(({ place, share }, n) => {
        const bar = (
          <>
            <span class={`lk-cut ${is(place) ? "pg-strong" : ""} ${place ? "" : "pg-silent"}`} dir={place ? "auto" : undefined} title={place ? visible(place.text) : undefined}>
              {place ? visible(place.text) : NONE}
            </span>
            <span class="pg-line">
              <span class="pg-track">
                <i class={`pg-m${m} ${is(place) ? "" : "pg-faint"}`} style={{ width: `${100 * Math.min(1, share)}%` }} />
              </span>
              <span class="lk-num">{percent(share)}</span>
            </span>
          </>
        );
        return (
          <li key={n}>
            {place ? (
              <button
                type="button"
                aria-label={`Show in the context: ${visible(place.text)}, ${percent(share)}`}
                onMouseEnter={() => look({ place, m })}
                onFocus={() => look({ place, m })}
                onBlur={() => look(null)}
                onClick={() => look({ place, m })}
              >
                {bar}
              </button>
            ) : (
              <div onMouseEnter={() => look(null)}>{bar}</div>
            )}
          </li>
        );
      })}
    </ol>
  );
}

const same = (a: Place | null | undefined, b: Place | null | undefined) => (a && b ? a.start === b.start && a.end === b.end : !a === !b);

/** Both answers in a sentence. */
function Verdict({ result }: { result: Found }) {
  const [a, b] = result.models;
  if (!a || !b) return null;
  const overlap = a.answer && b.answer && a.answer.start < b.answer.end && b.answer.start < a.answer.end;
  if (same(a.answer, b.answer)) return <p class="pg-verdict">{a.answer ? "Both give the same answer." : "Both say that the context holds no answer."}</p>;
  return <p class="pg-verdict pg-differ">{overlap ? "They differ in where the answer begins or ends." : "They differ."}</p>;
}

export function AnswerResult({ result: given, models }: { result: Result; models: Model[] }) {
  const result = given as Found;
  const [look, setLook] = useState<Looked>(null);
  const answers = useMemo(() => result.models.map((said) => said.answer), [result]);
  useEffect(() => setLook(null), [result]);
  return (
    <div class="lk-body pg-answers">
      <Verdict result={result} />
      <Passage text={result.second} answers={answers} look={look} name="Context with the answer" />
      <div class="pg-sides">
        {result.models.map((said, m) => (
          <section key={m} class="pg-side" aria-label={models.length > 1 ? `Answer of ${visible(models[m]?.name ?? "")}` : "Answer"}>
            {models.length > 1 && <Name models={models} m={m} />}
            <p class="pg-said">
              <Said said={said} />
            </p>
            <Silence said={said} />
            <Alternatives said={said} m={m} look={setLook} name={`Likeliest answers${models.length > 1 ? ` of ${visible(models[m]?.name ?? "")}` : ""}`} />
          </section>
        ))}
      </div>
    </div>
  );
}

export function AnswerLines({ results, models, pin }: { results: Result[]; models: Model[]; pin(result: Result): void }) {
  const [at, setAt] = useState(0);
  const one = (results[Math.min(at, results.length - 1)] ?? results[0]) as Found | undefined;
  const answers = useMemo(() => one?.models.map((said) => said.answer) ?? [], [one]);
  if (!one) return null;
  return (
    <div class="lk-body pg-answers">
      <Passage text={one.second} answers={answers} look={null} name={`Context with the answer to question ${Math.min(at, results.length - 1) + 1}`} />
      <table class="lk-table">
        <thead>
          <tr>
            <th scope="col">Question</th>
            {models.map((model, m) => (
              <th key={m} scope="col">
                {models.length > 1 ? visible(model.name) : "Answer"}
              </th>
            ))}
            <th scope="col">
              <span class="lk-sr">Pin</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {(results as Found[]).map((result, n) => (
            <tr key={n} aria-selected={n === at} onMouseEnter={() => setAt(n)} onFocusCapture={() => setAt(n)}>
              <td class="pg-cell">
                <button type="button" class="pg-ask" aria-label={`Show the answer to question ${n + 1}`} dir="auto" onClick={() => setAt(n)}>
                  {visible(result.text)}
                </button>
                {result.note && <div class="pg-cutnote">{result.note}</div>}
              </td>
              {result.models.map((said, m) => (
                <td key={m} class={same(said.answer, result.models[0]?.answer) ? "" : "pg-differs"}>
                  <Said said={said} />
                </td>
              ))}
              <td>
                <Button kind="ghost" label={`Pin line ${n + 1}`} onClick={() => pin(result)}>
                  Pin
                </Button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The stretch of a context around an answer, and the answer in it. */
function around(context: string, answer: Place | null): [string, Place | null] {
  const points = Array.from(context);
  const from = answer ? Math.max(0, answer.start - AROUND) : 0;
  const to = Math.min(points.length, (answer ? answer.end : 0) + AROUND);
  const lead = from > 0 ? "… " : "";
  const text = `${lead}${points.slice(from, to).join("")}${to < points.length ? " …" : ""}`;
  return [text, answer && { ...answer, start: answer.start - from + lead.length, end: answer.end - from + lead.length }];
}

export function AnswerPins({ bridge, models }: { bridge: Bridge<Traits>; models: Model[] }) {
  return (
    <PinList bridge={bridge} hint="Pin a question to keep it with its answer; pin variants of it to see what each change does." name="Answers to the pinned questions">
      {(pin, i) => {
        const found = pin as Found;
        return (
          <>
            <div class="lk-text pg-source pg-cut3" dir="auto">
              {visible(found.text)}
            </div>
            <div class="pg-sides">
              {found.models.map((said, m) => {
                const [text, place] = around(found.second, said.answer);
                return (
                  <div key={m} class="pg-side">
                    {models.length > 1 && <Name models={models} m={m} />}
                    <p class="pg-said">
                      <Said said={said} />
                    </p>
                    <Passage text={text} answers={m ? [null, place] : [place]} look={null} name={`Context of pinned question ${i + 1}${models.length > 1 ? `, ${visible(models[m]?.name ?? "")}` : ""}`} />
                  </div>
                );
              })}
            </div>
          </>
        );
      }}
    </PinList>
  );
}
