#!/bin/sh
# Puts the Tailrace agent on this host, joins it to the appliance at @ORIGIN@, and starts it.
#
#   echo CODE | sh tailrace-install.sh install    from the line that `tailrace agents add` printed
#   sh tailrace-install.sh upgrade                the appliance's agent instead of the one that is here
#   sh tailrace-install.sh uninstall [--purge]    takes it away; --purge its position in the files too
#
#   --dry-run         say what would be done, and do nothing
#   --prefix DIR      under this directory instead of /; without a user and a service
#   --package FILE    this package instead of the appliance's; its checksum is checked all the same
#
# Nothing is run before the whole script is here; nothing is unpacked whose checksum is another.
set -eu

origin='@ORIGIN@'
packages='@PACKAGES@'
user=tailrace-agent
prefix=
dry=
purge=
package=
command=

say() { printf '%s\n' "tailrace: $*" >&2; }
fail() { code=$1; shift; say "$*"; exit "$code"; }
run() {
  if [ -n "$dry" ]; then printf '+ %s\n' "$*"; else "$@"; fi
}

platform() {
  system=$(uname -s | tr '[:upper:]' '[:lower:]')
  case $(uname -m) in
    x86_64|amd64) processor=x64 ;;
    aarch64|arm64) processor=arm64 ;;
    *) processor=$(uname -m) ;;
  esac
  printf '%s-%s' "$system" "$processor"
}

# Sets $file and $sum of this host's package.
choose_package() {
  wanted=$(platform)
  file=
  sum=
  while read -r name digits path; do
    [ "$name" = "$wanted" ] && { sum=$digits; file=$path; }
  done <<LIST
$packages
LIST
  [ -n "$file" ] || fail 69 "this appliance has no agent for $wanted. Make one there with: npm run pack-agent"
}

# Into $home, in one step: what is there runs on until it is started anew.
unpack() {
  choose_package
  if [ -n "$dry" ]; then
    printf '+ fetch %s/packages/%s, SHA-256 %s\n+ unpack it into %s\n' "$origin" "$file" "$sum" "$home"
    return
  fi
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  if [ -n "$package" ]; then
    cp "$package" "$work/$file"
  else
    # Who answers is not verified: the checksum is.
    curl -fsSk "$origin/packages/$file" -o "$work/$file" || fail 69 "cannot fetch $origin/packages/$file"
  fi
  found=$(sha256sum "$work/$file" | cut -d ' ' -f 1)
  [ "$found" = "$sum" ] || fail 1 "the package is not what was promised: SHA-256 $found instead of $sum. Nothing is installed"
  mkdir -p "$(dirname "$home")"
  rm -rf "$home.new"
  mkdir "$home.new"
  tar -xzf "$work/$file" -C "$home.new" --no-same-owner
  [ -x "$home.new/bin/tailrace" ] || fail 1 "the package holds no bin/tailrace"
  rm -rf "$home.old"
  [ ! -e "$home" ] || mv "$home" "$home.old"
  mv "$home.new" "$home"
  rm -rf "$home.old"
}

make_user() {
  if ! id "$user" >/dev/null 2>&1; then
    run useradd --system --user-group --home-dir "$data" --no-create-home --shell /usr/sbin/nologin "$user"
  fi
  # Who may read the logs of the system.
  if getent group adm >/dev/null 2>&1; then run usermod -a -G adm "$user"; fi
}

