/** Every word that the portal shows, by area, in one catalogue: another language is another object of this shape. */
import { common } from './common';
import { home } from './home';
import { lists } from './lists';
import { jobs } from './jobs';
import { notebooks } from './notebooks';
import { profile } from './profile';
import { schedules } from './schedules';
import { shell } from './shell';

export const t = { ...common, ...shell, ...home, ...notebooks, ...lists, ...jobs, ...schedules, ...profile };
