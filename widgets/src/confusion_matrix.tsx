// A confusion matrix: paths for the cells, labels that stay in sight, and the rows behind whatever is clicked.
import { useMemo, useRef, useState } from "preact/hooks";
import type { Bridge } from "./lib/bridge";
import { count, fixed, percent, visible } from "./lib/format";
import { LEGIBLE, Matrix, colSentence, fit, labelRoom, moved, paths, picture, rowSentence, sentence, step, strengthOf, tints, unit, written, type MatrixData } from "./lib/matrix";
import { fileName, png, save } from "./lib/save";
import { Button, Check, Code, Empty, Note, Segments, Select, useAction, useAsked, useTrait, useWidth, widget, type BaseTraits } from "./lib/ui";

type Picked = Partial<Record<"true" | "predicted" | "found" | "missed" | "false_alarm", string>>;

interface Traits extends BaseTraits {
  split: string;
  values: "counts" | "shares";
  order: string;
  focus: boolean;
  picked: Picked;
  selection: string[];
  matrix: MatrixData;
}

interface Example {
  row_id: string;
  text: string | null;
  true: string;
  predicted: string;
  confidence: number;
  loss: number;
  other?: string;
}

interface Page {
  rows: Example[];
  of: number;
  note: string;
}

type Door = { bridge: Bridge<Traits> };

const ORDERS = [
  ["given", "As given"],
  ["frequency", "By frequency"],
  ["errors", "Most errors first"],
  ["similarity", "Confused side by side"],
] as const;

function App({ bridge }: Door) {
  const [data] = useTrait(bridge, "matrix");
  const [values, setValues] = useTrait(bridge, "values");
  const [order, setOrder] = useTrait(bridge, "order");
  const [focus, setFocus] = useTrait(bridge, "focus");
  const [split, setSplit] = useTrait(bridge, "split");
  const [picked] = useTrait(bridge, "picked");
  const pick = useAction((cell: Picked) => (data.entities ? Promise.resolve() : bridge.call("pick", { ...cell })));
  const [zoom, setZoom] = useState<number | "whole" | null>(null);
  const matrix = useMemo(() => (data.multi_label ? null : new Matrix(data)), [data]);
  const download = useAction(async (kind: string) => {
    const name = fileName("confusion", data.name, data.compare, split);
    if (kind === "csv" || !matrix) save(`${name}.csv`, await bridge.call<string>("csv"), "text/csv");
    else if (kind === "svg") save(`${name}.svg`, picture(matrix, values, focus).svg, "image/svg+xml");
    else save(`${name}.png`, await png(picture(matrix, values, focus)));
  });
  const size = useRef(LEGIBLE);
  const orders = data.multi_label ? ORDERS.slice(0, 3) : ORDERS;

  return (
    <>
      <div class="lk-head">
        <h3>Confusion matrix</h3>
        {data.name && <span class="lk-chip">{visible(data.name)}</span>}
        {data.compare && (
          <>
            <span class="lk-quiet">→</span>
            <span class="lk-chip lk-chip-accent">{visible(data.compare)}</span>
          </>
        )}
      </div>
      <div class="lk-tools">
        <Segments
          label="Values"
          value={values}
          options={[
            ["counts", "Counts"],
            ["shares", "Shares"],
          ]}
          onChange={setValues}
        />
        <Select label="Order of the classes" value={order} options={orders} onChange={setOrder} />
        {data.splits.length > 1 && <Select label="Split" value={split} options={data.splits} onChange={setSplit} />}
        {matrix && (
          <Check checked={focus} onChange={setFocus}>
            Errors only
          </Check>
        )}
        <span class="cm-end">
          {matrix && (
            <span class="cm-zoom" role="group" aria-label="Size of the cells">
              <Button label="Smaller cells" onClick={() => setZoom(step(size.current, -1))}>
                −
              </Button>
              <Button label="Bigger cells" onClick={() => setZoom(step(size.current, 1))}>
                +
              </Button>
              <Button label="The whole matrix at once" pressed={zoom === "whole"} onClick={() => setZoom(zoom === "whole" ? null : "whole")}>
                Fit
              </Button>
            </span>
          )}
          <span class="cm-zoom" role="group" aria-label="Download">
            <Button label="Download as CSV" onClick={() => void download.run("csv")}>
              CSV
            </Button>
            {matrix && (
              <>
                <Button label="Download as SVG picture" onClick={() => void download.run("svg")}>
                  SVG
                </Button>
                <Button label="Download as PNG picture" onClick={() => void download.run("png")}>
                  PNG
                </Button>
              </>
            )}
          </span>
        </span>
      </div>
      {(download.error || pick.error) && <Note kind="error">{download.error || pick.error}</Note>}
      {matrix ? (
        <div class={`${data.pairs.length ? "cm-split" : ""} ${data.entities ? "cm-still" : ""}`}>
          <Board matrix={matrix} values={values} focus={focus} picked={picked} pick={pick.run} zoom={zoom} setZoom={setZoom} size={size} />
          {data.pairs.length > 0 && <Pairs data={data} picked={picked} pick={pick.run} />}
        </div>
      ) : (
        <PerLabel data={data} values={values} picked={picked} pick={pick.run} />
      )}
      <Examples bridge={bridge} data={data} picked={picked} split={split} clear={() => void pick.run({})} />
      <div class="lk-foot">
        <Legend data={data} />
        <Code bridge={bridge} />
      </div>
    </>
  );
}

