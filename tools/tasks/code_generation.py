"""Code generation: a description to a Python program that passes its tests, which are run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ...evals.measures import passes
from ...evals.metrics import PASS_AT, FloatArray
from ..datasets.columns import Asked
from ..datasets.fields import Field, rows_at, text_at, texts_at, usable_rows
from ..datasets.rows import Rows
from ..datasets.types import Row, Split
from ..errors import DatasetError
from .sequence import UNTUNED, SequenceTask
from .task import Answer, Reading

if TYPE_CHECKING:
    from ..datasets.tables import Table
    from ..sandbox.run import Trial
    from ..training.generative.decoding import Decoding
    from ..training.generative.prompted import Prompted

TEMPERATURE, TOP_P = 0.8, 0.95  # of several programs for one problem
PROMPT = Field("prompt", ("description", "instruction", "question", "text"), "--text")
SOLUTION = Field("solution", ("code", "canonical_solution", "program"), "--label")
TESTS = Field("tests", ("test_list", "test"))
SETUP = Field("setup", ("test_setup", "test_setup_code", "test_imports"))
ENTRY = Field("entry_point")
RUNS = (
    "programs that the model writes are run on this machine to test them: each in a process of "
    "its own, with limits, without network, writing only in a folder that is deleted"
)


class CodeGeneration(SequenceTask):
    """A description to a program; only running its tests tells whether it is right."""

    name = "code-generation"
    summary = "a description to a Python program that passes its tests"
    metrics = ("pass_at_1", "nll", "perplexity", *passes.NAMES[1:])
    opt_in = passes.NAMES[1:]
    probes = ("nearest_solution", UNTUNED)
    maskable = ("prompt", "solution", "tests", "setup")
    masks_unasked = False
    asked = PROMPT
    ways = {"nearest_solution": "nearest"}  # noqa: RUF012
    augments = ("noise",)
    changeable = ("prompt",)

    def claims(self, table: Table) -> bool:
        """Tests beside a prompt or a solution."""
        names = {column.strip().lower() for column in table.columns}
        tested = names & {"tests", "test_list", "test"}
        return bool(tested) and bool(names & {"prompt", "solution", "code", "canonical_solution"})

    def read_all(self, tables: Mapping[str, Table], asked: Asked) -> Reading:
        """As every task; and say that programs will be run."""
        found = super().read_all(tables, asked)
        return replace(found, guesses=(*found.guesses, RUNS))

    def read(self, table: Table, asked: Asked, *, train: bool) -> Rows:
        """Prompt, solution, tests and their setup of each row; each test must parse."""
        prompt = PROMPT.require(table, asked.text)
        solution = SOLUTION.require(table, asked.label)
        tests, setup, entry = TESTS.require(table), SETUP.column(table), ENTRY.column(table)
        kept, oddities = usable_rows(table, prompt, [solution, tests], train=train)
        rows: list[Row] = []
        for i in kept:
            place = table.places[i]
            name = text_at(table, entry, i)
            found = [_with_entry(test, name) for test in texts_at(table, tests, i)]
            before = "\n".join(texts_at(table, setup, i))
            for number, test in enumerate(found, 1):
                _check(test, f"{place}: test {number} of {len(found)}")
            _check(before, f"{place}: its setup")
            rows.append(
                {
                    "prompt": text_at(table, prompt, i),
                    "solution": text_at(table, solution, i),
                    "tests": found,
                    "setup": before,
                    "entry_point": name,
                }
            )
        return rows_at(table, kept, [row["prompt"] for row in rows], rows, oddities)

    def asked_row(self, table: Table, row: int, text: str) -> Row:
        """The prompt; and the tests where they are known, of which the first is shown."""
        tests, entry = TESTS.column(table), ENTRY.column(table)
        name = text_at(table, entry, row)
        found = [_with_entry(test, name) for test in texts_at(table, tests, row)]
        return {"prompt": text, "tests": found, "entry_point": name}

    def prompted(self, row: Row) -> Prompted:
        """The description, and what the function is called: by name, or by the first test.

        Source: the first test alone is shown, as in EvalPlus (Liu et al. 2023), so that the
        others cannot be answered by heart.
        """
        from ..training.generative.prompted import Prompted

        tests = row.get("tests") or []
        said = row["prompt"].strip()
        if row.get("entry_point"):
            said += f"\nThe function is called {row['entry_point']}."
        elif tests:
            said += f"\nIt must pass this test: {tests[0]}"
        return Prompted(
            prompt=f"Write a Python program. Answer with the code alone.\n{said}",
            bare=said,
            target=self.target(row),
        )

    def target(self, row: Row) -> str:
        """The solution."""
        return str(row.get("solution", "")).strip("\n")

    def answer(self, text: str, row: Row) -> Answer:
        """The program in what was written, out of its fences."""
        from ..sandbox.extract import extract_program

        return {"text": extract_program(text)}

    def decoding(self, measured: Collection[str]) -> Decoding | None:
        """Several programs for each problem, where a target asks for one of k to pass.

        Twice k are drawn, as the estimate from k alone is the luck of one draw.

        Source: Chen et al. 2021, section 3.2: temperature 0.8 and nucleus 0.95 where k is large.
        """
        from ..training.generative.decoding import Decoding

        asked = [k for k in PASS_AT if k > 1 and f"pass_at_{k}" in measured]
        if not asked:
            return None
        return Decoding(samples=2 * max(asked), temperature=TEMPERATURE, top_p=TOP_P)

    def stats(self, split: Split, answers: Sequence[Answer]) -> dict[str, FloatArray]:
        """Whether each program passes all its tests, by running them; the gold's likelihood."""
        from ..sandbox.run import run_all

        drawn = [_programs(answer) for answer in answers]
        different = {
            (i, program): _trial(program, row)
            for i, (programs, row) in enumerate(zip(drawn, split.rows, strict=True))
            for program in programs
        }
        verdicts = run_all(list(different.values()))
        passed = {key: v.passed for key, v in zip(different, verdicts, strict=True)}
        passing = [sum(passed[i, program] for program in found) for i, found in enumerate(drawn)]
        counts = [len(programs) for programs in drawn]
        return {"passes": passes.rows(counts, passing), **self.likelihood(answers)}

    def remarks(self, validation: Split) -> tuple[str, ...]:
        """That programs were run, and behind which walls."""
        from ..sandbox.run import Trial, run_tests

        walls = run_tests(Trial("", ())).walls
        return (f"{RUNS}; walls here: {', '.join(walls) or 'none'}",)


def _programs(answer: Answer) -> list[str]:
    """The programs drawn for a problem; what writes one alone would write it again each time."""
    from ..sandbox.extract import extract_program

    drawn = [extract_program(text) for text in answer.get("_samples", ())]
    return drawn or [str(answer["text"])] * max(PASS_AT)


def _trial(program: str, row: Row) -> Trial:
    from ..sandbox.run import Trial

    return Trial(program, tuple(row["tests"]), row.get("setup", ""))


def _with_entry(test: str, name: str) -> str:
    """A test in HumanEval's form, a function `check`, called with the one it checks."""
    if not name or "def check(" not in test or f"check({name})" in test:
        return test
    return f"{test.rstrip()}\ncheck({name})\n"


def _check(source: str, place: str) -> None:
    from ..sandbox.extract import syntax_error

    if what := syntax_error(source):
        raise DatasetError(f"{place} is not valid Python: {what}; mend it, or delete the row")


TASK = CodeGeneration()
