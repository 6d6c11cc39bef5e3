import { ChallengeState, IChallenge } from './types';

/** What the learner looks for; an empty text means: any. */
export interface IFilter {
  readonly query: string;
  readonly track: string;
  readonly tag: string;
  readonly difficulty: string;
  readonly state: ChallengeState | '';
}

export const ANY: IFilter = { query: '', track: '', tag: '', difficulty: '', state: '' };

export interface ITrack {
  readonly name: string;
  readonly challenges: readonly IChallenge[];
}

/** The challenges as a path: made once for each answer of the grader, looked through at each key. */
export class ChallengeList {
  constructor(challenges: readonly IChallenge[]) {
    this.challenges = inLearningOrder(challenges);
    const tracks = new Map<string, IChallenge[]>();
    const tags = new Set<string>();
    for (const challenge of this.challenges) {
      const name = challenge.track;
      tracks.set(name, [...(tracks.get(name) ?? []), challenge]);
      challenge.tags.forEach(tag => tags.add(tag));
      this._bySlug.set(challenge.slug, challenge);
      const words = [challenge.title, challenge.summary, trackTitle(name), ...challenge.tags];
      this._texts.set(challenge.slug, folded(words.join(' \n')));
    }
    this.tracks = [...tracks].map(([name, list]) => ({ name, challenges: list }));
    this.tags = [...tags].sort((a, b) => a.localeCompare(b));
    this.next =
      this.challenges.find(one => one.state === 'started') ??
      this.challenges.find(one => one.state === 'new' && this.unmet(one).length === 0) ??
      this.challenges.find(one => one.state === 'new') ??
      null;
  }

  readonly challenges: readonly IChallenge[];
  readonly tracks: readonly ITrack[];
  readonly tags: readonly string[];

  /** Where to go on: what was begun, else what everything before it is passed of; null when all is passed. */
  readonly next: IChallenge | null;

  get untouched(): boolean {
    return this.challenges.every(challenge => challenge.state === 'new');
  }

  /** What this one builds on and the learner has not passed; what is not published cannot be asked for. */
  unmet(challenge: IChallenge): IChallenge[] {
    return challenge.prerequisites
      .map(slug => this._bySlug.get(slug))
      .filter((one): one is IChallenge => one !== undefined && one.state !== 'passed');
  }

  /** The slugs of those that fit. Each word of the query must be somewhere; case and accents do not matter. */
  matching(filter: IFilter): Set<string> {
    const words = folded(filter.query).split(/\s+/).filter(Boolean);
    const fits = (one: IChallenge): boolean =>
      (!filter.track || one.track === filter.track) &&
      (!filter.tag || one.tags.includes(filter.tag)) &&
      (!filter.difficulty || String(one.difficulty) === filter.difficulty) &&
      (!filter.state || one.state === filter.state) &&
      words.every(word => this._texts.get(one.slug)!.includes(word));
    return new Set(this.challenges.filter(fits).map(one => one.slug));
  }

  private readonly _bySlug = new Map<string, IChallenge>();
  private readonly _texts = new Map<string, string>();
}

function folded(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .toLowerCase();
}

/** Easy ones first, and none before what it builds on; tracks then stand where their first challenge does.
 * What is in no track comes last. */
function inLearningOrder(challenges: readonly IChallenge[]): IChallenge[] {
  const waiting = [...challenges].sort(
    (a, b) =>
      Number(!a.track) - Number(!b.track) ||
      a.difficulty - b.difficulty ||
      a.title.localeCompare(b.title)
  );
  const unmet = new Set(waiting.map(challenge => challenge.slug));
  const ordered: IChallenge[] = [];
  while (waiting.length > 0) {
    const ready = waiting.findIndex(
      challenge => !challenge.prerequisites.some(slug => slug !== challenge.slug && unmet.has(slug))
    );
    // prerequisites that go round in a circle must not hide a challenge
    const [next] = waiting.splice(Math.max(ready, 0), 1);
    unmet.delete(next.slug);
    ordered.push(next);
  }
  return ordered;
}

/** Tracks are folder names where nobody gave them a title; a person reads words. */
export function trackTitle(track: string): string {
  const words = track.replace(/[-_]+/g, ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
