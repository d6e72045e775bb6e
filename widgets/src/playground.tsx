// A model to play with: what it makes of a text, pinned variants, two models side by side.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Bridge } from "./lib/bridge";
import { count, visible } from "./lib/format";
import { Button, Check, Code, Empty, Note, useAction, useAsked, useDebounced, useTrait, widget } from "./lib/ui";
import { AnswerLines, AnswerPins, AnswerResult } from "./playground/answers";
import { Bars, Lines, Pins } from "./playground/labels";
import { MaskLines, MaskPins, MaskResult } from "./playground/masks";
import { LONG, tokens, type Labelled, type Model, type Result, type Traits } from "./playground/parts";
import { ScoreLines, ScorePins, ScoreResult } from "./playground/scores";
import { SpanLines, SpanPins, SpanResult } from "./playground/spans";
import { HowToWrite, WrittenLines, WrittenPins, WrittenResult } from "./playground/written";

type Door = { bridge: Bridge<Traits> };

const FOLLOW: Record<Traits["view"], string> = {
  labels: "Type on the left: the probabilities follow.",
  scores: "Type on the left: the score follows.",
  spans: "Type on the left: the entities follow.",
  answers: "Type a question on the left: the answer follows.",
  written: "Type on the left and press Write.",
  masks: "Type on the left, with a mask where a word is to be guessed.",
};

/** The arguments of a prediction, as a key; empty where there is nothing to ask. */
function asking(bridge: Bridge<Traits>, text: string, second: string): string {
  const [view, lines, paired] = [bridge.get("view"), bridge.get("lines"), bridge.get("paired")];
  const parts = lines ? text.split("\n").filter((line) => line.trim()) : text.trim() ? [text] : [];
  if (parts.length === 0 || (view === "answers" && !second.trim())) return "";
  if (view === "written") return JSON.stringify({ texts: parts, writing: bridge.get("writing") });
  if (!paired) return JSON.stringify({ texts: parts });
  if (view === "answers") return JSON.stringify({ texts: parts, seconds: second });
  const pairs = lines ? parts.map((line) => line.split("\t")) : [[text, second]];
  return JSON.stringify({ texts: pairs.map((pair) => pair[0] ?? ""), seconds: pairs.map((pair) => pair[1] ?? "") });
}

