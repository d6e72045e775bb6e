// Labelling: one example at a time, or a table. Single keys decide; the next example is drawn at once, and a decision counts as
// saved only when the Python half has answered that its line is on the disk.
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { Desk, type Answer, type Value } from "./lib/desk";
import { keysOf, labelOf } from "./lib/keys";
import { added, characters, extended, moved, snap, toPoints, without, words, type Selected, type Span, type Stretch } from "./lib/spans";
import { clock, count, visible } from "./lib/format";
import { Bar, Button, Code, Empty, Segments, Select, useTrait, widget, type BaseTraits } from "./lib/ui";
import type { Bridge } from "./lib/bridge";
import { accepted, AnswerList, answersOf, Context, untouched } from "./labeler/answers";
import { Editor } from "./labeler/editor";
import { Help, History, NoteLine, Notices, SaveState } from "./labeler/parts";
import { Guidelines, Labels, Meta, namesIn, spansOf, spell, Suggested, TextBox } from "./labeler/stage";
import { Table, type TableHandle } from "./labeler/table";

interface Traits extends BaseTraits {
  labels: string[];
  mode: "single" | "multi" | "spans" | "answers" | "text";
  target: string;
  view: "one" | "table";
  guidelines: string;
  place: string;
  queues: [string, string][];
  queue_name: string;
  suggests: boolean;
  changed: number;
  thought: number;
}

type Door = { bridge: Bridge<Traits> };

/** The desk of this view, which redraws it and looks again when something was changed elsewhere. */
function useDesk({ bridge }: Door): { desk: Desk; turn: number; redraw(): void } {
  const [place] = useTrait(bridge, "place");
  const [thought] = useTrait(bridge, "thought");
  const [turn, redraw] = useReducer((n: number) => n + 1, 0);
  const desk = useMemo(() => {
    const server = location.pathname.split(/\/(?:lab|notebooks|doc)(?:\/|$)/)[0];
    return new Desk((name, args, patience) => bridge.call(name, args, patience), shelf(), `labkit.labeler ${server}${place}`, () => redraw(undefined));
  }, [bridge, place]);
  useEffect(() => {
    void desk.open();
    // answers to other views of this widget come here, too
    const heard = (message: { by?: string }) => message.by && message.by !== desk.view && desk.refresh();
    const warn = (event: BeforeUnloadEvent) => desk.outbox.pending.length > 0 && event.preventDefault();
    const unwatch = bridge.watch("changed", () => desk.refresh());
    bridge.model.on("msg:custom", heard);
    window.addEventListener("beforeunload", warn);
    return () => {
      bridge.model.off("msg:custom", heard);
      window.removeEventListener("beforeunload", warn);
      unwatch();
      desk.outbox.close();
    };
  }, [desk]);
  useEffect(() => {
    if (thought > 0) void desk.suggest().catch(() => undefined); // they come again with the next examples
  }, [thought]);
  return { desk, turn, redraw: () => redraw(undefined) };
}

