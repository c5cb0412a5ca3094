// What an admin does to a topic, each in a dialog that shows the command it equals.
import { useState } from 'react'
import type { TopicConfig, TopicState } from '../../../analytics/http/contract-cluster.ts'
import { ActDialog, Field } from '../../panels/act-dialog.tsx'
import {
  addPartitionsCommand,
  alterTopicCommand,
  createTopicCommand,
  deleteRecordsCommand,
  deleteTopicCommand,
} from './commands.ts'

interface DialogProps {
  readonly onClose: () => void
  readonly onDone: (name: string) => void
}

const topicPath = (name: string) => `/topics/${encodeURIComponent(name)}`
const wholeNumber = (text: string) => (/^\d{1,9}$/.test(text) ? Number(text) : undefined)

export function CreateTopic({ onClose, onDone }: DialogProps) {
  const [name, setName] = useState('')
  const [partitions, setPartitions] = useState('')
  const [replicas, setReplicas] = useState('')
  const [retention, setRetention] = useState('')
  const days = Number(retention)
  const configs: Record<string, string> =
    days > 0 ? { 'retention.ms': String(Math.round(days * 86_400_000)) } : {}
  const draft = {
    topic: name,
    partitions: wholeNumber(partitions),
    replicas: wholeNumber(replicas),
    configs,
  }
  return (
    <ActDialog
      title="New topic"
      command={name === '' ? null : createTopicCommand(draft)}
      deed={name === '' ? null : { method: 'POST', path: '/topics', body: draft }}
      verb="Create"
      onClose={onClose}
      onDone={() => onDone(name)}
    >
      <Field label="Name" hint="letters, digits, dots, dashes, underscores">
        <input value={name} onChange={event => setName(event.target.value)} autoComplete="off" required />
      </Field>
      <Field label="Partitions" hint="empty: as the broker chooses">
        <input inputMode="numeric" value={partitions} onChange={event => setPartitions(event.target.value)} />
      </Field>
      <Field label="Copies" hint="empty: three, or one of each broker">
        <input inputMode="numeric" value={replicas} onChange={event => setReplicas(event.target.value)} />
      </Field>
      <Field label="Kept for days" hint="empty: as the broker chooses">
        <input inputMode="decimal" value={retention} onChange={event => setRetention(event.target.value)} />
      </Field>
    </ActDialog>
  )
}

export function AlterConfig({
  topic,
  config,
  onClose,
  onDone,
}: DialogProps & { readonly topic: string; readonly config: TopicConfig }) {
  const [value, setValue] = useState(config.value ?? '')
  const [isDefault, setIsDefault] = useState(false)
  const set: Record<string, string> = isDefault ? {} : { [config.name]: value }
  const remove = isDefault ? [config.name] : []
  return (
    <ActDialog
      title={`Set ${config.name}`}
      command={alterTopicCommand(topic, set, remove)}
      deed={{ method: 'POST', path: `${topicPath(topic)}/configs`, body: { set, remove } }}
      verb="Set"
      onClose={onClose}
      onDone={() => onDone(topic)}
    >
      <Field label="Value">
        <input value={value} disabled={isDefault} onChange={event => setValue(event.target.value)} />
      </Field>
      {config.source === 'topic' && (
        <label className="act-check">
          <input type="checkbox" checked={isDefault} onChange={event => setIsDefault(event.target.checked)} />{' '}
          Back to the default
        </label>
      )}
    </ActDialog>
  )
}

export function AddPartitions({ topic, onClose, onDone }: DialogProps & { readonly topic: TopicState }) {
  const [count, setCount] = useState(String(topic.partitions.length + 1))
  const wanted = wholeNumber(count)
  const body = wanted === undefined ? null : { count: wanted }
  return (
    <ActDialog
      title="Add partitions"
      command={wanted === undefined ? null : addPartitionsCommand(topic.name, wanted)}
      deed={body && { method: 'POST', path: `${topicPath(topic.name)}/partitions`, body }}
      verb="Add"
      onClose={onClose}
      onDone={() => onDone(topic.name)}
    >
      <Field
        label="How many there are to be"
        hint={`there are ${topic.partitions.length}; they never become fewer`}
      >
        <input inputMode="numeric" value={count} onChange={event => setCount(event.target.value)} />
      </Field>
      <p className="muted">
        Keys go to other partitions from then on: their order across that moment is not kept.
      </p>
    </ActDialog>
  )
}

export function DeleteRecords({ topic, onClose, onDone }: DialogProps & { readonly topic: TopicState }) {
  const [partition, setPartition] = useState(0)
  const [before, setBefore] = useState('')
  const isGood = before === 'end' || /^\d{1,15}$/.test(before)
  const body = { partition, before }
  const { logStartOffset = '0', highWatermark = '0' } = topic.partitions[partition] ?? {}
  return (
    <ActDialog
      title="Delete records"
      command={isGood ? deleteRecordsCommand(topic.name, partition, before) : null}
      deed={isGood ? { method: 'POST', path: `${topicPath(topic.name)}/delete-records`, body } : null}
      verb="Delete records"
      confirm={topic.name}
      onClose={onClose}
      onDone={() => onDone(topic.name)}
    >
      <Field label="Partition">
        <select value={partition} onChange={event => setPartition(Number(event.target.value))}>
          {topic.partitions.map(one => (
            <option key={one.partition} value={one.partition}>
              {one.partition}
            </option>
          ))}
        </select>
      </Field>
      <Field
        label="Everything before offset"
        hint={`the log is ${logStartOffset} to ${highWatermark}; or: end`}
      >
        <input value={before} onChange={event => setBefore(event.target.value.trim())} autoComplete="off" />
      </Field>
    </ActDialog>
  )
}

export function DeleteTopic({ topic, onClose, onDone }: DialogProps & { readonly topic: string }) {
  return (
    <ActDialog
      title="Delete topic"
      command={deleteTopicCommand(topic)}
      deed={{ method: 'DELETE', path: topicPath(topic) }}
      verb="Delete topic"
      confirm={topic}
      onClose={onClose}
      onDone={() => onDone(topic)}
    >
      <p>The topic and all records it holds are gone for good. What was counted of it stays.</p>
    </ActDialog>
  )
}
