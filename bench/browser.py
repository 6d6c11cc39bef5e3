"""In a real browser: from sign-in to a usable workspace, and from the click to the painted verdict."""

from __future__ import annotations

import os
import shutil
import time
from typing import Any

from playwright.sync_api import expect, sync_playwright

from .rig import Rig, spread

# Resolves when a verdict other than the one that is shown already has been painted.
PAINTED = """() => new Promise(resolve => {
  const click = performance.now();
  const before = document.querySelector('[aria-label="Verdict"]');
  before?.setAttribute('data-bench-old', '');
  const look = () => {
    const now = document.querySelector('[aria-label="Verdict"]');
    if (now && !now.hasAttribute('data-bench-old') && /points|passed/.test(now.textContent)) {
      requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - click), 0));
    } else {
      requestAnimationFrame(look);
    }
  };
  [...document.querySelectorAll('.jp-NotebookPanel-toolbar jp-button, .jp-NotebookPanel-toolbar button')]
    .find(button => /Submit/.test(button.textContent)).click();
  requestAnimationFrame(look);
})"""


def measure(rig: Rig) -> dict[str, Any]:
    # here, so that what the browser's tests need does not stand in the way of the other measurements
    from tests.e2e import workspace as steps
    from tests.e2e.conftest import AS_ROOT, QUIET

    spawns, verdicts = [], []
    with sync_playwright() as playwright:
        system = shutil.which("chromium") or shutil.which("google-chrome")
        arguments = QUIET + (AS_ROOT if os.geteuid() == 0 else [])
        browser = playwright.chromium.launch(executable_path=system, args=arguments)
        for number in range(rig.choose(1, 3, 5)):
            name = f"bench-spawn-{os.urandom(3).hex()}"
            person = rig.stack.sign_up(name, "correct horse battery")
            context = browser.new_context(base_url=rig.stack.url, viewport={"width": 1440, "height": 900})
            context.set_default_timeout(steps.SLOW_MS)
            page = context.new_page()
            began = time.perf_counter()
            steps.sign_in(page, person)
            steps.workspace(page)
            spawns.append(time.perf_counter() - began)
            if number == 0:
                steps.open_challenge(page)
                steps.answer(page, steps.RIGHT)
                for _ in range(rig.choose(3, 15, 30) + 1):
                    page.wait_for_timeout(1500)
                    verdicts.append(float(page.evaluate(PAINTED)))
                expect(steps.verdict(page)).to_be_visible()
            context.close()
        browser.close()
    return {"spawn_s": spread(spawns), "click_to_painted_ms": spread(verdicts[1:])}
