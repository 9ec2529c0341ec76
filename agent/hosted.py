"""LLMs that answer over the network: `provider:model`, and OpenAI-compatible URLs.

Keys come from the environment and stay there; making a controller touches no network.
"""

from __future__ import annotations

import contextlib
import math
import os
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from ..tools.guardrails.network import host_of
from .controller import Controller, ControllerError

URL_KEY = "TUNEOS_LLM_API_KEY"
TIMEOUT = "TUNEOS_LLM_TIMEOUT"
READ_SECONDS = 120.0  # without a byte from the server, by default
CONNECT_SECONDS = 10.0
CHECK_SECONDS = 5.0
SHOWN_MODELS = 10
EXTRAS = {"openai", "anthropic", "ollama"}
KEYS = {
    "anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
    "cohere": ("COHERE_API_KEY",),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "fireworks": ("FIREWORKS_API_KEY",),
    "google_genai": ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
    "groq": ("GROQ_API_KEY",),
    "mistralai": ("MISTRAL_API_KEY",),
    "openai": ("OPENAI_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY",),
    "together": ("TOGETHER_API_KEY",),
    "xai": ("XAI_API_KEY",),
}


# Where providers serve, unless their own variable says otherwise.
SERVERS = {
    "anthropic": ("api.anthropic.com", "ANTHROPIC_BASE_URL"),
    "cohere": ("api.cohere.com", "CO_API_URL"),
    "deepseek": ("api.deepseek.com", "DEEPSEEK_API_BASE"),
    "fireworks": ("api.fireworks.ai", "FIREWORKS_API_BASE"),
    "google_genai": ("generativelanguage.googleapis.com", "GOOGLE_GEMINI_BASE_URL"),
    "groq": ("api.groq.com", "GROQ_BASE_URL"),
    "mistralai": ("api.mistral.ai", "MISTRAL_BASE_URL"),
    "ollama": ("127.0.0.1", "OLLAMA_HOST"),
    "openai": ("api.openai.com", "OPENAI_BASE_URL"),
    "openrouter": ("openrouter.ai", "OPENROUTER_BASE_URL"),
    "together": ("api.together.xyz", "TOGETHER_API_BASE"),
    "xai": ("api.x.ai", "XAI_API_BASE"),
}


def hosts_of(ref: str) -> frozenset[str]:
    """The hosts that an LLM is reached at, which naming it allows; none where it is local."""
    if is_url(ref):
        return frozenset({host_of(ref)})
    provider = ref.partition(":")[0].replace("-", "_").lower()
    if provider not in SERVERS:
        return frozenset()
    usual, variable = SERVERS[provider]
    said = [usual, os.environ.get(variable), os.environ.get("OPENAI_API_BASE")]
    own = said if provider == "openai" else said[:2]
    return frozenset(host_of(s) for s in own if s) | (
        {"localhost"} if provider == "ollama" else frozenset()
    )


def proxies() -> frozenset[str]:
    """The hosts of this environment's proxies: what may be reached may be by way of them."""
    found = []
    for said in getproxies().values():
        with contextlib.suppress(ValueError):
            found.append(host_of(said))
    return frozenset(found)


def is_url(ref: str) -> bool:
    """Whether `--llm` names a server rather than a provider."""
    return "://" in ref


def open_provider(ref: str) -> Controller:
    """Make a controller of "provider:model" through langchain; no network is touched.

    Raises:
        ControllerError: No such provider, its package or its key is missing.
    """
    from .patient import PatientChat

    provider, _, model = ref.partition(":")
    provider = provider.replace("-", "_").lower()
    if not (provider and model):
        raise ControllerError(f"--llm {ref!r}: write it as provider:model, such as openai:gpt-5")
    try:
        from langchain.chat_models import init_chat_model

        _need_key(ref, provider)
        inner = init_chat_model(model, model_provider=provider, **_options(provider))
    except ControllerError:
        raise
    except ImportError as error:
        raise ControllerError(f"--llm {ref!r}: needs {_extra(provider, error)}") from error
    except Exception as error:  # providers raise their own kinds; all mean "cannot be had"
        raise ControllerError(f"--llm {ref!r}: {_first_words(error)}") from None
    window = (inner.profile or {}).get("max_input_tokens")
    variable = KEYS.get(provider, ("the provider's API key",))[0]
    return Controller(PatientChat(inner=inner, name=ref, variable=variable), ref, window)


def open_url(url: str, model_name: str | None) -> Controller:
    """Make a controller of an OpenAI-compatible server; no network is touched.

    Args:
        url: Up to and with /v1.
        model_name: As the server names it.

    Raises:
        ControllerError: The URL cannot be used, or the model isn't named.
    """
    url = checked_url(url)
    if model_name is None:
        raise ControllerError(f"--llm {url}: name the model with --llm-model")
    try:
        from .compatible import open_chat
    except ImportError as error:
        raise ControllerError(f"--llm {url}: needs {_extra('openai', error)}") from error
    from .patient import PatientChat

    name = f"{model_name} at {url}"
    inner = open_chat(
        url,
        model_name,
        key=url_key(url),
        connect=CONNECT_SECONDS,
        read=read_seconds(),
        own_headers_only=not _is_openai(url),
    )
    variable = "OPENAI_API_KEY" if _is_openai(url) else URL_KEY
    window = (inner.profile or {}).get("max_input_tokens") if _is_openai(url) else None
    return Controller(PatientChat(inner=inner, name=name, variable=variable), name, window)


