"""What the Hub is told. Why roles, accounts and containers are so stands in the modules named here."""

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
sys.path.insert(
    0, str(HERE.parent)
)  # the Hub runs this file by its path; the modules beside it are `hub_config.*`

from hub_config import roles, spawner  # noqa: E402
from hub_config.authenticator import ChallengeHubAuthenticator  # noqa: E402
from hub_config.settings import Settings  # noqa: E402

settings = Settings.from_environ(os.environ)
c = get_config()

# -- the Hub itself ------------------------------------------------------------------------------------
c.JupyterHub.bind_url = "http://:8000"
c.JupyterHub.hub_bind_url = "http://0.0.0.0:8081"
c.JupyterHub.hub_connect_url = "http://hub:8081"
c.JupyterHub.db_url = settings.db_url
# a database that restarted is noticed before a query is lost on a dead connection
c.JupyterHub.db_kwargs = {"pool_pre_ping": True}
c.JupyterHub.cookie_secret = settings.cookie_secret
c.JupyterHub.template_paths = [str(HERE / "templates")]
# Learners' servers have the Hub's own origin, so a page of theirs could open one of the Hub's and act in it.
# Not so a page without this header; docs/security.md says what is left.
c.JupyterHub.tornado_settings = {"headers": {"Cross-Origin-Opener-Policy": "same-origin"}}

# The proxy is a container of its own and the servers outlive the Hub: restarting the Hub cuts nobody off.
c.JupyterHub.proxy_class = "configurable-http-proxy"
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = settings.proxy_api_url
c.ConfigurableHTTPProxy.auth_token = settings.proxy_auth_token
c.JupyterHub.cleanup_servers = False
# A proxy that restarted has forgotten its routes; the Hub finds out when it next looks, by default in 5 min.
c.JupyterHub.last_activity_interval = 10

if settings.subdomain_host:
    c.JupyterHub.subdomain_host = settings.subdomain_host
    # JupyterHub gives the grader a domain too. It is no stranger: the Hub's pages link to it under their own,
    # and learners' servers ask it under the name that the proxy has on their network.
    c.Proxy.extra_routes = {
        f"{host}/services/{roles.GRADER}/": settings.grader_url
        for host in (urlsplit(settings.subdomain_host).hostname, "proxy")
    }

# -- who may do what (roles.py) ------------------------------------------------------------------------
c.JupyterHub.custom_scopes = roles.CUSTOM_SCOPES
c.JupyterHub.load_groups = {name: {"users": []} for name in roles.GROUPS}
c.JupyterHub.load_roles = roles.roles(
    self_check=bool(settings.self_check_token), idle_culler=bool(settings.session_closed_minutes)
)
c.JupyterHub.extra_user_scopes = set(roles.USER_SCOPES)
c.JupyterHub.services = roles.services(
    settings.grader_url,
    settings.grader_api_token,
    settings.self_check_token,
    settings.session_closed_minutes,
)

# -- accounts (authenticator.py) -----------------------------------------------------------------------
c.JupyterHub.authenticator_class = ChallengeHubAuthenticator
c.ChallengeHubAuthenticator.sign_up = settings.sign_up
c.ChallengeHubAuthenticator.minimum_password_length = settings.password_min_length
c.ChallengeHubAuthenticator.admin_name = settings.admin_user
c.ChallengeHubAuthenticator.admin_password = settings.admin_password

# -- notebook containers (spawner.py) ------------------------------------------------------------------
c.JupyterHub.spawner_class = spawner.NotebookSpawner
c.NotebookSpawner.project = settings.project
c.NotebookSpawner.image = settings.notebook_image
c.NotebookSpawner.pull_policy = (
    "never"  # built here; all Docker calls share one thread, and a pull would hold it
)
c.NotebookSpawner.name_template = f"{settings.project}-notebook-{{username}}"
c.NotebookSpawner.remove = True
c.NotebookSpawner.notebook_dir = spawner.HOME
c.NotebookSpawner.default_url = "/lab"
# A learner's server would load code from ~/.jupyter, and with it serve pages of the learner's own to whoever
# follows a link. What people set in JupyterLab is kept there too, and read all the same.
c.NotebookSpawner.disable_user_config = True
c.NotebookSpawner.volumes = {f"{settings.project}-home-{{username}}": spawner.HOME}
c.NotebookSpawner.mem_limit = settings.notebook_memory
c.NotebookSpawner.cpu_limit = settings.notebook_cpus
c.NotebookSpawner.start_timeout = settings.notebook_start_timeout
c.NotebookSpawner.http_timeout = settings.notebook_start_timeout
c.NotebookSpawner.server_token_scopes = roles.SERVER_TOKEN_SCOPES
# Learners' containers see the proxy, each other, and the Hub's own port: the Hub asks them whether they are
# up, so it is on their network. The database, the grader's inside and the proxy's own API are on another one.
c.NotebookSpawner.network_name = settings.network
c.NotebookSpawner.hub_connect_url = "http://proxy:8000"
c.NotebookSpawner.environment = {
    "CHALLENGEHUB_GRADER_URL": f"http://proxy:8000/services/{roles.GRADER}",
    # Enforced by the server extension, which alone knows when somebody last typed: an open tab never looks
    # idle to the Hub.
    "CHALLENGEHUB_SESSION_IDLE_MINUTES": f"{settings.session_idle_minutes:g}",
    "CHALLENGEHUB_SESSION_WARNING_MINUTES": f"{settings.session_warning_minutes:g}",
    "CHALLENGEHUB_SESSION_CLOSED_MINUTES": f"{settings.session_closed_minutes:g}",
}
# A server that has ended its session is noticed, and its container removed, within this time.
c.NotebookSpawner.poll_interval = 5
c.NotebookSpawner.extra_create_kwargs = {
    "user": spawner.USER,
    "labels": {"challengehub": settings.project, "challengehub.learner": "{raw_username}"},
}
c.NotebookSpawner.extra_host_config = {
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "pids_limit": settings.notebook_pids,
    "memswap_limit": settings.notebook_memory,  # as much as memory: none on top
    "read_only": True,  # only the home (a volume), /tmp and the session's packages can be written to
    "tmpfs": {
        "/tmp": "size=256m,nr_inodes=20000,mode=1777,nosuid,nodev",  # noqa: S108
        # Ends with the container, and so with the session. Compiled libraries are run from it.
        spawner.PACKAGES: f"size={settings.notebook_packages},nr_inodes=60000,mode=0755,uid=1000,gid=1000,"
        "exec,nosuid,nodev",
    },
    "init": True,  # reaps what kernels leave behind
    "log_config": {"type": "json-file", "config": {"max-size": "1m", "max-file": "1"}},
}
