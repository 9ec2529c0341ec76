"""Bytes to text: UTF-8, with a little patience for stray lines and none for the rest."""

from __future__ import annotations

import codecs
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import DatasetError
from .types import Oddity

STRAY_SHARE = 0.01  # of all lines; more than that is a file in another encoding
STRAY_LINES = 3  # always borne with, if they are at most a tenth of the file

_BOMS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MAGIC = (
    (b"PAR1", "parquet: rename it to end in .parquet"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook: unpack it, or save the sheet as CSV"),
    (b"\x1f\x8b", "gzip: unpack it with gunzip"),
    (b"BZh", "bzip2: unpack it with bunzip2"),
    (b"\xfd7zXZ", "xz: unpack it with unxz"),
    (b"\x28\xb5\x2f\xfd", "zstandard: unpack it with unzstd"),
    (b"%PDF", "PDF: export the rows as CSV or JSONL"),
    (b"SQLite format 3", "a SQLite database: export the table as CSV"),
)
_CONTROL = bytes(i for i in range(32) if i not in b"\t\n\r\f\x1b")
_NON_ASCII = re.compile(r"[^\x00-\x7f]{2,}")
_C1 = re.compile("[\x80-\x9f]")


@dataclass(frozen=True)
class Decoded:
    """A file's text, with what had to be mended.

    Attributes:
        text: Without a byte order mark; line ends as in the file.
        mended: Line number (from 1) to what was done to that line.
        oddities: What concerns the whole file.
    """

    text: str
    mended: dict[int, str] = field(default_factory=dict)
    oddities: tuple[Oddity, ...] = ()


def read_bytes(path: Path) -> bytes:
    """Read a file whole.

    Raises:
        DatasetError: It cannot be read, or holds nothing.
    """
    try:
        data = path.read_bytes()
    except PermissionError:
        raise DatasetError(
            f"{path} cannot be read: permission denied; "
            f"allow it with: chmod u+r {shlex.quote(str(path))}"
        ) from None
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}") from None
    if not data.strip():
        raise _empty(str(path))
    return data


def decode(data: bytes, name: str) -> Decoded:
    """Decode a file that should be UTF-8.

    A byte order mark is dropped; UTF-16 and UTF-32 are read where a mark announces them.
    A few lines in another encoding (at most 1% of all, or at most 3 that are at most a
    tenth) are read byte by byte as Windows-1252 and reported; more than that is an error,
    since guessing a whole file's encoding would damage texts without a word.

    Args:
        data: The file as it stands on disk.
        name: Its name, for messages.

    Raises:
        DatasetError: The file is binary, or in another encoding.
    """
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return _decode_wide(data, encoding, name)
    _refuse_binary(data, name)
    data = data.removeprefix(codecs.BOM_UTF8)
    if not data.strip():
        raise _empty(name)
    try:
        return Decoded(data.decode())
    except UnicodeDecodeError:
        return _decode_lines(data, name)


def text_trouble(text: str) -> str | None:
    """Name the trace that a wrong decoding left in a text, if there is one."""
    if text.isascii():
        return None
    if "\ufffd" in text:
        return "a replacement character (U+FFFD): the original character is lost"
    if _C1.search(text):
        return "C1 control characters: Windows-1252 quotes or dashes read as Latin-1"
    if any(_is_mojibake(run) for run in _NON_ASCII.findall(text)):
        return "UTF-8 read as Windows-1252 (such as Ã© for é)"
    return None


def _empty(where: str) -> DatasetError:
    return DatasetError(f"{where} is empty, it has no rows; give a file with a header and rows")


def _is_mojibake(run: str) -> bool:
    """Tell whether non-ASCII characters turn into fewer when their cp1252 bytes are UTF-8."""
    try:
        run.encode("cp1252").decode()
    except UnicodeError:
        return False
    return True


def _decode_wide(data: bytes, encoding: str, name: str) -> Decoded:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{name} begins as {encoding.upper()} but breaks at byte {error.start}: "
            "the file is cut or damaged; save it again as UTF-8"
        ) from None
    if not text.strip():
        raise _empty(name)
    return Decoded(
        text, oddities=(Oddity("encoding", name, f"{encoding.upper()} by its byte order mark"),)
    )


