"""`python -m tuneos.agent.suites.hostile FOLDER [DATA]`: every hostile input, a JSON line each."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from . import hostile_folders, hostile_paths, malformed

Found = dict[str, object]


def paths(folder: Path) -> Iterator[Found]:
    """Paths and addresses: is each refused?"""
    folder.mkdir(parents=True)
    for what, refused in hostile_paths.attempts(folder):
        yield {"kind": "path", "what": what, "good": refused, "said": ""}


def folders(folder: Path) -> Iterator[Found]:
    """Artefacts: is each refused, and nothing run?"""
    folder.mkdir(parents=True)
    for what, refused, said in hostile_folders.attempts(folder):
        yield {"kind": "artefact", "what": what, "good": refused, "said": said}


def datasets(folder: Path, data: Path | None) -> Iterator[Found]:
    """Malformed datasets: one clear line and exit code 2 each, as `tuneos check` gives it?"""
    cases = [*malformed.generated(), *(malformed.real(data) if data else ())]
    for what, files in cases:
        code, said = check(malformed.write(files, folder))
        lines = [line for line in said.splitlines() if line.strip()]
        clear = code == 2 and len(lines) == 1 and lines[0].startswith("error:")
        good = clear and "Traceback" not in said and len(lines[0]) < 1000
        yield {"kind": "dataset", "what": what, "good": good, "said": f"{code}: {said[:300]}"}


def check(folder: Path) -> tuple[int, str]:
    """Run `tuneos check` in this process: its exit code, and what it printed."""
    from ..cli import app

    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            code = int(app(["check", str(folder)], standalone_mode=False) or 0)
        except Exception as error:  # what a person would see as a traceback
            code = 1
            print(f"Traceback: {type(error).__name__}: {error}", file=out)
    return code, out.getvalue()


def main(words: Sequence[str]) -> int:
    """Try everything."""
    folder = Path(words[0])
    data = Path(words[1]) if len(words) > 1 else None
    for found in (
        *paths(folder / "paths"),
        *folders(folder / "folders"),
        *datasets(folder / "dataset", data),
    ):
        print(json.dumps(found), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