write_settings() {
  [ ! -e "$settings" ] || return 0
  if [ -n "$dry" ]; then printf '+ write %s\n' "$settings"; return; fi
  mkdir -p "$(dirname "$settings")"
  cat >"$settings" <<SETTINGS
# What the Tailrace agent sends. After a change: systemctl reload tailrace-agent
inputs:
  - paths: [/var/log/nginx/*.log, /var/log/apache2/*.log]
SETTINGS
  chmod 644 "$settings"
}

unit_text() {
  cat <<UNIT
[Unit]
Description=Tailrace agent: sends the lines of this host's logs
Wants=network-online.target
After=network-online.target

[Service]
User=$user
Group=$user
ExecStartPre=$home/bin/tailrace agent validate --config $settings --data $data
ExecStart=$home/bin/tailrace agent --config $settings --data $data
ExecReload=$home/bin/tailrace agent validate --config $settings --data $data
ExecReload=/bin/kill -HUP \$MAINPID
Restart=on-failure
RestartSec=2
TimeoutStopSec=10
StateDirectory=tailrace-agent
StateDirectoryMode=0700
UMask=0077
LimitNOFILE=65536
MemoryMax=256M
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
CapabilityBoundingSet=
AmbientCapabilities=

[Install]
WantedBy=multi-user.target
UNIT
}

start_service() {
  if [ -n "$dry" ]; then
    printf '+ write %s:\n' "$unit"
    unit_text
    printf '+ systemctl enable and start tailrace-agent, and fail if it does not run\n'
    return
  fi
  unit_text >"$unit"
  systemctl daemon-reload
  systemctl enable --quiet tailrace-agent
  systemctl restart tailrace-agent
  tries=0
  while [ "$tries" -lt 3 ]; do
    sleep 1
    systemctl is-active --quiet tailrace-agent || {
      systemctl --no-pager --lines=20 status tailrace-agent >&2 || true
      fail 1 "the agent does not run. See: journalctl -u tailrace-agent"
    }
    tries=$((tries + 1))
  done
  say "the agent runs. See: $home/bin/tailrace agent status --data $data"
}

need_root() {
  [ -z "$prefix$dry" ] || return 0
  [ "$(id -u)" = 0 ] || fail 64 "this needs root: sudo sh $0 $command"
  [ -d /run/systemd/system ] || fail 69 "this host has no systemd to start the agent with. Without one: --prefix DIR"
}

install_agent() {
  need_root
  code=
  if [ ! -t 0 ]; then read -r code || true; fi
  if [ -z "$code" ] && [ ! -e "$data/agent/enrolment.json" ]; then
    fail 64 "no code on standard input: paste the whole line that \`tailrace agents add\` printed"
  fi
  if [ -n "$code" ]; then case $code in trj1.*) ;; *) fail 64 "what came on standard input is no code of tailrace" ;; esac; fi
  [ -n "$prefix" ] || make_user
  unpack
  write_settings
  if [ -n "$code" ]; then
    if [ -n "$dry" ]; then
      printf '+ join with the code, keep what it gives in %s (0600)\n' "$data/agent/enrolment.json"
    else
      mkdir -p "$data"
      chmod 700 "$data"
      printf '%s\n' "$code" | "$home/bin/tailrace" agent join --code-stdin --data "$data"
      [ -n "$prefix" ] || chown -R "$user:$user" "$data"
    fi
  fi
  if [ -z "$prefix" ]; then start_service; else say "start it with: $home/bin/tailrace agent --config $settings --data $data"; fi
}

upgrade_agent() {
  need_root
  [ -e "$home" ] || fail 64 "there is no agent in $home to upgrade"
  unpack
  [ -n "$prefix" ] || start_service
}

uninstall_agent() {
  need_root
  if [ -z "$prefix" ]; then
    run systemctl disable --now --quiet tailrace-agent || true
    run rm -f "$unit"
    run systemctl daemon-reload
  fi
  run rm -rf "$home"
  if [ -n "$purge" ]; then
    run rm -rf "$data" "$settings"
    if [ -z "$prefix" ] && id "$user" >/dev/null 2>&1; then run userdel "$user"; fi
  else
    say "kept: $settings, $data (its identity and position). Take them away too with --purge"
  fi
  say "on the appliance, take its rights away with: tailrace agents remove NAME"
}

main() {
  while [ $# -gt 0 ]; do
    case $1 in
      install|upgrade|uninstall) command=$1 ;;
      --dry-run) dry=1 ;;
      --purge) purge=1 ;;
      --prefix) [ $# -gt 1 ] || fail 64 '--prefix wants a directory'; prefix=${2%/}; shift ;;
      --package) [ $# -gt 1 ] || fail 64 '--package wants a file'; package=$2; shift ;;
      *) fail 64 "unknown: $1. Known: install, upgrade, uninstall, --dry-run, --purge, --prefix DIR, --package FILE" ;;
    esac
    shift
  done
  home=$prefix/opt/tailrace-agent
  data=$prefix/var/lib/tailrace-agent
  settings=$prefix/etc/tailrace/agent.yaml
  unit=/etc/systemd/system/tailrace-agent.service
  case $command in
    install) install_agent ;;
    upgrade) upgrade_agent ;;
    uninstall) uninstall_agent ;;
    *) fail 64 'say what to do: install, upgrade or uninstall' ;;
  esac
}

main "$@"
