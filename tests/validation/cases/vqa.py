"""Visual questions and answers that break a rule, and some that nearly do."""

from __future__ import annotations

from dataclasses import replace

from validation.valid import BOX, Cases, row, vqa

from roboscribe.language import Row

COUNT = {"label": "cup", "count": 2}
COLOR = {"label": "cup", "attribute": "color", "value": "red"}
PLACE = {"subject": "cup", "relation": "on", "object": "table"}


def wrist(answer: object) -> list[Row]:
    """A question and its answer about a camera whose pictures are of unknown size."""
    return [replace(r, camera="observation.images.wrist") for r in vqa(answer)]


def boxed(*boxes: list[float]) -> dict[str, object]:
    """An answer of these boxes."""
    return {"detections": [{"label": "cup", "bbox_format": "xyxy", "bbox": box} for box in boxes]}


BREACHES: Cases = {
    "vqa.pair": [vqa(BOX)[:1], vqa(BOX)[1:], [*vqa(BOX), row("vqa", "How many?", 10, role="user")]],
    "vqa.json": [
        vqa(text)
        for text in ("two", "", '{"label": "cup", "count": NaN}', "[1, 2]", '"two"', "{", "[" * 100_000)
        if text
    ],
    "vqa.schema": [
        vqa(answer)
        for answer in (
            {},
            {"answer": "two"},
            {"detections": {}},
            {"detections": ["cup"]},
            {"detections": [{"label": "cup", "bbox": [1, 2, 3, 4]}]},
            {"detections": [{"label": "cup", "bbox_format": "xywh", "bbox": [1, 2, 3, 4]}]},
            {"detections": [{"label": "cup", "bbox_format": "xyxy", "bbox": [1, 2, 3]}]},
            {"detections": [{"label": "cup", "bbox_format": "xyxy", "bbox": [1, 2, 3, "4"]}]},
            {"detections": [{"label": "", "bbox_format": "xyxy", "bbox": [1, 2, 3, 4]}]},
            {"label": "cup", "point": [1, 2]},
            {"label": "cup", "point_format": "xy", "point": [1, True]},
            {"label": "cup", "point_format": "xy", "point": 1},
            {"count": 1},
            {"label": 7, "count": 1},
            {"label": "cup", "attribute": "colour", "value": 3},
            {"subject": "the cup", "relation": "left of"},
        )
    ],
    "vqa.keys": [
        vqa({**COUNT, "sure": "yes"}),
        vqa({**COLOR, "note": "in the shade"}),
        vqa({"detections": [{"label": "cup", "bbox_format": "xyxy", "bbox": [1, 2, 3, 4], "score": 0.9}]}),
    ],
    "vqa.bbox": [
        *(
            vqa(boxed([0, 10, 640, 480], box))
            for box in (
                [9999, -5, 0, 3],
                [5, 5, 5, 9],
                [9, 5, 5, 9],
                [5, 9, 9, 5],
                [-1, 0, 5, 5],
                [0, 0, 640.5, 5],
                [0, 0, 5, 481],
            )
        ),
        wrist(boxed([-1, 0, 9999, 9999])),
    ],
    "vqa.point": [
        vqa({"label": "cup", "point_format": "xy", "point": point})
        for point in ([640, 0], [0, 480], [-0.1, 3])
    ],
    "vqa.question": [
        vqa(answer, question=question)
        for question, answer in (
            ("How many cups are there?", BOX),
            ("How many cups do you see?", COLOR),
            ("What color is the cup?", PLACE),
            ("Where is the cup?", COUNT),
            ("Point to the cup.", COUNT),
            ("Draw a bounding box around the cup.", COLOR),
        )
    ],
    "vqa.spatial": [vqa({"subject": "the cup", "relation": "left of", "object": "The cup "})],
    "vqa.count": [vqa({"label": "cup", "count": count}) for count in ("many", -1, 1.5, 2.0, True, None)],
}

NEAR_MISSES: Cases = {
    "vqa.keys": [vqa({**COUNT, "note": "one is half hidden"}), vqa(BOX)],
    "vqa.pair": [[*vqa(BOX), *wrist(BOX)], [*vqa(BOX, 10), *vqa(COUNT, 11)]],
    "vqa.json": [vqa('{ "count" : 2, "label" : "NaN" }')],
    "vqa.schema": [
        vqa(answer)
        for answer in (
            {"detections": []},
            COUNT,
            {"label": "cup", "point_format": "xy", "point": [1, 2.5]},
            COLOR,
            PLACE,
        )
    ],
    "vqa.bbox": [
        vqa(boxed([0, 0, 640, 480], [639, 479, 640, 480], [0.5, 0.5, 0.75, 1])),
        # Where the size of the picture is unknown, only signs and order are looked at.
        wrist(boxed([0, 0, 9999, 9999])),
    ],
    "vqa.point": [
        vqa({"label": "cup", "point_format": "xy", "point": [639.9, 479.9]}),
        vqa({"label": "cup", "point_format": "xy", "point": [0, 0]}),
        wrist({"label": "cup", "point_format": "xy", "point": [9999, 9999]}),
    ],
    "vqa.count": [vqa({"label": "cup", "count": count}) for count in (0, 1, 1000)],
    "vqa.spatial": [vqa({"subject": "the left cup", "relation": "left of", "object": "the right cup"})],
    "vqa.question": [
        vqa(answer, question=question)
        for question, answer in (
            ("Where is the cup?", BOX),
            ("Where is the cup?", PLACE),
            ("Point to the cup.", BOX),
            ("What colour is the cup, and how many are there?", COUNT),
            ("Count the cups.", COUNT),
            ("Which relation do cup and table have?", PLACE),
            ("Is there a cup?", COUNT),
            ("How many cups are there, and where are they?", BOX),
            ("What color cup is left of the box?", PLACE),
            ("Where is the gripper?", {"label": "gripper", "attribute": "position", "value": "above"}),
        )
    ],
}
