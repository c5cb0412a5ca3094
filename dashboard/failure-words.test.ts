// What is said where a page could not be shown, for each way in which a browser tells it. Touches nothing.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failureWords } from './failure-words.ts'

test('a file that an upgrade took away is told as that, in the words of each browser; only a reload helps', () => {
  for (const message of [
    'Failed to fetch dynamically imported module: http://127.0.0.1:8080/assets/page-CcB_xOew.js',
    'error loading dynamically imported module: http://127.0.0.1:8080/assets/page-CcB_xOew.js',
    'Importing a module script failed.',
    'Unable to preload CSS for /assets/page-Cy0XbgEv.css',
  ]) {
    const { text, canRetry } = failureWords(new TypeError(message))
    assert.match(text, /upgraded while this page was open/)
    assert.equal(canRetry, false)
  }
})

test('a fault in what was sent can be tried again', () => {
  const fault = failureWords(new TypeError("Cannot read properties of undefined (reading 'map')"))
  assert.equal(fault.canRetry, true)
  assert.match(fault.text, /a reload helps/)
})