function App({ bridge }: Door) {
  const [text, setText] = useTrait(bridge, "text");
  const [second, setSecond] = useTrait(bridge, "second");
  const [lines, setLines] = useTrait(bridge, "lines");
  const [writing, setWriting] = useTrait(bridge, "writing");
  const [examples] = useTrait(bridge, "examples");
  const [models] = useTrait(bridge, "models");
  const [paired] = useTrait(bridge, "paired");
  const [view] = useTrait(bridge, "view");
  const [asks] = useTrait(bridge, "asks");
  const [mask] = useTrait(bridge, "mask");
  const [state] = useTrait(bridge, "state");
  const [typed, setTyped] = useState(text);
  const [typedSecond, setTypedSecond] = useState(second);
  const own = useRef([text, second]); // what was set from here
  const late = useDebounced(typed, 350);
  const lateSecond = useDebounced(typedSecond, 350);
  const keep = (one: string, other: string) => {
    own.current = [one, other];
    if (one !== bridge.get("text")) setText(one);
    if (other !== bridge.get("second")) setSecond(other);
  };
  useEffect(() => keep(late, bridge.get("second")), [late]);
  useEffect(() => keep(bridge.get("text"), lateSecond), [lateSecond]);
  useEffect(() => setTyped(text), [text]);
  useEffect(() => setTypedSecond(second), [second]);

  // writing takes a while: it waits for a press, unless the text came from elsewhere
  const waits = view === "written";
  const now = asking(bridge, waits ? typed : text, waits ? typedSecond : second);
  const [pressed, setPressed] = useState(now);
  useEffect(() => {
    if (text !== own.current[0]) setPressed(asking(bridge, text, second));
    own.current = [text, second];
  }, [text]);
  const key = waits ? pressed : now;
  const asked = useAsked(key, () => (key ? bridge.call<Result[]>("predict", JSON.parse(key) as Record<string, unknown>, LONG) : Promise.resolve<Result[]>([])));
  const pin = useAction((one: string, other: string) => bridge.call("pin", { text: one, second: other }, LONG));
  const predict = () => {
    keep(typed, typedSecond);
    if (waits && now === pressed && asked.error) asked.again();
    setPressed(now);
  };
  const again = () => {
    setWriting({ ...writing, seed: (writing.seed ?? 0) + 1 });
    keep(typed, typedSecond);
    setPressed(asking(bridge, typed, typedSecond));
  };
  const box = useRef<HTMLTextAreaElement>(null);
  const insert = () => {
    const [from, to] = [box.current?.selectionStart ?? typed.length, box.current?.selectionEnd ?? typed.length];
    const next = `${typed.slice(0, from)}${mask}${typed.slice(to)}`;
    setTyped(next);
    keep(next, typedSecond);
    requestAnimationFrame(() => {
      box.current?.focus();
      box.current?.setSelectionRange(from + mask.length, from + mask.length);
    });
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      predict();
    }
  };
  const results = asked.value ?? [];
  const one = results[0];
  const context = view === "answers";
  const stale = waits && results.length > 0 && now !== pressed && !asked.busy;
  const label = lines ? (context ? "Questions, one a line" : "Texts, one a line") : asks;
  const kept = (result: Result) => void pin.run(result.text, result.second);

  const quick = view === "labels" || view === "scores" || view === "spans";
  const Pinned = { labels: Pins, scores: ScorePins, spans: SpanPins, answers: AnswerPins, written: WrittenPins, masks: MaskPins }[view];

  return (
    <>
      <div class="lk-head">
        <h3>Playground</h3>
        {models.map((model, m) => (
          <Head key={m} models={models} model={model} m={m} dots={models.length > 1 && view !== "spans"} />
        ))}
      </div>
      <div class={`lk-split ${lines || !quick ? "pg-even" : ""}`}>
        <div class="pg-in">
          <textarea
            class={`lk-input pg-text ${context ? "pg-short" : ""}`}
            rows={context ? (lines ? 4 : 2) : 6}
            value={typed}
            ref={box}
            aria-label={label}
            placeholder={lines ? (context ? "One question a line" : "One text a line") : quick ? "Type or paste a text" : asks}
            dir="auto"
            spellcheck={false}
            onInput={(event) => setTyped(event.currentTarget.value)}
            onKeyDown={onKey}
          />
          {paired && (context || !lines) && (
            <textarea
              class="lk-input pg-text"
              rows={context ? 9 : 3}
              value={typedSecond}
              aria-label={context ? "Context" : "Second text"}
              placeholder={context ? "The text that may hold the answer" : "Second text"}
              dir="auto"
              spellcheck={false}
              onInput={(event) => setTypedSecond(event.currentTarget.value)}
              onKeyDown={onKey}
            />
          )}
          {waits && <HowToWrite bridge={bridge} />}
          <div class="pg-tools">
            <Button kind="primary" disabled={waits && (!now || asked.busy)} onClick={predict}>
              {waits ? (asked.busy && key ? "Writing…" : "Write") : "Predict"}
            </Button>
            {waits && Boolean(writing.samples) && (
              <Button disabled={!now || asked.busy} title="With the next seed" onClick={again}>
                Draw others
              </Button>
            )}
            {view === "masks" && (
              <Button onClick={insert} label={`Insert ${mask} at the cursor`}>
                Insert {visible(mask)}
              </Button>
            )}
            {!lines && (
              <Button disabled={!typed.trim() || (context && !typedSecond.trim()) || pin.busy} onClick={() => void pin.run(typed, typedSecond)}>
                Pin
              </Button>
            )}
            <Check checked={lines} onChange={setLines}>
              Each line is a {context ? "question" : "text"}
            </Check>
            <span class="lk-quiet pg-tokens">{!lines && one ? tokens(one, view) : <span class="lk-kbd">Ctrl Enter</span>}</span>
          </div>
          {!lines && one?.note && <div class="pg-cutnote">{one.note}</div>}
          {pin.error && <Note kind="error">{pin.error}</Note>}
          {examples.length > 0 && (
            <div class="pg-examples" role="group" aria-label="Examples">
              {examples.map((example, n) => (
                <button key={n} type="button" class="lk-btn lk-ghost lk-cut" title={visible(example)} onClick={() => setText(example)}>
                  {visible(example)}
                </button>
              ))}
            </div>
          )}
        </div>
        <div class={`lk-scroll pg-out ${quick ? "" : "pg-tall"}`} tabIndex={0} role="group" aria-label="What the model says" aria-busy={asked.busy}>
          {asked.error ? (
            <Note kind="error">{asked.error}</Note>
          ) : context && text.trim() && !second.trim() ? (
            <Empty title="No context yet">Paste the text that may hold the answer.</Empty>
          ) : !key ? (
            <Empty title={context ? "No question yet" : "No text yet"}>{FOLLOW[view]}</Empty>
          ) : !one ? (
            <Empty title={state !== "ready" ? "Loading the model…" : waits ? "Writing…" : "Thinking…"} />
          ) : (
            <div class={stale || (waits && asked.busy) ? "pg-stale" : ""}>
              {stale && <p class="pg-staleness">Text or settings have changed since: press Write.</p>}
              <Said bridge={bridge} results={results} models={models} pin={kept} />
            </div>
          )}
        </div>
      </div>
      <Pinned bridge={bridge} models={models} />
      <div class="lk-foot">
        <span aria-live="polite">
          {state === "loading" ? "Loading the model…" : state === "idle" ? "The model is loaded at the first text." : "Model loaded."}
        </span>
        <Code bridge={bridge} />
      </div>
    </>
  );
}

