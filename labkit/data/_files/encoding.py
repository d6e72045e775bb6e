"""The bytes of a file: is it text at all, in which encoding, is its gzip stream whole, and what is its content hash.

Everything here streams: no file is ever held in memory as a whole.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from labkit.errors import DataError

_CHUNK = 1 << 20

_GZIP = b"\x1f\x8b"
_AS_TEXT = "export the table as CSV or JSON lines"
_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive", "unpack it and give the file inside"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file", "save the sheet as CSV (UTF-8)"),
    (b"%PDF", "a PDF document", _AS_TEXT),
    (b"\x89PNG", "a PNG picture", _AS_TEXT),
    (b"\xff\xd8\xff", "a JPEG picture", _AS_TEXT),
    (b"GIF8", "a GIF picture", _AS_TEXT),
    (b"SQLite format 3\0", "an SQLite database", _AS_TEXT),
    (b"\x89HDF", "an HDF5 file", _AS_TEXT),
    (b"BZh", "a bzip2 archive", "unpack it, or compress it with gzip"),
    (b"\xfd7zXZ", "an xz archive", "unpack it, or compress it with gzip"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", "unpack it, or compress it with gzip"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it and give the file inside"),
    (b"\x7fELF", "a program", _AS_TEXT),
    (b"{\\rtf", "an RTF document", "save the table as CSV (UTF-8)"),
    (b"PAR1", "a Parquet file", "give it the suffix .parquet"),
    (b"ARROW1", "an Arrow file", "give it the suffix .arrow"),
)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UNDEFINED_CP1252 = b"\x81\x8d\x8f\x90\x9d"


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What one pass over the bytes of a text file found."""

    fingerprint: str
    encoding: str
    reason: str


def is_gzip(path: Path) -> bool:
    """Whether the file starts like a gzip stream, whatever its suffix."""
    with path.open("rb") as file:
        return file.read(2) == _GZIP


def open_bytes(path: Path) -> BinaryIO:
    """The content, unpacked where it is gzip."""
    return cast(BinaryIO, gzip.open(path, "rb")) if is_gzip(path) else path.open("rb")


def open_text(path: Path, encoding: str) -> TextIO:
    """The content as text without a byte order mark; line ends stay as they are, as the csv module wants them."""
    stream = io.TextIOWrapper(open_bytes(path), encoding=encoding, newline="")
    rewind(stream)
    return stream


def rewind(stream: TextIO) -> None:
    """Go back to the first character behind a byte order mark."""
    stream.seek(0)
    if stream.read(1) != "\ufeff":
        stream.seek(0)


@contextmanager
def refusing(file: str) -> Iterator[None]:
    """Turn what can go wrong with the bytes of a file into a DataError that names it."""
    try:
        yield
    except EOFError as error:
        do = "copy or download it again"
        raise DataError("a whole gzip file", "one that ends early (it is truncated)", do, file=file) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        do = "copy or download it again"
        raise DataError("an intact gzip file", f"a damaged one ({error})", do, file=file) from error
    except PermissionError as error:
        raise DataError("a file that may be read", "no permission", "change its permissions", file=file) from error
    except OSError as error:
        raise DataError("a file that can be read", error.strerror or str(error), "check the disk", file=file) from error


