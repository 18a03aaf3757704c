"""Memories that break a rule, and some that nearly do."""

from __future__ import annotations

from validation.valid import Cases, row, view, vqa

from roboscribe.language import Row


def remembered(*steps: tuple[str, str]) -> list[Row]:
    """An episode of these subtasks, and what is remembered at the start of each; of the first, nothing."""
    return [
        *(row("subtask", label, 9 * n) for n, (label, _) in enumerate(steps)),
        *(row("memory", text, 9 * n) for n, (_, text) in enumerate(steps) if text),
    ]


PUT = "put the red cup in the box"
PAST = "I put the red cup in the box."
LONG_DONE = remembered((PUT, ""), ("wipe the table", PAST), ("stop", PAST))

BREACHES: Cases = {
    "memory.place": [
        [row("memory", "I waited.", 0)],
        [
            row("subtask", "wait"),
            row("subtask", "stop", 9),
            row("memory", "I waited.", 9),
            row("memory", "I did.", 8),
        ],
    ],
    "memory.cover": [
        [
            row("subtask", "wait"),
            row("subtask", "stop", 9),
            row("subtask", "go", 19),
            row("memory", "I waited.", 9),
        ]
    ],
    "memory.person": [[row("memory", "The robot picked up the cup.", 9)]],
    "memory.past": [
        [row("memory", text, 9)]
        for text in (
            "I took the cup and I'm going to put it down.",
            "I pick up the cup.",
            "I opened the drawer. Then I carefully place the cup in it.",
            "I am moving the cup to the box.",
        )
    ],
    "memory.outcome": [
        remembered(("wait", ""), (label, "I waited."), ("stop", "I waited."))
        for label in ("put the cup in the box", "open the drawer", "push the cup to the plate")
    ],
    "memory.attribute": [
        LONG_DONE,
        view(LONG_DONE, tasks=("Put the red cup in the box and wipe the table.",)),
        remembered(("pick up the cup", ""), ("put it in the box", "I picked up the blue cup.")),
    ],
}

NEAR_MISSES: Cases = {
    "memory.place": [
        [row("memory", "I waited.", 1)],
        [row("subtask", "wait"), row("subtask", "stop", 9), row("memory", "I waited.", 9)],
    ],
    "memory.cover": [[row("subtask", "wait")], [row("memory", "I waited.", 9)]],
    "memory.person": [
        [row("memory", text, 9)]
        for text in ("My gripper closed on the cup.", "We moved the table.", "The cup slipped from me.")
    ],
    "memory.past": [
        [row("memory", text, 9)]
        for text in (
            "I put the cup in the box and it is full.",
            "I have picked up the cup; I still hold it.",
            "My gripper closed on the cup.",
            "I did not pick up the cup.",
            "I set down the cup, then cut the bread.",
        )
    ],
    "memory.outcome": [
        remembered(("wait", ""), ("pick up the cup", "I waited."), ("stop", "I waited.")),
        remembered(("wait", ""), ("close the gripper", "I waited."), ("stop", "I waited.")),
        remembered(("wait", ""), ("close the box", "I waited."), ("stop", "I waited and closed the box.")),
        # Done once more, it changes nothing.
        remembered(
            ("close the box", ""),
            ("wait", "I closed the box."),
            ("close the box", "I closed the box."),
            ("stop", "I closed the box."),
        ),
    ],
    "memory.attribute": [
        remembered((PUT, ""), ("wipe the table", PAST), ("stop", "I put the cup in the box.")),
        # The colour is needed for what is still to come, or to tell the thing from others.
        remembered((PUT, ""), ("wipe the table", PAST), ("pick up the red cup", PAST)),
        remembered((PUT, ""), ("wipe the table", PAST), ("put the blue cup away", PAST)),
        remembered((PUT, ""), ("wait", PAST), ("stop", "I put the red and the blue cup in the box.")),
        view(LONG_DONE, tasks=("Put the red cup in the box, not the blue cup.",)),
        view(LONG_DONE, tasks=("Put one of the cups in the box.",)),
        [*LONG_DONE, *vqa({"label": "cup", "count": 2})],
        # Without subtasks nobody knows what is to come.
        [row("memory", PAST, 9), row("memory", "I wiped the table. " + PAST, 19)],
    ],
}
