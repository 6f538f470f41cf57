"""Webhooks: addresses of one's own that are told of events, of one job or of all. See docs/api/webhooks.md."""

from __future__ import annotations

import base64
import re
import secrets
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field, TypeAdapter, ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.access import Access, Reader, Submitter
from api.addresses import Refused, check_url
from api.body import documented_body, read_json
from api.lanes import WRITING
from api.problems import documented
from api.routing import Route
from models import deletion, webhooks
from models.database import now
from models.errors import Conflict, WebhookError
from models.faults import faults_of, told
from models.ids import new_id
from models.kinds.kind import Model
from models.tables import Delivery, Webhook

router = APIRouter(tags=["webhooks"], route_class=Route)

MAX_WEBHOOKS = 50
LOOKUPS = 32
"""Names that are looked up at once for new webhooks: each has a thread until its name server answers."""
PATTERN = f"^({'|'.join(map(re.escape, ('*', 'job.*', 'run.*', *webhooks.TYPES)))})$"

EventPattern = Annotated[str, Field(pattern=PATTERN, examples=["job.*"])]


class WebhookRequest(Model):
    """What to tell whom."""

    url: str = Field(min_length=1, max_length=2000, examples=["https://example.com/hooks/ockham"])
    events: list[EventPattern] = Field(
        ["job.*"], min_length=1, max_length=20, description="Types, `job.*`, `run.*`, `*`"
    )
    job_id: str | None = Field(None, max_length=40, description="Of this job alone; null: of all the key's jobs")


class WebhookObject(Model):
    """A webhook, without its secret."""

    id: str
    object: Literal["webhook"] = "webhook"
    url: str
    events: list[str]
    job_id: str | None
    created_at: datetime
    disabled_at: datetime | None = Field(description="Since it answered 410 Gone")
    paused_until: datetime | None = Field(description="Nothing is sent before that, since the last attempt failed")


class NewWebhook(WebhookObject):
    """A webhook that was just made."""

    secret: str = Field(description="Verifies the signatures (Standard Webhooks); shown once")


class WebhookList(Model):
    """All webhooks, newest first."""

    object: Literal["list"] = "list"
    data: list[WebhookObject]
    has_more: Literal[False] = False


class DeliveryObject(Model):
    """An event on its way to a webhook."""

    id: str = Field(description="The message's `webhook-id`, the same at every attempt")
    object: Literal["delivery"] = "delivery"
    type: str
    created_at: datetime
    attempts: int
    delivered_at: datetime | None
    due_at: datetime | None = Field(description="When it is tried again; null where it is done or given up")
    error: str | None = Field(description="Why the last attempt failed")


class DeliveryList(Model):
    """A page of deliveries, newest first."""

    object: Literal["list"] = "list"
    data: list[DeliveryObject]
    has_more: bool


@router.post(
    "/webhooks",
    status_code=201,
    response_model=NewWebhook,
    summary="Create a webhook",
    responses=documented(404, 408, 409, 413, 422),
    openapi_extra={"requestBody": documented_body(WebhookRequest)},
)
async def create_webhook(request: Request, access: Submitter, body: Annotated[Any, Depends(read_json)]) -> Any:
    """From now on each event is sent to the URL as a signed POST, at least once."""
    asked = _validated(body)
    try:
        async with request.app.state.lookups:
            await check_url(asked.url, request.app.state.settings.webhook_private)
    except Refused as error:
        raise WebhookError([{"pointer": "/url", "code": error.code, "detail": str(error)}]) from None
    return await WRITING.run(_create, access, asked)


def _create(access: Access, asked: WebhookRequest) -> NewWebhook:
    with access.database.write() as session:
        if asked.job_id is not None:
            access.job(session, asked.job_id)
        count = session.scalar(
            select(func.count()).where(Webhook.owner == access.owner, Webhook.job_id == asked.job_id)
        )
        if (count or 0) >= MAX_WEBHOOKS:
            raise Conflict(f"There are {count} webhooks already; delete one first")
        clock = session.scalars(select(now())).one()
        webhook = Webhook(
            id=new_id("hook", clock),
            owner=access.owner,
            job_id=asked.job_id,
            url=asked.url,
            events=asked.events,
            secret="whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(),
            created_at=clock,
        )
        session.add(webhook)
        session.flush()
        return NewWebhook(**_shown(webhook).model_dump(), secret=webhook.secret)


