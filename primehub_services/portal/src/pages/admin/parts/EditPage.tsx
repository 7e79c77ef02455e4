import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { asProblem } from '../../../api/client';
import { exact } from '../../../lib/format';
import { LinkButton } from '../../../parts/LinkButton';
import { Bones, Empty, Failure, Page, Waiting } from '../../../parts/page';
import { a } from '../../../text/admin';

type Thing = { name: string; display_name: string; created_at: string };

/** Whether it is not there, or no more: a form over what was known of it could save nothing. */
export const isGone = ({ error }: Pick<UseQueryResult, 'error'>) => error !== null && asProblem(error).status === 404;

/** In place of the page of a thing that is not there: deleted while it was open, or before. */
export const Gone = ({ name, up, title }: { name: string; up: string; title: string }) => (
  <Page crumbs={{ to: up, text: title }} title={name}><Empty title={a.gone.title} action={<LinkButton to={up}>{a.gone.up(title)}</LinkButton>}>{a.gone.why}</Empty></Page>
);

/** The frame of a page that changes one thing: the way up, its name, and every state until it is there. */
export function EditPage<T extends Thing>({ query, up, words, status, lead, children }: {
  query: UseQueryResult<T>; up: string; words: { title: string; failedOne: string }; status?: (thing: T) => ReactNode; lead?: (thing: T) => ReactNode; children: (thing: T) => ReactNode;
}) {
  const { data } = query;
  if (isGone(query)) return <Gone name={data ? data.display_name || data.name : words.title} up={up} title={words.title} />;
  const made = data && a.list.made(data.name, exact(data.created_at).slice(0, 10));
  return (
    <Page crumbs={{ to: up, text: words.title }} title={data ? data.display_name || data.name : words.title} status={data && status?.(data)}
      lead={data && lead ? lead(data) : made ? <span title={exact(data.created_at)}>{made.before} <code>{made.name}</code>{made.after}</span> : '\u00a0'}>
      {data ? children(data)
        : query.error ? <Failure error={query.error} what={words.failedOne} unaffected={a.list.unaffected} onRetry={() => void query.refetch()} />
          : <Waiting><Bones rows={10} widths={[60, 90, 40]} /></Waiting>}
    </Page>
  );
}
