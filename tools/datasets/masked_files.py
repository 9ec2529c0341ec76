"""Mask the personal data of a file; what is written has the format of what was read."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DatasetError
from ..guardrails.masked_rows import Masker
from .conll import read_conll
from .decode import decode, read_bytes
from .delimited import read_delimited, read_records
from .formats import reader_of
from .jsonl import read_jsonl
from .plain import read_plain
from .squad import read_squad

AuditLine = dict[str, str | int]


@dataclass(frozen=True)
class MaskedFile:
    """A file after masking.

    Attributes:
        text: What is to be written.
        audit: A line for each piece: id, field, start, end, type.
        counts: Pieces of each kind.
        rows: How many were read.
        touched: How many rows hold personal data.
    """

    text: str
    audit: tuple[AuditLine, ...]
    counts: dict[str, int]
    rows: int
    touched: int


def mask_file(
    path: Path, masker: Masker, *, column: str | None = None, drop: bool = False
) -> MaskedFile:
    """Mask a file of rows.

    Args:
        path: CSV, TSV, JSONL, CoNLL, SQuAD's JSON or plain text.
        masker: Says what is personal data and what stands in its place.
        column: Of the text, where that alone is to be masked.
        drop: Leave out rows that hold personal data.

    Raises:
        DatasetError: The file cannot be read or its format not be written.
    """
    try:
        return _Masking(path, masker, column, drop).done()
    except RecursionError:
        raise DatasetError(f"{path.name} nests too deeply to be masked; flatten its rows") from None


class _Masking:
    def __init__(self, path: Path, masker: Masker, column: str | None, drop: bool) -> None:
        self.path, self.masker, self.column, self.drop = path, masker, column, drop
        self.audit: list[AuditLine] = []
        self.rows = self.touched = 0

    def done(self) -> MaskedFile:
        reader = reader_of(self.path)
        writers = {
            read_delimited: self._delimited,
            read_jsonl: self._jsonl,
            read_conll: self._conll,
            read_squad: self._squad,
            read_plain: self._plain,
        }
        if reader not in writers:
            raise DatasetError(
                f"{self.path}: cannot be masked in its own format; give CSV, TSV, JSONL, CoNLL, "
                "SQuAD JSON or plain text"
            )
        table = reader(self.path)  # bad rows are told as everywhere
        if self.column is not None and self.column not in table.cells:
            raise DatasetError(
                f"{table.name} has no column {self.column!r}; it has "
                f"{', '.join(map(repr, table.cells))}"
            )
        text = "".join(writers[reader]())
        counts = Counter(str(line["type"]) for line in self.audit)
        return MaskedFile(text, tuple(self.audit), dict(counts), self.rows, self.touched)

    def _kept(self, name: object, place: str) -> bool:
        """Note the marks of the row at hand; False where it is to be left out."""
        self.rows += 1
        if not self.masker.marks:
            return True
        self.touched += 1
        self._note(name, place)
        return not self.drop

    def _note(self, name: object, place: str) -> None:
        """List the marks under the row's own id, unless that holds personal data itself."""
        known = str(name) if isinstance(name, str | int) and name != "" else place
        if self.masker.find(known):
            known = place
        self.audit += [
            {"id": known, "field": m.field, "start": m.start, "end": m.end, "type": m.kind}
            for m in self.masker.marks
        ]

    def _delimited(self) -> Iterator[str]:
        delimiter, records, quoted = read_records(self.path)
        out = io.StringIO()
        # A file whose quotes are plain characters has no cell with a delimiter or line break.
        style: dict[str, Any] = {} if quoted else {"quoting": csv.QUOTE_NONE, "quotechar": None}
        writer = csv.writer(out, delimiter=delimiter, lineterminator="\n", **style)
        header: list[str] | None = None
        for number, cells in records:
            if header is None or not any(cell.strip() for cell in cells):
                header = header or ([c.strip() for c in cells] if any(cells) else None)
                writer.writerow(cells)
                continue
            row = dict(zip(header, cells, strict=False))
            masked = self.masker.row(row, self.column)
            if self._kept(row.get("id"), f"{self.path.name} row {number}"):
                writer.writerow([masked[name] for name in header[: len(cells)]])
        yield out.getvalue()

    def _lines(self) -> list[str]:
        """Give the lines without their ends; U+2028 and its like end none."""
        text = decode(read_bytes(self.path), self.path.name).text
        return text.replace("\r\n", "\n").split("\n")

    def _jsonl(self) -> Iterator[str]:
        for number, line in enumerate(self._lines(), 1):
            if not line.strip():
                continue
            row = json.loads(line)
            masked = self.masker.row(row, self.column)
            if self._kept(row.get("id"), f"{self.path.name} line {number}"):
                yield json.dumps(masked, ensure_ascii=False) + "\n"

    def _conll(self) -> Iterator[str]:
        lines = self._lines()
        tabs = any("\t" in line for line in lines)
        sentence: list[str] = []
        for number, line in enumerate([*lines, ""], 1):
            if line.strip():
                sentence.append(line)
            elif sentence:
                yield from self._sentence(sentence, number - len(sentence), tabs)
                sentence = []

    def _sentence(self, lines: list[str], first: int, tabs: bool) -> Iterator[str]:
        fields = [line.split("\t") if tabs else line.split() for line in lines]
        tokens = self.masker
        tokens.marks = []
        masked = tokens.tokens([own[0] for own in fields], "tokens")
        if self._kept(None, f"{self.path.name} line {first}"):
            mark = "\t" if tabs else " "
            rows = zip(masked, fields, strict=True)
            yield "\n".join(mark.join([token, *own[1:]]) for token, own in rows) + "\n\n"

    def _squad(self) -> Iterator[str]:
        whole = json.loads(decode(read_bytes(self.path), self.path.name).text)
        for position, article in enumerate(whole["data"], 1):
            kept = []
            for number, paragraph in enumerate(article["paragraphs"], 1):
                masked = self.masker.row(paragraph, self.column)
                place = f"{self.path.name} article {position} paragraph {number}"
                if self._kept(paragraph.get("id"), place):
                    kept.append(masked)
            article["paragraphs"] = kept
            if isinstance(article.get("title"), str) and self.column is None:
                self.masker.marks = []
                article["title"] = self.masker.text(article["title"], "title").new
                self._note(None, f"{self.path.name} article {position}")
        yield json.dumps(whole, ensure_ascii=False) + "\n"

    def _plain(self) -> Iterator[str]:
        lines = self._lines()
        if not lines[-1]:
            lines.pop()
        for number, line in enumerate(lines, 1):
            self.masker.marks = []
            masked = self.masker.text(line, "text").new
            if self._kept(None, f"{self.path.name} line {number}"):
                yield masked + "\n"
