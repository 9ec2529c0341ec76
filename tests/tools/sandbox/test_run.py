"""A program that nobody has read can only pass its tests by passing them."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from tuneos.tools.sandbox import run as sandbox
from tuneos.tools.sandbox.run import Limits, Trial, Verdict, run_all, run_tests

RIGHT = "def double(n):\n    return 2 * n\n"
TESTS = ("assert double(2) == 4", "assert double(-1) == -2")


def judged(program: str, *, tests: tuple[str, ...] = TESTS, setup: str = "") -> Verdict:
    return run_tests(Trial(program, tests, setup), Limits(seconds=8, cpu_seconds=4))


def test_a_right_program_passes_and_a_wrong_one_fails_at_its_test() -> None:
    assert judged(RIGHT).passed
    wrong = judged("def double(n):\n    return n + 2\n")
    assert (wrong.passed, wrong.why) == (False, "test 2 ends with AssertionError")


def test_setup_runs_between_the_program_and_the_tests() -> None:
    assert judged("def double(n):\n    return math.floor(2 * n)\n", setup="import math").passed
    program = "class Box:\n    n = 2\ndef double(box):\n    return 2 * box.n\n"
    tests = ("assert double(box) == 4",)
    assert judged(program, setup="box = Box()", tests=tests).passed
    assert (
        judged(program, tests=tests, setup="x").why == "the setup of the tests ends with NameError"
    )


def test_the_standard_library_can_be_used() -> None:
    program = (
        "import collections, dataclasses, decimal, heapq, json, re, typing\n"
        "Pair = collections.namedtuple('Pair', 'a b')\n"
        "@dataclasses.dataclass\nclass Box:\n    n: int\n"
        "class Twin(typing.NamedTuple):\n    n: int\n"
        "def double(n):\n    return Pair(Box(n).n, Twin(n).n).a * 2\n"
    )
    assert judged(program).passed


def test_the_order_of_a_set_does_not_change_from_run_to_run() -> None:
    trial = Trial("seen = list({'a', 'b', 'c', 'd', 'e', 'f'})", ("assert seen == []",))
    program = "def order():\n    return list(set('abcdefgh'))\n"
    first = subprocess.run(
        [sys.executable, "-c", f"{program}print(order())"],
        env={"PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    assert not run_tests(trial).passed
    for _ in range(2):
        assert run_tests(Trial(program, (f"assert order() == {first}",))).passed


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("import os\nos._exit(0)", "the program ends before its tests do"),
        ("import os\ndef double(n):\n    os._exit(0)", "the program ends before its tests do"),
        ("raise SystemExit(0)", "the program ends with SystemExit"),
        ("def double(n):\n    raise SystemExit(0)", "test 1 ends with SystemExit"),
        ("import os\nos.kill(os.getpid(), 9)", "the program ends with PermissionError"),
        ("def double(n)\n    return", "the program does not parse: expected ':'"),
        ("", "test 1 ends with NameError"),
        ("def double(n):\n    return double(n)", "test 1 ends with RecursionError"),
    ],
)
def test_ending_before_the_tests_is_failing(program: str, why: str) -> None:
    verdict = judged(program)
    assert (verdict.passed, verdict.why) == (False, why)


def test_replacing_the_built_ins_does_not_skip_the_tests() -> None:
    program = (
        "import builtins, json, os\n"
        "builtins.exec = builtins.compile = builtins.eval = lambda *a, **k: None\n"
        "def double(n):\n    return 7\n"
    )
    assert judged(program).why == "test 1 ends with AssertionError"


@pytest.mark.parametrize(
    "body",
    [
        "import sys\n    return sys._getframe(1).f_code.co_consts",
        "import gc\n    return gc.get_objects()",
        "try:\n        1 / 0\n    except ZeroDivisionError as e:\n"
        "        return e.__traceback__.tb_frame.f_back.f_code.co_consts",
    ],
)
def test_the_source_of_the_tests_cannot_be_looked_up_by_what_they_call(body: str) -> None:
    assert judged(f"def double(n):\n    {body}\n").why == "test 1 ends with ValueError"


def test_the_tests_are_not_there_while_the_program_loads() -> None:
    program = (
        "import gc, sys\n"
        "frame = sys._getframe(1)\n"
        "seen = repr([o for o in gc.get_objects() if isinstance(o, (dict, list))]) + repr(\n"
        "    frame.f_locals) + repr(sys.argv)\n"
        "assert ''.join(('doub', 'le(-1)')) not in seen\n" + RIGHT
    )
    verdict = judged(program)
    assert verdict.passed, verdict.why


def test_an_endless_loop_is_ended() -> None:
    start = time.monotonic()
    verdict = run_tests(Trial("while True:\n    pass\n", TESTS), Limits(seconds=1.0))
    assert (verdict.passed, verdict.why) == (False, "it takes too long")
    assert time.monotonic() - start < 6


def test_a_sleeper_that_closes_nothing_is_ended() -> None:
    sleeper = "import time\ndef double(n):\n    time.sleep(60)\n"
    assert run_tests(Trial(sleeper, TESTS), Limits(seconds=1.0)).why == "it takes too long"


def test_processor_time_is_limited_by_the_kernel() -> None:
    verdict = run_tests(Trial("while True:\n    pass\n", TESTS), Limits(seconds=30, cpu_seconds=1))
    assert verdict.why == "the program ends before its tests do"


def test_memory_is_limited() -> None:
    hog = "kept = [b'x' * 2**24 for _ in range(1000)]\n" + RIGHT
    assert judged(hog).why == "the program ends with MemoryError"


@pytest.mark.parametrize(
    "bomb",
    [
        "import os\nwhile True:\n    os.fork()",
        "import os\nos.system('true')",
        "import subprocess\nsubprocess.run(['true'])",
        "import pty\npty.spawn('true')",
    ],
)
def test_no_process_can_be_started(bomb: str) -> None:
    assert judged(bomb + "\n" + RIGHT).why == "the program ends with PermissionError"


def test_nothing_is_written_outside_its_folder(tmp_path: Path) -> None:
    target = tmp_path / "kept.txt"
    target.write_text("mine")
    for deed in (
        f"open({str(target)!r}, 'w')",
        f"open({str(tmp_path / 'new.txt')!r}, 'w').write('x')",
        f"import os\nos.remove({str(target)!r})",
        f"import os\nos.chmod({str(target)!r}, 0)",
        f"import os\nos.rename({str(target)!r}, 'here')",
        f"import os\nos.symlink({str(target)!r}, 'here')\nopen('here', 'w').write('x')",
        "import os\nopen('../escaped', 'w').write('x')",
    ):
        assert not judged(f"{deed}\n{RIGHT}").passed, deed
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]
    assert target.read_text() == "mine"


def test_its_own_folder_can_be_written_to_and_is_gone_afterwards() -> None:
    program = "import os\nopen('note', 'w').write('x')\ndef double(n):\n    return 2 * n\n"
    test = ("assert os.path.exists('note')", "open(os.getcwd() + '/more', 'w').close()")
    before = set(Path("/tmp").glob("tuneos-*"))
    assert judged(program, tests=test).passed
    assert set(Path("/tmp").glob("tuneos-*")) <= before


def test_a_large_file_is_refused() -> None:
    assert judged("open('big', 'wb').write(b'x' * 2**22)\n").why == "the program ends with OSError"


def test_no_network() -> None:
    for deed in (
        "socket.create_connection(('127.0.0.1', 9))",
        "socket.socket()",
        "socket.getaddrinfo('localhost', 80)",
        "socket.socketpair()",
    ):
        assert judged(f"import socket\n{deed}\n").why == "the program ends with PermissionError"


def test_output_and_input_lead_nowhere() -> None:
    loud = "import sys\nfor _ in range(200):\n    print('x' * 10**5)\n    sys.stderr.write('y')\n"
    assert judged(loud + RIGHT).passed
    assert judged("input()\n").why == "the program ends with EOFError"


def test_an_answer_without_end_is_cut_off() -> None:
    flood = "import os\nfor fd in range(3, 32):\n    try:\n"
    flood += "        while True:\n            os.write(fd, b'x' * 4096)\n"
    flood += "    except OSError:\n        pass\n"
    assert not judged(flood).passed


def test_the_environment_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNEOS_SECRET", "x")
    program = "import os\nassert set(os.environ) <= {'PYTHONHASHSEED', 'LC_CTYPE'}, os.environ\n"
    assert judged(program + RIGHT).passed


def test_equal_trials_run_once_and_answers_keep_their_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran: list[str] = []
    lock = threading.Lock()

    def note(trial: Trial, limits: Limits) -> Verdict:
        with lock:
            ran.append(trial.program)
        return Verdict(trial.program == "a")

    monkeypatch.setattr(sandbox, "_run", note)
    trials = [Trial(program, ()) for program in ("a", "b", "a")]
    assert [verdict.passed for verdict in run_all(trials)] == [True, False, True]
    assert sorted(ran) == ["a", "b"]


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's walls are Linux's")
def test_each_wall_of_the_kernel_stands_by_itself(tmp_path: Path) -> None:
    """The audit hook alone would refuse these, so each wall is tried without it."""
    folder = tmp_path / "own"
    folder.mkdir()
    start = (
        f"import sys\nsys.path.insert(0, {str(Path(sandbox.__file__).parent)!r})\n"
        "import confine, ctypes, os, socket\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "def refused(deed):\n    try:\n        deed()\n    except OSError:\n        return True\n"
        "    return False\n"
    )
    tries = {
        f"confine._landlock(libc, {str(folder)!r})": (
            f"assert refused(lambda: open({str(tmp_path / 'out')!r}, 'w'))\n"
            f"assert refused(lambda: open({str(Path(__file__))!r}))\n"
            f"open({str(folder / 'in')!r}, 'w').close()\nimport wave\n"
        ),
        "confine._seccomp(libc)": (
            "assert refused(os.fork)\nassert refused(socket.socket)\n"
            "assert refused(lambda: os.kill(os.getppid(), 0))\n"
            "assert refused(lambda: os.execv('/bin/true', ['true']))\n"
        ),
        "confine._namespaces(libc)": (
            "s = socket.socket()\nassert refused(lambda: s.connect(('127.0.0.1', 9)))\n"
            "assert [i for _, i in socket.if_nameindex()] == ['lo']\n"
        ),
    }
    for wall, deeds in tries.items():
        script = f"{start}if not {wall}:\n    print('absent')\n    sys.exit()\n{deeds}print('ok')\n"
        done = subprocess.run(
            [sys.executable, "-S", "-c", script], capture_output=True, text=True, check=False
        )
        assert done.stdout.strip() in ("ok", "absent"), f"{wall}: {done.stderr}"
