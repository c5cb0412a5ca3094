// An alert's labels, each as it is: names and values come from lines.
import { HostileText } from '../../panels/hostile-text.tsx'

export function Labels({ labels }: { readonly labels: Readonly<Record<string, string>> }) {
  return Object.entries(labels).map(([name, value]) => (
    <span key={name} className="label mono">
      <HostileText text={`${name}=${value}`} limit={100} />
    </span>
  ))
}
