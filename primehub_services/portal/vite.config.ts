import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { configDefaults } from 'vitest/config';
import { mockPlatform } from './dev/mock-platform.ts';

// `base` is relative, so that one build serves below any prefix: index.html carries it in <base>.
export default defineConfig(({ mode, command, isPreview }) => ({
  base: command === 'build' ? './' : '/services/primehub/',
  plugins: [react(), ...(mode === 'mock' && (command === 'serve' || isPreview) ? [mockPlatform()] : [])],
  build: {
    outDir: 'static',
    emptyOutDir: true,
    target: 'es2022',
    reportCompressedSize: false,
    chunkSizeWarningLimit: 900,
  },
  worker: { format: 'es' as const },
  test: { environment: 'happy-dom', include: ['tests/**/*.test.{ts,tsx}'], exclude: [...configDefaults.exclude] },
}));
