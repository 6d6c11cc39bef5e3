// The page on which an author publishes a challenge: check, effect, publish, grade again. All text that it shows is set as text, never as HTML.

const API = new URL('./api/v1/', document.baseURI);
const XSRF = document.querySelector('meta[name="xsrf"]').content;
const LOOK_MS = 1000; // between two looks at how far a regrading is
const part = id => document.getElementById(id);

/**
 * What is being published. `base` is the number of the published version that it would replace, or null; `impact` what
 * was found of its effect; `stop` ends the work that is going on.
 */
let current = null;

async function ask(path, body, signal) {
  let answer;
  try {
    answer = await fetch(new URL(path, API), {
      method: body === undefined ? 'GET' : 'POST',
      body: body === undefined ? undefined : JSON.stringify(body),
      headers: { 'Content-Type': 'application/json', 'X-XSRFToken': XSRF },
      signal
    });
  } catch (reason) {
    if (signal?.aborted) {
      throw reason;
    }
    throw new Error('The grader cannot be reached. Look at your connection, then try again.');
  }
  if (answer.ok) {
    return answer;
  }
  const { error } = await answer.json().catch(() => ({}));
  const problem = new Error(error?.message ?? `The grader answered ${answer.status}. Try again in a minute.`);
  problem.code = error?.code;
  throw problem;
}

/** Calls `on[event](data)` for each server-sent event; resolves with the data of `result`. */
async function watch(path, body, on, signal) {
  const answer = await ask(path, body, signal);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) {
      throw new Error('The connection to the grader broke off before it was done. Try again.');
    }
    text += value;
    const blocks = text.split('\n\n');
    text = blocks.pop();
    for (const block of blocks) {
      const name = /^event: (.*)$/m.exec(block)?.[1];
      if (!name) {
        continue;
      }
      const data = JSON.parse(/^data: (.*)$/m.exec(block)[1]);
      if (name === 'result') {
        return data;
      }
      if (name === 'error') {
        throw new Error(data.message);
      }
      on[name]?.(data);
    }
  }
}

function element(kind, text, name = '') {
  const made = document.createElement(kind);
  made.textContent = text;
  made.className = name;
  return made;
}

function say(text) {
  part('status').textContent = text;
}

function fail(reason) {
  if (reason.name === 'AbortError') {
    say('Stopped.');
    return;
  }
  part('error').textContent = reason.message;
  part('error').hidden = false;
  part('error').scrollIntoView({ block: 'nearest' });
}

const BEFORE_MEASURING = part('effect-told').textContent;

/** As the grader makes it where a notebook names none. */
function slugOf(notebook, filename) {
  const written = notebook.metadata?.challenge?.slug;
  if (typeof written === 'string' && written) {
    return written;
  }
  const plain = filename.replace(/\.ipynb$/i, '').normalize('NFKD').replace(/[^\x00-\x7f]/g, '');
  return plain.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 64);
}

async function choose(file) {
  current?.leave?.();
  for (const id of ['challenge', 'effect', 'publish', 'regrade', 'error', 'told', 'again', 'working', 'changes', 'regraded']) {
    part(id).hidden = true;
  }
  part('effect-told').textContent = BEFORE_MEASURING;
  part('verdict').textContent = '';
  say('');
  part('challenge').hidden = false;
  part('challenge-title').textContent = file.name;
  part('standing').textContent = '';
  const text = await file.text();
  let notebook;
  try {
    notebook = JSON.parse(text.replace(/^\ufeff/, ''));
  } catch {
    notebook = null;
  }
  const slug = notebook && typeof notebook === 'object' ? slugOf(notebook, file.name) : '';
  if (!slug) {
    fail(new Error('This is not a notebook. Choose the .ipynb file of your challenge.'));
    return;
  }
  current = { slug, text, base: null, impact: null };
  part('challenge-title').textContent = slug;
  try {
    await readStanding();
    await check();
  } catch (reason) {
    fail(reason);
    part('again').hidden = false;
  }
}

