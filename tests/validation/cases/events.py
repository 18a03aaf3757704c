"""Interjections and speech that break a rule, and some that nearly do."""

from __future__ import annotations

from dataclasses import replace

from validation.valid import ROWS, Cases, call_of, plan, row, speech, t

from roboscribe.language import Row, say

PLAN = plan("pick up the cup", "put the cup in the box")


def requested(*texts: str) -> list[Row]:
    """An episode of these requests, each with its answer and its plan."""
    frames = [9 + 10 * n for n in range(len(texts))]
    return [
        *(row("interjection", text, frame) for text, frame in zip(texts, frames, strict=True)),
        *(say("Hi.", t(frame)) for frame in (0, *frames)),
        *(row("plan", PLAN, frame) for frame in (0, *frames)),
    ]


def asked(text: str) -> list[Row]:
    """The valid episode with another request in place of its own."""
    return [replace(r, content=text) if r.style == "interjection" else r for r in ROWS]


BREACHES: Cases = {
    "interjection.speech": [[row("interjection", "Stop!", 30), row("plan", PLAN), row("plan", PLAN, 30)]],
    "interjection.plan": [
        [row("interjection", "Stop!", 30), say("Hi.", t(0)), say("Yes.", t(30)), row("plan", PLAN)]
    ],
    "interjection.planless": [[row("interjection", "Stop!", 30), say("Hi.", t(0)), say("Yes.", t(30))]],
    "interjection.single": [[*requested("Stop!"), row("interjection", "Go!", 9)]],
    "interjection.place": [[row("interjection", "Go!"), say("Hi.", t(0)), row("plan", PLAN)]],
    "interjection.duplicate": [
        requested(*texts)
        for texts in (
            ("Go on!", " go  on"),
            ("Could you grab the cup, please?", "Grab the cup!"),
            ("Careful with it.", "Please be careful with it, robot."),
        )
    ],
    "interjection.fits": [
        asked(text) for text in ("Stop!", "Don't put the cup in the box.", "Pick up the spoon instead.")
    ],
    "speech.start": [
        [row("interjection", "Stop!", 30), say("Yes.", t(30)), row("plan", PLAN), row("plan", PLAN, 30)]
    ],
    "speech.place": [[say("Hi.", t(0)), say("Done.", t(50))]],
    "speech.single": [[say("Hi.", t(0)), say("Hello.", t(0))]],
    "speech.call": [
        [replace(say("Hi.", t(0)), tool_calls=None)],
        [replace(say("Hi.", t(0)), tool_calls=())],
        [replace(say("Hi.", t(0)), tool_calls=(*(say("Hi.", t(0)).tool_calls or ()),) * 2)],
        [replace(say("Hi.", t(0)), tool_calls=("say",))],  # type: ignore[arg-type]
        [speech(type="tool")],
        [speech(function="say")],
        [call_of('{"text": "Hi."}')],
        [call_of({})],
        [call_of({"text": "Hi.", "volume": 3})],
        [call_of({"text": 3})],
        [say(" ", t(0))],
    ],
    "speech.length": [[say("word " * 21, t(0))]],
}

NEAR_MISSES: Cases = {
    "interjection.speech": [requested("Stop!")],
    "interjection.plan": [requested("Stop!")],
    "interjection.planless": [[say("Hi.", t(0))], requested("Stop!")],
    "interjection.single": [requested("Stop!", "Go!")],
    "interjection.place": [requested("Go!")],
    "interjection.duplicate": [
        requested(*texts)
        for texts in (
            ("Grab the cup.", "Don't grab the cup."),
            ("Turn the lamp on.", "Turn the lamp off."),
            ("A bit to the left, please.", "A bit to the right, please."),
            ("Put the cup on the plate.", "Put the plate on the cup."),
            ("Pick up the first one.", "Pick up the second one."),
            ("With it, please.", "Without it, please."),
        )
    ],
    "interjection.fits": [
        *(
            asked(text)
            for text in (
                "Don't put the cup on the table.",
                "Now put the cup in the box.",
                "Careful with the cup.",
            )
        ),
        # In the ways that the prompts of lerobot-annotate show.
        *(
            asked(form.format("put cup in box"))
            for form in (
                "Now go ahead and {}.",
                "Great, can you {} next?",
                "{}, please.",
                "Before you continue, please {}.",
                "Looking good — {} now.",
                "Okay, {}.",
            )
        ),
    ],
    "speech.start": [[say("Hi.", t(0))]],
    "speech.place": [requested("Stop!")],
    "speech.single": [requested("Stop!")],
    "speech.call": [[speech(id="call_1")], [call_of({"text": "Hi."})]],
    "speech.length": [[say("word " * 20, t(0))]],
}
