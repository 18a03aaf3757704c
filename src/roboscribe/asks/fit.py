"""Whether what is said fits what the robot does next: a text and a situation go in, what is wrong with it comes out.

The check is by words and careful: it objects to what plainly cannot be, and lets pass what it cannot read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from roboscribe.asks.situation import Situation
from roboscribe.config import Scenario
from roboscribe.english import lexicon as lex
from roboscribe.english.deeds import HANDLING, Deeds, deeds_of, is_open, longest_verb
from roboscribe.english.demands import Demand, read_demands
from roboscribe.english.steps import TRIVIAL, Step
from roboscribe.english.task import parse_task
from roboscribe.english.things import Thing, is_unknown, thing_of
from roboscribe.english.words import past_tense, singular

_OBJECTS: frozenset[Scenario] = frozenset(
    {"negative_task", "situated_correction", "specific_constraint", "preference"}
)
"""Scenarios in which a person names what it is about."""

MOST_SPOKEN_WORDS = 20
"""Words that a robot says in a breath."""

_REFUSAL = re.compile(
    r"\b(?:i(?:'m| am) (?:sorry|afraid|unable|not able|not allowed)|sorry,? (?:but|i)\b|as an ai|language model"
    r"|i (?:can't|cannot|can not|could not|couldn't|refuse|don't want|do not want|don't know|do not know)"
    r"|i (?:won't|will not) (?:do|be|help)|not possible|impossible|that(?:'s| is) not something)\b",
    re.IGNORECASE,
)
_PLACING = frozenset({"put", "release", "carry", "push", "pull", "throw"})
_CARRYING = frozenset({"carry"})
_GOING = frozenset({"approach"})
_LETTING_GO = frozenset({"put", "release"})
_BACK = frozenset({"back"})
_WAIT = frozenset({"wait"})
_HOLDING_ON = frozenset({"wait", "hold on"})
"""What is also said for no more than to be heard: "wait, the other one"."""
_MOVING = frozenset({"carry", "lift", "push", "pull"})
_MOVE = frozenset({"move", "shift"})
_SAME_PLACE = (
    frozenset({"in", "into", "inside", "inside of"}),
    frozenset({"on", "onto", "on top of", "upon"}),
)
_LIMBS = frozenset(map(singular, lex.LIMBS))
_ARMS = re.compile(r"\b(left|right)(?: robot)? (?:arm|hand|gripper)\b")
_DIRECTION = re.compile(
    r"\b(?:to|on|towards?) (?:the|your|my) (left|right)\b(?! (?:arm|hand|gripper))|\b(left|right)wards?\b"
)
_TURNING = re.compile(r"\b(counterclockwise|anticlockwise|clockwise)\b")
_NOUN = re.compile(
    r"(?:\b(?P<and>and|or) )?(?:\b(?P<preposition>in|into|inside|on|onto|to|under|behind|beside|next to|on top of) )?"
    r"\b(?:the|that|(?<=and )an?) (?=(?P<noun>(?:[a-z]+ ){0,2}[a-z]+))"
)
_TIMES = frozenset(
    {"please", "now", "instead", "next", "first", "then", "too", "yet", "again", "ever", "still"}
)
_CLAUSES = frozenset({"as", "so", "no", "while", "if", "when", "where", "once", "i", "you", "we", "they"})
_NOT_IN_NOUN = lex.SMALL_WORDS | lex.ADVERBS | _TIMES | _CLAUSES | {"within", "provided", "clear"}
_NO_THINGS = frozenset(
    {
        "time",
        "way",
        "moment",
        "second",
        "minute",
        "care",
        "effort",
        "force",
        "speed",
        "pace",
        "path",
        "view",
        "watch",
        *("same", "other", "rest", "side", "spot", "place", "room", "space", "idea", "job", "work", "look"),
    }
)
"""Nouns of how and when, not of what."""
_POINTING = lex.PRONOUNS | frozenset(
    {"these", "those", "one", "ones", "here", "everything", "nothing", "else"}
)
_RULING_OUT = re.compile(
    r"\b(?:don't|dont|do not|not|no|never|nothing|none|without|avoid|leave|skip|ignore|forget|except|but not|only"
    r"|keep|stay|stop|rather than|instead of|hands off|needn't|shouldn't|mustn't|neither|nor|wait)\b"
)
_AGAINST = re.compile(
    r"\b(?:not|no|never|nothing|nor|instead|rather than|actually|wrong|meant|missed|leave|forget|skip|ignore|dont"
    r"|[a-z]+n't)\b"
)
"""Words by which something is set right: "not the blue one", "that's the wrong one"."""
_CONDITION = re.compile(
    r"\b(?:only|just|until|till|before|after|once|while|when|whenever|if|unless|without|as long as|nothing else|nowhere"
    r"|at (?:a time|most|least|once)|(?:has|have|needs?) to|must|should|make sure|be sure|keep|no more|with|by"
    r"|as [a-z]+ as|first|in the end|for a moment)\b"
)
_UNSEEN = re.compile(
    r"\b(?:gentl[ey]|slow(?:ly|er)?|careful(?:ly)?|quick(?:ly|er)?|fast(?:er)?|soft(?:ly)?|quiet(?:ly)?|firm(?:ly)?"
    r"|tight(?:ly)?|rough(?:ly)?|smooth(?:ly)?|delicate(?:ly)?|lightly|loose(?:ly)?|steadily|swiftly|cautious(?:ly)?"
    r"|speed|force|pressure|rush|hurry)\b"
)
"""Words of how, which labels made from pictures do not bear out."""
_PREFERRING = re.compile(
    r"\b(?:(?:i|we)(?:'d| would) (?:really |much )?(?:like|love|prefer|rather|be (?:glad|happy))|rather|prefer|prefers?"
    r"|preference|favou?r|i (?:want|wish)|i like|ideally|best|better|nicer|my choice"
    r"|nice if|good if|great if|favou?rite|up to me)\b"
)
_NEEDING = frozenset({"need", "want", "like", "wish", "hope", "should", "must", "be"})
_CHEERING = frozenset({"other", "stop"})
"""Deeds of verbs by which a robot is cheered on: "keep going", "don't stop now"."""


def fault_of_request(request: str, scenario: Scenario, at: Situation) -> str:
    """What is wrong with what a person says, to follow its quotation; empty when it will do."""
    if not any(map(str.isalnum, request)):
        return "is blank"
    if fault := contradiction(request, at):
        return f"does not fit what the robot does next, “{at.next.text}”: {fault}"
    if scenario in _OBJECTS and not names_something(request, at):
        return f"names nothing; say what it is about, such as “{at.thing or at.next.text}”"
    return _untold_arm(request, at) or fault_of_kind(request, scenario, at)


def fault_of_speech(speech: str, at: Situation) -> str:
    """What is wrong with what a robot says, to follow its quotation; empty when it will do."""
    words = len(speech.split())
    if not any(map(str.isalnum, speech)):
        return "is blank"
    if words > MOST_SPOKEN_WORDS:
        return f"has {words} words; say it in at most {MOST_SPOKEN_WORDS}"
    if refuses(speech):
        return "refuses; the robot is seen to do what comes next"
    if fault := contradiction(speech, at):
        return f"does not fit what the robot does next, “{at.next.text}”: {fault}"
    return _untold_arm(speech, at)


def fault_of_kind(request: str, scenario: Scenario, at: Situation) -> str:
    """Why a request is none of its kind, to follow its quotation; empty when it is one."""
    plain = request.lower().replace("’", "'")
    demands = read_demands(request, at.known)
    return next((fault for holds, fault in _KINDS[scenario] if not holds(plain, demands, at)), "")


def refuses(speech: str) -> bool:
    """Whether a robot says that it will not, or cannot."""
    return bool(_REFUSAL.search(speech.replace("’", "'")))


def names_something(request: str, situation: Situation) -> bool:
    """Whether a request is about something: a thing, a place, an arm or what the robot does next."""
    if situation.next.kind in TRIVIAL:
        return True
    words = re.findall(r"[a-z0-9]+", request.lower())
    ours = {thing.head for thing in situation.known} | _LIMBS | _POINTING
    if _DIRECTION.search(request.lower()) or _TURNING.search(request.lower()):
        return True
    ours |= {word for step in situation.remaining for word in step.text.lower().split()} - lex.SMALL_WORDS
    return any(word in ours or singular(word) in ours for word in words)


def rules_out(request: str) -> bool:
    """Whether a request says what is not to be done."""
    return bool(_RULING_OUT.search(request.lower().replace("’", "'")))


def _sets_right(plain: str, demands: Sequence[Demand], at: Situation) -> bool:
    """Whether a request sets what is wanted against what is not: "the red one, not the blue one"."""
    meant = (demand for demand in demands if demand.sense != "ruled out")
    return bool(_AGAINST.search(plain)) and any(
        demand.verb or demand.named or len(demand.words) > 2 for demand in meant
    )


def _sets_condition(plain: str, demands: Sequence[Demand], at: Situation) -> bool:
    return bool(_CONDITION.search(plain))


def _can_be_known(plain: str, demands: Sequence[Demand], at: Situation) -> bool:
    """Whether a request speaks of speed, force and care only as labels and task do, as nobody sees them."""
    told = {_manner(word) for text in (at.task, *at.subtasks) for word in re.findall(r"[a-z]+", text.lower())}
    return all(_manner(word) in told for word in _UNSEEN.findall(plain))


def _manner(word: str) -> str:
    return word.removesuffix("ly")


def _prefers(plain: str, demands: Sequence[Demand], at: Situation) -> bool:
    return bool(_PREFERRING.search(plain))


def _orders_nothing(plain: str, demands: Sequence[Demand], at: Situation) -> bool:
    """Whether no clause tells the robot what to do or not to do, or asks for a thing; to cheer it on is no order."""
    told = False
    for demand in demands:
        deeds = demand.deeds - _CHEERING
        # "You picked it up and put it there" tells what was done: such a verb looks the same in the past.
        past = told and demand.verb is not None and past_tense(demand.words[0]) == demand.words[0]
        # "I could use a hand" is about the person.
        of_robot = "i" not in demand.words or "you" in demand.words
        orders = demand.command and deeds and not past and of_robot
        asks = demand.verb is None and demand.objects and _NEEDING.isdisjoint(demand.words)
        if demand.sense != "told" and (orders or asks):
            return False
        told = demand.verb is not None and not demand.command
    return True


def _rules_out(plain: str, demands: Sequence[Demand], at: Situation) -> bool:
    return rules_out(plain)


_KINDS: Mapping[Scenario, tuple[tuple[Callable[[str, Sequence[Demand], Situation], bool], str], ...]] = {
    "negative_task": ((_rules_out, "does not say what the robot is not to do"),),
    "situated_correction": ((_sets_right, "sets nothing right; say what is meant and what it is not"),),
    "specific_constraint": (
        (_sets_condition, "sets no condition, such as “only …”, “before …” or “without …”"),
        (_can_be_known, "speaks of speed, force or care, which nobody can see"),
    ),
    "preference": ((_prefers, "expresses no preference, such as “I'd rather …”"),),
    "implicit_request": ((_orders_nothing, "is a command; give a need or a remark instead"),),
    "encouragement": ((_orders_nothing, "gives an order; only praise or comfort"),),
}
"""What a request of each kind must be, and what to say where it is not."""


def contradiction(text: str, situation: Situation) -> str:
    """What in a text cannot be, given what the robot does next; empty where nothing is known to be wrong."""
    demands = read_demands(text, situation.known)
    return next(
        (
            fault
            for check in (_stops, _other_arm, _other_direction, _ruled_out, _other_thing, _other_deed)
            for fault in check(demands, situation)
        ),
        "",
    )


def _stops(demands: Sequence[Demand], at: Situation) -> Iterator[str]:
    """Asks the robot to stop, to go back or to undo something, which it does not do."""
    idle = at.next.kind in ("wait", "reopen") or (
        at.next.kind == "retract" and any(demand.command and demand.deeds & _BACK for demand in demands)
    )
    for demand in demands:
        if demand.sense != "wanted" or not demand.command:
            continue
        said = " ".join(demand.words)
        same = "back" in demand.words and any("back" in step.text.split() for step in at.remaining)
        if demand.deeds & {"stop", "undo"} and not idle and not same:
            yield f"“{said}” asks the robot to stop or undo something"
        elif (
            demand.deeds == _BACK and at.next.kind not in ("retract", "reopen") and "then" not in demand.words
        ):
            yield f"“{said}” sends the robot back"
        elif (
            demand.deeds == _WAIT
            and at.next.kind != "wait"
            and (
                len(demands) == 1
                or demand.verb is None
                or demand.verb.base not in _HOLDING_ON
                or len(demand.words) > len(demand.verb.base.split())
            )
        ):
            yield f"“{said}” asks the robot to wait"


def _other_arm(demands: Sequence[Demand], at: Situation) -> Iterator[str]:
    """Asks for the arm that does not act next, or forbids the one that does."""
    if not at.arm:
        return
    wanted: set[str] = set()
    for demand in demands:
        arms = set(_ARMS.findall(" ".join(demand.words)))
        if demand.sense == "wanted":
            wanted |= arms
        if demand.sense == "ruled out" and at.arm in arms and not demand.not_yet:
            yield f"it forbids the {at.arm} arm"
    if wanted and at.arm not in wanted:
        yield f"it asks for the {wanted.pop()} arm"


def _untold_arm(text: str, at: Situation) -> str:
    """What is wrong with naming an arm where neither labels nor signals tell which one acts; empty when they do."""
    told = _ARMS.findall(" ".join((at.task, *at.subtasks[at.done :])).lower())
    named = next((arm for arm in _ARMS.findall(text.lower()) if arm not in told), "")
    return f"names the {named} arm, and nothing tells which arm acts" if named and not at.arm else ""


def _other_direction(demands: Sequence[Demand], at: Situation) -> Iterator[str]:
    """Asks for the direction opposite to the one the next label tells."""
    said = " ".join(" ".join(demand.words) for demand in demands if demand.sense == "wanted")
    for pattern in (_DIRECTION, _TURNING):
        does, asked = (
            {"counterclockwise" if word == "anticlockwise" else word for word in _groups(pattern, text)}
            for text in (at.next.text, said)
        )
        if does and asked and not does & asked:
            yield f"it asks for {' and '.join(sorted(asked))}"


def _groups(pattern: re.Pattern[str], text: str) -> list[str]:
    return [next(filter(None, match.groups())) for match in pattern.finditer(text)]


def _ruled_out(demands: Sequence[Demand], at: Situation) -> Iterator[str]:
    """Forbids what the robot does."""
    last = _target(at)
    for demand in demands:
        things = demand.objects
        if demand.sense == "ruled out" and (_LIMBS.isdisjoint(demand.words) or _moves_robot(demand)):
            meant = things or ((last,) if demand.pronoun and demand.verb and last else ())
            if not meant and _tells_of_more(demand):
                continue
            if any(_does(coming, demand, meant, coming is at) for coming in _compared(demand, meant, at)):
                yield f"“{' '.join(demand.words)}” forbids what the robot does"
        last = things[-1] if things else last


def _moves_robot(demand: Demand) -> bool:
    """Whether a clause is about the robot's own motion, not one arm's or one way's: "don't move", "… your arm"."""
    moves = demand.verb is not None and demand.verb.base in _MOVE and lex.ADVERBS.isdisjoint(demand.words)
    one_arm = _ARMS.search(" ".join(demand.words))
    return (moves or bool(demand.deeds & _BACK)) and not demand.objects and not one_arm


