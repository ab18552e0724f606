// Cohen's kappa: how far two raters agree beyond what their label frequencies alone would give.
// κ = (p_o − p_e) / (1 − p_e), with p_o the share of items labelled alike and p_e = Σ_label p_first(label) p_second(label).
// Source: J. Cohen, "A coefficient of agreement for nominal scales", 1960.

/**
 * Kappa of two raters' labels of the same items: 1 is full agreement, 0 what chance gives.
 * @returns undefined when there are no items, or when both raters use one and the same label throughout (0 / 0)
 * @throws RangeError when the raters labelled different numbers of items
 */
export function cohenKappa<Label extends string | number | boolean>(
  first: readonly Label[],
  second: readonly Label[],
): number | undefined {
  if (first.length !== second.length) {
    throw new RangeError(
      `cohenKappa: ${first.length} labels against ${second.length}; expected one of each rater per item`,
    );
  }
  const labels = [...new Set([...first, ...second])];
  const row = new Map(labels.map((label, index) => [label, index]));
  const size = labels.length;
  const table = new Float64Array(size * size);
  first.forEach((label, item) => {
    const cell = (row.get(label) ?? 0) * size + (row.get(second[item] as Label) ?? 0);
    table[cell] = (table[cell] as number) + 1;
  });
  return cohenKappaOfTable(table, size);
}

/**
 * Kappa of a confusion table.
 * @param table counts or weights, row-major: `table[a * size + b]` items have label a by the first rater and b by the second
 * @param size number of labels
 * @returns undefined when the table is empty, or when both raters use one and the same label throughout (0 / 0)
 * @throws RangeError when the table is not of size × size
 */
export function cohenKappaOfTable(table: ArrayLike<number>, size: number): number | undefined {
  if (table.length !== size * size) {
    throw new RangeError(`cohenKappaOfTable: ${table.length} cells; expected ${size} × ${size}`);
  }
  let total = 0;
  let agreed = 0;
  let chance = 0;
  for (let label = 0; label < size; label++) {
    let byFirst = 0;
    let bySecond = 0;
    for (let other = 0; other < size; other++) {
      byFirst += table[label * size + other] as number;
      bySecond += table[other * size + label] as number;
    }
    total += byFirst;
    agreed += table[label * size + label] as number;
    chance += byFirst * bySecond;
  }
  // Multiplied through by total², so that integer counts stay exact and 0 / 0 is recognised without a tolerance.
  const denominator = total * total - chance;
  return denominator > 0 ? (agreed * total - chance) / denominator : undefined;
}
