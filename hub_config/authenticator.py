"""Accounts: names, passwords, the administrator's account, and who is let in.

NativeAuthenticator keeps the accounts and their bcrypt hashes in the Hub's own database. What it shows
(``pages.py``) and what it decides here is ours, for the reasons given at each place.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import bcrypt
from jupyterhub import orm
from jupyterhub.user import User
from nativeauthenticator import NativeAuthenticator
from nativeauthenticator.orm import UserInfo
from sqlalchemy import Column, String, inspect
from traitlets import Enum, Integer, Unicode, default

from hub_config import membership, pages

#: bcrypt reads no further, and its library refuses more.
PASSWORD_MAX_BYTES = 72

# ASCII only: MySQL's default collation holds "josé" and "jose" for the same name, and one would get into the
# other's account. No leading or trailing mark, so that names read well in URLs, volumes and lists.
USERNAME_PATTERN = r"[a-z0-9]([a-z0-9._-]{0,30}[a-z0-9])?\Z"
USERNAME_RULE = (
    "A name has 1 to 32 letters (a-z), digits, dots, dashes or underscores, "
    "and starts and ends with a letter or a digit."
)


class DeletedName(orm.Base):
    """A name whose account was deleted. The grader keeps submissions, progress and leaderboard entries
    by name and hears of no deletion: whoever signed up under the name next would have them."""

    __tablename__ = "challengehub_deleted_names"
    username = Column(String(255), primary_key=True)


class ChallengeHubAuthenticator(NativeAuthenticator):
    """NativeAuthenticator that works on JupyterHub 6, says what is wrong, and knows the administrator."""

    sign_up = Enum(
        ("open", "approval", "closed"),
        default_value="open",
        config=True,
        help="open: who signs up is in at once. approval: a moderator lets them in. closed: nobody can.",
    )
    admin_name = Unicode(
        "admin", config=True, help="The account that is an admin because of the configuration."
    )
    admin_password = Unicode(
        config=True,
        help="""The password of admin_name, set again at every start. If empty, the password stays what it is
        and is changed on the page like anybody's; then the account must exist already.""",
    )

    bcrypt_rounds = Integer(12, config=True, help="Cost of a password's hash; one more doubles it.")

    @default("db")
    def _db(self) -> Any:
        # The Hub deprecates lending its session; NativeAuthenticator's accounts live on it all the same.
        return self._deprecated_db_session

    @default("check_common_password")
    def _check_common_password(self) -> bool:
        return True

    @default("minimum_password_length")
    def _minimum_password_length(self) -> int:
        return 8

    # Slows guessing down to some 10 a minute without letting a prankster lock anyone out for long.
    @default("allowed_failed_logins")
    def _allowed_failed_logins(self) -> int:
        return 10

    @default("seconds_before_next_try")
    def _seconds_before_next_try(self) -> int:
        return 60

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.username_pattern = self.username_pattern or USERNAME_PATTERN
        self.open_signup = self.sign_up == "open"
        self.enable_signup = self.sign_up != "closed"
        self.admin_users = {self.admin_name}
        # An account is let in by its own row (`is_authorized`), not by a second list.
        self.allow_all = True
        self._set_up_admin()

    def _set_up_admin(self) -> None:
        name = self.normalize_username(self.admin_name)
        if not self.validate_username(name):
            raise ValueError(f"ADMIN_USER is {name!r}. {USERNAME_RULE}")
        account = self.get_user(name)
        if not self.admin_password:
            if account is None:
                raise ValueError("ADMIN_PASSWORD is empty and there is no administrator yet: set it in .env.")
            return
        if len(self.admin_password.encode()) > PASSWORD_MAX_BYTES:
            raise ValueError(f"ADMIN_PASSWORD is longer than {PASSWORD_MAX_BYTES} bytes: shorten it in .env.")
        if account is None:
            self.db.add(UserInfo(username=name, password=self._hash(self.admin_password), is_authorized=True))
            self.log.info("Made the administrator's account %r from ADMIN_USER and ADMIN_PASSWORD.", name)
        elif not account.is_valid_password(self.admin_password):
            account.password = self._hash(self.admin_password)
            account.is_authorized = True
            self.log.warning("ADMIN_PASSWORD changed in .env: the password of %r is now the new one.", name)
        elif not account.is_authorized:
            account.is_authorized = True
        self.db.commit()

    def _hash(self, password: str) -> bytes:
        return bcrypt.hashpw(password.encode(), bcrypt.gensalt(self.bcrypt_rounds))

    def password_is_kept_elsewhere(self, username: str) -> bool:
        """True for the account whose password comes from ``.env``: a change on a page would not last."""
        return bool(self.admin_password) and username == self.normalize_username(self.admin_name)

    # -- rules, said in words ------------------------------------------------------------------------

    def problem_with_username(self, username: str) -> str:
        """Why nobody can sign up under this name, for the person to read; empty if they can."""
        if not self.validate_username(username):
            return USERNAME_RULE
        if self.user_exists(username):
            return "That name is taken. Choose another, or sign in if it is yours."
        if self.db.get(DeletedName, username) is not None:
            return (
                "That name belonged to an account that was deleted. Choose another; "
                "if the account was yours, ask an administrator to give the name back to you."
            )
        return ""

    def problem_with_password(self, password: str, confirmation: str, username: str) -> str:
        """Why this is no password for a new or changed account; empty if it is one."""
        if password != confirmation:
            return "The two passwords are not the same. Type them again."
        if len(password) < self.minimum_password_length:
            return f"The password is too short: use {self.minimum_password_length} characters or more."
        if len(password.encode()) > PASSWORD_MAX_BYTES:
            return f"The password is too long: use {PASSWORD_MAX_BYTES} characters or fewer."
        if password.lower() == username or self.is_password_common(password.lower()):
            return "That password is among the first that anyone would guess. Choose another."
        return ""

    # -- accounts ------------------------------------------------------------------------------------

    async def authenticate(self, handler: Any, data: dict[str, Any]) -> str | None:
        # NativeAuthenticator's own, but hashing in a thread: bcrypt takes a quarter of a second, in which the
        # Hub would serve nobody, and a class signs in within the same minute.
        username = self.normalize_username(str(data.get("username") or ""))
        password = str(data.get("password") or "")
        account = self.get_user(username)
        if account is None or self.is_blocked(username):
            return None
        if not await self.is_password_of(account, password):
            self.add_login_attempt(username)
            return None
        self.successful_login(username)
        return username if account.is_authorized else None

    async def is_password_of(self, account: UserInfo, password: str) -> bool:
        return await asyncio.to_thread(_matches, password, account.password)

    def is_blocked(self, username: str) -> bool:
        if self.can_try_to_login_again(username):
            # NativeAuthenticator never forgets the count: after one block, every slip would block again.
            self.login_attempts.pop(username, None)
        return bool(super().is_blocked(username))

    async def sign_up_account(self, username: str, password: str) -> UserInfo:
        """Make the account; name and password were found good. ValueError: the name went meanwhile."""
        hashed = await asyncio.to_thread(self._hash, password)
        if problem := self.problem_with_username(username):
            raise ValueError(problem)
        account = UserInfo(username=username, password=hashed, is_authorized=self.open_signup)
        self.db.add(account)
        self.db.commit()
        return account

    async def set_password(self, username: str, password: str) -> None:
        """Change a password that has been found good, and sign the account out of every other browser."""
        account = self.get_user(username)
        account.password = await asyncio.to_thread(self._hash, password)
        user = orm.User.find(self.db, username)
        if user is not None:
            user.cookie_id = secrets.token_hex(16)
        self.db.commit()

    async def refresh_user(self, user: User, handler: Any = None) -> bool:
        # Asked every few minutes for who is signed in: an account that lost its approval is out.
        account = self.get_user(user.name)
        return account is not None and bool(account.is_authorized)

    def add_user(self, user: User) -> Any:
        # At every start the Hub calls this for every account: mends what was changed while it was down.
        orm_user = getattr(user, "orm_user", user)
        membership.settle(inspect(orm_user).session, orm_user)
        # At its start the Hub hands over its rows; a User comes from a request, and nobody but an admin can
        # make one under a deleted name. The start gives no name back: the Hub may have died in a deletion.
        if isinstance(user, User) and (deleted := self.db.get(DeletedName, user.name)):
            self.db.delete(deleted)
            self.db.commit()
            self.log.warning("The name %r, whose account was deleted, can be signed up again.", user.name)
        return super().add_user(user)

    def delete_user(self, user: User) -> Any:
        # First, so that the name is at no moment free.
        self.db.merge(DeletedName(username=user.name))
        self.db.commit()
        return super().delete_user(user)

    def add_new_table(self) -> None:
        super().add_new_table()
        DeletedName.__table__.create(self.db.get_bind(), checkfirst=True)

    def get_handlers(self, app: Any) -> list[Any]:
        return pages.HANDLERS


def _matches(password: str, hashed: bytes) -> bool:
    encoded = password.encode()
    return len(encoded) <= PASSWORD_MAX_BYTES and bcrypt.checkpw(encoded, hashed)