// -- the matrix ----------------------------------------------------------------------------------------------------------------

interface Spot {
  kind: "cell" | "row" | "col";
  row: number;
  col: number;
}

const TOTALS = 66;
const px = (n: number): string => `${n}px`;

function Board(props: {
  matrix: Matrix;
  values: string;
  focus: boolean;
  picked: Picked;
  pick(cell: Picked): void;
  zoom: number | "whole" | null;
  setZoom(zoom: number | "whole" | null): void;
  size: { current: number };
}) {
  const { matrix, values, focus, picked, pick, zoom, setZoom } = props;
  const [ref, width] = useWidth<HTMLDivElement>();
  const scroller = useRef<HTMLDivElement>(null);
  const [hover, setHover] = useState<Spot | null>(null);
  const [cursor, setCursor] = useState({ row: 0, col: 0 });
  const [focused, setFocused] = useState(false);
  const [id] = useState(() => `cm-${Math.random().toString(36).slice(2)}`); // several matrices may be on one page
  const { k, labels, totals } = matrix;
  const last = k - 1;
  const at = { row: Math.min(cursor.row, last), col: Math.min(cursor.col, last) };

  const left = labelRoom(labels, Math.max(72, Math.min(200, width * 0.28)));
  const top = labelRoom(labels, 150);
  const size = typeof zoom === "number" ? zoom : fit(k, Math.max(0, width - left - TOTALS - 18), zoom === "whole");
  props.size.current = size;
  const side = size * k;
  const legible = size >= LEGIBLE;
  const type = Math.min(12, size - 1);

  const tinted = useMemo(() => tints(matrix, values, focus), [matrix, values, focus]);
  const drawing = useMemo(
    () => paths(tinted, size).map(({ hue, level, d }) => <path key={hue + level} d={d} style={{ fill: `color-mix(in srgb, var(--cm-${hue}) ${strengthOf(hue, level)}%, var(--bg))` }} />),
    [tinted, size],
  );
  const numbers = useMemo(() => {
    if (size < 19) return null;
    return [...tinted.keys()]
      .map((cell) => ({ cell, text: written(matrix, cell, values) }))
      .filter(({ text }) => text.length * 6.6 + 3 <= size)
      .map(({ cell, text }) => (
        <text key={cell.row * k + cell.col} x={(cell.col + 0.5) * size} y={(cell.row + 0.5) * size}>
          {text}
        </text>
      ));
  }, [tinted, size]);
  const rowLabels = useMemo(
    () =>
      legible &&
      labels.map((label, p) => (
        <div key={p} class="cm-label lk-cut" style={{ top: px(p * size), height: px(size), lineHeight: px(size) }} title={visible(label)}>
          {visible(label)}
        </div>
      )),
    [labels, size],
  );
  const colLabels = useMemo(
    () =>
      legible &&
      labels.map((label, p) => (
        <div key={p} class="cm-label lk-cut" style={{ left: px(p * size), width: px(size), lineHeight: px(size) }} title={visible(label)}>
          {visible(label)}
        </div>
      )),
    [labels, size],
  );
  const sums = useMemo(() => {
    const most = Math.max(1, ...totals.rows);
    return labels.map((_, p) => (
      <div key={p} class="cm-total" style={{ top: px(p * size), height: px(size) }}>
        <i style={{ width: px((24 * (totals.rows[p] ?? 0)) / most), height: px(Math.max(2, Math.min(8, size - 3))) }} />
        {legible && <span style={{ fontSize: px(Math.min(11, size - 1)) }}>{count(totals.rows[p] ?? 0)}</span>}
      </div>
    ));
  }, [matrix, size]);
  const colSums = useMemo(() => {
    const sum = matrix.compared ? totals.colsB : totals.cols;
    const most = Math.max(1, ...sum);
    return labels.map((_, p) => (
      <div key={p} class="cm-total" style={{ left: px(p * size), width: px(size) }}>
        <i style={{ height: px((20 * (sum[p] ?? 0)) / most), width: px(Math.max(2, Math.min(8, size - 3))) }} />
        {size >= 24 && <span>{count(sum[p] ?? 0)}</span>}
      </div>
    ));
  }, [matrix, size]);

  const label = (p: number) => labels[p] ?? "";
  const placeOf = (name: string | undefined) => (name === undefined ? -1 : labels.indexOf(name));
  const chosen = { row: placeOf(picked.true), col: placeOf(picked.predicted) };
  const cellOf = (spot: Spot): Picked => ({
    ...(spot.kind !== "col" ? { true: label(spot.row) } : {}),
    ...(spot.kind !== "row" ? { predicted: label(spot.col) } : {}),
  });

  const spotAt = (event: MouseEvent, kind: Spot["kind"]): Spot => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const hold = (pixels: number) => Math.max(0, Math.min(last, Math.floor(pixels / size)));
    return { kind, row: kind === "col" ? 0 : hold(event.clientY - box.top), col: kind === "row" ? 0 : hold(event.clientX - box.left) };
  };
  const over = (kind: Spot["kind"]) => ({
    onPointerMove: (event: PointerEvent) => {
      const next = spotAt(event, kind);
      setHover((old) => (old && old.kind === next.kind && old.row === next.row && old.col === next.col ? old : next));
    },
    onPointerLeave: () => setHover(null),
    onClick: (event: MouseEvent) => {
      const spot = spotAt(event, kind);
      setCursor((old) => ({ row: kind === "col" ? old.row : spot.row, col: kind === "row" ? old.col : spot.col }));
      pick(cellOf(spot));
    },
  });

  const reveal = (row: number, col: number) => {
    const box = scroller.current;
    if (!box) return;
    const [x, y] = [col * size, row * size];
    const [w, h] = [box.clientWidth - left, box.clientHeight - top];
    box.scrollLeft = Math.min(x, Math.max(box.scrollLeft, x + size - w));
    box.scrollTop = Math.min(y, Math.max(box.scrollTop, y + size - h));
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.altKey || event.metaKey) return;
    const to = moved(event.key, event.ctrlKey, at.row, at.col, k);
    if (to) {
      setHover(null);
      setCursor(to);
      reveal(to.row, to.col);
    } else if (event.ctrlKey) return;
    else if (event.key === "Enter" || event.key === " ") pick(cellOf({ kind: "cell", ...at }));
    else if (event.key === "r") pick(cellOf({ kind: "row", ...at }));
    else if (event.key === "c") pick(cellOf({ kind: "col", ...at }));
    else if (event.key === "Escape") pick({});
    else if (event.key === "+" || event.key === "-") setZoom(step(size, event.key === "+" ? 1 : -1));
    else if (event.key === "0") setZoom(null);
    else return;
    event.preventDefault();
  };

  const spot: Spot | null = hover ?? (focused ? { kind: "cell", ...at } : null);
  const showRow = spot && spot.kind !== "col";
  const showCol = spot && spot.kind !== "row";
  const right = totals.right.reduce((a, b) => a + b, 0);
  const rightB = totals.rightB.reduce((a, b) => a + b, 0);

  return (
    <div class="cm-board" ref={ref}>
      <div class="cm-read">
        {spot ? (
          <>
            {showRow && (
              <>
                <span class="lk-quiet">true</span> <b class="lk-cut">{visible(label(spot.row))}</b>
              </>
            )}
            {showCol && (
              <>
                <span class="lk-quiet">predicted</span> <b class="lk-cut">{visible(label(spot.col))}</b>
              </>
            )}
            <span class="cm-said">
              {spot.kind === "cell" ? sentence(matrix, spot.row, spot.col) : spot.kind === "row" ? rowSentence(matrix, spot.row) : colSentence(matrix, spot.col)}
            </span>
          </>
        ) : (
          <span>
            {matrix.compared
              ? `${count(right)} → ${count(rightB)} of ${count(matrix.data.n)} ${unit(matrix.data)} right`
              : `${count(right)} of ${count(matrix.data.n)} ${unit(matrix.data)} right (${percent(right / Math.max(matrix.data.n, 1))}); ${count(matrix.data.n - right)} off the diagonal`}
          </span>
        )}
      </div>
      <div class="lk-scroll cm-scroll" ref={scroller}>
        {width > 0 && (
          <div class="cm-sheet" style={{ gridTemplateColumns: `${px(left)} ${px(side)} ${px(TOTALS)}`, gridTemplateRows: `${px(top)} ${px(side)} 40px`, fontSize: px(type) }}>
            <div class="cm-corner" aria-hidden="true">
              <span>predicted →</span>
              <span>true ↓</span>
            </div>
            <div class="cm-cols" aria-hidden="true" {...over("col")}>
              {colLabels}
              {showCol && (
                <div class="cm-label cm-hot lk-cut" style={{ left: px(spot.col * size - Math.max(0, 16 - size) / 2), width: px(Math.max(16, size)), lineHeight: px(Math.max(16, size)) }}>
                  {visible(label(spot.col))}
                </div>
              )}
            </div>
            <div class="cm-spare" />
            <div class="cm-rows" aria-hidden="true" {...over("row")}>
              {rowLabels}
              {showRow && (
                <div class="cm-label cm-hot lk-cut" style={{ top: px(spot.row * size - Math.max(0, 16 - size) / 2), height: px(Math.max(16, size)), lineHeight: px(Math.max(16, size)) }}>
                  {visible(label(spot.row))}
                </div>
              )}
            </div>
            <div
              class="cm-cells"
              role="grid"
              tabIndex={0}
              aria-label={`Confusion matrix: arrow keys move${matrix.data.entities ? "" : ", Enter opens the rows of a cell, r those of its true class, c those of its predicted class"}`}
              aria-rowcount={k}
              aria-colcount={k}
              aria-activedescendant={id}
              onKeyDown={onKey}
              onFocus={() => setFocused(true)}
              onBlur={() => setFocused(false)}
              {...over("cell")}
            >
              <svg width={side} height={side} aria-hidden="true">
                {chosen.row >= 0 && <rect class="cm-band" x={0} y={chosen.row * size} width={side} height={size} />}
                {chosen.col >= 0 && <rect class="cm-band" x={chosen.col * size} y={0} width={size} height={side} />}
                {drawing}
                <g class="cm-numbers" style={{ fontSize: px(size >= 30 ? 12 : 11) }}>
                  {numbers}
                </g>
                {focus && <line class="cm-diagonal" x1={0} y1={0} x2={side} y2={side} />}
                {showRow && <rect class="cm-cross" x={0} y={spot.row * size} width={side} height={size} />}
                {showCol && <rect class="cm-cross" x={spot.col * size} y={0} width={size} height={side} />}
                {spot?.kind === "cell" && <rect class="cm-spot" x={spot.col * size} y={spot.row * size} width={size} height={size} />}
                {chosen.row >= 0 && chosen.col >= 0 && <rect class="cm-chosen" x={chosen.col * size} y={chosen.row * size} width={size} height={size} />}
              </svg>
              <div role="row" aria-rowindex={at.row + 1}>
                <div
                  role="gridcell"
                  id={id}
                  aria-colindex={at.col + 1}
                  aria-selected={chosen.row === at.row && chosen.col === at.col}
                  aria-label={`true ${label(at.row)}, predicted ${label(at.col)}: ${sentence(matrix, at.row, at.col)}`}
                  class={focused ? "cm-cursor" : ""}
                  style={{ left: px(at.col * size), top: px(at.row * size), width: px(size), height: px(size) }}
                />
              </div>
            </div>
            <div class="cm-sums" aria-hidden="true">
              {sums}
            </div>
            <div class="cm-foot" aria-hidden="true">
              <span>predicted</span>
            </div>
            <div class="cm-colsums" aria-hidden="true">
              {colSums}
            </div>
            <div class="cm-sum lk-quiet" aria-hidden="true">
              {count(matrix.data.n)}
            </div>
          </div>
        )}
      </div>
    </div>
  );
}

