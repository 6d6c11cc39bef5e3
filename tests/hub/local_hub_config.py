"""The real configuration, on sqlite, with local processes as servers and no proxy: what tests/hub starts."""

import os
import sys
from pathlib import Path

from jupyterhub.proxy import Proxy
from jupyterhub.spawner import SimpleLocalProcessSpawner

REPOSITORY = Path(__file__).resolve().parents[2]

# Hands out the token that the Hub gave it, which is what code in a container can read.
SERVER = """
import http.server, os, urllib.parse
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
        self.wfile.write(os.environ["JUPYTERHUB_API_TOKEN"].encode())
    def log_message(self, *args): pass
port = urllib.parse.urlparse(os.environ["JUPYTERHUB_SERVICE_URL"]).port
http.server.HTTPServer(("127.0.0.1", port), Answer).serve_forever()
"""


class NoProxy(Proxy):
    """Remembers routes and forwards nothing: these tests talk to the Hub itself."""

    should_start = False

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.routes = {}

    async def add_route(self, routespec, target, data):
        self.routes[routespec] = {"routespec": routespec, "target": target, "data": data}

    async def delete_route(self, routespec):
        self.routes.pop(routespec, None)

    async def get_all_routes(self):
        return self.routes


c = get_config()  # noqa: F821
load_subconfig(str(REPOSITORY / "hub_config" / "jupyterhub_config.py"))  # noqa: F821

for service in c.JupyterHub.services:
    if service["name"] == "idle-culler":  # the Hub starts it, and would make up its token
        service["api_token"] = os.environ["TEST_HUB_CULLER_TOKEN"]
port = int(os.environ["TEST_HUB_PORT"])
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{port}"
c.JupyterHub.hub_connect_url = f"http://127.0.0.1:{port}"
c.JupyterHub.bind_url = "http://127.0.0.1:9"  # nothing listens there
c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.db_kwargs = {}
c.JupyterHub.cleanup_servers = True
c.JupyterHub.spawner_class = SimpleLocalProcessSpawner
c.SimpleLocalProcessSpawner.home_dir_template = os.environ["TEST_HUB_HOMES"] + "/{username}"
c.SimpleLocalProcessSpawner.cmd = [sys.executable, "-c", SERVER]
c.SimpleLocalProcessSpawner.server_token_scopes = c.NotebookSpawner.server_token_scopes
c.ChallengeHubAuthenticator.bcrypt_rounds = 4  # hundreds of accounts are made here
