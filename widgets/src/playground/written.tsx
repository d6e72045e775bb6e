// The playground of a model that writes: its texts, how sure it was of them, and how it is told to write.
import { useMemo, useState } from "preact/hooks";
import type { Bridge } from "../lib/bridge";
import { diff, type Piece } from "../lib/diff";
import { count, percent, visible } from "../lib/format";
import { Segments, useTrait } from "../lib/ui";
import { LineList, Name, PinList, type Model, type Result, type Settings, type Traits } from "./parts";

interface Text {
  text: string;
  tokens: number;
  confidence: number;
  ended: boolean;
}

interface Wrote {
  texts: Text[];
  read: string;
  seconds: number;
  how: Settings;
}

type Found = Result<Wrote>;

const seconds = (n: number): string => (n < 0.1 ? `${Math.max(1, Math.round(1000 * n))} ms` : n < 10 ? `${n.toFixed(1)} s` : `${Math.round(n)} s`);

/** How a text was written, in words. */
function manner(how: Settings): string {
  if (how.samples) return `drawn: temperature ${how.temperature ?? 1}, top p ${how.top_p ?? 1}, seed ${how.seed ?? 0}`;
  return (how.beams ?? 1) > 1 ? `the best of ${how.beams} beams` : "the most probable token each time";
}

function Output({ text, pieces, m, how, name }: { text: Text; pieces: readonly Piece[] | null; m: number; how: Settings; name: string }) {
  const facts = [`${count(text.tokens)} token${text.tokens === 1 ? "" : "s"}`, `confidence ${percent(text.confidence, 0)}`];
  return (
    <div class="pg-output" role="group" aria-label={name}>
      <div class="lk-text" dir="auto">
        {pieces
          ? pieces.map((piece, n) =>
              piece.same ? (
                visible(piece.text)
              ) : (
                <mark key={n} class={`lk-diff pg-only${m}`}>
                  {visible(piece.text)}
                </mark>
              ),
            )
          : visible(text.text)}
        {text.text === "" && <span class="lk-quiet">Nothing: the model ended at once.</span>}
      </div>
      <div class="pg-facts lk-quiet">
        {facts.join(" · ")}
        {!text.ended && <span class="pg-stopped"> · stopped at {count(how.max_new_tokens ?? text.tokens)} tokens</span>}
      </div>
    </div>
  );
}

/** What each model wrote; of two, what only one of them wrote is marked. */
function Sides({ result, models, what }: { result: Found; models: Model[]; what: string }) {
  const [a, b] = result.models;
  const pieces = useMemo(() => (a?.texts.length === 1 && b?.texts.length === 1 ? diff(a.texts[0]?.text ?? "", b.texts[0]?.text ?? "") : null), [a, b]);
  return (
    <div class="pg-sides">
      {result.models.map((said, m) => (
        <div key={m} class="pg-side">
          {models.length > 1 && <Name models={models} m={m} />}
          {said.texts.map((text, n) => (
            <Output
              key={n}
              text={text}
              pieces={pieces?.[m] ?? null}
              m={m}
              how={said.how}
              name={`${what}${said.texts.length > 1 ? ` ${n + 1}` : ""}${models.length > 1 ? ` of ${visible(models[m]?.name ?? "")}` : ""}`}
            />
          ))}
        </div>
      ))}
    </div>
  );
}

function Verdict({ result }: { result: Found }) {
  const [a, b] = result.models;
  if (a?.texts.length !== 1 || b?.texts.length !== 1) return null;
  const equal = a.texts[0]?.text === b.texts[0]?.text;
  return <p class={`pg-verdict ${equal ? "" : "pg-differ"}`}>{equal ? "Both write the same." : "They differ where it is marked."}</p>;
}

export function WrittenResult({ result: given, models }: { result: Result; models: Model[] }) {
  const result = given as Found;
  const [open, setOpen] = useState(false);
  const first = result.models[0];
  if (!first) return null;
  const took = result.models.reduce((sum, said) => sum + said.seconds, 0);
  return (
    <div class="lk-body">
      <Verdict result={result} />
      <Sides result={result} models={models} what="Output" />
      <div class="pg-how lk-quiet">
        {visible(manner(first.how))} · {seconds(took)}
        <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? "Hide what the model read" : "What the model read"}
        </button>
      </div>
      {open &&
        result.models.map((said, m) => (
          <div key={m}>
            {models.length > 1 && <Name models={models} m={m} />}
            <pre class="lk-text pg-read" dir="auto" tabIndex={0} aria-label="What the model read">
              {visible(said.read)}
            </pre>
          </div>
        ))}
    </div>
  );
}

