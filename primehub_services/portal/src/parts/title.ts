import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { ask } from '../api/queries';
import { t } from '../text';

/** What the browser's tab says: the page, and what the platform is called once that is known. */
export function useTitle(title: string): void {
  const { data } = useQuery(ask.settings());
  const platform = data?.name ?? t.product;
  useEffect(() => {
    document.title = `${title} · ${platform}`;
  }, [title, platform]);
}
