import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, gzip } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';
import { configDefaults } from 'vitest/config';
import { mockPlatform } from './dev/mock-platform.ts';

const TEXT = /\.(?:js|css|svg)$/;

/** Beside each file what the server sends of it to who takes it compressed: made once, at the highest level. */
function compressed(): Plugin {
  return {
    name: 'compressed',
    apply: 'build',
    async writeBundle({ dir }) {
      const names = (await readdir(dir!, { recursive: true })).filter((name) => TEXT.test(name));
      await Promise.all(names.map(async (name) => {
        const path = join(dir!, name);
        const content = await readFile(path);
        await writeFile(`${path}.gz`, await promisify(gzip)(content, { level: 9 }));
        await writeFile(`${path}.br`, await promisify(brotliCompress)(content));
      }));
    },
  };
}

// `base` is relative, so that one build serves below any prefix: index.html carries it in <base>.
export default defineConfig(({ mode, command, isPreview }) => ({
  base: command === 'build' ? './' : '/services/primehub/',
  plugins: [react(), compressed(), ...(mode === 'mock' && (command === 'serve' || isPreview) ? [mockPlatform()] : [])],
  build: {
    outDir: 'static',
    emptyOutDir: true,
    target: 'es2022',
    reportCompressedSize: false,
    chunkSizeWarningLimit: 900,
    // antd's parts do not say that they can be left out where nothing uses them; its forms were a tenth of Home
    rolldownOptions: {
      treeshake: { moduleSideEffects: [{ test: /node_modules\/@(rc-component|ant-design)\/.*\.js$/, sideEffects: false }] },
    },
  },
  worker: { format: 'es' as const },
  test: { environment: 'happy-dom', setupFiles: './tests/setup.ts', testTimeout: 30_000, include: ['tests/**/*.test.{ts,tsx}'], exclude: [...configDefaults.exclude] },
}));
