"""Simulated robots: a scenario and a kind of robot come in, an episode with gold segments goes out."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import numpy as np

from roboscribe.episode import Channels, Episode
from roboscribe.evaluation.metrics import Span

KINDS = ("degrees", "metres", "inverted", "nameless", "cartesian", "hand", "bimanual")
SCENARIOS = ("pick", "two", "stack", "push", "miss", "drop", "idle", "drawer", "only_pick")
HOME = np.array([0.16, 0.0, 0.16, 0.0, 0.0])
OPEN, SHUT = 0.0, 1.0


def min_jerk(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0.0, 1.0)
    return x**3 * (10 - 15 * x + 6 * x**2)


@dataclass
class Script:
    """A demonstration in the making: targets of the hand (x, y, z, roll, pitch) and of its gripper over time."""

    rng: np.random.Generator
    pace: float
    blend: float
    time: float = 0.0
    pose: np.ndarray = field(default_factory=HOME.copy)
    grip: float = 0.6
    width: float = SHUT
    moves: list[tuple[float, float, np.ndarray]] = field(default_factory=list)
    grips: list[tuple[float, float, float]] = field(default_factory=list)
    holds: list[tuple[float, float, float]] = field(default_factory=list)
    gold: list[tuple[float, str]] = field(default_factory=list)
    carry: float = 0.0

    def say(self, label: str, at: float | None = None) -> None:
        self.gold.append((self.time if at is None else at, label))

    def go(
        self, target: np.ndarray, label: str | None = None, blend: bool = False, slow: float = 1.0
    ) -> None:
        """Goes to a target, perhaps setting in before the motion before has ended."""
        distance = float(np.linalg.norm((target - self.pose)[:3])) + 0.03 * abs(
            float(target[3] - self.pose[3])
        )
        seconds = max(0.45, (0.45 + 3.2 * distance) * slow * self.pace * self.rng.uniform(0.85, 1.15))
        start = self.time
        if blend and self.moves:
            start -= self.rng.uniform(0.3, 1.0) * self.blend * min(seconds, self.moves[-1][1])
        if label:
            self.say(label, (start + self.time) / 2)
        self.moves.append((start, seconds, target - self.pose))
        self.pose, self.time = target.copy(), start + seconds

    def close(self, label: str, to: float, width: float | None) -> None:
        seconds = self.rng.uniform(0.35, 0.6) * self.pace
        self.say(label)
        self.grips.append((self.time, seconds, to - self.grip))
        self.grip = to
        self.carry = self.time
        self.width = SHUT if width is None else width
        self.time += seconds + self.rng.uniform(0.05, 0.3)

    def open(self, label: str, to: float) -> None:
        seconds = self.rng.uniform(0.35, 0.6) * self.pace
        self.say(label)
        self.grips.append((self.time, seconds, to - self.grip))
        if self.width < SHUT:
            self.holds.append((self.carry, self.time + seconds, self.width))
        self.grip, self.width = to, SHUT
        self.time += seconds + self.rng.uniform(0.05, 0.4)

    def preshape(self, to: float, seconds: float) -> None:
        self.grips.append((self.time, seconds, to - self.grip))
        self.grip = to

    def wait(self, low: float = 0.5, high: float = 1.4) -> None:
        self.say("wait")
        self.time += self.rng.uniform(low, high)


def _spot(rng: np.random.Generator, height: float) -> np.ndarray:
    angle, reach = rng.uniform(-0.9, 0.9), rng.uniform(0.2, 0.3)
    return np.array([reach * np.cos(angle), reach * np.sin(angle), height, rng.uniform(-1.2, 1.2), 0.4])


def _above(spot: np.ndarray, height: float) -> np.ndarray:
    out = spot.copy()
    out[2] += height
    return out


def approach(s: Script, spot: np.ndarray, thing: str) -> None:
    s.preshape(s.rng.uniform(0.0, 0.25), 0.8 * s.pace)
    s.go(_above(spot, 0.07), f"move towards {thing}")
    s.go(spot, blend=True)


def grasp(s: Script, thing: str) -> None:
    s.close(f"grasp {thing}", s.rng.uniform(0.9, 1.0), s.rng.uniform(0.6, 0.75))


def take(s: Script, spot: np.ndarray, thing: str) -> None:
    approach(s, spot, thing)
    grasp(s, thing)
    s.go(_above(spot, s.rng.uniform(0.06, 0.1)), f"lift {thing}")


def let_go(s: Script, label: str, last: bool) -> None:
    s.open(label, s.rng.uniform(0.0, 0.3))
    up = _above(s.pose, 0.05)
    if last:
        s.go(up, "retract")
        s.preshape(0.6, 0.9 * s.pace)
        s.go(HOME, blend=True)
    else:
        s.go(up)


def into_box(s: Script, box: np.ndarray, thing: str, last: bool = True, where: str = "the box") -> None:
    s.go(_above(box, 0.06), f"move to {where}", blend=True)
    s.go(box, blend=True, slow=1.2)
    if s.rng.random() < 0.15:
        s.wait(0.7, 1.5)
    let_go(s, f"release {thing} into {where}", last)


def pick(s: Script) -> str:
    spot, box = _spot(s.rng, 0.02), _spot(s.rng, 0.1)
    take(s, spot, "the red cup")
    into_box(s, box, "the red cup")
    return "Put the red cup in the box."


def only_pick(s: Script) -> str:
    take(s, _spot(s.rng, 0.02), "the red cup")
    return "Pick up the red cup."


def two(s: Script) -> str:
    box = _spot(s.rng, 0.1)
    for index, thing in enumerate(("the red cup", "the green cup")):
        take(s, _spot(s.rng, 0.02), thing)
        into_box(s, box, thing, last=index == 1)
    return "Pick up the red cup and the green cup and place them in the box."


def stack(s: Script) -> str:
    take(s, _spot(s.rng, 0.02), "the red cup")
    goal = _spot(s.rng, 0.05)
    s.go(_above(goal, 0.06), "move to the blue cup", blend=True)
    s.go(goal, "lower the red cup onto the blue cup", slow=1.5)
    let_go(s, "release the red cup on top of the blue cup", True)
    return "Stack the red cup on top of the blue cup."


def push(s: Script) -> str:
    spot = _spot(s.rng, 0.02)
    s.preshape(0.75, 0.9 * s.pace)
    s.go(_above(spot, 0.07), "move towards the red cup")
    s.go(spot, blend=True)
    there = spot.copy()
    there[:2] += s.rng.choice([-1, 1]) * s.rng.uniform(0.07, 0.12, 2)
    s.go(there, "push the red cup towards the blue cup", slow=1.8)
    s.go(_above(there, 0.07), "retract")
    s.go(HOME, blend=True)
    return "Push the red cup towards the blue cup."


def miss(s: Script) -> str:
    spot, box = _spot(s.rng, 0.02), _spot(s.rng, 0.1)
    beside = spot + np.array([0.03, -0.02, 0.0, 0.1, 0.0])
    approach(s, beside, "the red cup")
    s.close("grasp the red cup", 1.0, None)
    s.grips.append((s.time, 0.45, 0.1 - s.grip))
    s.grip = 0.1
    s.say("reopen the gripper and back off from the red cup")
    s.time += s.rng.uniform(0.0, 0.2)
    s.go(_above(beside, 0.05))
    take(s, spot, "the red cup")
    into_box(s, box, "the red cup")
    return "Put the red cup in the box."


def drop(s: Script) -> str:
    spot, box = _spot(s.rng, 0.02), _spot(s.rng, 0.1)
    approach(s, spot, "the red cup")
    grasp(s, "the red cup")
    start, width = s.time, s.width
    s.go(_above(spot, 0.09), "lift the red cup")
    s.holds.append((s.carry, start + 0.5 * (s.time - start), width))
    s.wait(0.4, 0.9)
    take(s, spot, "the red cup")
    into_box(s, box, "the red cup")
    return "Put the red cup in the box."


def idle(s: Script) -> str:
    spot, box = _spot(s.rng, 0.02), _spot(s.rng, 0.1)
    take(s, spot, "the red cup")
    if s.rng.random() < 0.5:
        s.wait(0.8, 1.5)
        s.go(box, "move to the box")
    else:
        s.go(box, "move to the box", blend=True)
        s.wait(0.8, 1.5)
    let_go(s, "release the red cup into the box", True)
    return "Pick up the red cup and place it in the box."


def drawer(s: Script) -> str:
    handle = _spot(s.rng, 0.06)
    approach(s, handle, "the drawer")
    grasp(s, "the drawer")
    pulled = handle.copy()
    pulled[:2] *= 0.7
    s.go(pulled, "open the drawer", slow=1.4)
    let_go(s, "release the drawer", False)
    take(s, _spot(s.rng, 0.02), "the red cup")
    into_box(s, _above(pulled, 0.04), "the red cup", last=False, where="the drawer")
    s.go(_above(pulled, 0.03), "move towards the drawer")
    s.go(pulled, blend=True)
    s.go(handle, "close the drawer", slow=1.4)
    s.go(_above(handle, 0.06), "retract")
    s.go(HOME, blend=True)
    return "Open the drawer, put the red cup into the drawer and close the drawer."


SCRIPTS = {name: globals()[name] for name in SCENARIOS}


def simulate(
    kind: str, scenario: str, seed: int, fps: float | None = None, noise: float = 1.0
) -> tuple[Episode, list[Span]]:
    """One demonstration of ``scenario`` by a robot of ``kind``, and its gold segments.

    Args:
        fps: Frames per second; drawn among 20, 30 and 50 when not given.
        noise: 1 for the noise of good encoders, 0 for none.
    """
    rng = np.random.default_rng([seed, KINDS.index(kind), SCENARIOS.index(scenario)])
    fps = fps or float(rng.choice([20, 30, 50]))
    script = Script(rng, pace=rng.uniform(0.75, 1.5), blend=rng.uniform(0.0, 0.4))
    if rng.random() < 0.4:
        script.wait(0.5, 1.2)
    task = SCRIPTS[scenario](script)
    script.time += rng.uniform(0.1, 0.6)
    frames = int(np.ceil(script.time * fps))
    times = np.arange(frames) / fps
    told, seen = _hand_path(script, times), _hand_path(script, times - rng.uniform(1, 3) / 30)
    command, fingers = _gripper(script, times, rng)
    build = {"cartesian": _cartesian, "hand": _dexterous, "bimanual": _bimanual}.get(kind)
    build = build or partial(_jointed, kind=kind)
    state, action = build(told, seen, command, fingers, rng=rng, noise=noise, fps=fps)
    episode = Episode(0, (task,), fps, times.astype(np.float32), _channels(state), _channels(action), (), {})
    starts = [0.0, *(at for at, _ in script.gold[1:])]
    ends = [*starts[1:], episode.end]
    return episode, [Span(a, b, label) for a, b, (_, label) in zip(starts, ends, script.gold, strict=True)]


def simulate_both(seed: int) -> tuple[Episode, list[Span]]:
    """Two arms at work one after the other: the left takes the red cup, then the right the green one."""
    rng = np.random.default_rng(seed)
    fps = float(rng.choice([20, 30, 50]))
    pace, box = rng.uniform(0.75, 1.3), _spot(rng, 0.1)
    scripts = [Script(rng, pace, 0.2), Script(rng, pace, 0.2)]
    for script, thing in zip(scripts, ("the red cup", "the green cup"), strict=True):
        # The right arm sets out as the left begins to go home.
        script.time = script.time if script is scripts[0] else scripts[0].gold[-1][0]
        take(script, _spot(rng, 0.02), thing)
        into_box(script, box, thing)
    frames = int(np.ceil((scripts[1].time + 0.3) * fps))
    times = np.arange(frames) / fps
    told, seen = [], []
    for script in scripts:
        command, fingers = _gripper(script, times, rng)
        told.append(np.column_stack((_inverse(_hand_path(script, times)), 1 - command)))
        seen.append(np.column_stack((_inverse(_hand_path(script, times - 0.07)), 1 - fingers)))
    joints = ("waist", "shoulder", "elbow", "wrist_angle", "wrist_rotate", "gripper")
    names = tuple(f"{side}_{joint}" for side in ("left", "right") for joint in joints)
    state, action = (_channels((_rough(np.hstack(v), 0.0006, rng), names)) for v in (seen, told))
    gold = [*scripts[0].gold[:-1], *scripts[1].gold]
    task = "Pick up the red cup and the green cup and place them in the box."
    episode = Episode(0, (task,), fps, times.astype(np.float32), state, action, (), {})
    starts = [0.0, *(at for at, _ in gold[1:])]
    ends = [*starts[1:], episode.end]
    return episode, [Span(a, b, label) for a, b, (_, label) in zip(starts, ends, gold, strict=True)]


Named = tuple[np.ndarray, tuple[str, ...]]


def _channels(named: Named) -> Channels:
    values, names = named
    return Channels(values.astype(np.float32), names)


def _hand_path(script: Script, times: np.ndarray) -> np.ndarray:
    path = np.tile(HOME, (len(times), 1))
    for start, seconds, change in script.moves:
        path = path + min_jerk((times - start) / seconds)[:, None] * change
    return path


def _gripper(script: Script, times: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Closedness told, and measured: it lags, and something between the fingers stops it."""

    def level(at: np.ndarray) -> np.ndarray:
        total = np.full(len(at), 0.6)
        for start, seconds, change in script.grips:
            total = total + min_jerk((at - start) / seconds) * change
        return total

    fingers = level(times - rng.uniform(1, 3) / 30)
    holds = list(script.holds)
    if script.width < SHUT:
        holds.append((script.carry, np.inf, script.width))
    for start, stop, width in holds:
        inside = (times >= start) & (times < stop)
        fingers = np.where(inside, np.minimum(fingers, width), fingers)
    for _, stop, width in holds:
        after = np.clip((times - stop) / 0.12, 0.0, 1.0)
        fingers = np.where(
            (times >= stop) & (after < 1.0) & (fingers > width), width + (fingers - width) * after, fingers
        )
    return level(times), fingers


