"""A MySQL server of the tests' own, so that they can stop it, flood it and empty it; and a Hub."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pymysql
import pytest

from grader.database import Database
from grader.store import Store
from tests.hub.running_hub import Hub

from .graders import engine, environment, new_own_learner, own_engine, own_learner, start

__all__ = ["engine", "environment", "new_own_learner", "own_engine", "own_learner", "start"]  # fixtures

ROOT = Path(__file__).parents[2]
PASSWORD = "password-in-a-test"
START_S = 120


@dataclass
class Server:
    """A container of the installation's database image, with user and database grader."""

    container: Any
    port: int
    host: str = "127.0.0.1"
    built: bool = False
    password: str = PASSWORD

    def connect(self) -> Any:
        return pymysql.connect(
            host=self.host,
            port=self.port,
            user="grader",
            password=PASSWORD,
            database="grader",
            autocommit=True,
            cursorclass=pymysql.cursors.DictCursor,
            connect_timeout=3,
        )

    def query(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())

    def wait(self) -> None:
        """Until it lets the grader in."""
        until = time.monotonic() + START_S
        while True:
            try:
                self.connect().close()
                return
            except pymysql.err.OperationalError:
                if time.monotonic() > until:
                    pytest.fail(f"MySQL did not start:\n{self.container.logs(tail=30).decode()}")
                time.sleep(0.2)

    def stop(self) -> None:
        self.container.stop(timeout=30)

    def start(self) -> None:
        self.container.start()
        self.wait()

    def empty(self) -> None:
        """Drop every table."""
        self.built = False
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SET FOREIGN_KEY_CHECKS = 0")
            cursor.execute("SHOW TABLES")
            for row in cursor.fetchall():
                cursor.execute(f"DROP TABLE `{next(iter(row.values()))}`")

    def clear(self, database: Database) -> None:
        """The schema, and not a row in it: for most tests as good as ``empty``, and much quicker."""
        if not self.built:
            self.empty()
            database.build(ROOT / "build.sql")
            self.built = True
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SET FOREIGN_KEY_CHECKS = 0")
            cursor.execute("SHOW TABLES")
            for row in cursor.fetchall():
                cursor.execute(f"DELETE FROM `{next(iter(row.values()))}`")


@contextmanager
def running_server(**options: Any) -> Iterator[Server]:
    """A new one; ``options`` go to the engine."""
    engine = docker.from_env(timeout=120)
    # chosen here: a port that the engine chooses is another one after a restart
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    container = engine.containers.run(
        os.environ.get("DB_IMAGE", "challengehub/db:latest"),
        detach=True,
        name=f"challengehub-tests-db-{os.urandom(4).hex()}",
        environment={f"MYSQL_{user}_PASSWORD": PASSWORD for user in ("ROOT", "HUB", "GRADER")},
        labels={"challengehub": "challengehub-tests"},
        ports={"3306/tcp": ("127.0.0.1", port)},
        **options,
    )
    try:
        server = Server(container, port)
        server.wait()
        yield server
    finally:
        container.remove(force=True, v=True)
        engine.close()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with running_server() as server:
        yield server


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A Hub of the tests' own, with nobody in it yet."""
    hub = Hub(tmp_path_factory.mktemp("hub")).start()
    yield hub
    hub.stop()


@pytest.fixture
def small_server() -> Iterator[Server]:
    """One whose disk can be filled."""
    with running_server(tmpfs={"/var/lib/mysql": "size=700m"}) as server:
        yield server


def open_database(server: Server, connections: int = 8) -> Database:
    return Database(
        host=server.host,
        port=server.port,
        user="grader",
        password=PASSWORD,
        name="grader",
        connections=connections,
    )


@pytest.fixture
def database(server: Server) -> Iterator[Database]:
    """An empty database with the schema."""
    database = open_database(server)
    server.clear(database)
    yield database
    database.close()


@pytest.fixture
def store(database: Database) -> Store:
    return Store(database)
