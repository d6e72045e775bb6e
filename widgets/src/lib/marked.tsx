// A text with labelled spans marked in it: the type is written behind each span, its confidence shows on hover and focus.
import { useState } from "preact/hooks";
import { percent, visible } from "./format";
import { glued, hue, spoken, stretches, type Mark } from "./marks";

const ROOM = 32; // characters of a last word and of the type behind it that stay on one line

interface Shown {
  text: string;
  marks: readonly Mark[];
  /** All types; their order gives the colours. */
  labels: readonly string[];
  name: string;
  /** What marks with an `error` carry. */
  sign?: string;
  /** Whether its style lets it scroll. */
  scrolls?: boolean;
}

/** One tab stop for the marks of a text; the arrow keys go from mark to mark. */
export function Marked({ text, marks, labels, name, sign = "✕", scrolls }: Shown) {
  const [stop, setStop] = useState(0);
  const found = stretches(text, marks);
  const points = Array.from(text);
  const order = new Map(found.flatMap((one) => one.ends).map((at, n) => [at, n]));
  const onKey = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    const tags = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>(".lk-tag")];
    const to = tags.indexOf(event.target as HTMLElement) + step;
    if (!tags[to] || event.target === event.currentTarget) return;
    event.preventDefault();
    setStop(to);
    tags[to].focus();
  };
  return (
    <div class="lk-text lk-marked" dir="auto" role="group" aria-label={name} tabIndex={scrolls ? 0 : undefined} onKeyDown={onKey}>
      {found.map((one, n) => {
        const outer = marks[one.inside[0] ?? -1];
        if (!outer) return visible(one.text);
        const inner = marks[one.inside[1] ?? -1];
        const colour = (mark: Mark) => hue(labels.indexOf(mark.label));
        const tags = one.ends.map((at) => {
          const mark = marks[at] as Mark;
          const sure = typeof mark.confidence === "number" ? percent(mark.confidence, 0) : "";
          const label = spoken(points.slice(mark.start, mark.end).join(""), mark);
          return (
            <span
              key={at}
              class={`lk-tag ${sure ? "lk-sure" : ""}`}
              role="img"
              tabIndex={order.get(at) === Math.min(stop, order.size - 1) ? 0 : -1}
              aria-label={label}
              title={label}
              style={{ "--hue": colour(mark) }}
              onFocus={() => setStop(order.get(at) ?? 0)}
            >
              <span class="lk-tag-type">
                {mark.error && `${sign} `}
                {visible(mark.label)}
              </span>
              {sure && <span class="lk-tag-sure">{sure}</span>}
            </span>
          );
        });
        const [words, last] = glued(one.text, tags.length ? ROOM - (marks[one.ends[0] ?? -1]?.label.length ?? 0) : 0);
        return (
          <mark key={n} class={`lk-mark ${outer.error ? "lk-off" : ""} ${inner ? "lk-twice" : ""}`} style={{ "--hue": colour(outer), ...(inner ? { "--inner": colour(inner) } : {}) }}>
            {visible(words)}
            {last ? (
              <span class="lk-glue">
                {visible(last)}
                {tags}
              </span>
            ) : (
              tags
            )}
          </mark>
        );
      })}
    </div>
  );
}

/** Which colour is which type; of many types, those that occur. */
export function Types({ labels, marks }: { labels: readonly string[]; marks: readonly Mark[] }) {
  const there = new Set(marks.map((mark) => mark.label));
  const shown = labels.length <= 12 ? labels : labels.filter((label) => there.has(label));
  return (
    <div class="lk-types" role="group" aria-label="Types of entities">
      {shown.map((label) => (
        <span key={label} class="lk-cut">
          <i style={{ "--hue": hue(labels.indexOf(label)) }} aria-hidden="true" />
          {visible(label)}
        </span>
      ))}
    </div>
  );
}