def _inverse(path: np.ndarray) -> np.ndarray:
    """Five joint angles in radians of a turning base, two links of 0.2 m, and a wrist that keeps its pitch."""
    x, y, z, roll, pitch = path.T
    reach, height = np.hypot(x, y), z - 0.1
    span = np.clip(np.hypot(reach, height), 0.02, 0.399)
    elbow = np.arccos(np.clip(span**2 / (2 * 0.2**2) - 1, -1, 1))
    lift = np.arctan2(height, reach) + elbow / 2
    return np.stack((np.arctan2(y, x), lift, -elbow, pitch - lift + elbow, roll), axis=1)


def _rough(values: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    return values + rng.normal(0.0, 1.0, values.shape) * amount


def _mixed(joints: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Seven joints that move together smoothly where the simple arm has five."""
    blend = np.eye(5, 7) + 0.35 * rng.normal(size=(5, 7))
    return joints @ blend + 0.15 * np.sin(joints @ rng.normal(size=(5, 7)))


def _jointed(
    told: np.ndarray, seen: np.ndarray, command: np.ndarray, fingers: np.ndarray, rng: np.random.Generator,
    noise: float, fps: float, kind: str,
) -> tuple[Named, Named]:  # fmt: skip
    if kind == "degrees":
        names = (
            "shoulder_pan.pos",
            "shoulder_lift.pos",
            "elbow_flex.pos",
            "wrist_flex.pos",
            "wrist_roll.pos",
            "gripper.pos",
        )
        scale, amount = 180 / np.pi, 0.1
        arms = [_inverse(told) * scale, _inverse(seen) * scale]
        grips = [85 * (1 - command) + 3, 85 * (1 - fingers) + 3]
        finger_noise = 0.2
    else:
        fixed = np.random.default_rng(rng.integers(1 << 30))
        state = fixed.bit_generator.state
        arms = []
        for path in (told, seen):
            fixed.bit_generator.state = state
            arms.append(_mixed(_inverse(path), fixed))
        amount = 0.001
        if kind == "metres":
            names = (*tuple(f"panda_joint{i}" for i in range(1, 8)), "panda_finger_joint1")
            grips, finger_noise = [0.04 * (1 - command), 0.04 * (1 - fingers)], 5e-5
        elif kind == "inverted":
            names = (*tuple(f"joint_{i}" for i in range(1, 8)), "gripper")
            grips, finger_noise = [command, fingers], 0.002
        else:
            names = ("",) * 8
            grips, finger_noise = [1 - command, 1 - fingers], 0.002
    values = [
        np.column_stack(
            (_rough(arm, 0.5 * amount * noise * share, rng), _rough(grip, finger_noise * noise * share, rng))
        )
        for arm, grip, share in zip(arms, grips, (0.5, 1.0), strict=True)
    ]
    # Controllers take a moment to settle under gravity when recording starts.
    settle = np.exp(-np.arange(len(told)) / 1.2) * 15 * amount * noise
    values[1][:, 1] += settle
    return (values[1], names), (values[0], names)


def _cartesian(
    told: np.ndarray, seen: np.ndarray, command: np.ndarray, fingers: np.ndarray, rng: np.random.Generator,
    noise: float, fps: float,
) -> tuple[Named, Named]:  # fmt: skip
    steps = np.diff(told[:, [0, 1, 2, 4, 4, 3]], axis=0, append=told[-1:, [0, 1, 2, 4, 4, 3]])
    steps[:, 4] = 0.0
    # A binary command: it changes when a large movement begins.
    binary = np.full(len(command), -1.0)
    rates = np.gradient(command)
    soon = max(1, round(0.2 * fps))
    for frame in range(1, len(binary)):
        ahead = command[min(frame + soon, len(command) - 1)] - command[frame]
        large = abs(ahead) > 0.1 and abs(rates[frame]) > 1e-3
        binary[frame] = np.sign(ahead) if large else binary[frame - 1]
    action = np.column_stack((_rough(20 * steps, 0.002 * noise, rng), binary))
    state = np.column_stack(
        (
            _rough(seen[:, [0, 1, 2, 4, 4, 3]], 0.0003 * noise, rng),
            0.04 * (1 - fingers),
            -0.04 * (1 - fingers),
        )
    )
    names = ("x", "y", "z", "roll", "pitch", "yaw", "gripper")
    return (state, ("x", "y", "z", "roll", "pitch", "yaw", "finger_1", "finger_2")), (action, names)


def _dexterous(
    told: np.ndarray, seen: np.ndarray, command: np.ndarray, fingers: np.ndarray, rng: np.random.Generator,
    noise: float, fps: float,
) -> tuple[Named, Named]:  # fmt: skip
    mix = rng.integers(1 << 30)
    reach = rng.uniform(0.4, 0.9, 6)
    out: list[np.ndarray] = []
    for path, grip, share in ((told, command, 0.3), (seen, fingers, 1.0)):
        arm = _mixed(_inverse(path), np.random.default_rng(mix))
        hand = 0.95 - grip[:, None] * reach
        out.append(
            np.column_stack(
                (_rough(arm, 0.0007 * noise * share, rng), _rough(hand, 0.003 * noise * share, rng))
            )
        )
    joints = ("ShoulderPitch", "ShoulderRoll", "ShoulderYaw", "Elbow", "WristRoll", "WristPitch", "WristYaw")
    digits = ("Pinky", "Ring", "Middle", "Index", "ThumbBend", "ThumbRotation")
    names = tuple(f"kRight{joint}" for joint in joints) + tuple(f"kRightHand{digit}" for digit in digits)
    return (out[1], names), (out[0], names)


def _bimanual(
    told: np.ndarray, seen: np.ndarray, command: np.ndarray, fingers: np.ndarray, rng: np.random.Generator,
    noise: float, fps: float,
) -> tuple[Named, Named]:  # fmt: skip
    """Two arms of six joints and a gripper; one of them does the work, the other rests."""
    works = rng.integers(2)
    out: list[np.ndarray] = []
    for path, grip, share in ((told, command, 0.3), (seen, fingers, 1.0)):
        arm = np.column_stack((_inverse(path)[:, :3], np.zeros(len(path)), _inverse(path)[:, 3:], 1 - grip))
        rest = np.tile([0.1, -0.5, 0.9, 0.0, 0.3, 0.0, 0.5], (len(path), 1))
        halves = (arm, rest) if works == 0 else (rest, arm)
        out.append(_rough(np.column_stack(halves), 0.0006 * noise * share, rng))
    joints = ("waist", "shoulder", "elbow", "forearm_roll", "wrist_angle", "wrist_rotate", "gripper")
    names = tuple(f"{side}_{joint}" for side in ("left", "right") for joint in joints)
    return (out[1], names), (out[0], names)
