"""Guests, consents and erasure: what a learner decides on itself, and operators on a learner."""

from __future__ import annotations

from shared_code.gateway.access import LEARNER, OPERATOR, PUBLIC
from shared_code.gateway.routes.route import JSON_ONLY, Route

CREATE_GUEST = Route(
    name="create_guest",
    method="POST",
    path="v1/guests",
    access=PUBLIC,
    summary="Become a guest learner",
    consumes=JSON_ONLY,
)
LINK_GUEST = Route(
    name="link_guest",
    method="POST",
    path="v1/guests/link",
    access=LEARNER,
    summary="Turn a guest into the learner of the caller's account",
    consumes=JSON_ONLY,
)
GET_CONSENTS = Route(
    name="get_consents",
    method="GET",
    path="v1/learners/me/consents",
    access=LEARNER,
    summary="Look at what one has consented to",
)
CHANGE_CONSENTS = Route(
    name="change_consents",
    method="PUT",
    path="v1/learners/me/consents",
    access=LEARNER,
    summary="Grant and withdraw consents",
    consumes=JSON_ONLY,
)
ERASE_ME = Route(
    name="erase_me",
    method="DELETE",
    path="v1/learners/me/data",
    access=LEARNER,
    summary="Have everything erased that is known of oneself",
)
GET_MY_ERASURE = Route(
    name="get_my_erasure",
    method="GET",
    path="v1/learners/me/erasure",
    access=LEARNER,
    summary="Look at how one's own erasure stands",
)
ERASE_LEARNER = Route(
    name="erase_learner",
    method="DELETE",
    path="v1/ops/learners/{learner_id}/data",
    access=OPERATOR,
    summary="Erase a learner",
)
GET_ERASURE = Route(
    name="get_erasure",
    method="GET",
    path="v1/ops/learners/{learner_id}/erasure",
    access=OPERATOR,
    summary="Look at how a learner's erasure stands",
)

ROUTES: tuple[Route, ...] = (
    CREATE_GUEST,
    LINK_GUEST,
    GET_CONSENTS,
    CHANGE_CONSENTS,
    ERASE_ME,
    GET_MY_ERASURE,
    ERASE_LEARNER,
    GET_ERASURE,
)
