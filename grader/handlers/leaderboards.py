"""Leaderboards: how those who chose to take part stand, under the names that they chose."""

from __future__ import annotations

from typing import Any

from ..displayname import display_name
from ..errors import ClassUnknown, DisplayNameUnknown, RequestMalformed, TrackUnknown
from ..hub import MODERATE_SUBMISSIONS
from .base import ApiHandler


class LeaderboardHandler(ApiHandler):
    body_limit = 4096

    async def get(self) -> None:
        """Of one track or all, and of one class of the caller's or everybody."""
        track, of_class = (self.get_query_argument(name, "", strip=False) for name in ("track", "class"))
        caller, store = self.caller, self.parts.store
        versions = await self.parts.catalogue.published()
        tracks = {str(version.overview["track"]) for version in versions} - {""}
        if track and track not in tracks:
            raise TrackUnknown("There is no such track any more. Choose another, or all of them.")
        if of_class and of_class not in caller.classes:
            raise ClassUnknown("You are in no such class. Choose another, or everybody.")
        counted = [version for version in versions if not track or version.overview["track"] == track]
        await store.database.run(store.see_classes, caller.name, caller.classes)
        participation = await store.database.run(store.participation, caller.name)
        ids = [version.challenge_id for version in counted]
        standing = await store.database.run(store.leaderboard, caller.name, ids, of_class or None)
        self.send(
            {
                "taking_part": participation,
                "tracks": sorted(tracks),
                "classes": sorted(caller.classes),
                "track": track or None,
                "class": of_class or None,
                "challenges": len(counted),
                **standing,
            }
        )

    async def post(self) -> None:
        """Take part, or go on under another name."""
        name = _name(self.json_body())
        caller, store = self.caller, self.parts.store
        participation = await store.database.run(store.take_part, caller.name, name, caller.classes)
        self.send({"taking_part": participation})


class LeaveHandler(ApiHandler):
    body_limit = 1024

    async def post(self) -> None:
        store = self.parts.store
        await store.database.run(store.leave, self.caller.name)
        self.send({"taking_part": None})


class TakeOffHandler(ApiHandler):
    """For moderators: a name that others should not have to read."""

    body_limit = 4096

    async def post(self) -> None:
        self.require(MODERATE_SUBMISSIONS)
        name = _name(self.json_body())
        store = self.parts.store
        if not await store.database.run(store.take_off, name, self.caller.name):
            raise DisplayNameUnknown("Nobody on the leaderboards has this display name.")
        self.send({"display_name": name})


def _name(body: dict[str, Any]) -> str:
    name = body.get("display_name")
    if not isinstance(name, str):
        raise RequestMalformed("display_name must be the name that others see on leaderboards.")
    return display_name(name)


ROUTES: list[tuple[str, type[ApiHandler]]] = [
    ("leaderboard", LeaderboardHandler),
    ("leaderboard/leave", LeaveHandler),
    ("leaderboard/take-off", TakeOffHandler),
]
