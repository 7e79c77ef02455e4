import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { useState } from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { keepFocus } from '../src/lib/focus-stays';

/** Rows with two buttons each, a button for more, and a line above the page; each goes with its button. */
function Things() {
  const [rows, setRows] = useState(['a', 'b', 'c']);
  const [line, setLine] = useState(true);
  return (
    <div>
      {line && <p><button onClick={() => setLine(false)}>Dismiss</button></p>}
      <main tabIndex={-1}>
        <ul>{rows.map((row) => <li key={row}><button>Edit {row}</button><button onClick={() => setRows(rows.filter((r) => r !== row))}>Remove {row}</button></li>)}</ul>
        <span><button onClick={() => setRows([...rows, 'd'])}>Add</button></span>
      </main>
    </div>
  );
}

let end = () => {};
beforeEach(() => {
  end = keepFocus(document.body.appendChild(document.createElement('div')));
  render(<Things />, { container: document.body.lastElementChild as HTMLElement });
});
afterEach(() => {
  end();
  cleanup();
  document.body.replaceChildren();
});
const press = (name: string) => {
  screen.getByText(name).focus();
  fireEvent.click(screen.getByText(name));
};
const focused = (name: string) => vi.waitFor(() => expect(document.activeElement?.textContent).toBe(name));

test('a removed row leaves the focus on the same button of the next one, at the end on that of the one before', async () => {
  press('Remove b');
  await focused('Remove c');
  press('Remove c');
  await focused('Remove a');
});

test('where no row is left the focus is on the page, and so it is after what stood above it', async () => {
  for (const name of ['Remove a', 'Remove b', 'Remove c']) press(name);
  await vi.waitFor(() => expect(document.activeElement).toBe(screen.getByRole('main')));
  press('Dismiss');
  await vi.waitFor(() => expect(screen.queryByText('Dismiss')).toBeNull());
  await vi.waitFor(() => expect(document.activeElement).toBe(screen.getByRole('main')));
});

test('who left it for nothing in particular is not taken back', async () => {
  screen.getByText('Remove b').focus();
  screen.getByText('Remove b').blur();
  await new Promise((done) => setTimeout(done));
  fireEvent.click(screen.getByText('Remove b'));
  await vi.waitFor(() => expect(screen.queryByText('Remove b')).toBeNull());
  await new Promise((done) => setTimeout(done));
  expect(document.activeElement).toBe(document.body);
});
