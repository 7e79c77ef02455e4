/**
 * What the catalogue has for a value of the server's, or undefined. While the platform is replaced one process after the other, a
 * page may be newer or older than the API that answers it: a field may be missing, a word may be one that it does not know.
 */
export const known = <T>(of: Readonly<Record<string, T>>, value: string | null | undefined): T | undefined =>
  (typeof value === 'string' && Object.hasOwn(of, value) ? of[value] : undefined);

/** A value of the server's that the catalogue does not know, as the server has it; a dash where it says nothing. */
export const itself = (value: string | null | undefined): string => value || '–';
