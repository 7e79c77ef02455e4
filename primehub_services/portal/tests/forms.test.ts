import { describe, expect, it } from 'vitest';
import { changed, clashes, drafted, edited, type Edits } from '../src/parts/form/draft';
import { unitOf } from '../src/parts/form/fields';
import { told } from '../src/parts/form/form';

type Thing = { name: string; cpu: number | null; groups: string[] };
const saved: Thing = { name: 'a', cpu: 4, groups: ['x'] };

describe('a draft', () => {
  it('has what was typed over what is saved', () => {
    const edits = edited(saved, {}, { cpu: null });
    expect(drafted(saved, edits)).toEqual({ ...saved, cpu: null });
    expect(changed(saved, edits)).toEqual(['cpu']);
  });

  it('is unchanged again once a field is set back', () => {
    const once = edited(saved, {}, { groups: ['x', 'y'] });
    expect(changed(saved, edited(saved, once, { groups: ['x'] }))).toEqual([]);
  });

  it('follows what others save in fields that nobody touched here', () => {
    const edits = edited(saved, {}, { name: 'b' });
    const theirs = { ...saved, cpu: 8 };
    expect(drafted(theirs, edits)).toEqual({ name: 'b', cpu: 8, groups: ['x'] });
    expect(clashes(theirs, edits)).toEqual([]);
  });

  it('keeps what was typed and says so where others saved in the same field', () => {
    const edits = edited(saved, {}, { cpu: 6 });
    const theirs = { ...saved, cpu: 8 };
    expect(drafted(theirs, edits).cpu).toBe(6);
    expect(clashes(theirs, edits)).toEqual(['cpu']);
  });

  it('has no change left where others saved just what was typed', () => {
    const edits: Edits<Thing> = edited(saved, {}, { cpu: 8 });
    expect(changed({ ...saved, cpu: 8 }, edits)).toEqual([]);
  });
});

describe('what a form says', () => {
  it('makes sentences of what is wrong and what would be right', () => {
    expect(told({ field: 'name', message: "there is a group 'x' already", fix: 'choose another name' })).toBe("There is a group 'x' already. Choose another name.");
    expect(told({ field: 'name', message: 'Needed.', fix: '' })).toBe('Needed.');
  });

  it('shows a time in the largest unit that keeps it whole', () => {
    expect([7200, 86_400, 90, 600].map(unitOf)).toEqual(['hours', 'days', 'seconds', 'minutes']);
  });
});
