"""Who decides: the planner, or the chat model that `--llm` names."""

from __future__ import annotations

from .controller import Controller, ControllerError


def find_controller(ref: str | None, model_name: str | None = None) -> Controller:
    """Resolve `--llm`: nothing gives the planner; "provider:model", a URL, "local:PATH" an LLM.

    Touches no network.

    Args:
        ref: As the person wrote it.
        model_name: Of the model behind a URL.

    Raises:
        ControllerError: Its extra or its key is missing, or there is no such thing.
    """
    if ref is None:
        from .planner import NAME, Planner

        return Controller(Planner(), NAME)
    from . import hosted

    if ref.startswith("broken:"):
        return _broken(ref)
    if ref.startswith("local:"):
        from .local.chat import open_local

        return open_local(ref)
    if hosted.is_url(ref):
        return hosted.open_url(ref, model_name)
    if ":" not in ref:
        raise ControllerError(f"--llm {ref!r}: write it as provider:model, such as openai:gpt-5")
    return hosted.open_provider(ref)


def check_controller(ref: str | None, model_name: str | None = None) -> str | None:
    """Find out, before anything is spent, whether `--llm` can serve; once, when planning.

    Returns:
        The model's name behind a URL: as given, or the only one that its server lists.

    Raises:
        ControllerError: It cannot.
    """
    from . import hosted

    if ref is not None and hosted.is_url(ref):
        model_name = hosted.ask_server(ref, model_name)
    if ref is not None and ref.startswith("local:"):
        from .local.chat import check_local

        check_local(ref)
    find_controller(ref, model_name)
    return model_name


def _broken(ref: str) -> Controller:
    from .suites.broken import WAYS, Broken

    way = ref.removeprefix("broken:")
    if way not in WAYS:
        raise ControllerError(f"--llm {ref!r}: choose from {', '.join(WAYS)}")
    return Controller(Broken(way=way), ref)
