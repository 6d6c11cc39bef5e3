"""The service: its parts, the order in which they start and stop, and what is done when one is away."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import logging
import signal
import sys
import time
from dataclasses import replace
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from .background import Background
from .catalogue import Catalogue, publish_folder
from .confinement import EngineSettings, Spec
from .database import Database
from .errors import DatabaseUnavailable
from .events import Events
from .handlers import Parts, Seats, routes
from .hub import Hub
from .inventory import Inventories
from .pool import Pool
from .publishing import Publishing
from .ratelimit import Bodies, RateLimit
from .regrading import Regrading
from .settings import SettingInvalid, Settings
from .store import Store
from .worker import Workers

log = logging.getLogger(__name__)

# The proxy keeps every connection that it opened in a rush, and never closes one by itself.
IDLE_CONNECTION_S = 120
# The database's threads take the interpreter back for a moment at a time, with a learner waiting; by default
# the event loop may keep it from them for 5 ms.
SWITCH_S = 0.0005
LOOKS = 2  # at what is new, for one at everything; Python has 10, when a look is dear
HARD_BODY_LIMIT = 64 * 1024 * 1024  # past this a connection is cut; up to it a client is told why
HEALTH_FOR_S = 2.0  # how long an answer about the parts is believed
HEALTH_WAIT_S = 3.0
WATCHERS_LEAVE_S = 2.0  # for the streams of a stopping service to end in good order


class Service:
    """The grader in one process. ``run`` it, or ``start`` and ``stop`` it in a test."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.database = Database.of(settings)
        self.store = Store(self.database)
        self.catalogue = Catalogue(self.store)
        self.events = Events()
        self.hub = Hub(settings)
        engine = EngineSettings(
            image=settings.sandbox_image,
            images=settings.sandbox_images,
            project=settings.project,
            owner=f"{settings.project}-{settings.name}",
            runtime=settings.sandbox_runtime,
        )
        self.pool = Pool(
            engine,
            size=settings.sandbox_pool_size,
            max_total=2 * settings.sandbox_pool_size + settings.workers + 2,
        )
        self.workers = Workers(
            store=self.store,
            catalogue=self.catalogue,
            events=self.events,
            pool=self.pool,
            name=settings.name,
            count=settings.workers,
            lease_s=settings.lease_s,
            attempts_max=settings.attempts_max,
        )
        slots = max(1, settings.workers // 2)
        self.background = Background(
            Pool(
                replace(engine, owner=f"{engine.owner}-background"),
                size=0,
                max_total=slots + 1,
                builders=1,
                kinds=0,
            ),
            self.workers,
            slots,
        )
        self.regrading = Regrading(
            self.store,
            self.catalogue,
            self.background,
            name=settings.name,
            lease_s=settings.lease_s,
            attempts_max=settings.attempts_max,
        )
        self.inventories = Inventories(self.background, self.background.pool)
        self.watchers = Seats(settings.watchers_per_user)
        self.bodies = Bodies()
        self.port = 0
        self.ready = asyncio.Event()  # the schema stands, challenges are published, workers work
        self._stopped = False
        self._server: HTTPServer | None = None
        self._bringing_up: asyncio.Task[None] | None = None
        self._health: tuple[float, dict[str, Any]] = (float("-inf"), {})
        self._health_lock = asyncio.Lock()

    def application(self) -> Application:
        settings = self.settings
        parts = Parts(
            hub=self.hub,
            store=self.store,
            catalogue=self.catalogue,
            events=self.events,
            workers=self.workers,
            publishing=Publishing(self.store, review_required=settings.review_required),
            background=self.background,
            regrading=self.regrading,
            inventories=self.inventories,
            health=self.health,
            requests=RateLimit(settings.requests_per_minute, settings.requests_per_minute),
            submissions=RateLimit(settings.submissions_per_minute, settings.submissions_burst),
            watchers=self.watchers,
            bodies=self.bodies,
            queue_max=settings.queue_max,
            prefix=settings.prefix,
        )
        return Application(
            routes(parts),
            # from the token, so that a restart signs nobody out
            cookie_secret=hashlib.sha256(b"cookies " + settings.hub_token.encode()).hexdigest(),
            # HubOAuth checks requests that come with a cookie; tornado's own check would refuse tokens
            xsrf_cookies=False,
            log_function=_log_request,
        )

    async def start(self) -> None:
        """Listen at once, so that whoever asks is told how things stand, then bring up the rest."""
        self._server = HTTPServer(
            self.application(),
            max_body_size=HARD_BODY_LIMIT,
            body_timeout=60,
            idle_connection_timeout=IDLE_CONNECTION_S,
        )
        sockets = bind_sockets(self.settings.port, self.settings.bind)
        self.port = sockets[0].getsockname()[1]
        self._server.add_sockets(sockets)
        log.info("listening on %s:%d%s", self.settings.bind, self.port, self.settings.prefix)
        await self.pool.start()
        await self.background.pool.start()
        self._bringing_up = asyncio.create_task(self._bring_up(), name="bringing up")

    async def _bring_up(self) -> None:
        for step in (self._set_up, self.workers.start, self.regrading.start):
            pause_s = 0.5
            while True:
                try:
                    await step()
                    break
                except DatabaseUnavailable as error:
                    log.warning("the database is away, next try in %.1f s: %s", pause_s, error.log_message)
                except Exception:
                    log.exception("the grader could not be set up, next try in %.1f s", pause_s)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, 10)
        self.ready.set()
        log.info("ready: %d workers, name %s", self.settings.workers, self.settings.name)

    async def _set_up(self) -> None:
        await self.database.run(self.database.build, self.settings.build_sql)
        await self.database.run(
            publish_folder, self.store, self.settings.challenges_dir, "grader", "came with the grader"
        )
        if usual := await self.catalogue.usual_limits():
            self.pool.expect(Spec.of(usual))

    async def stop(self) -> None:
        """Take no more requests, let running submissions end for a while, hand the others back."""
        if self._stopped:
            return
        self._stopped = True
        if self._server:
            self._server.stop()
        if self._bringing_up:
            self._bringing_up.cancel()
            await asyncio.gather(self._bringing_up, return_exceptions=True)
        await self.regrading.stop()
        await self.inventories.stop()
        await self.workers.stop(self.settings.drain_s)
        self.events.close()
        await self.watchers.empty(WATCHERS_LEAVE_S)
        await asyncio.gather(self.pool.close(), self.background.pool.close())
        if self._server:
            await self._server.close_all_connections()
        self.database.close()

    async def health(self) -> dict[str, Any]:
        """How the parts are: "ok", "starting" or "unavailable" each, and then the reason in words."""
        async with self._health_lock:
            when, known = self._health
            if time.monotonic() - when > HEALTH_FOR_S:
                known = await self._look()
                self._health = time.monotonic(), known
        return known

    async def _look(self) -> dict[str, Any]:
        hub, database = await asyncio.gather(self.hub.alive(), self._database_answers())
        engine = not self.workers.engine_away and not self.pool.fault
        parts = {
            "database": ("ok" if self.ready.is_set() else "starting") if database else "unavailable",
            "engine": "ok" if engine else "unavailable",
            "hub": "ok" if hub else "unavailable",
        }
        why = {
            "database": "The database does not answer. See what its container says: docker logs.",
            "engine": self.pool.fault or "The Docker engine did not make a sandbox. It is tried again.",
            "hub": "The hub does not answer. See what its container says: docker logs.",
        }
        away = [part for part, state in parts.items() if state == "unavailable"]
        return {
            "status": "ok" if all(state == "ok" for state in parts.values()) else "degraded",
            "parts": {**parts, "pool": {"ready": self.pool.ready}},
            "reasons": {part: why[part] for part in away},
        }

    async def _database_answers(self) -> bool:
        try:
            async with asyncio.timeout(HEALTH_WAIT_S):
                await self.database.run(self.store.waiting)
        except (DatabaseUnavailable, TimeoutError):
            return False
        return True

    async def run(self) -> None:
        """Until SIGTERM or SIGINT."""
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        await self.start()
        await stopping.wait()
        log.info("stopping")
        await self.stop()