def _tells_of_more(demand: Demand) -> bool:
    """Whether a clause without a thing that is known has words of something else: "don't touch anything else"."""
    verb = set(demand.verb.base.split()) if demand.verb else set[str]()
    words = (
        word for word in demand.words if word not in verb | lex.SMALL_WORDS | lex.ADVERBS | _TIMES | lex.LIMBS
    )
    return any(not longest_verb([word], 0) for word in words) and not demand.places


def _compared(demand: Demand, meant: Sequence[Thing], at: Situation) -> Sequence[Situation]:
    """What a prohibition is about: all that is coming, or the next step where it is for now, or tells nothing else.

    Not to let go of what is in hand is such: it is said of the way, not of where it leads.
    """
    target = _target(at)
    own = target is not None and all(thing.is_certainly(target) for thing in meant)
    on_the_way = own and not demand.places and demand.deeds <= _LETTING_GO
    now = demand.not_yet or demand.verb is None or not meant or on_the_way
    return at.ahead[:1] if now else at.ahead


def _does(at: Situation, demand: Demand, meant: Sequence[Thing], now: bool) -> bool:
    """Whether the step that begins does what a demand rules out; one that names nothing is about ``now``."""
    target = _target(at)
    hit = any(target and thing.is_certainly(target) for thing in meant)
    if demand.verb is None:
        return hit or _leads(at.goal, demand)
    if not _covers(demand, at):
        return False
    if demand.places and not _leads((at.next.preposition or "", at.next.place or ""), demand):
        return False
    return hit if meant else now


