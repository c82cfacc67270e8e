"""SQLAlchemy's asynchronous engine without its ORM.

`sqlalchemy.ext.asyncio` imports the ORM for its sessions: 6 MB in every process, and a tenth of a
second. Nobody here has a session. So the package stands there unexecuted, for the sake of its
engine, and is executed when somebody asks it for anything else.
"""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

    from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

__all__ = ["AsyncEngine", "create_async_engine"]

_PACKAGE = "sqlalchemy.ext.asyncio"


class _Unexecuted(ModuleType):
    """A package whose modules can be imported, and which executes itself when it is asked more."""

    def __init__(self, spec: ModuleSpec) -> None:
        super().__init__(spec.name)
        self.__spec__ = spec
        self.__loader__ = spec.loader
        self.__package__ = spec.name
        self.__file__ = spec.origin
        self.__path__ = list(spec.submodule_search_locations or ())

    def __getattr__(self, name: str) -> object:
        if name.startswith("__") or find_spec(f"{_PACKAGE}.{name}") is not None:
            raise AttributeError(name)  # a module of the package: the import goes on to find it
        return getattr(_executed(self), name)


def _executed(package: ModuleType) -> ModuleType:
    # First, because executing it asks it for names that are not there yet.
    object.__setattr__(package, "__class__", ModuleType)
    if package.__spec__ is not None and package.__spec__.loader is not None:
        package.__spec__.loader.exec_module(package)
    return package


def _stand_in() -> None:
    if _PACKAGE in sys.modules:
        return
    spec = find_spec(_PACKAGE)
    if spec is not None:
        sys.modules[_PACKAGE] = _Unexecuted(spec)


if not TYPE_CHECKING:
    _stand_in()
    engine = importlib.import_module(f"{_PACKAGE}.engine")
    AsyncEngine, create_async_engine = engine.AsyncEngine, engine.create_async_engine
