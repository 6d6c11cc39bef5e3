#!/bin/bash
# Starts the database. At every start, before the first connection is let in, it sees to it that the databases and users exist and that the
# passwords are those of the environment; so it can be run again and again, and changing a password in the settings is enough to change it.
#
# MYSQL_ROOT_PASSWORD, MYSQL_HUB_PASSWORD, MYSQL_GRADER_PASSWORD: letters and digits only. User hub owns database jupyterhub, user grader owns grader.
set -euo pipefail

# No file of the server's machine is read or written by SQL.
options=(--defaults-file=/etc/challengehub.cnf --secure-file-priv=NULL)

for name in MYSQL_ROOT_PASSWORD MYSQL_HUB_PASSWORD MYSQL_GRADER_PASSWORD; do
    # They are put into SQL text below: nothing that would need quoting there.
    if ! [[ "${!name:-}" =~ ^[A-Za-z0-9_-]{8,}$ ]]; then
        echo "$name must be set, to at least 8 letters, digits, _ or -" >&2
        exit 1
    fi
done

mkdir -p /run/mysqld
chown mysql:mysql /run/mysqld /var/lib/mysql
rm -f /run/mysqld/mysqld.sock*

if [ ! -d /var/lib/mysql/mysql ]; then
    echo "making a new, empty database in /var/lib/mysql"
    # What an interrupted first start left behind: there is no system database yet, so nothing of anybody's.
    find /var/lib/mysql -mindepth 1 -delete
    mysqld "${options[@]}" --initialize-insecure
fi

# The server runs every statement of this file as an all-powerful user; one statement a line is all that it understands.
init=/run/mysqld/init.sql
install -m 0600 -o mysql -g mysql /dev/null $init
user() { # NAME DATABASE PASSWORD
    echo "CREATE DATABASE IF NOT EXISTS $2 CHARACTER SET utf8mb4;"
    echo "CREATE USER IF NOT EXISTS '$1'@'%' IDENTIFIED BY '$3';"
    echo "ALTER USER '$1'@'%' IDENTIFIED BY '$3';"
    echo "GRANT ALL PRIVILEGES ON $2.* TO '$1'@'%';"
}
{
    echo "ALTER USER 'root'@'localhost' IDENTIFIED BY '$MYSQL_ROOT_PASSWORD';"
    user hub jupyterhub "$MYSQL_HUB_PASSWORD"
    user grader grader "$MYSQL_GRADER_PASSWORD"
} >$init

unset MYSQL_ROOT_PASSWORD MYSQL_HUB_PASSWORD
exec mysqld "${options[@]}" --init-file=$init
