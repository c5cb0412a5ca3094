#!/bin/sh
# Clients that the tests do not have, against a running broker: franz-go and sarama, kafka-python, aiokafka and
# librdkafka (confluent-kafka). Fetches them from PyPI and the Go module proxy into a cache outside the tree. Needs
# Python 3 with venv, and Go; no part of `npm test` needs it.
#
#   other-clients.sh [HOST:PORT]      one line for each client and codec; fails if one of them does
set -eu

bootstrap="${1:-127.0.0.1:9092}"
here=$(cd "$(dirname "$0")" && pwd)
cache="${TAILRACE_CLIENTS_CACHE:-$HOME/.cache/tailrace-clients}"
status=0
mkdir -p "$cache/go"

if [ ! -f "$cache/python-complete" ]; then
  python3 -m venv "$cache/python"
  "$cache/python/bin/pip" install -q kafka-python==3.0.12 aiokafka==0.14.0 confluent-kafka==2.16.1
  touch "$cache/python-complete"
fi
"$cache/python/bin/python" "$here/other-clients.py" "$bootstrap" || status=1

cp "$here/other-clients.go" "$cache/go/main.go"
cd "$cache/go"
if [ ! -f "$cache/go-complete" ]; then
  [ -f go.mod ] || go mod init clients
  go get github.com/IBM/sarama@v1.61.1 github.com/twmb/franz-go/pkg/kgo@v1.22.2
  touch "$cache/go-complete"
fi
go run . "$bootstrap" || status=1
exit $status
