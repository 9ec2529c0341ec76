"""Filling the templates of this folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Template


def template(name: str, *, autoescape: bool = True, **filters: Callable[..., Any]) -> Template:
    """Load a template; a name that it uses and nobody gave is an error.

    Args:
        name: Of its file in this folder.
        autoescape: Escape what is filled in for HTML.
        filters: By the names that the template calls them.
    """
    # Deferred: nothing but reports needs it, and `tuneos --help` must not wait.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= filters
    return environment.get_template(name)
