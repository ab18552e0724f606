// Prints how far Overtone is from the original implementation, a line for each small model:
// node test/conformance/measure.ts
import { CASES, gradientErrors, greedyContinuations, logitError, scoreErrors } from './measure.fixture.ts';
import { readReference } from './reference.fixture.ts';

const short = (value: number): string => value.toExponential(1);

console.log(
  '| model | logits | logits, adapter | logits, rsLoRA | log-probabilities | entropies | LoRA gradients | greedy |',
);
console.log('| - | - | - | - | - | - | - | - |');
for (const name of CASES) {
  const reference = await readReference(name);
  const scores = await scoreErrors(reference);
  const { gradient } = await gradientErrors(reference);
  const continuations = await greedyContinuations(reference);
  const equal = reference.facts.greedy.map(({ tokens }, index) => {
    const differs = tokens.findIndex((token, at) => continuations[index]?.[at] !== token);
    return differs < 0 ? tokens.length : differs;
  });
  const cells = [
    await logitError(reference),
    await logitError(reference, 'adapter'),
    await logitError(reference, 'adapter-rslora'),
    scores.logprobs,
    scores.entropies,
    gradient,
  ].map(short);
  console.log(`| ${[name, ...cells, `${equal.join(', ')} equal`].join(' | ')} |`);
}
