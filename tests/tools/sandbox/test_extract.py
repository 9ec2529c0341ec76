"""What runs is the program in an answer, not the talk around it."""

from __future__ import annotations

import pytest
from tuneos.tools.sandbox.extract import extract_program

PROGRAM = "def double(n):\n    return 2 * n\n"


@pytest.mark.parametrize(
    "answer",
    [
        PROGRAM,
        f"```python\n{PROGRAM}```",
        f"```\n{PROGRAM}\n```\nThis doubles.",
        f"Sure!\n\n```py\n{PROGRAM}```\n\nIt runs in O(1).",
        f"```python\n{PROGRAM}",
        f"Here is the function:\n{PROGRAM}\nIt doubles what it's given.\nEnjoy!",
        f"  ```Python3 title=x\n{PROGRAM}  ```",
        f"Run it:\n```bash\npython double.py\n```\nCode:\n```python\n{PROGRAM}```",
        PROGRAM.replace("\n", "\r\n"),
    ],
)
def test_the_program_is_found(answer: str) -> None:
    assert extract_program(answer) == PROGRAM


def test_blocks_are_joined_in_their_order() -> None:
    assert extract_program("```python\nimport math\n```\nand\n```python\nx = math.pi\n```") == (
        "import math\nx = math.pi\n"
    )


def test_what_is_no_program_stays_as_it_is() -> None:
    assert extract_program("the the the (") == "the the the (\n"
    assert extract_program("") == "\n"


def test_a_fence_in_a_string_of_an_unfenced_program_is_not_a_fence() -> None:
    program = 'def fence():\n    return "```"\n'
    assert extract_program(program) == program
