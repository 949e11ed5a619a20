"""Which of our routes a request is for; the page's and Gradio's paths are none of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from starlette.routing import Match
from starlette.types import Scope

_KEY = "starcoder.route"


@dataclass(frozen=True, slots=True)
class OwnRoutes:
    """The routes of `app`, those that are added later included."""

    app: FastAPI

    def all(self) -> list[tuple[str, str]]:
        """Method and path of each, as they are described: "/models/{model_id}"."""
        return [
            (method, str(route.path_format))
            for route in self._declared()
            for method in sorted(route.methods or ())
        ]

    def methods_by_path(self) -> dict[str, list[str]]:
        """The methods of each path, with its converters: "/models/{model_id:path}"."""
        methods: dict[str, list[str]] = {}
        for route in self._declared():
            methods.setdefault(str(route.path), []).extend(sorted(route.methods or ()))
        return methods

    def _declared(self) -> Iterator[RouteContext]:
        for route in iter_route_contexts(self.app.routes):
            if isinstance(route.original_route, APIRoute):
                yield route

    def template_of(self, scope: Scope) -> str | None:
        """The path of the route that will answer, as it is described: "/models/{model_id}".

        None where none of ours will: for another path or method, and for what is mounted. Each
        wall asks, and the first answer stays with the request.
        """
        if _KEY not in scope:
            scope[_KEY] = self._find(scope)
        template: str | None = scope[_KEY]
        return template

    def _find(self, scope: Scope) -> str | None:
        if scope["type"] != "http":
            return None
        for route in self._declared():
            if route.matches(scope)[0] is Match.FULL:
                return route.path_format
        return None
