// The number of every format on disk that this version writes, and the highest that it reads. Each room counts its own;
// here they are only listed.
import { checkpointFormat } from '../agent/checkpoint.ts'
import { appMigrations } from '../analytics/app/migrations/list.ts'
import { enrolmentsFormat } from '../analytics/enrolment/format.ts'
import { migrations } from '../analytics/store/migrations/list.ts'
import { logFormat } from '../broker/log/checkpoints.ts'
import { metadataFormat } from '../broker/metadata/format.ts'
import { dataFormat } from './data-directory.ts'

export const formats = {
  /** `format` in the data directory. */
  data: dataFormat,
  /** `version` of meta.properties in each broker's directory. */
  log: logFormat,
  /** user_version of metadata.db; in ZooKeeper the node of the address. */
  metadata: metadataFormat,
  /** user_version of windows.db. */
  statistics: migrations.at(-1)!.version,
  /** user_version of app.db. */
  app: appMigrations.at(-1)!.version,
  /** user_version of enrolments.db. */
  enrolments: enrolmentsFormat,
  /** `format` in an agent's checkpoint. */
  checkpoint: checkpointFormat,
} as const