/** What the models say of one text, or of several lines. */
function Said({ bridge, results, models, pin }: Door & { results: Result[]; models: Model[]; pin(result: Result): void }) {
  const [view] = useTrait(bridge, "view");
  const [lines] = useTrait(bridge, "lines");
  const many = { results, models, pin };
  const one = { result: results[0] as Result, models };
  switch (view) {
    case "labels":
      return lines ? <Lines results={results as Result<Labelled>[]} models={models} pin={pin} /> : <Bars result={one.result as Result<Labelled>} models={models} />;
    case "scores":
      return lines ? <ScoreLines {...many} /> : <ScoreResult {...one} />;
    case "spans":
      return lines ? <SpanLines {...many} /> : <SpanResult {...one} />;
    case "answers":
      return lines ? <AnswerLines {...many} /> : <AnswerResult {...one} />;
    case "written":
      return lines ? <WrittenLines {...many} /> : <WrittenResult {...one} />;
    case "masks":
      return lines ? <MaskLines {...many} bridge={bridge} /> : <MaskResult {...one} bridge={bridge} />;
  }
}

function Head({ models, model, m, dots }: { models: Model[]; model: Model; m: number; dots: boolean }) {
  const scratch = typeof model.scratch === "number";
  const rows = scratch && model.scratch ? `trained from scratch on ${count(model.scratch)} row${model.scratch === 1 ? "" : "s"}` : "trained from scratch";
  return (
    <>
      <span class="lk-chip">
        {dots && <i class={`pg-dot pg-m${m}`} aria-hidden="true" />}
        {visible(model.name)}
      </span>
      {scratch && (
        <span class="lk-chip lk-chip-warn" title={`${models.length > 1 ? `${visible(model.name)}: its` : "Its"} base model was untrained: it knows nothing but these rows.`}>
          {rows}
        </span>
      )}
    </>
  );
}

export default widget<Traits>("Playground", App);
