"""A repeated request gets the first answer."""

from __future__ import annotations

import hashlib
import logging
import re
from datetime import timedelta

from shared_code.domain.errors import AppError, BadRequest
from shared_code.gateway.http import Endpoint, Request, Response
from shared_code.gateway.idempotency.claims import Answer, Claims, Held
from shared_code.gateway.problem import problem
from shared_code.gateway.stages.deadline import left
from shared_code.gateway.stages.limit import network

log = logging.getLogger(__name__)

HEADER = "idempotency-key"
METHODS = frozenset({"POST", "PUT", "PATCH"})
KEY = re.compile(r"[\x21-\x7e]{1,255}")
WAITING_SHARE = 0.7  # of the time left, for the first copy to answer: what is over is for saying that it did not
LEASE_MARGIN = 5.0  # seconds beyond the route's deadline, after which a claim counts as left by a crash


class Idempotency:
    """Replays the first answer to a key for 24 hours, to the same caller and the same request.

    What may go better next time (503, 429, a failure of ours) is not kept. Without the store a request that bears a
    key is refused (503), because the caller asked for a guarantee; one without a key passes. Once carried out, a
    request is answered, even if its answer can no longer be kept.
    """

    def __init__(self, claims: Claims) -> None:
        self._claims = claims

    async def __call__(self, request: Request, proceed: Endpoint) -> Response:
        """Carry the request out once, or answer with what the first one led to."""
        key = request.headers.get(HEADER)
        if key is None or request.method not in METHODS:
            return await proceed(request)
        if not KEY.fullmatch(key):
            raise BadRequest("An Idempotency-Key has 1-255 visible ASCII characters.", code="idempotency-key-invalid")
        caller = request.principal.pseudonym if request.principal else "public"
        # Whoever guesses a stranger's key must not be handed the stranger's answer, such as a guest's token.
        place = "" if request.principal else network(request.client_address)
        lease = timedelta(seconds=request.route.deadline + LEASE_MARGIN)
        scoped = f"{request.route.name}\0{place}\0{key}"
        seconds = left(request) * WAITING_SHARE
        claimed = await self._claims.claim(caller, scoped, _fingerprint(request), lease, seconds=seconds)
        if isinstance(claimed, Answer):
            return _replayed(claimed)
        return await _carried_out(request, proceed, claimed)


async def _carried_out(request: Request, proceed: Endpoint, claim: Held) -> Response:
    try:
        response = await proceed(request)
    except AppError as error:
        if error.retryable or error.status >= 500:
            await _give_up(claim)
        else:
            await _keep(claim, problem(request, error))
        raise
    except Exception:
        await _give_up(claim)
        raise
    if response.status >= 500 or response.status == 429:
        await _give_up(claim)
    else:
        await _keep(claim, response)
    return response


async def _give_up(claim: Held) -> None:
    """Let the next copy try at once; where that fails, after the lease. The caller learns of the first failure."""
    try:
        await claim.give_up()
    except AppError as failure:
        log.warning("idempotency.claim_not_given_up", extra={"code": failure.code})


async def _keep(claim: Held, response: Response) -> None:
    """Keep an answer. Where that fails the caller gets it all the same: told of a failure, it would try again."""
    answer = Answer(
        status=response.status,
        headers=dict(response.headers),
        content_type=response.content_type,
        body=response.payload(),
    )
    try:
        await claim.finish(answer)
    except AppError as failure:
        log.warning("idempotency.answer_not_kept", extra={"code": failure.code})


def _fingerprint(request: Request) -> bytes:
    """What makes two requests the same: method, path, query, content type and body."""
    query = "&".join(f"{name}={value}" for name, value in sorted(request.query.items()))
    digest = hashlib.sha256()
    for part in (request.method, request.path, query, request.headers.get("content-type", "")):
        digest.update(part.encode() + b"\0")
    digest.update(request.body)
    return digest.digest()


def _replayed(answer: Answer) -> Response:
    return Response(answer.status, answer.body, {**answer.headers, "Idempotency-Replayed": "true"}, answer.content_type)
