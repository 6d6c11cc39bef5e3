# The database server from Debian's packages, for machines that reach no image registry; images/base.sh fills in the arguments.
ARG BASE_IMAGE=debian:trixie-slim
FROM ${BASE_IMAGE}
ARG MIRROR=http://deb.debian.org/debian
ARG SUITE=sid
ARG PACKAGES="mysql-server-core mysql-client-core"
# Mirrors of sid may lag some days behind, past the date that its index is signed for; the signature itself is still checked.
RUN if [ "$SUITE" = sid ]; then echo "deb [check-valid-until=no] $MIRROR sid main" >/etc/apt/sources.list.d/sid.list; fi \
    && apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends -t "$SUITE" $PACKAGES \
    && apt-get clean && rm -rf /var/lib/apt/lists/* /var/lib/mysql \
    && (getent passwd mysql || useradd --system --user-group --home-dir /nonexistent --shell /usr/sbin/nologin mysql)
