// What the forms of this page share: one thing under way at a time, with the server's own words when it is refused; a
// field under its label; a button that asks once more.
import { useId, useState } from 'react'
import { visibleText } from '../../visible-text.ts'

export interface RunningDeed {
  readonly isWorking: boolean
  /** Why the last one failed; empty if it did not. */
  readonly trouble: string
  readonly run: (what: () => Promise<void>) => void
}

export function useDeed(): RunningDeed {
  const [isWorking, setWorking] = useState(false)
  const [trouble, setTrouble] = useState('')
  const run = (what: () => Promise<void>) => {
    setWorking(true)
    setTrouble('')
    what()
      .catch((error: unknown) => setTrouble((error as Error).message))
      .finally(() => setWorking(false))
  }
  return { isWorking, trouble, run }
}

interface FieldProps {
  readonly label: string
  readonly name: string
  readonly type?: 'text' | 'password' | 'date'
  readonly autoComplete?: string
}

export function Field({ label, name, type = 'text', autoComplete = 'off' }: FieldProps) {
  const id = useId()
  return (
    <div className="settings-field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        name={name}
        type={type}
        autoComplete={autoComplete}
        spellCheck={false}
        required={type !== 'date'}
      />
    </div>
  )
}

export function RoleField() {
  const id = useId()
  return (
    <div className="settings-field">
      <label htmlFor={id}>Role</label>
      <select id={id} name="role" defaultValue="viewer">
        <option value="viewer">viewer: looks</option>
        <option value="admin">admin: acts</option>
      </select>
    </div>
  )
}

interface RemoveProps {
  /** What goes: read out, as every row has such a button. */
  readonly what: string
  readonly disabled: boolean
  readonly onRemove: () => void
}

/** The first press asks, the second does it. */
export function Remove({ what, disabled, onRemove }: RemoveProps) {
  const [asking, setAsking] = useState(false)
  return (
    <button
      type="button"
      className={asking ? 'button settings-sure' : 'button'}
      disabled={disabled}
      onBlur={() => setAsking(false)}
      onClick={() => {
        if (asking) onRemove()
        setAsking(!asking)
      }}
    >
      {asking ? 'Remove now' : 'Remove'}
      <span className="sr-only"> {visibleText(what, 80)}</span>
    </button>
  )
}
