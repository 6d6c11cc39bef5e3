"""Who may do what in the Hub, as data. ``tests/hub/test_roles.py`` tries every row against a running Hub.

Every account is in exactly one of these parts:

- **participant**: everybody who is nothing more. New accounts start here.
- **instructor**, **moderator**: an admin puts the account into the group, on the Hub's admin page.
- **admin**: the account of ``ADMIN_USER``, and those it makes admins.

Staff are kept *out* of ``participants`` (``membership.py``). That is what makes a moderator harmless to
admins, instructors and other moderators: all of its powers carry the filter ``!group=participants``.
"""

from __future__ import annotations

import sys
from typing import Any

PARTICIPANTS = "participants"
INSTRUCTORS = "instructors"
MODERATORS = "moderators"
STAFF = frozenset({INSTRUCTORS, MODERATORS})
GROUPS = (PARTICIPANTS, INSTRUCTORS, MODERATORS)

GRADER = "grader"
SELF_CHECK = "self-check"
IDLE_CULLER = "idle-culler"

ACCESS_GRADER = f"access:services!service={GRADER}"

WRITE_CHALLENGES = "custom:challenges:write"
READ_SUBMISSIONS = "custom:submissions:read"
MODERATE_SUBMISSIONS = "custom:submissions:moderate"

#: What only the grader understands; it finds them among the ``scopes`` of whoever calls it. An admin may do
#: all of it without holding them: the Hub cannot add custom scopes to its own admin role.
CUSTOM_SCOPES: dict[str, dict[str, Any]] = {
    WRITE_CHALLENGES: {
        "description": "Publish challenges, see their solutions, go back to a version, grade again"
    },
    READ_SUBMISSIONS: {
        "description": "Read challenges' earlier versions; for who writes challenges, "
        "also which learners' verdicts a new version would change",
    },
    MODERATE_SUBMISSIONS: {
        "description": "Take names off leaderboards, and read challenges' earlier versions",
        "subscopes": [READ_SUBMISSIONS],
    },
}

#: Added to every account's own resources. The Hub lets nobody into a service by default.
USER_SCOPES = frozenset({ACCESS_GRADER})

#: What the token inside a notebook container may do, which the learner's code can read and anything it
#: installs can steal: report activity, reach this one server, and submit. Nothing else of the account.
SERVER_TOKEN_SCOPES = ["users:activity!user", "access:servers!server", ACCESS_GRADER]


def _of_participants(*scopes: str) -> list[str]:
    return [f"{scope}!group={PARTICIPANTS}" for scope in scopes]


ROLES: list[dict[str, Any]] = [
    {
        "name": "participant",
        "description": "A learner: their own server and the grader. Nothing beyond what every account has.",
        "scopes": [],
        "groups": [PARTICIPANTS],
    },
    {
        "name": "instructor",
        "description": "Writes challenges and sees whose verdicts that would change; no power over accounts.",
        "scopes": [
            WRITE_CHALLENGES,
            READ_SUBMISSIONS,
            *_of_participants("list:users", "read:users"),
        ],
        "groups": [INSTRUCTORS],
    },
    {
        "name": "moderator",
        # Never `groups`, not even filtered: a moderator could then pull an admin into the filter and delete
        # them. Never `access:servers` or `tokens`: looking after accounts is not reading people's work.
        # `admin:users` is filtered, so it cannot create accounts either; sign-up does that.
        "description": "Looks after learners' accounts and servers, and after names on leaderboards.",
        "scopes": [
            "admin-ui",
            MODERATE_SUBMISSIONS,
            *_of_participants("list:users", "read:users", "admin:users", "servers"),
        ],
        "groups": [MODERATORS],
    },
    {
        "name": "grader-service",
        # Who calls, and in which groups they are, needs no scope: the Hub says it for the caller's token. Not
        # left out, because the database would keep what the role had in an earlier version.
        "description": "The grader by itself: knows that its own token is one, and sees nobody.",
        "scopes": [],
        "services": [GRADER],
    },
]

IDLE_CULLER_ROLE: dict[str, Any] = {
    "name": "idle-culler",
    "description": "Stops servers that nothing has used for long: those whose own session rules failed.",
    "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
    "services": [IDLE_CULLER],
}

SELF_CHECK_ROLE: dict[str, Any] = {
    "name": "self-check",
    "description": "Sends the one real submission that `make up` ends with; can do nothing else.",
    "scopes": [ACCESS_GRADER],
    "services": [SELF_CHECK],
}


def services(
    grader_url: str, grader_token: str, self_check_token: str, closed_minutes: float = 0
) -> list[dict[str, Any]]:
    """``closed_minutes``: how long a server lives on that no browser uses; 0 for ever."""
    grader = {
        "name": GRADER,
        "url": grader_url,
        "api_token": grader_token,
        # without a host: the grader is under the Hub's own, also where JupyterHub would expect a subdomain
        "oauth_redirect_uri": f"/services/{GRADER}/oauth_callback",
        "oauth_no_confirm": True,  # it is a part of this site, not a stranger who asks for access
        # what a browser session's token carries on to the grader, where the account has it
        "oauth_client_allowed_scopes": sorted(CUSTOM_SCOPES),
        "display": False,
    }
    found = [grader]
    if self_check_token:
        found.append({"name": SELF_CHECK, "api_token": self_check_token})
    if closed_minutes:
        found.append(_idle_culler(60 * closed_minutes))
    return found


def _idle_culler(timeout_s: float) -> dict[str, Any]:
    # A little later than the extension, which ends a session in good order: this is for servers in which it
    # does not run any more, or was made not to.
    command = [sys.executable, "-m", "jupyterhub_idle_culler", f"--timeout={int(timeout_s) + 120}"]
    return {"name": IDLE_CULLER, "command": command, "display": False}


def roles(*, self_check: bool, idle_culler: bool = False) -> list[dict[str, Any]]:
    return [*ROLES, *([SELF_CHECK_ROLE] if self_check else []), *([IDLE_CULLER_ROLE] if idle_culler else [])]
