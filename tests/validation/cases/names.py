"""Names that drift within an episode, and some that nearly do."""

from __future__ import annotations

from validation.valid import Cases, row, view, vqa

from roboscribe.language import Row


def labelled(*labels: str) -> list[Row]:
    """An episode of these subtasks."""
    return [row("subtask", label, 9 * n) for n, label in enumerate(labels)]


BREACHES: Cases = {
    "label.drift": [
        [row("subtask", "pick up the red cube"), row("subtask", "put the red block in the box", 9)],
        [row("subtask", "grasp the grey cup"), row("subtask", "lift the gray cup", 9)],
        [row("subtask", "grasp the mug"), *vqa({"label": "cup", "count": 1})],
        [row("subtask", "pick up the red cube"), row("subtask", "put the block in the box", 9)],
        [row("subtask", "pick up the brick"), row("subtask", "put the grey cube in the box", 9)],
        [
            row("subtask", "wipe the large table"),
            *vqa({"subject": "the cloth", "relation": "on", "object": "the big tabletop"}),
        ],
    ],
}

NEAR_MISSES: Cases = {
    "label.drift": [
        # The task, or a label, knows both things.
        labelled("stack the cube", "stack the block", "stack the cube on the block"),
        labelled("pick up the red cube", "pick up the blue block"),
        view(labelled("pick up the cup", "pick up the mug"), tasks=("Put the cups and the mugs away.",)),
        # There may be more than one.
        labelled("pick up the red cube", "pick up the blue cube", "put the block in the box"),
        labelled("pick up the red cube", "put the block beside the blocks"),
        labelled("pick up the red cube", "put the other block in the box"),
        view(
            labelled("pick up the red cube", "put the block in the box"),
            tasks=("Put all the blocks in the box.",),
        ),
        [*labelled("pick up the red cube", "put the block in the box"), *vqa({"label": "block", "count": 3})],
        # The two differ in more than their nouns, or in no noun.
        labelled("pick up the ice cube", "put the block in the box"),
        labelled("pick up the red cube", "put the cube in the box"),
        labelled("pick up the cup", "pick up the cups", "wait", "retract"),
        # What names nothing.
        labelled("grasp the object", "lift the cup"),
        labelled("do something clever", "then the other"),
    ],
}
