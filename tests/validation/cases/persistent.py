"""Subtasks, plans and rephrasings that break a rule, and some that nearly do."""

from __future__ import annotations

from validation.valid import ROWS, Cases, plan, row, t, view, without

LONG = "pick up the red cup that stands beside the blue one on the table"

BREACHES: Cases = {
    "subtask.cover": [[row("subtask", "pick up the cup", 1)]],
    "subtask.span": [[row("subtask", "pick up the cup"), row("subtask", "wipe the table")]],
    "subtask.line": [[row("subtask", "pick up\nthe cup")]],
    "subtask.repeat": [[row("subtask", "wait"), row("subtask", "wait", 9)]],
    "subtask.label": [
        [row("subtask", LONG)],
        [row("subtask", "the cup is picked up")],
        [row("subtask", "picking up the cup")],
        [row("subtask", "where is the cup?")],
    ],
    "persistent.single": [[row("motion", "lift the arm"), row("motion", "lower the arm")]],
    "plan.cover": [
        [row("plan", plan("wait"), 5)],
        [
            r
            for r in without("interjection", None, "memory")
            if (r.style, r.timestamp) not in [("plan", t(30)), ("plan", t(60))]
        ],
    ],
    "plan.place": [without("interjection", None)],
    "plan.lines": [
        [row("plan", text)]
        for text in (
            "wipe the table",
            "1) wipe the table",
            "1. wipe the table\n3. wait",
            "2. wait",
            "1. wait\n",
            "1. ",
        )
    ],
    "plan.remaining": [
        [row("subtask", "wait"), row("plan", plan("wipe the table"))],
        [row("subtask", "wait"), row("plan", plan("wait", "wipe the table"))],
        [
            row("subtask", "wait"),
            row("subtask", "stop", 9),
            row("plan", plan("wait")),
            row("plan", plan("stop"), 9),
        ],
    ],
    "task_aug.place": [[row("task_aug", "Put the cup in the box."), row("task_aug", "Put it in.", 4)]],
    "task_aug.first": [[row("task_aug", "Please put the cup in the box.")]],
    "task_aug.duplicate": [
        [row("task_aug", "Put the cup in the box."), row("task_aug", " put the Cup in the  box ")]
    ],
}

NEAR_MISSES: Cases = {
    "subtask.cover": [[row("subtask", "pick up the cup", 0)]],
    "subtask.span": [[row("subtask", "pick up the cup"), row("subtask", "wipe the table", 1)]],
    "subtask.line": [[row("subtask", "pick up the cup\n")]],
    "subtask.repeat": [[row("subtask", "wait"), row("subtask", "stop", 9), row("subtask", "wait", 19)]],
    "subtask.label": [
        [row("subtask", LONG.rsplit(" ", 2)[0])],
        [row("subtask", "bring the cup")],
        [row("subtask", "then pick up the cup")],
    ],
    "persistent.single": [
        [row("motion", "lift the arm"), row("motion", "lower the arm", 1)],
        [row("task_aug", "Put the cup in the box."), row("task_aug", "Put it in the box.")],
    ],
    "plan.cover": [[row("plan", plan("wait")), row("plan", plan("wait", "stop"), 5)]],
    "plan.place": [ROWS, [row("plan", plan("wait")), row("plan", plan("stop"), 7)]],
    "plan.lines": [[row("plan", plan(*("wait" if n % 2 else "stop" for n in range(12))))]],
    "plan.remaining": [
        [row("subtask", "wait"), row("plan", plan("wait"))],
        [row("plan", plan("pick up the cup", "wipe the table"))],
        # A task that is changed on the way leaves the earlier steps done.
        without("memory"),
    ],
    "task_aug.place": [[row("task_aug", "Put the cup in the box."), row("task_aug", "Put it in.")]],
    "task_aug.first": [
        view([row("task_aug", "Do it.")], tasks=("debug",)),
        *(
            view([row("task_aug", text)], tasks=("Wipe the table.", "Open the drawer."))
            for text in ("Wipe the table.; Open the drawer.", "Open the drawer.")
        ),
    ],
    "task_aug.duplicate": [
        [row("task_aug", "Put the cup in the box."), row("task_aug", "Put the cup into the box.")]
    ],
}
