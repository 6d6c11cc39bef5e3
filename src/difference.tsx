import { TranslationBundle } from '@jupyterlab/translation';
import { ChangeObject, diffChars, diffLines } from 'diff';
import React from 'react';

/** Two values of which a check says that they should be alike. */
export interface IDifference {
  /** What the check says before and after them. */
  words: string;
  expected: string;
  got: string;
  /** Whether the check says which of the two is the expected one. */
  sided: boolean;
}

/** Above this share of unlike characters marks are noise. */
const TOO_UNLIKE = 0.5;
const LONGEST = 2000;

/** The two values in a failed check's message, where it has the form of the judge's or of unittest's. */
export function differenceIn(message: string): IDifference | null {
  const judged = /^(?:([^]*)\n)?(?:got {6}|left {5})([^]*)\n(expected|right {3}) ([^]*)$/.exec(
    message
  );
  if (judged) {
    const [, words = '', left, name, right] = judged;
    if (words.startsWith(`assert ${left} == `)) {
      return { words, got: right, expected: left, sided: true };
    }
    // a value that stands written out in the check is the expected one
    const sided = name === 'expected' || words.endsWith(` == ${right}`);
    return { words, got: left, expected: right, sided };
  }
  const [first] = message.split('\n', 1);
  // as assertEqual says it: the first argument, the second, and the author's own words
  const unittest =
    /^(?:(?:AssertionError: )?(?:\w+ differ: )?)(\S.*?) != (\S.*?)(?: : (.*))?$/.exec(first);
  const rest = message.slice(first.length).trim();
  if (unittest && (rest === '' || /^[-+?] /m.test(rest))) {
    const own = / : (.*)$/.exec(rest.split('\n').pop() ?? '')?.[1];
    const [, got, expected, words] = unittest;
    // texts that are long are cut by unittest in the middle of nowhere
    return got.includes('[...') || got.endsWith('...')
      ? null
      : { words: words ?? own ?? '', got, expected, sided: false };
  }
  return null;
}

/** Both values under each other, with what is unlike in them marked. */
export function Difference({
  of: { expected, got, sided },
  trans
}: {
  of: IDifference;
  trans: TranslationBundle;
}): React.ReactElement {
  const texts = [unquoted(expected), unquoted(got)];
  const names = sided
    ? [trans.__('Expected'), trans.__('Got')]
    : [trans.__('Second value'), trans.__('First value')];
  if (texts[0] !== null && texts[1] !== null) {
    return (
      <>
        <p className="ch-Quiet">
          <span aria-hidden>− </span>
          {names[1]}
          {' · '}
          <span aria-hidden>+ </span>
          {names[0]}
        </p>
        <LinesDifference before={texts[1]} after={texts[0]} names={[names[1], names[0]]} />
      </>
    );
  }
  const parts = marks(expected, got);
  const rows = [
    { name: names[0], side: 'expected', mine: 'removed' as const, text: expected },
    { name: names[1], side: 'got', mine: 'added' as const, text: got }
  ];
  return (
    <dl className="ch-Difference">
      {rows.map(({ name, side, mine, text }) => (
        <div key={name} data-side={side}>
          <dt>{name}</dt>
          <dd>
            {parts === null
              ? text
              : parts
                  .filter(part => part[mine] || !(part.added || part.removed))
                  .map((part, i) =>
                    part[mine] ? (
                      <mark key={i}>{part.value}</mark>
                    ) : (
                      <span key={i}>{part.value}</span>
                    )
                  )}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Which characters are unlike; null where nearly all are, or there are too many to say. */
function marks(expected: string, got: string): ChangeObject<string>[] | null {
  if (expected.length + got.length > LONGEST) {
    return null;
  }
  const parts = diffChars(expected, got);
  const unlike = parts
    .filter(part => part.added || part.removed)
    .reduce((sum, part) => sum + part.value.length, 0);
  return unlike > TOO_UNLIKE * (expected.length + got.length) ? null : parts;
}

/** A Python string of several lines as these lines; null for any other value. */
function unquoted(repr: string): string | null {
  const quoted = /^(['"])([^]*)\1$/.exec(repr);
  if (!quoted || !/[^\\](\\\\)*\\n/.test(repr)) {
    return null;
  }
  const escapes: Record<string, string> = { n: '\n', t: '\t', "'": "'", '"': '"', '\\': '\\' };
  return quoted[2].replace(/\\([nt'"\\])/g, (_, letter: string) => escapes[letter]);
}

/** Two texts as one list of lines, each with a sign that says in which of them it is. */
export function LinesDifference({
  before,
  after,
  names
}: {
  before: string;
  after: string;
  /** What the two are, for those who hear the page. */
  names: string[];
}): React.ReactElement {
  const rows = diffLines(ended(before), ended(after)).flatMap(part =>
    part.value
      .replace(/\n$/, '')
      .split('\n')
      .map(text => ({ text, side: part.removed ? 'removed' : part.added ? 'added' : 'both' }))
  );
  return (
    <pre className="ch-Lines" tabIndex={0}>
      {rows.map(({ text, side }, i) => (
        <span key={i} className="ch-Line" data-side={side}>
          <span aria-hidden>{side === 'removed' ? '− ' : side === 'added' ? '+ ' : '  '}</span>
          {side !== 'both' && (
            <span className="ch-sr">{side === 'removed' ? names[0] : names[1]}: </span>
          )}
          {text}
          {'\n'}
        </span>
      ))}
    </pre>
  );
}

/** A last line without its end would differ from the same line with one. */
function ended(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}
