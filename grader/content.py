"""Looking after the challenges of an installation from a terminal: publishing, versions, impact, review.

All of it goes through the HTTP API in the name of whoever owns the token, so it can do what they can do.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.text import Text

from . import report
from .challenge import content_hash, parse_challenge
from .errors import ChallengeUnknown, RequestMalformed
from .remote import Installation, Refused

DONE, UNFIT = 0, 1
LOOK_S = 1.0  # between two looks at how far a regrading is
SIGNS = {"passed": "green", "error": "red", "warning": "yellow"}

Run = Callable[[Installation, argparse.Namespace], int]


def add_commands(commands: Any, environment: Mapping[str, str]) -> None:
    """Describe the commands to the command line; the environment gives CHALLENGEHUB_URL and _TOKEN."""

    def add(into: Any, name: str, help: str, run: Run, *, why: str = "") -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = into.add_parser(
            name,
            help=help,
            description=f"{help[0].upper()}{help[1:]}.",
            epilog="Exit status: 0 done; 1 unfit to publish; 2 it could not be done.",
        )
        parser.add_argument("--json", action="store_true", help="what the API answers, for programs")
        parser.add_argument(
            "--url",
            default=environment.get("CHALLENGEHUB_URL", ""),
            help="address of the installation (default: CHALLENGEHUB_URL)",
        )
        parser.add_argument(
            "--token",
            default=environment.get("CHALLENGEHUB_TOKEN", ""),
            help="your token, from the hub's Token page (default: CHALLENGEHUB_TOKEN, which other people on "
            "this machine cannot see)",
        )
        if why:
            parser.add_argument("-m", "--why", required=True, metavar="WHY", help=why)
        parser.set_defaults(run=lambda arguments: _with_installation(run, arguments))
        return parser

    kept = "the reason, which is kept with it"
    publish = add(commands, "publish", "check a challenge and publish it", _publish, why=kept)
    publish.add_argument("path", metavar="NOTEBOOK", help="the challenge as its author wrote it")
    publish.add_argument(
        "--base", type=int, metavar="N", help="the version that it was made from (default: the published one)"
    )
    publish.add_argument(
        "--force", action="store_true", help="past its check and review; for admins, and on record"
    )
    versions = add(commands, "versions", "list a challenge's versions, or compare two", _versions)
    versions.add_argument("slug", metavar="CHALLENGE")
    versions.add_argument("--diff", nargs=2, type=int, metavar=("FROM", "TO"), help="what changed, by cell")
    rollback = add(commands, "rollback", "publish an older version again", _rollback, why=kept)
    rollback.add_argument("slug", metavar="CHALLENGE")
    rollback.add_argument("version", type=int, metavar="N")
    for name, help in (
        ("retire", "take a challenge from the learners' list; nothing is deleted"),
        ("restore", "bring a retired challenge back"),
    ):
        add(commands, name, help, _standing(name), why=kept).add_argument("slug", metavar="CHALLENGE")
    impact = add(commands, "impact", "show which verdicts publishing a challenge would change", _impact)
    impact.add_argument("path", metavar="NOTEBOOK")
    regrade = add(
        commands, "regrade", "grade everybody's latest submission again", _regrade, why="learners are told it"
    )
    regrade.add_argument("slug", metavar="CHALLENGE")
    regrade.add_argument(
        "--version", type=int, metavar="N", help="against this version (default: the published one)"
    )
    regrade.add_argument("--no-wait", action="store_true", help="begin it, and do not wait for its end")
    _add_review(commands, add)


def _add_review(commands: Any, add: Callable[..., argparse.ArgumentParser]) -> None:
    review = commands.add_parser("review", help="drafts of challenges, and their review by somebody else")
    steps = review.add_subparsers(metavar="STEP", required=True)
    listed = add(steps, "list", "list the drafts that are open", _drafts)
    listed.add_argument("--state", choices=("draft", "in_review", "published", "withdrawn"))
    listed.add_argument("--challenge", metavar="CHALLENGE")
    new = add(steps, "submit", "submit a challenge for review", _submit, why="what the change is for")
    new.add_argument("path", metavar="NOTEBOOK")
    new.add_argument("--draft", type=int, metavar="N", help="a new revision of this draft of yours")
    add(steps, "show", "show a draft, what it changes and what was said", _show).add_argument(
        "draft", type=int, metavar="N"
    )
    add(steps, "check", "check whether a draft is fit to publish", _check_draft).add_argument(
        "draft", type=int, metavar="N"
    )
    for name, help, needed in (
        ("comment", "say something about a draft", True),
        ("approve", "approve a draft, which publishes it", False),
        ("reject", "send a draft back to its author", True),
        ("withdraw", "give a draft of your own up", False),
    ):
        step = add(steps, name, help, _step(name))
        step.add_argument("draft", type=int, metavar="N")
        if name in ("approve", "reject"):
            step.add_argument(
                "--revision",
                type=int,
                required=name == "approve",
                metavar="R",
                help="the revision that you have read, as show names it; refused if there is a newer one",
            )
        step.add_argument("-m", "--text", required=needed, default="", metavar="TEXT", help="what you say")


def _with_installation(run: Run, arguments: argparse.Namespace) -> int:
    for name, value in (("url", arguments.url), ("token", arguments.token)):
        if not value:
            raise RequestMalformed(
                f"Where to? Set CHALLENGEHUB_{name.upper()}, or give --{name}. You make a token on the "
                "hub's Token page."
            )
    with Installation(arguments.url, arguments.token) as site:
        return run(site, arguments)


# --- publishing


def _read(path: str) -> tuple[str, str]:
    """(slug, text) of an author's file."""
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise ChallengeUnknown(f"{path} cannot be read: {error}") from error
    return parse_challenge(text, filename=Path(path).name).slug, text


