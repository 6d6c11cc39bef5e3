"""Pages about accounts: sign in, sign up, change a password, look after accounts; and one mended API route.

NativeAuthenticator's own pages are not used: its sign-in fails on JupyterHub 6, and its links that approve,
refuse or reset an account act on a GET (any page can make a moderator's browser follow one) and do not ask
whose account it is (a moderator could lock an admin out).
"""

from __future__ import annotations

from typing import Any

from jupyterhub import orm
from jupyterhub.apihandlers.users import UserAPIHandler
from jupyterhub.handlers import BaseHandler
from jupyterhub.handlers.login import LoginHandler
from jupyterhub.scopes import needs_scope
from nativeauthenticator.orm import UserInfo
from tornado import web

from hub_config.roles import PARTICIPANTS


class SignInPage(LoginHandler):
    """JupyterHub's own sign-in, which says why somebody cannot get in where that gives nothing away."""

    async def post(self) -> None:
        name, password = (
            self.get_body_argument("username", ""),
            self.get_body_argument("password", "", strip=False),
        )
        user = await self.login_user({"username": name, "password": password})
        if user:
            self._jupyterhub_user = user
            self.redirect(self.get_next_url(user))
            return
        self.set_status(403)
        self.finish(await self._render(login_error=await self._why(name, password), username=name[:64]))

    async def _why(self, name: str, password: str) -> str:
        username = self.authenticator.normalize_username(name)
        account = self.authenticator.get_user(username)
        if self.authenticator.is_blocked(username):
            wait = self.authenticator.seconds_before_next_try
            return f"Too many wrong passwords for this name. Wait {wait} seconds, then try again."
        if (
            account
            and not account.is_authorized
            and await self.authenticator.is_password_of(account, password)
        ):
            user = orm.User.find(self.db, username)
            if user is None or user.last_activity is None:  # nobody was ever signed in
                return "Your account is waiting for approval by a moderator. Try again later, or ask them."
            return "Your account is suspended. Ask a moderator or an administrator why."
        return "The name or the password is wrong. Try again, or ask a moderator to set a new password."


class SignUpPage(BaseHandler):
    def _open(self) -> None:
        if not self.authenticator.enable_signup:
            raise web.HTTPError(404, "Sign-up is closed here. Ask an administrator for an account.")

    async def _page(self, **shown: Any) -> None:
        page = await self.render_template(
            "signup.html",
            next=self.get_argument("next", ""),
            authenticator=self.authenticator,
            **shown,
        )
        self.finish(page)

    async def get(self) -> None:
        self._open()
        await self._page(username="")

    async def post(self) -> None:
        self._open()
        auth = self.authenticator
        typed = self.get_body_argument("username", "")
        username = auth.normalize_username(typed)
        # the field names are NativeAuthenticator's, so that scripts written for it keep working
        password = self.get_body_argument("signup_password", "", strip=False)
        confirmation = self.get_body_argument("signup_password_confirmation", "", strip=False)
        name_error = auth.problem_with_username(username)
        password_error = auth.problem_with_password(password, confirmation, username)
        if not name_error and not password_error:
            try:
                account = await auth.sign_up_account(username, password)
            except ValueError:
                name_error = auth.problem_with_username(username)
        if name_error or password_error:
            self.set_status(400)
            await self._page(username=typed[:64], name_error=name_error, password_error=password_error)
        elif not account.is_authorized:
            self.log.info("Sign-up of %s waits for approval", username)
            await self._page(username=username, waiting=True)
        else:
            self.log.info("Signed up: %s", username)
            user = await self.login_user({"username": username, "password": password})
            self._jupyterhub_user = user
            self.redirect(self.get_next_url(user))


class PasswordPage(BaseHandler):
    """One's own password."""

    async def _page(self, **shown: Any) -> None:
        kept = self.authenticator.password_is_kept_elsewhere(self.current_user.name)
        self.finish(await self.render_template("change-password.html", kept_elsewhere=kept, **shown))

    @web.authenticated
    async def get(self) -> None:
        await self._page()

    @web.authenticated
    async def post(self) -> None:
        auth, user = self.authenticator, self.current_user
        if auth.password_is_kept_elsewhere(user.name):
            raise web.HTTPError(409, "This account's password is ADMIN_PASSWORD in .env: change it there.")
        old = self.get_body_argument("old_password", "", strip=False)
        new = self.get_body_argument("new_password", "", strip=False)
        confirmation = self.get_body_argument("new_password_confirmation", "", strip=False)
        if await auth.authenticate(self, {"username": user.name, "password": old}) is None:
            error = "Your present password is not right. Type it again."
        else:
            error = auth.problem_with_password(new, confirmation, user.name)
        if error:
            self.set_status(400)
            await self._page(error=error)
            return
        await auth.set_password(user.name, new)
        self.set_login_cookie(user)  # every other browser is signed out, this one is not
        await self._page(done=True)


