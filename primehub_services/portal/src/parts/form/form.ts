/** A form over something that is saved: what changed, what is wrong with it, and the saving. */
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { asProblem, type FieldProblem, type Problem } from '../../api/client';
import { useUnsaved } from '../../lib/unsaved';
import { t } from '../../text';
import { left, same, useDraft, type Edits } from './draft';

/** For each field its label, how its value reads, and what the API calls it where that is another name. */
export type Words<T> = { [K in keyof T]: { label: string; show?: (value: T[K]) => string; field?: string } };
export type Errors<T> = { [K in keyof T]?: string | undefined };

/** What fields need of a form; a form over more fields does too. */
export type Fields<T extends object> = {
  draft: T;
  words: Words<T>;
  set: (part: Partial<T>) => void;
  /** What is wrong with a field, once the person has touched it or tried to save. */
  error: (key: keyof T) => string | undefined;
  creating: boolean;
};

export type Form<T extends object> = Fields<T> & {
  saved: T;
  changed: (keyof T)[];
  clashes: (keyof T)[];
  /** How many changes leaving now would lose: while a save is under way, those that were typed since. */
  unsaved: number;
  /** How many fields are wrong, once saving was tried. */
  wrong: number;
  submit: () => void;
  reset: () => void;
  pending: boolean;
  done: boolean;
  /** What the server said that belongs to no field. */
  general: string;
};

const sentence = (text: string) => (text === '' ? '' : `${text[0]!.toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`);
/** What is wrong and what would be right, as the server said it. */
export const told = ({ message, fix }: FieldProblem) => [sentence(message), sentence(fix)].filter(Boolean).join(' ');

/** To the first field that is wrong, or to the words where there is nothing to choose from; the fields show their errors first. */
export const toFirstError = () => setTimeout(() => document.querySelector<HTMLElement>('main [aria-invalid="true"], main .err[tabindex]')?.focus());

/** What a refusal says beside the form: nothing where one of its fields says it. */
export function beside(problem: Problem | null, fields: readonly string[]): string {
  if (problem === null || fields.some((field) => problem.of(field))) return '';
  if (problem.status === 0) return t.error.noAnswer;
  return problem.errors[0] ? told(problem.errors[0]) : problem.message;
}

/** What a refusal says of one field. */
export const saidOf = (problem: Problem | null, field: string): string | undefined => {
  const found = problem?.of(field);
  return found && told(found);
};

/** The same form, of which a dry run has been made: its fields say what that one said too. It was made of what the API has `below` something. */
export const withAnswer = <T extends object>(form: Form<T>, problem: Problem | null, below = ''): Form<T> => ({
  ...form, error: (key) => {
    const field = form.words[key].field ?? String(key);
    return form.error(key) ?? (field.startsWith(below) ? saidOf(problem, field.slice(below.length)) : undefined);
  },
});

/** What was emptied, and may be sent neither as nothing nor as 0. */
const emptied = <T extends object>(draft: T): Errors<T> => Object.fromEntries(Object.entries(draft).filter(([, value]) => Number.isNaN(value)).map(([key]) => [key, t.form.needed])) as Errors<T>;

export function useForm<T extends object, A>({ saved, words, check, save, onSaved, creating = false }: {
  saved: T; words: Words<T>; check?: (draft: T) => Errors<T>; save: (draft: T, changed: (keyof T)[]) => Promise<A>;
  onSaved?: (answer: A) => void; creating?: boolean;
}): Form<T> {
  const { draft, edits, changed, clashes, set, settle, reset } = useDraft(saved);
  const [tried, setTried] = useState(false);
  const [refused, setRefused] = useState<{ problem: Problem; draft: T } | null>(null);
  const saving = useMutation({
    mutationFn: (sent: { draft: T; edits: Edits<T> }) => save(sent.draft, changed),
    onSuccess: (answer, sent) => {
      setTried(false);
      setRefused(null);
      // what was made has a page of its own, where this form ends; else one goes on with what was typed meanwhile
      if (creating) reset();
      else settle(sent.edits);
      onSaved?.(answer);
    },
    onError: (error, sent) => {
      setRefused({ problem: asProblem(error), draft: sent.draft });
      toFirstError();
    },
  });
  useUnsaved(saving.isPending); // until the answer is there, it may have to be typed again
  const keys = Object.keys(words) as (keyof T)[];
  const sent = saving.isPending ? saving.variables.edits : null;
  const own: Errors<T> = { ...check?.(draft), ...emptied(draft) };
  const fromServer = (key: keyof T) => {
    // what was changed since it was refused may be right now
    const found = refused && same(refused.draft[key], draft[key]) ? refused.problem.of(words[key].field ?? String(key)) : undefined;
    return found && told(found);
  };
  const error = (key: keyof T) => ((tried || key in edits) && own[key]) || fromServer(key);
  const anywhere = refused?.problem.errors.some((e) => keys.some((key) => {
    const field = words[key].field ?? String(key);
    return e.field === field || e.field.startsWith(`${field}.`);
  }));
  return {
    draft, saved, words, error, changed, clashes, creating,
    set: (part) => set(part, saving.isPending),
    unsaved: sent === null ? changed.length : creating ? 0 : Object.keys(left(edits, sent)).length,
    wrong: tried || refused ? keys.filter((key) => error(key)).length : 0,
    submit: () => {
      if (saving.isPending) return;
      setTried(true);
      if (keys.some((key) => own[key])) {
        toFirstError();
        return;
      }
      saving.mutate({ draft, edits });
    },
    reset: () => {
      reset();
      setTried(false);
      setRefused(null);
      saving.reset();
    },
    pending: saving.isPending,
    done: saving.isSuccess && changed.length === 0,
    general: refused && !anywhere ? generalOf(refused.problem) : '',
  };
}

const generalOf = (problem: Problem) => {
  if (problem.status === 409 && problem.code === 'conflict' && problem.errors.length === 0) return /changed/i.test(problem.message) ? t.form.conflict : problem.message;
  return `${t.form.failed}: ${problem.status === 0 ? t.error.noAnswer : problem.errors.length > 0 ? told(problem.errors[0]!) : problem.message}`;
};
