// Kafka's rules about rules: nothing is allowed by default, denial wins, prefixes, hosts, what implies what.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AclRule, Authorizer, isWanted } from './authorizer.ts'
import type { Operation, ResourceType } from './operations.ts'

const base: AclRule = {
  resourceType: 'topic',
  resourceName: 'logs',
  patternType: 'literal',
  principal: 'User:ada',
  host: '*',
  operation: 'read',
  permission: 'allow',
}

type Question = readonly [principal: string, host: string, Operation, ResourceType, name: string]

function answers(rules: readonly Partial<AclRule>[], ...question: Question): boolean {
  const authorizer = new Authorizer(['User:root'])
  for (const rule of rules) authorizer.add({ ...base, ...rule })
  return authorizer.may(...question)
}

const prefixed = { patternType: 'prefixed', resourceName: 'lo' } as const
const ask: Question = ['User:ada', '10.0.0.1', 'read', 'topic', 'logs']
type Case = readonly [story: string, rules: readonly Partial<AclRule>[], question: Question, boolean]
const cases: readonly Case[] = [
  ['nothing is allowed by default', [], ask, false],
  ['a super user needs no rule', [], ['User:root', 'h', 'clusterAction', 'cluster', 'kafka-cluster'], true],
  ['what a rule says is allowed', [{}], ask, true],
  ['of another topic it says nothing', [{ resourceName: 'log' }], ask, false],
  ['of another type of resource neither', [{ resourceType: 'group' }], ask, false],
  ['of another user neither', [{ principal: 'User:bob' }], ask, false],
  ['of everybody it does', [{ principal: 'User:*' }], ask, true],
  ['of another host not', [{ host: '10.0.0.2' }], ask, false],
  ['of this host it does', [{ host: '10.0.0.1' }], ask, true],
  ['a prefix covers what begins with it', [prefixed], ask, true],
  ['and not what does not', [{ ...prefixed, resourceName: 'logs-' }], ask, false],
  ['a star covers every name', [{ resourceName: '*' }], ask, true],
  ['a star that is a prefix is only a star', [{ ...prefixed, resourceName: '*' }], ask, false],
  ['all operations include this one', [{ operation: 'all' }], ask, true],
  ['writing is not reading', [{ operation: 'write' }], ask, false],
  ['a denial wins over an allowance', [{}, { permission: 'deny' }], ask, false],
  [
    'also one by prefix, of everybody',
    [{}, { ...prefixed, permission: 'deny', principal: 'User:*' }],
    ask,
    false,
  ],
  ['a denial of writing leaves reading', [{}, { permission: 'deny', operation: 'write' }], ask, true],
  ...(['read', 'write', 'delete', 'alter'] as const).map(
    operation =>
      [
        `${operation} implies describe`,
        [{ operation }],
        ['User:ada', 'h', 'describe', 'topic', 'logs'],
        true,
      ] as const,
  ),
  ['create does not', [{ operation: 'create' }], ['User:ada', 'h', 'describe', 'topic', 'logs'], false],
  [
    'alterConfigs implies describeConfigs',
    [{ operation: 'alterConfigs' }],
    ['User:ada', 'h', 'describeConfigs', 'topic', 'logs'],
    true,
  ],
  ['denying describe does not deny read', [{}, { operation: 'describe', permission: 'deny' }], ask, true],
]

for (const [story, rules, question, expected] of cases) {
  test(`may(): ${story}`, () => assert.equal(answers(rules, ...question), expected))
}

test('may() after a rule is removed is as before it was added; equal rules are one', () => {
  const authorizer = new Authorizer()
  authorizer.add(base)
  authorizer.add({ ...base })
  assert.equal([...authorizer.rules()].length, 1)
  authorizer.remove({ ...base })
  assert.equal(authorizer.may(...ask), false)
  assert.equal([...authorizer.rules()].length, 0)
})

test('maySomewhere() needs one rule that no denial covers', () => {
  const somewhere = (...rules: Partial<AclRule>[]) => {
    const authorizer = new Authorizer()
    for (const rule of rules) authorizer.add({ ...base, operation: 'write', ...rule })
    return authorizer.maySomewhere('User:ada', 'h', 'write', 'topic')
  }
  const deny = 'deny' as const
  assert.equal(somewhere(), false)
  assert.equal(somewhere({}), true)
  assert.equal(somewhere({ operation: 'read' }), false)
  assert.equal(somewhere({}, { permission: deny }), false)
  assert.equal(somewhere({}, { ...prefixed, permission: deny }), false)
  assert.equal(somewhere({ resourceName: '*' }, { permission: deny }), true)
  assert.equal(somewhere({ ...prefixed }, { permission: deny, resourceName: '*' }), false)
})

test('isWanted(): any, match, literal and prefixed find what Kafka finds', () => {
  const any = {
    resourceType: 1,
    resourceName: null,
    patternType: 1,
    principal: null,
    host: null,
    operation: 1,
    permission: 1,
  }
  const rules: readonly AclRule[] = [
    base,
    { ...base, resourceName: '*' },
    { ...base, ...prefixed },
    { ...base, ...prefixed, resourceName: 'x' },
  ]
  const found = (filter: Partial<typeof any>) => rules.map(rule => isWanted(rule, { ...any, ...filter }))
  const named = { resourceName: 'logs' as unknown as null }
  assert.deepEqual(found({}), [true, true, true, true])
  assert.deepEqual(found({ ...named, patternType: 2 }), [true, true, true, false])
  assert.deepEqual(found({ ...named, patternType: 3 }), [true, false, false, false])
  assert.deepEqual(found({ ...named, patternType: 4 }), [false, false, false, false])
  assert.deepEqual(found({ patternType: 4 }), [false, false, true, true])
  assert.deepEqual(found({ operation: 4 }), [false, false, false, false])
  assert.deepEqual(found({ permission: 2 }), [false, false, false, false])
  assert.deepEqual(found({ principal: 'User:bob' as unknown as null }), [false, false, false, false])
})
