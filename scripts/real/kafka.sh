#!/bin/sh
# A real Apache Kafka to compare with and to record from, fetched from Maven Central into a cache outside the tree.
# Needs a JDK 17 and Maven; no part of `npm test` needs it.
#
#   kafka.sh fetch                    download the jars, print the class path
#   kafka.sh start [PORT] [ADVERTISED_PORT]
#                                     one fresh node on 127.0.0.1:PORT (controller on PORT+1), wait until it serves
#   kafka.sh stop                     end the node that start began
#   kafka.sh restart                  end it and start it again, on what it has
#   kafka.sh classpath                what a Kafka tool's `java -cp` wants
set -eu

version="${KAFKA_VERSION:-4.3.1}"
log4j_version="${LOG4J_VERSION:-2.25.4}"
cache="${TAILRACE_KAFKA_CACHE:-$HOME/.cache/tailrace-kafka}/$version"
class_path="$cache/lib/*:$cache"

fetch() {
  [ -f "$cache/complete" ] && return
  for tool in java mvn; do
    command -v "$tool" >/dev/null || { echo "kafka.sh: cannot fetch Kafka: $tool is not installed" >&2; exit 69; }
  done
  mkdir -p "$cache"
  cat >"$cache/pom.xml" <<POM
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>peers</groupId><artifactId>kafka-peer</artifactId><version>1</version><packaging>pom</packaging>
  <dependencyManagement><dependencies>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-bom</artifactId>
      <version>$log4j_version</version><type>pom</type><scope>import</scope></dependency>
  </dependencies></dependencyManagement>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$version</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>$version</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId></dependency>
  </dependencies>
</project>
POM
  cat >"$cache/log4j2.properties" <<'LOG'
rootLogger.level=WARN
rootLogger.appenderRef.c.ref=C
appender.c.type=Console
appender.c.name=C
appender.c.target=SYSTEM_ERR
appender.c.layout.type=PatternLayout
appender.c.layout.pattern=%d %p %m (%c)%n
logger.k.name=kafka.server
logger.k.level=INFO
LOG
  mvn -q -f "$cache/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$cache/lib" >&2
  touch "$cache/complete"
}

start() {
  port="${1:-29092}"
  advertised="${2:-$port}"
  controller=$((port + 1))
  fetch
  if running; then
    echo "kafka.sh: already running, pid $(cat "$cache/pid"); stop it first" >&2
    exit 1
  fi
  rm -rf "$cache/data" "$cache/server.log"
  cat >"$cache/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$advertised,CONTROLLER://127.0.0.1:$controller
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
controller.quorum.bootstrap.servers=127.0.0.1:$controller
log.dirs=$cache/data
num.network.threads=2
num.io.threads=2
num.partitions=2
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=20971520
PROPERTIES
  id=$(java -cp "$class_path" kafka.tools.StorageTool random-uuid)
  java -cp "$class_path" kafka.tools.StorageTool format --standalone -t "$id" -c "$cache/server.properties" >&2
  launch
  echo "127.0.0.1:$port"
}

launch() {
  rm -f "$cache/server.log"
  # shellcheck disable=SC2086
  java -Xms512m -Xmx512m -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 \
    -XX:+ExplicitGCInvokesConcurrent -Djava.awt.headless=true ${KAFKA_JVM_OPTIONS:-} \
    -cp "$class_path" kafka.Kafka "$cache/server.properties" >"$cache/server.log" 2>&1 &
  echo $! >"$cache/pid"
  waited=0
  until grep -qs "Kafka Server started" "$cache/server.log"; do
    running || { tail -20 "$cache/server.log" >&2; echo "kafka.sh: Kafka ended while starting" >&2; exit 1; }
    [ "$waited" -lt 600 ] || { stop; echo "kafka.sh: Kafka did not start within a minute" >&2; exit 1; }
    sleep 0.1
    waited=$((waited + 1))
  done
}

running() {
  [ -f "$cache/pid" ] && kill -0 "$(cat "$cache/pid")" 2>/dev/null
}

stop() {
  if running; then
    pid=$(cat "$cache/pid")
    kill "$pid"
    waited=0
    while kill -0 "$pid" 2>/dev/null; do
      [ "$waited" -lt 150 ] || kill -9 "$pid" 2>/dev/null || true
      sleep 0.1
      waited=$((waited + 1))
    done
  fi
  rm -f "$cache/pid"
}

case "${1:-}" in
  fetch) fetch; echo "$class_path" ;;
  classpath) echo "$class_path" ;;
  start) shift; start "$@" ;;
  stop) stop ;;
  restart) stop; launch ;;
  *) sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 64 ;;
esac
