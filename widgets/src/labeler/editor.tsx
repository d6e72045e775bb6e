// Mode "text": the source, the text that is edited, and how it differs from that of the data.
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { diff, type Piece } from "../lib/diff";
import type { Example } from "../lib/desk";
import { useDebounced } from "../lib/ui";
import { size } from "./stage";

const Pieces = ({ pieces, kind }: { pieces: Piece[]; kind: "del" | "ins" }) => (
  <>
    {pieces.map((piece, at) => {
      if (piece.same) return <span key={at}>{piece.text}</span>;
      return kind === "del" ? <del key={at}>{piece.text}</del> : <ins key={at}>{piece.text}</ins>;
    })}
  </>
);

/** What was taken out of the text of the data, and what was put in. */
function Changes({ before, now }: { before: string; now: string }) {
  const late = useDebounced(now, 120);
  const [a, b] = useMemo(() => diff(before, late), [before, late]);
  const alike = before === late;
  return (
    <div class="lb-changes" tabIndex={0} role="group" aria-label="Changes">
      {!before ? (
        <span class="lk-quiet">The data has no text here.</span>
      ) : alike ? (
        <span class="lk-quiet">As in the data.</span>
      ) : (
        <>
          <span class="lk-label">In the data</span>
          <div class="lk-text" dir="auto">
            <Pieces pieces={a} kind="del" />
          </div>
          <span class="lk-label">Now</span>
          <div class="lk-text" dir="auto">
            {late ? <Pieces pieces={b} kind="ins" /> : <span class="lk-quiet">(empty)</span>}
          </div>
        </>
      )}
    </div>
  );
}

export function Editor(props: {
  example: Example;
  /** What is edited, in a word. */
  name: string;
  text: string;
  draft: boolean;
  input: { current: HTMLTextAreaElement | null };
  onInput(text: string): void;
  save(): void;
  leave(): void;
  onWhole(): void;
}) {
  const { example, text } = props;
  const raw = props.name === "Text"; // nothing that it is written from
  const before = typeof example.given === "string" ? example.given : "";
  const source = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    for (const box of [source.current, props.input.current]) if (box) box.scrollTop = 0;
  }, [example.row_id]);
  const changes = <Changes key={example.row_id} before={before} now={text} />;
  return (
    <div class={raw ? "lb-work lb-raw" : "lb-work"}>
      {!raw && (
        <div class="lb-side">
          <span class="lk-label">Source</span>
          <div class={`lb-text lb-source ${size(Math.max(example.length, 200))}`} ref={source} tabIndex={0} role="group" aria-label="Source">
            <div class="lk-text" dir="auto">
              {example.text || <span class="lk-quiet">This row has no source.</span>}
            </div>
            {example.length > Array.from(example.text).length && (
              <button type="button" class="lk-btn lb-more" onClick={props.onWhole}>
                Show all {example.length.toLocaleString("en-US")} characters
              </button>
            )}
          </div>
        </div>
      )}
      <div class="lb-side">
        <span class="lk-label lb-edited">
          {props.name}
          {props.draft && <span class="lk-chip lk-chip-warn">draft, not saved</span>}
        </span>
        <textarea
          ref={props.input}
          class={`lk-input lb-editor ${size(Math.max(text.length, 200))}`}
          aria-label={props.name}
          dir="auto"
          spellcheck={false}
          placeholder={`Write the ${props.name.toLowerCase()}`}
          value={text}
          onInput={(event) => props.onInput(event.currentTarget.value)}
          onKeyDown={(event) => {
            event.stopPropagation(); // what is typed is text, and no shortcut
            if (event.isComposing) return;
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
              event.preventDefault();
              if (!event.repeat) props.save();
            } else if (event.key === "Escape") {
              event.preventDefault();
              props.leave();
            }
          }}
        />
        {!raw && changes}
      </div>
      {raw && (
        <div class="lb-side">
          <span class="lk-label">Changes</span>
          {changes}
        </div>
      )}
    </div>
  );
}
