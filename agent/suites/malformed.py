"""Datasets that cannot be used: generated, and slices of real ones damaged in many ways."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

Damage = Callable[[bytes], bytes]
ROWS = 40
_WORDS = ("about", "refund", "ticket", "flight", "seedling", "invoice", "hotel", "compost")


def csv_rows(separator: str = ",") -> bytes:
    """A good table of two labels."""
    lines = [
        f"{_WORDS[i % 8]} {_WORDS[(i * 3) % 8]} no {i}{separator}{'ab'[i % 2]}" for i in range(ROWS)
    ]
    return "\n".join([f"text{separator}label", *lines, ""]).encode()


def jsonl_rows() -> bytes:
    """The same as JSON lines."""
    said = [line.split(",") for line in csv_rows().decode().split("\n")[1:-1]]
    return "".join(json.dumps({"text": t, "label": x}) + "\n" for t, x in said).encode()


def conll_rows() -> bytes:
    """Sentences with entities."""
    return b"".join(
        f"{_WORDS[i % 8]}\tO\nAnna\tB-PER\nLee\tI-PER\n\n".encode() for i in range(ROWS)
    )


def squad_rows() -> bytes:
    """Questions with answers in their contexts."""
    paragraphs = [
        {
            "context": f"The number {i} stands here.",
            "qas": [
                {
                    "id": str(i),
                    "question": "Which number?",
                    "answers": [{"text": str(i), "answer_start": 11}],
                }
            ],
        }
        for i in range(ROWS)
    ]
    return json.dumps({"version": "1.1", "data": [{"paragraphs": paragraphs}]}).encode()


def parquet_rows() -> bytes:
    """The same as parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    said = [line.split(",") for line in csv_rows().decode().split("\n")[1:-1]]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"text": [r[0] for r in said], "label": [r[1] for r in said]}), sink)
    return bytes(sink.getvalue().to_pybytes())


def cut(share: float) -> Damage:
    """Only the beginning."""
    return lambda data: data[: int(len(data) * share)]


def noise(seed: int) -> Damage:
    """Random bytes of the same length."""
    return lambda data: random.Random(seed).randbytes(max(64, len(data)))


def nul(data: bytes) -> bytes:
    """NUL bytes in the middle."""
    half = len(data) // 2
    return data[:half] + bytes(300) + data[half:]


def wide(data: bytes) -> bytes:
    """UTF-16 without its mark."""
    return data.decode("utf-8", "replace").encode("utf-16-le")


def other_encoding(data: bytes) -> bytes:
    """Every line in another encoding."""
    return data.replace(b" ", " \u0436\u0439\u00e9 ".encode("cp1251", "ignore") + b"\xff\xfe ")


def packed(data: bytes) -> bytes:
    """Gzip under the plain name."""
    import gzip

    return gzip.compress(data)


def zipped(data: bytes) -> bytes:
    """A zip archive, as of Excel, under the plain name."""
    import io
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("x", data)
    return out.getvalue()


def empty(_: bytes) -> bytes:
    """Nothing."""
    return b""


def blank(_: bytes) -> bytes:
    """White space alone."""
    return b" \n\n \t\n" * 20


def pickled(data: bytes) -> bytes:
    """A pickle under the plain name."""
    import pickle

    return pickle.dumps({"data": data})


def broken_utf16(data: bytes) -> bytes:
    """A mark of UTF-16 and then something else."""
    return b"\xff\xfe" + data[:999] + b"\x00\xd8\x00"


ANY: dict[str, Damage] = {
    "empty": empty,
    "blank": blank,
    "noise": noise(1),
    "other noise": noise(2),
    "NUL bytes": nul,
    "UTF-16 unmarked": wide,
    "gzip": packed,
    "zip": zipped,
    "pickle": pickled,
    "broken UTF-16": broken_utf16,
    "another encoding": other_encoding,
}
FORMATS: dict[str, Callable[[], bytes]] = {
    "train.csv": csv_rows,
    "train.tsv": lambda: csv_rows("\t"),
    "train.jsonl": jsonl_rows,
    "train.conll": conll_rows,
    "train.parquet": parquet_rows,
    "train.json": squad_rows,
}
NOT_DAMAGED = {  # formats that such a thing does not spoil
    ("train.json", "blank"),
    ("train.conll", "another encoding"),  # it has no spaces
}


def _table(**columns: list[object]) -> bytes:
    names = list(columns)
    rows = zip(*columns.values(), strict=True)
    return "".join(json.dumps(dict(zip(names, r, strict=True))) + "\n" for r in rows).encode()