@router.get("/webhooks", response_model=WebhookList, summary="List webhooks", responses=documented(422))
def list_webhooks(access: Reader) -> Any:
    """The webhooks of the key; with the scope `admin` those of every key."""
    with access.database.read() as session:
        query = access.own(select(Webhook).order_by(Webhook.id.desc()), Webhook.owner)
        return WebhookList(data=[_shown(webhook) for webhook in session.scalars(query)])


@router.get(
    "/webhooks/{webhook_id}", response_model=WebhookObject, summary="Read a webhook", responses=documented(404, 422)
)
def get_webhook(access: Reader, webhook_id: str) -> Any:
    """The webhook without its secret."""
    with access.database.read() as session:
        return _shown(_find(access, session, webhook_id))


@router.delete("/webhooks/{webhook_id}", status_code=204, summary="Delete a webhook", responses=documented(404, 422))
def delete_webhook(access: Submitter, webhook_id: str) -> Response:
    """Deletes the webhook and its messages that have not been delivered yet."""
    with access.database.write() as session:
        deletion.delete_webhook(session, _find(access, session, webhook_id).id)
    return Response(status_code=204)


@router.post(
    "/webhooks/{webhook_id}/test",
    status_code=202,
    response_model=DeliveryObject,
    summary="Send a test message",
    responses=documented(404, 409, 422),
)
def create_webhook_test(request: Request, access: Submitter, webhook_id: str) -> Any:
    """Sends a message of the type `webhook.test`, signed and retried like any other."""
    with access.database.write() as session:
        webhook = _find(access, session, webhook_id)
        if webhook.disabled_at:
            raise Conflict("The webhook is disabled since its address answered 410 Gone")
        clock = session.scalars(select(now())).one()
        message = webhooks.message(webhook.id, "webhook.test", {"webhook_id": webhook.id}, clock)
        webhooks.add(session, [message])
        shown = _delivery(session.get_one(Delivery, message["id"]), webhook)
    request.app.state.deliveries.wake()
    return shown


@router.get(
    "/webhooks/{webhook_id}/deliveries",
    response_model=DeliveryList,
    summary="List a webhook's deliveries",
    responses=documented(404, 422),
)
def list_deliveries(
    access: Reader,
    webhook_id: str,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    after: Annotated[
        str | None, Query(pattern="^msg_[0-9a-f]{32}$", description="The last id of the page before")
    ] = None,
) -> Any:
    """Newest first; kept for seven days."""
    with access.database.read() as session:
        webhook = _find(access, session, webhook_id)
        query = select(Delivery).where(Delivery.webhook_id == webhook_id).order_by(Delivery.id.desc()).limit(limit + 1)
        if after is not None:
            query = query.where(Delivery.id < after)
        found = session.scalars(query).all()
        return DeliveryList(data=[_delivery(each, webhook) for each in found[:limit]], has_more=len(found) > limit)


def _validated(body: Any) -> WebhookRequest:
    try:
        return TypeAdapter(WebhookRequest).validate_python(body)
    except ValidationError as invalid:
        raise WebhookError(list(faults_of(told(invalid), body, body, WebhookRequest))) from None


def _find(access: Access, session: Session, webhook_id: str) -> Webhook:
    return access.find(session, Webhook, webhook_id, "hook", "webhook")


def _shown(webhook: Webhook) -> WebhookObject:
    return WebhookObject(
        id=webhook.id,
        url=webhook.url,
        events=webhook.events,
        job_id=webhook.job_id,
        created_at=webhook.created_at,
        disabled_at=webhook.disabled_at,
        paused_until=webhook.paused_until,
    )


def _delivery(delivery: Delivery, webhook: Webhook) -> DeliveryObject:
    ended = delivery.due_at and webhook.disabled_at
    return DeliveryObject(
        id=delivery.id,
        type=delivery.type,
        created_at=delivery.created_at,
        attempts=delivery.attempts,
        delivered_at=delivery.delivered_at,
        due_at=None if ended else delivery.due_at,
        error="the webhook was disabled" if ended else delivery.error,
    )
