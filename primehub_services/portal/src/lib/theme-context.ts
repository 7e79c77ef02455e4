import { createContext, useContext } from 'react';
import type { Mode } from '../theme';
import type { Choice } from './theme-mode';

export const ThemeContext = createContext<{ mode: Mode; choice: Choice; choose: (choice: Choice) => void } | null>(null);

export function useTheme() {
  const theme = useContext(ThemeContext);
  if (theme === null) throw new Error('useTheme needs a ThemeContext around it');
  return theme;
}