def _log_request(handler: RequestHandler) -> None:
    request = handler.request
    caller = getattr(handler, "caller", None)
    level = logging.WARNING if handler.get_status() >= 500 else logging.INFO
    if request.path.endswith("/health"):
        level = logging.DEBUG
    log.log(
        level,
        "%d %s %s %s %.1f ms",
        handler.get_status(),
        request.method,
        # the path only: nothing private is ever meant to be in a query, but a log should not depend on it
        request.path,
        caller.name if caller else "-",
        1000 * request.request_time(),
    )


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def serve() -> int:
    """Run the service; the exit status."""
    try:
        settings = Settings.read()
    except SettingInvalid as error:
        print(f"The grader cannot start.\n{error}", file=sys.stderr)
        return 2
    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    logging.captureWarnings(True)
    if settings.log_json:
        logging.getLogger().handlers[0].setFormatter(_JsonLines())
    # jupyterhub tells of every request that it identifies
    logging.getLogger("tornado.application").setLevel(max(logging.WARNING, logging.getLogger().level))

    async def run() -> None:
        await Service(settings).run()

    sys.setswitchinterval(SWITCH_S)
    # Garbage in circles that outlived two looks is found by looking at everything, which Python puts off
    # until a quarter as much is new as it saw the last time. What was imported (240,000 objects) stays for
    # good: set aside, it delays no look, and a look takes 10 ms instead of 110.
    gc.collect()
    gc.freeze()
    gc.collect()
    gc.set_threshold(*gc.get_threshold()[:2], LOOKS)
    asyncio.run(run())
    return 0