async function readStanding() {
  try {
    const history = await (await ask(`challenges/${encodeURIComponent(current.slug)}/versions`)).json();
    current.base = history.published;
    part('standing').textContent = history.published
      ? `Learners have version ${history.published} now.`
      : 'This challenge is retired: learners do not see it. Publishing brings it back.';
  } catch (reason) {
    if (reason.code !== 'challenge_unknown') {
      throw reason;
    }
    part('standing').textContent = 'A new challenge.';
  }
}

/** Shows in the section `where` how far long work is, with a button that calls `stop`. */
function progress(where, doing, { done, total, doing: what } = {}) {
  const working = part('working');
  if (working.parentElement !== part(where)) {
    part(where).append(working);
  }
  working.hidden = false;
  if (total === undefined) {
    part('progress').removeAttribute('value');
    part('doing').textContent = doing;
  } else {
    part('progress').max = total;
    part('progress').value = done;
    part('doing').textContent = `${what || doing}: ${done} of ${total}`;
  }
}

/** Runs work that ends when nobody watches it. */
async function work(where, doing, path, body, on) {
  const mine = current;
  const mayGoOn = new AbortController();
  mine.stop = mine.leave = () => mayGoOn.abort();
  part('error').hidden = part('again').hidden = true;
  progress(where, doing);
  try {
    return await watch(path, body, { progress: counts => progress(where, doing, counts), ...on }, mayGoOn.signal);
  } finally {
    if (mine === current) {
      part('working').hidden = true;
      mine.leave = null;
    }
  }
}

async function check() {
  part('told').hidden = part('effect').hidden = part('publish').hidden = part('regrade').hidden = true;
  part('verdict').textContent = '';
  const report = await work('challenge', 'Checking', `challenges/${encodeURIComponent(current.slug)}/check`, {
    notebook: current.text
  });
  show(report);
}

function show(report) {
  const strength =
    report.strength === null
      ? ''
      : ` The checks notice ${Math.floor(report.strength * 100)} % of ${report.mutants.tried} slightly wrong answers.`;
  part('challenge-title').textContent = report.title || current.slug;
  part('verdict').textContent = report.fit ? `✓ Fit to publish.${strength}` : `✗ Not fit yet.${strength} Mend what is listed, save, and choose the file again.`;
  part('verdict').className = report.fit ? 'good' : 'bad';
  part('findings').replaceChildren(...report.findings.map(finding));
  const survivors = part('survivors');
  survivors.querySelector('summary').textContent = `${report.survivors.length} wrong answers that pass every check`;
  survivors.replaceChildren(survivors.firstElementChild, ...report.survivors.flatMap(survivor));
  survivors.hidden = report.survivors.length === 0;
  part('told').hidden = false;
  part('effect').hidden = !(report.fit && current.base);
  part('publish').hidden = !report.fit;
}

function finding({ code, severity, cell, message }) {
  const made = document.createElement('li');
  const bad = severity === 'error';
  made.append(element('strong', bad ? '✗ Error ' : '! Warning ', bad ? 'bad' : 'warn'));
  made.append(element('code', cell ? `${code} · cell ${cell}` : code), element('p', message));
  return made;
}

function survivor({ cell, line, operator, diff }) {
  const shown = document.createElement('pre');
  shown.tabIndex = 0;
  for (const one of diff.split('\n').slice(2)) {
    shown.append(element('span', `${one}\n`, { '+': 'plus', '-': 'minus' }[one[0]] ?? ''));
  }
  return [element('h3', `${operator}, line ${line} of ${cell}`), shown];
}

/** A row of `table` for a verdict that differs. */
function addChange(table, { learner, before_status, before_score, after_status, after_score, message }) {
  const row = document.createElement('tr');
  row.append(element('td', learner), element('td', `${before_status}, ${before_score} points`));
  row.append(element('td', after_status ? `${after_status}, ${after_score} points` : message));
  part(table).tBodies[0].append(row);
  part(table).hidden = false;
}

async function measure() {
  part('changes').tBodies[0].replaceChildren();
  part('changes').hidden = true;
  const path = `challenges/${encodeURIComponent(current.slug)}/impact`;
  const mine = current;
  const change = told => addChange('changes', told);
  mine.impact = await work('effect', 'Grading the latest submissions', path, { notebook: mine.text }, { change });
  part('effect-told').textContent = mine.impact.message;
}

