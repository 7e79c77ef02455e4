import { hubBase } from '../../../lib/base';

/** The token is in the fragment, which no server on the way gets to see. */
export const linkOf = (token: string) => `${location.origin}${hubBase}invite#${token}`;
