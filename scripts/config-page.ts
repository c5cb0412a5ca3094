// Writes the generated table of docs/configuration.md and the JSON schema beside it anew, from the schema of settings.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { settingsJsonSchema, withSettings } from '../cli/config-table.ts'

const page = new URL('../docs/configuration.md', import.meta.url)
writeFileSync(page, withSettings(readFileSync(page, 'utf8')))
const schema = new URL('../docs/tailrace.schema.json', import.meta.url)
writeFileSync(schema, `${JSON.stringify(settingsJsonSchema(), null, 2)}\n`)
spawnSync('biome', ['format', '--write', schema.pathname], { stdio: 'inherit' })