def _refuse_binary(data: bytes, name: str) -> None:
    """Refuse what is not text, with a hint where the kind is known."""
    for magic, hint in _MAGIC:
        if data.startswith(magic):
            raise DatasetError(f"{name} is not a text file but {hint}")
    nul = data.find(b"\0")
    if nul >= 0 and (wide := _wide_without_mark(data)):
        raise DatasetError(
            f"{name} looks like {wide} without a byte order mark; {_iconv(name, wide)}"
        )
    sample = data[:65536]
    if nul >= 0 or len(sample) - len(sample.translate(None, _CONTROL)) > len(sample) // 50:
        where = f"line {data.count(bytes([10]), 0, nul) + 1} holds a NUL byte" if nul >= 0 else ""
        raise DatasetError(
            f"{name} is a binary file{f' ({where})' if where else ''}; "
            "give CSV, TSV, JSONL (as UTF-8 text), parquet or a saved Hugging Face dataset"
        )


def _wide_without_mark(data: bytes) -> str | None:
    """Name the UTF-16 that mostly-ASCII text would be in, seen by every other byte being 0."""
    sample = data[:4096]
    half = max(len(sample) // 2, 1)
    if sample[1::2].count(0) > 0.6 * half and sample[::2].count(0) < 0.1 * half:
        return "UTF-16LE"
    if sample[::2].count(0) > 0.6 * half and sample[1::2].count(0) < 0.1 * half:
        return "UTF-16BE"
    return None


def _decode_lines(data: bytes, name: str) -> Decoded:
    """Decode line by line, mending the stray ones if they are few."""
    lines = data.split(b"\n")
    bad: list[int] = []
    texts: list[str] = []
    for number, line in enumerate(lines, 1):
        try:
            texts.append(line.decode())
        except UnicodeDecodeError:
            bad.append(number)
            texts.append("")
    count = len(lines) - (not lines[-1])
    few = len(bad) <= STRAY_SHARE * count or len(bad) <= min(STRAY_LINES, 0.1 * count)
    if not few:
        probable = _probable_encoding(b"\n".join(lines[number - 1] for number in bad))
        raise DatasetError(
            f"{name} is not UTF-8: {len(bad)} of {count} lines, the first is line {bad[0]}; "
            f"probably {probable}; {_iconv(name, probable)}"
        )
    mended = {}
    for number in bad:
        texts[number - 1], mended[number] = _mend(lines[number - 1])
    return Decoded("\n".join(texts), mended)


def _mend(line: bytes) -> tuple[str, str]:
    """Decode a line that is not UTF-8; return its text and what was done."""
    try:
        # CESU-8: emoji written as two 3-byte surrogates, as some Java programs do.
        text = line.decode("utf-8", "surrogatepass")
        return text.encode("utf-16", "surrogatepass").decode("utf-16"), "CESU-8, read as UTF-8"
    except UnicodeError:
        pass
    parts: list[str] = []
    while line:
        try:
            parts.append(line.decode())
            break
        except UnicodeDecodeError as error:
            # Only the offending bytes: a line may mix both encodings.
            parts.append(line[: error.start].decode())
            wrong = line[error.start : error.end]
            try:
                parts.append(wrong.decode("cp1252"))
            except UnicodeDecodeError:  # five bytes have no meaning there
                parts.append(wrong.decode("latin-1"))
            line = line[error.end :]
    return "".join(parts), "not UTF-8, read as Windows-1252"


def _probable_encoding(sample: bytes) -> str:
    """Name the likeliest encoding of lines that are not UTF-8, as iconv spells it."""
    from charset_normalizer import from_bytes

    matches = list(from_bytes(sample[:65536]))
    # Western texts with few accents fit many code pages; the commonest one first.
    for match in matches:
        if "cp1252" in {match.encoding, *match.could_be_from_charset}:
            return "CP1252"
    return matches[0].encoding.upper().replace("_", "-") if matches else "CP1252"


def _iconv(name: str, encoding: str) -> str:
    source, target = shlex.quote(name), shlex.quote(f"utf8-{name}")
    return f"convert it: iconv -f {encoding} -t UTF-8 {source} > {target}"
