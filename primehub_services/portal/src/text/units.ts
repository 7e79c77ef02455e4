/** How amounts and moments are written. Imports nothing: the other texts write theirs with it. */
export const units = {
  /** Of numbers, and of the order of names. */
  language: 'en',
  /** Of dates in words. */
  dates: 'en-GB',
  cores: (n: string, one: boolean) => `${n} ${one ? 'core' : 'cores'}`,
  gpus: (n: string, one: boolean) => `${n} ${one ? 'GPU' : 'GPUs'}`,
  mib: (n: string) => `${n} MiB`,
  gib: (n: string) => `${n} GiB`,
  days: (n: number) => `${n} d`,
  hours: (n: number) => `${n} h`,
  minutes: (n: number) => `${n} min`,
  seconds: (n: number) => `${n} s`,
  /** A larger unit and the next smaller one. */
  both: (more: string, less: string) => `${more} ${less}`,
  now: 'just now',
  ago: (time: string) => `${time} ago`,
};
