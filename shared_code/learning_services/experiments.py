"""`/api/v1/experiments`: a learner's variants, and for operators the experiments."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from shared_code.domain.errors import FieldError, Invalid
from shared_code.domain.events.experiment import ExperimentStatus, Variant
from shared_code.domain.events.fields import Identifier, Moment, Share, Slug
from shared_code.domain.experiment import Experiment
from shared_code.gateway.access import OPERATOR, PLATFORM
from shared_code.gateway.body import decode_json
from shared_code.gateway.http import Request, Response
from shared_code.gateway.inprocess import InProcessService, ServiceRoute
from shared_code.learning_services.reading import etag, expected_version, named
from shared_code.services.experiments import Assignment, ExperimentsService, Exposure

ROUNDING = 1e-9  # three thirds, written as decimals


class Arm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A variant and its share of the learners, 0-1."""

    name: Slug
    share: Share


class Definition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An experiment as an operator describes it. A new `salt` deals everyone anew; without one it stays."""

    status: ExperimentStatus
    variants: Annotated[tuple[Arm, ...], Meta(min_length=1, max_length=20)]
    salt: Identifier | None = None
    winner: Slug | None = None
    starts_at: Moment | None = None
    ends_at: Moment | None = None


class ExperimentList(Struct, frozen=True, kw_only=True):
    """Every experiment."""

    experiments: tuple[Experiment, ...]


class AssignmentList(Struct, frozen=True, kw_only=True):
    """The caller's variants."""

    assignments: tuple[Assignment, ...]


class Meeting(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the learner met its variant."""

    surface: Slug | None = None


def experiments_service(experiments: ExperimentsService) -> InProcessService:
    """The service and its routes."""

    async def mine(request: Request) -> Response:
        found = await experiments.assignments(request.caller.pseudonym)
        return Response(200, AssignmentList(assignments=tuple(found)))

    async def my_variant(request: Request) -> Response:
        return Response(200, await experiments.assignment(request.caller.pseudonym, named(request, "experiment_id")))

    async def expose(request: Request) -> Response:
        surface = decode_json(request, Meeting).surface
        experiment_id = named(request, "experiment_id")
        return Response(
            200, await experiments.expose(request.caller, request.correlation_id, experiment_id, surface=surface)
        )

    async def find(_: Request) -> Response:
        return Response(200, ExperimentList(experiments=tuple(await experiments.all())))

    async def get(request: Request) -> Response:
        found = await experiments.get(named(request, "experiment_id"))
        return Response(200, found, etag(found.version))

    async def put(request: Request) -> Response:
        wanted = _experiment(named(request, "experiment_id"), decode_json(request, Definition))
        kept, new = await experiments.put(
            request.caller, request.correlation_id, wanted, expected=expected_version(request)
        )
        return Response(201 if new else 200, kept, etag(kept.version))

    one = "definitions/{experiment_id}"
    return InProcessService(
        "experiments",
        [
            ServiceRoute("GET", "me", mine, summary="My variants", answer=AssignmentList),
            ServiceRoute(
                "GET", "me/{experiment_id}", my_variant, summary="My variant in one experiment", answer=Assignment
            ),
            ServiceRoute(
                "POST",
                "me/{experiment_id}/exposures",
                expose,
                summary="Note that I have met my variant; the first time counts",
                answer=Exposure,
                body=Meeting,
            ),
            ServiceRoute("GET", "definitions", find, OPERATOR, "Look at all experiments", answer=ExperimentList),
            ServiceRoute("GET", one, get, OPERATOR, "Look at an experiment", answer=Experiment, headers=("ETag",)),
            ServiceRoute(
                "PUT",
                one,
                put,
                PLATFORM,
                "Begin, change, pause or conclude an experiment",
                answer=Experiment,
                body=Definition,
                statuses=(200, 201),
                headers=("ETag",),
            ),
        ],
    )


def _experiment(experiment_id: str, body: Definition) -> Experiment:
    """Raises Invalid where its members do not fit each other."""
    names = [arm.name for arm in body.variants]
    if len(set(names)) < len(names):
        raise _misfit("/variants", "Two variants have one name.")
    if sum(arm.share for arm in body.variants) > 1 + ROUNDING:
        raise _misfit("/variants", "The shares add up to more than 1.")
    if body.winner is not None and body.winner not in names:
        raise _misfit("/winner", "This is none of the variants.")
    if body.starts_at and body.ends_at and body.ends_at <= body.starts_at:
        raise _misfit("/ends_at", "This is not after the start.")
    return Experiment(
        experiment_id=experiment_id,
        version=0,
        status=body.status,
        variants=tuple(Variant(name=arm.name, share=arm.share) for arm in body.variants),
        salt=body.salt or "",
        winner=body.winner,
        starts_at=body.starts_at,
        ends_at=body.ends_at,
    )


def _misfit(pointer: str, what: str) -> Invalid:
    return Invalid("The body does not fit.", errors=[FieldError(pointer, what)])
