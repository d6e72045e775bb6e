// One example: its text (with spans in mode "spans"), its suggestion, and the labels with their keys.
import { useEffect, useRef } from "preact/hooks";
import type { ComponentChildren } from "preact";
import type { Example, Suggestion, Value } from "../lib/desk";
import { percent, visible } from "../lib/format";
import { hue } from "../lib/marks";
import { fromPoints, pieces, type Selected, type Span } from "../lib/spans";

export const namesIn = (value: Value): string[] =>
  value === null ? [] : typeof value === "string" ? [value] : value.map((one) => (typeof one === "string" ? one : "label" in one ? one.label : one.text));

/** How a value is read: `nothing` where it is unknown, `none` where it is an empty list. */
export const inWords = (value: Value, none = "none of them", nothing = "no label"): string => (value === null ? nothing : namesIn(value).map(visible).join(", ") || none);

/** As `inWords`, for a mode of the labeler. */
export const spell = (mode: string) => (value: Value): string => (mode === "answers" ? inWords(value, "no answer", "not known") : mode === "text" ? inWords(value, "–", "no text") : inWords(value));

/** Long texts are set smaller. */
export const size = (length: number): string => (length < 160 ? "lb-large" : length < 600 ? "lb-medium" : "lb-small");

export function Meta({ example, total }: { example: Example; total: number }) {
  return (
    <div class="lb-meta">
      <span class="lk-cut lb-id">{visible(example.row_id)}</span>
      <span>{example.place >= 0 ? `${(example.place + 1).toLocaleString("en-US")} of ${total.toLocaleString("en-US")}` : "outside the queue"}</span>
      <span>{example.split}</span>
      {Object.entries(example.beside).map(([name, value]) => (
        <span key={name} class="lk-chip" title={`${visible(name)}: ${visible(value)}`}>
          {visible(name)}: {visible(value) || "–"}
        </span>
      ))}
      <span class="lb-marks">
        {example.flag && <span class="lk-chip lk-chip-warn">⚑ flagged</span>}
        {example.skipped && <span class="lk-chip">skipped</span>}
        {example.excluded && <span class="lk-chip lk-chip-warn">left out</span>}
        {example.decided && <span class="lk-chip lk-chip-good">decided</span>}
      </span>
    </div>
  );
}

export function TextBox(props: {
  example: Example;
  spans: Span[] | null;
  labels: string[];
  selected: Selected | null;
  /** Characters from and to; whether whole words are meant. */
  onSelect(start: number, end: number, whole: boolean): void;
  onRemove(span: Span): void;
  onWhole(): void;
}) {
  const { example, spans, labels, selected } = props;
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (ref.current) ref.current.scrollTop = 0;
  }, [example.row_id]);
  useEffect(() => {
    ref.current?.querySelector(".lb-selected")?.scrollIntoView({ block: "nearest" });
  }, [selected]);
  const drawn = (event: PointerEvent) => {
    const range = spans && ref.current ? offsets(ref.current) : null;
    if (range) props.onSelect(range[0], range[1], !event.altKey);
  };
  return (
    <div class={`lb-text ${size(example.length)}`} ref={ref} tabIndex={0} role="group" aria-label="Text of the example" onPointerUp={drawn}>
      <div class="lk-text" dir="auto">
        {spans === null
          ? example.text
          : pieces(example.text.length, spans, selected ? [selected.start, selected.end] : null).map((piece) => {
              const span = spans[piece.span];
              const text = (
                <span key={piece.start} data-start={piece.start} class={piece.selected ? "lb-selected" : undefined}>
                  {example.text.slice(piece.start, piece.end)}
                </span>
              );
              if (!span) return text;
              return (
                <mark key={piece.start} class="lb-span" style={{ "--hue": hue(labels.indexOf(span.label)) }}>
                  {text}
                  {piece.last && (
                    <button
                      type="button"
                      class="lb-tag"
                      tabIndex={-1}
                      title="Remove this span (Delete)"
                      aria-label={`Remove ${visible(span.label)} from “${visible(example.text.slice(span.start, span.end)).slice(0, 60)}”`}
                      onClick={() => props.onRemove(span)}
                    >
                      {visible(span.label)} <span aria-hidden="true">×</span>
                    </button>
                  )}
                </mark>
              );
            })}
      </div>
      {example.length > Array.from(example.text).length && (
        <button type="button" class="lk-btn lb-more" onClick={props.onWhole}>
          Show all {example.length.toLocaleString("en-US")} characters
        </button>
      )}
      {example.text_pair !== null && (
        <div class="lk-text lb-pair" dir="auto">
          {example.text_pair}
        </div>
      )}
      {!example.text && example.text_pair === null && <span class="lk-quiet">This row has no text.</span>}
    </div>
  );
}

/** Where the browser's own selection lies in the text; null where it is empty or elsewhere. */
export function offsets(box: HTMLElement): [number, number] | null {
  const chosen = window.getSelection();
  if (!chosen || chosen.isCollapsed || chosen.rangeCount === 0) return null;
  const range = chosen.getRangeAt(0);
  const from = offset(box, range.startContainer, range.startOffset, false);
  const to = offset(box, range.endContainer, range.endOffset, true);
  chosen.removeAllRanges(); // ours is drawn in its place
  return from === null || to === null || from >= to ? null : [from, to];
}

