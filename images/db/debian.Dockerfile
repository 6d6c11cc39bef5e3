# MySQL from Debian's packages, for machines that reach no image registry; images/base.sh fills in the arguments. Only sid has it.
ARG BASE_IMAGE=debian:trixie-slim
FROM ${BASE_IMAGE}
ARG MIRROR=http://deb.debian.org/debian
# Mirrors of sid may lag some days behind, past the date that its index is signed for; the signature itself is still checked.
RUN echo "deb [check-valid-until=no] $MIRROR sid main" >/etc/apt/sources.list.d/sid.list \
    && apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends -t sid mysql-server-core mysql-client-core \
    && apt-get clean && rm -rf /var/lib/apt/lists/* /var/lib/mysql \
    && (getent passwd mysql || useradd --system --user-group --home-dir /nonexistent --shell /usr/sbin/nologin mysql)
