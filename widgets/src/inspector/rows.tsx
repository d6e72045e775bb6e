// The list of rows: a window on rows that are fetched page by page, with a cursor and a selection.
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Bridge } from "../lib/bridge";
import { count, visible } from "../lib/format";
import { Latest } from "../lib/latest";
import { Empty } from "../lib/ui";
import { START, anchored, canvas, drawn, pages, scrolled, showing, type Scroll, type Sizes } from "../lib/virtual";
import type { Traits } from "../data_inspector";
import type { Filters, Look, Order, Row } from "./types";

export const PAGE = 100;
const ROW = 28;
const HEADER = 30;
const NARROW = 560; // pixels below which the split is left out, so that there is room for the text
const KEPT = 40; // pages
const EMPTY: Row = { id: "", split: "", labels: [], length: 0, ratio: null, cells: [], extra: [], selected: false, score: null };

/** The rows in view, as far as they are here. */
export interface Rows {
  revision: number;
  count: number;
  extra: string[];
  pages: Map<number, Row[]>;
  /** Changes with filters and order: the list then begins at its top. */
  turn: number;
}

export interface Want {
  filters: Filters;
  sort: Order;
}

/** Filters and order as the person last wanted them, the rows that the latest answer gave, and what went wrong. */
export function useRows(bridge: Bridge<Traits>) {
  const [want, setWant] = useState<Want>(() => ({ filters: bridge.get("filters"), sort: bridge.get("sort") }));
  const [rows, setRows] = useState<Rows | null>(null);
  const [error, setError] = useState("");
  const now = useRef({ rows, first: 0 });
  const [asks] = useState(() => {
    const show = (next: Rows) => {
      now.current.rows = next;
      setRows(next);
    };
    type Asked = { want: Want | null };
    const looks = new Latest<Asked, Look>(
      ({ want: wanted }) => {
        const offset = wanted ? 0 : Math.floor(now.current.first / PAGE) * PAGE;
        return bridge.call<Look>("look", { ...(wanted ?? {}), offset, size: PAGE });
      },
      (look, asked) => {
        const old = now.current.rows;
        const kept = bridge.get("filters");
        const order = bridge.get("sort");
        const turn = JSON.stringify([kept, order]);
        if (!looks.busy) setWant({ filters: kept, sort: order });
        setError("");
        const first = look.offset / PAGE;
        show({
          revision: look.revision,
          count: look.count,
          extra: look.extra,
          pages: new Map([[first, look.rows]]),
          turn: old && !asked.want && look.count === old.count ? old.turn : (old?.turn ?? 0) + (turn === last ? 0 : 1),
        });
        last = turn;
      },
      (problem) => setError(problem.message),
    );
    let last = "";
    const more = new Latest<number[], Look>(
      (wanted) => bridge.call<Look>("look", { offset: wanted[0]! * PAGE, size: wanted.length * PAGE }),
      (look) => {
        const old = now.current.rows;
        if (!old || look.revision !== old.revision) return;
        const held = new Map([...old.pages].slice(-KEPT));
        for (let at = 0; at < look.rows.length; at += PAGE) held.set((look.offset + at) / PAGE, look.rows.slice(at, at + PAGE));
        show({ ...old, pages: held });
      },
      (problem) => setError(problem.message),
    );
    return { looks, more };
  });
  useEffect(() => {
    asks.looks.put({ want: null });
    const told = () => {
      if (!asks.looks.busy && bridge.get("revision") !== now.current.rows?.revision) asks.looks.put({ want: null });
    };
    return bridge.watch("revision", told);
  }, [bridge]);
  const go = (next: Partial<Want>) => {
    const whole = { ...want, ...next };
    setWant(whole);
    asks.looks.put({ want: whole });
  };
  /** Fetch what is missing of a stretch. */
  const need = (first: number, last: number) => {
    now.current.first = first;
    const held = now.current.rows;
    if (!held || asks.looks.busy) return;
    const missing = pages(first, Math.min(last, held.count), PAGE).filter((page) => !held.pages.has(page));
    if (missing.length) asks.more.put(missing);
  };
  return { want, go, rows, error, need };
}

