/** The form of a notebook's parameters: texts as typed, and the JSON values that they mean. */
import type { Parameter } from '../types';

/** What stands in the fields, by name. A checkbox is `true` or `false`; an empty field keeps the notebook's own value. */
export type Typed = Readonly<Record<string, string>>;

export type Control = 'checkbox' | 'number' | 'text' | 'json';

export function control(parameter: Parameter): Control {
  switch (parameter.type) {
    case 'bool': return parameter.default === null ? 'json' : 'checkbox';
    case 'int': case 'float': return 'number';
    case 'str': return 'text';
    default: return 'json';
  }
}

/** What a field shows at first: the notebook's value. Expressions stay the notebook's own until something is typed. */
export function shown(parameter: Parameter): string {
  const value = parameter.default;
  if (value === null || value === undefined) return '';
  if (typeof value === 'string' && control(parameter) === 'text') return value;
  return JSON.stringify(value, null, isLong(value) ? 2 : 0);
}

const isLong = (value: unknown) => JSON.stringify(value).length > 60;

export const atFirst = (parameters: readonly Parameter[]): Typed =>
  Object.fromEntries(parameters.map((parameter) => [parameter.name, shown(parameter)]));

/** Why a text is no value, as a key of the texts; null where it is one. */
export type Fault = 'notWhole' | 'notNumber' | 'notJson' | 'notList' | 'notObject' | 'tooLarge';

export interface Read {
  /** Values that differ from the notebook's own, which are those to send. */
  values: Record<string, unknown>;
  faults: Record<string, Fault>;
}

/** Only what was changed is sent, so that what is left alone may stay an expression of the notebook. */
export function read(parameters: readonly Parameter[], typed: Typed): Read {
  const values: Record<string, unknown> = {};
  const faults: Record<string, Fault> = {};
  for (const parameter of parameters) {
    const text = typed[parameter.name] ?? '';
    if (text === shown(parameter)) continue;
    if (text.trim() === '' && parameter.type !== 'str') continue;
    const one = value(parameter, text);
    if ('fault' in one) faults[parameter.name] = one.fault;
    else values[parameter.name] = one.value;
  }
  return { values, faults };
}

type One = { value: unknown } | { fault: Fault };

function value(parameter: Parameter, text: string): One {
  switch (parameter.type) {
    case 'str': return { value: text };
    case 'int': return whole(text.trim());
    case 'float': return decimal(text.trim());
    default: return json(parameter, text);
  }
}

function whole(text: string): One {
  if (!/^[+-]?\d+$/.test(text)) return { fault: 'notWhole' };
  // beyond this JSON's numbers lose digits on the way
  return Number.isSafeInteger(Number(text)) ? { value: Number(text) } : { fault: 'tooLarge' };
}

function decimal(text: string): One {
  const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN;
  return Number.isFinite(number) ? { value: number } : { fault: 'notNumber' };
}

function json(parameter: Parameter, text: string): One {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    return { fault: 'notJson' };
  }
  if (parameter.type === 'list' && !Array.isArray(found)) return { fault: 'notList' };
  if (parameter.type === 'dict' && (typeof found !== 'object' || found === null || Array.isArray(found))) return { fault: 'notObject' };
  return { value: found };
}
