// Functions of values at one moment. Pure.
import type { Sample, Value } from './evaluate.ts'
import { LabelSet } from './labels.ts'
import { badData } from './promql-error.ts'

type VectorFunction = (args: readonly Value[], timeMs: number) => Value

const nobody = new LabelSet({})

export const vectorFunctions: Readonly<Record<string, VectorFunction>> = {
  time: (_args, timeMs) => ({ type: 'scalar', value: timeMs / 1000 }),
  pi: () => ({ type: 'scalar', value: Math.PI }),
  vector: args => ({ type: 'vector', samples: [{ labels: nobody, value: scalarOf('vector', args[0]) }] }),
  scalar: args => {
    const samples = samplesOf('scalar', args[0])
    return { type: 'scalar', value: samples.length === 1 ? samples[0]!.value : Number.NaN }
  },
  abs: each('abs', Math.abs),
  ceil: each('ceil', Math.ceil),
  floor: each('floor', Math.floor),
  exp: each('exp', Math.exp),
  ln: each('ln', Math.log),
  log2: each('log2', Math.log2),
  log10: each('log10', Math.log10),
  sqrt: each('sqrt', Math.sqrt),
  sgn: each('sgn', Math.sign),
  // To the nearest multiple, halves upwards.
  round: each('round', (value, to = 1) => Math.floor(value * (1 / to) + 0.5) / (1 / to)),
  clamp_min: each('clamp_min', (value, least = 0) => Math.max(value, least)),
  clamp_max: each('clamp_max', (value, most = 0) => Math.min(value, most)),
  clamp: each('clamp', (value, least = 0, most = 0) => Math.max(least, Math.min(most, value))),
  sort: args => sorted('sort', args[0], 1),
  sort_desc: args => sorted('sort_desc', args[0], -1),
  absent: args => ({
    type: 'vector',
    samples: samplesOf('absent', args[0]).length > 0 ? [] : [{ labels: nobody, value: 1 }],
  }),
}

function each(name: string, compute: (value: number, ...parameters: number[]) => number): VectorFunction {
  return args => {
    const parameters = args.slice(1).map(arg => scalarOf(name, arg))
    return {
      type: 'vector',
      samples: samplesOf(name, args[0]).map(({ labels, value }) => ({
        labels: labels.unnamed,
        value: compute(value, ...parameters),
      })),
    }
  }
}

function sorted(name: string, arg: Value | undefined, sign: number): Value {
  return { type: 'vector', samples: samplesOf(name, arg).toSorted((a, b) => (a.value - b.value) * sign) }
}

function samplesOf(name: string, arg: Value | undefined): readonly Sample[] {
  if (arg?.type !== 'vector') throw badData(`expected type instant vector in call to function "${name}"`)
  return arg.samples
}

function scalarOf(name: string, arg: Value | undefined): number {
  if (arg?.type !== 'scalar') throw badData(`expected type scalar in call to function "${name}"`)
  return arg.value
}
