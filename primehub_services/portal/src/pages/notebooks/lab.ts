import type { Notebook } from '../../api/types';
import { hubBase } from '../../lib/base';

const WINDOW = 'primehub-notebook';
const VIEWS = /^(lab|tree|notebooks|edit|doc|consoles|terminals)(\/|$)/;

/** JupyterLab's address; with a path of the launch link, that place in it. Never one outside the server. */
export function labUrl(notebook: Notebook, path = ''): string {
  const url = notebook.url || `${hubBase.replace(/hub\/$/, '')}user/${encodeURIComponent(notebook.user)}/lab`;
  const wanted = decoded(path).replace(/^\/+/, '');
  if (wanted === '' || wanted.split('/').includes('..')) return url;
  const server = url.replace(/\/(?:lab|tree)(?:\/.*)?$/, '').replace(/\/$/, '');
  const encoded = wanted.split('/').map(encodeURIComponent).join('/');
  return `${server}/${VIEWS.test(wanted) ? encoded : `lab/tree/${encoded}`}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Opens JupyterLab in its own tab. False where the browser kept it from opening. */
export function openLab(notebook: Notebook, path = ''): boolean {
  return window.open(labUrl(notebook, path), WINDOW) !== null;
}

/** The launch link of the same choices; it asks before it starts. */
export function launchLink(group: string, choice: { image: string; instance_type: string }): string {
  const query = new URLSearchParams({ image: choice.image, instancetype: choice.instance_type, autolaunch: '1' });
  return `/g/${group}/notebooks?${query}`;
}

const started = 'primehub.started';
/** The start that this tab asked for: only this tab opens it when it is ready. */
export const startedHere = {
  set: (id: string) => sessionStorage.setItem(started, id),
  take: (id: string) => {
    if (sessionStorage.getItem(started) !== id) return false;
    sessionStorage.removeItem(started);
    return true;
  },
};
