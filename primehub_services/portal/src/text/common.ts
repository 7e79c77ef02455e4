/** Words that every page may show. */
export const common = {
  product: 'PrimeHub',
  state: {
    PENDING: 'Pending', PREPARING: 'Preparing', RUNNING: 'Running', SUCCEEDED: 'Succeeded', FAILED: 'Failed',
    CANCELLED: 'Cancelled', UNKNOWN: 'Unknown', STARTING: 'Starting', STOPPING: 'Stopping', STOPPED: 'Stopped',
    BUILDING: 'Building', READY: 'Ready',
  },
  page: { up: 'Up', loading: 'Loading' },
  error: {
    noAnswer: 'The server did not answer.',
    tryingIn: (s: number) => `Trying again in ${s} s.`,
    tryNow: 'Try now',
    request: (id: string) => `request ${id}`,
    crashed: 'This page stopped working',
    crashedWhy: 'The page itself has a fault. Nothing that runs is affected.',
    reload: 'Reload the page',
    notFound: 'There is no such page',
    notFoundWhy: 'The address may be misspelt, or what it names is gone or not yours to see.',
    goHome: 'Go to Home',
    refresh: 'PrimeHub was updated. Reload the page to go on.',
  },
  resource: { cpu: 'CPU', memory: 'Memory', gpu: 'GPU' } as Record<string, string>,
  legend: {
    mine: 'You', others: 'Others', reserved: 'Kept for the queue', ask: 'This start', over: 'Over the limit', tick: 'Your limit',
  },
};
