import { TranslationBundle } from '@jupyterlab/translation';

import { Api, ApiError } from './api';
import { Feedback } from './feedback';
import { IKept } from './types';

/** How long to wait before a stream of the learner's own server that broke is taken up again. */
const AGAIN_MS = 3000;

/** The submissions that the learner's server keeps for later; tells each challenge's feedback what becomes of them. */
export class Kept {
  constructor(
    private readonly api: Api,
    private readonly feedbackFor: (slug: string) => Feedback,
    private readonly show: (entry: IKept) => void
  ) {}

  /** Looks once whether something is kept, after the page was loaded. */
  async load(): Promise<void> {
    let entries: IKept[];
    try {
      entries = await this.api.kept();
    } catch (reason) {
      if (!(reason instanceof ApiError)) {
        throw reason;
      }
      return; // no server, nothing to tell: the Challenges panel says so
    }
    if (entries.length > 0) {
      this.show(entries[entries.length - 1]);
      await this.watch();
    }
  }

  /** Follows what is kept until nothing waits any more. */
  async watch(): Promise<void> {
    if (this._watching) {
      return;
    }
    this._watching = true;
    try {
      while (!(await this.watched())) {
        await new Promise(resolve => setTimeout(resolve, AGAIN_MS));
      }
    } finally {
      this._watching = false;
    }
  }

  /** False: the stream broke, or more was kept while it ended. */
  private async watched(): Promise<boolean> {
    const waiting = new Set<string>();
    try {
      await this.api.watchKept(event => {
        const feedback = this.feedbackFor(event.data.challenge);
        switch (event.event) {
          case 'kept':
            waiting.add(event.data.key);
            feedback.keep(event.data);
            break;
          case 'sent':
            waiting.delete(event.data.key);
            void feedback.sent(event.data.id);
            break;
          case 'refused': {
            const entry = event.data;
            waiting.delete(entry.key);
            feedback.refused(entry, () => this.api.forgetKept(entry.key));
            break;
          }
        }
      });
    } catch (reason) {
      if (!(reason instanceof ApiError)) {
        throw reason;
      }
      return false;
    }
    return waiting.size === 0;
  }

  private _watching = false;
}

/** Asks for another try at once; what comes of it is told by the stream. */
export async function sendNow(
  api: Api,
  feedback: Feedback,
  trans: TranslationBundle
): Promise<void> {
  try {
    await api.sendKept();
  } catch (reason) {
    if (!(reason instanceof ApiError)) {
      throw reason;
    }
    feedback.show({ title: trans.__('Still kept'), message: reason.message, action: null });
  }
}
