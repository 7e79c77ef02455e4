import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, cleanup, fireEvent, render, renderHook, screen, waitFor } from '@testing-library/react';
import { createMemoryRouter, RouterProvider } from 'react-router';
import { afterEach, expect, test, vi } from 'vitest';
import { left } from '../src/parts/form/draft';
import { useForm, type Words } from '../src/parts/form/form';
import { FormPage } from '../src/parts/form/FormPage';
import { UNASKED } from '../src/parts/form/Leaving';

type Thing = { name: string; cpu: number };
const words: Words<Thing> = { name: { label: 'Name' }, cpu: { label: 'CPU' } };
const wrapper = ({ children }: { children: React.ReactNode }) => <QueryClientProvider client={new QueryClient()}>{children}</QueryClientProvider>;

/** A save that takes until it is told to end. */
function slow() {
  let end = () => {};
  const done = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { save: () => done, end };
}

afterEach(cleanup);

test('what is typed while a save is under way is not saved yet, and stays', async () => {
  const { save, end } = slow();
  const { result, rerender } = renderHook((saved: Thing) => useForm<Thing, unknown>({ saved, words, save }), { initialProps: { name: 'a', cpu: 1 }, wrapper });
  act(() => result.current.set({ name: 'b' }));
  act(() => result.current.submit());
  await waitFor(() => expect(result.current.pending).toBe(true));
  expect(result.current.unsaved).toBe(0);
  act(() => result.current.set({ cpu: 2 }));
  expect(result.current.unsaved).toBe(1);
  rerender({ name: 'b', cpu: 1 });
  await act(async () => {
    end();
    await Promise.resolve();
  });
  await waitFor(() => expect(result.current.pending).toBe(false));
  expect([result.current.draft, result.current.changed, result.current.clashes]).toEqual([{ name: 'b', cpu: 2 }, ['cpu'], []]);
});

test('a field that is set back while its change is saved is a change again', async () => {
  const { save, end } = slow();
  const { result, rerender } = renderHook((saved: Thing) => useForm<Thing, unknown>({ saved, words, save }), { initialProps: { name: 'a', cpu: 1 }, wrapper });
  act(() => result.current.set({ name: 'b' }));
  act(() => result.current.submit());
  await waitFor(() => expect(result.current.pending).toBe(true));
  act(() => result.current.set({ name: 'a' }));
  rerender({ name: 'b', cpu: 1 });
  await act(async () => {
    end();
    await Promise.resolve();
  });
  await waitFor(() => expect(result.current.pending).toBe(false));
  expect([result.current.draft.name, result.current.changed]).toEqual(['a', ['name']]);
});

test('of the edits those are left whose value is not the one that was sent', () => {
  expect(left<Thing>({ name: { from: 'a', to: 'c' }, cpu: { from: 1, to: 2 } }, { name: { from: 'a', to: 'b' }, cpu: { from: 1, to: 2 } })).toEqual({ name: { from: 'b', to: 'c' } });
});

test('leaving while a save is under way asks where more was typed since', async () => {
  const saved = { name: 'a', cpu: 1 };
  const { save } = slow();
  let form: ReturnType<typeof useForm<Thing, unknown>> | undefined;
  const Edit = () => {
    const made = useForm<Thing, unknown>({ saved, words, save });
    // the test types where a person would
    form = made;
    return <FormPage form={made}>{null}</FormPage>;
  };
  const router = createMemoryRouter([{ path: '/edit', element: <Edit /> }, { path: '*', element: null }], { initialEntries: ['/edit'] });
  render(<RouterProvider router={router} />, { wrapper });
  act(() => form!.set({ name: 'b' }));
  act(() => form!.submit());
  await waitFor(() => expect(form!.pending).toBe(true));
  act(() => form!.set({ cpu: 2 }));
  await act(() => router.navigate('/other'));
  expect(router.state.location.pathname).toBe('/edit');
  expect(screen.getByRole('dialog').textContent).toContain('1 change on this page is not saved');
});

/** A form in a page, with a way to leave it. */
function edited(to: string, how?: object) {
  const saved = { name: 'a', cpu: 1 };
  const save = vi.fn(() => new Promise(() => {}));
  let form: ReturnType<typeof useForm<Thing, unknown>> | undefined;
  const Edit = () => {
    const made = useForm<Thing, unknown>({ saved, words, save });
    form = made;
    return <FormPage form={made}><input aria-label="Name" /></FormPage>;
  };
  const router = createMemoryRouter([{ path: '/edit', element: <Edit /> }, { path: '*', element: null }], { initialEntries: ['/edit'] });
  render(<RouterProvider router={router} />, { wrapper });
  act(() => form!.set({ name: 'b' }));
  return { router, save, leave: () => act(() => router.navigate(to, how)) };
}

test('what is gone asks nothing about its changes', async () => {
  const { router, leave } = edited('/other', UNASKED);
  await leave();
  expect(router.state.location.pathname).toBe('/other');
});

test('the button saves through the form, as Enter in a field does, and once', async () => {
  const { save } = edited('/other');
  const button = screen.getAllByRole('button', { name: 'Save changes' })[0] as HTMLButtonElement;
  expect([button.type, button.form]).toEqual(['submit', screen.getByLabelText('Name').closest('form')]);
  fireEvent.submit(button.form!);
  await waitFor(() => expect(save).toHaveBeenCalledOnce());
  fireEvent.submit(button.form!);
  expect(save).toHaveBeenCalledOnce();
});

test('while it is saved, closing the tab asks', async () => {
  const { save } = edited('/other');
  const asks = () => !dispatchEvent(new Event('beforeunload', { cancelable: true }));
  expect(asks()).toBe(true);
  fireEvent.click(screen.getAllByRole('button', { name: 'Save changes' })[0]!);
  await waitFor(() => expect(save).toHaveBeenCalledOnce());
  expect(asks()).toBe(true);
  cleanup();
  expect(asks()).toBe(false);
});
