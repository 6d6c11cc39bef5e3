"""What a sandbox may use, and what its container is allowed: all of it, see docs/security.md."""

from __future__ import annotations

import functools
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import EngineUnavailable
from .models import Limits

LABEL = "challengehub"
SECCOMP = Path(__file__).resolve().parent.parent / "images" / "sandbox" / "seccomp.json"

# Beside what the submission may start: the judge, and under gVisor the threads of its kernel.
OWN_PROCESSES = {"runc": 4, "runsc": 128}
OWN_MEMORY_MB = {"runc": 0, "runsc": 64}

# Every place that can be written to: small, in memory, counted against the container's limit.
TMPFS = {
    "/home/learner": "size=64m,nr_inodes=4096,mode=0777,nosuid,nodev,noexec",
    "/tmp": "size=32m,nr_inodes=1024,mode=1777,nosuid,nodev,noexec",  # noqa: S108
    "/dev/shm": "size=16m,nr_inodes=256,mode=1777,nosuid,nodev,noexec",  # noqa: S108
}
ULIMITS = {"nofile": 256, "fsize": 64 * 1024 * 1024, "core": 0, "memlock": 64 * 1024, "msgqueue": 0}


@dataclass(frozen=True, slots=True)
class Spec:
    """What one container may use; sandboxes of equal specs stand in for each other."""

    memory_mb: int = 512
    processes: int = 64
    cpus: float = 2.0  # one each for judge and learner, but never more than the engine has
    runtime: str = "auto"  # "runc", "runsc", or "auto": the engine's setting decides
    image: str = ""  # one of ``EngineSettings.images``; "": the usual one

    @classmethod
    def of(cls, limits: Limits, image: str = "") -> Spec:
        return cls(memory_mb=limits.memory_mb, processes=limits.processes, image=image)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """Where the engine is and what it shall run."""

    image: str = "challengehub/sandbox:latest"
    images: Mapping[str, str] = field(default_factory=dict)  # further ones, by the names challenges use
    project: str = "challengehub"  # the label by which one installation knows its own
    owner: str = field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}")
    runtime: str = "auto"  # "auto" takes runsc (gVisor) where the engine has it
    url: str | None = None  # None: DOCKER_HOST, else the usual socket
    seccomp: Path = SECCOMP


def config(spec: Spec, settings: EngineSettings, run: str) -> dict[str, Any]:
    """What Docker is asked for; ``spec`` must be resolved, ``run`` names this process' life.

    Raises EngineUnavailable.
    """
    memory = (spec.memory_mb + OWN_MEMORY_MB.get(spec.runtime, 0)) * 1024 * 1024
    return {
        "Image": settings.images[spec.image] if spec.image else settings.image,
        "Hostname": "sandbox",
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "OpenStdin": True,
        # The judge reads an end of file, and ends, when the grader is gone.
        "StdinOnce": True,
        "Tty": False,
        "Labels": {
            LABEL: settings.project,
            f"{LABEL}.role": "sandbox",
            f"{LABEL}.owner": settings.owner,
            f"{LABEL}.run": run,
        },
        "HostConfig": {
            "Runtime": spec.runtime,
            "NetworkMode": "none",
            "IpcMode": "private",
            "ReadonlyRootfs": True,
            "Tmpfs": TMPFS,
            "Memory": memory,
            "MemorySwap": memory,
            "MemorySwappiness": 0,
            "PidsLimit": spec.processes + OWN_PROCESSES.get(spec.runtime, 0),
            "NanoCpus": int(spec.cpus * 1e9),
            # Should the whole machine run out of memory, a sandbox goes first.
            "OomScoreAdj": 500,
            "Ulimits": [{"Name": name, "Soft": most, "Hard": most} for name, most in ULIMITS.items()],
            "CapDrop": ["ALL"],
            "CapAdd": ["SETUID", "SETGID"],
            "SecurityOpt": ["no-new-privileges", f"seccomp={profile(settings.seccomp)}"],
            "LogConfig": {"Type": "none", "Config": {}},
            "RestartPolicy": {"Name": "no"},
        },
    }


@functools.cache
def profile(path: Path) -> str:
    """Which system calls there are, as the engine wants it. Raises EngineUnavailable."""
    try:
        return json.dumps(json.loads(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise EngineUnavailable(
            f"The sandboxes' seccomp profile cannot be read: {path} ({error})."
        ) from error
