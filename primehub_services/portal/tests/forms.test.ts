import { describe, expect, it } from 'vitest';
import { changed, clashes, drafted, edited, left, type Edits } from '../src/parts/form/draft';
import { unitOf } from '../src/parts/form/fields';
import { told } from '../src/parts/form/form';
import { pairErrors } from '../src/pages/admin/parts/Pairs';

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

type Team = { members: Record<string, string> };
const team = (members: Team['members']): Team => ({ members });

describe('a draft of many things by name', () => {
  it('has what others add and take away meanwhile, and one’s own changes with it', () => {
    const edits = edited(team({ ann: 'member', eve: 'member' }), {}, team({ ann: 'admin', eve: 'member', cat: 'member' }));
    const theirs = team({ ann: 'member', bo: 'member' });
    expect(drafted(theirs, edits)).toEqual(team({ ann: 'admin', bo: 'member', cat: 'member' }));
    expect(clashes(theirs, edits)).toEqual([]);
    expect(clashes(team({ cat: 'member' }), edits)).toEqual(['members']);
  });

  it('is unchanged once each is as it was, in whatever order, beside what others add', () => {
    const edits = edited(team({ ann: 'member', eve: 'member' }), {}, team({ eve: 'member' }));
    expect(edited(team({ ann: 'member', eve: 'member' }), edits, team({ eve: 'member', ann: 'member' }))).toEqual({});
    const theirs = team({ ann: 'member', eve: 'member', bo: 'member' });
    expect(changed(theirs, edited(theirs, edits, team({ eve: 'member', bo: 'member', ann: 'member' })))).toEqual([]);
  });

  it('takes a further change from what is shown, also where others made the same one before', () => {
    const edits = edited(team({ ann: 'member' }), {}, team({ ann: 'admin' }));
    const theirs = team({ ann: 'admin', bo: 'member' });
    const next = edited(theirs, edits, team({ ann: 'member', bo: 'member' }));
    expect(drafted(theirs, next)).toEqual(team({ ann: 'member', bo: 'member' }));
    expect(drafted(team({ ann: 'admin' }), next)).toEqual(team({ ann: 'member' }));
  });

  it('has left what was changed while it was saved, and of what others saved then nothing', () => {
    const sent = edited(team({}), {}, team({ ann: 'member' }));
    const theirs = team({ ann: 'member', bo: 'member' });
    expect(left(sent, sent)).toEqual({});
    expect(drafted(theirs, left(edited(team({}), sent, team({}), true), sent))).toEqual(team({ bo: 'member' }));
    expect(drafted(theirs, left(edited(team({ bo: 'member' }), sent, team({ ann: 'member', bo: 'member', cat: 'member' }), true), sent))).toEqual(team({ ann: 'member', bo: 'member', cat: 'member' }));
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

it('refuses a value without a name, and a second one of a name, and nothing of an empty row', () => {
  expect(pairErrors([['A', '1'], ['', '2'], ['', ''], ['A', '3']])).toEqual(['', 'A value needs a name.', '', 'This name is used above already.']);
});
