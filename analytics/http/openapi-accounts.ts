// What openapi.json says of signing in, accounts, tokens and the audit log.
import { z } from 'zod'
import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject } from 'zod-openapi'
import { newAccountSchema, newPasswordSchema, newRoleSchema, newTokenSchema } from '../accounts/schemas.ts'
import { problemSchema } from './schemas.ts'

const body = (schema: z.ZodType) => ({ requestBody: { content: { 'application/json': { schema } } } })
const text = z.string().optional()
const name = { requestParams: { path: z.object({ name: z.string() }) } }
const auditParameters = z.object({
  limit: z.number().int().optional(),
  before: text.meta({ description: 'next of the answer before, for the next page.' }),
  user: text,
  kind: z.enum(['signIn', 'signInRefused', 'signOut', 'refused', 'act']).optional(),
})

export function accountPaths(): ZodOpenApiPathsObject {
  return {
    '/api/v1/sessions': { delete: told('Sign out everywhere') },
    '/api/v1/accounts': {
      get: told('Who signs in by name and password'),
      post: { ...told('Make an account', '201'), ...body(newAccountSchema) },
    },
    '/api/v1/accounts/{name}': {
      delete: { ...told('Remove an account; its sessions end. The last admin stays', '204'), ...name },
    },
    '/api/v1/accounts/{name}/password': {
      post: {
        ...told('Change a password; every other session of the account ends', '204'),
        ...name,
        ...body(newPasswordSchema),
      },
    },
    '/api/v1/accounts/{name}/role': {
      post: {
        ...told('Make an account an admin or a viewer; its sessions end. The last admin stays one', '204'),
        ...name,
        ...body(newRoleSchema),
      },
    },
    '/api/v1/tokens': {
      get: told('API tokens, without their secrets'),
      post: { ...told('Make a token; the one time that it is told', '201'), ...body(newTokenSchema) },
    },
    '/api/v1/tokens/{id}': {
      delete: { ...told('Remove a token', '204'), requestParams: { path: z.object({ id: z.string() }) } },
    },
    '/api/v1/audit': {
      get: {
        ...told('Who did what, when and from where; the newest first'),
        requestParams: { query: auditParameters },
      },
    },
  }
}

function told(summary: string, status: '200' | '201' | '204' = '200'): ZodOpenApiOperationObject {
  const refused = (description: string) => ({
    description,
    content: { 'application/problem+json': { schema: problemSchema } },
  })
  return {
    summary,
    responses: {
      [status]: { description: summary },
      400: refused('Refused; the detail says why.'),
      401: refused('Neither a session nor a token.'),
      403: refused('It takes another role, which the detail names.'),
    },
  }
}
