import createClient, { type Middleware } from 'openapi-fetch';
import { apiBase, xsrfToken } from '../lib/base';
import { t } from '../text';
import type { paths } from './schema';
import type { Decision } from './types';

export type FieldProblem = { field: string; message: string; fix: string };

/** What the API said is wrong: problem+json, or what stands in for it where the server could not be asked. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    message: string,
    readonly requestId: string,
    readonly errors: readonly FieldProblem[] = [],
    readonly decision: Decision | null = null,
  ) {
    super(message);
  }

  of(field: string): FieldProblem | undefined {
    return this.errors.find((error) => error.field === field || error.field.startsWith(`${field}.`));
  }
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  // what a browser says of it is in its own words
  return new Problem(0, 'no-answer', 'No answer', t.error.noAnswer, '');
}

type ProblemBody = {
  title?: string; detail?: string; code?: string; request_id?: string; errors?: FieldProblem[]; decision?: Decision;
};

async function readProblem(response: Response): Promise<Problem> {
  let body: ProblemBody = {};
  try {
    body = (await response.json()) as ProblemBody;
  } catch {
    // a proxy's page, not the API's
  }
  return new Problem(
    response.status, body.code ?? `http-${response.status}`, body.title ?? response.statusText,
    body.detail ?? `The server answered ${response.status}.`,
    body.request_id ?? response.headers.get('X-Request-ID') ?? '', body.errors ?? [], body.decision ?? null,
  );
}

let onSignedOut = () => {};
/** Called when any request finds that nobody is signed in any more. */
export function whenSignedOut(then: () => void): void {
  onSignedOut = then;
}

const middleware: Middleware = {
  onRequest({ request }) {
    request.headers.set('X-XSRFToken', xsrfToken());
    request.headers.set('Accept', 'application/json');
    return request;
  },
  async onResponse({ response }) {
    if (response.ok) return undefined;
    if (response.status === 401) onSignedOut();
    throw await readProblem(response);
  },
};

export const api = createClient<paths>({ baseUrl: apiBase, credentials: 'same-origin', cache: 'no-store' });
api.use(middleware);

/** The body of an answer that has one; middleware has turned every other into a thrown Problem. */
export async function body<T>(answer: Promise<{ data?: T }>): Promise<T> {
  const { data } = await answer;
  return data as T;
}
