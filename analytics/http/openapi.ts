// openapi.json and the page that people read, both from the table of routes.
import { z } from 'zod'
import { createDocument, type ZodOpenApiPathsObject } from 'zod-openapi'
import { isTable } from '../queries/tables.ts'
import { dimensionCatalogue, metricCatalogue } from '../windows/catalogue.ts'
import { accountPaths } from './openapi-accounts.ts'
import { morePaths } from './openapi-more.ts'
import type { Route } from './routes.ts'
import { loginLinkSchema, loginSchema, meSchema, problemSchema } from './schemas.ts'

const problem = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: problemSchema } },
})
const json = (description: string, schema: z.ZodType) => ({
  description,
  content: { 'application/json': { schema } },
})

/** In the formats that it can be had in. */
function answered(route: Route) {
  const { description, content } = json(route.summary, route.answer)
  if (route.question === undefined || !isTable(route.question)) return { description, content }
  const text = { schema: z.string() }
  return { description, content: { ...content, 'text/csv': text, 'application/x-ndjson': text } }
}

export function openApiDocument(routes: readonly Route[], build: string): object {
  const paths: ZodOpenApiPathsObject = {}
  for (const route of routes) {
    paths[route.path] = {
      [route.body ? 'post' : 'get']: {
        summary: route.summary,
        description: route.description,
        requestParams: { path: route.parameters, query: route.query },
        ...(route.body && { requestBody: { content: { 'application/json': { schema: route.body } } } }),
        responses: {
          200: answered(route),
          400: problem(
            'The question names something that does not exist; didYouMean is the nearest that does.',
          ),
          401: problem('Neither a session nor a token.'),
          ...(route.question && {
            304: { description: 'What the ETag in If-None-Match stands for is still true.' },
            422: problem('It would read too many rows.'),
            429: problem('Too many questions of yours are under way.'),
            503: problem('Too many questions wait, or this one took too long.'),
          }),
        },
      },
    }
  }
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Tailrace',
      version: build,
      description: 'Rolling statistics of log lines, each counted once.',
    },
    security: [{ token: [] }, { session: [] }],
    paths: { ...paths, ...signInPaths(), ...accountPaths(), ...morePaths() },
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer' },
        session: { type: 'apiKey', in: 'cookie', name: 'tailrace_session' },
      },
    },
  })
}

function signInPaths(): ZodOpenApiPathsObject {
  return {
    '/api/v1/login': {
      post: {
        summary: 'Trade the token of a sign-in link, or a name and password, for a session cookie',
        security: [],
        requestBody: { content: { 'application/json': { schema: loginSchema } } },
        responses: { 200: json('Signed in', meSchema), 401: problem('Used, expired, wrong.') },
      },
    },
    '/api/v1/login-links': {
      post: {
        summary: 'Make a link that signs in once',
        responses: {
          200: json('The link’s token', loginLinkSchema),
          401: problem('Neither a session nor a token.'),
        },
      },
    },
    '/api/v1/logout': {
      post: { summary: 'End the session', responses: { 204: { description: 'Signed out' } } },
    },
    '/api/v1/me': {
      get: {
        summary: 'Who is signed in',
        responses: { 200: json('You', meSchema), 401: problem('Neither a session nor a token.') },
      },
    },
  }
}

/** One static page without scripts or anything from elsewhere; its style sheet is a route of ours. */
export function docsPage(routes: readonly Route[]): string {
  const sections = routes.map(routeSection).join('\n')
  const metrics = Object.entries(metricCatalogue).map(([name, { definition, unit, dimensions }]) => {
    const kept = dimensions.map(set => set.replace(',', ' with ')).join(', ')
    return `<tr><td><code>${name}</code></td><td>${escaped(definition)}</td><td>${unit}</td><td>${kept}</td></tr>`
  })
  const dimensions = Object.entries(dimensionCatalogue).map(
    ([name, text]) => `<tr><td><code>${name}</code></td><td>${escaped(text)}</td></tr>`,
  )
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Tailrace API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/api/v1/docs.css"></head><body>
<h1>Tailrace API</h1>
<p>Everything here is a GET one can type. Sign in with <code>Authorization: Bearer</code> and the token of the data
directory. Described for machines in <a href="/api/v1/openapi.json">openapi.json</a>; live values come by WebSocket at
<code>/api/v1/live</code>, the broker's and our own counters at <a href="/metrics">/metrics</a>.</p>
${sections}
<h2>Metrics</h2><table><tr><th>name</th><th>meaning</th><th>unit</th><th>kept by</th></tr>
${metrics.join('\n')}</table>
<h2>Dimensions</h2><table><tr><th>name</th><th>meaning</th></tr>
${dimensions.join('\n')}</table>
</body></html>
`
}

export const docsStyle = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
code,pre{font-family:ui-monospace,monospace;font-size:.9em}
pre{background:#8882;padding:.6rem;border-radius:.4rem;overflow-x:auto}
table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #8884}
:root{color-scheme:light dark}
`

function routeSection(route: Route): string {
  const fields = { ...route.parameters.shape, ...route.query.shape, ...route.body?.shape }
  const rows = Object.entries(fields).map(([name, schema]) => {
    const meta = (schema as z.ZodType).meta() ?? {}
    return `<tr><td><code>${name}</code></td><td>${escaped(String(meta['description'] ?? ''))}</td></tr>`
  })
  const table = rows.length === 0 ? '' : `<table>${rows.join('\n')}</table>`
  const body = route.exampleBody === undefined ? '' : ` -d '${JSON.stringify(route.exampleBody)}'`
  const command = `curl -H "Authorization: Bearer $TOKEN" "http://127.0.0.1:8080${route.example}"${body}`
  return `<h2><code>${route.body ? 'POST' : 'GET'} ${escaped(route.path)}</code></h2>
<p>${escaped(route.summary)}. ${escaped(route.description)}</p>${table}
<pre>${escaped(command)}</pre>`
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
