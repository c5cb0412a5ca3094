// tailrace.yaml as it stands on disk: its values, and the line and column of each, so that whoever refuses one can
// point at it. Reads the one file it is given; knows nothing of what the settings mean.
import { existsSync, readFileSync } from 'node:fs'
import { type Document, isMap, isScalar, LineCounter, parseDocument, type YAMLParseError } from 'yaml'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'

export interface Place {
  readonly line: number
  readonly column: number
}

export interface ConfigFile {
  /** Undefined where there is none. */
  readonly path: string | undefined
  readonly values: Readonly<Record<string, unknown>>
  /** What the parser would rather not have met. */
  readonly warnings: readonly (Place & { readonly message: string })[]
  /** Of a value. */
  placeOf(keys: readonly PropertyKey[]): Place | undefined
  /** Of the name that stands before it. */
  placeOfName(keys: readonly PropertyKey[]): Place | undefined
}

const usualPath = 'tailrace.yaml'

/** Throws ExitError 78 where the file cannot be read, or is no YAML. */
export function readConfigFile(configPath: string | undefined): ConfigFile {
  const path = configPath ?? (existsSync(usualPath) ? usualPath : undefined)
  if (path === undefined) {
    return { path, values: {}, warnings: [], placeOf: () => undefined, placeOfName: () => undefined }
  }
  const counter = new LineCounter()
  const document = parseDocument(textOf(path), { lineCounter: counter })
  const at = (offset: number): Place => {
    const { line, col: column } = counter.linePos(offset)
    return { line, column }
  }
  const broken = document.errors[0]
  if (broken) {
    throw new ExitError(exitCodes.config, `${placeText(path, at(broken.pos[0]))}${yamlFault(broken)}`)
  }
  const values: unknown = valuesOf(document, path) ?? {}
  if (typeof values !== 'object' || Array.isArray(values)) {
    throw new ExitError(
      exitCodes.config,
      `${path}:1:1: The configuration is settings and their values, such as "kafkaPort: 9092"`,
    )
  }
  return {
    path,
    values: values as Record<string, unknown>,
    warnings: document.warnings.map(({ message, pos }) => {
      return { ...at(pos[0]), message: message.split('\n')[0]! }
    }),
    placeOf(keys) {
      const node = document.getIn(keys, true) as { range?: [number, number, number] } | undefined
      return node?.range ? at(node.range[0]) : undefined
    },
    placeOfName(keys) {
      const parent: unknown = keys.length === 1 ? document.contents : document.getIn(keys.slice(0, -1), true)
      const pair = isMap(parent)
        ? parent.items.find(({ key }) => isScalar(key) && key.value === keys.at(-1))
        : null
      const range = isScalar(pair?.key) ? pair.key.range : undefined
      return range ? at(range[0]) : undefined
    },
  }
}

export function placeText(path: string | undefined, place: Place | undefined): string {
  return path === undefined || place === undefined ? '' : `${path}:${place.line}:${place.column}: `
}

/** The parser's first line, without the place, which stands before it, and without its advice to programmers. */
function yamlFault({ code, message }: YAMLParseError): string {
  if (code === 'MULTIPLE_DOCS') return 'There is a second document (---); write all settings into one'
  return message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, '')
}

/** An alias without its anchor is found only now, and so is one that unfolds without end. */
function valuesOf(document: Document, path: string): unknown {
  try {
    return document.toJS()
  } catch (error) {
    throw new ExitError(
      exitCodes.config,
      `Cannot read the configuration "${path}": ${(error as Error).message}`,
    )
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'no such file' : code === 'EISDIR' ? 'it is a directory' : message
    throw new ExitError(exitCodes.config, `Cannot read the configuration "${path}": ${why}`)
  }
}
