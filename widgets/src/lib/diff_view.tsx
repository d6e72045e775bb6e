// One of two texts that are compared, with what the other one has not marked.
import { diff, type Piece } from "./diff";
import { visible } from "./format";

/** A text in pieces; `which` gives the colour: of what is true, or of what was written. */
export function Pieces({ pieces, which, name }: { pieces: readonly Piece[]; which: "true" | "said"; name: string }) {
  return (
    <div class="lk-text" dir="auto" role="group" aria-label={name}>
      {pieces.map((piece, n) =>
        piece.same ? (
          visible(piece.text)
        ) : (
          <mark key={n} class={`lk-diff lk-diff-${which}`}>
            {visible(piece.text)}
          </mark>
        ),
      )}
      {pieces.length === 0 && <span class="lk-quiet">nothing</span>}
    </div>
  );
}

/** What should have been written, and below it what was. */
export function Differences({ reference, predicted }: { reference: string; predicted: string }) {
  const [wanted, said] = diff(reference, predicted);
  return (
    <div class="lk-diffs">
      <section>
        <h4>
          <i class="lk-diff-true" aria-hidden="true" /> Should be
        </h4>
        <Pieces pieces={wanted} which="true" name="What should have been written" />
      </section>
      <section>
        <h4>
          <i class="lk-diff-said" aria-hidden="true" /> Written
        </h4>
        <Pieces pieces={said} which="said" name="What was written" />
      </section>
    </div>
  );
}
