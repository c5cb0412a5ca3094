// Every format of app.db, in order. A migration that was released is never edited: files out there have it. Add a file
// of its own, `000N-name.ts`, and name it here.
import type { Migration } from '../../store/migrations/list.ts'
import { sessionsMigration } from './0001-sessions.ts'
import { alertsMigration } from './0002-alerts.ts'
import { accountsMigration } from './0003-accounts.ts'

/** Ascending. */
export const appMigrations: readonly Migration[] = [sessionsMigration, alertsMigration, accountsMigration]
