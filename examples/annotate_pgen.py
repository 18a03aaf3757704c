#!/usr/bin/env python3
"""Synthetic dialogue for hierarchical policies, with a prompt of your own: samples go in, what people say comes out.

At each sample the robot is about to do a skill. A vision-language model sees what the cameras show, is told the task
and what was done before, and invents what a person has just said and what the robot answers (Hi Robot, arXiv
2502.19417). The prompt is below, to be changed; samples, batches, retries, caching and writing are Roboscribe's.

    # a LeRobot dataset with skills (roboscribe subtasks makes them; or --skills auto)
    python examples/annotate_pgen.py --data-dir DATASET --output-dir OUT --model Qwen/Qwen2.5-VL-7B-Instruct \
        --num-image-views-per-sample 2 --sample-interval 1.0 --batch-size 8 --temperature 0.7 --push-to-hub

    # samples as JSON lines, without a dataset; --preview shows the first prompt and its answer, and does no more
    python examples/annotate_pgen.py --jsonl samples.jsonl --output-dir OUT \
        --vlm.api-base http://localhost:8000/v1 --preview

A sample is a dictionary: {"episode_id", "t", "images": [paths], "skill_current", "skill_history": [...],
"task_description"}, and optionally "scenario_type" and "response_type". Without a model the builtin one answers by
rule; it reads no prompt. `--device`, `--dtype` and every `--vlm` flag work as in `roboscribe dialogue`.
"""

from __future__ import annotations

import asyncio
import atexit
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from roboscribe.asks import Ask, Exchange, ImagineDialogue, Occasion
from roboscribe.asks.dialogue import TYPES
from roboscribe.cli.dialogue import Arguments as DialogueArguments
from roboscribe.cli.flags import parse_flags
from roboscribe.cli.outcome import destination_of, finish
from roboscribe.cli.progress import listener
from roboscribe.config import VlmSettings
from roboscribe.errors import RoboscribeError, SettingsError
from roboscribe.events import Note
from roboscribe.frames import Part
from roboscribe.frames.photo import Photo
from roboscribe.hirobot.dialogue import make_dialogue
from roboscribe.hirobot.lines import imagine_lines
from roboscribe.models.asking import AskingModel
from roboscribe.models.base import Model
from roboscribe.models.ledger import Budget
from roboscribe.models.select import open_model
from roboscribe.prompts import Prompts

PGEN_PROMPT_TEMPLATE = """\
You see what the cameras of a robot show right now.

Overall task: {task_description}
Skills done so far: {skill_history}
Skill the robot does next: {skill_current}

Write one turn of the conversation that leads to exactly this skill:
- user_prompt: what a person beside the robot has just said, as people speak, in one or two sentences.
  It is to be {scenario}. It names what the skill is about.
- robot_utterance: what the robot says back before it moves, in one short sentence, first person.
  It is to be {response}.

Speak only of things that are in the pictures or named above. Ask for nothing that the robot does not do next.
{avoid}
Answer as JSON: {{"user_prompt": "...", "robot_utterance": "..."}}"""

SYSTEM = (
    "You write training data for robots that follow language. Answer with one JSON object and no other text."
)

SCENARIOS = {
    "specific_object": "a request for one particular thing, told apart by how it looks or where it is",
    "negative_task": "a request that also says what the robot is not to do, with a word like not or don't",
    "situated_correction": "a correction of what the robot has just done or is about to do",
    "implicit_request": "no command, but a need or a remark from which the skill follows",
    "constraint_based": "a request with a condition on how it is done",
}
RESPONSES = {
    "confirmation": "a confirmation that says what it does now",
    "clarification": "one short question that shows it is about to do the skill",
    "acknowledgment": "a few words that show it has heard",
    "constraint_acknowledgment": "an agreement that repeats the condition or what is ruled out in its own words",
}

BUILTIN = VlmSettings()
"""No model is named: the builtin one answers, by rule."""

Sample = Mapping[str, Any]


def construct_prompt(sample: Sample) -> str:
    """The template filled in for a sample."""
    said = sample.get("avoid") or ()
    return PGEN_PROMPT_TEMPLATE.format(
        task_description=sample.get("task_description") or "unknown",
        skill_history=", ".join(sample["skill_history"]) or "none",
        skill_current=sample["skill_current"],
        scenario=SCENARIOS[sample["scenario_type"]],
        response=RESPONSES[sample["response_type"]],
        avoid="Do not repeat any of these: " + " / ".join(said) if said else "",
    ).strip()


def call_qwen(images: Sequence[str | Path], prompt: str, vlm: VlmSettings = BUILTIN) -> dict[str, str]:
    """Ask the model one question about some pictures.

    Args:
        images: Their paths.
        prompt: The question.
        vlm: Which model and where it runs; the flags ``--vlm.…`` are its fields.

    Returns:
        ``user_prompt`` and ``robot_utterance``; the reply is held to this form by its JSON schema.

    Raises:
        RoboscribeError: No model is named, or it gives no such answer.
    """
    if vlm == BUILTIN:
        raise SettingsError(
            "The builtin model reads no prompt.", "Name a model in the settings, such as model_id."
        )
    shots = tuple(Photo(Path(path), f"view {number}") for number, path in enumerate(images, 1))
    return _answer(Question(episode=0, seed=0, prompt=prompt, shots=shots), vlm).model_dump()


def annotate_sample(sample: Sample, vlm: VlmSettings = BUILTIN) -> dict[str, Any]:
    """A sample with ``user_prompt``, ``robot_utterance``, ``scenario_type`` and ``response_type``.

    An answer that does not lead to the current skill is asked for again.
    """
    drawn = TYPES[
        int(hashlib.sha256(json.dumps(dict(sample), sort_keys=True).encode()).hexdigest(), 16) % len(TYPES)
    ]
    typed = {"scenario_type": drawn[0], "response_type": drawn[1], **sample}
    skills = (*typed["skill_history"], typed["skill_current"])
    task, time = typed.get("task_description") or "", float(typed["t"])
    types = (typed["scenario_type"], typed["response_type"])
    shots = tuple(Photo(Path(path), f"view {number}") for number, path in enumerate(typed["images"], 1))
    occasion = Occasion(time, task, skills, len(skills) - 1, *types)
    return {
        **typed,
        **_answer(ImagineDialogue(episode=0, seed=0, occasion=occasion, shots=shots), vlm).model_dump(),
    }


@dataclass(frozen=True, kw_only=True, eq=False)
class Question(Ask[Exchange]):
    """A prompt as it is, with pictures."""

    answer = Exchange

    prompt: str
    shots: tuple[Photo, ...]

    def look(self) -> Sequence[Part]:
        """The pictures."""
        return [shot.picture() for shot in self.shots]


class Words(Prompts):
    """Roboscribe's prompts, with ours in the place of the one that imagines dialogue."""

    def digest(self, kind: type[Ask[Any]]) -> str:
        """What was imagined by other words is imagined anew."""
        if kind is not ImagineDialogue:
            return super().digest(kind)
        ours = f"{SYSTEM}{PGEN_PROMPT_TEMPLATE}{SCENARIOS}{RESPONSES}"
        return hashlib.sha256(ours.encode()).hexdigest()[:16]

    async def render(self, ask: Ask[Any]) -> tuple[str, Sequence[Part]]:
        """The system text, the pictures and the prompt."""
        if isinstance(ask, Question):
            prompt = ask.prompt
        elif isinstance(ask, ImagineDialogue):
            prompt = construct_prompt(_sample(ask.occasion))
        else:
            return await super().render(ask)
        return SYSTEM, [*await asyncio.to_thread(ask.look), prompt]


def _sample(on: Occasion) -> Sample:
    """An occasion of the library as a sample."""
    return {
        "t": on.time,
        "skill_current": on.skill,
        "skill_history": on.history,
        "task_description": on.task,
        "scenario_type": on.scenario,
        "response_type": on.response,
        "avoid": on.avoid,
    }


@cache
def _opened(vlm: VlmSettings) -> tuple[Model, asyncio.Runner]:
    """The model, ready until the program ends, and the event loop that it lives on."""
    stack, on_loop = ExitStack(), AsyncExitStack()
    atexit.register(stack.close)
    model = stack.enter_context(open_model(vlm, Budget(), Words(), lambda text: print(text, file=sys.stderr)))
    runner = stack.enter_context(asyncio.Runner())
    if isinstance(model, AskingModel):
        runner.run(on_loop.enter_async_context(model.opened(("dialogue",))))
        stack.callback(lambda: runner.run(on_loop.aclose()))
    return model, runner


def _answer(ask: Ask[Exchange], vlm: VlmSettings) -> Exchange:
    model, runner = _opened(vlm)
    return runner.run(model.answer(ask))


@dataclass(frozen=True)
class Arguments(DialogueArguments):
    """Imagine dialogue for each sample of a dataset or of a file, with the prompt of this script."""

    preview: bool = False
    """Show the prompt of the first sample of --jsonl and its answer, and do no more."""


def main(words: Sequence[str]) -> int:
    """Run the command line."""
    arguments = parse_flags(Arguments, words, "annotate_pgen.py")
    if arguments.preview:
        return preview(arguments)
    destination = destination_of(arguments)
    budget = Budget(arguments.max_cost, arguments.max_calls)
    with (
        listener(arguments.log_format) as listen,
        open_model(arguments.vlm, budget, Words(), lambda text: listen(Note(text))) as model,
    ):
        if arguments.jsonl is not None:
            lines = imagine_lines(arguments, listen, model)
            return 0 if not (lines.failed or lines.stopped) else 3 if lines.done else 1
        finished = make_dialogue(arguments, listen, model)
    return finish(arguments, finished, destination)


def preview(arguments: Arguments) -> int:
    """Print the first prompt and its answer."""
    if arguments.jsonl is None:
        raise SettingsError("--preview shows a sample of --jsonl.", "Name a file of samples.")
    with arguments.jsonl.open() as lines:
        sample = json.loads(next(lines))
    images = [str(arguments.jsonl.parent / path) for path in sample["images"]]
    done = annotate_sample({**sample, "images": images}, arguments.vlm)
    print(construct_prompt(done), json.dumps(done, indent=2, ensure_ascii=False), sep="\n\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except RoboscribeError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
