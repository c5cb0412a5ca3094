// Where an installed server lives, and the text of its systemd unit and of its first configuration. Pure.
import { join } from 'node:path'

export interface ServerPlaces {
  readonly home: string
  readonly settings: string
  readonly data: string
  readonly unit: string
}

export const serverUser = 'tailrace'

/** Everything below `prefix`; the unit alone is systemd's and has no prefix. */
export function serverPlaces(prefix: string): ServerPlaces {
  return {
    home: join(prefix, '/opt/tailrace'),
    settings: join(prefix, '/etc/tailrace/tailrace.yaml'),
    data: join(prefix, '/var/lib/tailrace'),
    unit: '/etc/systemd/system/tailrace.service',
  }
}

/** An unprivileged service that can write its data and nothing else, and reads logs as a member of adm. */
export function unitText({ home, settings, data }: ServerPlaces): string {
  const tailrace = `${home}/bin/tailrace`
  return `[Unit]
Description=Tailrace: log lines in, live exact statistics out
Wants=network-online.target
After=network-online.target

[Service]
User=${serverUser}
Group=${serverUser}
SupplementaryGroups=adm
ExecStartPre=${tailrace} config validate --config ${settings} --data ${data}
ExecStart=${tailrace} up --config ${settings} --data ${data}
WorkingDirectory=${data}
Restart=on-failure
RestartSec=2
# The command stops its processes in their order, each within two seconds.
KillMode=mixed
TimeoutStopSec=30
StateDirectory=tailrace
StateDirectoryMode=0750
UMask=0027
LimitNOFILE=1048576
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
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
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
`
}

/** The configuration of a server that has none yet. */
export function firstSettings(publicHost: string | undefined): string {
  const open =
    publicHost === undefined
      ? '# Let other machines in, by TLS and with logins:\n# public: logs.example.com\n'
      : `# Others reach this server by this name, by TLS and with logins.\npublic: ${publicHost}\n`
  return `# Tailrace. After a change: systemctl restart tailrace. Every setting: docs/configuration.md
${open}
# Logs of this machine. Other hosts send theirs with an agent: tailrace agents add
inputs:
  - paths: [/var/log/nginx/*.log, /var/log/apache2/*.log]
`
}
