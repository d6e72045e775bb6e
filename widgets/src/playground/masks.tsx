// The playground of a masked language model: what may stand in the place of each mask, and putting it there.
import { useMemo } from "preact/hooks";
import type { Bridge } from "../lib/bridge";
import { percent, visible } from "../lib/format";
import { Note, useAction } from "../lib/ui";
import { LineList, Name, PinList, type Model, type Result, type Traits } from "./parts";

interface Filled {
  fillers: { token: string; probability: number }[][];
  filled: string | null;
}

type Found = Result<Filled>;

const BESIDE = 28; // characters on each side of a mask that say which one it is

/** The text around each mask. */
function places(result: Found): [string, string][] {
  const points = Array.from(result.text);
  return (result.masks ?? []).map(([start, end]) => {
    const from = Math.max(0, start - BESIDE);
    const to = Math.min(points.length, end + BESIDE);
    return [`${from > 0 ? "…" : ""}${points.slice(from, start).join("")}`, `${points.slice(end, to).join("")}${to < points.length ? "…" : ""}`];
  });
}

function Fillers({ result, models, fill }: { result: Found; models: Model[]; fill?(mask: number, filler: string): void }) {
  const around = useMemo(() => places(result), [result]);
  if (around.length === 0) return <p class="pg-nothing lk-quiet">No mask in the text.</p>;
  return (
    <div class="pg-masks">
      {around.map(([before, after], at) => (
        <section key={at} aria-label={`Mask ${at + 1}`}>
          <div class="lk-text pg-place" dir="auto">
            {visible(before)}
            <span class="pg-gap">{around.length > 1 ? at + 1 : "?"}</span>
            {visible(after)}
          </div>
          <div class="pg-sides">
            {result.models.map((said, m) => (
              <div key={m} class="pg-side">
                {models.length > 1 && <Name models={models} m={m} />}
                {!said.fillers[at] && <p class="pg-nothing lk-quiet">The model does not read so far.</p>}
                <ol class="pg-others pg-fillers" aria-label={`Fillers of mask ${at + 1}${models.length > 1 ? ` of ${visible(models[m]?.name ?? "")}` : ""}`}>
                  {said.fillers[at]?.map(({ token, probability }, n) => {
                    const bar = (
                      <>
                        <span class="lk-cut" dir="auto">
                          {visible(token) || "(nothing)"}
                        </span>
                        <span class="pg-line">
                          <span class="pg-track">
                            <i class={`pg-m${m}`} style={{ width: `${100 * probability}%` }} />
                          </span>
                          <span class="lk-num">{percent(probability)}</span>
                        </span>
                      </>
                    );
                    return (
                      <li key={n}>
                        {fill ? (
                          <button type="button" aria-label={`Fill in ${visible(token)}, ${percent(probability)}`} title="Put it into the text" onClick={() => fill(at, token)}>
                            {bar}
                          </button>
                        ) : (
                          <div>{bar}</div>
                        )}
                      </li>
                    );
                  })}
                </ol>
              </div>
            ))}
          </div>
        </section>
      ))}
    </div>
  );
}

export function MaskResult({ result, models, bridge }: { result: Result; models: Model[]; bridge: Bridge<Traits> }) {
  const fill = useAction((mask: number, filler: string) => bridge.call("fill", { mask, filler }));
  return (
    <div class="lk-body">
      {fill.error && <Note kind="error">{fill.error}</Note>}
      <Fillers result={result as Found} models={models} fill={(mask, filler) => void fill.run(mask, filler)} />
    </div>
  );
}

export function MaskLines({ results, models, bridge, pin }: { results: Result[]; models: Model[]; bridge: Bridge<Traits>; pin(result: Result): void }) {
  const fill = useAction((line: number, mask: number, filler: string) => bridge.call("fill", { line, mask, filler }));
  return (
    <>
      {fill.error && <Note kind="error">{fill.error}</Note>}
      <LineList results={results} pin={pin}>
        {(result, n) => (
          <>
            {!result.masks?.length && (
              <div class="lk-text pg-source pg-cut3" dir="auto">
                {visible(result.text)}
              </div>
            )}
            <Fillers result={result as Found} models={models} fill={(mask, filler) => void fill.run(n, mask, filler)} />
          </>
        )}
      </LineList>
    </>
  );
}

export function MaskPins({ bridge, models }: { bridge: Bridge<Traits>; models: Model[] }) {
  return (
    <PinList bridge={bridge} hint="Pin a text to keep it; pin variants of it to see what each change does to the fillers." name="Fillers of the pinned texts">
      {(pin) => <Fillers result={pin as Found} models={models} />}
    </PinList>
  );
}
