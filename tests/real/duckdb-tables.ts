// Generated files as tables of DuckDB, and visits found in them by window functions: all of it DuckDB's own reading, so
// that it shares no code with ours.
import type { DuckDb } from './duckdb.ts'

/** Theirs. A JSON reader for the JSON lines, one expression for access logs. */
export async function readFiles(duck: DuckDb, traffic: string): Promise<void> {
  const whole = `columns = {'line': 'VARCHAR'}, auto_detect = false, header = false,
    delim = '\\x01', quote = '', escape = ''`
  const fields = ['address', 'time', 'method', 'target', 'status', 'bytes', 'referrer', 'agent', 'seconds']
  const pattern =
    '^(\\S+) \\S+ \\S+ \\[([^\\]]+)\\] "(\\S+) (\\S+) [^"]*" (\\d{3}) (\\d+) "([^"]*)" "([^"]*)" ([0-9.]+)$'
  const names = fields.map(name => `'${name}'`).join(', ')
  await duck.run('CREATE TABLE raw (line VARCHAR, place INT); CREATE SEQUENCE places')
  // One file after the other, as ours were counted: of two lines of one second the first is the one that came first.
  for (const file of [1, 2])
    await duck.run(
      `INSERT INTO raw
      SELECT line, nextval('places') FROM read_csv('${traffic}/access-${file}.log', ${whole})`,
    )
  await duck.run(`
    CREATE TABLE requests AS
    SELECT p.address, p.agent, p.method, p.referrer, split_part(p.target, '?', 1) AS path, p.status::INT AS status,
      p.bytes::BIGINT AS bytes, round(p.seconds::DOUBLE * 1000) AS ms,
      epoch_ms(strptime(p.time, '%d/%b/%Y:%H:%M:%S %z')::TIMESTAMPTZ) AS millis, line, place
    FROM (SELECT line, place, regexp_extract(line, '${pattern}', [${names}]) AS p FROM raw)`)
  await duck.run(`
    CREATE TABLE events AS
    SELECT *, nextval('places') AS place, epoch_ms(timestamp::TIMESTAMPTZ) AS millis
    FROM read_json('${traffic}/behavior.jsonl',
      format = 'newline_delimited', columns = {timestamp: 'VARCHAR', type: 'VARCHAR', event: 'VARCHAR',
      anonymousId: 'VARCHAR', path: 'VARCHAR', referrer: 'VARCHAR'})`)
  await duck.run(`
    CREATE TABLE samples AS
    SELECT *, epoch_ms(timestamp::TIMESTAMPTZ) AS millis FROM read_json('${traffic}/metrics.jsonl',
      format = 'newline_delimited',
      columns = {timestamp: 'VARCHAR', host: 'VARCHAR', name: 'VARCHAR', value: 'DOUBLE'})`)
  await duck.run(visitsOf('events', `"anonymousId"`, `type = 'page'`, `type = 'track'`, 'true'))
  await duck.run(visitsOf('requests', 'address || chr(1) || agent', 'true', 'false', pageRequest))
}

/** Whom a browser asks for a page and gets it. */
export const isBot = `regexp_matches(agent, '(?i)bot|crawl|spider|curl|python|go-http|zgrab|uptime|pingdom')`
const pageRequest = `method = 'GET' AND (status BETWEEN 200 AND 299 OR status = 304) AND NOT ${isBot}
  AND NOT regexp_matches(path, '\\.[A-Za-z0-9]+$')`

/** Visits by gaps of 30 minutes: each line that comes later than that after its visitor's last one begins one. */
function visitsOf(table: string, visitor: string, page: string, interactive: string, where: string): string {
  return `
    CREATE TABLE ${table}_steps AS
    SELECT *,
      sum(begins) OVER (PARTITION BY visitor ORDER BY millis, place ROWS UNBOUNDED PRECEDING) AS visit FROM (
      SELECT ${visitor} AS visitor, millis, place, path, ${page} AS page, ${interactive} AS interactive,
        CASE WHEN millis - lag(millis) OVER (PARTITION BY ${visitor} ORDER BY millis, place) < 1800000
          THEN 0 ELSE 1 END AS begins
      FROM ${table} WHERE ${where});
    CREATE TABLE ${table}_visits AS
    SELECT visitor, visit, min(millis) AS began, max(millis) - min(millis) AS length,
      count(*) FILTER (page) AS pages, count(*) FILTER (interactive) AS done
    FROM ${table}_steps GROUP BY visitor, visit`
}
