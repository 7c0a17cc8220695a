"""A small server on a real socket in place of the API server: it answers as it is told, and remembers what it was asked."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from mailbox_operator.controller.client import Client

Answer = tuple[int, Any]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request."""

    method: str
    path: str
    query: dict[str, str]
    content_type: str
    body: Any


@dataclass(kw_only=True)
class ApiServer:
    """`answer` returns status and JSON for each request."""

    answer: Callable[[Asked], Answer]
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request."""
        text = await request.text()
        self.asked.append(
            Asked(
                method=request.method,
                path=request.path,
                query=dict(request.query),
                content_type=request.content_type,
                body=json.loads(text) if text else None,
            )
        )
        status, body = self.answer(self.asked[-1])
        return web.json_response(body, status=status, headers=self.headers)


@asynccontextmanager
async def serving(server: ApiServer) -> AsyncIterator[Client]:
    """Serve, and yield a client of it."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    async with TestServer(app) as running:
        client = Client(str(running.make_url("")).rstrip("/"), aiohttp.ClientSession)
        try:
            yield client
        finally:
            await client.close()
