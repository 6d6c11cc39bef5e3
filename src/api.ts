import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { TranslationBundle } from '@jupyterlab/translation';
import { createParser } from 'eventsource-parser';

import { IChallenge, ICheckInfo, ISubmission, SubmissionEvent } from './types';

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

const EVENTS = new Set(['state', 'start', 'cell', 'check', 'result']);

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

  async submit(
    path: string,
    key: string
  ): Promise<{ id: string; state: ISubmission['state']; position: number | null }> {
    return this.post('submit', { path, key });
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
    const response = await this.fetch(this.url('submissions', id, 'events'), {
      headers: { Accept: 'text/event-stream' },
      signal
    });
    if (!response.body) {
      throw this.unreachable();
    }
    const parser = createParser({
      onEvent: ({ event, data }) => {
        if (event && EVENTS.has(event)) {
          onEvent({ event, data: JSON.parse(data) } as SubmissionEvent);
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

  private async post<T>(route: string, body: Record<string, string>): Promise<T> {
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
