"""A real HTTP server on loopback that speaks chat completions and plays a script.

Run it by hand as a controller that behaves: `python tests/agent/llm_server.py [PORT]`.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USAGE = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
SSE = "text/event-stream; charset=utf-8"
JSON = "application/json"
HTML = "<html><body>It works!</body></html>"


@dataclass(frozen=True)
class Reply:
    """What the server does with one request.

    Attributes:
        message: Of the assistant, as the protocol has it; None: no choices at all.
        body: Sent as it is, in place of a message.
        status: Other than 200: `body` is an error.
        drop: Close the connection in the middle of the answer.
        silent: Wait until the server stops before a byte is sent.
        pings: Send comments that mean "still here", and nothing else, until the server stops.
        streams: False: answer in one piece even where a stream was asked for.
        usage: Token counts; None: not said.
        count_up: Give the count so far in every event, as some servers do.
    """

    message: Mapping[str, Any] | None = None
    body: str | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: bool = False
    silent: bool = False
    pings: bool = False
    streams: bool = True
    usage: Mapping[str, int] | None = field(default_factory=lambda: dict(USAGE))
    count_up: bool = False


Script = Reply | Callable[[dict[str, Any]], Reply]


def says(words: str = "", *calls: tuple[str, object], **how: Any) -> Reply:
    """An answer in words and with tool calls: (name, arguments), a string sent as it is."""
    made = [
        {
            "index": number,
            "id": f"call_{number}",
            "type": "function",
            "function": {
                "name": name,
                "arguments": given if isinstance(given, str) else json.dumps(given),
            },
        }
        for number, (name, given) in enumerate(calls)
    ]
    message = {"role": "assistant", "content": words or None, "tool_calls": made or None}
    return Reply(message, **how)


def fails(status: int, words: str = "out of order", **headers: str) -> Reply:
    """An error, with headers such as retry_after="0"."""
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    body = json.dumps({"error": {"message": words, "type": "error", "code": None}})
    return Reply(body=body, status=status, headers={"Content-Type": JSON, **said})


FINISH = says("That is all.", ("finish", {"reason": "that is all"}))


class LLMServer:
    """Plays its script, one reply a request, then finishes for ever.

    Attributes:
        models: What /v1/models lists.
        requests: Bodies of the chat requests, in order.
        headers: Of every request, names in lower case.
        paths: Of every request.
    """

    def __init__(
        self, script: Sequence[Script] = (), models: Sequence[str] = ("m",), port: int = 0
    ) -> None:
        self.script = list(script)
        self.models = list(models)
        self.models_reply: Reply | None = None
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"llm": self})
        self._http = _Http(("127.0.0.1", port), handler)

    @property
    def url(self) -> str:
        """What `--llm` is given."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def next_reply(self, body: dict[str, Any]) -> Reply:
        """Take the next line of the script."""
        with self._lock:
            self.requests.append(body)
            step = self.script.pop(0) if self.script else FINISH
        return step if isinstance(step, Reply) else step(body)

    @contextmanager
    def running(self) -> Iterator[LLMServer]:
        """Serve while inside."""
        thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.stopping.set()
            self._http.shutdown()
            self._http.server_close()
            thread.join()


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet about clients that leave early; that is what is being tried."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    llm: LLMServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._note()
        listed = {"object": "list", "data": [{"id": m, "object": "model"} for m in self.llm.models]}
        reply = self.llm.models_reply
        if reply is not None:
            self._send(reply.body or "", reply.status, reply.headers)
        elif self.path == "/v1/models":
            self._send(json.dumps(listed), 200, {"Content-Type": JSON})
        else:
            self._send("{}", 404, {"Content-Type": JSON})

    def do_POST(self) -> None:
        self._note()
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/chat/completions":
            self._send("{}", 404, {"Content-Type": JSON})
            return
        reply = self.llm.next_reply(body)
        if reply.silent:
            self.llm.stopping.wait()
            self.close_connection = True
        elif reply.body is not None:
            self._send(reply.body, reply.status, {"Content-Type": JSON, **reply.headers})
        elif body.get("stream") and reply.streams:
            self._stream(reply, body)
        else:
            self._send(json.dumps(whole(reply)), 200, {"Content-Type": JSON}, drop=reply.drop)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _note(self) -> None:
        self.llm.paths.append(self.path)
        self.llm.headers.append({k.lower(): v for k, v in self.headers.items()})

    def _send(
        self, body: str, status: int, headers: Mapping[str, str], *, drop: bool = False
    ) -> None:
        data = body.encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if drop else data)
        self.close_connection = self.close_connection or drop

    def _stream(self, reply: Reply, body: Mapping[str, Any]) -> None:
        counts = bool((body.get("stream_options") or {}).get("include_usage"))
        events = list(pieces(reply, counts))
        self.send_response(200)
        self.send_header("Content-Type", SSE)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while reply.pings and not self.llm.stopping.wait(0.005):
            self._chunk(b": still here\n\n")
        for event in events[: len(events) // 2] if reply.drop else events:
            self._chunk(f"data: {json.dumps(event)}\n\n".encode())
        if reply.drop:
            self.close_connection = True
            return
        self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))


def whole(reply: Reply) -> dict[str, Any]:
    """The answer in one piece."""
    choice = {"index": 0, "message": reply.message, "finish_reason": "stop"}
    choices = [] if reply.message is None else [choice]
    said = {"id": "chatcmpl-1", "object": "chat.completion", "model": "m", "choices": choices}
    return said if reply.usage is None else {**said, "usage": reply.usage}


def pieces(reply: Reply, counts: bool) -> Iterator[dict[str, Any]]:
    """The answer in events: words by word, arguments in two halves."""
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "m"}
    usage = {"usage": reply.usage} if reply.usage is not None else {}
    each = usage if reply.count_up else {}

    def event(delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return {**head, "choices": [choice], **each}

    message = reply.message
    if message is not None:
        yield event({"role": "assistant", "content": ""})
        for word in str(message.get("content") or "").split(" "):
            yield event({"content": f"{word} "}) if word else event({})
        for call in message.get("tool_calls") or []:
            function = call.get("function")
            given = function.get("arguments") if isinstance(function, dict) else None
            if not isinstance(given, str):
                yield event({"tool_calls": [call]})
                continue
            half = len(given) // 2
            first = {**call, "function": {**function, "arguments": given[:half]}}
            yield event({"tool_calls": [first]})
            rest = {"function": {"arguments": given[half:]}}
            rest |= {"index": call["index"]} if "index" in call else {}
            yield event({"tool_calls": [rest]})
        yield event({}, "stop")
    if counts and usage:
        yield {**head, "choices": [], **usage}


SENSIBLE: tuple[Reply, ...] = (
    says("I look at the data before anything else.", ("inspect_dataset", {})),
    says("What is known costs nothing.", ("query_knowledge", {"about": "strategies"})),
    says("The cheapest rungs are the baselines.", ("probe_baselines", {})),
    FINISH,
)


def main() -> None:
    """Play the sensible controller, over and over, until Ctrl-C."""
    server = LLMServer(models=["fake"], port=int(sys.argv[1]) if sys.argv[1:] else 0)
    turns = iter(range(1_000_000))
    server.script = [lambda _: SENSIBLE[next(turns) % len(SENSIBLE)]] * 1000
    with server.running(), suppress(KeyboardInterrupt):
        print(server.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
