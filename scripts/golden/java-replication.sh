#!/bin/sh
# Drives Kafka's own tools for replicas, for the recorder: java-replication.sh CLASSPATH HOST:PORT SCENE.
set -u
class_path="$1"
bootstrap="$2"
plan=$(mktemp)
trap 'rm -f "$plan"' EXIT

tool() {
  java -Xmx256m -XX:TieredStopAtLevel=1 -cp "$class_path" "org.apache.kafka.tools.$@" \
    --bootstrap-server "$bootstrap" >/dev/null 2>&1
}
move() {
  printf '{"version":1,"partitions":[{"topic":"golden-moving","partition":0,"replicas":%s}]}' "$1" >"$plan"
}

case "$3" in
  whole)
    tool LogDirsCommand --describe
    tool LogDirsCommand --describe --topic-list golden-replicated
    tool LeaderElectionCommand --election-type preferred --topic golden-replicated --partition 0
    tool LeaderElectionCommand --election-type preferred --all-topic-partitions
    ;;
  without-3)
    tool LeaderElectionCommand --election-type preferred --topic golden-replicated --partition 2
    tool LeaderElectionCommand --election-type unclean --topic golden-lone --partition 0
    ;;
  returned)
    move '[1,3]'
    tool reassign.ReassignPartitionsCommand --reassignment-json-file "$plan" --execute
    tool reassign.ReassignPartitionsCommand --list
    tool reassign.ReassignPartitionsCommand --reassignment-json-file "$plan" --cancel
    ;;
esac
exit 0