def ask_server(url: str, model_name: str | None) -> str:
    """Ask a server, once and shortly, whether it is there and which model it has.

    Args:
        model_name: What the person named; None takes the only one that is listed.

    Returns:
        The name of the model.

    Raises:
        ControllerError: Nothing answers, it refuses, or there is a choice to make.
    """
    url = checked_url(url)
    try:
        import httpx
        import langchain_openai  # noqa: F401  # before anything is sent
    except ImportError as error:
        raise ControllerError(f"--llm {url}: needs {_extra('openai', error)}") from error

    key = url_key(url)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        answer = httpx.get(f"{url}/models", headers=headers, timeout=CHECK_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        why = "no answer in time" if isinstance(error, httpx.TimeoutException) else str(error)
        raise ControllerError(
            f"--llm {url}: nothing answers there ({why}); start the server or mend the address"
        ) from None
    return _model_of(url, model_name, answer.status_code, _json(answer))


def checked_url(url: str) -> str:
    """Return the URL without a slash at its end.

    Raises:
        ControllerError: It holds a secret, or no address of a server.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ControllerError("--llm: not a URL; write it as http://HOST:PORT/v1") from None
    bare = f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path}".rstrip("/")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ControllerError(
            f"--llm {bare}: a URL with user:password@ or ?key= would end up in files and logs; "
            f"leave it out and set {URL_KEY} in the environment"
        )
    if parts.scheme not in {"http", "https"} or not host:
        raise ControllerError(f"--llm {bare}: write it as http://HOST:PORT/v1")
    if bare.endswith("/chat/completions"):
        raise ControllerError(f"--llm {bare}: leave /chat/completions out")
    return bare


def url_key(url: str) -> str | None:
    """The key for a URL; OpenAI's own key goes to OpenAI's host and nowhere else."""
    own = os.environ.get(URL_KEY)
    if own or not _is_openai(url):
        return own or None
    return os.environ.get("OPENAI_API_KEY") or None


def read_seconds() -> float:
    """How long a server may be silent.

    Raises:
        ControllerError: The environment says something else than seconds.
    """
    said = os.environ.get(TIMEOUT)
    if not said:
        return READ_SECONDS
    try:
        seconds = float(said)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ControllerError(f"{TIMEOUT}={said!r}: give seconds above zero, such as 120")
    return seconds


def _is_openai(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" and (parts.hostname or "").lower() == "api.openai.com"


def _options(provider: str) -> dict[str, Any]:
    """Time-outs as the provider takes them; retrying is ours (patient.py)."""
    if provider == "ollama":
        return {"client_kwargs": {"timeout": read_seconds()}}
    if provider in KEYS:
        return {"timeout": read_seconds(), "max_retries": 0}
    return {}


def _need_key(ref: str, provider: str) -> None:
    names = KEYS.get(provider, ())
    if names and not any(os.environ.get(name) for name in names):
        raise ControllerError(f"--llm {ref!r}: set {' or '.join(names)} in the environment")


def _extra(provider: str, error: ImportError) -> str:
    """What to install."""
    if provider in EXTRAS:
        return f"an extra: pip install 'tuneos[{provider}]'"
    package = str(error).rpartition("pip install ")[2].strip("`. ")
    named = package if package.startswith("langchain-") else "and the provider's package"
    return f"an extra: pip install 'tuneos[llm]' {named}"


def _first_words(error: Exception) -> str:
    """One line of what langchain says; unknown providers list the known ones."""
    from .patient import without_keys

    text = " ".join(str(error).split())
    if "Unsupported provider" in text:
        return f"no such provider; known: {text.rpartition('are: ')[2]}"
    return without_keys(text)[:300] or type(error).__name__


def _json(answer: Any) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


def _model_of(url: str, model_name: str | None, status: int, said: Any) -> str:
    """Decide by what /models answered."""
    if status in {401, 403}:
        variable = "OPENAI_API_KEY" if _is_openai(url) else URL_KEY
        raise ControllerError(f"--llm {url}: refuses the key ({status}); set {variable}")
    if 300 <= status < 400:
        raise ControllerError(f"--llm {url}: sends us elsewhere ({status}); give the final address")
    if status >= 500:
        raise ControllerError(f"--llm {url}: is not ready ({status}); try again later")
    if status == 200 and not isinstance(said, (dict, list)):
        raise ControllerError(
            f"--llm {url}: no OpenAI-compatible server answers there; such a URL ends in /v1"
        )
    if model_name is not None:
        return model_name
    listed = said.get("data") if isinstance(said, dict) else said
    names = [str(m["id"]) for m in listed or [] if isinstance(m, dict) and m.get("id")]
    if len(names) == 1:
        return names[0]
    known = f"; it has {', '.join(names[:SHOWN_MODELS])}" if names else ""
    raise ControllerError(f"--llm {url}: name the model with --llm-model{known}")
