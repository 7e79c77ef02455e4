import { t } from '../text';

export type Row = { name: string; value: string };
const NAME = /^[-._a-zA-Z][-._a-zA-Z0-9]*$/;
const RESERVED = /^(JUPYTERHUB_|PRIMEHUB_|LD_)|^(HOME|PATH|USER|SHELL|GROUP_ID|GROUP_NAME|INSTANCE_TYPE|IMAGE_NAME)$/;

/** What is wrong with each row; empty where nothing is. The server has the last word. */
export function rowErrors(rows: readonly Row[]): string[] {
  return rows.map(({ name, value }, i) => {
    if (name === '') return value === '' ? '' : t.notebook.envNoName;
    if (!NAME.test(name) || name.length > 128) return t.notebook.envBadName;
    if (RESERVED.test(name)) return t.notebook.envReserved;
    return rows.findIndex((row) => row.name === name) < i ? t.notebook.envTwice : '';
  });
}

export const toEnvironment = (rows: readonly Row[]) => Object.fromEntries(rows.filter((row) => row.name !== '').map((row) => [row.name, row.value]));
export const toRows = (environment: Record<string, string>): Row[] => Object.entries(environment).map(([name, value]) => ({ name, value }));
