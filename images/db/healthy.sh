#!/bin/bash
# Healthy: the grader's own user can sign in over the network and read.
MYSQL_PWD=$MYSQL_GRADER_PASSWORD exec mysql --no-defaults --protocol=tcp -h 127.0.0.1 -u grader -e 'SELECT 1' grader >/dev/null
