"""Motion primitives that break a rule, and some that nearly do."""

from __future__ import annotations

from validation.valid import Cases, row

BREACHES: Cases = {
    "motion.cover": [[row("motion", "lift the arm", 1)]],
    "motion.primitive": [
        [row("motion", text)]
        for text in ("pick up the red cup", "the weather is fine", "move to the cup", "left", "3")
    ],
}

NEAR_MISSES: Cases = {
    "motion.cover": [[row("motion", "lift the arm", 0), row("motion", "stop", 1)]],
    "motion.primitive": [
        [row("motion", text)]
        for text in (
            "close the gripper",
            "open both grippers",
            "close the left gripper and open the right gripper",
            "rotate the right wrist",
            "bend the wrist",
            "turn the left arm at its base",
            "raise the arm",
            "drive",
            "drive backward",
            "turn left",
            "hold still",
            "move both arms",
            "move left and down",
            "stop",
            "stay",
            "Move the arm forward 5 cm.",
            "rotate clockwise by 30 degrees",
            "move along +x",
            "tilt up slightly",
            "move elbow_flex up",
            "move right, then open gripper",
            "extend the end-effector",
            "move in the -z direction",
        )
    ],
}
