"""What processes of the app know of a run in common: its run.json, which each may change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aecore.runs.found import FACTS_FORMAT, read_facts
from aecore.runs.run import FACTS_FILE, Run

#: What whoever leads a run says of it; until it ends nobody else does.
_LEADERS = ("status", "message", "worker", "remark")


def said(run: Run) -> dict[str, Any]:
    """What is known of a run, by its names in run.json."""
    return {
        "owner": run.owner,  # first: it is read even from half a file
        "format": FACTS_FORMAT,
        "name": run.name,
        "kind": run.kind,
        "dataset": run.dataset,
        "created": run.created,
        "watch": run.watch,
        "status": run.recording.status,
        "message": run.recording.message,
        "spec": run.spec.to_json(),
        "config": run.config.to_json(),
        "leader": run.leader,
        "token": run.token,
        "worker": run.worker or "",
        "remark": run.remark,
    }


def content(run: Run) -> bytes:
    """run.json as it is to be written."""
    return json.dumps(said(run)).encode()


def signature(path: Path) -> tuple[int, ...] | None:
    """What changes with a file; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def meet(run: Run, folder: Path, me: str) -> bool:
    """Take in what others wrote of a run since this process read or wrote it; whether it is still
    there. What this process changed meanwhile stays changed.

    The run's lock is held, and `Replica.alone` where something is to be written next.
    """
    found = signature(folder / FACTS_FILE)
    if found is None:
        return not run.synced
    if found == run.seen:
        return True
    there = read_facts(folder)
    if there is None:
        return True  # damaged: what is known here is better, and is written next
    theirs, ours = said(there), said(run)
    led_here = run.leader == me and theirs["leader"] == run.synced.get("leader", me)
    for name, value in theirs.items():
        mine = ours[name] != run.synced.get(name)
        if (led_here if name in _LEADERS else mine) or value == ours[name]:
            continue
        _set(run, name, there)
    run.seen, run.synced = found, theirs
    return True


def _set(run: Run, name: str, there: Run) -> None:
    if name in ("status", "message"):
        setattr(run.recording, name, getattr(there.recording, name))
        run.recording.version += 1
    elif name == "worker":
        run.worker = there.worker
    elif name == "token":
        run.token, run.received = there.token, -1  # nothing was heard of this order yet
    elif name != "format":
        setattr(run, name, getattr(there, name))