async function publish(how) {
  const body = { notebook: current.text, base: current.base, why: part('why').value.trim() };
  part('error').hidden = true;
  const buttons = part('publish').querySelectorAll('button');
  buttons.forEach(button => (button.disabled = true));
  try {
    if (how === 'review') {
      const draft = await (await ask('drafts', body)).json();
      await ask(`drafts/${draft.id}/submit`, {});
      say(`Draft ${draft.id} is in review now. Somebody else has to approve it; then it is published.`);
    } else {
      const { message, created } = await (await ask(`challenges/${encodeURIComponent(current.slug)}/versions`, body)).json();
      say(message);
      if (created && body.base) {
        offerRegrading(body.why);
      }
    }
    part('publish').hidden = part('effect').hidden = true;
    part('why').value = '';
    await readStanding();
  } finally {
    buttons.forEach(button => (button.disabled = false));
  }
}

function offerRegrading(why) {
  const known = current.impact;
  if (known && !known.changed) {
    return; // nobody's verdict would be another one
  }
  part('regrade-told').textContent = known
    ? `${known.message} The verdicts stand as they are until you have them graded again.`
    : 'The verdicts that learners have stand as they are until you have them graded again.';
  part('regrade-why').value = why;
  part('regrade-asked').hidden = false;
  part('regraded').tBodies[0].replaceChildren();
  part('regrade').hidden = false;
}

/** For the record; goes on when the page is left. */
async function regrade() {
  const mine = current;
  const asked = { version: mine.base, why: part('regrade-why').value.trim() };
  part('error').hidden = true;
  let run = await (await ask(`challenges/${encodeURIComponent(mine.slug)}/regradings`, asked)).json();
  const { id } = run;
  part('regrade-asked').hidden = true;
  part('regrade-told').textContent = 'This goes on if you leave the page.';
  mine.stop = () => ask(`regradings/${id}/cancel`, {});
  while (run.state === 'running') {
    progress('regrade', 'Graded again', run);
    await new Promise(resolve => setTimeout(resolve, LOOK_MS));
    if (mine !== current) {
      return;
    }
    try {
      run = await (await ask(`regradings/${id}`)).json();
    } catch (reason) {
      if (reason.code) {
        throw reason;
      }
      part('doing').textContent = reason.message; // it goes on without us; look again
    }
  }
  part('working').hidden = true;
  run.changes.forEach(change => addChange('regraded', change));
  const ended = run.state === 'finished' ? 'Finished' : 'Stopped';
  const changed = run.changed === 1 ? '1 verdict' : `${run.changed} verdicts`;
  const kept = run.failed ? ` ${run.failed} could not be graded with this version and stay as they were.` : '';
  part('regrade-told').textContent =
    `${ended}: ${run.done - run.failed} of ${run.total} graded again, ${changed} changed.${kept}`;
}

const guarded = run => () => run().catch(fail);

part('file').addEventListener('change', () => {
  const [file] = part('file').files;
  if (file) {
    void choose(file);
  }
  part('file').value = ''; // so that the same file, mended, can be chosen again
});
part('cancel').addEventListener('click', guarded(async () => {
  await current.stop();
  part('again').hidden = !part('regrade').hidden;
}));
part('again').addEventListener('click', guarded(check));
part('measure').addEventListener('click', guarded(measure));
part('publish').addEventListener('submit', event => {
  event.preventDefault();
  void publish(event.submitter?.value).catch(fail);
});
part('regrade').addEventListener('submit', event => {
  event.preventDefault();
  void regrade().catch(fail);
});
for (const name of ['dragover', 'dragleave', 'drop']) {
  part('drop').addEventListener(name, event => {
    event.preventDefault();
    part('drop').classList.toggle('over', name === 'dragover');
    if (name === 'drop' && event.dataTransfer.files[0]) {
      void choose(event.dataTransfer.files[0]);
    }
  });
}