def _covers(demand: Demand, at: Situation) -> bool:
    """Whether the verb of a demand means what the next step does."""
    does: Deeds = deeds_of(at.next) | (_CARRYING if at.carries else frozenset[str]())
    if "skip" in demand.deeds:
        return not does.isdisjoint(HANDLING | _GOING)
    if "touch" in demand.deeds:
        return not does.isdisjoint(HANDLING)
    if demand.verb and demand.verb.base in _MOVE:
        own = _GOING | _BACK if _moves_robot(demand) and not demand.pronoun else frozenset[str]()
        return not does.isdisjoint(_MOVING | own)
    # Who says "don't drop it" forbids no setting down.
    rough = demand.verb is not None and demand.verb.base.partition(" ")[0] in (
        "drop",
        "throw",
        "toss",
        "fling",
    )
    return not rough and not does.isdisjoint(demand.deeds)


def _leads(goal: tuple[str, str] | None, demand: Demand) -> bool:
    """Whether a preposition and a place are among those that a demand names."""
    own, place = goal or ("", "")
    return bool(place) and any(
        named.thing.is_certainly(thing_of(place))
        and (named.preposition == own or any({named.preposition, own} <= same for same in _SAME_PLACE))
        for named in demand.places
    )


def _other_thing(demands: Sequence[Demand], at: Situation) -> Iterator[str]:
    """Asks for a thing or a place that no coming step is about, and not for the one that is next."""
    target = _target(at)
    coming = [thing_of(noun) for noun in (*at.acted_on, *_places(at))]
    if not at.done:
        coming += at.known
    vague = any(is_open(step) or (step.thing and is_unknown(step.thing)) for step in at.remaining)
    if target:
        coming.append(target)
    if vague:
        return
    for demand in demands:
        if demand.sense == "wanted" and demand.command and demand.deeds & {"back", "approach"}:
            yield from (
                f"it sends the robot {named.preposition} {_named(named.thing)}"
                for named in demand.places
                if not any(named.thing.may_be(other) for other in coming)
            )
        if demand.sense != "wanted" or not (demand.wish or (demand.command and demand.deeds & HANDLING)):
            continue
        for thing in demand.objects:
            if thing.head not in _LIMBS and not any(thing.may_be(other) for other in coming):
                yield f"it asks for {_named(thing)}"
        if demand.deeds & _PLACING and _places(at):
            for named in demand.places:
                if not any(named.thing.may_be(other) for other in coming):
                    yield f"it asks for {named.preposition} {_named(named.thing)}"
        yield from _unheard_of(demand, at)


