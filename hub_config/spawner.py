"""One locked-down container a learner: what DockerSpawner does not say, label or clean up by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import docker.errors
import requests.exceptions
from dockerspawner import DockerSpawner
from jupyterhub.spawner import SpawnException
from traitlets import Unicode

#: In images/notebook/Dockerfile the same: a new volume takes its owner from this folder in the image.
HOME = "/home/learner"
USER = "1000:1000"
#: In images/notebook/python/session_packages.py the same: where a session's own packages go.
PACKAGES = "/opt/python/session"

_KEPT = "Your files are kept."


class NotebookSpawner(DockerSpawner):
    project = Unicode(
        "challengehub", config=True, help="Prefix and label of every container and volume made here."
    )

    @property
    def home_volume(self) -> str:
        names = [name for name, mount in self.volume_binds.items() if mount["bind"] == HOME]
        return names[0]

    async def start(self) -> Any:
        try:
            return await super().start()
        except docker.errors.ImageNotFound as error:
            raise SpawnException(
                "The image for notebooks is not on this machine. Tell an administrator; `make up` builds it. "
                + _KEPT,
                reason="image",
                log_message=f"No image {self.image}: {error}",
                status_code=503,
            ) from error
        except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
            raise SpawnException(
                "Your workspace could not be started, because Docker did not answer as it should. "
                f"Try again in a minute; if it goes on, tell an administrator. {_KEPT}",
                reason="engine",
                log_message=f"Docker failed: {error}",
                status_code=503,
            ) from error

    async def create_object(self) -> Any:
        # Docker would make the volume by itself, but without the label by which ours are found.
        await self.docker("create_volume", self.home_volume, labels={"challengehub": self.project})
        return await super().create_object()

    async def delete_forever(self) -> None:
        """The account is deleted: so is its home. Whoever signs up under the name next must not find it."""
        for tries_left in reversed(range(60)):
            try:
                await self.docker("remove_volume", self.home_volume)
                self.log.info("Removed the home %s", self.home_volume)
                return
            except docker.errors.NotFound:
                return
            except (docker.errors.APIError, requests.exceptions.RequestException) as error:
                # Docker takes a moment to let go of the volume after it removed the container.
                in_use = getattr(error, "status_code", None) == HTTPStatus.CONFLICT
                if not in_use or not tries_left:
                    self.log.error("Remove the home %s by hand, Docker did not: %s", self.home_volume, error)
                    return
            await asyncio.sleep(0.5)

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        yield {"progress": 20, "message": "Making a container of your own …"}
        while not self.object_id:  # noqa: ASYNC110  (DockerSpawner tells nobody)
            await asyncio.sleep(0.2)
        yield {"progress": 45, "message": "Starting JupyterLab in it …"}
        while not self._waiting_for_response:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
        yield {"progress": 75, "message": "Waiting until it answers …"}
