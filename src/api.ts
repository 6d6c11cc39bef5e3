import { INotebookContent } from '@jupyterlab/nbformat';
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { TranslationBundle } from '@jupyterlab/translation';
import { createParser } from 'eventsource-parser';

import {
  IAttempt,
  ICellText,
  IChallenge,
  ICheckInfo,
  IHints,
  IInventory,
  IKept,
  ILeaderboard,
  IMissing,
  ISessionStanding,
  ISubmission,
  ITakingPart,
  KeptEvent,
  SubmissionEvent
} from './types';

/** A request that was refused or got lost, with words for the learner and a code for us. */
export class ApiError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly details: Record<string, unknown> = {}
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

/** The grader says something every 5 s; a stream that is silent for longer is dead, though a proxy holds it open. */
const SILENT_MS = 30000;

/** Submissions that the grader lists at once; the most that it does. */
const PAGE = 100;

const EVENTS = ['state', 'start', 'cell', 'check', 'result'];
const KEPT_EVENTS = ['kept', 'sent', 'refused'];

/** The learner's own server extension; everything that the page knows of the grader comes from here. */
export class Api {
  constructor(
    private readonly settings: ServerConnection.ISettings,
    private readonly trans: TranslationBundle
  ) {}

  async challenges(): Promise<IChallenge[]> {
    return (await this.get<{ challenges: IChallenge[] }>(this.url('challenges'))).challenges;
  }

  async checks(slug: string): Promise<ICheckInfo[]> {
    return (await this.get<{ checks: ICheckInfo[] }>(this.url('challenges', slug))).checks;
  }

  async open(slug: string): Promise<{ path: string; created: boolean }> {
    return this.post('open', { slug });
  }

  async update(path: string): Promise<{ path: string; version: number; kept: string | null }> {
    return this.post('update', { path });
  }

  /**
   * `kept`: the grader cannot be reached, and the learner's server sends it later. `held`: it imports what the
   * sandbox has not, `accepted` modules aside, and is not sent.
   */
  async submit(
    path: string,
    key: string,
    accepted: string[]
  ): Promise<
    | { id: string; state: ISubmission['state']; position: number | null }
    | { id: null; state: 'kept'; position: null }
    | { id: null; state: 'held'; position: null; missing: IMissing }
  > {
    return this.post('submit', { path, key, accepted });
  }

  async inventory(): Promise<IInventory> {
    return this.get(this.url('sandbox'));
  }

  /** The submissions that wait in the learner's home for the grader, or that it refused since. */
  async kept(): Promise<IKept[]> {
    return (await this.get<{ kept: IKept[] }>(this.url('kept'))).kept;
  }

  async sendKept(): Promise<void> {
    await this.post('kept/send', {});
  }

  /** Puts one aside that the grader refused. */
  async forgetKept(key: string): Promise<void> {
    await this.post('kept/forget', { key });
  }

  /** All of the learner's submissions to a challenge, newest first. */
  async attempts(slug: string): Promise<IAttempt[]> {
    const found: IAttempt[] = [];
    let page: IAttempt[];
    do {
      const older = found.length ? { before: found[found.length - 1].id } : {};
      const query = URLExt.objectToQueryString({ challenge: slug, limit: `${PAGE}`, ...older });
      page = (await this.get<{ submissions: IAttempt[] }>(this.url('submissions') + query))
        .submissions;
      found.push(...page);
    } while (page.length === PAGE);
    return found;
  }

  async submittedNotebook(id: string): Promise<INotebookContent> {
    const url = this.url('submissions', id, 'notebook');
    return (await this.get<{ notebook: INotebookContent }>(url)).notebook;
  }

  /** Puts an attempt into the notebook at `path`; `kept` is the copy of what was there. */
  async restore(path: string, submission: string): Promise<{ kept: string }> {
    return this.post('restore', { path, submission });
  }

  /** The author's answer cells; refused (`solution_withheld`) until the learner has passed. */
  async solution(slug: string): Promise<ICellText[]> {
    return (await this.get<{ cells: ICellText[] }>(this.url('challenges', slug, 'solution'))).cells;
  }

  async hints(slug: string): Promise<IHints> {
    return this.get(this.url('challenges', slug, 'hints'));
  }

  /** Takes the hint of this number, the next one or one taken before. */
  async takeHint(slug: string, number: number): Promise<IHints> {
    return this.post(`challenges/${slug}/hints`, { number });
  }

  /** How those who take part stand; '' is all tracks, and everybody. */
  async leaderboard(track: string, ofClass: string): Promise<ILeaderboard> {
    const query = URLExt.objectToQueryString({ track, class: ofClass });
    return this.get(this.url('leaderboard') + query);
  }

  /** Stand on leaderboards under this name from now on. */
  async takePart(name: string): Promise<ITakingPart> {
    const answer = this.post<{ taking_part: ITakingPart }>('leaderboard', { display_name: name });
    return (await answer).taking_part;
  }