function App({ bridge }: Door) {
  const [names] = useTrait(bridge, "labels");
  const [mode] = useTrait(bridge, "mode");
  const [target] = useTrait(bridge, "target");
  const [view, setView] = useTrait(bridge, "view");
  const [guidelines] = useTrait(bridge, "guidelines");
  const [place] = useTrait(bridge, "place");
  const [queues] = useTrait(bridge, "queues");
  const [queueName] = useTrait(bridge, "queue_name");
  const [suggests] = useTrait(bridge, "suggests");
  const { desk, redraw } = useDesk({ bridge });
  const [help, setHelp] = useState(false);
  const [guide, setGuide] = useState(guidelines !== "");
  const [noting, setNoting] = useState(false);
  const [find, setFind] = useState("");
  const [selected, setSelected] = useState<Selected | null>(null);
  const [brush, setBrush] = useState(""); // the label for the next drag
  const [said, setSaid] = useState("");
  const stage = useRef<HTMLDivElement>(null);
  const finder = useRef<HTMLInputElement>(null);
  const table = useRef<TableHandle>(null);
  const editor = useRef<HTMLTextAreaElement>(null);
  const [hint, setHint] = useState(""); // what is missing for a decision
  const asking = mode === "answers";
  const writing = mode === "text";
  const labels = useMemo(() => (asking || writing ? [] : names), [names, mode]); // there is none to choose
  const spelt = spell(mode);
  const keys = useMemo(() => keysOf(labels.length), [labels.length]);

  const { example, progress } = desk;
  const one = view === "one";
  const single = mode === "single";
  const value: Value = example ? (single ? example.value : desk.marked(example, !asking && !writing)) : null;
  const text = typeof value === "string" ? value : "";
  const spans = example && mode === "spans" ? spansOf(example.text, value) : null;
  const focus = () => stage.current?.focus({ preventScroll: true });
  useEffect(() => {
    setSelected(null);
    setHint("");
    if (noting) focus();
    setNoting(false);
  }, [example?.row_id]);
  // what had the focus may be gone with the other view
  useEffect(() => (document.activeElement === document.body ? focus() : undefined), [view]);
  const say = (text: string) => setSaid(`${text}. Next example.`);
  const put = (next: Span[]) => example && desk.draft(toPoints(example.text, next));
  const mark = ([start, end]: Stretch, label: string) => {
    put(added(spans ?? [], { start, end, label }));
    setSelected(null);
  };
  const decide = (label: Value, more: Record<string, unknown> = {}) => {
    desk.decide("label", { label, ...more }, spelt(label), { value: label, decided: true });
    say(spelt(label));
  };
  const answer = (answers: Answer[]) => {
    setHint("");
    desk.draft(answers);
  };
  const accept = (stretch: Stretch) => {
    if (example) answer(accepted(example.text, answersOf(value) ?? [], stretch));
    setSelected(null);
  };
  const write = (next: string) => {
    setHint("");
    if (example && next === (example.value ?? "")) desk.drop(example.row_id), redraw();
    else desk.draft(next);
  };
  /** What is still to be done before the example can be saved. */
  const missing = (): string =>
    asking && value === null ? "Mark an answer first, or press 0 where the context holds none." : writing && !text.trim() ? "There is no text to save: write one, skip the row (S), or leave it out of the data (X)." : "";
  const act = {
    choose(label: string, isNew = false) {
      if (single) return decide(label, isNew ? { new: true } : {});
      if (isNew) void bridge.call("add_label", { label });
      if (mode === "spans") return selected ? mark([selected.start, selected.end], label) : setBrush(brush === label ? "" : label);
      const names = namesIn(value);
      desk.draft(names.includes(label) ? names.filter((name) => name !== label) : [...names, label]);
    },
    save() {
      const proposed = example?.suggestion?.value;
      if (asking && selected) return accept([selected.start, selected.end]);
      if (asking && value === null && proposed) return act.take();
      if (missing()) return setHint(missing()), setSaid(missing());
      if (!single) return decide(value ?? [], JSON.stringify(value) === JSON.stringify(proposed) ? { accepted: true } : {});
      act.take();
    },
    /** Accept the suggestion as it is. */
    take() {
      const proposed = example?.suggestion?.value;
      if (proposed === undefined) return setSaid("There is no suggestion for this row.");
      desk.decide("accept", {}, spelt(proposed), { value: proposed, decided: true });
      say(spelt(proposed));
    },
    accept() {
      if (single || asking) return act.take();
      const proposed = example?.suggestion?.value;
      if (proposed !== undefined) writing && typeof proposed === "string" ? write(proposed) : desk.draft(proposed);
    },
    none: () => decide([]),
    leaveOut() {
      desk.decide("leave_out", {}, "left out", { excluded: true, decided: true });
      say("Left out");
    },
    skip() {
      desk.decide("skip", {}, "skipped", { skipped: true, decided: true });
      say("Skipped");
    },
    flag: () => example && desk.decide("flag", { on: !example.flag }, "flag", { flag: !example.flag }, true),
    note: (text: string) => {
      if (text !== example?.note) desk.decide("note", { text }, "note", { note: text }, true);
      setNoting(false);
      focus();
    },
    undo: () => desk.undo(),
    redo: () => void desk.lead("redo", {}),
    step: (by: number) => desk.step(by),
    go(row_id: string) {
      setView("one");
      void desk.lead("go", { row_id }).then(focus);
    },
  };
  const latest = useRef(act); // for keys that waited
  latest.current = act;

  /** Carry out a key; true where it had a meaning. */
  const press = (event: KeyboardEvent): boolean => {
    const target = event.target as HTMLElement;
    const { key, shiftKey } = event;
    const ctrl = event.ctrlKey || event.metaKey;
    const lower = key.toLowerCase();
    if (help && (key === "Escape" || key === "?")) return setHelp(false), focus(), true;
    if (ctrl && "zy".includes(lower)) return (shiftKey || lower === "y" ? act.redo : act.undo)(), true;
    if ("Enter ".includes(key) && target.closest("button, input")) return false;
    if (!one && table.current?.key(event)) return true;
    if (ctrl && writing && one && key === "Enter") return event.repeat || desk.whenFree(() => latest.current.save()), true;
    if (ctrl || help) return false;
    if (one && (spans || asking) && pressOnText(event)) return true;
    if (event.altKey) return false;
    const label = labels[labelOf(event, keys)];
    if (label !== undefined) {
      // a key held down would label everything
      if (one && !event.repeat) desk.whenFree(() => latest.current.choose(label));
      else if (!event.repeat && mode !== "spans") table.current?.label(label);
      return true;
    }
    const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[key];
    if (by && one) {
      const box = /Up|Down/.test(key) && target.closest(".lb-text, .lb-guide");
      if (box && box.scrollHeight > box.clientHeight + 1) return false;
      return act.step(by), true;
    }
    if (one && example && (asking || writing) && pressOfMode(lower, event)) return true;
    const common = { u: shiftKey ? act.redo : act.undo, backspace: act.undo, "?": () => setHelp(true), g: () => setGuide(!guide), t: () => setView(one ? "table" : "one") }[lower];
    if (common) return common(), true;
    const name = { enter: "save", a: "accept", s: "skip", " ": "skip", f: "flag" }[lower] as "save" | "accept" | "skip" | "flag" | undefined;
    if (!one || !(name || lower === "n" || (key === "/" && !asking && !writing))) return false;
    if (key === "/") finder.current?.focus();
    else if (lower === "n") setNoting(true);
    else if (name && !event.repeat) desk.whenFree(() => void latest.current[name]());
    return true;
  };
  const pressOnText = ({ key, shiftKey, altKey }: KeyboardEvent): boolean => {
    const text = example?.text ?? "";
    if (key === "ArrowRight" || key === "ArrowLeft") {
      const step = key === "ArrowRight" ? 1 : -1;
      setSelected((old) => (shiftKey ? extended(altKey ? characters(text) : words(text), old, step) : moved(words(text), old, step)));
      return true;
    }
    if (key === "Escape") return setSelected(null), setBrush(""), true;
    if ((key !== "Delete" && key !== "Backspace") || !selected) return false;
    if (asking) {
      const before = answersOf(value) ?? [];
      const after = untouched(text, before, [selected.start, selected.end]);
      return after.length < before.length ? (answer(after), true) : false;
    }
    if (!spans) return false;
    const rest = without(spans, [selected.start, selected.end]);
    return rest.length < spans.length ? (put(rest), true) : false;
  };
  const pressOfMode = (key: string, event: KeyboardEvent): boolean => {
    if (key === "x") return event.repeat || desk.whenFree(() => latest.current.leaveOut()), true;
    if (asking && key === "0") return event.repeat || desk.whenFree(() => latest.current.none()), true;
    if (writing && key === "r" && typeof example?.given === "string") return write(example.given), true;
    if (writing && key === "e") return editor.current?.focus(), true;
    return false;
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.isComposing || (event.target as HTMLElement).closest("input:not([type=checkbox]), textarea, select, .lk-code")) return;
    if (!press(event)) return;
    event.preventDefault();
    event.stopPropagation();
  };

  const button = (text: ComponentChildren, cap: string, run: () => void, disabled = !example, kind = "plain") => (
    <button type="button" class={`lk-btn lk-${kind}`} disabled={disabled} onClick={() => (run(), focus())}>
      {text} <kbd class="lk-kbd">{cap}</kbd>
    </button>
  );
  const empty = progress.total === 0;
  return (
    <div
      class="lb"
      onKeyDown={onKey}
      data-row={one ? (example?.row_id ?? "") : ""}
      data-saved-count={desk.outbox.saved}
      data-unsaved-count={desk.outbox.pending.length}
      data-busy={desk.busy || desk.opening}
    >
      <div class="lk-head">
        <h3>{asking ? "Answers" : writing ? "Texts" : "Labels"}</h3>
        <SaveState desk={desk} />
        <Select label="Queue" value={queueName} options={queues.map(([name, title]) => [name, visible(title)] as const)} onChange={(queue) => void desk.lead("choose", { queue }).then(focus)} />
        <Segments label="View" value={view} options={[["one", "One by one"], ["table", "Table"]]} onChange={setView} />
        {guidelines && (
          <Button pressed={guide} onClick={() => setGuide(!guide)}>
            Guidelines
          </Button>
        )}
        <Button label="Keys" title="All keys (?)" pressed={help} onClick={() => setHelp(!help)}>
          ?
        </Button>
      </div>
      <div class="lb-progress">
        <Bar share={progress.done / progress.total} label="Decided rows of the queue" />
        <span>
          <b>{count(progress.done)}</b> of {count(progress.total)}
          {progress.per_hour ? ` · ${count(progress.per_hour)} an hour` : ""}
          {progress.left ? ` · about ${clock(progress.left)} left` : ""}
        </span>
      </div>
      <div class="lk-sr" role="status">
        {said}
      </div>
      <div class={guide && guidelines ? "lb-main lb-with-guide" : "lb-main"}>
        {guide && guidelines && <Guidelines text={guidelines} />}
        {one ? (
          <div class={`lb-one ${writing ? "lb-writing" : asking ? "lb-asking" : ""}`}>
            <div class="lb-stage" ref={stage} tabIndex={0} role="group" aria-label="Example">
              {example ? (
                <>
                  <Meta example={example} total={progress.total} />
                  {asking ? (
                    <Context
                      example={example}
                      answers={answersOf(value) ?? []}
                      proposed={answersOf(example.suggestion?.value ?? null) ?? []}
                      selected={selected}
                      onSelect={(stretch) => (accept(stretch), focus())}
                      onWhole={() => void desk.whole()}
                    />
                  ) : writing ? (
                    <Editor
                      example={example}
                      name={target}
                      text={text}
                      draft={desk.drafts.has(example.row_id)}
                      input={editor}
                      onInput={write}
                      save={() => desk.whenFree(() => latest.current.save())}
                      leave={focus}
                      onWhole={() => void desk.whole()}
                    />
                  ) : (
                    <TextBox
                      example={example}
                      spans={spans}
                      labels={labels}
                      selected={selected}
                      onSelect={(start, end, whole) => {
                        const found = snap(example.text, start, end, whole);
                        if (found && brush) mark(found, brush);
                        else if (found) setSelected({ start: found[0], end: found[1], head: "end" });
                        focus();
                      }}
                      onRemove={(span) => (put(without(spans ?? [], [span.start, span.end])), focus())}
                      onWhole={() => void desk.whole()}
                    />
                  )}
                  {suggests && (
                    <Suggested suggestion={example.suggestion} words={spelt}>
                      {button(single || asking ? "Accept" : writing ? "Insert" : "Take over", single ? "↵" : "A", act.accept)}
                    </Suggested>
                  )}
                  <div class="lb-note lk-cut">
                    {noting ? (
                      <NoteLine text={example.note} save={act.note} leave={() => (setNoting(false), focus())} />
                    ) : hint ? (
                      <span class="lb-hint">{hint}</span>
                    ) : (
                      example.note && `✎ ${visible(example.note)}`
                    )}
                  </div>
                </>
              ) : !desk.finished ? (
                <Empty title={desk.outbox.count("unsaved") ? "No more examples at hand without the kernel" : "Loading…"} />
              ) : (
                <Empty title={empty ? "This queue has no rows" : "Every row of this queue is decided"}>Take another queue above{empty ? "." : ", or go back to the previous rows."}</Empty>
              )}
            </div>
            {asking ? (
              <AnswerList
                value={value}
                given={example?.given ?? null}
                decided={example?.decided ?? false}
                none={() => example && (act.none(), focus())}
                remove={(gone) => (answer((answersOf(value) ?? []).filter((one) => one !== gone)), focus())}
                restore={() => (answer(answersOf(example?.given ?? null) ?? []), focus())}
              />
            ) : writing ? null : (
              <Labels
                labels={labels}
                keys={keys}
                value={mode === "spans" ? [brush] : namesIn(value)}
                given={example && mode !== "spans" ? namesIn(example.given) : []}
                suggestion={(mode !== "spans" && example?.suggestion) || null}
                coloured={mode === "spans"}
                decided={example?.decided ?? false}
                find={find}
                setFind={setFind}
                input={finder}
                choose={act.choose}
                leave={focus}
              />
            )}
          </div>
        ) : (
          <div class="lb-tableview" ref={stage} tabIndex={-1}>
            <Table
              ask={(name, args) => bridge.call(name, { ...args, view: desk.view })}
              labels={mode === "spans" ? [] : labels}
              suggests={suggests}
              single={single}
              what={asking ? "Answers" : writing ? target : "Label"}
              words={spelt}
              turn={`${queueName} ${desk.looks}`}
              handle={table}
              leave={focus}
              open={act.go}
              changed={() => desk.refresh()}
            />
          </div>
        )}
        {help && <Help mode={mode} table={!one} close={() => (setHelp(false), focus())} />}
      </div>
      <div class="lb-actions">
        {one && (
          <>
            {!single && button(asking && selected ? "Mark answer" : "Save", writing ? "Ctrl ↵" : "↵", act.save, !example, "primary")}
            {button("Skip", "S", act.skip)}
            {(asking || writing) && button("Leave out", "X", act.leaveOut)}
            {button(example?.flag ? "Unflag" : "Flag", "F", act.flag)}
            {button("Note", "N", () => setNoting(true))}
          </>
        )}
        {button("Undo", "U", act.undo, desk.busy)}
        {button("Redo", "⇧U", act.redo, desk.busy)}
        {one && (
          <span class="lb-steps">
            {button("‹ Previous", spans || asking ? "↑" : "←", () => act.step(-1), empty)}
            {button("Next ›", spans || asking ? "↓" : "→", () => act.step(1), empty)}
          </span>
        )}
      </div>
      <Notices desk={desk} redraw={redraw} />
      <History desk={desk} current={example?.row_id ?? ""} go={act.go} />
      <div class="lk-foot">
        <span class="lk-cut" title={place}>
          {visible(place)}
        </span>
        <Code bridge={bridge} />
      </div>
    </div>
  );
}

function shelf(): Storage | null {
  try {
    return window.localStorage;
  } catch {
    return null; // a browser that forbids it
  }
}

export default widget<Traits>("Labeler", App);
