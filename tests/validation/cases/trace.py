"""Traces that break a rule, and some that nearly do."""

from __future__ import annotations

import json

from validation.valid import Cases, row

BREACHES: Cases = {
    "trace.path": [
        [row("trace", text)]
        for text in (
            "",
            "left",
            "[]",
            "{}",
            "[[1, 2], [3]]",
            "[1, 2]",
            "[[1, 2], [3, NaN]]",
            "[[1, 2], [640, 3]]",
            '{"paths": []}',
            '{"paths": [[[1, 2]]]}',
            '{"paths": [{"label": "gripper", "points": [[1, 2]]}]}',
            '{"paths": [{"label": " ", "point_format": "xy", "points": [[1, 2]]}]}',
            '{"paths": [{"label": "gripper", "point_format": "yx", "points": [[1, 2]]}]}',
            '{"paths": [{"label": "gripper", "point_format": "xy", "points": []}]}',
            '{"paths": [{"label": "gripper", "point_format": "xy", "points": [[1, 480]]}]}',
            json.dumps({"paths": [{"label": "gripper", "point_format": "xy", "points": [[1, 2]]}] * 2}),
        )
        if text
    ],
    "trace.single": [[row("trace", "[[1, 2]]"), row("trace", "[[1, 3]]")]],
}

NEAR_MISSES: Cases = {
    "trace.path": [
        [row("trace", text)]
        for text in (
            "[[0, 0]]",
            "[[1, 2], [639.9, 479.9]]",
            '{"paths": [{"label": "gripper", "point_format": "xy", "points": [[1, 2]]}]}',
        )
    ],
    "trace.single": [
        [row("trace", "[[1, 2]]"), row("trace", "[[1, 3]]", camera="observation.images.wrist")],
        [row("trace", "[[1, 2]]"), row("trace", "[[1, 3]]", 1)],
    ],
}
