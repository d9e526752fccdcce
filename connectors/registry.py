"""Installed connectors, ours and others', found through the entry-point group ``forewarn.connectors``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from connectors.contract import Source, SourceConfigError

GROUP = "forewarn.connectors"


def installed() -> tuple[str, ...]:
    """Return the names of all installed connectors, sorted.

    Examples
    --------
    >>> {"files", "simulator"} <= set(installed())
    True
    """
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


def make_source(name: str, options: Mapping[str, Any]) -> Source:
    """Return a new source of an installed connector.

    Parameters
    ----------
    name
        As in its entry point.
    options
        Keyword arguments for it. Texts are turned into what its annotations ask for, so that they may come from a
        command line.

    Raises
    ------
    SourceConfigError
        If there is no such connector, or it does not take these options.

    Examples
    --------
    >>> make_source("simulator", {"enterprises": "10", "days": "3"}).name
    'simulator'
    """
    points = entry_points(group=GROUP, name=name)
    if not points:
        message = f"no connector {name!r} is installed; installed: {', '.join(installed())}"
        raise SourceConfigError(message)
    factory: Callable[..., Source] = next(iter(points)).load()
    try:
        checked = _options_model(name, factory)(**options)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(place) for place in item['loc'])}: {item['msg']}"
            for item in error.errors(include_input=False, include_url=False)
        )
        message = f"connector {name!r}: {wrong}"
        raise SourceConfigError(message) from None
    return factory(**{option: getattr(checked, option) for option in checked.model_fields_set})


def _options_model(name: str, factory: Callable[..., Source]) -> type[BaseModel]:
    function = factory.__init__ if inspect.isclass(factory) else factory
    hints = get_type_hints(function)
    fields: dict[str, Any] = {
        parameter.name: (hints.get(parameter.name, Any), ... if parameter.default is parameter.empty else None)
        for parameter in inspect.signature(factory).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    return create_model(name, __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=True), **fields)
