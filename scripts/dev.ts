// `npm run dev`: the appliance with demo traffic, beside Vite's server, which reloads the page at each change.
// Starts two processes and ends both together.
import { spawn } from 'node:child_process'

const children = [
  spawn('node', ['cli/tailrace.js', 'up', '--demo', ...process.argv.slice(2)], { stdio: 'inherit' }),
  spawn('vite', ['dashboard', '--clearScreen', 'false'], { stdio: 'inherit' }),
]
const stop = () => {
  for (const child of children) child.kill('SIGTERM')
}
process.on('SIGINT', () => {})
process.on('SIGTERM', stop)
for (const child of children) child.once('exit', stop)
