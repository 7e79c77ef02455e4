/** Every word that only admin pages say; loaded with them. */
import { catalog } from './catalog';
import { people } from './people';
import { platform } from './platform';
import { runs } from './runs';
import { shell } from './shell';

export const a = { ...shell, ...people, ...catalog, ...runs, ...platform };