  async leaveLeaderboards(): Promise<void> {
    await this.post('leaderboard/leave', {});
  }

  /** The number of the published version. */
  async version(slug: string): Promise<number> {
    return (await this.get<{ version: number }>(this.url('challenges', slug))).version;
  }

  /** What becomes of those that are kept; resolves when none waits any more. */
  async watchKept(onEvent: (event: KeptEvent) => void): Promise<void> {
    return this.stream(this.url('kept', 'events'), KEPT_EVENTS, onEvent);
  }

  async submission(id: string): Promise<ISubmission> {
    return this.get(this.url('submissions', id));
  }

  /** The newest submission to a challenge, or null if there is none yet. */
  async latest(slug: string): Promise<ISubmission | null> {
    const query = URLExt.objectToQueryString({ challenge: slug, limit: '1' });
    const { submissions } = await this.get<{ submissions: { id: string }[] }>(
      this.url('submissions') + query
    );
    return submissions.length > 0 ? this.submission(submissions[0].id) : null;
  }

  /** Calls `onEvent` with each event as it comes; resolves when the stream ends, for whatever reason. */
  async watch(
    id: string,
    onEvent: (event: SubmissionEvent) => void,
    signal: AbortSignal
  ): Promise<void> {
    return this.stream(this.url('submissions', id, 'events'), EVENTS, onEvent, signal);
  }

  /** Tells the server that this page is there, for as long as it runs; `onStanding` hears of the session. */
  async session(page: string, onStanding: (standing: ISessionStanding) => void): Promise<void> {
    const query = URLExt.objectToQueryString({ page });
    return this.stream<{ event: 'session'; data: ISessionStanding }>(
      this.url('session') + query,
      ['session'],
      ({ data }) => onStanding(data)
    );
  }

  /** Somebody typed, clicked or ran something. */
  async active(): Promise<ISessionStanding> {
    return this.post('session/active', {});
  }

  /** This page has nothing unsaved any more. */
  async saved(page: string): Promise<void> {
    await this.post('session/saved', { page });
  }

  private async stream<T extends { event: string; data: unknown }>(
    url: string,
    names: string[],
    onEvent: (event: T) => void,
    signal?: AbortSignal
  ): Promise<void> {
    const headers = { Accept: 'text/event-stream' };
    const response = await this.fetch(url, { headers, signal });
    if (!response.body) {
      throw this.unreachable();
    }
    const parser = createParser({
      onEvent: ({ event, data }) => {
        if (event && names.includes(event)) {
          onEvent({ event, data: JSON.parse(data) } as T);
        }
      }
    });
    const decoder = new TextDecoder();
    const reader = response.body.getReader();
    try {
      for (;;) {
        const { done, value } = await this.soon(reader.read());
        if (done) {
          return;
        }
        parser.feed(decoder.decode(value, { stream: true }));
      }
    } finally {
      // to let go of the connection also when an event could not be handled
      void reader.cancel().catch(() => undefined);
    }
  }

  private async soon<T>(work: Promise<T>): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const silence = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(this.unreachable()), SILENT_MS);
    });
    return Promise.race([work, silence]).finally(() => clearTimeout(timer));
  }

  private async get<T>(url: string): Promise<T> {
    return (await this.fetch(url, {})).json() as Promise<T>;
  }

  private async post<T>(
    route: string,
    body: Record<string, string | number | string[]>
  ): Promise<T> {
    const init = { method: 'POST', body: JSON.stringify(body) };
    return (await this.fetch(this.url(route), init)).json() as Promise<T>;
  }

  private url(...parts: string[]): string {
    return URLExt.join(this.settings.baseUrl, 'challengehub', 'api', ...parts);
  }

  private async fetch(url: string, init: RequestInit): Promise<Response> {
    const send = (): Promise<Response> =>
      ServerConnection.makeRequest(url, init, this.settings).catch(reason => {
        throw init.signal?.aborted ? reason : this.unreachable();
      });
    // A network that has just changed breaks what was under way. Every route may be asked twice:
    // opening never overwrites, and a submission has its key.
    const response = await send().catch(async reason => {
      if (init.signal?.aborted) {
        throw reason;
      }
      await new Promise(resolve => setTimeout(resolve, 300));
      return send();
    });
    if (response.ok) {
      return response;
    }
    let error: { code?: string; message?: string; details?: Record<string, unknown> } = {};
    try {
      error = ((await response.json()) as { error?: typeof error }).error ?? {};
    } catch {
      // a proxy's own page, not JSON
    }
    if (!error.code || !error.message) {
      throw this.unreachable();
    }
    throw new ApiError(error.code, error.message, error.details);
  }

  private unreachable(): ApiError {
    return new ApiError(
      'server_unreachable',
      this.trans.__(
        'Your notebook server does not answer. Check your connection; if the server was stopped, start it again from File, Hub Control Panel.'
      )
    );
  }
}