def _history(site: Installation, slug: str) -> dict[str, Any]:
    try:
        history: dict[str, Any] = site.get(f"/challenges/{slug}/versions")
    except Refused as error:
        if error.refusal != "challenge_unknown":
            raise
        history = {"slug": slug, "published": None, "versions": []}
    return history


def _publish(site: Installation, arguments: argparse.Namespace) -> int:
    slug, text = _read(arguments.path)
    history = _history(site, slug)
    same = next(
        (
            v["number"]
            for v in history["versions"]
            if v["published"] and v["content_hash"] == content_hash(text)
        ),
        None,
    )
    if same is None and not arguments.force:
        told = _check(site, slug, text)
        if not told["fit"]:
            _show_report(told, arguments.json)
            return UNFIT
    base = arguments.base if arguments.base is not None else history["published"]
    sent = {"notebook": text, "base": base, "why": arguments.why, "force": arguments.force}
    try:
        _say(site.post(f"/challenges/{slug}/versions", sent), arguments, "message")
    except Refused as error:
        if error.refusal != "challenge_unfit":
            raise
        _show_report(error.details["report"], arguments.json)
        return UNFIT
    return DONE


def _check(site: Installation, slug: str, text: str) -> dict[str, Any]:
    with report.bar(f"checking {slug}") as tell:
        return site.watch(
            f"/challenges/{slug}/check",
            {"notebook": text},
            lambda name, data: tell(data["done"], data["total"]),
        )


def _impact(site: Installation, arguments: argparse.Namespace) -> int:
    slug, text = _read(arguments.path)
    with report.bar(f"grading again for {slug}") as tell:
        told = site.watch(
            f"/challenges/{slug}/impact",
            {"notebook": text},
            lambda name, data: tell(data["done"], data["total"]) if name == "progress" else None,
        )
    return _show_changes(told, told["message"], arguments)


def _regrade(site: Installation, arguments: argparse.Namespace) -> int:
    sent = {"why": arguments.why, "version": arguments.version}
    told = site.post(f"/challenges/{arguments.slug}/regradings", sent)
    if not arguments.no_wait:
        with report.bar(f"grading again for {arguments.slug}") as tell:
            while told["state"] == "running":
                tell(told["done"], told["total"])
                time.sleep(LOOK_S)
                told = site.get(f"/regradings/{told['id']}")
    words = (
        f"Regrading {told['id']} is {told['state']}: {told['done']} of {told['total']} graded again, "
        f"{told['changed']} verdicts changed."
    )
    return _show_changes(told, words, arguments)


def _show_changes(told: dict[str, Any], words: str, arguments: argparse.Namespace) -> int:
    if arguments.json:
        print(json.dumps(told))
        return DONE
    console = report.console()
    for change in told["changes"]:
        after = change["after_status"] or f"not graded: {change['message']}"
        line = f"  {change['learner']}: {change['before_status']} → {after}"
        if change["after_score"] is not None:
            line += f" ({change['before_score']:g} → {change['after_score']:g} points)"
        console.print(Text(report.plain(line), style=SIGNS.get(change["after_status"] or "", "yellow")))
    console.print(Text(report.plain(words)))
    return DONE


def _versions(site: Installation, arguments: argparse.Namespace) -> int:
    if arguments.diff:
        before, after = arguments.diff
        told = site.get(f"/challenges/{arguments.slug}/diff", **{"from": before, "to": after})
        return _say(told, arguments, "text")
    told = site.get(f"/challenges/{arguments.slug}/versions")
    if arguments.json:
        print(json.dumps(told))
        return DONE
    console = report.console()
    for version in told["versions"]:
        sign = "→" if version["published"] else " "
        line = f"{sign} {version['number']:>3}  {version['created_at'][:16]}  "
        line += f"{version['created_by']}: {version['why']}"
        console.print(Text(report.plain(line), style="bold" if version["published"] else ""))
    if told["published"] is None:
        console.print(Text("retired: none of them is published", style="yellow"))
    return DONE


