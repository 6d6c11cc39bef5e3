import { NotebookPanel } from '@jupyterlab/notebook';
import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import { Api, ApiError } from './api';
import { challengeOf } from './submit';

/** Above a notebook of an older version: the way to the published one. */
class UpdateOffer extends ReactWidget {
  constructor(
    private readonly trans: TranslationBundle,
    private readonly accept: () => void
  ) {
    super();
    this.addClass('ch-Offer');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('New version'));
  }

  protected override render(): React.ReactElement {
    return (
      <>
        <p>
          <strong>{this.trans.__('This challenge has a new version.')}</strong>{' '}
          {this.trans.__(
            'Your answers come with you, and your notebook as it is now is kept beside it.'
          )}
        </p>
        <button type="button" className="ch-Button ch-mod-primary" onClick={this.accept}>
          {this.trans.__('Get the new version')}
        </button>
        <button type="button" className="ch-Button" onClick={() => this.dispose()}>
          {this.trans.__('Not now')}
        </button>
      </>
    );
  }
}

/** Looks once, when the notebook is opened; later the grader says so at Submit. */
export async function offerUpdate(
  panel: NotebookPanel,
  api: Api,
  trans: TranslationBundle,
  update: () => Promise<void>
): Promise<void> {
  await panel.context.ready;
  const about = challengeOf(panel.model);
  if (!about || about.version === null) {
    return;
  }
  let published: number;
  try {
    published = await api.version(about.slug);
  } catch (reason) {
    if (!(reason instanceof ApiError)) {
      throw reason;
    }
    return; // withdrawn, or the grader is away: nothing to offer
  }
  if (panel.isDisposed || published === about.version) {
    return;
  }
  const offer = new UpdateOffer(trans, () => void update());
  panel.contentHeader.addWidget(offer);
  panel.model?.metadataChanged.connect(() => {
    if (challengeOf(panel.model)?.version === published) {
      offer.dispose();
    }
  });
}
