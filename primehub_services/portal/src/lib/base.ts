/** Where the portal is served, with a slash at the end: `/services/primehub/`, behind the hub's prefix if it has one. */
export const base = new URL(document.baseURI).pathname;
export const apiBase = `${base}api/v1`;

/** The newest change that the server knew of when it sent this page: what is asked for from here on is no older. */
export const newestChange = document.querySelector<HTMLMetaElement>('meta[name="primehub-change"]')?.content ?? '';

/** The hub's own pages: the hub's prefix is what stands before `services/primehub/`. */
export const hubBase = `${base.replace(/services\/primehub\/$/, '')}hub/`;
export const hub = {
  controlPanel: `${hubBase}home`,
  admin: `${hubBase}admin`,
  changePassword: `${hubBase}change-password`,
  /** Ends the portal's session, then the hub's. */
  logout: `${base}sign-out`,
  login: () => `${hubBase}login?next=${encodeURIComponent(location.pathname + location.search)}`,
};

/** The XSRF token that cookie-authenticated requests must repeat in a header; the most specific cookie comes first. */
export function xsrfToken(): string {
  const found = document.cookie.split('; ').find((part) => part.startsWith('_xsrf='));
  return found ? decodeURIComponent(found.slice('_xsrf='.length)) : '';
}
