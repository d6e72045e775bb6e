// The playground of a model for regression: a score for a text, or for a pair.
import type { Bridge } from "../lib/bridge";
import { fixed, visible } from "../lib/format";
import { LineList, Name, PinList, type Model, type Result, type Traits } from "./parts";

interface Scored {
  score: number;
}

type Found = Result<Scored>;

function Scores({ result, models }: { result: Found; models: Model[] }) {
  return (
    <div class="pg-sides">
      {result.models.map((said, m) => (
        <div key={m} class="pg-side">
          {models.length > 1 && <Name models={models} m={m} />}
          <b class="pg-score">{fixed(said.score)}</b>
        </div>
      ))}
    </div>
  );
}

export function ScoreResult({ result, models }: { result: Result; models: Model[] }) {
  const found = result as Found;
  const [a, b] = found.models;
  return (
    <div class="lk-body">
      {a && b && <p class="pg-verdict">They are {fixed(Math.abs(a.score - b.score))} apart.</p>}
      <Scores result={found} models={models} />
    </div>
  );
}

function Texts({ result }: { result: Result }) {
  return (
    <>
      {[result.text, ...(result.second ? [result.second] : [])].map((text, n) => (
        <div key={n} class="lk-text pg-source pg-cut3" dir="auto">
          {visible(text)}
        </div>
      ))}
    </>
  );
}

export function ScoreLines({ results, models, pin }: { results: Result[]; models: Model[]; pin(result: Result): void }) {
  return (
    <LineList results={results} pin={pin}>
      {(result) => (
        <>
          <Texts result={result} />
          <Scores result={result as Found} models={models} />
        </>
      )}
    </LineList>
  );
}

export function ScorePins({ bridge, models }: { bridge: Bridge<Traits>; models: Model[] }) {
  return (
    <PinList bridge={bridge} hint="Pin a text to keep it; pin variants of it to see what each change does to the score." name="Scores of the pinned texts">
      {(pin) => (
        <>
          <Texts result={pin} />
          <Scores result={pin as Found} models={models} />
        </>
      )}
    </PinList>
  );
}
