// The page on which an author publishes a challenge: check, effect, publish. All text that it shows is set as text, never as HTML.

const API = new URL('./api/v1/', document.baseURI);
const XSRF = document.querySelector('meta[name="xsrf"]').content;
const part = id => document.getElementById(id);

/** What is being published. `base` is the number of the published version that it would replace, or null. */
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
}

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
  current?.work?.abort();
  for (const id of ['challenge', 'effect', 'publish', 'error', 'told', 'again', 'working']) {
    part(id).hidden = true;
  }
  part('changes').hidden = true;
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
  current = { slug, text, base: null, work: null };
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

/** Runs long work with its progress bar and its Stop button. */
async function work(doing, path, body, on) {
  const mine = current;
  mine.work = new AbortController();
  part('error').hidden = part('again').hidden = true;
  part('working').hidden = false;
  part('progress').removeAttribute('value');
  part('doing').textContent = doing;
  try {
    const progress = ({ done, total, doing: what }) => {
      part('progress').max = total;
      part('progress').value = done;
      part('doing').textContent = `${what || doing}: ${done} of ${total}`;
    };
    return await watch(path, body, { progress, ...on }, mine.work.signal);
  } finally {
    if (mine === current) {
      part('working').hidden = true;
    }
  }
}

async function check() {
  part('told').hidden = part('effect').hidden = part('publish').hidden = true;
  part('verdict').textContent = '';
  const report = await work('Checking', `challenges/${encodeURIComponent(current.slug)}/check`, {
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

async function measure() {
  const rows = part('changes').tBodies[0];
  rows.replaceChildren();
  const impact = await work('Grading the latest submissions', `challenges/${encodeURIComponent(current.slug)}/impact`, {
    notebook: current.text
  }, {
    change: ({ learner, before_status, before_score, after_status, after_score, message }) => {
      const row = document.createElement('tr');
      row.append(element('td', learner), element('td', `${before_status}, ${before_score} points`));
      row.append(element('td', after_status ? `${after_status}, ${after_score} points` : message));
      rows.append(row);
      part('changes').hidden = false;
    }
  });
  part('effect-told').textContent = impact.message;
  say(impact.message);
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
      say('It is in review now. Somebody else has to approve it; then it is published.');
    } else {
      const { message } = await (await ask(`challenges/${encodeURIComponent(current.slug)}/versions`, body)).json();
      say(message);
    }
    part('publish').hidden = true;
    part('why').value = '';
    await readStanding();
  } finally {
    buttons.forEach(button => (button.disabled = false));
  }
}

const guarded = run => () => run().catch(fail);

part('file').addEventListener('change', () => {
  const [file] = part('file').files;
  if (file) {
    void choose(file);
  }
  part('file').value = ''; // so that the same file, mended, can be chosen again
});
part('cancel').addEventListener('click', () => {
  current.work.abort();
  part('again').hidden = false;
});
part('again').addEventListener('click', guarded(check));
part('measure').addEventListener('click', guarded(measure));
part('publish').addEventListener('submit', event => {
  event.preventDefault();
  void publish(event.submitter?.value).catch(fail);
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
