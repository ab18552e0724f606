import { describe, expect, it } from 'vitest';
import { Contestant } from './contestant.ts';
import { takeTurns } from './rounds.ts';

/** Answers every request with the seconds it is asked to have taken, and fails when asked to. */
const SCRIPT = `
const say = (value) => console.log(JSON.stringify(value));
say({ ready: { fake: '1.0' } });
console.log('a library says something');
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const request = JSON.parse(line);
  if (request.op === 'fail') { console.error('out of memory'); process.exit(1); }
  if (request.op === 'refuse') say({ error: 'no such model' });
  else if (request.op === 'memory') say({ peakBytes: 7 });
  else say({ seconds: request.seconds });
});`;
const start = (name: string, script = SCRIPT) =>
  Contestant.start({ name, command: [process.execPath, '-e', script] });

describe('contestants', () => {
  it('answer in turns, the first round for warming up alone', async () => {
    const [ours, peer] = [await start('ours'), await start('peer')];
    const contenders = await takeTurns(
      [
        { contestant: ours, request: (round) => ({ op: 'work', seconds: round + 1 }) },
        { contestant: peer, request: (round) => ({ op: 'work', seconds: 10 * (round + 1) }) },
      ],
      2,
    );
    expect(ours.versions).toEqual({ fake: '1.0' });
    await Promise.all([ours.close(), peer.close()]);
    expect(contenders).toEqual([
      { name: 'ours', firstSeconds: 1, seconds: [2, 3], peakBytes: 7 },
      { name: 'peer', firstSeconds: 10, seconds: [20, 30], peakBytes: 7 },
    ]);
  });

  it('fail with their own words', async () => {
    const contestant = await start('peer');
    await expect(contestant.ask({ op: 'refuse' })).rejects.toThrow('peer: no such model');
    await expect(contestant.ask({ op: 'fail' })).rejects.toThrow(/peer: ended\n {2}out of memory/);
    await contestant.close();
    await expect(start('absent', 'console.error("no module"); process.exit(1)')).rejects.toThrow('no module');
  });
});
