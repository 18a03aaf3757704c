"""Places that a model names come out in pixels of the dataset's frames, whatever the model's own numbers."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st
from shots import named

from roboscribe.frames import Jpeg, Places
from roboscribe.frames.places import Resizing

QWEN25 = Places("resized", resizing=Resizing(28, 3_136, 12_845_056))
QWEN3 = Places("thousandths", resizing=Resizing(32, 65_536, 16_777_216))
GEMINI = Places("thousandths", y_first=True)
SOURCE = Places()

sides = st.integers(40, 3000)
sizes = st.tuples(sides, sides).filter(lambda size: max(size) / min(size) < 100)
resizings = st.builds(
    Resizing, st.sampled_from([14, 28, 32]), st.just(3_136), st.integers(200_000, 2_000_000)
)
conventions = st.sampled_from([QWEN25, QWEN3, GEMINI, SOURCE]) | st.builds(
    Places, st.just("resized"), st.booleans(), resizings
)


def picture(sent: tuple[int, int], source: tuple[int, int]) -> Jpeg:
    return Jpeg(b"", *sent, *source)


def test_thousandths_do_not_depend_on_what_was_sent() -> None:
    for sent in ((320, 240), (100, 70)):
        shown = picture(sent, (1280, 720))
        assert QWEN3.to_source((500, 250), shown) == (640, 180)
        assert QWEN3.box_to_source((0, 0, 1000, 1000), shown) == (0, 0, 1280, 720)


def test_resized_pixels_are_those_the_processor_makes_of_what_was_sent() -> None:
    # 640x480 becomes 644x476 in steps of 28.
    assert QWEN25.to_source((322, 238), picture((640, 480), (640, 480))) == (320, 240)
    assert QWEN25.to_source((644, 476), picture((640, 480), (1280, 960))) == (1280, 960)


def test_y_stands_first_where_a_model_has_it_so() -> None:
    shown = picture((10, 10), (1000, 500))
    assert GEMINI.box_to_source((100, 200, 300, 400), shown) == (200, 50, 400, 150)
    assert GEMINI.to_source((100, 200), shown) == (200, 50)


def test_boxes_are_put_right_and_kept_inside() -> None:
    assert QWEN3.box_to_source((1200, 900, -5, 100), picture((640, 480), (640, 480))) == (0, 48, 640, 432)


@given(conventions, sizes, sizes, st.data())
def test_a_place_told_to_a_model_and_back_is_where_it_was(
    places: Places, sent: tuple[int, int], source: tuple[int, int], data: st.DataObject
) -> None:
    shown = picture(sent, source)
    point = (data.draw(st.floats(0, source[0])), data.draw(st.floats(0, source[1])))
    told = named(places, point, shown)
    assert told == (int(told[0]), int(told[1]))
    back = places.to_source(told, shown)
    for value, was, side, steps in zip(back, point, source, places.extent(shown), strict=True):
        assert 0 <= value <= side
        assert abs(value - was) <= 0.5 * side / steps + 1e-9 * side


@given(resizings, sizes)
def test_resized_pictures_keep_to_steps_and_bounds(resizing: Resizing, sent: tuple[int, int]) -> None:
    width, height = resizing.size(sent)
    assert width % resizing.step == height % resizing.step == 0
    assume(min(width, height) > resizing.step)
    assert width * height <= resizing.most