class AccountsPage(BaseHandler):
    """For moderators and admins: let people in, keep them out, set a new password for who forgot it."""

    def _may_touch(self, account: UserInfo) -> bool:
        """A moderator looks after participants and people who never signed in; an admin after everybody."""
        if self.current_user.admin:
            return True
        if account.username in self.authenticator.admin_users:
            return False
        user = orm.User.find(self.db, account.username)
        return user is None or (not user.admin and any(group.name == PARTICIPANTS for group in user.groups))

    async def _page(self, **shown: Any) -> None:
        accounts = self.db.query(UserInfo).order_by(UserInfo.is_authorized, UserInfo.username).all()
        page = await self.render_template(
            "accounts.html",
            accounts=[account for account in accounts if self._may_touch(account)],
            myself=self.current_user.name,
            **shown,
        )
        self.finish(page)

    def _allowed(self) -> None:
        """Admins and moderators; a scope alone cannot say it, because theirs differ in the filter."""
        if not self.current_user:
            raise web.HTTPError(403, "Sign in first.")
        if "admin:users" not in self.parsed_scopes:
            raise web.HTTPError(403, "This page is for moderators and admins.")

    @web.authenticated
    async def get(self) -> None:
        self._allowed()
        await self._page()

    @web.authenticated
    async def post(self) -> None:
        self._allowed()
        auth = self.authenticator
        name, action = self.get_body_argument("username", ""), self.get_body_argument("action", "")
        account = auth.get_user(name)
        if account is None or not self._may_touch(account):
            raise web.HTTPError(404, f"There is no account {name[:64]!r} that you may change.")
        error = done = ""
        if name == self.current_user.name:
            error = "This is your own account."
        elif action == "approve":
            account.is_authorized = True
            done = f"{name} may sign in now."
        elif action == "suspend":
            account.is_authorized = False
            done = f"{name} can no longer sign in; who is signed in is out within five minutes."
        elif action == "discard" and not account.is_authorized and orm.User.find(self.db, name) is None:
            self.db.delete(account)
            done = f"The sign-up of {name} is discarded."
        elif action == "password" and auth.password_is_kept_elsewhere(name):
            error = "This account's password is ADMIN_PASSWORD in .env: change it there."
        elif action == "password":
            new = self.get_body_argument("new_password", "", strip=False)
            error = auth.problem_with_password(new, new, name)
            if not error:
                await auth.set_password(name, new)
                done = f"{name} has the new password; tell them, and ask them to change it."
        else:
            error = "That cannot be done with this account."
        self.db.commit()
        self.log.info("%s: %s on account %s: %s", self.current_user.name, action[:16], name, error or "done")
        if error:
            self.set_status(400)
        await self._page(error=error, done=done)


class SafeUserAPIHandler(UserAPIHandler):
    """PATCH /users/NAME that keeps names.

    JupyterHub up to 6.1 sets the name to NULL when the request repeats it, as the admin page's form does. A
    *new* name is refused: passwords, homes and submissions are kept under the old one, and whoever signed up
    under it next would get them. Groups and roles have routes of their own; here they end in a server error.
    """

    @needs_scope("admin:users")
    async def patch(self, user_name: str) -> None:
        asked = super().get_json_body()
        if isinstance(asked, dict):
            if asked.get("name", user_name) != user_name:
                raise web.HTTPError(400, "An account's name cannot be changed: its work is kept under it.")
            if {"groups", "roles"} & asked.keys():
                raise web.HTTPError(400, "Change groups at /groups/NAME/users; roles are given by groups.")
        await super().patch(user_name)

    def get_json_body(self) -> Any:
        body = super().get_json_body()
        if self.request.method == "PATCH" and isinstance(body, dict):
            body.pop("name", None)
        return body


HANDLERS: list[tuple[str, type[BaseHandler]]] = [
    (r"/login", SignInPage),
    (r"/signup", SignUpPage),
    (r"/change-password", PasswordPage),
    (r"/authorize", AccountsPage),
    (r"/api/users/([^/]+)", SafeUserAPIHandler),
]
