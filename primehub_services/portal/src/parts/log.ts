import { api, body } from '../api/client';
import type { LogBody } from '../api/types';
import { apiBase } from '../lib/base';
import type { LogPart } from '../live/messages';

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

/** Adds what comes next; what was there already is skipped, whole or in part, and so is what leaves a gap: it comes again. */
export function append(log: Lines, part: Pick<LogPart, 'offset' | 'next' | 'text'>): Lines {
  if (part.next <= log.next || part.offset > log.next) return log;
  const known = log.next - part.offset;
  const text = known > 0 ? new TextDecoder().decode(new TextEncoder().encode(part.text).slice(known)) : part.text;
  const pieces = (log.open + text).split('\n');
  const rest = pieces.pop()!;
  // a bar that rewrites its line is held in its last form; the return at the very end may belong to the line's end
  const open = rest.slice(rest.lastIndexOf('\r', rest.length - 2) + 1);
  const lines = [...log.lines, ...pieces.map(clean)];
  return { lines: lines.slice(-LINES), open, from: log.from, next: part.next };
}

export type LogQuery = { tail?: number; limit?: number; search?: string };

/** Where a log is read, followed and downloaded. `stream` is its name in the event stream. */
export type LogSource = { stream: string; read: (query: LogQuery, signal: AbortSignal) => Promise<LogBody>; download: string };

// the routes also answer with a file; without `download` it is always JSON
const text = (answer: unknown) => answer as LogBody;

export const notebookLog = (id: string): LogSource => ({
  stream: id,
  read: async (query, signal) => text(await body(api.GET('/notebooks/{notebook}/log', { params: { path: { notebook: id }, query }, signal }))),
  download: `${apiBase}/notebooks/${id}/log?download=true`,
});

export const jobLog = (id: string, attempt: number): LogSource => ({
  stream: `${id}/${attempt}`,
  read: async (query, signal) => text(await body(api.GET('/jobs/{job}/log', { params: { path: { job: id }, query: { ...query, attempt } }, signal }))),
  download: `${apiBase}/jobs/${id}/log?download=true&attempt=${attempt}`,
});

export const buildLog = (image: { slug: string; build: number }): LogSource => ({
  stream: `build-${image.slug}/${image.build}`,
  read: async (query, signal) => text(await body(api.GET('/images/{image}/build-log', { params: { path: { image: image.slug }, query }, signal }))),
  download: `${apiBase}/images/${image.slug}/build-log?download=true`,
});

export async function loadTail(source: LogSource, signal: AbortSignal): Promise<LogPart> {
  const { offset, next_offset: next, text } = await source.read({ tail: LINES, limit: 1_048_576 }, signal);
  return { id: source.stream, offset, next, text, ended: false };
}

/** The first lines of the whole log that have the text; for logs of which the page holds only the end. */
export async function searchAll(source: LogSource, text: string, signal: AbortSignal): Promise<{ lines: string[]; more: boolean }> {
  const { matches, more_matches: more } = await source.read({ search: text }, signal);
  return { lines: matches.map((match) => clean(match.text)), more };
}
