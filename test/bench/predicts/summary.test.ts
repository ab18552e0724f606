import { describe, expect, it } from 'vitest';
import { areaUnderCurve } from './summary.ts';

describe('the area under the ROC curve', () => {
  it('is that of scikit-learn’s own example, one half for coins, and undefined without both classes', () => {
    // roc_auc_score([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    expect(areaUnderCurve([0.35, 0.8], [0.1, 0.4])).toBe(0.75);
    expect(areaUnderCurve([1, 1], [1])).toBe(0.5);
    expect(areaUnderCurve([], [1])).toBeUndefined();
  });
});