def _unheard_of(demand: Demand, at: Situation) -> Iterator[str]:
    """Things and places told to be handled or reached that neither task nor subtasks name."""
    known = {thing.head for thing in at.known} | _LIMBS
    for match in _NOUN.finditer(" ".join(demand.words)):
        preposition, words = match["preposition"], match["noun"].split()
        stop = next(
            (
                i
                for i, word in enumerate(words)
                if word in _NOT_IN_NOUN or word.endswith("ly") or i * longest_verb(words, i)
            ),
            3,
        )
        head = singular(words[:stop][-1]) if stop else ""
        if (
            not head
            or not known.isdisjoint(map(singular, words))
            or head in lex.UNCOUNTED | _NO_THINGS | _POINTING
            or is_unknown(head)
        ):
            continue
        told = not (demand.objects or demand.pronoun) or match["and"]
        if preposition is None and told and head not in lex.SURFACES:
            yield f"it asks for the {' '.join(words[:stop])}"
        if preposition and demand.deeds & _PLACING and _places(at) and head not in ("side", "spot", "place"):
            yield f"it asks for {preposition} the {' '.join(words[:stop])}"


def _other_deed(demands: Sequence[Demand], at: Situation) -> Iterator[str]:
    """Asks for something to be done that no coming step does."""
    if any(is_open(step) for step in at.remaining):
        return
    does = set[str]().union(*map(deeds_of, (*at.remaining, *_task_steps(at))))
    if at.carries or "put" in does:
        does |= _CARRYING
    for demand in demands:
        wanted = demand.deeds & (HANDLING | _GOING)
        if demand.sense != "wanted" or not demand.command or not wanted or demand.deeds - HANDLING - _GOING:
            continue
        gripper = not _LIMBS.isdisjoint(demand.words)
        transitive = demand.verb is not None and demand.words[-1] not in demand.verb.base.split()
        if transitive and not gripper and not wanted & does:
            yield f"“{' '.join(demand.words)}” asks for what the robot does not do"


def _task_steps(at: Situation) -> list[Step]:
    """Actions of the task as steps: at the start all, later no picking or placing, which is done by then or told."""
    return [
        Step(at.task, "act", actions=(action,))
        for action in parse_task(at.task).actions
        if not at.done or action.verb not in lex.CARRYING
    ]


def _places(at: Situation) -> list[str]:
    reached = [step.thing for step in at.remaining if step.kind == "approach" and step.thing]
    return [*(step.place for step in at.remaining if step.place), *reached]


def _target(at: Situation) -> Thing | None:
    return thing_of(at.thing) if at.thing and not is_unknown(at.thing) else None


def _named(thing: Thing) -> str:
    return f"the {' '.join((*sorted(thing.attributes), thing.head))}"
