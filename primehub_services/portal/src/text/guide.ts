/** The short guide in the portal; read by its page alone. A step may name a page of the group, which it then links to. */
export type Step = { text: string; to?: string; link?: string };
export type Chapter = { id: string; title: string; why: string; steps: Step[] };

export const guide: Chapter[] = [
  {
    id: 'notebook', title: 'Your first notebook', why: 'JupyterLab, with the group’s images and volumes. You have one at a time.',
    steps: [
      { text: 'Choose an instance type and an image. What cannot be chosen says why, and the panel on the right says whether it would start now.', to: 'notebooks', link: 'Open Notebooks' },
      { text: 'Press Start notebook. JupyterLab opens in a tab of its own when it is ready.' },
      { text: 'When nobody uses it for a while it stops by itself, after a warning. “Keep it” puts that off.' },
      { text: 'Its log stays here after its end, under Past notebooks.', to: 'notebooks/past', link: 'Past notebooks' },
    ],
  },
  {
    id: 'job', title: 'Your first job', why: 'A command that runs to its end, also while you are away.',
    steps: [
      { text: 'Write the command as you would in a terminal, and choose an instance type and an image.', to: 'jobs/new', link: 'New job' },
      { text: 'If there is no room now it waits in the group’s queue, and says for what and behind whom.', to: 'queue', link: 'See the queue' },
      { text: 'What it writes into artifacts/ is kept and can be looked at here. What is in /home/jovyan is gone at its end.' },
    ],
  },
  {
    id: 'notebook-job', title: 'Run a notebook as a job', why: 'The notebook that you have open, from its first cell to its last, without you.',
    steps: [
      { text: 'In JupyterLab open the notebook and press the PrimeHub button above it, “Submit notebook as job”. Parameters can be given there.' },
      { text: 'It runs as it was at that moment; you may go on changing yours.' },
      { text: 'The job says at which cell it is. The notebook with its results is among its artifacts.' },
    ],
  },
  {
    id: 'recurring', title: 'Run it every night', why: 'A recurring job starts by the clock, whether or not you are signed in.',
    steps: [
      { text: 'Say how often, or give a cron expression; the next five runs are shown before you save.', to: 'recurring-jobs/new', link: 'New recurring job' },
      { text: 'Each due time is accounted for: it ran, was skipped, or was missed while the platform was down.' },
      { text: 'Have yourself told when one fails, by e-mail or by a webhook, in your notification settings.' },
    ],
  },
  {
    id: 'files', title: 'Where files live', why: 'Three places in notebooks, two of them in jobs.',
    steps: [
      { text: '/home/jovyan is your home folder: yours alone, and kept between notebooks. Jobs have an empty one.' },
      { text: '/project/ and the group’s name is the group folder: everybody in the group reads and writes it, in notebooks and jobs.' },
      { text: '/datasets holds the data volumes that the group was given, read only or not.' },
    ],
  },
];
