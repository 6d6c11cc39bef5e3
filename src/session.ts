import { JupyterFrontEnd } from '@jupyterlab/application';
import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { NotebookActions } from '@jupyterlab/notebook';
import { TranslationBundle } from '@jupyterlab/translation';
import { UUID } from '@lumino/coreutils';

import { Api } from './api';
import { ISessionStanding } from './types';

const INTERACTIONS = ['keydown', 'pointerdown', 'wheel'] as const;
const AGAIN_MS = 3000;

/**
 * The page's part in the session rules. It says when somebody does something, warns when nobody has for long,
 * saves when the session is over, and offers the way back. When that is, the server decides for all pages.
 */
export class SessionWatch {
  constructor(
    private readonly app: JupyterFrontEnd,
    private readonly api: Api,
    private readonly documents: IDocumentManager | null,
    private readonly trans: TranslationBundle,
    private readonly say: (text: string) => void
  ) {
    for (const name of INTERACTIONS) {
      document.addEventListener(name, this._interacted, { capture: true, passive: true });
    }
    NotebookActions.executionScheduled.connect(this._interacted);
    // to open the page is to do something
    this._interacted();
    void this.listen();
  }

  private async listen(): Promise<void> {
    while (this._standing?.state !== 'over') {
      try {
        await this.api.session(this._page, standing => this.hear(standing));
      } catch {
        // a network that is away, or a server that restarts: JupyterLab itself says so
      }
      await new Promise(resolve => setTimeout(resolve, AGAIN_MS));
    }
  }

  private hear(standing: ISessionStanding): void {
    const before = this._standing?.state;
    this._standing = standing;
    if (standing.state === 'over' && before !== 'over') {
      void this.leave();
    } else if (standing.state === 'warning') {
      this.warn(standing.remaining_s ?? 0);
    } else if (standing.state === 'active') {
      this.close();
    }
  }

  private warn(remaining_s: number): void {
    const end = Date.now() + 1000 * remaining_s;
    const { trans } = this;
    const box = this.box('section', trans.__('Are you still there?'));
    const text = box.appendChild(document.createElement('p'));
    const stay = box.appendChild(document.createElement('button'));
    stay.type = 'button';
    stay.className = 'ch-Button ch-mod-primary';
    stay.textContent = trans.__('Stay');
    // the click itself is the interaction that counts
    stay.addEventListener('click', () => this._interacted());
    const tick = (): void => {
      const left = Math.max(0, Math.round((end - Date.now()) / 1000));
      const clock = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, '0')}`;
      text.textContent = trans.__(
        'Your session ends in %1, because nothing was typed, clicked or run for a while. Your work is saved before.',
        clock
      );
    };
    tick();
    this.say(`${trans.__('Are you still there?')} ${text.textContent}`);
    this._timer = window.setInterval(tick, 1000);
  }

  /** Saves all that is unsaved, tells the server so, and shows the way back. */
  private async leave(): Promise<void> {
    const { trans } = this;
    const lost: string[] = [];
    for (const widget of this.app.shell.widgets('main')) {
      const context = this.documents?.contextForWidget(widget);
      if (context?.model.dirty && !context.model.readOnly) {
        await context.save().catch(() => lost.push(context.path));
      }
    }
    await this.api.saved(this._page).catch(() => undefined);
    const box = this.box('dialog', trans.__('Your session has ended'));
    box.appendChild(document.createElement('p')).textContent =
      lost.length > 0
        ? trans.__('This could not be saved; copy it before you go on: %1', lost.join(', '))
        : trans.__('Your work is saved. Programs that ran were stopped.');
    const back = box.appendChild(document.createElement('a'));
    back.className = 'ch-Button ch-mod-primary';
    back.textContent = trans.__('Start again');
    const hub = PageConfig.getOption('hubPrefix');
    const user = PageConfig.getOption('hubUser');
    const here = window.location.pathname + window.location.search;
    back.href = hub
      ? URLExt.join(hub, 'spawn', encodeURIComponent(user)) +
        URLExt.objectToQueryString({ next: here })
      : here;
    this.say(`${trans.__('Your session has ended')}. ${box.querySelector('p')!.textContent}`);
    if (lost.length > 0) {
      box.show();
    } else {
      // in front of what JupyterLab has to say about a server that is gone; Escape lets one look at the page again
      box.showModal();
      box.addEventListener('cancel', event => {
        event.preventDefault();
        box.close();
        box.show();
      });
    }
    back.focus();
  }

  private box<T extends 'section' | 'dialog'>(tag: T, title: string): HTMLElementTagNameMap[T] {
    this.close();
    const box = document.createElement(tag);
    box.className = 'ch-Session';
    box.setAttribute('role', 'alertdialog');
    box.setAttribute('aria-label', title);
    box.appendChild(document.createElement('h2')).textContent = title;
    document.body.appendChild(box);
    this._box = box;
    return box;
  }

  private close(): void {
    window.clearInterval(this._timer);
    this._box?.remove();
    this._box = null;
  }

  /** Reported at once after a pause, then at most once in `report_s`, so that the last one always is. */
  private readonly _interacted = (): void => {
    if (this._standing?.state === 'over') {
      return;
    }
    const warned = this._standing?.state === 'warning';
    if (this._reporting !== null && !warned) {
      this._again = true;
      return;
    }
    this._again = false;
    window.clearTimeout(this._reporting ?? undefined);
    this._reporting = window.setTimeout(
      () => {
        this._reporting = null;
        if (this._again) {
          this._interacted();
        }
      },
      1000 * (this._standing?.report_s ?? 30)
    );
    void this.api
      .active()
      .then(standing => this.hear(standing))
      .catch(() => undefined);
  };

  private readonly _page = UUID.uuid4();
  private _standing: ISessionStanding | null = null;
  private _box: HTMLElement | null = null;
  private _timer = 0;
  private _reporting: number | null = null;
  private _again = false;
}