export function WrittenLines({ results, models, pin }: { results: Result[]; models: Model[]; pin(result: Result): void }) {
  return (
    <LineList results={results} pin={pin}>
      {(result, n) => (
        <>
          <div class="lk-text pg-source pg-cut3" dir="auto">
            {visible(result.text)}
          </div>
          <Sides result={result as Found} models={models} what={`Output of line ${n + 1}`} />
        </>
      )}
    </LineList>
  );
}

export function WrittenPins({ bridge, models }: { bridge: Bridge<Traits>; models: Model[] }) {
  return (
    <PinList
      bridge={bridge}
      hint="Pin a text to keep what was written; pin variants, or the same with other settings, and compare."
      name="What was written for the pinned texts"
    >
      {(pin, i) => (
        <>
          <div class="lk-text pg-source pg-cut3" dir="auto">
            {visible(pin.text)}
          </div>
          <Sides result={pin as Found} models={models} what={`Output of pinned text ${i + 1}`} />
          <div class="pg-facts lk-quiet">{visible(manner((pin as Found).models[0]?.how ?? {}))}</div>
        </>
      )}
    </PinList>
  );
}

// -- settings ------------------------------------------------------------------------------------------------------------------

interface Number_ {
  name: keyof Settings;
  label: string;
  low: number;
  high: number;
  step: number;
  help: string;
}

const LENGTH: Number_ = { name: "max_new_tokens", label: "New tokens", low: 1, high: 100_000, step: 1, help: "tokens to write at most" };
const BEAMS: Number_ = { name: "beams", label: "Beams", low: 1, high: 100, step: 1, help: "of the search; 1: the most probable token each time" };
const DRAWN: Number_[] = [
  { name: "samples", label: "Samples", low: 1, high: 20, step: 1, help: "texts to draw for each input" },
  { name: "temperature", label: "Temperature", low: 0.05, high: 5, step: 0.05, help: "below 1 more probable, above 1 more surprising" },
  { name: "top_p", label: "Top p", low: 0.01, high: 1, step: 0.01, help: "drawn from the most probable tokens that make up this share" },
  { name: "seed", label: "Seed", low: 0, high: 2 ** 31, step: 1, help: "another one gives other texts" },
];
const UNSET: Settings = { temperature: 1, top_p: 1, seed: 0 };
const FIRST: Settings = { samples: 3, temperature: 0.8, top_p: 0.95, seed: 0 };

export function HowToWrite({ bridge }: { bridge: Bridge<Traits> }) {
  const [writing, setWriting] = useTrait(bridge, "writing");
  const [usual] = useTrait(bridge, "usual");
  const drawn = Boolean(writing.samples);
  const length = writing.max_new_tokens === undefined ? {} : { max_new_tokens: writing.max_new_tokens };
  const set = (name: keyof Settings, value: number | undefined) => {
    const { [name]: _, ...rest } = writing;
    setWriting(value === undefined ? rest : { ...rest, [name]: value });
  };
  return (
    <div class="pg-settings" role="group" aria-label="How it writes">
      <Segments
        label="Searched or drawn"
        value={drawn ? "drawn" : "searched"}
        options={[["searched", "Most probable"], ["drawn", "Drawn"]] as const}
        onChange={(next) => setWriting(next === "drawn" ? { ...length, ...FIRST } : length)}
      />
      {(drawn ? DRAWN : [BEAMS]).map((one) => (
        <Quantity key={one.name} of={one} value={writing[one.name]} usual={usual[one.name] ?? UNSET[one.name]} set={(value) => set(one.name, value)} />
      ))}
      <Quantity of={LENGTH} value={writing.max_new_tokens} usual={usual.max_new_tokens} set={(value) => set("max_new_tokens", value)} />
    </div>
  );
}

/** A number; left empty it is what the recipe says, which stands there in grey. */
function Quantity({ of, value, usual, set }: { of: Number_; value: number | undefined; usual: number | undefined; set(value: number | undefined): void }) {
  return (
    <label class="pg-quantity" title={of.help}>
      <span>{of.label}</span>
      <input
        class="lk-input"
        type="number"
        min={of.low}
        max={of.high}
        step={of.step}
        value={value ?? ""}
        placeholder={usual === undefined ? "" : String(usual)}
        aria-label={of.label}
        onChange={(event) => {
          const typed = event.currentTarget.value.trim();
          const number = Number(typed);
          if (typed === "" || !Number.isFinite(number)) set(undefined);
          else {
            const held = Math.min(of.high, Math.max(of.low, of.step === 1 ? Math.round(number) : number));
            event.currentTarget.value = String(held);
            set(held);
          }
        }}
      />
    </label>
  );
}
