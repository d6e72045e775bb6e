// Two texts against one another, word by word. Free of the DOM. Cuts words as labkit/evaluation/_differences.py does.

/** A stretch of a text, and whether the other text has it as well. */
export interface Piece {
  text: string;
  same: boolean;
}

const MOST = 4_000_000; // words of one text times words of the other; beyond that only their common ends are found
const ALONE = /^[\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{3ffff}]/u;
const SPACE = /^\s/;

/** A text cut into words, white space and runs of signs, which add up to it; Chinese and Japanese into characters. */
export function words(text: string): string[] {
  const pieces: string[] = [];
  let before = "";
  for (const one of text) {
    const joins = pieces.length > 0 && before !== "space" && /^[\p{M}\u200c\u200d]/u.test(one);
    const kind = joins ? before : SPACE.test(one) ? "space" : ALONE.test(one) ? "alone" : /^[\p{L}\p{N}_]/u.test(one) ? "word" : "signs";
    if (joins || (pieces.length > 0 && kind === before && kind !== "alone")) pieces[pieces.length - 1] += one;
    else pieces.push(one);
    before = kind;
  }
  return pieces;
}

/** Which words of both are in a longest common subsequence. */
function common(a: readonly string[], b: readonly string[]): [boolean[], boolean[]] {
  const same: [boolean[], boolean[]] = [a.map(() => false), b.map(() => false)];
  if (a.length * b.length > MOST) return same;
  const wide = b.length + 1;
  const table = new Uint16Array((a.length + 1) * wide); // lengths from here to the end
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      table[i * wide + j] = a[i] === b[j] ? table[(i + 1) * wide + j + 1]! + 1 : Math.max(table[(i + 1) * wide + j]!, table[i * wide + j + 1]!);
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) same[0][i++] = same[1][j++] = true;
    else if (table[(i + 1) * wide + j]! >= table[i * wide + j + 1]!) i++;
    else j++;
  }
  return same;
}

/** Words as pieces; white space between two words that differ is different as well, so that a changed phrase is one piece. */
function joined(all: readonly string[], same: readonly boolean[]): Piece[] {
  const pieces: Piece[] = [];
  all.forEach((text, i) => {
    const between = i > 0 && i < all.length - 1 && SPACE.test(text) && !same[i - 1] && !same[i + 1];
    const is = Boolean(same[i]) && !between;
    const last = pieces[pieces.length - 1];
    if (last && last.same === is) last.text += text;
    else pieces.push({ text, same: is });
  });
  return pieces;
}

/** Both texts in pieces, each with whether the other text has it in the same order. */
export function diff(first: string, second: string): [Piece[], Piece[]] {
  const [a, b] = [words(first), words(second)];
  const least = Math.min(a.length, b.length);
  let start = 0;
  while (start < least && a[start] === b[start]) start++;
  let end = 0;
  while (end < least - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const inner = common(a.slice(start, a.length - end), b.slice(start, b.length - end));
  const whole = (side: boolean[]) => [...Array<boolean>(start).fill(true), ...side, ...Array<boolean>(end).fill(true)];
  return [joined(a, whole(inner[0])), joined(b, whole(inner[1]))];
}
