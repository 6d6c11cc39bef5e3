"""The Hub: where it is, our token for it, and who is calling. Nothing else says who anybody is."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any, cast

from jupyterhub.services.auth import (
    HubOAuth,
    HubOAuthCallbackHandler,
    HubOAuthenticated,
    UserNotAllowed,
)
from tornado.httpclient import AsyncHTTPClient, HTTPClientError
from tornado.web import HTTPError, RequestHandler

from .errors import Forbidden, HubUnavailable, Unauthenticated
from .settings import Settings

log = logging.getLogger(__name__)

# The service at the Hub whose one submission shows that an installation works, and the name that its
# submissions are kept under: one that no person can have, because of the colon.
SELF_CHECK_SERVICE = "self-check"
SELF_CHECK = f"service:{SELF_CHECK_SERVICE}"

# What the Hub's roles give to people and only the grader understands (hub_config/roles.py).
WRITE_CHALLENGES = "custom:challenges:write"
READ_SUBMISSIONS = "custom:submissions:read"
MODERATE_SUBMISSIONS = "custom:submissions:moderate"
# Groups that say what an account is (hub_config/roles.py); any other group of the Hub is a class.
PARTS = frozenset({"participants", "instructors", "moderators"})
# What every token inside a notebook container carries, and no other: it says which server it may reach.
OF_A_SERVER = "access:servers!server="

ALIVE_FOR_S = 5.0  # how long an answer to "is the Hub there" is believed


@dataclass(frozen=True, slots=True)
class Caller:
    """A person, as the Hub knows them."""

    name: str
    admin: bool
    groups: frozenset[str]
    scopes: frozenset[str]

    @property
    def rules(self) -> bool:
        """An admin, who may do everything: the Hub cannot add our scopes to its own admin role.

        Not by the token inside an admin's notebook container, which whatever runs there can read.
        """
        return self.admin and not any(scope.startswith(OF_A_SERVER) for scope in self.scopes)

    @property
    def classes(self) -> frozenset[str]:
        """As of the Hub's answer about the caller, which is believed for five minutes."""
        return self.groups - PARTS

    def may(self, scope: str) -> bool:
        return scope in self.scopes or self.rules


class Identities(HubOAuth):
    """HubOAuth, which takes every 403 of the Hub for "nobody" and remembers that for five minutes.

    The Hub says 403 also while its own database is away. So a refusal is believed only when the Hub knows our
    own token and then refuses the caller's again.
    """

    async def _check_hub_authorization(
        self, url: str, api_token: str, cache_key: Any = None, use_cache: bool = True
    ) -> dict[str, Any] | None:
        ask = super()._check_hub_authorization
        if use_cache and cache_key in self.cache:
            return cast("dict[str, Any] | None", self.cache[cache_key])
        found: dict[str, Any] | None = await ask(url, api_token, use_cache=False)
        if found is None:
            if await ask(url, self.api_token, use_cache=False) is None:
                raise HTTPError(503, "the Hub does not know our own token: is its database away?")
            found = await ask(url, api_token, use_cache=False)
        if use_cache:
            self.cache[cache_key] = found
        return found


class Hub:
    def __init__(self, settings: Settings) -> None:
        service = settings.hub_service_name
        self.auth = Identities(
            api_url=settings.hub_api_url.rstrip("/"),
            api_token=settings.hub_token,
            base_url=settings.prefix,
            hub_prefix=settings.hub_base_url + "hub/",
            oauth_client_id=settings.hub_client_id,
            oauth_redirect_uri=settings.prefix + "oauth_callback",
            access_scopes={"access:services", f"access:services!service={service}"},
        )
        self.home = settings.hub_base_url + "hub/home"
        self._alive = (False, float("-inf"))

    async def identify(self, handler: HubHandler) -> Caller:
        """Who sends this request, by token or by the cookie of the Hub's sign-in.

        A request with a cookie that changes something must carry the XSRF token too (HubOAuth sees to it).
        Raises Unauthenticated, Forbidden, HubUnavailable.
        """
        try:
            model = await self.auth.get_user(handler, sync=False)
            if model is not None:
                model = handler.check_hub_user(model)
        except UserNotAllowed as error:
            raise Forbidden(
                "Your account may not use the grader. Ask whoever runs this hub for access."
            ) from error
        except HTTPError as error:
            raise HubUnavailable(
                "The hub does not answer right now, so the grader cannot tell who you are. "
                "Please try again in a minute.",
                log_message=str(error),
                retry_after_s=15,
            ) from error
        if model is None:
            raise Unauthenticated(
                "Please sign in: send a token of the hub, or sign in to the hub in your browser."
            )
        if model.get("kind") == "service" and model["name"] == SELF_CHECK_SERVICE:
            return Caller(SELF_CHECK, False, frozenset(), frozenset())
        if model.get("kind") != "user":
            # a service could have a learner's name
            raise Forbidden("Only people can use the grader, and this token belongs to a service.")
        return Caller(
            model["name"],
            bool(model.get("admin")),
            frozenset(model.get("groups") or ()),
            frozenset(model.get("scopes") or ()),
        )

    async def alive(self) -> bool:
        known, when = self._alive
        if time.monotonic() - when > ALIVE_FOR_S:
            try:
                answer = await AsyncHTTPClient().fetch(
                    self.auth.api_url + "/", request_timeout=3, raise_error=False
                )
                known = answer.code == 200
            # tornado raises its own for a Hub that takes the connection and says nothing
            except (OSError, HTTPClientError) as error:
                log.debug("the Hub does not answer: %s", error)
                known = False
            self._alive = known, time.monotonic()
        return known


class HubHandler(HubOAuthenticated, RequestHandler):
    """A request handler whose caller the Hub can identify; ``initialize`` sets ``hub`` and ``hub_auth``."""

    hub: Hub


class OAuthCallback(HubOAuthCallbackHandler):
    """Where the Hub sends a browser back to after sign-in."""

    def initialize(self, hub: Hub) -> None:
        self.hub_auth = hub.auth
