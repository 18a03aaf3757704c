"""What the builtin model sees: pictures, signals and task text go in, things with names and places come out.

pictures ──► tints (colours) ──► motion ──► palette: surfaces, robot, families of hue
                                               │
task ──► mentions ──► things ◄── blobs ◄── looks
                        │
one picture ──► sight ──► questions and answers
"""

from roboscribe.models.builtin.vision.answering import answer_about

__all__ = ["answer_about"]