def generated() -> Iterator[tuple[str, dict[str, bytes]]]:
    """Give (what, files by name) of datasets made to be unusable."""
    for name, make in FORMATS.items():
        for what, damage in ANY.items():
            if (name, what) not in NOT_DAMAGED:
                yield f"{name}: {what}", {name: damage(make())}
    n = ROWS
    texts: list[object] = [f"text no {i}" for i in range(n)]
    labels: list[object] = ["ab"[i % 2] for i in range(n)]
    yield "one label", {"train.jsonl": _table(text=texts, label=["a"] * n)}
    yield "no label column", {"train.csv": b"text\n" + b"word\n" * n}
    yield "labels missing", {"train.jsonl": _table(text=texts, label=[None, *labels[1:]])}
    yield "lists in cells", {"train.jsonl": _table(text=[["x"]] * n, label=labels)}
    yield "numbers in JSON lines", {"train.jsonl": b"1\n2\n3\n" * n}
    yield "lists in JSON lines", {"train.jsonl": b'["a", "b"]\n' * n}
    yield "cut JSON line", {"train.jsonl": jsonl_rows() + b'{"text": "x", "la'}
    yield "deep JSON", {"train.jsonl": b'{"text": ' + b"[" * 3000 + b"]" * 3000 + b"}\n"}
    yield "header alone", {"train.csv": b"text,label\n"}
    yield "open quote", {"train.csv": csv_rows() + b'"open,a\n' + b"more,b\n" * 5}
    yield "ragged rows", {"train.csv": csv_rows() + b"a,b,c,d,e\n" * 5}
    yield "the same column twice", {"train.csv": b"text,text\n" + b"a,b\n" * n}
    yield "no header", {"train.csv": csv_rows().split(b"\n", 1)[1]}
    yield "no train file", {"test.csv": csv_rows()}
    yield "two train files", {"train.csv": csv_rows(), "train.jsonl": jsonl_rows()}
    yield "an Excel sheet", {"train.xlsx": zipped(csv_rows())}
    yield "nothing at all", {"notes.txt": b"x"}
    yield "test without its columns", {"train.csv": csv_rows(), "test.csv": b"x,y\n1,2\n" * 9}
    yield "empty test", {"train.csv": csv_rows(), "test.csv": b""}
    yield (
        "unknown label in test",
        {
            "train.csv": csv_rows(),
            "test.csv": b"text,label\n" + b"x y,never\n" * 9,
        },
    )
    yield "CoNLL without tags", {"train.conll": b"word\nword\n\n" * n}
    yield "CoNLL with a strange tag", {"train.conll": conll_rows() + b"x\tQ-PER-\t\nx\t\n\n"}
    yield "CoNLL with columns that change", {"train.conll": conll_rows() + b"a b c\tO\tX\n\n"}
    yield "a parallel side that is short", {"train.src": b"a\nb\nc\n", "train.tgt": b"a\n"}
    yield (
        "parallel without test's twin",
        {
            "train.src": b"a\n" * n,
            "train.tgt": b"b\n" * n,
            "test.src": b"a\n",
        },
    )
    yield "parallel of noise", {"train.src": noise(3)(b""), "train.tgt": noise(4)(b"")}
    brat = {"a.txt": b"Anna Lee lives here.", "a.ann": b"T1\tPER 0 8\tAnna Lee\n"}
    yield "BRAT without text", {"a.ann": brat["a.ann"], "b.txt": b"x"}
    yield "BRAT offsets that lie", {**brat, "a.ann": b"T1\tPER 3 99\tAnna Lee\n"}
    yield "BRAT line that is none", {**brat, "a.ann": b"T1 PER zero\n"}
    yield "BRAT of noise", {**brat, "a.txt": noise(5)(b"")}
    yield "BRAT with negative offsets", {**brat, "a.ann": b"T1\tPER -4 -1\tx\n"}
    squad = squad_rows()
    yield "SQuAD cut", {"train.json": cut(0.7)(squad)}
    yield "SQuAD without data", {"train.json": b'{"version": "1.1", "data": []}'}
    yield "SQuAD without contexts", {"train.json": squad.replace(b'"context"', b'"kontext"')}
    yield (
        "SQuAD offsets that are words",
        {"train.json": squad.replace(b'"answer_start": 11', b'"answer_start": "x"')},
    )
    for share in (0.3, 0.6, 0.9):
        yield f"parquet cut at {share}", {"train.parquet": cut(share)(parquet_rows())}
    parquet = parquet_rows()
    yield "parquet with a broken footer", {"train.parquet": parquet[:-40] + bytes(32) + b"PAR1"}
    yield (
        "parquet with broken pages",
        {"train.parquet": parquet[:4] + noise(6)(parquet[4:-600]) + parquet[-600:]},
    )
    saved = {"dataset_info.json": b"{}", "state.json": b"{}"}
    yield "saved dataset without files", saved
    yield "saved dataset of no JSON", {**saved, "state.json": b"{"}
    yield "saved dict without its splits", {"dataset_dict.json": b'{"splits": ["train"]}'}
    yield "saved dict that leads out", {"dataset_dict.json": b'{"splits": ["../../etc"]}'}


REAL = {
    "intent/banking77/train.jsonl": 60,
    "ner/wnut17/train.conll": 400,
    "ner/wnut17/train.jsonl": 60,
    "qa/xquad_en/train.jsonl": 30,
    "relation/semeval2010_task8/train.jsonl": 60,
    "translation/tatoeba_en_de/train.jsonl": 60,
}


def _swap(old: bytes, new: bytes) -> Damage:
    return lambda data: data.replace(old, new)


def _tail(line: bytes) -> Damage:
    return lambda data: data + line


SPOILED: dict[str, Damage] = {
    "NUL bytes": nul,
    "UTF-16 unmarked": wide,
    "gzip": packed,
    "pickle": pickled,
    "another encoding": other_encoding,
    "noise": noise(7),
}
SPOILED_LINES: dict[str, Damage] = {
    "cut in a line": lambda data: data[: data.rstrip().rfind(b"\n") + 20],
    "a line that is a list": _tail(b"[1, 2]\n"),
    "quotes lost": _swap(b'": "', b'": '),
}


def real(data: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Give slices of real datasets, damaged; nothing where they are not there."""
    for name, rows in REAL.items():
        path = data / name
        if not path.is_file():
            continue
        lines = path.read_bytes().split(b"\n")[:rows]
        whole = b"\n".join([*lines, b""])
        damages = SPOILED | (SPOILED_LINES if path.suffix == ".jsonl" else {})
        for what, damage in damages.items():
            if (path.suffix, what) == (".conll", "another encoding"):
                continue
            yield f"{name}: {what}", {path.name: damage(whole)}


def write(files: dict[str, bytes], folder: Path) -> Path:
    """Put a dataset into an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder
