import {
  ILabShell,
  ILayoutRestorer,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import {
  Dialog,
  ICommandPalette,
  IToolbarWidgetRegistry,
  MainAreaWidget,
  showDialog,
  showErrorMessage
} from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { INotebookContent } from '@jupyterlab/nbformat';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, TranslationBundle, nullTranslator } from '@jupyterlab/translation';
import { CommandToolbarButton } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';

import { Api } from './api';
import { Against, AttemptsView } from './attempts';
import { ChallengesPanel } from './challengespanel';
import { addCommands, CommandIDs } from './commands';
import { Feedback } from './feedback';
import { FeedbackPanel } from './feedbackpanel';
import { Kept, sendNow } from './kept';
import { LeaderboardTab, LeaderboardView } from './leaderboard';
import { confirmMissing } from './missing';
import { placesOf } from './places';
import { wordsOf } from './problems';
import { SandboxTab } from './sandbox';
import { SessionWatch } from './session';
import { challengeOf, onChallenge, SubmitButton } from './submit';
import { IAttempt, IChallenge } from './types';
import { offerUpdate } from './updateoffer';
import { when } from './words';

const PLUGIN_ID = 'challengehub:plugin';
const VISITED = 'challengehub:visited';

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN_ID,
  description: 'Challenges at the left, Submit in their notebooks, feedback at the right.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [
    ITranslator,
    ILabShell,
    ILayoutRestorer,
    ICommandPalette,
    ISettingRegistry,
    IStateDB,
    IDocumentManager,
    IToolbarWidgetRegistry
  ],
  activate
};

export default plugin;

