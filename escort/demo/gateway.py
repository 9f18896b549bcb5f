"""The phone simulator's SMS gateway: a provider like any other, spoken to over HTTP and signed."""

import json
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from escort.demo import phones
from escort.demo.people import People
from escort.errors import NotAllowed
from escort.web.deps import HouseDep, NowDep, ReadSessionDep, SessionDep
from escort.web.policy import demo_only
from notifications import signing

ONLY_HERE = demo_only("the SMS provider of the invented people")


async def raw_body(request: Request) -> bytes:
    return await request.body()


Body = Annotated[bytes, Depends(raw_body)]


def gateway_router(people: Callable[[], People]) -> APIRouter:
    """Return the gateway's routes; texts that come in are put on phones, and their owners take note."""
    router = APIRouter(prefix="/demo/gateway", tags=["demonstration"])

    @router.post("/sms", dependencies=[ONLY_HERE])
    def send(
        request: Request, body: Body, session: SessionDep, house: HouseDep, now: NowDep
    ) -> dict[str, object]:
        """Accept a text for an invented person's phone."""
        secret = house.settings.sms_secret
        try:
            key = signing.verify(
                secret.get_secret_value() if secret else "",
                headers=request.headers,
                body=body,
                now=house.real_now(),
            )
        except signing.SignatureError as error:
            raise NotAllowed("签名不对。") from error
        text = json.loads(body)
        number = str(text["to"])
        came = phones.receive(
            session, number=number, key=key, template=str(text["template"]), text=str(text["text"]), now=now
        )
        if came and not phones.is_taken(session, number):
            phones.intend(
                session,
                people().react(
                    number=number, template=str(text["template"]), text=str(text["text"]), now=now
                ),
            )
        return {"status": "accepted", "id": f"sim-{key}"}

    @router.get("/sms/{key}", dependencies=[ONLY_HERE])
    def look_up(key: str, session: ReadSessionDep, response: Response) -> dict[str, object]:
        """Say whether a key has come."""
        if not phones.has_key(session, key):
            response.status_code = 404
            return {"status": "never seen"}
        return {"status": "accepted", "id": f"sim-{key}"}

    return router