function Pairs({ data, picked, pick }: { data: MatrixData; picked: Picked; pick(cell: Picked): void }) {
  return (
    <div class="cm-pairs">
      <h4>{data.compare ? "Changed most" : "Most confused"}</h4>
      <ol tabIndex={data.entities ? 0 : undefined} aria-label={data.entities ? "Pairs of types" : undefined}>
        {data.pairs.map((pair) => {
          const on = pair.true === picked.true && pair.predicted === picked.predicted;
          return (
            <li key={`${pair.true}\n${pair.predicted}`}>
              <button type="button" aria-pressed={data.entities ? undefined : on} disabled={data.entities} onClick={() => pick(on ? {} : { true: pair.true, predicted: pair.predicted })}>
                <span class="cm-pair">
                  <span class="lk-cut">{visible(pair.true)}</span>
                  <span class="lk-cut lk-quiet">
                    <span aria-hidden="true">→ </span>
                    <span class="lk-sr">taken for </span>
                    {visible(pair.predicted)}
                  </span>
                </span>
                <span class={`lk-num ${data.compare ? (pair.count > 0 ? "cm-worse" : "cm-better") : ""}`}>
                  {data.compare ? (pair.count > 0 ? `+${count(pair.count)}` : `−${count(-pair.count)}`) : count(pair.count)}
                  <span class="lk-quiet cm-share">{percent(Math.abs(pair.share), 0)}</span>
                </span>
              </button>
            </li>
          );
        })}
      </ol>
    </div>
  );
}

