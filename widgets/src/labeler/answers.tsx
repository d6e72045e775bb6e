// Mode "answers": the question, the context with the answers marked in it, and the list of them.
import { useEffect, useRef } from "preact/hooks";
import type { Answer, Example, Value } from "../lib/desk";
import { visible } from "../lib/format";
import { fromPoints, snap, toPoints, type Selected, type Span, type Stretch } from "../lib/spans";
import { offsets, size } from "./stage";

/** The answers in a value; null where they are not known. */
export const answersOf = (value: Value): Answer[] | null => (Array.isArray(value) ? value.filter((one): one is Answer => typeof one !== "string" && "text" in one) : null);

const same = (one: Answer, other: Answer): boolean => one.start === other.start && one.text === other.text;

/** Answers as stretches of the text, in the browser's positions. */
export const stretchesOf = (text: string, answers: readonly Answer[]): Span[] =>
  fromPoints(text, answers.map((one) => ({ start: one.start, end: one.start + Array.from(one.text).length, label: "" })));

/** Answers with one more, which may overlap others: each is acceptable for itself. */
export function accepted(text: string, answers: readonly Answer[], [start, end]: Stretch): Answer[] {
  const [point] = toPoints(text, [{ start, end, label: "" }]);
  const fresh = { start: point!.start, text: text.slice(start, end) };
  return answers.some((one) => same(one, fresh)) ? [...answers] : [...answers, fresh];
}

/** Answers without those that a stretch touches. */
export function untouched(text: string, answers: readonly Answer[], [start, end]: Stretch): Answer[] {
  const at = stretchesOf(text, answers);
  return answers.filter((_, n) => at[n]!.end <= start || at[n]!.start >= end);
}

interface Piece {
  start: number;
  end: number;
  /** How many answers it lies in. */
  depth: number;
  proposed: boolean;
  selected: boolean;
}

/** The text cut where an answer, the suggestion or the selection begins or ends. */
export function cut(text: string, answers: readonly Span[], proposed: readonly Span[], selected: Stretch | null): Piece[] {
  const inside = (one: { start: number; end: number }, start: number, end: number) => one.start <= start && one.end >= end;
  const at = new Set([0, text.length, ...[...answers, ...proposed].flatMap(({ start, end }) => [start, end]), ...(selected ?? [])]);
  const cuts = [...at].filter((one) => one <= text.length).sort((a, b) => a - b);
  return cuts.slice(1).map((end, i) => {
    const start = cuts[i] ?? 0;
    return {
      start,
      end,
      depth: answers.filter((one) => inside(one, start, end)).length,
      proposed: proposed.some((one) => inside(one, start, end)),
      selected: selected !== null && inside({ start: selected[0], end: selected[1] }, start, end),
    };
  });
}

export function Context(props: {
  example: Example;
  answers: Answer[];
  proposed: Answer[];
  selected: Selected | null;
  onSelect(stretch: Stretch): void;
  onWhole(): void;
}) {
  const { example, selected } = props;
  const { text } = example;
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const first = box.current?.querySelector<HTMLElement>(".lb-answer");
    if (first) first.scrollIntoView({ block: "nearest" });
    else if (box.current) box.current.scrollTop = 0;
  }, [example.row_id]);
  useEffect(() => box.current?.querySelector(".lb-selected")?.scrollIntoView({ block: "nearest" }), [selected]);
  const drawn = (event: PointerEvent) => {
    const range = box.current && offsets(box.current);
    const found = range && snap(text, range[0], range[1], !event.altKey);
    if (found) props.onSelect(found);
  };
  const stretch: Stretch | null = selected && [selected.start, selected.end];
  return (
    <>
      <div class="lb-question lk-text" dir="auto">
        {example.text_pair || <span class="lk-quiet">This row has no question.</span>}
      </div>
      <div class={`lb-text lb-context ${size(Math.max(example.length, 200))}`} ref={box} tabIndex={0} role="group" aria-label="Context" onPointerUp={drawn}>
        <div class="lk-text" dir="auto">
          {cut(text, stretchesOf(text, props.answers), stretchesOf(text, props.proposed), stretch).map((piece) => {
            const kind = [piece.selected && "lb-selected", piece.proposed && "lb-hinted"].filter(Boolean).join(" ");
            const words = (
              <span key={piece.start} data-start={piece.start} class={kind || undefined}>
                {text.slice(piece.start, piece.end)}
              </span>
            );
            return piece.depth ? (
              <mark key={piece.start} class={`lb-answer ${piece.depth > 1 ? "lb-twice" : ""}`}>
                {words}
              </mark>
            ) : (
              words
            );
          })}
        </div>
        {example.length > Array.from(text).length && (
          <button type="button" class="lk-btn lb-more" onClick={props.onWhole}>
            Show all {example.length.toLocaleString("en-US")} characters
          </button>
        )}
        {!text && <span class="lk-quiet">This row has no context.</span>}
      </div>
    </>
  );
}

/** What is marked now, beside what the data says. */
export function AnswerList(props: { value: Value; given: Value; decided: boolean; none(): void; remove(answer: Answer): void; restore(): void }) {
  const { value, given, decided } = props;
  const answers = answersOf(value);
  const own = answersOf(given);
  const differs = JSON.stringify(answers?.map((one) => [one.start, one.text])) !== JSON.stringify(own?.map((one) => [one.start, one.text]));
  return (
    <div class="lb-labels lb-answers">
      <div class="lk-label">{answers && answers.length > 1 ? "Acceptable answers" : "Answer"}</div>
      <div class="lb-list" role="group" aria-label="Answers" tabIndex={-1}>
        {answers?.map((one) => (
          <div key={`${one.start} ${one.text}`} class="lb-given">
            <span class="lb-name" dir="auto">
              {visible(one.text)}
            </span>
            {own?.some((other) => same(one, other)) && <span class="lb-p">in data</span>}
            <button type="button" class="lk-btn lk-ghost" tabIndex={-1} title="Remove (Delete)" aria-label={`Remove the answer “${visible(one.text).slice(0, 60)}”`} onClick={() => props.remove(one)}>
              ×
            </button>
          </div>
        ))}
        {answers === null && <p class="lk-quiet">Select the answer in the context, and further ones that are acceptable as well. Press 0 where it holds none.</p>}
        <button type="button" class="lb-label" aria-pressed={answers?.length === 0} onClick={props.none}>
          <kbd class="lk-kbd">0</kbd>
          <span class="lb-name">No answer</span>
          {own?.length === 0 && <span class="lb-p">in data</span>}
          {answers?.length === 0 && decided && <span aria-hidden="true">✓</span>}
        </button>
      </div>
      {own !== null && differs && (
        <div class="lb-indata">
          <span class="lk-quiet">In the data</span>
          <span class="lb-name" dir="auto">
            {own.map((one) => visible(one.text)).join(" · ") || "no answer"}
          </span>
          <button type="button" class="lk-btn" onClick={props.restore}>
            Mark these again
          </button>
        </div>
      )}
    </div>
  );
}
