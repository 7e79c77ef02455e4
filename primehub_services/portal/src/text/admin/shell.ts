/** Around the admin pages, and in their lists. */
export const shell = {
  menu: { who: 'Groups and users', use: 'What they may use', runs: 'What runs', platform: 'Platform' },
  gate: {
    title: (page: string) => `Only platform admins can open ${page}`,
    why: (name: string, group: string | null) => `You are signed in as ${name}${group === null ? '' : `, in the group ${group}`}. A platform admin can do this for you, or make you one.`,
    pages: {
      groups: 'Groups', users: 'Users', 'instance-types': 'Instance types', images: 'Images', volumes: 'Volumes', secrets: 'Secrets', notebooks: 'Notebooks of all groups',
      jobs: 'Jobs of all groups', usage: 'Usage now', audit: 'the audit log', settings: 'System settings', health: 'Health',
    } as Record<string, string>,
  },
  list: {
    nothing: (text: string) => (text === '' ? 'Nothing matches' : `Nothing matches “${text}”`),
    edit: 'Edit',
    panel: (name: string) => `About ${name}`,
    unaffected: 'What runs is not affected.',
    allGroups: 'all groups',
    noGroups: 'no group',
    groups: (n: number) => (n === 1 ? '1 group' : `${n} groups`),
    none: 'none',
    made: (name: string, day: string) => ({ before: 'Name', name, after: `, created on ${day}. It cannot be changed.` }),
  },
  gone: {
    title: 'It is not there',
    why: 'It was deleted, perhaps while this page was open, or the address is misspelt.',
    up: (list: string) => `To ${list[0]!.toLowerCase()}${list.slice(1)}`,
  },
  access: {
    title: 'Who may use it',
    why: 'Members of these groups find it when they start something.',
    all: 'All groups',
    allHelp: 'Also those that are created later.',
    groups: 'Groups',
    choose: 'Choose groups',
    chooseOne: 'Choose a group',
    writable: 'May write',
    writableAll: 'Every group reads it; those listed here may also write.',
    readOnly: 'Read only',
    add: 'Add a group',
    nobody: 'Nobody may use it yet.',
  },
};