def fingerprint(path: Path, file: str) -> str:
    """Hash of the unpacked content, 16 bytes of BLAKE2b in hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=16)
    with refusing(file), open_bytes(path) as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def scan(path: Path, file: str, encoding: str = "") -> Scan:
    """Read the whole file once: its hash, its encoding, and whether it is text at all.

    Args:
        path: the file.
        file: how messages name it.
        encoding: the encoding to insist on; empty: UTF-8, UTF-16 or UTF-32 where the bytes are valid as such, else
            Windows-1252 or Latin-1.

    Raises:
        DataError: the file is empty, binary, damaged, or not valid in the encoding asked for.
    """
    with refusing(file):
        with open_bytes(path) as stream:
            head = stream.read(1 << 16)
        _refuse_binary(head, path, file)
        if encoding:
            chosen, reason = _known(encoding, file), f"Encoding {encoding}: as asked."
        else:
            chosen, reason = _guess(head)
        try:
            return Scan(fingerprint=_decode_all(path, file, chosen), encoding=chosen, reason=reason)
        except _Invalid as bad:
            if encoding or chosen != "utf-8":
                do = "leave out encoding= to have it detected" if encoding else "save the file as UTF-8"
                raise DataError(f"text in {chosen}", bad.came, do, file=file, row=bad.line) from bad.__cause__
            legacy, reason = _legacy(path, file, bad)
            return Scan(fingerprint=_decode_all(path, file, legacy), encoding=legacy, reason=reason)


class _Invalid(Exception):
    def __init__(self, line: int, came: str) -> None:
        super().__init__(came)
        self.line, self.came = line, came


def _known(encoding: str, file: str) -> str:
    try:
        "".encode(encoding)
        name = codecs.lookup(encoding).name
    except LookupError:
        do = "use a name such as utf-8, utf-16, cp1252 or latin-1"
        raise DataError("the name of a text encoding", repr(encoding), do, file=file) from None
    return "utf-8" if name == "utf-8-sig" else name


def _guess(head: bytes) -> tuple[str, str]:
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name, f"Encoding {name}: the file starts with its byte order mark."
    even, odd = head[0:4096:2], head[1:4096:2]
    if len(odd) > 1 and odd.count(0) > 0.3 * len(odd) and even.count(0) < 0.05 * len(even):
        return "utf-16-le", "Encoding utf-16-le: every second byte is zero."
    if len(odd) > 1 and even.count(0) > 0.3 * len(even) and odd.count(0) < 0.05 * len(odd):
        return "utf-16-be", "Encoding utf-16-be: every second byte is zero."
    return "utf-8", "Encoding utf-8: every byte is valid as such."


def _refuse_binary(head: bytes, path: Path, file: str) -> None:
    if not head:
        raise DataError("a file with data", "an empty file (0 bytes)", "check that it was saved", file=file)
    for magic, what, do in _MAGIC:
        if head.startswith(magic):
            if magic.startswith(b"PK") and (b"xl/" in head or path.suffix.lower() in {".xlsx", ".xlsm"}):
                what, do = "an Excel workbook", "save the sheet as CSV (UTF-8)"
            raise DataError("a text or Parquet file", f"binary data that looks like {what}", do, file=file)
    if head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05":
        do = "load it where it was made and save it as Parquet or CSV; labkit runs no code out of files"
        raise DataError("a text or Parquet file", "binary data that looks like a Python pickle", do, file=file)
    if re.match(rb"\s*<(!doctype html|html)", head, re.IGNORECASE):
        do = "download the file itself (on a code host: the raw file)"
        raise DataError("a file with data", "a web page (HTML)", do, file=file)


def _decode_all(path: Path, file: str, encoding: str) -> str:
    """Hash of the content, after every byte was decoded."""
    digest = hashlib.blake2b(digest_size=16)
    decoder = codecs.getincrementaldecoder(encoding)()
    wide = encoding.startswith(("utf-16", "utf-32"))
    lines, blank = 1, True
    with open_bytes(path) as stream:
        while True:
            chunk = stream.read(_CHUNK)
            digest.update(chunk)
            if not wide and b"\0" in chunk:
                line = lines + chunk[: chunk.index(b"\0")].count(b"\n")
                do = "export the table as text; a file in UTF-16 needs encoding='utf-16'"
                raise DataError("a text file", "a zero byte, as in binary data", do, file=file, row=line)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                lines += error.object[: error.start].decode(encoding, "replace").count("\n")
                came = f"the byte 0x{error.object[error.start]:02x}, which is not valid there"
                raise _Invalid(lines, came) from error
            lines += text.count("\n")
            blank = blank and not text.strip("\ufeff \t\r\n")
            if not chunk:
                break
    if blank:
        raise DataError("a file with data", "an empty file (only blank lines)", "check that it was saved", file=file)
    return digest.hexdigest()


def _legacy(path: Path, file: str, bad: _Invalid) -> tuple[str, str]:
    """Windows-1252 or Latin-1, unless the file is UTF-8 with damage."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    invalid = valid = undefined = 0
    with open_bytes(path) as stream:
        while True:
            chunk = stream.read(_CHUNK)
            text = decoder.decode(chunk, final=not chunk)
            invalid += len(re.findall("[\udc80-\udcff]", text))
            valid += len(re.findall("[\x80-\ud7ff\ue000-\U0010ffff]", text))
            undefined += len(chunk) - len(chunk.translate(None, _UNDEFINED_CP1252))
            if not chunk:
                break
    if valid >= invalid:
        came = f"{bad.came}, among {valid:,} characters that are ({invalid:,} bytes are not)"
        do = "mend that line, or read every byte as it is with encoding='latin-1'"
        raise DataError("text in one encoding, by its look UTF-8", came, do, file=file, row=bad.line)
    name = "latin-1" if undefined else "cp1252"
    why = f"{undefined:,} bytes mean nothing in cp1252" if undefined else "it holds every byte"
    return name, f"Encoding {name}: {invalid:,} bytes are not valid UTF-8, the first in line {bad.line}; {why}."
