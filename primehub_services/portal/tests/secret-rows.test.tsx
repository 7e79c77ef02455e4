import { cleanup, render, screen } from '@testing-library/react';
import { Select } from 'antd';
import { afterEach, expect, test } from 'vitest';
import { EnvEditor } from '../src/launch/EnvEditor';

afterEach(cleanup);

/** What is said to be wrong with each field of a row that has a name and no value; nothing where it is right. */
function wrong(errors: string[], valueErrors: string[]) {
  render(<EnvEditor rows={[{ name: 'TOKEN', value: '' }]} errors={errors} valueErrors={valueErrors} onChange={() => undefined}
    value={(_, given) => <Select options={[]} {...given} />} />);
  const said = (field: HTMLElement) => field.getAttribute('aria-invalid') === 'true' && document.getElementById(field.getAttribute('aria-describedby')!)!.textContent;
  return { name: said(screen.getByRole('textbox')), value: said(screen.getByRole('combobox')) };
}

test('where the value of a row is wrong, it is the field of the value that says so', () => {
  expect(wrong([''], ['Choose a secret.'])).toEqual({ name: false, value: 'Choose a secret.' });
});

test('where its name is wrong, it is the field of the name', () => {
  expect(wrong(['Give it a name.'], ['Give it a name.'])).toEqual({ name: 'Give it a name.', value: false });
});

test('where nothing is wrong, neither says so', () => {
  expect(wrong([''], [''])).toEqual({ name: false, value: false });
});
