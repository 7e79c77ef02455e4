import '@fontsource-variable/inter/index.css';
import '@fontsource-variable/jetbrains-mono/index.css';
import './app.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App';
import { keepFocus } from './lib/focus-stays';

const root = document.getElementById('root')!;
keepFocus(root);
createRoot(root).render(<StrictMode><App /></StrictMode>);
