import { hubBase } from '../../../lib/base';

/** An address, or none. */
export const EMAIL = /^$|^[^@\s]+@[^@\s]+\.[^@\s]+$/;

/** The token is in the fragment, which no server on the way gets to see. */
export const linkOf = (token: string) => `${location.origin}${hubBase}invite#${token}`;
