// What a browser without a session sees: name and password, or how to get a link and a field to paste one into.
import { type FormEvent, useState } from 'react'
import { Icon, Mark } from './icons.tsx'
import { useLive, usePage } from './page-context.ts'
import { tokenOf } from './settings.ts'

const copiedForMs = 1_500

export function SignIn() {
  const page = usePage()
  const signIn = useLive(state => state.signIn)
  const [text, setText] = useState('')
  const [complaint, setComplaint] = useState('')
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const token = tokenOf(text)
    setComplaint(
      token === null ? 'This does not look like a sign-in link. It ends in #t= and a long code.' : '',
    )
    if (token !== null) void page.signIn(token)
  }
  const trouble =
    complaint !== '' ? complaint : signIn.state === 'failed' && signIn.by === 'link' ? signIn.detail : ''
  return (
    <main className="sign-in" data-state={signIn.state}>
      <div className="sign-in-card">
        <Mark />
        <h1>Sign in to Tailrace</h1>
        <PasswordForm />
        <h2>Or by a link</h2>
        <p>
          A link works once. Tailrace prints one when it starts; on the machine where it runs, this prints
          another, good for 15 minutes:
        </p>
        <Command text="node cli/tailrace.js login-link --data data/demo" note="started with npm start" />
        <Command text="node cli/tailrace.js login-link" note="started with your own settings" />
        <form onSubmit={submit}>
          <label htmlFor="sign-in-link">Or paste the link here</label>
          <div className="sign-in-row">
            <input
              id="sign-in-link"
              type="text"
              autoComplete="off"
              spellCheck={false}
              placeholder={`${window.location.origin}/login#t=…`}
              aria-describedby="sign-in-trouble"
              aria-invalid={trouble !== ''}
              value={text}
              onChange={event => setText(event.target.value)}
            />
            <button type="submit" className="button" disabled={signIn.state === 'working'}>
              Sign in
            </button>
          </div>
          <p id="sign-in-trouble" className="trouble" role="alert">
            {trouble}
          </p>
        </form>
      </div>
    </main>
  )
}

function PasswordForm() {
  const page = usePage()
  const signIn = useLive(state => state.signIn)
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const data = new FormData(event.currentTarget)
    const [user, password] = [String(data.get('user')), String(data.get('password'))]
    if (user !== '' && password !== '') void page.signInAs({ user, password })
  }
  const trouble = signIn.state === 'failed' && signIn.by === 'password' ? signIn.detail : ''
  return (
    <form className="sign-in-password" onSubmit={submit}>
      <label>
        Name
        <input name="user" type="text" autoComplete="username" autoCapitalize="none" spellCheck={false} />
      </label>
      <label>
        Password
        <input
          name="password"
          type="password"
          autoComplete="current-password"
          aria-describedby="password-trouble"
          aria-invalid={trouble !== ''}
        />
      </label>
      <button type="submit" className="button primary" disabled={signIn.state === 'working'}>
        Sign in
      </button>
      <p id="password-trouble" className="trouble" role="alert">
        {trouble}
      </p>
    </form>
  )
}

function Command({ text, note }: { readonly text: string; readonly note: string }) {
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    await navigator.clipboard.writeText(text)
    setCopied(true)
    window.setTimeout(() => setCopied(false), copiedForMs)
  }
  return (
    <div className="command">
      <span className="command-note">{note}</span>
      <code>{text}</code>
      {/* Browsers offer the clipboard only to secure origins; a plain one still has the text to select. */}
      {window.isSecureContext && (
        <button type="button" className="tool" title="Copy" onClick={() => void copy()}>
          <Icon name={copied ? 'check' : 'copy'} />
          <span className="sr-only">Copy the command</span>
        </button>
      )}
    </div>
  )
}
