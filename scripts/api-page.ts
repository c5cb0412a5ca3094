// Writes the generated tables of docs/api.md anew, from the catalogue of statistics.
import { readFileSync, writeFileSync } from 'node:fs'
import { withGenerated } from '../analytics/http/api-page.ts'

const page = new URL('../docs/api.md', import.meta.url)
writeFileSync(page, withGenerated(readFileSync(page, 'utf8')))
