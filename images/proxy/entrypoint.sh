#!/bin/bash
# With a host for subdomains the Hub names it in its routes, which the proxy must be told at its start.
exec /srv/proxy/node_modules/.bin/configurable-http-proxy ${CHALLENGEHUB_SUBDOMAIN_HOST:+--host-routing} "$@"
