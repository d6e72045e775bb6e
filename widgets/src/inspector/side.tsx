// Beside the list: class balance and lengths, which filter when clicked, and the findings with their repairs.
import { useRef, useState } from "preact/hooks";
import { count, visible } from "../lib/format";
import { Button, Note, TextInput, useAction, useTrait, useWidth } from "../lib/ui";
import { binsOf, lengthsOf } from "../lib/virtual";
import type { Counted, Door, Facets, Filters, Finding, Length } from "./types";

const MANY = 14; // classes from which they can be searched
const MOST = 300; // that are drawn

export function Classes(props: { labels: Counted[]; chosen: string[]; title: string; toggle(label: string): void }) {
  const [typed, setTyped] = useState("");
  const { labels, chosen } = props;
  const most = Math.max(1, ...labels.map(([, , now]) => now));
  const wanted = typed.toLowerCase();
  const found = labels.filter(([label]) => !wanted || label.toLowerCase().includes(wanted));
  return (
    <section class="di-part" aria-label="Class balance">
      <div class="di-title">
        <h4>{props.title}</h4>
        <span class="lk-quiet">{count(labels.filter(([label]) => label !== "").length)}</span>
      </div>
      {labels.length > MANY && <TextInput type="search" label="Find a class" placeholder="Find a class" value={typed} onInput={setTyped} />}
      <div class="di-classes" tabIndex={labels.length > 10 ? 0 : undefined} role="group" aria-label="Rows of each class" style={{ "--di-digits": `${count(Math.max(0, ...labels.map(([, all]) => all))).length}ch` }}>
        {found.slice(0, MOST).map(([label, all, now]) => (
          <button
            key={label}
            type="button"
            class={`di-class${now ? "" : " lk-quiet"}`}
            aria-pressed={chosen.includes(label)}
            title={`${label || "no label"}: ${count(now)} of ${count(all)} rows`}
            onClick={() => props.toggle(label)}
          >
            <span class={label ? "lk-cut" : "lk-cut lk-quiet"}>{label ? visible(label) : "no label"}</span>
            <span class="di-track" aria-hidden="true">
              <span style={{ width: `${(100 * now) / most}%` }} />
            </span>
            <span class="lk-num">{count(now)}</span>
          </button>
        ))}
        {found.length > MOST && <div class="lk-quiet">and {count(found.length - MOST)} more: search for them</div>}
        {found.length === 0 && <div class="lk-quiet">No class has “{typed}” in its name.</div>}
      </div>
    </section>
  );
}

const HEIGHT = 64;

