// Which key stands for which label, and for what else. Free of the DOM.

/** Keys with a fixed meaning, as the help overlay shows them. */
export const LABEL_HELP: readonly (readonly [string, string])[] = [
  ["1 … 9, letters", "Give the label with that key"],
  ["Enter", "Accept the suggestion, or save what is marked"],
  ["A", "Take the suggestion over"],
  ["/", "Find or add a label"],
];

export const HELP: readonly (readonly [string, string])[] = [
  ["S, Space", "Skip"],
  ["F", "Flag for a second look"],
  ["N", "Write a note"],
  ["U, Backspace", "Undo"],
  ["Shift+U", "Redo"],
  ["← →, ↑ ↓", "Previous and next example"],
  ["G", "Guidelines"],
  ["T", "Table or one example"],
  ["?", "This overview"],
];

export const SPAN_HELP: readonly (readonly [string, string])[] = [
  ["← →", "Move to the next word"],
  ["Shift+← →", "Select more or fewer words"],
  ["Alt+Shift+← →", "Select by characters"],
  ["Drag", "Select words; with Alt: characters"],
  ["1 … 9, letters", "Mark the selection, or what is dragged next"],
  ["Delete", "Remove the span under the cursor"],
];

export const ANSWER_HELP: readonly (readonly [string, string])[] = [
  ["Drag", "Mark an answer, by words; with Alt: by characters"],
  ["← →", "Move to the next word"],
  ["Shift+← →", "Select more or fewer words"],
  ["Alt+Shift+← →", "Select by characters"],
  ["Enter", "Mark the selection; without one: save what is marked"],
  ["0", "The context holds no answer"],
  ["Delete", "Remove the answers under the selection"],
  ["A", "Accept the suggestion"],
  ["X", "Leave the row out of the data"],
];

export const TEXT_HELP: readonly (readonly [string, string])[] = [
  ["E", "Edit the text"],
  ["Ctrl+Enter", "Save the text as it stands and go on, also while editing"],
  ["Esc", "Stop editing; what is typed stays as a draft"],
  ["Enter", "Save, when the text is not being edited"],
  ["A", "Put the suggestion in its place"],
  ["R", "Back to the text of the data"],
  ["X", "Leave the row out of the data"],
];

export const TABLE_HELP: readonly (readonly [string, string])[] = [
  ["↑ ↓", "Move from row to row"],
  ["X, Space", "Select the row"],
  ["Shift+↑ ↓, Shift+click", "Select a range"],
  ["Ctrl+A", "Select the page"],
  ["1 … 9, letters", "Label the selected rows, or this one"],
  ["Enter, A", "Accept the suggestions for them"],
  ["PageUp, PageDown", "Previous and next page"],
];

const DIGITS = "1234567890";
const LETTERS = "bcdehijklmopqrvwyz"; // the others have a meaning of their own

/** The key of each label: digits, letters, then Shift with a digit; "" for those beyond, which are found by name. */
export function keysOf(count: number): string[] {
  const all = [...DIGITS, ...LETTERS, ...[...DIGITS].map((digit) => `⇧${digit}`)];
  return Array.from({ length: count }, (_, at) => all[at] ?? "");
}

export interface Pressed {
  key: string;
  code: string;
  shiftKey: boolean;
}

/** The place of the label that a key stands for, -1 for none. */
export function labelOf(pressed: Pressed, keys: readonly string[]): number {
  const plain = pressed.key.length === 1 ? pressed.key.toLowerCase() : "";
  if (plain && !(pressed.shiftKey && /[a-z]/.test(plain))) {
    const found = keys.indexOf(plain);
    if (found >= 0) return found;
  }
  const digit = /^Digit(\d)$/.exec(pressed.code)?.[1];
  return pressed.shiftKey && digit !== undefined ? keys.indexOf(`⇧${digit}`) : -1;
}
