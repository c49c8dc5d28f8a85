"""What browsers are told about every response: who may embed, run, read and keep it."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# Kept by the browser alone, and asked for again every time (cheap: see `entity_tags`).
CACHE_CONTROL = "private, no-cache"

# Added to the policy that a page brings itself.
PAGE_POLICY = "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
NO_PAGE_POLICY = "default-src 'none'; frame-ancestors 'none'"
# An uploaded file comes from whoever could run a trial: opened in a tab, it gets an origin of its
# own, without scripts, so it cannot act in the name of the visitor.
ARTIFACT_POLICY = (
    "sandbox; default-src 'none'; img-src 'self' data:; media-src 'self'; "
    "style-src 'unsafe-inline'; frame-ancestors 'none'"
)


class SecurityHeaders:
    """Adds the headers above to whatever the application answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        artifact = scope.get("path", "").startswith("/artifacts/")

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                secure(MutableHeaders(scope=message), artifact=artifact)
            await send(message)

        await self._app(scope, receive, secured)


def secure(headers: MutableHeaders, *, artifact: bool) -> None:
    """Adds to a response's headers those that protect it.

    Args:
        headers: As the application gave them.
        artifact: Whether the response is a file that a trial has uploaded.
    """
    headers.update(ALWAYS)
    headers.setdefault("Cache-Control", CACHE_CONTROL)
    if "Access-Control-Allow-Origin" in headers:  # optuna-dashboard's, for its artifacts
        del headers["Access-Control-Allow-Origin"]
    own_policy = headers.get("Content-Security-Policy")
    if artifact:
        policy = ARTIFACT_POLICY
    else:
        policy = f"{own_policy}; {PAGE_POLICY}" if own_policy else NO_PAGE_POLICY
    headers["Content-Security-Policy"] = policy
