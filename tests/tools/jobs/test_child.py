"""What a failure inside a job is called."""

from __future__ import annotations

import pytest
from tuneos.tools.errors import DatasetError
from tuneos.tools.facts import JobProgress
from tuneos.tools.jobs.child import _Teller, describe, out_of_memory

MEMORY = [
    MemoryError(),
    RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    RuntimeError("could not create a primitive"),  # oneDNN's words for it
    OSError(12, "Cannot allocate memory"),
]
OTHER = [
    RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
    ValueError("out of memory"),
    FloatingPointError("the loss became nan"),
]


@pytest.mark.parametrize("error", MEMORY)
def test_out_of_memory_is_told_with_what_to_do(error: Exception) -> None:
    assert out_of_memory(error)
    assert describe(error).startswith("ran out of memory; use a smaller batch_size")


@pytest.mark.parametrize("error", OTHER)
def test_other_failures_are_not_taken_for_it(error: Exception) -> None:
    assert not out_of_memory(error)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (DatasetError("x.csv row 3: no label"), "x.csv row 3: no label"),
        (FloatingPointError("the loss became nan"), "the loss became nan"),
        (KeyError("weight"), "KeyError: 'weight'"),
        (ValueError("first\nsecond"), "ValueError: first"),
        (ValueError(), "ValueError: "),
    ],
)
def test_failure_is_described_in_one_line(error: Exception, said: str) -> None:
    assert describe(error) == said


def test_progress_is_printed_no_more_often_than_anyone_can_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    teller = _Teller()
    for i in range(100):
        teller(JobProgress(share=i / 100, text="x"))
    teller(JobProgress(share=1, text="done"))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) < 10
    assert '"done"' in lines[-1]
