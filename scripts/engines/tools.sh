# Programs that tests run as foreign clients; no server. shellcheck shell=bash

packages() {
  echo 'bsdutils /usr/bin/logger'
  echo 'rsyslog /usr/sbin/rsyslogd'
  echo 'python3-venv /usr/lib/python3*/ensurepip'
}

start() { :; }
stop() { :; }
