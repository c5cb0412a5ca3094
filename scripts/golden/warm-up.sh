#!/bin/sh
# Makes a fresh broker create its internal topics, so that no recorded client meets a coordinator that is loading:
# warm-up.sh HOST:PORT.
set -eu
echo line | kcat -b "$1" -P -t warm-up -X enable.idempotence=true
timeout 20 kcat -b "$1" -G warm-up -c 1 -q -X auto.offset.reset=earliest warm-up >/dev/null
