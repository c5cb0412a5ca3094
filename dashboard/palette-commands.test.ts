// What the palette finds for what was typed, and in which order.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Command, foundCommands } from './palette-commands.ts'

const command = (kind: Command['kind'], label: string, words = ''): Command => ({
  id: `${kind} ${label}`,
  kind,
  label,
  words,
  run() {},
})

const commands = [
  command('Page', 'Live tail', 'lines logs search grep'),
  command('Page', 'Alerts', 'rules firing'),
  command('Topic', 'logs', 'topic'),
  command('Statistic', 'client_errors', 'requests answered with a status of 400 to 499'),
  command('Statistic', 'errors', 'requests answered with a status of 500 or above'),
  command('Action', 'Theme: next', 'dark light'),
]
const labels = (typed: string) => foundCommands(commands, typed).map(({ label }) => label)

test('with nothing typed the pages and the actions are offered', () => {
  assert.deepEqual(labels('  '), ['Live tail', 'Alerts', 'Theme: next'])
})

test('what begins with the word comes before what holds it, and labels before other words', () => {
  assert.deepEqual(labels('errors'), ['errors', 'client_errors'])
  assert.deepEqual(labels('logs'), ['logs', 'Live tail'])
})

test('every word must occur; nothing is found by a word that is nowhere', () => {
  assert.deepEqual(labels('status 400'), ['client_errors'])
  assert.deepEqual(labels('dark errors'), [])
})

test('no more are shown than fit', () => {
  const many = Array.from({ length: 500 }, (_, at) => command('Topic', `topic-${at}`))
  assert.equal(foundCommands(many, 'topic').length, 12)
})
