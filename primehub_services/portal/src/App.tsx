import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { ConfigProvider } from 'antd';
import { useMemo } from 'react';
import { RouterProvider } from 'react-router';
import { asProblem } from './api/client';
import { ThemeContext } from './lib/theme-context';
import { useThemeMode } from './lib/theme-mode';
import { router } from './router';
import { themeFor } from './theme';

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // live changes make things stale at once; this is for what no event tells
      staleTime: 30_000,
      retry: (times, error) => {
        const { status } = asProblem(error);
        return (status === 0 || status >= 500) && times < 2;
      },
    },
  },
});

export function App() {
  const [mode, choice, choose] = useThemeMode();
  const theme = useMemo(() => ({ mode, choice, choose }), [mode, choice, choose]);
  return (
    <ThemeContext value={theme}>
      <ConfigProvider theme={themeFor(mode)} wave={{ disabled: true }}>
        <QueryClientProvider client={queries}><RouterProvider router={router} /></QueryClientProvider>
      </ConfigProvider>
    </ThemeContext>
  );
}
