"""Keeps one rule whatever changes an account: it is in ``participants`` exactly if neither admin nor staff.

It hangs on the database session, not on a request handler, because there are many ways to the same change
(sign-up, the admin page, four REST routes, the configuration), and a moderator's harmlessness rests on it.
"""

from __future__ import annotations

from typing import Any

from jupyterhub import orm
from sqlalchemy import event, inspect
from sqlalchemy.orm import Session

from hub_config.roles import GROUPS, PARTICIPANTS, STAFF


def settle(session: Session, user: orm.User) -> None:
    """Put ``user`` into ``participants`` or take them out, as the rule says. Does not commit."""
    participants = orm.Group.find(session, PARTICIPANTS)
    if participants is None or participants in session.deleted:
        return  # the Hub is starting for the first time, or an admin deleted the group; a restart mends it
    is_staff = bool(user.admin) or any(group.name in STAFF for group in user.groups)
    if is_staff and participants in user.groups:
        user.groups.remove(participants)
    elif not is_staff and participants not in user.groups:
        user.groups.append(participants)


def _touched_users(session: Session) -> set[orm.User]:
    users = {obj for obj in (*session.new, *session.dirty) if isinstance(obj, orm.User)}
    for group in session.dirty:
        if isinstance(group, orm.Group) and group.name in GROUPS:
            history = inspect(group).attrs.users.history
            users.update(history.added or (), history.deleted or ())
    return users - set(session.deleted)


@event.listens_for(Session, "before_flush")
def _keep_rule(session: Session, flush_context: Any, instances: Any) -> None:
    with session.no_autoflush:
        for user in _touched_users(session):
            settle(session, user)