export function Lengths(props: { lengths: Facets["lengths"]; chosen: Length | undefined; set(length: Length | undefined): void }) {
  const { every, counts, edges, median, p95, max } = props.lengths;
  const [box, width] = useWidth<HTMLDivElement>();
  const [drag, setDrag] = useState<[number, number] | null>(null);
  const start = useRef(-1); // where the pointer went down: the state may be a frame late
  const bins = counts.length;
  const [from, to] = drag ? [Math.min(...drag), Math.max(...drag)] : props.chosen ? binsOf(props.chosen, edges) : [0, bins - 1];
  const limited = drag !== null || props.chosen !== undefined;
  const step = (width || 240) / bins;
  const most = Math.max(1, ...counts);
  const mostEvery = Math.max(1, ...every);
  const at = (event: PointerEvent): number => {
    const left = (event.currentTarget as Element).getBoundingClientRect().left;
    return Math.max(0, Math.min(bins - 1, Math.floor((event.clientX - left) / step)));
  };
  const put = (low: number, high: number) => {
    const length = lengthsOf(Math.min(low, high), Math.max(low, high), edges);
    props.set(length[0] === null && length[1] === null ? undefined : length);
  };
  const limit = (bin: number, end: 0 | 1): string => {
    const length = lengthsOf(bin, bin, edges)[end];
    return length === null ? "no limit" : `${count(length)} characters`;
  };
  const handle = (end: 0 | 1) => {
    const bin = end === 0 ? from : to;
    return (
      <span
        class="di-handle"
        role="slider"
        tabIndex={0}
        aria-label={end === 0 ? "Shortest text" : "Longest text"}
        aria-valuemin={0}
        aria-valuemax={bins - 1}
        aria-valuenow={bin}
        aria-valuetext={limit(bin, end)}
        style={{ left: `${(end === 0 ? from : to + 1) * step}px` }}
        onKeyDown={(event) => {
          const moves: Record<string, number> = { ArrowRight: bin + 1, ArrowUp: bin + 1, ArrowLeft: bin - 1, ArrowDown: bin - 1, Home: 0, End: bins - 1 };
          const wanted = moves[event.key];
          if (wanted === undefined) return;
          event.preventDefault();
          const next = end === 0 ? Math.max(0, Math.min(to, wanted)) : Math.max(from, Math.min(bins - 1, wanted));
          if (end === 0) put(next, to);
          else put(from, next);
        }}
      />
    );
  };
  const said = props.chosen && !drag ? props.chosen : lengthsOf(from, to, edges);
  return (
    <section class="di-part" aria-label="Lengths">
      <div class="di-title">
        <h4>Length</h4>
        <span class="lk-quiet">{(limited && range(said)) || "characters"}</span>
        {props.chosen && (
          <button type="button" class="lk-btn di-small" aria-label="All lengths" onClick={() => props.set(undefined)}>
            All
          </button>
        )}
      </div>
      <div ref={box} class="di-histogram">
        <svg
          width={width}
          height={HEIGHT}
          role="img"
          aria-label={`Histogram of lengths: median ${count(median)}, 95 % up to ${count(p95)}, longest ${count(max)} characters`}
          onPointerDown={(event) => {
            event.currentTarget.setPointerCapture(event.pointerId);
            start.current = at(event);
            setDrag([start.current, start.current]);
          }}
          onPointerMove={(event) => start.current >= 0 && setDrag([start.current, at(event)])}
          onPointerUp={(event) => {
            const begin = start.current;
            if (begin < 0) return;
            start.current = -1;
            setDrag(null);
            const end = at(event);
            const [low, high] = props.chosen ? binsOf(props.chosen, edges) : [-1, -1];
            if (begin === end && low === end && high === end) props.set(undefined);
            else put(begin, end);
          }}
          onPointerCancel={() => {
            start.current = -1;
            setDrag(null);
          }}
        >
          {every.map((n, bin) => {
            const high = n ? Math.max(1, (n / mostEvery) * (HEIGHT - 4)) : 0;
            return <rect key={`e${bin}`} class="di-every" x={bin * step + 0.5} width={Math.max(1, step - 1)} y={HEIGHT - high} height={high} />;
          })}
          {counts.map((n, bin) => {
            const high = n ? Math.max(1.5, (n / most) * (HEIGHT - 4)) : 0;
            const inside = bin >= from && bin <= to;
            return <rect key={bin} class={inside ? "di-now" : "di-now di-out"} x={bin * step + 0.5} width={Math.max(1, step - 1)} y={HEIGHT - high} height={high} />;
          })}
          <line x1={0} x2={width} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} class="di-base" />
        </svg>
        {limited && <span class="di-brush" aria-hidden="true" style={{ left: `${from * step}px`, width: `${(to + 1 - from) * step}px` }} />}
        {handle(0)}
        {handle(1)}
      </div>
      <div class="di-axis" aria-hidden="true">
        <span>0</span>
        <span>median {count(median)}</span>
        <span>{count(edges[bins] ?? 0)}+</span>
      </div>
    </section>
  );
}

/** [10, null] → "10 and more" */
export function range([low, high]: Length): string {
  if (low === null && high === null) return "";
  if (high === null) return `${count(low ?? 0)} and more`;
  return low === null ? `up to ${count(high)}` : low === high ? count(low) : `${count(low)} to ${count(high)}`;
}

const MARKS = { error: ["✖", "Error"], warning: ["▲", "Warning"], info: ["●", "Note"] } as const;
export const words = (name: string): string => name.replaceAll("_", " ");