interface Props {
  bridge: Bridge<Traits>;
  rows: Rows | null;
  need(first: number, last: number): void;
  sort: Order;
  setSort(sort: Order): void;
  selection: readonly string[];
  selected: number;
  current: string;
  setCurrent(id: string): void;
  splits: boolean;
  labels: boolean;
  /** Name and title of the columns with what a row says. */
  texts: readonly (readonly [string, string])[];
  ratio: boolean;
  fail(message: string): void;
  clear(): void;
}

export function RowList(props: Props) {
  const { bridge, rows, sort, current } = props;
  const box = useRef<HTMLDivElement>(null);
  const id = useId();
  const [scroll, setScroll] = useState<Scroll>(START);
  const [view, setView] = useState(380);
  const [narrow, setNarrow] = useState(false);
  const [cursor, setCursor] = useState(-1);
  const anchor = useRef(-1); // where a range begins
  const settle = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const sizes: Sizes = { rows: rows?.count ?? 0, row: ROW, view };
  const [first, last] = drawn(scroll, sizes);

  const to = (next: Scroll) => {
    setScroll(next);
    const element = box.current;
    if (element && Math.abs(element.scrollTop - (next.top + next.shift)) >= 1) element.scrollTop = next.top + next.shift;
  };
  const onScroll = () => {
    const element = box.current;
    if (!element) return;
    setScroll((old) => scrolled(old, element.scrollTop, sizes));
    clearTimeout(settle.current);
    settle.current = setTimeout(() => setScroll((old) => {
      const next = anchored(old, sizes);
      if (Math.abs(element.scrollTop - (next.top + next.shift)) >= 1) element.scrollTop = next.top + next.shift;
      return next;
    }), 150);
  };
  useEffect(() => () => clearTimeout(settle.current), []);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => {
      setView(Math.max(ROW, element.clientHeight - HEADER));
      setNarrow(element.clientWidth < NARROW);
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    anchor.current = -1;
    setCursor(-1);
    to(START);
  }, [rows?.turn]);
  useEffect(() => props.need(first, last), [first, last, rows]);

  const rowAt = (index: number): Row | undefined => rows?.pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  // a row that Python shows, or that a list of similar ones named, is brought into view
  useEffect(() => {
    if (!current || rowAt(cursor)?.id === current) return;
    let stale = false;
    bridge.call<number | null>("where", { row_id: current }).then(
      (at) => {
        if (stale || at === null) return;
        setCursor(at);
        to(showing(at, scroll, sizes));
      },
      () => undefined, // the detail says what is wrong with this id
    );
    return () => {
      stale = true;
    };
  }, [current, rows?.turn, rows === null]);

  const act = (name: string, args: Record<string, unknown>) => {
    bridge.call(name, args).then(() => props.fail(""), (error: Error) => props.fail(error.message));
  };
  const marked = new Set(props.selection);
  const isSelected = (row: Row): boolean => (props.selected > 1000 ? row.selected : marked.has(row.id));
  const choose = (index: number, event: { shiftKey: boolean; ctrlKey: boolean; metaKey: boolean }, toggle = false) => {
    const row = rowAt(index);
    if (!row) return;
    const add = event.ctrlKey || event.metaKey || toggle;
    if (event.shiftKey && anchor.current >= 0) act("select_range", { first: anchor.current, last: index, how: add ? "add" : "only" });
    else {
      anchor.current = index;
      act("select", { row_ids: [row.id], how: add ? "toggle" : "only" });
    }
    setCursor(index);
    if (!toggle) props.setCurrent(row.id);
  };
  const late = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const onKey = (event: KeyboardEvent) => {
    if (event.target !== box.current || !rows?.count) return;
    const leap = Math.max(1, Math.floor(view / ROW) - 1);
    const steps: Record<string, number> = {
      ArrowDown: cursor + 1,
      ArrowUp: cursor - 1,
      PageDown: cursor + leap,
      PageUp: cursor - leap,
      Home: 0,
      End: rows.count - 1,
    };
    const wanted = steps[event.key];
    if (wanted !== undefined) {
      const next = Math.max(0, Math.min(rows.count - 1, wanted));
      if (event.shiftKey) {
        if (anchor.current < 0) anchor.current = Math.max(0, cursor);
        act("select_range", { first: anchor.current, last: next, how: "only" });
      } else anchor.current = -1;
      setCursor(next);
      to(showing(next, scroll, sizes));
      clearTimeout(late.current);
      // with a key held down only the row where it stops is shown in full
      late.current = setTimeout(() => {
        const row = rowAt(next);
        if (row) props.setCurrent(row.id);
      }, 80);
    } else if (event.key === " ") choose(cursor, { shiftKey: false, ctrlKey: true, metaKey: false }, true);
    else if (event.key === "Enter") {
      const row = rowAt(cursor);
      if (row) props.setCurrent(row.id);
    } else if (event.key === "a" && (event.ctrlKey || event.metaKey)) act("select_all", {});
    else if (event.key === "Escape") act("select_none", {});
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const turnBy = (name: string) => {
    const own = sort.length === 1 && sort[0]?.[0] === name ? sort[0][1] : "";
    props.setSort(own === "" ? [[name, "ascending"]] : own === "ascending" ? [[name, "descending"]] : []);
  };
  const splits = props.splits && !narrow;
  // a narrow list has room for the first two: the rest stands in the row in full
  const texts = narrow ? props.texts.slice(0, 2) : props.texts;
  const scored = [...(rows?.pages.values() ?? [])].some((page) => page.some((row) => row.score !== null));
  const shown: number[] = [];
  for (let index = first; index < last; index++) shown.push(index);
  // as wide as what has been here so far, so that the text gets the rest
  const widths = useRef({ turn: -1, longest: {} as Record<string, number> });
  if (widths.current.turn !== rows?.turn) widths.current = { turn: rows?.turn ?? -1, longest: {} };
  const room = (name: string, of: (row: Row) => string, least: number, most: number): string => {
    const { longest } = widths.current;
    for (const index of shown) longest[name] = Math.max(longest[name] ?? 0, of(rowAt(index) ?? EMPTY).length);
    return `${Math.round(Math.max(least, Math.min(most, 10 + 6.8 * (longest[name] ?? 0))))}px`;
  };
  type Column = [name: string, title: string, kind: string, width: string];
  const columns: Column[] = [
    ["row_id", "Row", "di-id", room("id", (row) => row.id, 44, 120)],
    ...(splits ? [["split", "Split", "di-split", room("split", (row) => row.split, 40, 90)] as Column] : []),
    ...(props.labels ? [["label", "Label", "di-label", room("label", (row) => `${row.labels.join("  ")}  `, 60, narrow ? 104 : 170)] as Column] : []),
    ["length", "Length", "di-length lk-num", "52px"],
    ...(props.ratio ? [["length_ratio", "Ratio", "di-length lk-num", "44px"] as Column] : []),
    ...(scored ? [["", "Similarity", "di-score lk-num", "60px"] as Column] : []),
    ...(rows?.extra ?? []).map((name, at): Column => [name, name, "di-extra", room(`extra ${name}`, (row) => row.extra[at] ?? "", 60, 130)]),
    ...texts.map(([name, title], at): Column => [name === "answers" ? "" : name, title, "di-text", texts.length === 1 ? "minmax(120px, 1fr)" : name === "answers" ? "minmax(60px, 2fr)" : at === 0 ? "minmax(90px, 3fr)" : "minmax(80px, 3fr)"]),
  ];

  return (
    <div
      ref={box}
      class="di-grid"
      role="grid"
      tabIndex={0}
      aria-label="Rows"
      aria-multiselectable="true"
      aria-rowcount={(rows?.count ?? 0) + 1}
      aria-busy={rows === null}
      data-turn={rows?.turn ?? -1}
      aria-activedescendant={cursor >= first && cursor < last ? `${id}-${cursor}` : undefined}
      style={{ "--di-columns": `20px ${columns.map(([, , , width]) => width).join(" ")}` }}
      onScroll={onScroll}
      onKeyDown={onKey}
    >
      <div class="di-line di-heads" role="row" aria-rowindex={1}>
        <span role="columnheader" class="di-mark">
          <span class="lk-sr">Selected</span>
        </span>
        {columns.map(([name, title, kind]) => {
          const place = sort.findIndex(([column]) => column === name);
          const direction = place < 0 ? "" : sort[place]![1];
          return (
            <span key={title} role="columnheader" class={kind} aria-sort={direction ? (direction as "ascending" | "descending") : undefined}>
              {name ? (
                <button type="button" class="di-sort" onClick={() => turnBy(name)} title={`Sort by ${title}`}>
                  <span class="lk-cut">{visible(title)}</span>
                  <span aria-hidden="true">{direction ? (direction === "ascending" ? "▲" : "▼") : ""}</span>
                </button>
              ) : (
                title
              )}
            </span>
          );
        })}
      </div>
      <div class="di-canvas" role="rowgroup" style={{ height: `${canvas(sizes)}px` }}>
        {shown.map((index) => {
          const row = rowAt(index);
          const place = { top: `${index * ROW + scroll.shift}px` };
          if (!row) return <div key={index} class="di-line di-row di-waits" role="row" aria-rowindex={index + 2} style={place} />;
          const on = isSelected(row);
          return (
            <div
              key={index}
              id={`${id}-${index}`}
              class={`di-line di-row${index === cursor ? " di-cursor" : ""}`}
              role="row"
              aria-rowindex={index + 2}
              aria-selected={on}
              style={place}
              onClick={(event) => choose(index, event)}
            >
              <span
                role="gridcell"
                class="di-mark"
                onClick={(event) => {
                  event.stopPropagation();
                  choose(index, event, true);
                }}
              >
                <span class="di-box" aria-hidden="true">
                  {on ? "✓" : ""}
                </span>
              </span>
              <span role="gridcell" class="di-id lk-cut">
                {visible(row.id)}
              </span>
              {splits && (
                <span role="gridcell" class="di-split lk-cut">
                  {visible(row.split)}
                </span>
              )}
              {props.labels && (
                <span role="gridcell" class="di-label">
                  {row.labels.length ? (
                    row.labels.map((label) => (
                      <span key={label} class="lk-chip">
                        {visible(label)}
                      </span>
                    ))
                  ) : (
                    <span class="lk-quiet">–</span>
                  )}
                </span>
              )}
              <span role="gridcell" class="di-length lk-num">
                {count(row.length)}
              </span>
              {props.ratio && (
                <span role="gridcell" class="di-length lk-num">
                  {row.ratio === null ? "–" : row.ratio.toFixed(2)}
                </span>
              )}
              {scored && (
                <span role="gridcell" class="di-score lk-num">
                  {row.score === null ? "" : row.score.toFixed(3)}
                </span>
              )}
              {(rows?.extra ?? []).map((name, at) => (
                <span key={name} role="gridcell" class="di-extra lk-cut">
                  {row.extra[at] === null || row.extra[at] === undefined ? "–" : visible(row.extra[at] ?? "")}
                </span>
              ))}
              {texts.map(([name], at) => (
                <span key={name} role="gridcell" class={`di-text lk-cut${row.cells[at] ? "" : " lk-quiet"}`}>
                  <bdi>{row.cells[at] === "" ? "empty" : visible(row.cells[at] ?? "–")}</bdi>
                </span>
              ))}
            </div>
          );
        })}
      </div>
      {rows === null ? (
        <div class="di-over">
          <Empty title="Reading the rows…" />
        </div>
      ) : rows.count === 0 ? (
        <div class="di-over">
          <Empty title="No row passes these filters">
            <button type="button" class="lk-btn" onClick={props.clear}>
              Clear filters
            </button>
          </Empty>
        </div>
      ) : null}
    </div>
  );
}
