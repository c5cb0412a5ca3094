#!/bin/bash
# A real ZooKeeper ensemble of three members on loopback, from Debian's `zookeeper` package, without systemd.
# Installs the package when it is missing and this is root; no part of `npm test` needs it.
#
#   zookeeper.sh start [--tls] [BASE_PORT] [DIRECTORY]
#       runs three fresh members in the foreground and prints the connect string once they serve; ends on SIGTERM
#       or SIGINT, and with TAILRACE_SUPERVISED=1 also when its stdin ends. Member N listens on BASE_PORT+N
#       (default 22810), and on BASE_PORT+30+N with client certificates if --tls (then a second line is printed).
#       DIRECTORY/N/pid holds the process of member N; DIRECTORY defaults to a temporary one, removed at the end.
#   zookeeper.sh member N DIRECTORY
#       starts member N again, after it was killed, with what it has on its disk; prints its pid when it serves.
set -eu

jars=/usr/share/java
# The package's own class path lacks a logger, and two jars that TLS needs.
class_path="$jars/zookeeper.jar:$jars/slf4j-simple.jar:$jars/netty-codec.jar:$jars/netty-resolver.jar"
password=tailrace

install_package() {
  [ -f "$jars/zookeeper.jar" ] && return
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "zookeeper.sh: cannot start ZooKeeper: install Debian's package \`zookeeper\` first" >&2
    exit 69
  fi
  { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends zookeeper; } >&2
}

# A private authority, one certificate for the members (loopback), one for a client; PEM for us, PKCS12 for Java.
make_certificates() {
  mkdir -p "$1" && cd "$1"
  {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=tailrace test authority' \
      -keyout ca-key.pem -out ca.pem
    for name in server client; do
      openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" \
        -keyout "$name-key.pem" -out "$name.csr"
      openssl x509 -req -in "$name.csr" -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 \
        -extfile <(echo 'subjectAltName=IP:127.0.0.1,DNS:localhost') -out "$name.pem"
    done
    openssl pkcs12 -export -in server.pem -inkey server-key.pem -name server -passout "pass:$password" -out server.p12
    keytool -importcert -noprompt -alias ca -file ca.pem -storetype PKCS12 -storepass "$password" -keystore trust.p12
  } >tls.log 2>&1 || { cat tls.log >&2; exit 1; }
  cd - >/dev/null
}

configure() {
  local n=$1 base=$2 directory=$3 tls=$4
  mkdir -p "$directory/$n/data"
  echo "$n" >"$directory/$n/data/myid"
  echo $((base + n)) >"$directory/$n/port"
  {
    echo "tickTime=1000
initLimit=10
syncLimit=5
dataDir=$directory/$n/data
clientPort=$((base + n))
clientPortAddress=127.0.0.1
minSessionTimeout=2000
maxClientCnxns=0
autopurge.purgeInterval=1
admin.enableServer=false
4lw.commands.whitelist=ruok,srvr,mntr"
    for m in 1 2 3; do echo "server.$m=127.0.0.1:$((base + 10 + m)):$((base + 20 + m))"; done
    [ "$tls" = 0 ] || echo "secureClientPort=$((base + 30 + n))
secureClientPortAddress=127.0.0.1
serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory
ssl.keyStore.location=$directory/tls/server.p12
ssl.keyStore.password=$password
ssl.trustStore.location=$directory/tls/trust.p12
ssl.trustStore.password=$password
ssl.clientAuth=need"
  } >"$directory/$n/zoo.cfg"
}

# Detached from this shell's signals: a Ctrl-C reaches the members through stop_all alone.
launch() {
  local n=$1 directory=$2
  cd "$directory/$n"
  setsid java -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Djava.awt.headless=true \
    -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$class_path" \
    org.apache.zookeeper.server.quorum.QuorumPeerMain ./zoo.cfg </dev/null >>log 2>&1 &
  echo $! >pid
  disown
  cd - >/dev/null
}

serves() {
  local answer
  answer=$( (exec 3<>"/dev/tcp/127.0.0.1/$1" && printf srvr >&3 && timeout 2 cat <&3) 2>/dev/null) || return 1
  [[ "$answer" == *Mode:* ]]
}

await() {
  local n=$1 directory=$2 waited=0 port pid
  port=$(cat "$directory/$n/port")
  pid=$(cat "$directory/$n/pid")
  until serves "$port"; do
    if ! kill -0 "$pid" 2>/dev/null || [ "$waited" -ge 600 ]; then
      tail -20 "$directory/$n/log" >&2
      echo "zookeeper.sh: member $n does not serve on port $port" >&2
      return 1
    fi
    sleep 0.1
    waited=$((waited + 1))
  done
}

# Members may be stopped (SIGSTOP) by whoever tests with them, and keep nothing that a kill would spoil.
stop_all() {
  local n pid
  for n in 1 2 3; do
    pid=$(cat "$directory/$n/pid" 2>/dev/null) || continue
    grep -qs QuorumPeerMain "/proc/$pid/cmdline" && kill -9 "$pid" 2>/dev/null
  done
  [ -z "$sleeper" ] || kill "$sleeper" 2>/dev/null || true
  [ -z "$temporary" ] || rm -rf "$temporary"
  exit "${1:-0}"
}

start() {
  local tls=0 base n
  if [ "${1:-}" = --tls ]; then tls=1; shift; fi
  base="${1:-22810}"
  temporary= sleeper=
  if [ -n "${2:-}" ]; then directory=$(realpath -m "$2"); else temporary=$(mktemp -d /tmp/zookeeper-XXXXXX); directory=$temporary; fi
  install_package
  mkdir -p "$directory"
  trap 'stop_all 0' TERM INT
  [ "$tls" = 0 ] || make_certificates "$directory/tls"
  for n in 1 2 3; do configure "$n" "$base" "$directory" "$tls"; launch "$n" "$directory"; done
  for n in 1 2 3; do await "$n" "$directory" || stop_all 1; done
  echo "zookeeper://127.0.0.1:$((base + 1)),127.0.0.1:$((base + 2)),127.0.0.1:$((base + 3))"
  [ "$tls" = 0 ] ||
    echo "zookeeper+tls://127.0.0.1:$((base + 31)),127.0.0.1:$((base + 32)),127.0.0.1:$((base + 33))"
  if [ "${TAILRACE_SUPERVISED:-}" = 1 ]; then
    # `read` returns for a trapped signal too; whatever ends it ends the ensemble.
    while read -r _; do :; done
  else
    sleep infinity &
    sleeper=$!
    wait "$sleeper" || true
  fi
  stop_all 0
}

member() {
  local directory
  directory=$(realpath "$2")
  launch "$1" "$directory"
  await "$1" "$directory"
  cat "$directory/$1/pid"
}

case "${1:-}" in
  start) shift; start "$@" ;;
  member) shift; [ $# = 2 ] || exit 64; member "$@" ;;
  *) sed -n '2,14s/^# \{0,1\}//p' "$0" >&2; exit 64 ;;
esac