export function Findings({ bridge, filters, show }: Door & { filters: Filters; show(finding: string | undefined): void }) {
  const [findings] = useTrait(bridge, "findings");
  const [jobs] = useTrait(bridge, "jobs");
  const [about] = useTrait(bridge, "about");
  const [open, setOpen] = useState("");
  const check = jobs["check"];
  const repair = jobs["repair"];
  const start = useAction(() => bridge.call("start_check"));
  const mend = useAction((names: string[]) => bridge.call("start_repair", { names }));
  const undo = useAction(() => bridge.call("undo"));
  const busy = repair?.state === "running" || mend.busy;
  const safe = new Set(findings.filter((one) => one.safe).map((one) => one.repair));
  const steps = about.undo ? about.steps.slice(-1) : [];
  const problem = [mend.error, undo.error, start.error, repair?.state === "failed" ? repair.error : "", check?.state === "failed" ? check.error : ""].find(Boolean);
  return (
    <section class="di-part" aria-label="Findings" aria-busy={check?.state === "running"}>
      <div class="di-title">
        <h4>Findings</h4>
        {check?.state === "done" && <span class="lk-quiet">{findings.length || "none"}</span>}
        {safe.size > 1 && (
          <button type="button" class="lk-btn di-small" disabled={busy} onClick={() => mend.run([])} title={[...safe].map(words).join(", ")}>
            Make {safe.size} safe repairs
          </button>
        )}
      </div>
      {problem && <Note kind="error">{problem}</Note>}
      {steps.map((step) => (
        <div key={step.name} class="di-step" role="status">
          <span class="lk-text">
            {step.text} {count(step.rows)} {step.rows === 1 ? "row" : "rows"}.
          </span>
          <button type="button" class="lk-btn di-small" disabled={undo.busy || busy} onClick={() => undo.run()}>
            Undo
          </button>
        </div>
      ))}
      {busy && <Working text={`Repairing: ${words(repair?.text ?? "")}`} />}
      {check?.state === "running" && <Working text="Checking…" />}
      {!check && about.rows > 0 && (
        <div class="di-ask">
          <span class="lk-quiet">Not checked yet: with {count(about.rows)} rows it takes minutes.</span>
          <Button onClick={start.run} disabled={start.busy}>
            Check now
          </Button>
        </div>
      )}
      {check?.state === "done" && findings.length === 0 && <div class="lk-quiet">Nothing is wrong with these rows.</div>}
      <ul class="di-findings">
        {findings.map((one) => (
          <One
            key={one.name + one.text}
            finding={one}
            open={open === one.name}
            setOpen={(on) => setOpen(on ? one.name : "")}
            shown={filters.finding === one.name}
            show={(on) => show(on ? one.name : undefined)}
            repair={() => mend.run([one.repair])}
            busy={busy}
          />
        ))}
      </ul>
    </section>
  );
}

function Working({ text }: { text: string }) {
  return (
    <div class="di-working" role="status">
      <span class="di-spin" aria-hidden="true" />
      {text}
    </div>
  );
}

function One(props: { finding: Finding; open: boolean; setOpen(on: boolean): void; shown: boolean; show(on: boolean): void; repair(): void; busy: boolean }) {
  const { finding: f, shown } = props;
  const [mark, word] = MARKS[f.severity];
  return (
    <li class={`di-finding di-${f.severity}`}>
      <div class="di-finding-head">
        <span role="img" aria-label={word} title={word}>
          {mark}
        </span>
        <strong>{words(f.name)}</strong>
        {f.unit && (
          <span class="lk-quiet lk-num">
            {count(f.count)} {f.count === 1 ? f.unit.replace(/e?s$/, (end) => (f.unit === "classes" ? "" : end.slice(0, -1))) : f.unit}
          </span>
        )}
      </div>
      <div class="lk-text di-finding-text">{f.text}</div>
      {f.call && !f.repair && <code class="di-call lk-text">{f.call}</code>}
      {(f.rows > 0 || f.repair) && (
        <div class="di-buttons">
          {f.rows > 0 && (
            <button type="button" class="lk-btn di-small" aria-pressed={shown} onClick={() => props.show(!shown)}>
              {shown ? "Showing rows" : "Show rows"}
            </button>
          )}
          {f.repair && (
            <button type="button" class="lk-btn di-small" disabled={props.busy} onClick={props.repair} title={f.call}>
              {capital(words(f.repair))}
            </button>
          )}
          {shown && f.rows < f.of && <span class="lk-quiet">the first {count(f.rows)}</span>}
        </div>
      )}
    </li>
  );
}

const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);
