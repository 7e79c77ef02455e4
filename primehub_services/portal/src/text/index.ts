/** Every word that the portal shows, by area, in one catalogue: another language is another object of this shape.
 * What only admin pages say is in `admin/`, which is loaded with them. */
import { common } from './common';
import { forms } from './forms';
import { home } from './home';
import { jobs } from './jobs';
import { lists } from './lists';
import { notebooks } from './notebooks';
import { profile } from './profile';
import { schedules } from './schedules';
import { shell } from './shell';

export const t = { ...common, ...forms, ...lists, ...shell, ...home, ...notebooks, ...jobs, ...schedules, ...profile };
