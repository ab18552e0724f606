import { describe, expect, it } from 'vitest';
import { classifyStyle } from './style.ts';

describe('classifyStyle', () => {
  it.each([
    ['steps', '12 + 5 = 17\n17 - 3 = 14\n\\boxed{14}'],
    ['steps', '12 + 5 = 19\n19 - 3 = 2\n\\boxed{99}'],
    ['check', '12 + 5 = 17\ncheck 12 + 5 = 17\n\\boxed{17}'],
    ['check', '12 + 5 = 17\ncheck 12 + 5 = 18\n17 - 3 = 14\n\\boxed{14}'],
    ['plan', 'Plan: in order\n17\n14\n\\boxed{14}'],
    ['plan', 'Plan: in order\n\\boxed{14}'],
    ['regroup', 'Okay\nups 12 + 5 = 17\ndowns 3 = 3\n17 - 3 = 14\n\\boxed{14}'],
    ['regroup', 'ups 12 + 5 = 17\n\\boxed{17}'],
    ['terse', 'Hmm\n17, 14\n\\boxed{14}'],
    ['terse', '17, -14\n\\boxed{-14}'],
    ['terse', 'Well\n17\n14\n\\boxed{14}'],
    ['direct', 'So\n\\boxed{14}'],
    ['direct', '\\boxed{14}'],
    ['direct', 'The answer is \\boxed{14}'],
    ['other', ''],
    ['other', 'Okay'],
    ['other', 'First I add 12 and 5, which makes 17.\nThen I am done.\n\\boxed{17}'],
    ['steps', '12 + 5 = 17\n17 - 3 = 14'],
  ])('finds %s in %j', (style, text) => {
    expect(classifyStyle(text)).toBe(style);
  });
});
