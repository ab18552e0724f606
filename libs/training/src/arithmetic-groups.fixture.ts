// Groups to train on: sums, each with one solution that shows them and is scored higher, and one that does not.

/** The lines of a data set. */
export function arithmeticGroups(count: number): string {
  const groups = Array.from({ length: count }, (_, index) => ({
    id: `g${index}`,
    messages: [{ role: 'user', content: `${index} + ${index + 1}` }],
    solutions: [
      { text: `${index} + ${index + 1} = ${2 * index + 1}\n\\boxed{${2 * index + 1}}`, score: 2 },
      { text: `Hmm\n\\boxed{${2 * index + 1}}`, score: 1 },
    ],
  }));
  return groups.map((group) => JSON.stringify(group)).join('\n');
}
