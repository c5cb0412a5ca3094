#!/bin/sh
# Drives Kafka's own Java tools through what they can say to a broker, for the recorder: java.sh CLASSPATH HOST:PORT.
set -u
class_path="$1"
bootstrap="$2"
topic=golden-java
group=golden-java

tool() {
  java -Xmx256m -XX:TieredStopAtLevel=1 -cp "$class_path" "$@" >/dev/null 2>&1 || echo "java: $* ended with $?" >&2
}
topics() { tool org.apache.kafka.tools.TopicCommand --bootstrap-server "$bootstrap" "$@"; }
groups() { tool org.apache.kafka.tools.consumer.group.ConsumerGroupCommand --bootstrap-server "$bootstrap" "$@"; }
consume() {
  tool org.apache.kafka.tools.consumer.ConsoleConsumer --bootstrap-server "$bootstrap" --topic $topic --group $group \
    --from-beginning --consumer-property heartbeat.interval.ms=500 --consumer-property session.timeout.ms=6000 "$@"
}

topics --create --topic $topic --partitions 2 --config retention.ms=600000
topics --describe --topic $topic
topics --list
tool kafka.admin.ConfigCommand --bootstrap-server "$bootstrap" --describe --all --entity-type topics --entity-name $topic
tool org.apache.kafka.tools.ClusterTool cluster-id --bootstrap-server "$bootstrap"
for codec in none gzip snappy lz4 zstd; do
  printf 'key-1\tGET /products/1 200\nkey-2\tGET /products/2 200\nkey-3\tGET /products/3 200\n' |
    tool org.apache.kafka.tools.ConsoleProducer --bootstrap-server "$bootstrap" --topic $topic \
      --compression-codec $codec --property parse.key=true
done
consume --max-messages 12 --timeout-ms 8000 &
member=$!
sleep 4
groups --describe --members --group $group
wait $member
# The second time there is a committed offset, with its leader epoch, to validate.
consume --timeout-ms 4000
groups --list --state
groups --describe --group $group
tool org.apache.kafka.tools.GetOffsetShell --bootstrap-server "$bootstrap" --topic $topic
tool org.apache.kafka.tools.GetOffsetShell --bootstrap-server "$bootstrap" --topic $topic --time -3
topics --delete --topic $topic
