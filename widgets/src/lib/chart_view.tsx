// A small line chart of our own: themeable, read by pointer and by keyboard, with a cursor that several charts may share.
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { extent, figure, nearest, path, scale, stepped, tickText, ticks, widened, wholeTicks, type Point } from "./chart";
import { useWidth } from "./ui";

export interface Series {
  name: string;
  points: readonly Point[];
  /** A colour of the theme, such as "var(--blue)". */
  colour: string;
  /** Drawn thin and pale, behind the others, and left out of the read-out. */
  faint?: boolean;
  /** A dot at every point. */
  dots?: boolean;
  format?: (value: number) => string;
}

interface Props {
  title: string;
  series: readonly Series[];
  /** Range of x, shared by the charts that share the cursor. */
  range: readonly [number, number];
  cursor: number | null;
  onCursor(x: number | null): void;
  /** What the x of the cursor is called: "step 12". */
  where(x: number): string;
  height?: number;
  /** A vertical line, with what it means. */
  mark?: { x: number; text: string } | null;
  /** Bounds of the values, where they have any: [0, 1] for a share. */
  bounds?: readonly [number, number];
  children?: ComponentChildren;
}

const LEFT = 44;
const RIGHT = 8;
const TOP = 8;
const BOTTOM = 20;

/** Lines over a common x, with the values at the cursor (or the last ones) above them. */
export function LineChart(props: Props) {
  const { title, series, range, cursor, onCursor, where, height = 160, mark, bounds } = props;
  const [box, width] = useWidth<HTMLDivElement>();
  const values = series.flatMap((s) => s.points.map((p) => p[1]));
  const domain = widened(extent(values), 0.06, bounds?.[0], bounds?.[1]);
  const right = Math.max(LEFT + 10, width - RIGHT);
  const x = scale(range, [LEFT, right]);
  const y = scale(domain, [height - BOTTOM, TOP]);
  const rows = ticks(domain, Math.max(2, Math.floor(height / 45)));
  const columns = wholeTicks(range, Math.max(2, Math.floor(width / 110)));
  // the keyboard goes along the line with the most points
  const track = series.filter((s) => !s.faint).reduce<readonly Point[]>((most, s) => (s.points.length > most.length ? s.points : most), []);
  const pointed = useRef(false); // a pointer that leaves takes away its own cursor, not the keyboard's
  const at = (event: PointerEvent) => {
    pointed.current = true;
    const left = (event.currentTarget as HTMLElement).getBoundingClientRect().left;
    const share = (event.clientX - left - LEFT) / (right - LEFT);
    const wanted = range[0] + share * (range[1] - range[0]);
    const found = track[nearest(track, wanted)];
    onCursor(found ? found[0] : null);
  };
  const onKey = (event: KeyboardEvent) => {
    pointed.current = false;
    const far = Math.max(1, Math.round(track.length / 10));
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowUp: 1, ArrowDown: -1, PageUp: far, PageDown: -far, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === "Escape") onCursor(null);
    else if (by === undefined) return;
    else if (Number.isFinite(by)) onCursor(stepped(track, cursor, by));
    else onCursor((by < 0 ? track[0] : track[track.length - 1])?.[0] ?? null);
    event.preventDefault();
    event.stopPropagation();
  };
  const read = series
    .filter((s) => !s.faint && s.points.length > 0)
    .map((s) => {
      const point = cursor === null ? s.points[s.points.length - 1]! : s.points[nearest(s.points, cursor)]!;
      return { name: s.name, colour: s.colour, text: (s.format ?? figure)(point[1]), point };
    });
  const last = track[track.length - 1]?.[0] ?? 0;
  const now = cursor ?? last;
  const said = read.map((r) => `${r.name} ${r.text}`).join(", ");
  return (
    <div class="lk-chart">
      <div class="lk-chart-head">
        <h4>{title}</h4>
        <div class="lk-chart-read">
          {read.map((r) => (
            <span key={r.name} class="lk-chart-key">
              <i style={{ background: r.colour }} />
              {read.length > 1 || r.name !== title ? `${r.name} ` : ""}
              <b>{r.text}</b>
            </span>
          ))}
        </div>
        {props.children}
      </div>
      <div
        ref={box}
        class="lk-chart-plot"
        style={{ height: `${height}px` }}
        role="slider"
        tabIndex={0}
        aria-label={`${title}, read step by step with the arrow keys`}
        aria-orientation="horizontal"
        aria-valuemin={range[0]}
        aria-valuemax={range[1]}
        aria-valuenow={now}
        aria-valuetext={read.length ? `${where(now)}: ${said}` : "nothing yet"}
        onPointerMove={at}
        onPointerLeave={() => pointed.current && onCursor(null)}
        onKeyDown={onKey}
        onBlur={() => onCursor(null)}
      >
        {width > 0 && (
          <svg width={width} height={height} aria-hidden="true">
            {rows.map((v) => (
              <g key={v}>
                <line class="lk-grid" x1={LEFT} x2={right} y1={y(v)} y2={y(v)} />
                <text class="lk-tick" x={LEFT - 6} y={y(v)} text-anchor="end" dominant-baseline="central">
                  {tickText(v, rows)}
                </text>
              </g>
            ))}
            {columns.map((v) => (
              <text key={v} class="lk-tick" x={x(v)} y={height - 5} text-anchor={v === range[0] ? "start" : x(v) > right - 14 ? "end" : "middle"}>
                {tickText(v, columns)}
              </text>
            ))}
            {mark && (
              <g>
                <line class="lk-mark" x1={x(mark.x)} x2={x(mark.x)} y1={TOP} y2={height - BOTTOM} />
                <text class="lk-tick" x={x(mark.x) + (x(mark.x) > width / 2 ? -4 : 4)} y={TOP + 6} text-anchor={x(mark.x) > width / 2 ? "end" : "start"} dominant-baseline="central">
                  {mark.text}
                </text>
              </g>
            )}
            {series.map((s) => (
              <g key={s.name} style={{ color: s.colour }} class={s.faint ? "lk-faint" : undefined}>
                <path class="lk-line" d={path(s.points, x, y)} />
                {(s.dots || s.points.length === 1) && s.points.map((p) => <circle key={p[0]} cx={x(p[0])} cy={y(p[1])} r={mark?.x === p[0] ? 4.5 : 2.5} fill="currentColor" />)}
              </g>
            ))}
            {cursor !== null && (
              <g>
                <line class="lk-cursor" x1={x(cursor)} x2={x(cursor)} y1={TOP} y2={height - BOTTOM} />
                {read.map((r) => (
                  <circle key={r.name} class="lk-cursor-dot" cx={x(r.point[0])} cy={y(r.point[1])} r={3.5} fill={r.colour} />
                ))}
                <text class="lk-tick lk-tick-at" x={Math.min(right - 30, Math.max(LEFT + 30, x(cursor)))} y={height - 5} text-anchor="middle">
                  {where(cursor)}
                </text>
              </g>
            )}
          </svg>
        )}
        {values.length === 0 && <div class="lk-chart-empty">nothing yet</div>}
      </div>
    </div>
  );
}
