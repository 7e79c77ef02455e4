import { useEffect, useState } from 'react';
import { palette, type Mode } from '../theme';
import { useRemembered } from './storage';

export type Choice = 'system' | Mode;
const dark = matchMedia('(prefers-color-scheme: dark)');

/** The theme that was chosen, and the one it comes to: the system's until one is chosen. */
export function useThemeMode(): [Mode, Choice, (choice: Choice) => void] {
  const [choice, choose] = useRemembered<Choice>('theme', 'system');
  const [system, setSystem] = useState<Mode>(dark.matches ? 'dark' : 'light');
  useEffect(() => {
    const listen = () => setSystem(dark.matches ? 'dark' : 'light');
    dark.addEventListener('change', listen);
    return () => dark.removeEventListener('change', listen);
  }, []);
  const mode = choice === 'system' ? system : choice;
  useEffect(() => {
    const root = document.documentElement;
    root.style.colorScheme = mode;
    for (const [name, value] of Object.entries(palette[mode])) root.style.setProperty(`--${name}`, value);
    root.style.setProperty('--floating', mode === 'dark' ? palette.dark.sunken : palette.light.sheet);
  }, [mode]);
  return [mode, choice, choose];
}