function offset(box: HTMLElement, node: Node, at: number, end: boolean): number | null {
  const element = node instanceof Element ? node : node.parentElement;
  if (!element || !box.contains(element)) return end ? Number.MAX_SAFE_INTEGER : 0;
  const piece = element.closest<HTMLElement>("[data-start]");
  if (piece && node.nodeType === Node.TEXT_NODE) return Number(piece.dataset["start"]) + at;
  // between pieces: the nearest piece before the point
  let found = 0;
  const range = document.createRange();
  range.setStart(box, 0);
  range.setEnd(node, at);
  for (const one of box.querySelectorAll<HTMLElement>("[data-start]")) {
    if (!range.intersectsNode(one)) break;
    found = Number(one.dataset["start"]) + (one.textContent?.length ?? 0);
  }
  return found;
}

/** What the model says, in a line of constant height. */
export function Suggested({ suggestion, words = inWords, children }: { suggestion: Suggestion | null; words?: (value: Value) => string; children: ComponentChildren }) {
  return (
    <div class="lb-suggestion">
      <span class="lk-quiet">{suggestion ? "Model" : "No suggestion for this row"}</span>
      {suggestion && (
        <>
          <b class="lk-cut" dir="auto">
            {words(suggestion.value)}
          </b>
          {suggestion.confidence !== null && <span class="lk-quiet">{percent(suggestion.confidence, 0)}</span>}
          {children}
        </>
      )}
    </div>
  );
}

export function Labels(props: {
  labels: string[];
  keys: string[];
  /** Marked now. */
  value: string[];
  given: string[];
  suggestion: Suggestion | null;
  coloured: boolean;
  decided: boolean;
  find: string;
  setFind(text: string): void;
  input: { current: HTMLInputElement | null };
  choose(label: string, isNew: boolean): void;
  leave(): void;
}) {
  const { labels, keys, value, given, suggestion, find } = props;
  const sought = find.trim().toLowerCase();
  const shown = labels.map((label, at) => [label, at] as const).filter(([label]) => label.toLowerCase().includes(sought));
  const exact = labels.includes(find.trim());
  const probable = new Map(suggestion?.scores ?? []);
  const proposed = new Set(suggestion ? namesIn(suggestion.value) : []);
  const pick = (label: string, isNew: boolean) => {
    props.setFind("");
    props.choose(label, isNew);
    props.leave();
  };
  return (
    <div class="lb-labels">
      <input
        ref={props.input}
        class="lk-input"
        type="search"
        aria-label="Find or add a label"
        placeholder="Find or add a label  ( / )"
        value={find}
        spellcheck={false}
        onInput={(event) => props.setFind(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && sought) {
            const first = exact ? find.trim() : shown[0]?.[0];
            pick(first ?? find.trim(), first === undefined);
          } else if (event.key === "Escape") {
            props.setFind("");
            props.leave();
          } else return;
          event.preventDefault();
          event.stopPropagation();
        }}
      />
      <div class="lb-list" role="group" aria-label="Labels" tabIndex={-1}>
        {shown.map(([label, at]) => {
          const marked = value.includes(label);
          const p = probable.get(label);
          return (
            <button
              key={label}
              type="button"
              class={`lb-label${proposed.has(label) ? " lb-proposed" : ""}`}
              aria-pressed={marked}
              style={{ ...(props.coloured ? { "--hue": hue(at) } : {}), ...(p ? { "--p": `${100 * p}%` } : {}) }}
              onClick={() => pick(label, false)}
            >
              <kbd class="lk-kbd">{keys[at] ? keys[at]!.toUpperCase() : " "}</kbd>
              {props.coloured && <span class="lb-dot" aria-hidden="true" />}
              <span class="lk-cut lb-name" title={visible(label)}>
                {visible(label)}
              </span>
              {given.includes(label) && !(marked && props.decided) && <span class="lb-p">in data</span>}
              {p !== undefined && p >= 0.005 && <span class="lb-p">{percent(p, 0)}</span>}
              {marked && props.decided && <span aria-hidden="true">✓</span>}
            </button>
          );
        })}
        {sought && !exact && (
          <button type="button" class="lb-label lb-proposed" onClick={() => pick(find.trim(), true)}>
            <kbd class="lk-kbd">{shown.length ? "+" : "↵"}</kbd>
            <span class="lk-cut lb-name">New label “{visible(find.trim())}”</span>
          </button>
        )}
        {labels.length === 0 && !sought && <p class="lk-quiet">No labels yet: type the first one above and press Enter.</p>}
      </div>
    </div>
  );
}

/** The guidelines: headings (#), list items (-) and paragraphs; **so** is bold. Everything is text. */
export function Guidelines({ text }: { text: string }) {
  return (
    <div class="lb-guide lk-text" tabIndex={0} role="region" aria-label="Guidelines">
      {text.split("\n").map((line, at) => {
        const [, sign = "", rest = ""] = /^\s*(#+|[-*](?=\s))?\s*(.*)$/.exec(visible(line)) ?? [];
        return (
          <p key={at} class={sign.startsWith("#") ? "lb-heading" : sign && "lb-item"}>
            {rest.split("**").map((part, i) => (i % 2 ? <b key={i}>{part}</b> : part))}
          </p>
        );
      })}
    </div>
  );
}

/** Spans of a value, in the browser's positions. */
export const spansOf = (text: string, value: Value): Span[] =>
  Array.isArray(value) ? fromPoints(text, value.filter((one): one is Span => typeof one !== "string" && "label" in one)) : [];
