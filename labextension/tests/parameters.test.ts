import { describe, expect, it } from 'vitest';
import { atFirst, control, read, shown } from '../src/lib/parameters';
import type { Parameter, ParameterType } from '../src/types';

const parameter = (type: ParameterType, value: unknown, source = ''): Parameter => ({ name: 'p', type, default: value, source, help: '' });
const typed = (one: Parameter, text: string) => read([one], { p: text });

describe('what a field shows at first', () => {
  it.each([
    ['int', 3, 'number', '3'],
    ['float', 0.1, 'number', '0.1'],
    ['str', 'base', 'text', 'base'],
    ['bool', true, 'checkbox', 'true'],
    ['list', [64, 32], 'json', '[64,32]'],
    ['dict', { a: 1 }, 'json', '{"a":1}'],
    ['none', null, 'json', ''],
    ['unknown', null, 'json', ''],
  ] as const)('%s', (type, value, kind, text) => {
    expect(control(parameter(type, value))).toBe(kind);
    expect(shown(parameter(type, value))).toBe(text);
  });

  it('breaks long JSON into lines', () => {
    expect(shown(parameter('list', Array.from({ length: 40 }, (_, i) => i)))).toContain('\n');
  });

  it('asks for JSON where a yes or no is an expression', () => {
    expect(control(parameter('bool', null))).toBe('json');
  });
});

describe('what is sent', () => {
  it('is nothing where nothing was changed', () => {
    const all = [parameter('int', 3), parameter('unknown', null, 'int(time())'), parameter('list', [1])].map((one, i) => ({ ...one, name: `p${i}` }));
    expect(read(all, atFirst(all))).toEqual({ values: {}, faults: {} });
  });

  it.each([
    ['int', 3, '5', 5],
    ['int', 3, ' -5 ', -5],
    ['float', 0.1, '1e-3', 0.001],
    ['float', 0.1, '.5', 0.5],
    ['float', 0.1, '2', 2],
    ['str', 'base', '', ''],
    ['str', 'base', '0.1', '0.1'],
    ['str', 'base', 'a = 1; b', 'a = 1; b'],
    ['bool', true, 'false', false],
    ['list', [1], '["a", null]', ['a', null]],
    ['dict', {}, '{"a": {"b": 1}}', { a: { b: 1 } }],
    ['none', null, '"text"', 'text'],
    ['unknown', null, '42', 42],
  ] as const)('%s %j typed as %j', (type, value, text, sent) => {
    expect(typed(parameter(type, value), text)).toEqual({ values: { p: sent }, faults: {} });
  });

  it('keeps the notebook’s own value where a field was emptied', () => {
    expect(typed(parameter('int', 3), '')).toEqual({ values: {}, faults: {} });
  });
});

describe('what is wrong is named', () => {
  it.each([
    ['int', '1.5', 'notWhole'],
    ['int', '3x', 'notWhole'],
    ['int', '99999999999999999999', 'tooLarge'],
    ['float', 'NaN', 'notNumber'],
    ['float', '1,5', 'notNumber'],
    ['float', '1e999', 'notNumber'],
    ['list', '{"a": 1}', 'notList'],
    ['dict', '[1]', 'notObject'],
    ['dict', 'null', 'notObject'],
    ['unknown', 'True', 'notJson'],
  ] as const)('%s typed as %j', (type, text, fault) => {
    expect(typed(parameter(type, null), text)).toEqual({ values: {}, faults: { p: fault } });
  });
});
