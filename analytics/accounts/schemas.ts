// What the routes of accounts take, for reading it and for describing it in openapi.json.
import { z } from 'zod'

const role = z.enum(['admin', 'viewer']).meta({ description: 'A viewer looks, an admin acts.' })
const password = z.string().max(1_000).meta({ description: 'Ten characters or more.' })

/** Compared without regard to case, so kept in lower case. */
export const accountName = z
  .string()
  .toLowerCase()
  .regex(/^[a-z0-9][a-z0-9._@-]{0,63}$/, 'letters, digits and . _ @ -, 64 at most')

export const newAccountSchema = z
  .strictObject({ name: accountName, role: role.default('viewer'), password })
  .meta({ id: 'NewAccount' })

export const newPasswordSchema = z
  .strictObject({
    password,
    current: z.string().max(1_000).optional().meta({ description: 'The old one, to change one’s own.' }),
  })
  .meta({ id: 'NewPassword' })

export const newRoleSchema = z.strictObject({ role }).meta({ id: 'NewRole' })

export const newTokenSchema = z
  .strictObject({
    name: z
      .string()
      .trim()
      .min(1, 'must not be empty')
      .max(64)
      .regex(/^[^\u0000-\u001f\u007f]*$/, 'holds a control character'),
    role: role.default('viewer'),
    expiresAt: z.number().int().nullable().default(null).meta({
      description: 'Milliseconds since the epoch; null for one without an end.',
    }),
  })
  .meta({ id: 'NewApiToken' })
