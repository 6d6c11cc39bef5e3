"""The connection to MySQL: a small pool, threads for asyncio, and which failures pass by themselves."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

import pymysql
from pymysql.constants import CLIENT
from sqlalchemy import URL, Connection, create_engine
from sqlalchemy.exc import DBAPIError, TimeoutError

from .errors import DatabaseUnavailable
from .settings import Settings

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

# MySQL's own numbers, by what they say about trying again.
_ROLLED_BACK = {1205, 1213}  # lock wait timeout, deadlock: the transaction is undone, another try is harmless
_AWAY = {
    1021, 1114, 1030, 1034, 1041,  # disk, table space or memory is full for now
    1040, 1203, 1226,  # too many connections
    1042, 1043, 1053, 1077, 1079, 1152, 1158, 1159, 1160, 1161, 1184,  # going down, or the network is
    1290, 1792, 1836,  # read-only for now
    1044, 1045, 1049, 1130, 1142, 1146, 1698,  # not set up yet: no user, database, rights or tables
    2002, 2003, 2005, 2006, 2013, 2014, 2026, 2055, 3159,  # cannot connect, connection lost
}  # fmt: skip
_PAUSES_S = (0.0, 0.1, 0.4)
# A network that swallows packets without a word holds a call for the first, or for twice the second. Together
# they stay under the 30 s after which a learner's server gives up waiting for the grader.
ANSWER_S = 10.0
CONNECT_S = 3.0
RETRY_WITHIN_S = 5.0  # what took longer is not tried again here: whoever asked has waited
THREAD_S = 10.0  # for one of the threads, when all of them wait for the database
TURN_S = 60  # for the one who builds the schema already


def _number(error: BaseException | None) -> int:
    return error.args[0] if error and error.args and isinstance(error.args[0], int) else 0


class Database:
    """Transactions on one database. Safe to use from several threads, and from asyncio through ``run``."""

    def __init__(
        self, *, host: str, port: int, user: str, password: str, name: str, connections: int = 8
    ) -> None:
        self._url = URL.create("mysql+pymysql", user, password, host, port, name, {"charset": "utf8mb4"})
        self._engine = create_engine(
            self._url,
            # without gap locks claims and inserts do not wait for each other
            isolation_level="READ COMMITTED",
            pool_size=connections,
            max_overflow=0,
            pool_timeout=10,
            pool_recycle=3600,
            # every transaction here ends itself; a second rollback would be one more round trip
            pool_reset_on_return=None,
            # parameters carry learners' notebooks, which no log should
            hide_parameters=True,
            connect_args={"connect_timeout": CONNECT_S, "read_timeout": ANSWER_S, "write_timeout": ANSWER_S},
        )
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="database")

    @classmethod
    def of(cls, settings: Settings) -> Database:
        """The one of an installation."""
        return cls(
            host=settings.db_host,
            port=settings.db_port,
            user=settings.db_user,
            password=settings.db_password,
            name=settings.db_name,
            connections=settings.db_connections,
        )

    def transaction(
        self, body: Callable[[Connection], T], done: Callable[[Connection], T | None] | None = None
    ) -> T:
        """Run ``body`` in one transaction and commit.

        A transaction that MySQL undid, or whose connection broke, is run again a few times, also when the
        break came during the commit: ``body`` must notice what an earlier run of itself has done, or ``done``
        find it, which is asked first from the second time on (None: nothing). Raises DatabaseUnavailable when
        MySQL cannot be used at the moment.
        """
        began = time.monotonic()
        for number, pause_s in enumerate((*_PAUSES_S, None)):
            try:
                with self._engine.begin() as connection:
                    found = done(connection) if done and number else None
                    return body(connection) if found is None else found
            except TimeoutError as error:
                raise self._unavailable(error) from error
            except DBAPIError as error:
                code = _number(error.orig)
                passing = code in _ROLLED_BACK or code in _AWAY or error.connection_invalidated
                if not passing:
                    raise
                if pause_s is None or time.monotonic() - began > RETRY_WITHIN_S:
                    raise self._unavailable(error) from error
                log.info("database: error %d, trying again in %.1f s", code, pause_s)
                time.sleep(pause_s)
        raise AssertionError("the loop above returns or raises")

    @staticmethod
    def _unavailable(error: BaseException) -> DatabaseUnavailable:
        return DatabaseUnavailable(
            "The grader cannot reach its database right now. Nothing is lost; please try again in a minute.",
            # without SQLAlchemy's paragraph around it
            log_message=str(getattr(error, "orig", None) or error),
            retry_after_s=15,
        )

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function that uses this database in one of its threads. Raises DatabaseUnavailable too when
        none of them becomes free; then nothing was done."""
        called = self._threads.submit(lambda: function(*args, **kwargs))
        no_longer = asyncio.get_running_loop().call_later(THREAD_S, called.cancel)
        try:
            return await asyncio.wrap_future(called)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task and task.cancelling():
                raise
            raise self._unavailable(error) from error
        finally:
            no_longer.cancel()

    def build(self, script: Path) -> None:
        """Run build.sql. Two graders that start together take turns."""
        statements = script.read_text(encoding="utf-8")
        try:
            connection = pymysql.connect(
                host=self._url.host or "",
                port=self._url.port or 3306,
                user=self._url.username or "",
                password=str(self._url.password or ""),
                database=self._url.database,
                charset="utf8mb4",
                client_flag=CLIENT.MULTI_STATEMENTS,
                connect_timeout=3,
                # MySQL goes on with what takes longer, and the next try finds it going on, or done
                read_timeout=120,
                autocommit=True,
            )
            with connection, connection.cursor() as cursor:
                cursor.execute("SELECT GET_LOCK(CONCAT('build.sql ', LEFT(DATABASE(), 50)), %s)", (TURN_S,))
                if cursor.fetchone() != (1,):
                    raise self._unavailable(TimeoutError("its schema is being built"))
                cursor.execute(statements)
                while cursor.nextset():
                    pass
        except pymysql.err.MySQLError as error:
            if _number(error) in _AWAY | _ROLLED_BACK:
                raise self._unavailable(error) from error
            raise

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._engine.dispose()
