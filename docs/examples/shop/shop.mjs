// A shop whose visitors leave behaviour events in a file: one JSON object a line, appended by the server itself. No
// library of Tailrace is needed; the agent tails the file.
//
//   npm install express && node shop.mjs 3000 /var/log/shop/events.jsonl
import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import express from 'express'

const [port = '3000', path = 'events.jsonl'] = process.argv.slice(2)
const events = createWriteStream(path, { flags: 'a' })
const application = express()

/** The same visitor on every page: what sessions, funnels and retention rest on. */
function visitorOf(request, response) {
  const known = /(?:^|; )visitor=([\w-]{36})/.exec(request.headers.cookie ?? '')
  const visitor = known ? known[1] : randomUUID()
  if (!known)
    response.cookie('visitor', visitor, { httpOnly: true, sameSite: 'lax', maxAge: 400 * 86_400_000 })
  return visitor
}

function track(request, response, event) {
  events.write(
    `${JSON.stringify({
      timestamp: new Date().toISOString(),
      messageId: randomUUID(),
      anonymousId: visitorOf(request, response),
      path: request.path,
      referrer: request.headers.referer ?? '',
      context: { userAgent: request.headers['user-agent'] ?? '' },
      ...event,
    })}\n`,
  )
}

application.get(['/', '/products/:id'], (request, response) => {
  track(request, response, { type: 'page' })
  response.send(`<h1>${request.path === '/' ? 'The shop' : `Product ${Number(request.params.id)}`}</h1>`)
})

application.post('/cart/:id', (request, response) => {
  track(request, response, {
    type: 'track',
    event: 'Product Added',
    properties: { product: request.params.id },
  })
  response.status(204).end()
})

application.post('/orders', (request, response) => {
  track(request, response, { type: 'track', event: 'Order Completed' })
  response.status(201).end()
})

const server = application.listen(Number(port), '127.0.0.1', () => {
  console.log(`the shop is open on http://127.0.0.1:${server.address().port}`)
})