function activate(
  app: JupyterFrontEnd,
  tracker: INotebookTracker,
  translator: ITranslator | null,
  labShell: ILabShell | null,
  restorer: ILayoutRestorer | null,
  palette: ICommandPalette | null,
  settings: ISettingRegistry | null,
  state: IStateDB | null,
  documents: IDocumentManager | null,
  toolbars: IToolbarWidgetRegistry | null
): void {
  const { commands, shell } = app;
  const trans = (translator ?? nullTranslator).load('challengehub');
  const api = new Api(app.serviceManager.serverSettings, trans);
  const say = liveRegion();
  const feedbacks = new Map<string, Feedback>();
  new SessionWatch(app, api, documents, trans, say);

  const shortcut = (): string => {
    const binding = commands.keyBindings.find(one => one.command === CommandIDs.submit);
    return binding ? CommandRegistry.formatKeystroke(binding.keys) : '';
  };

  const feedbackFor = (slug: string): Feedback => {
    let feedback = feedbacks.get(slug);
    if (!feedback) {
      feedback = new Feedback(slug, api, trans, missing =>
        confirmMissing(missing, trans, () => sandbox.open())
      );
      feedback.said.connect((_, text) => say(text));
      feedback.finished.connect(() => {
        void challenges.refresh();
        leaderboard.refresh();
      });
      feedback.changed.connect(() => commands.notifyCommandChanged(CommandIDs.submit));
      feedback.outdated.connect((_, path) => void update(path));
      feedback.keeping.connect(() => void kept.watch());
      feedbacks.set(slug, feedback);
    }
    return feedback;
  };

  const open = async (challenge: IChallenge): Promise<void> => {
    try {
      const { path } = await api.open(challenge.slug);
      await commands.execute('docmanager:open', { path, factory: 'Notebook' });
    } catch (reason) {
      await tell(trans.__('“%1” could not be opened', challenge.title), reason, trans);
    }
  };

  const submit = (panel: NotebookPanel): void => {
    const about = challengeOf(panel.model);
    if (!about) {
      return;
    }
    showFeedback();
    const { context } = panel;
    const path = app.serviceManager.contents.localPath(context.path);
    void feedbackFor(about.slug).submit(path, async () => {
      await context.ready;
      if (context.model.dirty) {
        await context.save();
      }
    });
  };

  /** Brings the notebook at `path` to the published version and shows it in the place of the old one. */
  const update = async (path: string): Promise<void> => {
    const panel = tracker.find(
      one => app.serviceManager.contents.localPath(one.context.path) === path
    );
    const slug = challengeOf(panel?.model)?.slug;
    try {
      if (panel?.context.model.dirty) {
        await panel.context.save();
      }
      const { kept } = await api.update(path);
      await panel?.context.revert();
      const words = trans.__('Your answers are in the new version: look them over, then submit.');
      if (slug) {
        feedbackFor(slug).show({
          title: trans.__('This is the new version'),
          message: kept ? `${words} ${trans.__('Your old notebook is kept as %1.', kept)}` : words,
          action: null
        });
      }
    } catch (reason) {
      await tell(trans.__('The new version could not be opened'), reason, trans);
    }
  };

  const showTab = (widget: MainAreaWidget): void => {
    if (!widget.isAttached) {
      // Notebook 7 has room for one notebook alone in the middle
      shell.add(widget, labShell ? 'main' : 'right');
    }
    shell.activateById(widget.id);
  };
  const leaderboard = new LeaderboardTab(() => new LeaderboardView(api, trans, say), showTab);
  const sandbox = new SandboxTab({ api, trans }, widget => {
    showTab(widget);
    focusSoon(() => widget.content.focus());
  });
  const challenges = new ChallengesPanel(
    api,
    trans,
    open,
    () => leaderboard.open(),
    () => sandbox.open()
  );
  const feedback = new FeedbackPanel(trans, shortcut);
  // before the file browser (100) at the left, first at the right
  shell.add(challenges, 'left', { rank: 50 });
  shell.add(feedback, 'right', { rank: 50 });
  restorer?.add(challenges, challenges.id);
  restorer?.add(feedback, feedback.id);

  /** Opens the panel without taking the keyboard from the notebook. */
  const showFeedback = (): void => {
    if (!feedback.isVisible) {
      shell.activateById(feedback.id);
    }
  };

  /** The attempts at this notebook's challenge, in a tab beside or below it. */
  const showAttempts = (panel: NotebookPanel, against: Against): void => {
    const about = challengeOf(panel.model);
    if (!about) {
      return;
    }
    let widget = attempts.get(about.slug);
    if (!widget || widget.isDisposed) {
      const content = new AttemptsView({
        ...about,
        api,
        trans,
        against,
        notebook: () =>
          panel.isDisposed
            ? null
            : ((panel.model?.toJSON() as INotebookContent | undefined) ?? null),
        restore: attempt => restore(panel, attempt),
        feedback: feedbackFor(about.slug)
      });
      widget = new MainAreaWidget({ content });
      widget.id = `${content.id}-tab`;
      attempts.set(about.slug, widget);
      // Notebook 7 has room for one document, and below it for what belongs to it
      shell.add(widget, labShell ? 'main' : 'down', { ref: panel.id, mode: 'split-right' });
    } else {
      widget.content.compare(against);
    }
    shell.activateById(widget.id);
  };
  const attempts = new Map<string, MainAreaWidget<AttemptsView>>();

  const restore = async (panel: NotebookPanel, attempt: IAttempt): Promise<void> => {
    const { button } = await showDialog({
      title: trans.__('Restore this attempt?'),
      body: trans.__(
        'Its code, from %1, takes the place of what is in the notebook. The notebook as it is now is kept as a copy beside it.',
        when(attempt.submitted_at)
      ),
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.okButton({ label: trans.__('Restore') })
      ]
    });
    const about = challengeOf(panel.model);
    if (!button.accept || !about || panel.isDisposed) {
      return;
    }
    const { context } = panel;
    const path = app.serviceManager.contents.localPath(context.path);
    try {
      if (context.model.dirty) {
        await context.save();
      }
      const { kept } = await api.restore(path, attempt.id);
      await context.revert();
      shell.activateById(panel.id);
      feedbackFor(about.slug).show({
        title: trans.__('Your attempt from %1 is back', when(attempt.submitted_at)),
        message: trans.__('The notebook as it was before is kept as %1.', kept),
        action: null
      });
    } catch (reason) {
      await tell(trans.__('The attempt could not be restored'), reason, trans);
    }
  };

  const kept = new Kept(api, feedbackFor, () => showFeedback());
  void app.restored.then(() => kept.load());

  const follow = (): void => {
    const panel = tracker.currentWidget;
    const about = challengeOf(panel?.model);
    if (!panel || !about) {
      feedback.subject = null;
    } else {
      const current = feedbackFor(about.slug);
      feedback.subject = {
        title: about.title,
        feedback: current,
        submit: () => submit(panel),
        showAttempts: against => showAttempts(panel, against),
        showSandbox: () => sandbox.open(),
        sendNow: () => void sendNow(api, current, trans),
        places: placesOf(panel)
      };
      void current.load();
    }
    commands.notifyCommandChanged(CommandIDs.submit);
  };
  tracker.widgetAdded.connect((_, panel) => {
    const path = (): string => app.serviceManager.contents.localPath(panel.context.path);
    void offerUpdate(panel, api, trans, () => update(path()));
    onChallenge(panel, () =>
      panel.toggleClass('ch-mod-challenge', challengeOf(panel.model) !== null)
    );
  });
  tracker.currentChanged.connect((_, panel) => {
    follow();
    if (panel) {
      onChallenge(panel, follow);
    }
  });

  const current = (): NotebookPanel | null =>
    tracker.currentWidget && challengeOf(tracker.currentWidget.model)
      ? tracker.currentWidget
      : null;
  const canSubmit = (): boolean => {
    const about = challengeOf(current()?.model);
    return about !== null && !feedbackFor(about.slug).submitting;
  };
  const withCurrent = (act: (panel: NotebookPanel) => void): void => {
    const panel = current();
    if (panel) {
      act(panel);
    }
  };
  addCommands(commands, palette, trans, {
    canSubmit,
    submit: () => withCurrent(submit),
    showChallenges: () => {
      shell.activateById(challenges.id);
      focusSoon(() => challenges.focus());
    },
    showFeedback: () => {
      shell.activateById(feedback.id);
      focusSoon(() => feedback.node.focus());
    },
    showLeaderboard: () => leaderboard.open(),
    hasAttempts: () => current() !== null,
    showAttempts: () => withCurrent(panel => showAttempts(panel, 'before')),
    showSandbox: () => sandbox.open()
  });

  // its place in the toolbar, the first, is in schema/plugin.json
  toolbars?.addFactory<NotebookPanel>(
    'Notebook',
    'challengehub-submit',
    panel => new SubmitButton(panel, feedbackFor, submit, trans, shortcut)
  );

  const page = PageConfig.getOption('notebookPage');
  if (!labShell) {
    // Notebook 7 shows side panels but no icons for them; 900 is the empty space of its menu bar
    const shown = [CommandIDs.showChallenges];
    if (page === 'notebooks') {
      shown.push(CommandIDs.showFeedback);
    }
    shown.push(CommandIDs.showLeaderboard);
    for (const id of shown) {
      const button = new CommandToolbarButton({ commands, id });
      button.id = `${id}-button`;
      button.addClass('ch-MenuButton');
      shell.add(button, 'menu', { rank: 910 });
    }
  }
  if (state && (labShell || page === 'tree')) {
    void app.restored.then(() => welcome(shell, challenges.id, settings, state));
  }
}

/** Once the command palette has closed, which gives the keyboard back to the notebook. */
function focusSoon(focus: () => void): void {
  requestAnimationFrame(() => requestAnimationFrame(focus));
}

/** The first time ever, the challenges are what the learner sees; later their own layout is kept. */
async function welcome(
  shell: JupyterFrontEnd.IShell,
  id: string,
  settings: ISettingRegistry | null,
  state: IStateDB
): Promise<void> {
  if (await state.fetch(VISITED)) {
    return;
  }
  await state.save(VISITED, true);
  const loaded = await settings?.load(PLUGIN_ID);
  if (loaded?.get('showAtFirstVisit').composite !== false) {
    shell.activateById(id);
  }
}

async function tell(title: string, reason: unknown, trans: TranslationBundle): Promise<void> {
  await showErrorMessage(title, wordsOf(reason, trans));
}

/** A place in the page that screen readers speak from, whichever panel is open. */
function liveRegion(): (text: string) => void {
  const node = document.createElement('div');
  node.className = 'ch-sr';
  node.setAttribute('role', 'status');
  node.setAttribute('aria-live', 'polite');
  document.body.appendChild(node);
  return text => {
    node.textContent = text;
  };
}
