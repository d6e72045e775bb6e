"""What can be wrong inside one text, and its repair: pure functions from string to string, standard library only."""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata

# --- equal texts ----------------------------------------------------------------------------------------------------


def normalise(text: str) -> str:
    """The form in which two texts count as equal: NFKC, case folded, runs of white space as one space.

    Source of the folding: The Unicode Standard, section 3.13 and UAX #15.
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def text_key(text: str, pair: str | None = None) -> bytes:
    """16 bytes that are equal for rows whose normalised texts (both of them, for pairs) are equal."""
    plain = normalise(text)
    if pair is not None:
        plain += "\x1f" + normalise(pair)  # normalising removes U+001F from texts, so it separates them
    return hashlib.blake2b(plain.encode("utf-8", "surrogatepass"), digest_size=16).digest()


# --- characters that nobody can see ---------------------------------------------------------------------------------

_UNSEEN = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # C0 (but tab, line feed, carriage return), DEL, C1
    "\u00ad\u200b\u2060\ufeff"  # soft hyphen, zero-width space, word joiner, byte order mark
    "\u202a-\u202e\u2066-\u2069"  # embedding, override and isolation of writing direction
    "\ufff9-\ufffb\ufffd"  # interlinear annotation, replacement character
)
# A (non-)joiner belongs to the spelling after a letter of Persian or Hindi and inside an emoji, never after ASCII.
_JOINERS = "\u200c\u200d"
_CONTROL = re.compile(f"[{_UNSEEN}]|(?<![^\x00-\x7f{_UNSEEN}{_JOINERS}])[{_JOINERS}]")
_BREAKS = dict.fromkeys(map(ord, "\x0b\x0c\x1c\x1d\x1e\x1f\x85"), " ")


def has_control(text: str) -> bool:
    """Whether the text has control, zero-width, direction-override or replacement characters."""
    if text.isascii() and text.isprintable():  # several times faster than the search, and true of most texts
        return False
    return _CONTROL.search(text) is not None


def strip_control(text: str) -> str:
    """The text without those characters; those that separate words become a space."""
    if not has_control(text):
        return text
    # translating first keeps "one\x0btwo" two words
    return _CONTROL.sub("", text.translate(_BREAKS))


def is_empty(text: str | None) -> bool:
    """Whether there is nothing to read: no text, or only white space and invisible characters."""
    return not text or (not text[0].isalnum() and not strip_control(text).strip())


# --- mojibake -------------------------------------------------------------------------------------------------------

_CP1252 = {
    bytes([code]).decode("cp1252"): code for code in range(0x80, 0xA0) if code not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)
}
_BYTE = {chr(code): code for code in range(0x80, 0x100)} | _CP1252
_C1_AS_CP1252 = {code: character for character, code in _CP1252.items()}
_TAIL = "[\x80-\xbf" + "".join(map(re.escape, _CP1252)) + "]"
_SEQUENCE = re.compile(f"[\xc2-\xdf]{_TAIL}|[\xe0-\xef]{_TAIL}{{2}}|[\xf0-\xf4]{_TAIL}{{3}}")
_SUSPECT = re.compile(f"{_SEQUENCE.pattern}|[\x80-\x9f]")
# Characters that can stand behind an accented letter in ordinary prose: closing marks and dashes, signs, and letters.
_CLOSING = frozenset("‚„…‘’“”•–—™›‹\xa0«»")
_PROSE = _CLOSING | frozenset("¡®©ª°²³´·¹º¿\xadŠŒŽšœžŸƒµ")
_OPENING = frozenset("\"'(“‘«‹„‚[")


def fix_mojibake(text: str) -> str:
    """Turn UTF-8 that was read as Windows-1252 or Latin-1 back ('Ã©' → 'é', 'â€™' → '’'), twice over if need be.

    Only sequences that are valid UTF-8 for an assigned character are touched, and those that ordinary prose can contain
    ('MAÇÃ”', 'weiß“', 'CAFÉ ®') only where the neighbouring letters, or the rest of the text, prove the damage.
    Lone C1 characters are read as Windows-1252, as the HTML standard does ('I\\x92m' → 'I’m').
    """
    if text.isascii() or not _SUSPECT.search(text):
        return text
    for _ in range(3):
        fixed = _decode_once(text)
        if fixed == text:
            break
        text = fixed
    return text.translate(_C1_AS_CP1252)


def _decode_once(text: str) -> str:
    found = [
        (match.start(), match.end(), decoded)
        for match in _SEQUENCE.finditer(text)
        if (decoded := _decoded(match.group())) is not None
    ]
    proven = [_proven(text, start, end) for start, end, _ in found]
    first = 0
    for i in range(1, len(found) + 1):  # runs of sequences without a gap: whole words of Cyrillic, Greek, Chinese
        if i == len(found) or found[i][0] != found[i - 1][1]:
            run = range(first, i)
            tails = (text[found[j][0] + 1 : found[j][1]] for j in run)
            if len(run) > 1 and any(c not in _PROSE for tail in tails for c in tail):
                for j in run:
                    proven[j] = True
            first = i
    if not any(proven):
        return text
    if sum(end - start for start, end, _ in found) == sum(c > "\x7f" for c in text):
        proven = [True] * len(found)  # every special character of the text is damage, so the doubtful ones are, too
    parts, at = [], 0
    for (start, end, decoded), certain in zip(found, proven, strict=True):
        if certain:
            parts += [text[at:start], decoded]
            at = end
    return "".join([*parts, text[at:]])


def _decoded(sequence: str) -> str | None:
    try:
        character = bytes(map(_BYTE.__getitem__, sequence)).decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if unicodedata.category(character) in ("Cn", "Co") else character


def _proven(text: str, start: int, end: int) -> bool:
    """Whether a sequence is damage beyond doubt, judged by itself and by the character before it."""
    lead, tail = text[start], text[start + 1 : end]
    before = text[start - 1] if start else " "
    if len(tail) == 3 or lead in "âï":
        return True
    if len(tail) == 2:
        return any(c not in _PROSE for c in tail)
    if lead in "ÂÃ":
        return tail not in _CLOSING or not (before.isupper() or before in _OPENING)
    if lead >= "Ð":
        return False  # a letter of Cyrillic, Hebrew or Arabic is proven by its neighbours; 'ß“' and 'Ø½' are prose
    return tail not in _PROSE or before.islower()


# --- white space and markup -----------------------------------------------------------------------------------------

_BLOCK = "br|p|div|li|ul|ol|tr|td|th|table|h[1-6]|hr|pre|blockquote"
_INLINE = "a|b|i|u|em|strong|span|font|img|code|small|sub|sup"
_BLOCK_TAG = re.compile(rf"(?:</?(?:{_BLOCK})(?:\s[^<>]*)?/?>\s*)+", re.IGNORECASE)
_INLINE_TAG = re.compile(rf"</?(?:{_INLINE})(?:\s[^<>]*)?/?>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:[a-z]{2,8}|#\d{1,7}|#x[0-9a-f]{1,6});", re.IGNORECASE)


def has_markup(text: str) -> bool:
    """Whether the text has HTML tags or entities."""
    if "<" in text and (_BLOCK_TAG.search(text) or _INLINE_TAG.search(text)):
        return True
    return "&" in text and any(html.unescape(match.group()) != match.group() for match in _ENTITY.finditer(text))


def strip_markup(text: str) -> str:
    """The text without HTML tags (block tags become a space), its entities as characters."""
    if not has_markup(text):
        return text
    without = _BLOCK_TAG.sub(lambda match: "" if match.start() and text[match.start() - 1].isspace() else " ", text)
    without = _INLINE_TAG.sub("", without)
    return _ENTITY.sub(lambda match: html.unescape(match.group()), without)


# --- labels ---------------------------------------------------------------------------------------------------------

_BETWEEN = re.compile(r"(?<=[^\W_])[\s_\-]+(?=[^\W_])")


def label_key(label: str) -> str:
    """The form in which labels count as spellings of one: case, outer spaces, and spaces, hyphens and underscores
    between letters do not matter. The sign of "-1" does."""
    return _BETWEEN.sub(" ", unicodedata.normalize("NFKC", label).casefold().strip())


def visible(value: object, limit: int = 60) -> str:
    """A value for display on one line: cut to ``limit`` characters, hidden characters and line ends as escapes, spaces
    at the ends as marks."""
    text = str(value)
    shown = _CONTROL.sub(lambda match: f"\\u{ord(match.group()):04x}", text[:limit])
    shown = shown.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    inner = shown.strip(" ")
    before = len(shown) - len(shown.lstrip(" "))
    shown = "␣" * before + inner + "␣" * (len(shown) - before - len(inner))
    return shown if len(text) <= limit else shown + "…"
