import { api, body } from '../../api/client';
import type { LogBody } from '../../api/types';
import { apiBase } from '../../lib/base';
import type { LogPart } from '../../live/messages';

// colours and cursor moves of terminals; progress bars that rewrite a line leave its last form
const ESCAPES = new RegExp(String.fromCharCode(27) + '(?:\\[[0-?]*[ -/]*[@-~]|\\][^\\u0007]*\\u0007|[@-Z\\\\-_])', 'g');
export const LINES = 5000;

export function clean(text: string): string {
  const plain = text.replace(ESCAPES, '');
  return plain.includes('\r') ? plain.split('\n').map((line) => line.replace(/\r$/, '').split('\r').at(-1)).join('\n') : plain;
}

/** A log as the page holds it: the last lines, and whether the last of them may still grow. */
export type Lines = { lines: string[]; open: string; from: number; next: number };
export const noLines: Lines = { lines: [], open: '', from: 0, next: 0 };

/** Adds what comes next; what was there already is skipped, whole or in part. */
export function append(log: Lines, part: Pick<LogPart, 'offset' | 'next' | 'text'>): Lines {
  if (part.next <= log.next) return log;
  const known = log.next - part.offset;
  const text = known > 0 ? new TextDecoder().decode(new TextEncoder().encode(part.text).slice(known)) : part.text;
  const pieces = (log.open + text).split('\n');
  const open = pieces.pop()!;
  const lines = [...log.lines, ...pieces.map(clean)];
  return { lines: lines.slice(-LINES), open, from: log.from, next: part.next };
}

type Query = { tail?: number; limit?: number; search?: string };

async function read(id: string, query: Query, signal: AbortSignal): Promise<LogBody> {
  // the route also answers with a file; without `download` it is always JSON
  return (await body(api.GET('/notebooks/{notebook}/log', { params: { path: { notebook: id }, query }, signal }))) as LogBody;
}

export async function loadTail(id: string, signal: AbortSignal): Promise<LogPart> {
  const { offset, next_offset: next, text } = await read(id, { tail: LINES, limit: 1_048_576 }, signal);
  return { id, offset, next, text, ended: false };
}

/** The lines of the whole log that have the text; for logs of which the page holds only the end. */
export async function searchAll(id: string, text: string, signal: AbortSignal): Promise<string[]> {
  return (await read(id, { search: text }, signal)).matches.map((match) => clean(match.text));
}

export const downloadUrl = (id: string) => `${apiBase}/notebooks/${id}/log?download=true`;