// -- several labels a row ------------------------------------------------------------------------------------------------------

type Three = [number, number, number];

const KINDS = [
  ["found", "Found"],
  ["missed", "Missed"],
  ["false_alarm", "False alarms"],
] as const;

function PerLabel({ data, values, picked, pick }: { data: MatrixData; values: string; picked: Picked; pick(cell: Picked): void }) {
  const all = data.cells as unknown as [Three, Three][];
  const most = Math.max(1, ...all.map(([a]) => a[0] + a[1] + a[2]));
  return (
    <div class="lk-scroll cm-labels" tabIndex={0} role="group" aria-label="Labels">
      <table class="lk-table">
        <thead>
          <tr>
            <th scope="col">Label</th>
            {KINDS.map(([kind, title]) => (
              <th key={kind} scope="col" class="lk-num">
                {title}
              </th>
            ))}
            <th scope="col" class="cm-wide">
              <span class="lk-sr">Picture</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {data.order.map((j) => {
            const label = data.labels[j] ?? "";
            const [a, b] = all[j] ?? [[0, 0, 0], [0, 0, 0]];
            const of = Math.max(a[0] + a[1], 1);
            return (
              <tr key={j}>
                <th scope="row" class="lk-cut cm-name">
                  {visible(label)}
                </th>
                {KINDS.map(([kind, title], n) => {
                  const [before, after] = [a[n] ?? 0, b[n] ?? 0];
                  const shown = values === "shares" ? percent(before / of, 0) : count(before);
                  const on = picked[kind] === label;
                  return (
                    <td key={kind} class="lk-num">
                      <button
                        type="button"
                        class="lk-btn lk-ghost cm-number"
                        aria-pressed={on}
                        aria-label={`${label}: ${title.toLowerCase()}, ${before} rows`}
                        onClick={() => pick(on ? {} : { [kind]: label })}
                      >
                        {shown}
                        {data.compare && after !== before && (
                          <span class={(n === 0) === after > before ? "cm-better" : "cm-worse"}> {after > before ? `+${after - before}` : `−${before - after}`}</span>
                        )}
                      </button>
                    </td>
                  );
                })}
                <td class="cm-wide">
                  <span class="cm-stack" aria-hidden="true">
                    {KINDS.map(([kind], n) => (
                      <i key={kind} class={`cm-${kind}`} style={{ width: `${(100 * (a[n] ?? 0)) / most}%` }} />
                    ))}
                  </span>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

// -- the rows ------------------------------------------------------------------------------------------------------------------

const PAGE = 20;

function Examples({ bridge, data, picked, split, clear }: Door & { data: MatrixData; picked: Picked; split: string; clear(): void }) {
  const key = JSON.stringify([picked, split]);
  const [turned, setTurned] = useState({ key, page: 0 });
  const page = turned.key === key ? turned.page : 0;
  const some = Object.keys(picked).length > 0;
  const asked = useAsked(JSON.stringify([key, page]), () =>
    some ? bridge.call<Page>("examples", { page, size: PAGE }, 120_000) : Promise.resolve<Page>({ rows: [], of: 0, note: "" }),
  );
  const found = asked.value;
  if (!some)
    return (
      <div class="cm-hint lk-quiet">
        {data.entities
          ? "The cells count entities, boundaries aside; (nothing) stands for none. They cannot be opened: ErrorBrowser lists the rows by kind of error and type."
          : data.rows
            ? "Click a cell or a class name to see its rows."
            : "Made from an evaluation, which holds no rows: give the run to see the rows behind a cell."}
        {!data.multi_label && data.rows && (
          <>
            {" "}
            On the keyboard: arrows, then <span class="lk-kbd">Enter</span> for the cell, <span class="lk-kbd">r</span> for the row, <span class="lk-kbd">c</span> for the column.
          </>
        )}
      </div>
    );
  const pages = Math.max(1, Math.ceil((found?.of ?? 0) / PAGE));
  const turn = (by: number) => setTurned({ key, page: Math.max(0, Math.min(pages - 1, page + by)) });
  return (
    <section class="cm-examples" aria-label="Rows" aria-busy={asked.busy}>
      <div class="cm-title">
        <h4 class="lk-text">{title(picked)}</h4>
        <span class="lk-quiet" aria-live="polite">
          {found ? `${count(found.of)} row${found.of === 1 ? "" : "s"}` : "Reading the data…"}
        </span>
        <span class="cm-end">
          {pages > 1 && (
            <>
              <Button kind="ghost" label="Previous page" disabled={page === 0} onClick={() => turn(-1)}>
                ‹
              </Button>
              <span class="lk-quiet">
                {page + 1} / {pages}
              </span>
              <Button kind="ghost" label="Next page" disabled={page >= pages - 1} onClick={() => turn(1)}>
                ›
              </Button>
            </>
          )}
          <Button kind="ghost" label="Close the rows" onClick={clear}>
            ✕
          </Button>
        </span>
      </div>
      {asked.error && <Note kind="error">{asked.error}</Note>}
      {found?.note && <Note kind="warning">{found.note}</Note>}
      <div class="lk-scroll cm-list" tabIndex={0} role="group" aria-label="Rows of what was clicked">
        {found && found.rows.length === 0 && !asked.busy ? (
          <Empty title={data.rows ? "No rows here" : "No rows to show"}>{data.rows ? "No row was decided like this." : "An evaluation holds figures only: give the run instead."}</Empty>
        ) : (
          <table class="lk-table">
            <thead>
              <tr>
                <th scope="col">Text</th>
                <th scope="col">True</th>
                <th scope="col">{data.compare ? data.name || "First" : "Predicted"}</th>
                {data.compare && <th scope="col">{data.compare}</th>}
                <th scope="col" class="lk-num">
                  Confidence
                </th>
                <th scope="col" class="lk-num">
                  Loss
                </th>
              </tr>
            </thead>
            <tbody>
              {(found?.rows ?? []).map((row) => (
                <tr key={row.row_id}>
                  <td class="cm-text">
                    {row.text === null ? (
                      <span class="lk-quiet">row {visible(row.row_id)}</span>
                    ) : (
                      <div class="lk-text" title={`row ${visible(row.row_id)}`}>
                        {row.text}
                      </div>
                    )}
                  </td>
                  <td>
                    <span class="lk-chip">{visible(row.true) || "–"}</span>
                  </td>
                  <td>
                    <Answer said={row.predicted} truth={row.true} />
                  </td>
                  {data.compare && (
                    <td>
                      <Answer said={row.other ?? ""} truth={row.true} />
                    </td>
                  )}
                  <td class="lk-num">{percent(row.confidence, 0)}</td>
                  <td class="lk-num">{fixed(row.loss, 2)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </div>
    </section>
  );
}

const Answer = ({ said, truth }: { said: string; truth: string }) => (
  <span class={`lk-chip ${said === truth ? "lk-chip-good" : "lk-chip-bad"}`}>
    {visible(said) || "–"}
    <span class="lk-sr">{said === truth ? " (right)" : " (wrong)"}</span>
  </span>
);

function title(picked: Picked): string {
  const name = (text: string | undefined) => visible(text ?? "");
  if (picked.found) return `${name(picked.found)}: found`;
  if (picked.missed) return `${name(picked.missed)}: missed`;
  if (picked.false_alarm) return `${name(picked.false_alarm)}: false alarms`;
  if (picked.true !== undefined && picked.predicted !== undefined)
    return picked.true === picked.predicted ? `${name(picked.true)}, told rightly` : `${name(picked.true)} taken for ${name(picked.predicted)}`;
  return picked.true !== undefined ? `All rows of ${name(picked.true)}` : `Everything taken for ${name(picked.predicted)}`;
}

function Legend({ data }: { data: MatrixData }) {
  const items: [string, string][] = data.multi_label
    ? [
        ["found", "found"],
        ["missed", "missed"],
        ["false_alarm", "false alarms"],
      ]
    : [
        ["good", data.compare ? "better in the second" : "right"],
        ["bad", data.compare ? "worse in the second" : "wrong"],
      ];
  return (
    <span class="cm-legend">
      {items.map(([kind, text]) => (
        <span key={kind}>
          <i class={`cm-${kind}`} aria-hidden="true" /> {text}
        </span>
      ))}
    </span>
  );
}

export default widget<Traits>("Confusion matrix", App);
