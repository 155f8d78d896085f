#!/bin/sh
# Runs inside the build: the user first, then the packages, then away with what only the build needed.
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

# Pinned before the package picks a number of its own: volumes of the official image have 999.
getent group postgres >/dev/null || groupadd -r -g 999 postgres
getent passwd postgres >/dev/null ||
    useradd -r -u 999 -g postgres -d /var/lib/postgresql -s /bin/bash postgres
[ "$(id -u postgres):$(id -g postgres)" = 999:999 ] || {
    echo "install.sh: postgres is $(id postgres) in the base image, wanted 999:999: use another --base" >&2
    exit 1
}

cp /build/dpkg-excludes /etc/dpkg/dpkg.cfg.d/zz-aza
# The package would make a cluster of its own, owned by this image's layer.
mkdir -p /etc/postgresql-common/createcluster.d
echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/aza.conf

# shellcheck disable=SC2086 # options, one word each
apt-get $APT_OPTIONS -qq update
# shellcheck disable=SC2046,SC2086 # one package a word
apt-get $APT_OPTIONS -qq install -y --no-install-recommends $(grep -v '^#' /build/packages)

# Volumes of the official image were made with this locale and must start unchanged.
localedef -i en_US -c -f UTF-8 -A /usr/share/locale/locale.alias en_US.UTF-8 2>/dev/null ||
    localedef -i en_US -c -f UTF-8 en_US.UTF-8
# The sources of all the other locales: more than a server of one locale needs.
rm -rf /usr/share/i18n

# A volume takes owner and mode from here; everyone may write, so that any `--user` can start.
rm -rf /var/lib/postgresql /run/postgresql
install -d -o 999 -g 999 -m 1777 /var/lib/postgresql
install -d -o 999 -g 999 -m 3777 /run/postgresql
install -d -m 0755 /docker-entrypoint-initdb.d /etc/aza

rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/* /var/lib/dpkg/*-old \
    /usr/share/man/* /usr/share/info/* /usr/share/locale/* /usr/share/lintian/* /tmp/* /root/.cache
find /usr/share/doc -type f ! -name copyright -delete
find /usr/share/doc -mindepth 1 \( -type l -o -type d -empty \) -delete
