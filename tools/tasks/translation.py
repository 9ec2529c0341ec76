"""Translation: a sentence in one language to the same in another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ...evals.metrics import FloatArray
from ..datasets.columns import Asked
from ..datasets.fields import Field, rows_at, text_at, texts_at, usable_rows
from ..datasets.parallel import LANGUAGES, direction
from ..datasets.rows import Rows
from ..datasets.types import Row, Split
from .sequence import UNTUNED, SequenceTask, written
from .task import Answer, Reading

if TYPE_CHECKING:
    from ..datasets.tables import Table
    from ..training.generative.prompted import Prompted

SOURCE = Field("source", ("src", "quelle", "source_text"), "--text")
TARGET = Field("target", ("tgt", "trg", "ziel", "target_text", "translation"), "--label")
TARGETS = Field("references", ("targets", "translations"))
SOURCE_LANG = Field("source_lang", ("src_lang", "source_language"))
TARGET_LANG = Field("target_lang", ("tgt_lang", "target_language"))
_NAMES = {
    "ar": "Arabic", "bg": "Bulgarian", "cs": "Czech", "da": "Danish", "de": "German",
    "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian", "fa": "Persian",
    "fi": "Finnish", "fr": "French", "ga": "Irish", "he": "Hebrew", "hi": "Hindi",
    "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian", "is": "Icelandic", "it": "Italian",
    "ja": "Japanese", "ko": "Korean", "lt": "Lithuanian", "lv": "Latvian", "nl": "Dutch",
    "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian",
    "sk": "Slovak", "sl": "Slovenian", "sv": "Swedish", "th": "Thai", "tr": "Turkish",
    "uk": "Ukrainian", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip


class Translation(SequenceTask):
    """A sentence to the same in another language; several translations may be right."""

    name = "translation"
    summary = "a text to the same in another language"
    metrics = ("bleu", "chrf", "nll", "perplexity")
    probes = ("copy_source", "nearest_target", UNTUNED)
    maskable = ("source", "target", "references")
    asked = SOURCE
    ways = {"copy_source": "copy", "nearest_target": "nearest"}  # noqa: RUF012
    augments = ("noise", "back_translate")
    changeable = ("source",)

    def claims(self, table: Table) -> bool:
        """A source and a target, or two columns that are called as languages are."""
        names = {column.strip().lower() for column in table.columns}
        source = names & {"source", "src", "quelle"}
        target = names & {"target", "tgt", "trg", "ziel", "references", "targets"}
        return bool(source and target) or _languages(table) is not None

    def read_all(self, tables: Mapping[str, Table], asked: Asked) -> Reading:
        """As every task; and say which way is translated where that was guessed."""
        found = super().read_all(tables, asked)
        pair = None if asked.text or asked.label else _languages(tables["train"])
        if pair is None:
            return found
        return replace(found, guesses=(*found.guesses, *direction(*pair)[2]))

    def read(self, table: Table, asked: Asked, *, train: bool) -> Rows:
        """Source, target, references and languages of each row."""
        pair = None if asked.text or asked.label else _languages(table)
        source = pair[0] if pair else SOURCE.require(table, asked.text)
        several = None if pair else TARGETS.column(table)
        target = pair[1] if pair else TARGET.column(table, asked.label)
        if target is None and several is None:
            TARGET.require(table, asked.label)
        gold = target or several
        assert gold is not None
        kept, oddities = usable_rows(table, source, [gold], train=train)
        languages = [SOURCE_LANG.column(table), TARGET_LANG.column(table)]
        coded = [c if c.lower() in LANGUAGES else "" for c in (source, gold)]
        rows: list[Row] = []
        for i in kept:
            found = list(dict.fromkeys([*texts_at(table, target, i), *texts_at(table, several, i)]))
            rows.append(
                {
                    "source": text_at(table, source, i),
                    "target": found[0],
                    "references": found,
                    "source_lang": text_at(table, languages[0], i) or coded[0],
                    "target_lang": text_at(table, languages[1], i) or coded[1],
                }
            )
        return rows_at(table, kept, [row["source"] for row in rows], rows, oddities)

    def asked_row(self, table: Table, row: int, text: str) -> Row:
        """The source, and its languages where they stand beside it."""
        fields = {"source_lang": SOURCE_LANG, "target_lang": TARGET_LANG}
        said = {name: text_at(table, f.column(table), row) for name, f in fields.items()}
        return {"source": text, **said}

    def prompted(self, row: Row) -> Prompted:
        """An instruction that names the languages, where they are known."""
        from ..training.generative.prompted import Prompted

        given, wanted = (_language(row.get(k, "")) for k in ("source_lang", "target_lang"))
        order = (
            "Translate" + (f" from {given}" if given else "") + (f" to {wanted}" if wanted else "")
        )
        return Prompted(
            prompt=f"{order}:\n{row['source']}",
            bare=row["source"],
            target=self.target(row),
        )

    def target(self, row: Row) -> str:
        """The first of the right translations."""
        return str(row.get("target", ""))

    def stats(self, split: Split, answers: Sequence[Answer]) -> dict[str, FloatArray]:
        """BLEU and chrF against all references; the likelihood of the first."""
        from ...evals.measures import bleu, chrf

        given, references = written(answers), [row["references"] for row in split.rows]
        return {
            "bleu": bleu.rows(references, given, language=_target_language(split)),
            "chrf": chrf.rows(references, given),
            **self.likelihood(answers),
        }

    def remarks(self, validation: Split) -> tuple[str, ...]:
        """The signatures that sacrebleu wants stated beside its scores."""
        from ...evals.measures import bleu, chrf

        references = [row["references"] for row in validation.rows]
        language = _target_language(validation)
        return (
            f"BLEU: sacrebleu {bleu.signature(references, language=language)}",
            f"chrF: sacrebleu {chrf.signature(references)}",
        )


def _languages(table: Table) -> tuple[str, str] | None:
    """Two columns called by languages' codes, source first."""
    columns = [c for c in table.columns if c.strip().lower() != "id"]
    if len(columns) != 2 or not all(c.lower() in LANGUAGES for c in columns):
        return None
    found = direction(columns[0].lower(), columns[1].lower())
    by_code = {column.lower(): column for column in columns}
    return by_code[found[0]], by_code[found[1]]


def _language(code: str) -> str:
    return _NAMES.get(code.lower().replace("_", "-").split("-")[0], code)


def _target_language(split: Split) -> str:
    return str(split.rows[0].get("target_lang", "")) if split.rows else ""


TASK = Translation()
