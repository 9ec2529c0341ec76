"""The child that runs a program and its tests: `python child.py FD FOLDER CPU MEMORY FILE`.

Speaks JSON lines over the socket FD. It is given the program, runs it, says "loaded", and
only then is given the tests and a key; the key goes back if every test passed. A program
that leaves early, by whatever way, leaves without the key.
"""

from __future__ import annotations

import json
import os
import sys
import types
from typing import Any

_CHUNK = 65536


def main() -> None:
    """Confine this process, run the program, then its tests, and answer."""
    channel, folder = int(sys.argv[1]), sys.argv[2]
    cpu_seconds, memory, file_bytes = map(int, sys.argv[3:6])
    sys.path.insert(0, __file__.rpartition(os.sep)[0])
    from confine import confine, watch  # type: ignore[import-not-found]

    del sys.path[0], sys.modules["confine"]
    os.chdir(folder)
    standing = confine(folder, cpu_seconds=cpu_seconds, memory=memory, file_bytes=file_bytes)
    begin_tests = watch(folder)
    # Taken now: the program may put something else in their place.
    run, loads, dumps, read, write = exec, json.loads, json.dumps, os.read, os.write
    buffer = bytearray()

    def receive() -> dict[str, Any]:
        while b"\n" not in buffer:
            part = read(channel, _CHUNK)
            if not part:
                raise EOFError
            buffer.extend(part)
        line, _, rest = bytes(buffer).partition(b"\n")
        buffer[:] = rest
        found: dict[str, Any] = loads(line)
        return found

    def send(**said: object) -> None:
        write(channel, dumps(said).encode() + b"\n")

    order = receive()
    module = types.ModuleType("solution")
    sys.modules["solution"] = module
    sys.argv[:] = ["solution"]
    space = module.__dict__
    try:
        run(order["program"], space)
    except BaseException as error:
        send(failed=f"the program ends with {type(error).__name__}", walls=standing)
        return
    send(loaded=True, walls=standing)
    task = receive()
    begin_tests()
    place = -1
    try:
        run(task["setup"], space)
        for place, test in enumerate(task["tests"]):  # noqa: B007  told if it fails
            run(test, space)
    except BaseException as error:
        where = f"test {place + 1}" if place >= 0 else "the setup of the tests"
        send(failed=f"{where} ends with {type(error).__name__}")
        return
    send(key=task["key"])


if __name__ == "__main__":
    main()
    os._exit(0)  # not by way of what the program may have left to be done at the end