def _rollback(site: Installation, arguments: argparse.Namespace) -> int:
    base = _history(site, arguments.slug)["published"]
    sent = {"version": arguments.version, "base": base, "why": arguments.why}
    told = site.post(f"/challenges/{arguments.slug}/rollback", sent)
    return _say(told, arguments, words=f"{told['slug']} version {told['version']} is published again.")


def _standing(action: str) -> Run:
    def run(site: Installation, arguments: argparse.Namespace) -> int:
        told = site.post(f"/challenges/{arguments.slug}/{action}", {"why": arguments.why})
        now = "is published again" if told["published"] else "is retired"
        return _say(told, arguments, words=f"{told['slug']} (version {told['version']}) {now}.")

    return run


# --- review


def _drafts(site: Installation, arguments: argparse.Namespace) -> int:
    told = site.get("/drafts", state=arguments.state, challenge=arguments.challenge)
    if arguments.json:
        print(json.dumps(told))
        return DONE
    lines = [f"{_draft_line(draft)}\n       {draft['why']}" for draft in told["drafts"]]
    return _say(told, arguments, words="\n".join(lines) or "No drafts.")


def _draft_line(draft: dict[str, Any]) -> str:
    fit = {True: "fit", False: "unfit", None: "not checked"}[draft["fit"]]
    state = draft["state"].replace("_", " ")
    about = f"{state}, revision {draft['revision']}, {fit}, by {draft['author']}"
    return f"{draft['id']:>5}  {draft['slug']}: {about}"


def _submit(site: Installation, arguments: argparse.Namespace) -> int:
    slug, text = _read(arguments.path)
    sent = {"notebook": text, "base": _history(site, slug)["published"], "why": arguments.why}
    path = "/drafts" if arguments.draft is None else f"/drafts/{arguments.draft}"
    draft = site.post(path, sent)
    told = site.post(f"/drafts/{draft['id']}/submit", {"revision": draft["revision"]})
    return _say(told, arguments, words=f"Draft {told['id']} is in review.")


def _show(site: Installation, arguments: argparse.Namespace) -> int:
    told = site.get(f"/drafts/{arguments.draft}")
    notes = [
        f"{note['at'][:16]}  {note['who']} ({note['what']}, revision {note['revision']}): {note['text']}"
        for note in told["notes"]
    ]
    lines = [_draft_line(told), "", told["text"], "", *notes]
    if told["state"] == "in_review":
        named = f"{told['id']} --revision {told['revision']}"
        lines += ["", f"To publish what you see here: python -m grader review approve {named}"]
    return _say(told, arguments, words="\n".join(lines))


def _check_draft(site: Installation, arguments: argparse.Namespace) -> int:
    draft = site.get(f"/drafts/{arguments.draft}")
    told = _check(site, draft["slug"], draft["source"])
    _show_report(told, arguments.json)
    return DONE if told["fit"] else UNFIT


def _step(name: str) -> Run:
    def run(site: Installation, arguments: argparse.Namespace) -> int:
        sent = {"text": arguments.text}
        if getattr(arguments, "revision", None) is not None:
            sent["revision"] = arguments.revision
        try:
            told = site.post(f"/drafts/{arguments.draft}/{name}", sent)
        except Refused as error:
            if error.refusal != "challenge_unfit":
                raise
            _show_report(error.details["report"], arguments.json)
            return UNFIT
        words = f"Draft {told['id']} is {told['state'].replace('_', ' ')}."
        if told["version"]:
            words = f"{told['slug']} version {told['version']} is published."
        return _say(told, arguments, words=words)

    return run


# --- on the screen


def _say(told: dict[str, Any], arguments: argparse.Namespace, key: str = "", *, words: str = "") -> int:
    print(json.dumps(told) if arguments.json else report.plain(words or str(told[key])))
    return DONE


def _show_report(told: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(told))
        return
    console = report.console()
    for finding in told.get("findings", ()):
        where = f" in cell {finding['cell']}" if finding["cell"] else ""
        console.print(Text(f"{finding['code']}{report.plain(where)}", style=SIGNS[finding["severity"]]))
        report.indented(console, finding["message"])
    for survivor in told.get("survivors", ()):
        console.print(Text(f"a wrong answer that passes every check, line {survivor['line']}:", style="red"))
        report.indented(console, survivor["diff"])
    console.print(Text("fit to publish" if told.get("fit") else "unfit: nothing was published", style="bold"))
