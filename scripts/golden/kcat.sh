#!/bin/sh
# Drives kcat (an old librdkafka) through what it can say to a broker, for the recorder: kcat.sh HOST:PORT.
set -eu
bootstrap="$1"
topic=golden-kcat

kcat -b "$bootstrap" -L >/dev/null
for codec in none gzip snappy lz4 zstd; do
  idempotence=false
  [ $codec = zstd ] && idempotence=true
  for n in 1 2 3 4 5 6 7 8 9; do echo "key-$n|GET /products/$n 200"; done |
    kcat -b "$bootstrap" -P -t $topic -p 0 -K '|' -z $codec -H pos=0 -X enable.idempotence=$idempotence -X linger.ms=50
done
kcat -b "$bootstrap" -C -t $topic -o beginning -e -q -X check.crcs=true >/dev/null
kcat -b "$bootstrap" -Q -t $topic:0:1 >/dev/null
for count in 20 5; do
  timeout 20 kcat -b "$bootstrap" -G golden-kcat -c $count -q -X auto.offset.reset=earliest \
    -X heartbeat.interval.ms=300 -X session.timeout.ms=6000 -X auto.commit.interval.ms=200 $topic >/dev/null
done
# Stays a while, so that it has to send heartbeats.
timeout 3 kcat -b "$bootstrap" -G golden-kcat -q -X heartbeat.interval.ms=300 -X session.timeout.ms=6000 $topic \
  >/dev/null || true
