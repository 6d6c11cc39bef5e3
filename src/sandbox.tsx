import { MainAreaWidget } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { Message } from '@lumino/messaging';
import React, { useEffect, useRef, useState } from 'react';

import { Api } from './api';
import { sandboxIcon } from './icons';
import { ProblemBox } from './problembox';
import { wordsOf } from './problems';
import { IInventory } from './types';

interface IProps {
  api: Api;
  trans: TranslationBundle;
}

/** What learners' code finds where it is graded: interpreter, packages, and the names that it may import. */
export class SandboxView extends ReactWidget {
  constructor(private readonly props: IProps) {
    super();
    const { trans } = props;
    this.id = 'challengehub-sandbox';
    this.addClass('ch-Sandbox');
    this.title.label = trans.__('Sandbox');
    this.title.icon = sandboxIcon;
    this.title.caption = trans.__('What the sandbox has');
    this.title.closable = true;
    this.node.tabIndex = -1;
  }

  /** Gives the search the keyboard, once it is there. */
  focus(): void {
    (this.node.querySelector<HTMLElement>('input, button') ?? this.node).focus();
  }

  protected override onBeforeAttach(message: Message): void {
    // not before: a MainAreaWidget calls every content "main area content"
    this.node.setAttribute('aria-label', this.props.trans.__('What the sandbox has'));
    super.onBeforeAttach(message);
  }

  protected override render(): React.ReactElement {
    return <Sandbox {...this.props} onGone={() => this.focus()} />;
  }
}

/** The view in a tab of its own; made when it is first asked for, and anew once it was closed. */
export class SandboxTab {
  constructor(
    private readonly props: IProps,
    private readonly show: (widget: MainAreaWidget<SandboxView>) => void
  ) {}

  open(): void {
    if (!this._widget || this._widget.isDisposed) {
      this._widget = new MainAreaWidget({ content: new SandboxView(this.props) });
      this._widget.id = `${this._widget.content.id}-tab`;
    }
    this.show(this._widget);
  }

  private _widget: MainAreaWidget<SandboxView> | null = null;
}

function Sandbox({ api, trans, onGone }: IProps & { onGone: () => void }): React.ReactElement {
  const [inventory, setInventory] = useState<IInventory | null>(null);
  const [problem, setProblem] = useState('');
  const [tries, setTries] = useState(0);
  useEffect(() => {
    let gone = false;
    setProblem('');
    api.inventory().then(
      told => !gone && setInventory(told),
      reason => !gone && setProblem(wordsOf(reason, trans))
    );
    return () => {
      gone = true;
    };
  }, [tries]);
  return (
    <>
      <h2>{trans.__('What the sandbox has')}</h2>
      {inventory ? (
        <Contents inventory={inventory} trans={trans} />
      ) : problem ? (
        <ProblemBox
          title={trans.__('This is not known just now')}
          words={problem}
          trans={trans}
          onRetry={() => setTries(tries + 1)}
          onGone={onGone}
        />
      ) : (
        <div className="ch-Empty" role="status">
          <span className="ch-Spinner" aria-hidden />
          <p>{trans.__('Asking the sandbox…')}</p>
        </div>
      )}
    </>
  );
}

function Contents({
  inventory,
  trans
}: {
  inventory: IInventory;
  trans: TranslationBundle;
}): React.ReactElement {
  const [query, setQuery] = useState('');
  const search = useRef<HTMLInputElement>(null);
  useEffect(() => {
    // to whoever waits for it here; not to somebody who has gone elsewhere meanwhile
    const holder = document.activeElement;
    if (search.current?.closest('.ch-Sandbox')?.parentElement?.contains(holder)) {
      search.current.focus();
    }
  }, []);
  const { language, version, modules } = inventory;
  const fits = (text: string): boolean => text.toLowerCase().includes(query.trim().toLowerCase());
  const packages = inventory.packages.filter(({ name, modules: names }) =>
    [name, ...names].some(fits)
  );
  const ofPackages = new Set(inventory.packages.flatMap(one => one.modules));
  const own = modules.filter(name => !ofPackages.has(name) && !name.startsWith('_') && fits(name));
  return (
    <>
      <p>
        {trans.__(
          'Your submissions run in %1 %2 with these packages, and without a network. What you install with %pip is for your own session.',
          language,
          version
        )}
      </p>
      <input
        ref={search}
        type="search"
        className="ch-Field"
        value={query}
        placeholder={trans.__('Search packages and modules')}
        aria-label={trans.__('Search packages and modules')}
        autoComplete="off"
        spellCheck={false}
        onChange={event => setQuery(event.target.value)}
        onKeyDown={event => {
          if (event.key === 'Escape' && query) {
            setQuery('');
            event.stopPropagation();
          }
        }}
      />
      <p className="ch-Quiet" role="status">
        {packages.length + own.length > 0
          ? trans.__('%1 packages, %2 modules of %3', packages.length, own.length, language)
          : trans.__('The sandbox has nothing of that name: code that imports it fails there.')}
      </p>
      {packages.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">{trans.__('Package')}</th>
              <th scope="col">{trans.__('Version')}</th>
              <th scope="col">{trans.__('Imported as')}</th>
            </tr>
          </thead>
          <tbody>
            {packages.map(one => (
              <tr key={one.name}>
                <th scope="row">{one.name}</th>
                <td>{one.version}</td>
                <td>
                  {one.modules
                    .filter(name => !name.startsWith('_'))
                    .map((name, index) => (
                      <React.Fragment key={name}>
                        {index > 0 && ', '}
                        <code>{name}</code>
                      </React.Fragment>
                    ))}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {own.length > 0 && (
        <>
          <h3>{trans.__('Modules of %1 itself', language)}</h3>
          <ul>
            {own.map(name => (
              <li key={name}>
                <code>{name}</code>
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}
